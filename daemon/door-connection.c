/*
 * One connection of the own socket
 *
 * An sd-bus server object. sd-bus 252 does not notice a message that came in the same read as the end of the authentication
 * (libdbus sends it so), hence the kick when a connection is set up. A connection is never freed inside its own handlers: it
 * is marked, and reaped from the loop. Nor is it attached to the loop: see connection_watch(), which whoever sends to it or asks
 * it something outside of its handlers has called, by doors_sent() or doors_asked().
 *
 * sd-bus has no bound on what a client leaves unread that would help (it counts messages), so sizes are counted here,
 * but only while something is unread: a client beyond DOOR_UNREAD_MAX that has not read on for a moment is closed.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "daemon/caller.h"
#include "daemon/door-internal.h"
#include "daemon/log.h"
#include "daemon/minibus.h"
#include "daemon/objects.h"

#define AUTH_USEC       (UINT64_C(10) * 1000000)
#define STALL_USEC      (UINT64_C(2) * 1000000)
#define UNREAD_HARD_MAX ((size_t)64 * 1024 * 1024)
#define UNREAD_MESSAGES 4096U
#define UNKNOWN_SIZE    1024U /* of a message that sd-bus sent by itself */
#define SEND_BUFFER     (512 * 1024)
#define HANDSHAKE_STEPS 4U

struct Connection {
        Doors *doors;
        sd_bus *bus;
        uint32_t number;
        pid_t pid;
        uid_t uid;
        sd_event_source *io, *kick;
        sd_event_source *timer;    /* authentication; later: stalled output */
        sd_event_source *deadline; /* of what was asked of this client; made when something is */
        int events;                /* that io waits for */
        uint64_t due;              /* of the deadline; UINT64_MAX: none */
        MatchRule *matches;
        unsigned n_matches;
        unsigned objects; /* the groups that were added */
        size_t unread; /* bytes, roughly, in unread_messages messages */
        uint64_t n_unread;
        bool connected, dead;
        Connection *previous, *next;
};

Connection *connection_free(Connection *connection)
{
        if (!connection)
                return NULL;
        if (connection->previous)
                connection->previous->next = connection->next;
        else if (connection->doors->connections == connection)
                connection->doors->connections = connection->next;
        if (connection->next)
                connection->next->previous = connection->previous;
        connection->doors->n_connections--;
        connection->doors->full = false;

        if (connection->bus)
                callers_gone(connection->doors->daemon, connection->bus, NULL);
        sd_event_source_disable_unref(connection->io);
        sd_event_source_disable_unref(connection->kick);
        sd_event_source_disable_unref(connection->timer);
        sd_event_source_disable_unref(connection->deadline);
        sd_bus_close_unref(connection->bus);
        while (connection->matches) {
                MatchRule *rule = connection->matches;

                connection->matches = rule->next;
                match_rule_free(rule);
        }
        free(connection);
        return NULL;
}

static void connection_end(Connection *connection)
{
        connection->dead = true;
        (void)sd_event_source_set_enabled(connection->doors->reap, SD_EVENT_ONESHOT);
}

void doors_reap(Doors *doors)
{
        for (Connection *connection = doors->connections, *next; connection; connection = next) {
                next = connection->next;
                if (connection->dead)
                        connection_free(connection);
        }
}

/* Whether the kernel has more from this client. */
static bool has_more(const Connection *connection)
{
        int fd = sd_bus_get_fd(connection->bus), n = 0;

        return fd >= 0 && ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata);

