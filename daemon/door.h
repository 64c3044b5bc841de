/*
 * Doors: the ways in
 *
 * The session bus (session-bus.h) and the own socket, which is served here: listening, admitting, and the connections
 * with what each asked for. The same objects stand behind both. Only our own uid and root are admitted.
 */
#pragma once

#include "daemon/daemon.h"
#include "daemon/match.h"
#include "daemon/own-socket.h"

#define DOOR_CONNECTIONS_MAX 256U
#define DOOR_MATCHES_MAX     512U                  /* of one connection */
#define DOOR_UNREAD_MAX      ((size_t)1024 * 1024) /* bytes a connection may leave unread */

/* Our own name on the own socket, and that of its n-th connection (":1.%u"). */
#define DOOR_UNIQUE_NAME ":1.0"

typedef struct Connection Connection;

typedef struct DoorsOptions {
        bool use_bus; /* the session bus as well */
        bool replace; /* take org.freedesktop.secrets from who has it */
} DoorsOptions;

/* Binds or takes over the own socket; who connects waits until doors_open(). -EADDRINUSE when another keyfobd serves
 * it: ret_pid is its pid, or 0. */
int doors_new(Daemon *daemon, Doors **ret, pid_t *ret_pid);
/* Lets callers in, and connects to the session bus if there is one. */
int doors_open(Daemon *daemon, const DoorsOptions *options);
Doors *doors_free(Doors *doors);
DEFINE_CLEANUP(Doors *, doors_free)

/* The own socket, for those that lie beside it. */
OwnSocket *doors_own_socket(const Daemon *daemon);
/* Where the own socket is. */
const char *doors_socket_path(const Daemon *daemon);

/* The connection to the session bus, or NULL. */
sd_bus *doors_session_bus(const Daemon *daemon);

/* ---- the own socket's connections ---- */

/* The next connection that wants this signal; previous NULL begins, NULL ends. */
Connection *doors_next_listener(Daemon *daemon, Connection *previous, const MatchSignal *signal);
sd_bus *connection_bus(const Connection *connection);

/* Called after something was sent on a bus: closes a connection that leaves too much unread. `size`: of the message, 0 when it is to be
 * found out. */
void doors_sent(Daemon *daemon, sd_bus *bus, sd_bus_message *message, size_t size);

/* Called after somebody was asked something on a bus, other than in answer to a call of theirs: the answer, and its absence, are waited
 * for. */
void doors_asked(Daemon *daemon, sd_bus *bus);

/* For minibus.c */
uint32_t connection_number(const Connection *connection);
pid_t connection_pid(const Connection *connection);
uid_t connection_uid(const Connection *connection);
/* -ENOBUFS when there are too many. Takes the rule over on success. */
int connection_add_match(Connection *connection, MatchRule *rule);
/* -ENOENT when there is none like it. */
int connection_remove_match(Connection *connection, const MatchRule *rule);
