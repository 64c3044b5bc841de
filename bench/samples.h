/*
 * Samples, and what is said of them: median, 90th and 99th percentile, as JSON
 */
#pragma once

#include <stddef.h>

typedef struct Samples {
        double *values;
        size_t n, room;
} Samples;

void samples_add(Samples *samples, double value);
/* The value that `share` (0 to 1) of the samples are below; sorts them. 0 where there is none. */
double samples_at(Samples *samples, double share);
/* "NAME": {"p50": …, "p90": …, "p99": …, "n": …} */
void samples_print(const char *name, Samples *samples);
