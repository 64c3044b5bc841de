/* Running another program quietly and for a bounded time. */
#pragma once

#include <signal.h>
#include <stddef.h>

/* Whoever started us may ignore that a child ends, and then nobody would know how it did. Undone by sigaction(). */
void hear_of_children(struct sigaction *ret_before);

/* Runs argv (found in PATH) with stdio on /dev/null. Its exit status; -ETIME after `timeout_ms` (it is killed); other
 * negative errno when it could not be run or was killed by something else. */
int run_quietly(const char *const argv[], int timeout_ms);

/* The same, and what it wrote to stdout as a new string, whatever its exit status; -EFBIG beyond `max` bytes. */
int run_reading(const char *const argv[], int timeout_ms, size_t max, char **ret);
