/*
 * A clock that only moves when it is told to
 *
 * So an input gives the same run on a busy machine, and hours can pass in it. time() is always that clock's;
 * clock_gettime(), which libsystemd's event loop asks as well, is while it is held. Timers of the loop need nothing
 * else, as long as it never sleeps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* From the same moment each time; false: it is the system's again. */
void clock_hold(bool on);
void clock_pass(uint64_t usec);
