/*
 * The files of words
 *
 * One for each vault there ever was: a backup of another one is another one. A new word takes the place of the one before in one step and
 * durably.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/hex.h"
#include "common/replace.h"
#include "daemon/epoch-internal.h"

#define VAULT_ID 16U
#define MODE     0600

void epoch_file_name(const Vault *vault, char ret[EPOCH_NAME_SIZE])
{
        char id[2 * VAULT_ID + 1];

        hex_encode(vault_id(vault), VAULT_ID, id);
        (void)snprintf(ret, EPOCH_NAME_SIZE, "epoch-%s", id);
}

int epoch_file_read(const Epoch *epoch, const char *name, Secret **ret)
{
        _cleanup_close_ int fd = openat(epoch->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        *ret = NULL;
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
                return -EPERM;
        return secret_read(fd, VAULT_EPOCH_MAX, ret);
}

int epoch_file_write(const Epoch *epoch, const char *name, const Secret *content)
{
        char partial[EPOCH_NAME_SIZE + 8];
        _cleanup_close_ int fd = -1;
        int r;

        (void)snprintf(partial, sizeof(partial), "%s.new", name);
        (void)unlinkat(epoch->directory, partial, 0);
        fd = openat(epoch->directory, partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
        if (fd < 0)
                return -errno;
        r = replace_fill(fd, MODE, content->data, content->size);
        if (r == 0 && renameat(epoch->directory, partial, epoch->directory, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(epoch->directory, partial, 0);
        else if (fsync(epoch->directory) < 0)
                r = -errno;
        return r;
}

int epoch_file_remove(const Epoch *epoch, const char *name)
{
        if (unlinkat(epoch->directory, name, 0) < 0 && errno != ENOENT)
                return -errno;
        return fsync(epoch->directory) < 0 ? -errno : 0;
}
