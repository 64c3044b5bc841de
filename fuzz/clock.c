/* What the linker can't wrap, because libsystemd calls it, is defined here: a program's functions go before libc's */
#include "fuzz/clock.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
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

static void now(struct timespec *ret)
{
        ret->tv_sec = (time_t)((START + passed) / 1000000);
        ret->tv_nsec = (long)((START + passed) % 1000000 * 1000);
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
        if (!held)
                return __real_clock_gettime(clock, ret);
        now(ret);
        return 0;
}

/* Where libsystemd's code is. */
static int find_systemd(struct dl_phdr_info *info, size_t size, void *data)
{
        uintptr_t *range = data;

        if (!info->dlpi_name || !strstr(info->dlpi_name, "/libsystemd.so"))
                return 0;
        for (unsigned i = 0; i < info->dlpi_phnum; i++)
                if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
                        range[0] = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
                        range[1] = range[0] + info->dlpi_phdr[i].p_memsz;
                }
        return 1;
}

/* libFuzzer asks, too, for how long an input takes, and is told the truth. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
        static int (*real)(clockid_t clock, struct timespec * ret);
        static uintptr_t systemd[2];
        uintptr_t caller = (uintptr_t)__builtin_return_address(0);

        if (!real) {
                *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
                PROMISE(real);
                (void)dl_iterate_phdr(find_systemd, systemd);
        }
        if (!held || caller < systemd[0] || caller >= systemd[1])
                return real(clock, ret);
        now(ret);
        return 0;
}

/* Nobody sleeps until a timer wakes him. */
__attribute__((visibility("default"))) int timerfd_settime(int fd, int flags, const struct itimerspec *value,
                                                           struct itimerspec *old)
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
