/* Moment: points in time, as people write and read them. */
#pragma once

#include <stdint.h>

/* "2024-05-31", "2024-05-31 12:00[:30]" in local time, "now", or how long before `now`: "90s", "30m", "12h", "7d", "2w". Seconds
 * since 1970. -EINVAL. */
int moment_parse(const char *text, uint64_t now, uint64_t *ret);

/* "2024-05-31 12:00:05" in local time. */
void moment_show(uint64_t seconds, char ret[32]);
