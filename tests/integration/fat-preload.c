/*
 * A file system without links and without nameless files, as FAT and exFAT on a stick, for test_backup.py
 *
 * Preloaded, since none can be mounted without rights. With KEYFOB_TEST_FAT=old it can't rename without replacing, either, as
 * some that are no part of the kernel.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int open64(const char *path, int flags, ...)
{
        static int (*real)(const char *, int, ...);
        mode_t mode;
        va_list ap;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "open64");
        va_start(ap, flags);
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        if ((flags & O_TMPFILE) == O_TMPFILE) {
                errno = EOPNOTSUPP;
                return -1;
        }
        return real(path, flags, mode);
}

EXPORT int link(const char *from, const char *to)
{
        errno = EPERM;
        return -1;
}

EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
        errno = EPERM;
        return -1;
}

EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        static int (*real)(int, const char *, int, const char *, unsigned);
        const char *kind = getenv("KEYFOB_TEST_FAT");

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "renameat2");
        if (flags != 0 && kind && strcmp(kind, "old") == 0) {
                errno = EINVAL;
                return -1;
        }
        return real(from_dir, from, to_dir, to, flags);
}
