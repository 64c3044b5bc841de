/*
 * Preloaded into programs whose coverage is measured (scripts/coverage): a kernel without Landlock, so that at the end counters can be
 * written where gcov wants them. Everything else is as it is; keyfobd says that it goes on without.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

#define ARGUMENTS 6

__attribute__((visibility("default"))) long syscall(long number, ...);

long syscall(long number, ...)
{
        static long (*real)(long number, ...);
        long a[ARGUMENTS];
        va_list ap;

        if (number == SYS_landlock_create_ruleset) {
                errno = ENOSYS;
                return -1;
        }
        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "syscall");
        va_start(ap, number);
        for (int i = 0; i < ARGUMENTS; i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
