/*
 * What door.c and door-connection.c share
 */
#pragma once

#include <sys/socket.h>

#include "daemon/door.h"
#include "daemon/listener.h"
#include "daemon/own-socket.h"
#include "daemon/session-bus.h"

struct Doors {
        Daemon *daemon;
        OwnSocket own;
        Listener listener;
        sd_event_source *reap;
        sd_id128_t id;
        Connection *connections;
        unsigned n_connections;
        bool full;
        uint32_t last_number;
        SessionBus *session;
};

/* Takes the socket over, also when it fails. */
int connection_new(Doors *doors, int fd, const struct ucred *peer);
/* Not from a handler of its own. */
Connection *connection_free(Connection *connection);
/* Frees those that have ended; the source of that name calls it. */
void doors_reap(Doors *doors);
