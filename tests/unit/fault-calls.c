/* The store's own calls on a disk that fails, which the linker leads here (--wrap). See fault-disk.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fault-internal.h"
#include "tests/unit/test.h"

#define WRAP(type, name, parameters)                                                                                  \
        type __real_##name parameters;                                                                                \
        type __wrap_##name parameters;                                                                                \
        type __wrap_##name parameters

/* NULL: not on this disk. */
static Node *node_of_fd(int fd, bool *ret_directory)
{
        char link[64], path[PATH_MAX];
        const char *name;
        ssize_t n;

        *ret_directory = false;
        if (!disk_directory()[0])
                return NULL;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        CHECK(n > 0);
        path[n] = 0;
        if (strcmp(path, disk_directory()) == 0) {
                *ret_directory = true;
                return NULL;
        }
        name = disk_name(path);
        if (!name)
                return NULL;
        if (name[0] == '#')
                return disk_node(NAMELESS);
        if (strcmp(name, "snapshots") == 0) {
                *ret_directory = true;
                return disk_node("snapshots");
        }
        return disk_node(name);
}

static ssize_t fail(DiskFault fault)
{
        errno = fault == DISK_FULL || fault == DISK_SHORT ? ENOSPC : EIO;
        return -1;
}

WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t size, off_t offset))
{
        bool directory;
        Node *node = node_of_fd(fd, &directory);
        DiskFault fault;
        ssize_t n;
        size_t part;

        if (!node)
                return __real_pwrite64(fd, data, size, offset);
        if (!disk_step(KIND_WRITE, &fault)) {
                n = __real_pwrite64(fd, data, size, offset);
                if (n > 0)
                        disk_note(node, (size_t)offset, data, (size_t)n);
                return n;
        }
        part = disk_part(fault, (size_t)offset, size);
        if (part == 0)
                return fail(fault);
        CHECK_EQ(__real_pwrite64(fd, data, part, offset), part);
        disk_note(node, (size_t)offset, data, part);
        /* The kernel says how far it came, and what was in the way at the next call. */
        if (fault == DISK_SHORT)
                return (ssize_t)part;
        return fail(fault);
}

WRAP(ssize_t, write, (int fd, const void *data, size_t size))
{
        bool directory;
        off_t offset;
        ssize_t n;

        if (!node_of_fd(fd, &directory))
                return __real_write(fd, data, size);
        offset = lseek(fd, 0, SEEK_CUR);
        n = __wrap_pwrite64(fd, data, size, offset);
        if (n > 0)
                CHECK_EQ(lseek(fd, n, SEEK_CUR), offset + n);
        return n;
}

static int sync_fd(int fd, int (*real)(int fd))
{
        bool directory;
        Node *node = node_of_fd(fd, &directory);
        DiskFault fault;

        if (!node && !directory)
                return real(fd);
        if (disk_step(KIND_SYNC, &fault)) {
                if (!directory)
                        disk_sync_failed(node);
                return (int)fail(fault);
        }
        if (directory)
                disk_settle_names(node ? node->name : NULL);
        else
                disk_synced(node, /* name= */ false);
        return 0;
}

WRAP(int, fsync, (int fd))
{
        return sync_fd(fd, __real_fsync);
}

WRAP(int, fdatasync, (int fd))
{
        return sync_fd(fd, __real_fdatasync);
}

/* What a path under /proc or on the disk means. */
static Node *node_of_path(const char *path)
{
        const char *name = disk_name(path);
        bool directory;
        int fd;

        if (disk_directory()[0] && sscanf(path, "/proc/self/fd/%d", &fd) == 1)
                return node_of_fd(fd, &directory);
        return name ? disk_node(name) : NULL;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
        const char *name = disk_name(path);
        const bool nameless =
                (flags & O_TMPFILE) == O_TMPFILE && disk_directory()[0] && strcmp(path, disk_directory()) == 0;
        DiskFault fault;
        mode_t mode = 0;
        va_list ap;
        int fd;

        if (flags & (O_CREAT | O_TMPFILE)) {
                va_start(ap, flags);
                mode = va_arg(ap, mode_t);
                va_end(ap);
        }
        if ((name || nameless) &&
            disk_step(nameless || ((flags & O_CREAT) && !disk_node(name)->there) ? KIND_ROOM : KIND_OTHER, &fault))
                return (int)fail(fault);
        fd = __real_open64(path, flags, mode);
        if (fd >= 0 && nameless)
                disk_nameless();
        else if (fd >= 0 && name && (flags & O_CREAT))
                disk_node(name)->there = true;
        return fd;
}

WRAP(int, linkat, (int from_at, const char *from, int to_at, const char *to, int flags))
{
        Node *source = node_of_path(from), *target = node_of_path(to);
        DiskFault fault;
        int r;

        if (target && disk_step(KIND_NAME, &fault))
                return (int)fail(fault);
        r = __real_linkat(from_at, from, to_at, to, flags);
        if (r == 0 && source && target)
                disk_move(source, target, false);
        return r;
}

WRAP(int, link, (const char *from, const char *to))
{
        Node *source = node_of_path(from), *target = node_of_path(to);
        DiskFault fault;
        int r;

        if (target && disk_step(KIND_NAME, &fault))
                return (int)fail(fault);
        r = __real_link(from, to);
        if (r == 0 && source && target)
                disk_move(source, target, true);
        return r;
}

WRAP(int, rename, (const char *from, const char *to))
{
        Node *source = node_of_path(from), *target = node_of_path(to);
        DiskFault fault;
        int r;

        if (target && disk_step(KIND_NAME, &fault))
                return (int)fail(fault);
        r = __real_rename(from, to);
        if (r == 0 && source && target)
                disk_move(source, target, false);
        return r;
}

WRAP(int, unlink, (const char *path))
{
        Node *node = node_of_path(path);
        DiskFault fault;
        int r;

        if (node && disk_step(KIND_NAME, &fault))
                return (int)fail(fault);
        r = __real_unlink(path);
        if (r == 0 && node)
                node->there = false;
        return r;
}

WRAP(int, mkdir, (const char *path, mode_t mode))
{
        DiskFault fault;

        if (node_of_path(path) && disk_step(KIND_ROOM, &fault))
                return (int)fail(fault);
        return __real_mkdir(path, mode);
}

WRAP(int, mkostemp64, (char *path, int flags))
{
        Node *node = node_of_path(path);
        DiskFault fault;
        int fd;

        if (node && disk_step(KIND_ROOM, &fault))
                return (int)fail(fault);
        fd = __real_mkostemp64(path, flags);
        if (fd >= 0 && node)
                node_of_path(path)->there = true;
        return fd;
}
