/*
 * Caller: one (connection, bus sender)
 *
 * On the session bus a caller is a unique name, on the own socket a connection (the sender field is the client's to
 * forge there and is ignored). What must not outlive its caller (sessions, prompts, agents, waiting methods) embeds a
 * CallerResource; when the caller leaves, each one's gone() runs. Callers exist only while they hold something.
 */
#pragma once

#include "daemon/daemon.h"

#define CALLER_SESSIONS_MAX 64U
#define CALLER_PROMPTS_MAX  64U
#define CALLER_WAITS_MAX    64U
#define CALLER_AGENTS_MAX   4U
#define CALLER_HOSTS_MAX    1U

typedef struct Caller Caller;
typedef struct CallerResource CallerResource;

typedef enum CallerResourceKind {
        CALLER_SESSION,
        CALLER_PROMPT,
        CALLER_WAIT, /* a method call that has no reply yet */
        CALLER_AGENT,
        CALLER_HOST,     /* a host of the authenticator */
        CALLER_SUBJECT,  /* what is known of it (identity.h) */
        CALLER_OBSERVER, /* holds nothing, only wants to know; not limited */
        _CALLER_RESOURCE_MAX,
} CallerResourceKind;

struct CallerResource {
        Caller *caller;
        CallerResource *previous, *next; /* the caller's list of this kind */
        CallerResourceKind kind;
        /* The caller has left; the resource is off its list already. It must free itself. */
        void (*gone)(CallerResource *resource);
};

/* The caller of a message; made when it is new. Borrowed: good until control returns to the event loop, or as long as
 * a resource is attached. -EPERM when it is not the same user or root. */
int caller_of(Daemon *daemon, sd_bus_message *message, Caller **ret);

/* Whether the message comes from this caller. */
bool caller_is(const Caller *caller, sd_bus_message *message);

/* Ties a resource to a caller. -ENOBUFS when it has too many of the kind. */
int caller_attach(Caller *caller, CallerResource *resource, CallerResourceKind kind, void (*gone)(CallerResource *));
/* Unties it (when it ends by itself). A resource that is not attached is left alone. */
void caller_detach(CallerResource *resource);

/* First resource of a kind, or NULL. */
CallerResource *caller_resources(Caller *caller, CallerResourceKind kind);

sd_bus *caller_bus(const Caller *caller);
const char *caller_sender(const Caller *caller);  /* unique name, NULL on the own socket */
pid_t caller_pid(const Caller *caller);           /* 0 when unknown */
const char *caller_program(const Caller *caller); /* comm, or "" when unknown */

/* ---- for the doors ---- */

int callers_new(Daemon *daemon, Callers **ret);
Callers *callers_free(Callers *callers);
/* All of them, while what they wait for is still there. NULL allowed. */
void callers_leave(Callers *callers);
DEFINE_CLEANUP(Callers *, callers_free)

/* A connection has ended (sender NULL: all its callers), or this unique name has left the bus. */
void callers_gone(Daemon *daemon, sd_bus *bus, const char *sender);

/* Whether the caller runs as our own uid (root may call, but not stand for the person). */
bool caller_is_owner(const Caller *caller);

/* The comm of a process, "" when unknown. */
void caller_read_comm(pid_t pid, char *ret, size_t size);
