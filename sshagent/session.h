/*
 * Sessions: which hosts a connection is bound to (session-bind@openssh.com, OpenSSH's PROTOCOL.agent)
 *
 * A client shows that a host signed the session's id: each hop of a forwarded agent adds one, the last is where somebody
 * logs in.
 */
#pragma once

#include "sshagent/blob.h"

typedef struct Session {
        uint8_t *id, *key;
        size_t id_size, key_size;
        bool forwarded; /* the agent is passed on to that host; else it is where a login goes to */
} Session;

typedef struct Sessions {
        Session *list;
        size_t n;
        bool attempted; /* even if nothing came of it: the connection is not a local program's */
} Sessions;

/* Reads the content of the extension and records it. 0, -EINVAL when it is refused, -ENOMEM. */
int sessions_bind(Sessions *sessions, ByteReader *reader);
void sessions_done(Sessions *sessions);

/* Whether the requests come from another machine. */
bool sessions_remote(const Sessions *sessions);
/* The session that a login with this id is for, when the connection is bound to it; with a host's key, to that host. */
const Session *sessions_login(const Sessions *sessions, Span id, Span host_key);
Span session_key(const Session *session);
