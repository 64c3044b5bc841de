/*
 * The security key on a socket
 *
 * Packets of 64 bytes are CTAPHID reports, both ways (ctap-line.c); each connection is a port of its own. A client
 * that does not read is waited for up to a bound, then it is closed. Whoever may connect is decided as for the own
 * socket (own-socket.h).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/ctap-line.h"
#include "daemon/door.h"
#include "daemon/log.h"

#define SOCKET_NAME     "ctap"
#define CONNECTIONS_MAX 64U
#define ACCEPT_AT_ONCE  16U

struct CtapConnection {
        CtapLine line; /* first */
        Ctap *ctap;
        CtapConnection *previous, *next;
};

static CtapConnection *connection_free(CtapConnection *connection)
{
        Ctap *ctap;

        if (!connection)
                return NULL;
        ctap = connection->ctap;
        if (connection->previous)
                connection->previous->next = connection->next;
        else if (ctap->connections == connection)
                ctap->connections = connection->next;
        if (connection->next)
                connection->next->previous = connection->previous;
        ctap->n_connections--;
        ctap->full = false;

        ctap_line_done(&connection->line);
        free(connection);
        return NULL;
}

/* ---- coming ---- */

static void on_ended(CtapLine *line)
{
        connection_free((CtapConnection *)line);
}

static int connection_new(Ctap *ctap, int fd, pid_t pid)
{
        CtapConnection *connection = calloc(1, sizeof(*connection));
        int r;

        if (!connection) {
                (void)close(fd);
                return -ENOMEM;
        }
        connection->ctap = ctap;
        connection->line.client = (CtapClient){.ctap = ctap, .door = "socket", .pid = pid};
        connection->line.ended = on_ended;
        connection->next = ctap->connections;
        if (connection->next)
                connection->next->previous = connection;
        ctap->connections = connection;
        ctap->n_connections++;

        r = ctap_line_init(&connection->line, fd);
        if (r < 0)
                connection_free(connection);
        return r;
}

static void rest(Ctap *ctap, int why)
{
        if (!ctap->full)
                log_line(LOG_WARNING, "a connection could not be accepted: %s", strerror(-why));
        ctap->full = true; /* said once, until there is room again */
        listener_rest(&ctap->listener);
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Ctap *ctap = userdata;

        (void)daemon_find_vault(ctap->daemon);
        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                struct ucred peer;
                int client = own_socket_accept(fd, &peer);

                if (client == -EACCES)
                        continue;
                if (client == -EAGAIN)
                        return 0;
                if (client < 0) {
                        rest(ctap, client);
                        return 0;
                }
                if (ctap->n_connections >= CONNECTIONS_MAX) {
                        if (!ctap->full)
                                log_line(LOG_WARNING,
                                         "too many connections to the security key: process %d was refused", peer.pid);
                        ctap->full = true;
                        (void)close(client);
                } else if (connection_new(ctap, client, peer.pid) < 0) {
                        log_line(LOG_WARNING, "a connection to the security key could not be set up");
                }
        }
        return 0;
}

/* ---- life ---- */

int ctap_socket_new(Ctap *ctap)
{
        return own_socket_open_beside(doors_own_socket(ctap->daemon), SOCKET_NAME, SOCK_SEQPACKET, &ctap->socket);
}

int ctap_socket_open(Ctap *ctap)
{
        if (ctap->socket.fd < 0)
                return 0;
        return listener_open(&ctap->listener, ctap->daemon->event, ctap->socket.fd, on_accept, ctap);
}

void ctap_socket_drop(Ctap *ctap)
{
        while (ctap->connections)
                connection_free(ctap->connections);
}

void ctap_socket_rearm(Ctap *ctap)
{
        for (CtapConnection *connection = ctap->connections; connection; connection = connection->next)
                ctap_client_arm(&connection->line.client, authenticator_port_deadline(connection->line.port));
}

void ctap_socket_free(Ctap *ctap)
{
        ctap_socket_drop(ctap);
        listener_done(&ctap->listener);
        own_socket_done(&ctap->socket);
}
