/* Running another program quietly and for a bounded time. */
#pragma once

/* Runs argv (found in PATH) with stdio on /dev/null. Its exit status; -ETIME after `timeout_ms` (it is killed); other
 * negative errno when it could not be run or was killed by something else. */
int run_quietly(const char *const argv[], int timeout_ms);
