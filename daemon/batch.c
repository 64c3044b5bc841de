/*
 * Group commit
 *
 * The first write opens a transaction; what handlers have to say is held from then on. A defer source of lower
 * priority than the connections runs when every message that was queued is used up: it commits, and then everything is
 * said in order. Handlers that end after the deadline, or that bring the batch to its limit, commit at once, so that a
 * stream of messages can't put the commit off. A handler is never cut in two: only its reply, which is its last word,
 * looks at the limits.
 *
 * A commit that fails is an error for every call that is held, and their signals are not sent. Where the disk failed so that
 * nobody knows what it has, the daemon ends, so that the vault is read anew by the next one.
 *
 * Checkpoints and the trash have their time when nothing was written for a moment; under load, when the log wants one,
 * after the replies have gone out.
 */
#include "daemon/batch.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "daemon/access-log.h"
#include "daemon/door.h"
#include "daemon/epoch.h"
#include "daemon/log.h"

#define BATCH_WRITES_MAX    256U
#define BATCH_HELD_MAX      4096U
#define BATCH_DEADLINE_USEC UINT64_C(2000)
#define IDLE_USEC           (UINT64_C(50) * 1000)
#define PURGE_USEC          (UINT64_C(3600) * 1000000)
#define COMMIT_PRIORITY     (SD_EVENT_PRIORITY_NORMAL + 10)
#define IDLE_PRIORITY       (SD_EVENT_PRIORITY_NORMAL + 20)

typedef struct Held Held;
struct Held {
        sd_bus *bus;          /* of a signal */
        sd_bus_message *call; /* of a reply */
        sd_bus_message *message;
        size_t size; /* of the message; 0: nobody knows */
        Held *next;
};

struct Batch {
        Daemon *daemon;
        sd_event_source *commit, *idle, *purge, *watch;
        Held *first, **last;
        unsigned n_held, n_writes;
        uint64_t since;    /* when it was opened */
        uint64_t last_use; /* when something was committed last */
        bool open, wrote, ending;
};

static Held *held_free(Held *held)
{
        if (!held)
                return NULL;
        sd_bus_message_unref(held->message);
        sd_bus_message_unref(held->call);
        sd_bus_unref(held->bus);
        free(held);
        return NULL;
}

/* A connection that has gone meanwhile is no error of ours. */
static void send_now(Daemon *daemon, sd_bus *bus, sd_bus_message *message, size_t size)
{
        if (sd_bus_send(bus, message, NULL) >= 0)
                doors_sent(daemon, bus, message, size);
}

static void send_failure(Daemon *daemon, sd_bus_message *call, int result)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)daemon_error(daemon, &error, result);
        if (sd_bus_message_new_method_error(call, &reply, &error) >= 0)
                send_now(daemon, sd_bus_message_get_bus(call), reply, 0);
        sd_bus_error_free(&error);
}

static void let_go(Batch *batch, int result)
{
        Held *held = batch->first;

        batch->first = NULL;
        batch->last = &batch->first;
        batch->n_held = 0;
        while (held) {
                Held *next = held->next;

                if (result == 0)
                        send_now(batch->daemon, held->bus, held->message, held->size);
                else if (held->call)
                        send_failure(batch->daemon, held->call, result);
                held_free(held);
                held = next;
        }
}

static int hold(Batch *batch, sd_bus *bus, sd_bus_message *call, sd_bus_message *message, size_t size)
{
        Held *held = calloc(1, sizeof(*held));

        if (!held)
                return -ENOMEM;
        held->bus = sd_bus_ref(bus);
        held->call = sd_bus_message_ref(call);
        held->message = sd_bus_message_ref(message);
        held->size = size;
        *batch->last = held;
        batch->last = &held->next;
        batch->n_held++;
        return 0;
}

