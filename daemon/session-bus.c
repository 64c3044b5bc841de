/*
 * The session bus
 *
 * Only a bus that is there is used: its address is looked up, never launched, and it must not be our own socket, to
 * which `keyfob env` points programs. Everything is asynchronous; the bus may be slow, refuse, or go away. Names: one
 * that says we are here, one by which the desktop's portal finds us, and that of the Secret Service, for which we queue,
 * so that we get it as soon as its owner goes; who has it meanwhile is kept for Status.
 */
#include "daemon/session-bus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/ask.h"
#include "daemon/bus-peer.h"
#include "daemon/caller.h"
#include "daemon/door.h"
#include "daemon/log.h"
#include "daemon/objects.h"
#include "daemon/portal-secret.h"

#define DBUS_NAME         "org.freedesktop.DBus"
#define DBUS_PATH         "/org/freedesktop/DBus"
#define BUS_CALL_USEC     (UINT64_C(5) * 1000000)
#define BACK_OFF_FIRST    1U
#define BACK_OFF_MAX      60U
#define NAME_IS_OURS      1U /* RequestName's answers */
#define NAME_IN_QUEUE     2U
#define NAME_ALREADY_OURS 4U

struct SessionBus {
        Daemon *daemon;
        char *address;
        bool replace;
        sd_bus *bus;
        bool connected, owned, taken;
        bool tried;     /* to connect, at least once */
        unsigned asked; /* names about which the bus has not answered yet */
        pid_t owner_pid;
        pid_t owner_told; /* of whom the log has been told */
        char owner_comm[64];
        sd_event_source *again; /* reap and reconnect */
        unsigned back_off;
};

