/*
 * A disk that fails under a running daemon, for test_disk_fails.py
 *
 * Preloaded, since no file system of a test's own can be made full or bad without rights. While the file
 * $KEYFOB_TEST_DISK.full is there, writing to the vault's log answers ENOSPC; while $KEYFOB_TEST_DISK.sync is there,
 * syncing it answers EIO; and $KEYFOB_TEST_DISK.sync-once does that once, to a sync that has something to write.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool written; /* the log, since it was synced */

static bool wanted(const char *what)
{
        const char *base = getenv("KEYFOB_TEST_DISK");
        char path[PATH_MAX];

        return base && snprintf(path, sizeof(path), "%s.%s", base, what) < (int)sizeof(path) &&
               access(path, F_OK) == 0;
}

static bool is_log(int fd)
{
        char link[64], path[PATH_MAX];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 4)
                return false;
        path[n] = 0;
        return strcmp(path + n - 4, "-wal") == 0;
}

__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
        static ssize_t (*real)(int, const void *, size_t, off_t);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
        if (is_log(fd)) {
                written = true;
                if (wanted("full")) {
                        errno = ENOSPC;
                        return -1;
                }
        }
        return real(fd, data, size, offset);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
        static int (*real)(int);
        static bool once;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
        if (!is_log(fd))
                return real(fd);
        if (wanted("sync") || (written && !once && wanted("sync-once"))) {
                once = wanted("sync-once");
                errno = EIO;
                return -1;
        }
        written = false;
        return real(fd);
}
