/*
 * Replace
 *
 * What is new lies beside the file, durable, before it takes the name: whenever the power goes, one of the two is there, whole.
 */
#include "common/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/places.h"

int replace_fill(int fd, mode_t mode, const void *data, size_t size)
{
        for (size_t n = 0; n < size;) {
                ssize_t done = write(fd, (const char *)data + n, size - n);

                if (done < 0 && errno != EINTR)
                        return -errno;
                if (done > 0)
                        n += (size_t)done;
        }
        return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int replace_file(const char *path, mode_t mode, const void *data, size_t size)
{
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = replace_fill(fd, mode, data, size);
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r == 0)
                return places_sync_parent(path);
        (void)unlink(temporary);
        return r;
}