/* ---- address ---- */

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Whether one of the addresses is this socket file. */
static bool is_socket(const char *address, const char *socket)
{
        static const char prefix[] = "unix:path=";
        const char *p = strstr(address, prefix);
        struct stat a, b;
        char path[256];
        size_t n = 0;

        if (!p)
                return false;
        for (p += sizeof(prefix) - 1; *p && *p != ',' && *p != ';' && n < sizeof(path) - 1; p++) {
                if (*p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
                        path[n++] = (char)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
                        p += 2;
                } else {
                        path[n++] = *p;
                }
        }
        path[n] = 0;
        return stat(path, &a) == 0 && stat(socket, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int find_address(const char *own_socket, char **ret)
{
        const char *given = getenv("DBUS_SESSION_BUS_ADDRESS"), *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (given && *given && strncmp(given, "autolaunch:", strlen("autolaunch:")) != 0 &&
            strcmp(given, "disabled:") != 0 && !is_socket(given, own_socket)) {
                *ret = strdup(given);
                return *ret ? 0 : -ENOMEM;
        }
        if (!runtime || runtime[0] != '/')
                return -ENOENT;
        if (asprintf(&path, "%s/bus", runtime) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || strpbrk(path, ",;%"))
                return -ENOENT;
        return asprintf(ret, "unix:path=%s", path) < 0 ? -ENOMEM : 0;
}

/* ---- who has the Secret Service's name ---- */

static int on_owner_pid(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SessionBus *session = userdata;
        uint32_t pid;

        if (sd_bus_message_is_method_error(message, NULL) || sd_bus_message_read(message, "u", &pid) < 0 ||
            session->owned)
                return 0;
        session->owner_pid = (pid_t)pid;
        caller_read_comm(session->owner_pid, session->owner_comm, sizeof(session->owner_comm));
        if (session->owner_pid == session->owner_told)
                return 0;
        session->owner_told = session->owner_pid;
        log_line(LOG_NOTICE, SECRETS_BUS_NAME " is served by %s (process %d); keyfobd waits for it",
                 session->owner_comm[0] ? session->owner_comm : "another program", session->owner_pid);
        return 0;
}

static void set_taken(SessionBus *session)
{
        session->owned = false;
        session->taken = true;
        session->owner_pid = 0;
        session->owner_comm[0] = 0;
        (void)sd_bus_call_method_async(session->bus, NULL, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                       "GetConnectionUnixProcessID", on_owner_pid, session, "s", SECRETS_BUS_NAME);
}

static void set_owned(SessionBus *session)
{
        if (!session->owned)
                log_line(LOG_INFO, "serving " SECRETS_BUS_NAME);
        session->owned = true;
        session->taken = false;
        session->owner_told = 0;
}

/* RequestName's answer. Without one nothing is known of who has the name. */
static bool read_answer(SessionBus *session, sd_bus_message *message, const char *name, uint32_t *ret)
{
        const sd_bus_error *failure = sd_bus_message_get_error(message);

        session->asked--;
        if (!failure && sd_bus_message_read(message, "u", ret) >= 0)
                return true;
        /* A bus that was never there is spoken of once, when the connection ends. */
        if (session->connected)
                log_line(LOG_WARNING, "the bus did not let us have %s: %s", name,
                         failure && failure->message ? failure->message : "its answer makes no sense");
        return false;
}

static int on_secrets_requested(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SessionBus *session = userdata;
        uint32_t answer;

        if (!read_answer(session, message, SECRETS_BUS_NAME, &answer))
                return 0;
        if (answer == NAME_IS_OURS || answer == NAME_ALREADY_OURS)
                set_owned(session);
        else
                set_taken(session);
        return 0;
}

static int on_daemon_requested(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        uint32_t answer;

        if (read_answer(userdata, message, KEYFOB_BUS_NAME, &answer) && answer != NAME_IS_OURS &&
            answer != NAME_ALREADY_OURS)
                log_line(LOG_WARNING, "another keyfobd has " KEYFOB_BUS_NAME " on this bus");
        return 0;
}

static int on_portal_requested(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        uint32_t answer;

        if (read_answer(userdata, message, PORTAL_BUS_NAME, &answer) && answer != NAME_IS_OURS &&
            answer != NAME_ALREADY_OURS)
                log_line(LOG_WARNING, "another keyfobd has " PORTAL_BUS_NAME " on this bus");
        return 0;
}

static int on_name_acquired(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;

        if (bus_has_sent(message) && sd_bus_message_read(message, "s", &name) >= 0 &&
            strcmp(name, SECRETS_BUS_NAME) == 0)
                set_owned(userdata);
        return 0;
}

static int on_name_lost(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;

        if (bus_has_sent(message) && sd_bus_message_read(message, "s", &name) >= 0 &&
            strcmp(name, SECRETS_BUS_NAME) == 0)
                set_taken(userdata);
        return 0;
}

static int on_secrets_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SessionBus *session = userdata;
        const char *name, *old, *new, *ours;

        if (!bus_has_sent(message) || sd_bus_message_read(message, "sss", &name, &old, &new) < 0 ||
            sd_bus_get_unique_name(session->bus, &ours) < 0)
                return 0;
        if (strcmp(new, ours) == 0)
                set_owned(session);
        else if (*new)
                set_taken(session);
        return 0;
}

/* ---- connection ---- */

static int on_client_gone(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SessionBus *session = userdata;
        const char *name, *old, *new;

        if (bus_has_sent(message) && sd_bus_message_read(message, "sss", &name, &old, &new) >= 0 && name[0] == ':' &&
            !*new)
                callers_gone(session->daemon, session->bus, name);
        return 0;
}

static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SessionBus *session = userdata;

        session->connected = true;
        session->back_off = BACK_OFF_FIRST;
        return 0;
}

static void try_again_later(SessionBus *session, uint64_t seconds)
{
        (void)sd_event_source_set_time_relative(session->again, seconds * 1000000);
        (void)sd_event_source_set_enabled(session->again, SD_EVENT_ONESHOT);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SessionBus *session = userdata;

        if (session->connected)
                log_line(LOG_NOTICE, "the session bus is gone; keyfobd goes on with its own socket");
        else
                log_line(LOG_WARNING, "the session bus can't be reached");
        session->connected = false;
        try_again_later(session, 0); /* not inside its own handler */
        return 0;
}

static void drop(SessionBus *session)
{
        sd_bus *bus = TAKE_PTR(session->bus);

        session->connected = session->owned = session->taken = false;
        session->asked = 0;
        if (!bus)
                return;
        asker_bus_gone(session->daemon);
        callers_gone(session->daemon, bus, NULL);
        sd_bus_close_unref(bus);
}

static int match_driver(SessionBus *session, const char *match, sd_bus_message_handler_t handler)
{
        return sd_bus_add_match_async(session->bus, NULL, match, handler, NULL, session);
}