static void arm(sd_event_source *source, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(source, usec);
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void housekeeping(Batch *batch)
{
        int r;

        if (!batch->daemon->vault || vault_batch_is_open(batch->daemon->vault))
                return;
        access_log_tidy(batch->daemon);
        r = vault_idle(batch->daemon->vault, (uint64_t)time(NULL));
        if (r != 0)
                log_line(LOG_WARNING, "the vault could not be tidied up: %s", vault_strerror(r));
        else if (vault_wants_purge(batch->daemon->vault))
                arm(batch->idle, IDLE_USEC);
}

static void after_commit(Batch *batch)
{
        int enabled = SD_EVENT_OFF;

        batch->wrote = false;
        batch->last_use = clock_usec();
        epoch_idle(batch->daemon);
        if (batch->daemon->vault && vault_wants_checkpoint(batch->daemon->vault))
                housekeeping(batch);
        (void)sd_event_source_get_enabled(batch->idle, &enabled);
        if (enabled == SD_EVENT_OFF)
                arm(batch->idle, IDLE_USEC);
}

int batch_commit(Daemon *daemon)
{
        Batch *batch = daemon->batch;
        int r = 0;

        if (!batch->open)
                return 0;
        if (daemon->vault)
                access_log_join(daemon);
        batch->open = false;
        batch->n_writes = 0;
        (void)sd_event_source_set_enabled(batch->commit, SD_EVENT_OFF);

        if (daemon->vault) {
                r = vault_batch_commit(daemon->vault);
                access_log_committed(daemon, r);
        }
        if (r != 0 && r != VAULT_E_UNSURE)
                log_line(LOG_ERR, "nothing of the last writes was kept: %s", vault_strerror(r));
        let_go(batch, r);
        if (!batch->ending)
                after_commit(batch);
        return r;
}

void batch_flush(Daemon *daemon)
{
        (void)batch_commit(daemon);
}

void batch_wrote(Daemon *daemon)
{
        Batch *batch = daemon->batch;

        /* By the source that commits, which runs after whoever wrote has answered. */
        batch->wrote = true;
        (void)sd_event_source_set_enabled(batch->commit, SD_EVENT_ONESHOT);
}

static int on_commit(sd_event_source *source, void *userdata)
{
        Batch *batch = userdata;

        batch_flush(batch->daemon);
        if (batch->wrote)
                after_commit(batch);
        return 0;
}

/* Rearms itself rather than being moved with each commit: one system call for many writes. */
static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        Batch *batch = userdata;
        uint64_t quiet = clock_usec() - batch->last_use;

        if (batch->open || quiet < IDLE_USEC)
                arm(source, batch->open ? IDLE_USEC : IDLE_USEC - quiet + 1000);
        else
                housekeeping(batch);
        return 0;
}

static int on_purge(sd_event_source *source, uint64_t usec, void *userdata)
{
        Batch *batch = userdata;

        housekeeping(batch);
        epoch_idle(batch->daemon);
        arm(source, PURGE_USEC);
        return 0;
}

/* Before the loop sleeps, whatever was done. */
static int on_prepare(sd_event_source *source, void *userdata)
{
        const Batch *batch = userdata;

        if (!batch->ending && batch->daemon->vault && vault_is_broken(batch->daemon->vault))
                (void)sd_event_source_set_time(source, 0);
        /* Slots, collections and keys are written without a batch. */
        if (!batch->open && !batch->wrote && epoch_is_due(batch->daemon))
                batch_wrote(batch->daemon);
        return 0;
}

static int on_broken(sd_event_source *source, uint64_t usec, void *userdata)
{
        Batch *batch = userdata;

        (void)sd_event_source_set_time(source, UINT64_MAX);
        if (batch->ending)
                return 0;
        log_line(LOG_ERR, "the disk of the vault, or memory, failed, and what was written last may or may not be kept: ending, so "
                          "that the vault is read anew");
        batch->ending = true;
        return sd_event_exit(batch->daemon->event, -ENOTRECOVERABLE);
}

