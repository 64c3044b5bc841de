/*
 * A machine that has slept, for test_ssh_agent.py, or whose clock is fast, for test_authenticator1.py
 *
 * Preloaded, since a test can't send its machine to sleep, nor set its clock: the clock that counts sleep is ahead by as many
 * seconds as the file $KEYFOB_TEST_SLEPT has bytes, and what time() says by those of $KEYFOB_TEST_FAST.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static time_t ahead(const char *name)
{
        const char *path = getenv(name);
        struct stat st;

        return path && stat(path, &st) == 0 ? st.st_size : 0;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
        static int (*real)(clockid_t, struct timespec *);
        int r;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
        r = real(clock, ret);
        if (r == 0 && clock == CLOCK_BOOTTIME)
                ret->tv_sec += ahead("KEYFOB_TEST_SLEPT");
        return r;
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
        static time_t (*real)(time_t *);
        time_t now;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "time");
        now = real(NULL) + ahead("KEYFOB_TEST_FAST");
        if (ret)
                *ret = now;
        return now;
}