#define DRIVER_SIGNAL "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member="

static int set_up(SessionBus *session)
{
        uint64_t flags = SD_BUS_NAME_ALLOW_REPLACEMENT | SD_BUS_NAME_QUEUE;
        sd_bus *bus = session->bus;
        int r;

        if (session->replace)
                flags |= SD_BUS_NAME_REPLACE_EXISTING;

        r = sd_bus_set_address(bus, session->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, 1);
        if (r >= 0)
                r = sd_bus_set_trusted(bus, 1); /* callers are checked where they are made */
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus, 1);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, BUS_CALL_USEC);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Connected", on_connected, session);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, session);
        if (r >= 0)
                r = objects_attach(session->daemon, bus, OBJECTS_OURS);
        if (r >= 0)
                r = portal_secret_attach(session->daemon, bus);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, session->daemon->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = match_driver(session, DRIVER_SIGNAL "'NameAcquired'", on_name_acquired);
        if (r >= 0)
                r = match_driver(session, DRIVER_SIGNAL "'NameLost'", on_name_lost);
        if (r >= 0)
                r = match_driver(session, DRIVER_SIGNAL "'NameOwnerChanged',arg0='" SECRETS_BUS_NAME "'",
                                 on_secrets_owner);
        if (r >= 0)
                r = match_driver(session, DRIVER_SIGNAL "'NameOwnerChanged',arg2=''", on_client_gone);
        if (r >= 0)
                r = sd_bus_request_name_async(bus, NULL, KEYFOB_BUS_NAME, 0, on_daemon_requested, session);
        if (r >= 0)
                r = sd_bus_request_name_async(bus, NULL, PORTAL_BUS_NAME, 0, on_portal_requested, session);
        if (r >= 0)
                r = sd_bus_request_name_async(bus, NULL, SECRETS_BUS_NAME, flags, on_secrets_requested, session);
        if (r >= 0)
                session->asked = 3;
        return r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
        SessionBus *session = userdata;
        int r;

        if (session->bus) {
                drop(session);
                try_again_later(session, session->back_off);
                session->back_off = session->back_off * 2 > BACK_OFF_MAX ? BACK_OFF_MAX : session->back_off * 2;
                return 0;
        }

        session->tried = true;
        /* A new bus may be behind the same address, but never a new address. */
        r = sd_bus_new(&session->bus);
        if (r >= 0)
                r = set_up(session);
        if (r < 0) {
                drop(session);
                try_again_later(session, session->back_off);
                session->back_off = session->back_off * 2 > BACK_OFF_MAX ? BACK_OFF_MAX : session->back_off * 2;
        }
        return 0;
}

sd_bus *session_bus_get(const SessionBus *session)
{
        return session->connected ? session->bus : NULL;
}

void session_bus_describe(const SessionBus *session, SessionBusStatus *ret)
{
        *ret = (SessionBusStatus){
                .connected = session->connected,
                .pending = !session->tried || session->asked > 0,
                .secrets_name = session->owned   ? "owned"
                                : session->taken ? "taken"
                                                 : "none",
                .owner_pid = session->taken ? session->owner_pid : 0,
        };
        if (session->taken)
                memcpy(ret->owner_comm, session->owner_comm, sizeof(ret->owner_comm));
}

int session_bus_new(Daemon *daemon, const char *own_socket, bool replace, SessionBus **ret)
{
        _cleanup_(session_bus_freep) SessionBus *session = NULL;
        _cleanup_free_ char *address = NULL;
        int r;

        r = find_address(own_socket, &address);
        if (r == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        if (r < 0)
                return r;

        session = calloc(1, sizeof(*session));
        if (!session)
                return -ENOMEM;
        session->daemon = daemon;
        session->address = TAKE_PTR(address);
        session->replace = replace;
        session->back_off = BACK_OFF_FIRST;
        r = sd_event_add_time_relative(daemon->event, &session->again, CLOCK_MONOTONIC, 0, 1000, on_again, session);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(session);
        return 0;
}

SessionBus *session_bus_free(SessionBus *session)
{
        if (!session)
                return NULL;
        drop(session);
        sd_event_source_disable_unref(session->again);
        free(session->address);
        free(session);
        return NULL;
}
