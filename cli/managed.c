/*
 * Managed files
 *
 * A file of ours begins with our mark. Anything else that was in its place is kept beside it under a name that its
 * readers ignore, and comes back when ours goes, so that enable and disable together change nothing.
 */
#include "cli/managed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/places.h"
#include "common/replace.h"

#define FILE_MAX ((size_t)64 * 1024)
#define MODE     0644

static int read_file(const char *path, char **ret)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        ssize_t n;

        if (fd < 0)
                return -errno;
        text = malloc(FILE_MAX + 1);
        if (!text)
                return -ENOMEM;
        n = read(fd, text, FILE_MAX);
        if (n < 0)
                return -errno;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

static bool is_ours(const char *text)
{
        return strncmp(text, MANAGED_MARK, strlen(MANAGED_MARK)) == 0;
}

int managed_write(const char *path, const char *text, bool *ret_changed)
{
        _cleanup_free_ char *whole = NULL, *present = NULL, *aside = NULL;
        int r;

        if (asprintf(&whole, MANAGED_MARK "%s", text) < 0) {
                whole = NULL;
                return -ENOMEM;
        }
        if (asprintf(&aside, "%s.before-keyfob", path) < 0) {
                aside = NULL;
                return -ENOMEM;
        }
        r = read_file(path, &present);
        if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -ELOOP)
                return r;
        if (r >= 0 && strcmp(present, whole) == 0) {
                *ret_changed = false;
                return 0;
        }

        if ((r >= 0 && !is_ours(present)) || r == -ELOOP) {
                if (rename(path, aside) < 0)
                        return -errno;
        } else {
                r = places_make_parents(path);
                if (r < 0)
                        return r;
        }
        r = replace_file(path, MODE, whole, strlen(whole));
        if (r >= 0)
                *ret_changed = true;
        return r;
}

int managed_remove(const char *path, bool *ret_changed)
{
        _cleanup_free_ char *present = NULL, *aside = NULL;
        int r;

        r = read_file(path, &present);
        if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || (r >= 0 && !is_ours(present))) {
                *ret_changed = false;
                return 0;
        }
        if (r < 0)
                return r;
        if (asprintf(&aside, "%s.before-keyfob", path) < 0) {
                aside = NULL;
                return -ENOMEM;
        }
        if (rename(aside, path) < 0) {
                if (errno != ENOENT)
                        return -errno;
                if (unlink(path) < 0)
                        return -errno;
        }
        *ret_changed = true;
        return places_sync_parent(path);
}
