/* clock_gettime() and timerfd_settime() are defined here for libraries, too: what a program defines goes before libc's */
#include "fuzz/clock.h"

#include <dlfcn.h>
#include <sys/timerfd.h>
#include <time.h>

#include "fuzz/fuzz.h"

#define START UINT64_C(1800000000000000) /* µs */

static bool held;
static uint64_t passed;

void clock_hold(bool on)
{
        held = on;
        passed = 0;
}

void clock_pass(uint64_t usec)
{
        passed += usec;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
        static int (*real)(clockid_t clock, struct timespec *ret);

        if (held) {
                ret->tv_sec = (time_t)((START + passed) / 1000000);
                ret->tv_nsec = (long)((START + passed) % 1000000 * 1000);
                return 0;
        }
        if (!real) {
                *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
                PROMISE(real);
        }
        return real(clock, ret);
}

/* Nobody sleeps until a timer wakes him. */
__attribute__((visibility("default"))) int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
        return 0;
}

time_t __wrap_time(time_t *ret);
time_t __wrap_time(time_t *ret)
{
        time_t now = (time_t)((START + passed) / 1000000);

        if (ret)
                *ret = now;
        return now;
}
