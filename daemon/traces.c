/*
 * Traces
 *
 * What held a secret is wiped by whoever held it. Compilers and libraries leave copies all the same: in stack frames that
 * were given back, and in vector registers. They are wiped a moment after the loop did something, not at each turn of it,
 * because that would cost as much as a small request does. No turn is spent on finding out that there was one, either: the
 * timer is set from where the loop prepares to sleep. A while later it is looked whether memory is to be given back (heap.c).
 */
#include "daemon/traces.h"

#include <errno.h>
#include <stdlib.h>

#include "common/secret.h"
#include "daemon/heap.h"

#define REST_USEC (UINT64_C(10) * 1000)
#define HEAP_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 40)
#define HEAP_USEC (UINT64_C(250) * 1000) /* what follows closely is one piece of work */

struct Traces {
        sd_event_source *timer, *heap_timer;
        bool due, heap_due; /* the timer is set */
        bool mine;          /* the turn that ends was a timer's */
        Heap heap;
};

static int on_heap(sd_event_source *source, uint64_t usec, void *userdata)
{
        Traces *traces = userdata;

        heap_give_back(&traces->heap);
        traces->heap_due = false;
        traces->mine = true;
        return sd_event_source_set_time(source, UINT64_MAX);
}

static int on_rest(sd_event_source *source, uint64_t usec, void *userdata)
{
        Traces *traces = userdata;

        traces_wipe();
        traces->due = false;
        traces->mine = true;
        if (!traces->heap_due)
                traces->heap_due = sd_event_source_set_time_relative(traces->heap_timer, HEAP_USEC) >= 0;
        return sd_event_source_set_time(source, UINT64_MAX);
}

static int on_prepare(sd_event_source *source, void *userdata)
{
        Traces *traces = userdata;

        if (traces->mine)
                traces->mine = false;
        else if (!traces->due)
                traces->due = sd_event_source_set_time_relative(source, REST_USEC) >= 0;
        return 0;
}

int traces_new(sd_event *event, Traces **ret)
{
        _cleanup_(traces_freep) Traces *traces = calloc(1, sizeof(*traces));
        int r;

        if (!traces)
                return -ENOMEM;
        r = sd_event_add_time(event, &traces->timer, CLOCK_MONOTONIC, UINT64_MAX, /* accuracy= */ REST_USEC, on_rest, traces);
        if (r >= 0)
                r = sd_event_source_set_enabled(traces->timer, SD_EVENT_ON);
        if (r >= 0)
                r = sd_event_source_set_prepare(traces->timer, on_prepare);
        if (r >= 0)
                r = sd_event_add_time(event, &traces->heap_timer, CLOCK_MONOTONIC, UINT64_MAX, /* accuracy= */ HEAP_USEC, on_heap,
                                      traces);
        if (r >= 0)
                r = sd_event_source_set_enabled(traces->heap_timer, SD_EVENT_ON);
        if (r >= 0)
                r = sd_event_source_set_priority(traces->heap_timer, HEAP_PRIORITY);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(traces);
        return 0;
}

Traces *traces_free(Traces *traces)
{
        if (!traces)
                return NULL;
        sd_event_source_disable_unref(traces->timer);
        sd_event_source_disable_unref(traces->heap_timer);
        free(traces);
        return NULL;
}
