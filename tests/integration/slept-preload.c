/*
 * A machine that has slept, for test_ssh_agent.py
 *
 * Preloaded, since a test can't send its machine to sleep: the clock that counts sleep is ahead by as many seconds as the file
 * $KEYFOB_TEST_SLEPT has bytes.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
        static int (*real)(clockid_t, struct timespec *);
        const char *path = getenv("KEYFOB_TEST_SLEPT");
        struct stat st;
        int r;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
        r = real(clock, ret);
        if (r == 0 && clock == CLOCK_BOOTTIME && path && stat(path, &st) == 0)
                ret->tv_sec += st.st_size;
        return r;
}
