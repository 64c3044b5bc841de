/*
 * logind (org.freedesktop.login1)
 *
 * A desktop that locks the screen by itself only sets a session's LockedHint, one that is told to by others gets the signal
 * Lock, so both count, of every session of this user and of no other's. Before the machine sleeps PrepareForSleep is said;
 * a lock of kind "delay" has it wait for us. logind may be started anew: who it is is asked for each time.
 */
#include "daemon/logind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/system-bus.h"
#include "daemon/system-peer.h"

#define LOGIN      "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define MANAGER    LOGIN ".Manager"
#define SESSION    LOGIN ".Session"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define AGAIN_USEC UINT64_C(60000000) /* a bus that has gone is looked for */

struct Logind {
        sd_event *event;
        const LogindEvents *events;
        void *userdata;
        bool delay;

        sd_bus *bus;
        sd_event_source *again;
        SystemPeer *service;
        sd_bus_slot *on_sleep, *on_lock, *on_hint, *inhibiting;
        int inhibitor; /* -1: none */
};

/* ---- before it sleeps ---- */

void logind_let_sleep(Logind *logind)
{
        if (!logind || logind->inhibitor < 0)
                return;
        (void)close(logind->inhibitor);
        logind->inhibitor = -1;
}

static int on_inhibited(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const sd_bus_error *failure = sd_bus_message_get_error(reply);
        Logind *logind = userdata;
        int fd = -1;

        logind->inhibiting = sd_bus_slot_unref(logind->inhibiting);
        if (!failure && sd_bus_message_read(reply, "h", &fd) >= 0)
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0) {
                log_line(LOG_WARNING, "the machine may sleep before the vault is locked: %s",
                         failure && failure->message ? failure->message : "logind does not let us delay it");
                return 0;
        }
        logind_let_sleep(logind);
        logind->inhibitor = fd;
        return 0;
}

static void inhibit(Logind *logind)
{
        if (!logind->delay)
                return;
        logind->inhibiting = sd_bus_slot_unref(logind->inhibiting);
        (void)sd_bus_call_method_async(logind->bus, &logind->inhibiting, system_peer_name(logind->service), LOGIN_PATH,
                                       MANAGER, "Inhibit", on_inhibited, logind, "ssss", "sleep", "Keyfob",
                                       "The vault is locked before the machine sleeps", "delay");
}

static int on_prepare_for_sleep(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Logind *logind = userdata;
        int about_to;

        if (sd_bus_message_read(signal, "b", &about_to) < 0)
                return 0;
        logind->events->sleep(logind->userdata, about_to);
        if (!about_to)
                inhibit(logind);
        return 0;
}

/* ---- screens ---- */

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Logind *logind = userdata;
        const char *path;
        uint32_t uid;

        if (!sd_bus_message_is_method_error(reply, NULL) &&
            sd_bus_message_read(reply, "v", "(uo)", &uid, &path) >= 0 && uid == getuid())
                logind->events->locked(logind->userdata);
        return 0;
}

/* Whose session it is, it says itself. */
static int ask_user(Logind *logind, sd_bus_message *signal)
{
        (void)sd_bus_call_method_async(logind->bus, NULL, system_peer_name(logind->service), sd_bus_message_get_path(signal),
                                       PROPERTIES, "Get", on_user, logind, "ss", SESSION, "User");
        return 0;
}

static int on_session_lock(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        return ask_user(userdata, signal);
}

static int on_session_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        int locked = 0;

        if (sd_bus_message_skip(signal, "s") < 0 || sd_bus_message_enter_container(signal, 'a', "{sv}") < 0)
                return 0;
        while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
                const char *name;

                if (sd_bus_message_read(signal, "s", &name) < 0)
                        return 0;
                if (strcmp(name, "LockedHint") == 0 ? sd_bus_message_read(signal, "v", "b", &locked) < 0
                                                    : sd_bus_message_skip(signal, "v") < 0)
                        return 0;
                if (sd_bus_message_exit_container(signal) < 0)
                        return 0;
        }
        return locked ? ask_user(userdata, signal) : 0;
}

