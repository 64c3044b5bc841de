/*
 * Listener: a socket that connections come to, and its rest
 *
 * When no descriptor or memory is left for a connection, whoever waits to be accepted goes on waiting, and the loop
 * would do nothing else than find that out: so nobody listens for a moment.
 */
#pragma once

#include <systemd/sd-event.h>

typedef struct Listener {
        sd_event_source *io, *rest;
} Listener;

/* Has on_accept() called when somebody comes. The listener stays where it is. */
int listener_open(Listener *listener, sd_event *event, int fd, sd_event_io_handler_t on_accept, void *userdata);
void listener_rest(Listener *listener);
void listener_done(Listener *listener);