/* UINT64_MAX: never. */
static int connection_set_deadline(Connection *connection, uint64_t due)
{
        int r = 0;

        if (due == connection->due)
                return 0;
        connection->due = due;
        if (!connection->deadline)
                return sd_event_add_time(connection->doors->daemon->event, &connection->deadline, CLOCK_MONOTONIC, due,
                                         0, on_deadline, connection);
        if (due != UINT64_MAX)
                r = sd_event_source_set_time(connection->deadline, due);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(connection->deadline, due == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* Has the loop wait for what this connection waits for. sd-bus would do so by itself, but anew for every connection whenever any of
 * them has something: with a hundred of them that takes longer than the answer. Called when something was read, or could not be sent
 * at once. */
static void connection_watch(Connection *connection)
{
        int events = sd_bus_get_events(connection->bus), r = 0;
        uint64_t due = UINT64_MAX;

        if (events < 0 || sd_bus_get_timeout(connection->bus, &due) < 0) {
                connection_end(connection);
                return;
        }
        if (events != connection->events) {
                r = sd_event_source_set_io_events(connection->io, (uint32_t)events);
                connection->events = events;
        }
        if (r >= 0)
                r = due == 0 ? sd_event_source_set_enabled(connection->kick, SD_EVENT_ONESHOT)
                             : connection_set_deadline(connection, due);
        if (r < 0)
                connection_end(connection);
}

/* One message, or none. */
static int connection_process(Connection *connection)
{
        int r;

        if (connection->dead)
                return 0;
        r = sd_bus_process(connection->bus, NULL);
        if (r < 0)
                connection_end(connection);
        else
                connection_watch(connection);
        return r;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void)connection_process(userdata);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Connection *connection = userdata;

        connection->due = UINT64_MAX;
        (void)connection_process(connection);
        return 0;
}

/* One message at a time, as the loop itself does, until what was read with the handshake is used up. Where the kernel has more
 * the loop comes back by itself, in its turn: a kick goes before all that others have asked since. */
static int on_kick(sd_event_source *source, void *userdata)
{
        Connection *connection = userdata;

        if (connection_process(connection) > 0 && !connection->dead && !has_more(connection))
                (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Connection *connection = userdata;

        connection->connected = true;
        (void)sd_event_source_set_enabled(connection->timer, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(connection->kick, SD_EVENT_ONESHOT);
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        connection_end(userdata);
        return 0;
}

static int add_objects(Connection *connection, unsigned groups)
{
        int r;

        groups &= ~connection->objects;
        connection->objects |= groups;
        r = objects_attach(connection->doors->daemon, connection->bus, groups);
        if (r >= 0 && groups & OBJECTS_BUS)
                r = minibus_attach(connection, connection->bus);
        return r;
}

/* Sees each message before the objects do, and has those there that it is for. A client that asks on and on without reading
 * ends here. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Connection *connection = userdata;
        int r;

        doors_sent(connection->doors->daemon, connection->bus, NULL, 0);
        if (connection->dead)
                return 1;
        r = add_objects(connection, objects_needed(message));
        if (r >= 0)
                return 0;
        connection_end(connection); /* what was added, and what was not, can't be told apart */
        return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Connection *connection = userdata;
        uint64_t n = 0;

        if (!connection->connected) {
                connection_end(connection);
                return 0;
        }
        (void)sd_bus_get_n_queued_write(connection->bus, &n);
        if (n > 1 && n >= connection->n_unread && connection->unread > DOOR_UNREAD_MAX) {
                log_line(LOG_WARNING, "process %d reads no answers: its connection is closed", connection->pid);
                connection_end(connection);
        }
        return 0;
}

static int set_up_bus(Connection *connection, int fd)
{
        Doors *doors = connection->doors;
        sd_bus *bus;
        int r;

        r = sd_bus_new(&connection->bus);
        if (r < 0) {
                (void)close(fd);
                return r;
        }
        bus = connection->bus;
        r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                (void)close(fd);
                return r;
        }
        /* Who it is has been decided; whatever mechanism the client offers is fine. */
        r = sd_bus_set_server(bus, 1, doors->id);
        if (r >= 0)
                r = sd_bus_set_anonymous(bus, 1);
        if (r >= 0)
                r = sd_bus_set_trusted(bus, 1);
        if (r >= 0)
                r = sd_bus_set_sender(bus, DOOR_UNIQUE_NAME);
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus, 1);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Connected", on_connected, connection);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, connection);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, on_message, connection);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_event_add_io(doors->daemon->event, &connection->io, fd, EPOLLIN, on_io, connection);
        if (r < 0)
                return r;
        connection->events = EPOLLIN;
        connection->due = UINT64_MAX;
        /* sd-bus asks for 8 MiB, which would hide an unread queue in the kernel. */
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
        return 0;
}

/* Clients say all of it at once, before they are accepted. In the loop each step would have a turn of its own, and set a
 * timer. */
static int answer_handshake(Connection *connection)
{
        int r = 1;

        for (unsigned i = 0; r > 0 && i < HANDSHAKE_STEPS && !connection->connected; i++)
                r = sd_bus_process(connection->bus, NULL);
        if (r >= 0)
                connection_watch(connection);
        return r;
}

int connection_new(Doors *doors, int fd, const struct ucred *peer)
{
        Connection *connection;
        sd_event *event = doors->daemon->event;
        int r;

        connection = calloc(1, sizeof(*connection));
        if (!connection) {
                (void)close(fd);
                return -ENOMEM;
        }
        connection->doors = doors;
        connection->number = ++doors->last_number;
        connection->pid = peer->pid;
        connection->uid = peer->uid;
        connection->next = doors->connections;
        if (connection->next)
                connection->next->previous = connection;
        doors->connections = connection;
        doors->n_connections++;

        r = set_up_bus(connection, fd);
        if (r >= 0)
                r = sd_event_add_defer(event, &connection->kick, on_kick, connection);
        if (r >= 0)
                r = sd_event_source_set_enabled(connection->kick, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &connection->timer, CLOCK_MONOTONIC, AUTH_USEC, 0, on_timer,
                                               connection);
        if (r >= 0)
                r = answer_handshake(connection);
        if (r < 0)
                connection_free(connection);
        return r;
}

sd_bus *connection_bus(const Connection *connection)
{
        return connection->bus;
}

uint32_t connection_number(const Connection *connection)
{
        return connection->number;
}

pid_t connection_pid(const Connection *connection)
{
        return connection->pid;
}

uid_t connection_uid(const Connection *connection)
{
        return connection->uid;
}

