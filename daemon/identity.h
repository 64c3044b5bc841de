/*
 * Identity: which program a caller is, as far as that can be known
 *
 * The kernel says which process is at the other end, the helper (helper/identify.c) what that process executes, which unit
 * of systemd's it belongs to and which sandboxed app. It is found out once for each caller, when a call first needs it,
 * and holds for as long as that process lives; of an app it is known afterwards, too, that it is that app.
 */
#pragma once

#include "daemon/caller.h"
#include "helper/protocol.h"

#define IDENTITY_WAITING_MAX 256U /* calls of one caller that wait for it to be identified */

typedef struct Identity {
        unsigned n_refs;
        pid_t pid; /* 0: unknown */
        HelperConfinement confinement;
        char *program; /* absolute path of what it executes, "" unknown */
        char *comm;    /* what it calls itself, presentable at a terminal; "" unknown */
        char *unit;    /* "firefox.service", "app-…-12.scope"; "" none or unknown */
        char *app;     /* "flatpak:ID", "snap:NAME"; "" not in a sandbox, or unknown */
        bool hidden;   /* its process had ended before it could be looked at: anybody may have its connection */
        /* access-log.c: how many entries are about it in the period with this number */
        uint64_t period;
        unsigned n_entries;
} Identity;

/*
 * Who has sent `call`. 0: in `*ret`, a new reference. 1: it has to be found out first; `again` will be called with the
 * message, from its start, and the handler that asks returns 1. A negative errno with `error` set: it can't be waited.
 * `again` is the handler itself, so what it has done before it asks is done twice.
 */
int identity_of(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t again, Identity **ret,
                sd_bus_error *error);

/* The same for who can't wait: as much of a caller as is known by now. NULL when there is no memory for it. */
Identity *identity_by_now(Daemon *daemon, Caller *caller);

/* The app that somebody who knows has told of (portal-secret.c), by its name, "flatpak:ID". NULL when there is no memory. */
Identity *identity_of_app(Daemon *daemon, const char *app);

/* Whether it is an app in a sandbox, or has seen to it that nobody can tell that. */
static inline bool identity_may_be_app(const Identity *who)
{
        return who->confinement == HELPER_CONFINED || who->hidden;
}

Identity *identity_ref(Identity *identity);
Identity *identity_unref(Identity *identity);
DEFINE_CLEANUP(Identity *, identity_unref)

/* Handles a call once more, from its start, and answers with the error when the handler has one. */
void call_again(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t handler);

/* ---- life ---- */

int identities_new(Daemon *daemon, Identities **ret);
/* After the callers have left. */
Identities *identities_free(Identities *identities);
DEFINE_CLEANUP(Identities *, identities_free)
