/*
 * Key files
 *
 * A key file may lie anywhere, so the daemon, which sees only its own directories, has it read here. Who can write the
 * file can put a key into it that they know, so only a regular file counts that is ours or root's and that nobody else
 * may write. It is judged by its open descriptor; links are followed. A pipe or a device never blocks: it is opened
 * without waiting and then refused.
 */
#include "helper/readkey.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/secret.h"
#include "helper/request.h"

static const char *open_key(const char *path, int *ret)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return strerror(errno);

        if (!S_ISREG(st.st_mode))
                return "it is not a regular file";
        if (st.st_uid != geteuid() && st.st_uid != 0)
                return "it belongs to another user";
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return "others may write it (chmod go-w)";
        if (st.st_size > HELPER_KEY_MAX)
                return "it is larger than 4096 bytes";

        *ret = TAKE_FD(fd);
        return NULL;
}

void read_key(uint32_t id, const char *path, ByteWriter *reply)
{
        _cleanup_(secret_freep) Secret *key = NULL;
        _cleanup_close_ int fd = -1;
        const char *why;
        int r;

        why = open_key(path, &fd);
        if (!why) {
                r = secret_read(fd, HELPER_KEY_MAX, &key);
                if (r == -EFBIG)
                        why = "it is larger than 4096 bytes";
                else if (r < 0)
                        why = strerror(-r);
                else if (key->size == 0)
                        why = "it is empty";
        }
        if (why) {
                reply_failed(reply, id, why);
                return;
        }

        reply_begin(reply, id, HELPER_OK);
        byte_writer_blob(reply, key->data, key->size);
}
