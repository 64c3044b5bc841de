/*
 * The own socket
 *
 * The D-Bus protocol peer to peer: an sd-bus server object per connection (door-connection.c), with no broker and no Hello
 * needed. Whoever may connect is decided by SO_PEERCRED before a byte is read.
 */
#include "daemon/door.h"

#include <errno.h>
#include <string.h>

#include "daemon/door-internal.h"
#include "daemon/log.h"

#define ACCEPT_AT_ONCE 16

static int on_reap(sd_event_source *source, void *userdata)
{
        doors_reap(userdata);
        return 0;
}

static void rest(Doors *doors, int why)
{
        if (!doors->full)
                log_line(LOG_WARNING, "a connection could not be accepted: %s", strerror(-why));
        doors->full = true; /* said once, until there is room again */
        listener_rest(&doors->listener);
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Doors *doors = userdata;

        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                struct ucred peer;
                int client = own_socket_accept(fd, &peer);

                if (client == -EACCES)
                        continue;
                if (client == -EAGAIN)
                        return 0;
                if (client < 0) {
                        rest(doors, client);
                        return 0;
                }
                if (doors->n_connections >= DOOR_CONNECTIONS_MAX) {
                        if (!doors->full)
                                log_line(LOG_WARNING, "too many connections: process %d was refused", peer.pid);
                        doors->full = true; /* said once, until there is room again */
                        (void)close(client);
                } else if (connection_new(doors, client, &peer) < 0) {
                        /* Mostly one that was closed at once: another keyfobd that asked for our pid. */
                        log_line(LOG_DEBUG, "a connection could not be set up");
                }
        }
        return 0;
}

const char *doors_socket_path(const Daemon *daemon)
{
        return daemon->doors->own.path;
}

OwnSocket *doors_own_socket(const Daemon *daemon)
{
        return &daemon->doors->own;
}

sd_bus *doors_session_bus(const Daemon *daemon)
{
        return daemon->doors && daemon->doors->session ? session_bus_get(daemon->doors->session) : NULL;
}

void session_bus_status(const Daemon *daemon, SessionBusStatus *ret)
{
        if (daemon->doors && daemon->doors->session)
                session_bus_describe(daemon->doors->session, ret);
        else
                *ret = (SessionBusStatus){.secrets_name = "none"};
}

int doors_new(Daemon *daemon, Doors **ret, pid_t *ret_pid)
{
        _cleanup_(doors_freep) Doors *doors = calloc(1, sizeof(*doors));
        int r;

        if (!doors)
                return -ENOMEM;
        doors->daemon = daemon;
        doors->own = OWN_SOCKET_NULL;

        r = sd_id128_randomize(&doors->id);
        if (r >= 0)
                r = own_socket_open(&doors->own, ret_pid);
        if (r >= 0)
                r = sd_event_add_defer(daemon->event, &doors->reap, on_reap, doors);
        if (r >= 0)
                r = sd_event_source_set_enabled(doors->reap, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(doors);
        return 0;
}

int doors_open(Daemon *daemon, const DoorsOptions *options)
{
        Doors *doors = daemon->doors;
        int r;

        r = listener_open(&doors->listener, daemon->event, doors->own.fd, on_accept, doors);
        if (r < 0 || !options->use_bus)
                return r;
        return session_bus_new(daemon, doors->own.path, options->replace, &doors->session);
}

Doors *doors_free(Doors *doors)
{
        if (!doors)
                return NULL;
        while (doors->connections)
                connection_free(doors->connections);
        doors->session = session_bus_free(doors->session);
        listener_done(&doors->listener);
        sd_event_source_disable_unref(doors->reap);
        own_socket_done(&doors->own);
        free(doors);
        return NULL;
}