/* ---- who it is ---- */

static void stop_listening(Logind *logind)
{
        logind->on_sleep = sd_bus_slot_unref(logind->on_sleep);
        logind->on_lock = sd_bus_slot_unref(logind->on_lock);
        logind->on_hint = sd_bus_slot_unref(logind->on_hint);
        logind->inhibiting = sd_bus_slot_unref(logind->inhibiting);
        logind_let_sleep(logind);
}

static int listen_to(Logind *logind, sd_bus_slot **slot, const char *interface, const char *rest,
                     sd_bus_message_handler_t handler)
{
        _cleanup_free_ char *match = NULL;

        if (asprintf(&match, "type='signal',sender='%s',interface='%s',%s", system_peer_name(logind->service), interface,
                     rest) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        return sd_bus_add_match_async(logind->bus, slot, match, handler, NULL, logind);
}

static int listen_to_all(Logind *logind)
{
        int r;

        r = listen_to(logind, &logind->on_sleep, MANAGER, "path='" LOGIN_PATH "',member='PrepareForSleep'",
                      on_prepare_for_sleep);
        if (r >= 0)
                r = listen_to(logind, &logind->on_lock, SESSION, "member='Lock'", on_session_lock);
        if (r >= 0)
                r = listen_to(logind, &logind->on_hint, PROPERTIES, "member='PropertiesChanged',arg0='" SESSION "'",
                              on_session_changed);
        return r;
}

static void on_changed(void *userdata)
{
        Logind *logind = userdata;

        stop_listening(logind);
        if (!system_peer_name(logind->service))
                return;
        if (listen_to_all(logind) < 0)
                stop_listening(logind);
        else
                inhibit(logind);
}

/* ---- the connection ---- */

static void disconnect(Logind *logind)
{
        stop_listening(logind);
        logind->service = system_peer_free(logind->service);
        logind->bus = sd_bus_close_unref(logind->bus);
}

/* Not let go inside its own handler. */
static int on_disconnected(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Logind *logind = userdata;

        stop_listening(logind);
        logind->service = system_peer_free(logind->service);
        (void)sd_event_source_set_time_relative(logind->again, AGAIN_USEC);
        return sd_event_source_set_enabled(logind->again, SD_EVENT_ONESHOT);
}

static int connect_bus(Logind *logind)
{
        int r;

        r = system_bus_open(logind->event, &logind->bus);
        if (r >= 0)
                r = sd_bus_match_signal(logind->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, logind);
        if (r >= 0)
                r = system_peer_new(logind->bus, LOGIN, on_changed, logind, &logind->service);
        if (r < 0)
                disconnect(logind);
        return r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
        Logind *logind = userdata;

        disconnect(logind);
        if (connect_bus(logind) < 0) {
                (void)sd_event_source_set_time_relative(source, AGAIN_USEC);
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        return 0;
}

int logind_new(sd_event *event, const LogindEvents *events, bool delay, void *userdata, Logind **ret)
{
        _cleanup_(logind_freep) Logind *logind = calloc(1, sizeof(*logind));
        int r;

        if (!logind)
                return -ENOMEM;
        logind->event = sd_event_ref(event);
        logind->events = events;
        logind->userdata = userdata;
        logind->delay = delay;
        logind->inhibitor = -1;
        r = sd_event_add_time_relative(event, &logind->again, CLOCK_MONOTONIC, 0, 0, on_again, logind);
        if (r >= 0)
                r = sd_event_source_set_enabled(logind->again, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* Where there is no system bus now, as in a container, there won't be one. */
        (void)connect_bus(logind);
        *ret = TAKE_PTR(logind);
        return 0;
}

Logind *logind_free(Logind *logind)
{
        if (!logind)
                return NULL;
        disconnect(logind);
        sd_event_source_disable_unref(logind->again);
        sd_event_unref(logind->event);
        free(logind);
        return NULL;
}
