/*
 * Session bus: the door through a message bus, if there is one
 *
 * Owns org.keyfob.Daemon, the name for the portal, and, when it can, org.freedesktop.secrets; queues behind who has the
 * latter. No bus, or one that goes away, is not an error: it is tried again with growing pauses.
 */
#pragma once

#include "daemon/daemon.h"

typedef struct SessionBus SessionBus;

typedef struct SessionBusStatus {
        bool connected;
        bool pending;             /* the bus has yet to say whether the names are ours */
        const char *secrets_name; /* "owned", "taken", "none" */
        pid_t owner_pid;          /* "taken": who has it; 0 unknown */
        char owner_comm[64];      /* "" unknown */
} SessionBusStatus;

/* Starts to connect. No address is not an error. */
int session_bus_new(Daemon *daemon, const char *own_socket, bool replace, SessionBus **ret);
SessionBus *session_bus_free(SessionBus *session);
DEFINE_CLEANUP(SessionBus *, session_bus_free)

/* The connection, or NULL while there is none. */
sd_bus *session_bus_get(const SessionBus *session);

void session_bus_describe(const SessionBus *session, SessionBusStatus *ret);

/* The same for whoever only has the daemon (Store1.Status); works without a bus as well. */
void session_bus_status(const Daemon *daemon, SessionBusStatus *ret);
