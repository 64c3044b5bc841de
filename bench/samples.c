/*
 * Samples: medians and percentiles of what was measured
 */
#include "bench/samples.h"

#include <stdio.h>
#include <stdlib.h>

void samples_add(Samples *samples, double value)
{
        if (samples->n == samples->room) {
                size_t room = samples->room ? 2 * samples->room : 256;
                double *values = realloc(samples->values, room * sizeof(*values));

                if (!values)
                        abort();
                samples->values = values;
                samples->room = room;
        }
        samples->values[samples->n++] = value;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

double samples_at(Samples *samples, double share)
{
        size_t i;

        if (samples->n == 0)
                return 0;
        qsort(samples->values, samples->n, sizeof(*samples->values), compare);
        i = (size_t)(share * (double)samples->n);
        return samples->values[i < samples->n ? i : samples->n - 1];
}

void samples_print(const char *name, Samples *samples)
{
        printf("\"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"n\": %zu}", name, samples_at(samples, 0.5),
               samples_at(samples, 0.9), samples_at(samples, 0.99), samples->n);
}