int connection_add_match(Connection *connection, MatchRule *rule)
{
        if (connection->n_matches >= DOOR_MATCHES_MAX)
                return -ENOBUFS;
        rule->next = connection->matches;
        connection->matches = rule;
        connection->n_matches++;
        return 0;
}

int connection_remove_match(Connection *connection, const MatchRule *rule)
{
        for (MatchRule **p = &connection->matches; *p; p = &(*p)->next) {
                MatchRule *found = *p;

                if (strcmp(found->text, rule->text) != 0)
                        continue;
                *p = found->next;
                match_rule_free(found);
                connection->n_matches--;
                return 0;
        }
        return -ENOENT;
}

/* ---- signals and unread output ---- */

Connection *doors_next_listener(Daemon *daemon, Connection *previous, const MatchSignal *signal)
{
        Connection *connection;

        if (!daemon->doors)
                return NULL;
        for (connection = previous ? previous->next : daemon->doors->connections; connection;
             connection = connection->next) {
                if (connection->dead)
                        continue;
                for (const MatchRule *rule = connection->matches; rule; rule = rule->next)
                        if (match_rule_matches(rule, signal))
                                return connection;
        }
        return NULL;
}

static size_t basic_size(sd_bus_message *message, char type)
{
        const char *text;
        uint64_t value;

        switch (type) {
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                return sd_bus_message_read_basic(message, type, &text) > 0 ? strlen(text) + 5 : 0;
        case SD_BUS_TYPE_UNIX_FD:
                return sd_bus_message_skip(message, "h") > 0 ? 4 : 0;
        default:
                return sd_bus_message_read_basic(message, type, &value) > 0 ? 8 : 0;
        }
}

/* The size of what is left of the message, or of the container entered. */
static size_t content_size(sd_bus_message *message, unsigned depth)
{
        size_t size = 0;
        const char *contents;
        char type;

        while (depth < 32 && sd_bus_message_peek_type(message, &type, &contents) > 0) {
                const void *bytes;
                size_t n = 0;

                if (type == SD_BUS_TYPE_ARRAY && strcmp(contents, "y") == 0) {
                        if (sd_bus_message_read_array(message, 'y', &bytes, &n) < 0)
                                break;
                } else if (type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_STRUCT || type == SD_BUS_TYPE_VARIANT ||
                           type == SD_BUS_TYPE_DICT_ENTRY) {
                        if (sd_bus_message_enter_container(message, type, contents) <= 0)
                                break;
                        n = 8 + content_size(message, depth + 1);
                        if (sd_bus_message_exit_container(message) < 0)
                                break;
                } else {
                        n = basic_size(message, type);
                        if (n == 0)
                                break;
                }
                size += n;
        }
        return size;
}

static Connection *find_connection(const Doors *doors, const sd_bus *bus)
{
        for (Connection *connection = doors->connections; connection; connection = connection->next)
                if (connection->bus == bus)
                        return connection;
        return NULL;
}

void doors_asked(Daemon *daemon, sd_bus *bus)
{
        Connection *connection = NULL;

        if (daemon->doors && sd_bus_is_server(bus) > 0)
                connection = find_connection(daemon->doors, bus);
        if (connection && !connection->dead)
                connection_watch(connection);
}

void doors_sent(Daemon *daemon, sd_bus *bus, sd_bus_message *message, size_t known)
{
        Connection *connection;
        uint64_t n = 0;
        size_t size = UNKNOWN_SIZE + known;
        int enabled = SD_EVENT_OFF;

        if (sd_bus_get_n_queued_write(bus, &n) < 0 || n == 0 || sd_bus_is_server(bus) <= 0)
                return;
        connection = find_connection(daemon->doors, bus);
        if (!connection || connection->dead)
                return;
        connection_watch(connection);

        if (message && known == 0 && sd_bus_message_rewind(message, 1) >= 0) {
                size += content_size(message, 0);
                (void)sd_bus_message_rewind(message, 1);
        }
        /* What was read since the last look is taken to have been of average size. */
        if (n <= 1 || connection->n_unread == 0)
                connection->unread = 0;
        else if (n <= connection->n_unread)
                connection->unread =
                        (size_t)((double)connection->unread * (double)(n - 1) / (double)connection->n_unread);
        if (message || n > connection->n_unread)
                connection->unread += size;
        connection->n_unread = n;

        if (n > UNREAD_MESSAGES || (n > 1 && connection->unread > UNREAD_HARD_MAX)) {
                log_line(LOG_WARNING, "process %d reads no answers: its connection is closed", connection->pid);
                connection_end(connection);
        } else if (n > 1 && connection->unread > DOOR_UNREAD_MAX) {
                (void)sd_event_source_get_enabled(connection->timer, &enabled);
                if (enabled == SD_EVENT_OFF) {
                        (void)sd_event_source_set_time_relative(connection->timer, STALL_USEC);
                        (void)sd_event_source_set_enabled(connection->timer, SD_EVENT_ONESHOT);
                }
        }
}
