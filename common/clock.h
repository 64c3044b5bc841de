/*
 * The clock that nobody sets
 *
 * Deadlines and pauses are counted by it: it goes forward only, and stands still while the machine sleeps.
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