int batch_begin(Daemon *daemon)
{
        Batch *batch = daemon->batch;
        int r;

        if (!daemon->vault)
                return 0;
        if (!batch->open) {
                r = vault_batch_begin(daemon->vault);
                if (r != 0)
                        return r;
                batch->open = true;
                batch->since = clock_usec();
                r = sd_event_source_set_enabled(batch->commit, SD_EVENT_ONESHOT);
                if (r < 0) {
                        vault_batch_rollback(daemon->vault);
                        batch->open = false;
                        return r;
                }
        }
        batch->n_writes++;
        return 0;
}

/* A handler has said its last word. */
static void look_at_limits(Batch *batch)
{
        if (batch->open && (batch->n_writes >= BATCH_WRITES_MAX || batch->n_held >= BATCH_HELD_MAX ||
                            clock_usec() - batch->since >= BATCH_DEADLINE_USEC))
                batch_flush(batch->daemon);
}

int batch_reply(Daemon *daemon, sd_bus_message *call, sd_bus_message *reply)
{
        return batch_reply_large(daemon, call, reply, /* size= */ 0);
}

int batch_reply_large(Daemon *daemon, sd_bus_message *call, sd_bus_message *reply, size_t size)
{
        Batch *batch = daemon->batch;
        int r;

        if (!batch->open) {
                send_now(daemon, sd_bus_message_get_bus(call), reply, size);
                return 1;
        }
        r = hold(batch, sd_bus_message_get_bus(call), call, reply, size);
        if (r < 0)
                return r;
        look_at_limits(batch);
        return 1;
}

int batch_reply_return(Daemon *daemon, sd_bus_message *call, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        if (types && *types) {
                va_list ap;

                va_start(ap, types);
                r = sd_bus_message_appendv(reply, types, ap);
                va_end(ap);
                if (r < 0)
                        return r;
        }
        return batch_reply(daemon, call, reply);
}

int batch_reply_error(Daemon *daemon, sd_bus_message *call, const sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_error(call, &reply, error);
        if (r < 0)
                return r;
        return batch_reply(daemon, call, reply);
}

/* ---- signals ---- */

typedef int (*AppendFn)(sd_bus_message *message, void *userdata);

static void emit(Batch *batch, sd_bus *bus, sd_bus_message *message)
{
        if (!batch->open)
                send_now(batch->daemon, bus, message, 0);
        else if (hold(batch, bus, NULL, message, 0) < 0)
                log_line(LOG_WARNING, "out of memory: a signal is lost");
}

static int new_signal(sd_bus *bus, const char *sender, const MatchSignal *signal, AppendFn append, void *userdata,
                      sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_signal(bus, &message, signal->path, signal->interface, signal->member);
        if (r >= 0 && sender)
                r = sd_bus_message_set_sender(message, sender);
        if (r >= 0)
                r = append(message, userdata);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}

/* One message for the bus, which puts our name on it, and one for all connections of the own socket: sd_bus_send()
 * takes a message to several connections. */
static int broadcast(Daemon *daemon, const MatchSignal *signal, AppendFn append, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *to_bus = NULL, *to_peers = NULL;
        sd_bus *bus = doors_session_bus(daemon);
        Connection *connection = NULL, *next;
        int r;

        if (bus) {
                r = new_signal(bus, NULL, signal, append, userdata, &to_bus);
                if (r < 0)
                        return r;
                emit(daemon->batch, bus, to_bus);
        }

        /* Sending may close the connection that did not read; its successor is taken first. */
        for (next = doors_next_listener(daemon, NULL, signal); (connection = next);) {
                next = doors_next_listener(daemon, connection, signal);
                if (!to_peers) {
                        r = new_signal(connection_bus(connection), DOOR_UNIQUE_NAME, signal, append, userdata,
                                       &to_peers);
                        if (r < 0)
                                return r;
                }
                emit(daemon->batch, connection_bus(connection), to_peers);
        }
        return 0;
}

