/*
 * Session: org.freedesktop.Secret.Session, how secrets travel between one client and us
 *
 * A session is `plain`, or it has a key agreed with its client. It belongs to the caller that opened it: to everyone
 * else it does not exist, and it goes when the caller goes. Session keys live in the locked arena, so their number is
 * bounded for all callers together as well as for each.
 */
#include "daemon/secret-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SESSIONS SECRETS_PATH "/session"
#define PLAIN    "plain"
#define DH       "dh-ietf1024-sha256-aes128-cbc-pkcs7"

struct SecretSession {
        CallerResource resource; /* first: gone() gets it */
        Secrets *secrets;
        SecretSession *previous, *next;
        ExchangeKey *key;
        char path[64];
};

static SecretSession *session_free(SecretSession *session)
{
        Secrets *secrets;

        if (!session)
                return NULL;
        secrets = session->secrets;
        caller_detach(&session->resource);
        if (session->previous)
                session->previous->next = session->next;
        else
                secrets->sessions = session->next;
        if (session->next)
                session->next->previous = session->previous;
        secrets->n_sessions--;
        exchange_key_free(session->key);
        free(session);
        return NULL;
}

static void session_gone(CallerResource *resource)
{
        session_free((SecretSession *)resource);
}

void secret_sessions_done(Secrets *secrets)
{
        while (secrets->sessions)
                session_free(secrets->sessions);
}

const char *secret_session_path(const SecretSession *session)
{
        return session->path;
}

const ExchangeKey *secret_session_key(const SecretSession *session)
{
        return session->key;
}

SecretSession *secret_session_of(Daemon *daemon, sd_bus_message *message, const char *path, sd_bus_error *error)
{
        Caller *caller;
        int r;

        r = caller_of(daemon, message, &caller);
        if (r < 0) {
                sd_bus_error_set_errno(error, r);
                return NULL;
        }
        for (CallerResource *c = caller_resources(caller, CALLER_SESSION); c; c = c->next) {
                SecretSession *session = (SecretSession *)c;

                if (strcmp(session->path, path) == 0)
                        return session;
        }
        sd_bus_error_set(error, SECRETS_ERROR_NO_SESSION, "no such session of yours: call OpenSession first");
        return NULL;
}

static int session_new(Daemon *daemon, Caller *caller, ExchangeKey **key, SecretSession **ret, sd_bus_error *error)
{
        Secrets *secrets = daemon->secrets;
        SecretSession *session;
        int r;

        if (secrets->n_sessions >= SECRETS_SESSIONS_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many sessions are open");
        session = calloc(1, sizeof(*session));
        if (!session)
                return -ENOMEM;
        r = caller_attach(caller, &session->resource, CALLER_SESSION, session_gone);
        if (r < 0) {
                free(session);
                if (r == -ENOBUFS)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                 "at most %u sessions for one client: close some",
                                                 CALLER_SESSIONS_MAX);
                return r;
        }
        session->secrets = secrets;
        session->key = TAKE_PTR(*key);
        snprintf(session->path, sizeof(session->path), SESSIONS "/s%" PRIu64, ++secrets->last_session);
        session->next = secrets->sessions;
        if (session->next)
                session->next->previous = session;
        secrets->sessions = session;
        secrets->n_sessions++;
        *ret = session;
        return 0;
}

/* A `plain` client says "" here; some say something else, or nothing of use. It has no meaning. */
static int open_plain(sd_bus_message *message, sd_bus_message *reply, ExchangeKey **ret, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "v", "s", "");
}

static int open_dh(sd_bus_message *message, sd_bus_message *reply, ExchangeKey **ret, sd_bus_error *error)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        uint8_t public[EXCHANGE_PUBLIC_SIZE];
        const void *theirs;
        size_t size;
        int r;

        if (sd_bus_message_enter_container(message, 'v', "ay") < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "the input must be a public key (ay)");
        r = sd_bus_message_read_array(message, 'y', &theirs, &size);
        if (r < 0)
                return r;
        r = exchange_answer(theirs, size, public, &key);
        if (r == -EINVAL)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "this public key is not acceptable");
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(reply, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', public, sizeof(public));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                *ret = TAKE_PTR(key);
        return r;
}

int secret_session_open(Daemon *daemon, sd_bus_message *message, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        SecretSession *session = NULL;
        const char *algorithm;
        Caller *caller;
        int r;

        r = caller_of(daemon, message, &caller);
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &algorithm);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;

        if (strcmp(algorithm, PLAIN) == 0)
                r = open_plain(message, reply, &key, error);
        else if (strcmp(algorithm, DH) == 0)
                r = open_dh(message, reply, &key, error);
        else
                return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
                                        "this algorithm is not supported: use " DH " or " PLAIN);
        if (r < 0)
                return r;

        r = session_new(daemon, caller, &key, &session, error);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "o", session->path);
        if (r >= 0)
                r = batch_reply(daemon, message, reply);
        if (r < 0)
                session_free(session);
        return r;
}

static SecretSession *find_session(Daemon *daemon, const char *path)
{
        for (SecretSession *session = daemon->secrets->sessions; session; session = session->next)
                if (strcmp(session->path, path) == 0)
                        return session;
        return NULL;
}

/* ---- org.freedesktop.Secret.Session ---- */

static int method_close(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SecretSession *session = userdata;
        Daemon *daemon = session->secrets->daemon;

        if (!caller_is(session->resource.caller, message))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "this session belongs to another client");
        session_free(session);
        return batch_reply_return(daemon, message, NULL);
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error)
{
        SecretSession *session = find_session(userdata, path);

        if (!session)
                return 0;
        *ret_found = session;
        return 1;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Close", NULL, NULL, method_close, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int secret_session_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_fallback_vtable(bus, NULL, SESSIONS, SECRETS_SESSION, vtable, find, daemon);
}
