/*
 * Listening, and resting
 *
 * Resting begins only when it is sure to end.
 */
#include "daemon/listener.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#define REST_USEC (UINT64_C(500) * 1000)

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
        Listener *listener = userdata;

        return sd_event_source_set_enabled(listener->io, SD_EVENT_ON);
}

int listener_open(Listener *listener, sd_event *event, int fd, sd_event_io_handler_t on_accept, void *userdata)
{
        int r;

        r = sd_event_add_io(event, &listener->io, fd, EPOLLIN, on_accept, userdata);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &listener->rest, CLOCK_MONOTONIC, 0, 1000, on_rested, listener);
        return r < 0 ? r : sd_event_source_set_enabled(listener->rest, SD_EVENT_OFF);
}

void listener_rest(Listener *listener)
{
        if (sd_event_source_set_time_relative(listener->rest, REST_USEC) >= 0 &&
            sd_event_source_set_enabled(listener->rest, SD_EVENT_ONESHOT) >= 0)
                (void)sd_event_source_set_enabled(listener->io, SD_EVENT_OFF);
}

void listener_done(Listener *listener)
{
        listener->io = sd_event_source_disable_unref(listener->io);
        listener->rest = sd_event_source_disable_unref(listener->rest);
}