typedef struct Arguments {
        const char *types;
        va_list ap;
} Arguments;

static int append_arguments(sd_bus_message *message, void *userdata)
{
        Arguments *arguments = userdata;
        va_list ap;
        int r;

        if (!arguments->types || !*arguments->types)
                return 0;
        va_copy(ap, arguments->ap);
        r = sd_bus_message_appendv(message, arguments->types, ap);
        va_end(ap);
        return r;
}

int batch_signal(Daemon *daemon, const char *path, const char *interface, const char *member, const char *types, ...)
{
        Arguments arguments = {.types = types};
        int r;

        va_start(arguments.ap, types);
        r = broadcast(daemon, &(MatchSignal){.path = path, .interface = interface, .member = member}, append_arguments,
                      &arguments);
        va_end(arguments.ap);
        return r;
}

int batch_signal_with(Daemon *daemon, const char *path, const char *interface, const char *member,
                      int (*append)(sd_bus_message *signal, void *userdata), void *userdata)
{
        return broadcast(daemon, &(MatchSignal){.path = path, .interface = interface, .member = member}, append,
                         userdata);
}

typedef struct Names {
        const char *interface;
        const char *first;
        va_list ap;
} Names;

static int append_names(sd_bus_message *message, void *userdata)
{
        Names *names = userdata;
        va_list ap;
        int r;

        r = sd_bus_message_append(message, "sa{sv}", names->interface, 0);
        if (r >= 0)
                r = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");
        va_copy(ap, names->ap);
        for (const char *name = names->first; r >= 0 && name; name = va_arg(ap, const char *))
                r = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, name);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

int batch_invalidated(Daemon *daemon, const char *path, const char *interface, const char *name, ...)
{
        Names names = {.interface = interface, .first = name};
        int r;

        va_start(names.ap, name);
        r = broadcast(daemon,
                      &(MatchSignal){.path = path,
                                     .interface = "org.freedesktop.DBus.Properties",
                                     .member = "PropertiesChanged"},
                      append_names, &names);
        va_end(names.ap);
        return r;
}

/* ---- life ---- */

int batch_new(Daemon *daemon, Batch **ret)
{
        _cleanup_(batch_freep) Batch *batch = calloc(1, sizeof(*batch));
        int r;

        if (!batch)
                return -ENOMEM;
        batch->daemon = daemon;
        batch->last = &batch->first;

        r = sd_event_add_defer(daemon->event, &batch->commit, on_commit, batch);
        if (r >= 0)
                r = sd_event_source_set_enabled(batch->commit, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(batch->commit, COMMIT_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time_relative(daemon->event, &batch->idle, CLOCK_MONOTONIC, IDLE_USEC, 10000, on_idle,
                                               batch);
        if (r >= 0)
                r = sd_event_source_set_priority(batch->idle, IDLE_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time_relative(daemon->event, &batch->purge, CLOCK_MONOTONIC, PURGE_USEC, 0, on_purge,
                                               batch);
        if (r >= 0)
                r = sd_event_source_set_priority(batch->purge, IDLE_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time(daemon->event, &batch->watch, CLOCK_MONOTONIC, UINT64_MAX, 1, on_broken, batch);
        if (r >= 0)
                r = sd_event_source_set_enabled(batch->watch, SD_EVENT_ON);
        if (r >= 0)
                r = sd_event_source_set_prepare(batch->watch, on_prepare);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(batch);
        return 0;
}

Batch *batch_free(Batch *batch)
{
        if (!batch)
                return NULL;
        batch->ending = true;
        if (batch->daemon->batch == batch)
                batch_flush(batch->daemon);
        let_go(batch, -ECANCELED);
        sd_event_source_disable_unref(batch->commit);
        sd_event_source_disable_unref(batch->idle);
        sd_event_source_disable_unref(batch->purge);
        sd_event_source_disable_unref(batch->watch);
        free(batch);
        return NULL;
}
