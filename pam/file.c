/*
 * Files
 *
 * A path is opened with the rights of whoever can put things there: what root opens in a user's directory is what the user chose
 * (CVE-2019-12209). Only where the user has no right to read is it opened as root, with no link anywhere on the way. What is
 * checked is the open file, so nothing can be exchanged after that.
 */
#include "pam/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "pam/child.h"

#define FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)

/* A group of one person's own, which has the person's number, may write: many systems make files so. Elsewhere the first group of
 * everybody is one and the same. */
static bool is_safe(const struct stat *st, uid_t uid, gid_t gid)
{
        bool owner = st->st_uid == 0 || st->st_uid == uid;
        bool group = !(st->st_mode & S_IWGRP) || st->st_gid == 0 || (st->st_uid == uid && st->st_gid == gid && gid == uid);

        return S_ISREG(st->st_mode) && owner && group && !(st->st_mode & S_IWOTH);
}

static int read_checked(int fd, uid_t uid, gid_t gid, size_t max, Secret **ret)
{
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!is_safe(&st, uid, gid))
                return FILE_UNSAFE;
        if (st.st_size < 0 || (uint64_t)st.st_size > max)
                return FILE_LARGE;
        r = secret_read(fd, max, ret);
        return r == -EFBIG ? FILE_LARGE : r;
}

static int opened(int fd)
{
        if (fd >= 0)
                return 0;
        /* ELOOP: a link; ENXIO: nobody at the other end of it */
        return errno == ENOENT ? FILE_MISSING : errno == ELOOP || errno == ENXIO ? FILE_UNSAFE : -errno;
}

int file_read_own(const char *path, size_t max, Secret **ret)
{
        _cleanup_close_ int fd = open(path, FLAGS);
        int r = opened(fd);

        return r == 0 ? read_checked(fd, geteuid(), getegid(), max, ret) : r;
}

/* ---- as the user ---- */

typedef struct Request {
        const char *path;
        size_t max;
} Request;

static int read_as_user(const User *user, void *data, ByteWriter *reply)
{
        const Request *request = data;
        _cleanup_(secret_freep) Secret *content = NULL;
        _cleanup_close_ int fd = open(request->path, FLAGS);
        int r = opened(fd);

        /* A home that is not there yet says nothing about what is in it. */
        if (r == FILE_MISSING && access(user->home, F_OK) < 0 && strncmp(request->path, user->home, strlen(user->home)) == 0)
                return -ENODEV;
        if (r == 0)
                r = read_checked(fd, user->uid, user->gid, request->max, &content);
        if (r == 0)
                byte_writer_raw(reply, content->data, content->size);
        return r;
}

static int read_as_root(const char *path, size_t max, Secret **ret)
{
        struct open_how how = {.flags = FLAGS, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
        _cleanup_close_ int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        int r = opened(fd);

        return r == 0 ? read_checked(fd, /* uid= */ 0, /* gid= */ 0, max, ret) : r;
}

int file_read_of_user(const User *user, const char *path, bool as_user, size_t max, Secret **ret)
{
        Request request = {path, max};
        int r;

        r = child_run(user, read_as_user, &request, max, ret);
        if (r == -EACCES && !as_user && geteuid() == 0)
                r = read_as_root(path, max, ret);
        return r;
}

const char *file_outcome(int outcome)
{
        switch (outcome) {
        case FILE_MISSING:
                return "it is not there";
        case FILE_UNSAFE:
                return "it is a link, no file, someone else's, or others may write to it";
        case FILE_LARGE:
                return "it is too large";
        default:
                return NULL;
        }
}
