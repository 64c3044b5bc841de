/*
 * Work in slices
 *
 * A source that the loop comes to when all others have nothing to say, and a timer, because a loop with many clients may never
 * come to it.
 */
#include "daemon/slices.h"

#include <errno.h>
#include <stdlib.h>

#define STEP_USEC     (UINT64_C(20) * 1000)
#define STEP_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 30)

struct Slices {
        sd_event_source *idle, *timer;
        void (*step)(void *userdata);
        void *userdata;
};

static int on_idle(sd_event_source *source, void *userdata)
{
        Slices *slices = userdata;

        (void)sd_event_source_set_enabled(slices->timer, SD_EVENT_OFF);
        slices->step(slices->userdata);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Slices *slices = userdata;

        (void)sd_event_source_set_enabled(slices->idle, SD_EVENT_OFF);
        slices->step(slices->userdata);
        return 0;
}

int slices_new(sd_event *event, void (*step)(void *userdata), void *userdata, Slices **ret)
{
        _cleanup_(slices_freep) Slices *slices = calloc(1, sizeof(*slices));
        int r;

        if (!slices)
                return -ENOMEM;
        slices->step = step;
        slices->userdata = userdata;
        r = sd_event_add_defer(event, &slices->idle, on_idle, slices);
        if (r >= 0)
                r = sd_event_source_set_priority(slices->idle, STEP_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &slices->timer, CLOCK_MONOTONIC, STEP_USEC, 0, on_timer, slices);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(slices);
        return 0;
}

void slices_again(Slices *slices)
{
        (void)sd_event_source_set_enabled(slices->idle, SD_EVENT_ONESHOT);
        (void)sd_event_source_set_time_relative(slices->timer, STEP_USEC);
        (void)sd_event_source_set_enabled(slices->timer, SD_EVENT_ONESHOT);
}

Slices *slices_free(Slices *slices)
{
        if (!slices)
                return NULL;
        sd_event_source_disable_unref(slices->idle);
        sd_event_source_disable_unref(slices->timer);
        free(slices);
        return NULL;
}
