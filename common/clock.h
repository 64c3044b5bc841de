/*
 * The clocks that nobody sets
 *
 * Deadlines and pauses are counted by one that goes forward only, and stands still while the machine sleeps; how long a key lives,
 * and since when a vault was not used, by one that goes on.
 */
#pragma once

#include <stdint.h>
#include <time.h>

/* Microseconds of CLOCK_MONOTONIC, which is there on every Linux. */
static inline uint64_t clock_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static inline uint64_t clock_msec(void)
{
        return clock_usec() / 1000;
}

/* Microseconds of CLOCK_BOOTTIME, which counts sleep as well. */
static inline uint64_t clock_boot_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
