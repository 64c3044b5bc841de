/*
 * The security key on a socket
 *
 * Packets of 64 bytes are CTAPHID reports, both ways; each connection is a port of its own. What has come is read in
 * one call, handed to the port, and what the port has to say goes out in one call before the loop is reached again, so
 * a request costs two system calls here and waits for no timer. A client that does not read is waited for up to a
 * bound, then it is closed. Whoever may connect is decided as for the own socket (own-socket.h).
 *
 * A connection ends only where its event or answer was taken up, never under the port's hands: its entries end with
 * settle(), after which it may be gone.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/ctap-internal.h"
#include "daemon/door.h"
#include "daemon/log.h"

#define SOCKET_NAME     "ctap"
#define CONNECTIONS_MAX 64U
#define ACCEPT_AT_ONCE  16U
#define REPORTS_AT_ONCE 32U
#define ROUNDS_AT_ONCE  8U    /* of so many reports, before others have their turn */
#define UNREAD_MAX      1024U /* reports that a client may leave unread, beside what the kernel keeps */
#define REST_USEC       (UINT64_C(500) * 1000) /* when no descriptor or memory was left for a connection */

typedef struct Report {
        uint8_t bytes[AUTHENTICATOR_REPORT_SIZE];
} Report;

struct CtapConnection {
        CtapClient client;
        Ctap *ctap;
        AuthenticatorPort *port;
        int fd;
        sd_event_source *io;
        Report *out; /* still to be sent, from `sent` on */
        size_t n_out, sent, room;
        bool dead, waits; /* for room in the socket */
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

        authenticator_port_free(connection->port);
        ctap_client_done(&connection->client);
        sd_event_source_disable_unref(connection->io);
        closep(&connection->fd);
        free(connection->out);
        free(connection);
        return NULL;
}

/* ---- out ---- */

static void on_send(void *userdata, const uint8_t report[AUTHENTICATOR_REPORT_SIZE])
{
        CtapClient *client = userdata;
        CtapConnection *connection = client->owner;

        if (connection->n_out - connection->sent >= UNREAD_MAX) {
                if (!connection->dead)
                        log_line(LOG_WARNING, "process %d reads no reports: its connection is closed",
                                 connection->client.pid);
                connection->dead = true;
        }
        if (connection->n_out == connection->room && !connection->dead) {
                size_t room = connection->room ? connection->room * 2 : 16;
                Report *out = reallocarray(connection->out, room, sizeof(*out));

                if (out) {
                        connection->out = out;
                        connection->room = room;
                } else {
                        connection->dead = true;
                }
        }
        if (!connection->dead)
                memcpy(connection->out[connection->n_out++].bytes, report, AUTHENTICATOR_REPORT_SIZE);
}

static void flush(CtapConnection *connection)
{
        while (connection->sent < connection->n_out && !connection->dead) {
                struct mmsghdr messages[REPORTS_AT_ONCE];
                struct iovec parts[REPORTS_AT_ONCE];
                unsigned n = 0;
                int r;

                for (size_t i = connection->sent; i < connection->n_out && n < REPORTS_AT_ONCE; i++, n++) {
                        parts[n] = (struct iovec){connection->out[i].bytes, AUTHENTICATOR_REPORT_SIZE};
                        messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[n], .msg_iovlen = 1}};
                }
                r = sendmmsg(connection->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0 && errno == EAGAIN)
                        break;
                if (r < 0)
                        connection->dead = true;
                else
                        connection->sent += (size_t)r;
        }
        if (connection->sent == connection->n_out) {
                connection->out = (free(connection->out), NULL);
                connection->n_out = connection->sent = connection->room = 0;
        } else if (connection->sent > 0) {
                connection->n_out -= connection->sent;
                memmove(connection->out, connection->out + connection->sent, connection->n_out * sizeof(Report));
                connection->sent = 0;
        }
}

/* The end of every entry: says what is to be said, and sees to what comes next. */
static void settle(CtapConnection *connection)
{
        bool waits;

        connection->ctap->acting = NULL;
        flush(connection);
        waits = connection->n_out > 0;
        if (!connection->dead && waits != connection->waits) {
                connection->waits = waits;
                if (sd_event_source_set_io_events(connection->io, waits ? EPOLLIN | EPOLLOUT : EPOLLIN) < 0)
                        connection->dead = true;
        }
        if (connection->dead)
                connection_free(connection);
        else
                ctap_client_arm(&connection->client, authenticator_port_deadline(connection->port));
}

/* ---- in ---- */

/* Whether there may be more. */
static bool receive(CtapConnection *connection)
{
        uint8_t reports[REPORTS_AT_ONCE][AUTHENTICATOR_REPORT_SIZE + 1]; /* one more shows what is too long */
        struct mmsghdr messages[REPORTS_AT_ONCE];
        struct iovec parts[REPORTS_AT_ONCE];
        int n;

        for (unsigned i = 0; i < REPORTS_AT_ONCE; i++) {
                parts[i] = (struct iovec){reports[i], sizeof(reports[i])};
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
        }
        n = recvmmsg(connection->fd, messages, REPORTS_AT_ONCE, MSG_DONTWAIT, NULL);
        if (n < 0) {
                connection->dead |= errno != EAGAIN && errno != EINTR;
                return false;
        }
        for (int i = 0; i < n && !connection->dead; i++) {
                /* The end; or a packet without content, which looks the same and is no report either. */
                if (messages[i].msg_len == 0)
                        connection->dead = true;
                else
                        authenticator_port_receive(connection->port, reports[i], messages[i].msg_len);
        }
        explicit_bzero(reports, sizeof(reports));
        return n == REPORTS_AT_ONCE && !connection->dead;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        CtapConnection *connection = userdata;

        connection->ctap->acting = &connection->client;
        for (unsigned i = 0; i < ROUNDS_AT_ONCE; i++) {
                if (!receive(connection))
                        break;
                flush(connection);
        }
        settle(connection);
        return 0;
}

static void on_answered(CtapClient *client, AuthenticatorAnswer answer)
{
        CtapConnection *connection = client->owner;

        connection->ctap->acting = client;
        authenticator_port_answer(connection->port, answer);
        settle(connection);
}

static void on_key_done(CtapClient *client, const AuthenticatorKeyResult *result)
{
        CtapConnection *connection = client->owner;

        connection->ctap->acting = client;
        authenticator_port_key_answer(connection->port, result);
        settle(connection);
}

static void on_due(CtapClient *client)
{
        CtapConnection *connection = client->owner;

        connection->ctap->acting = client;
        authenticator_port_tick(connection->port);
        settle(connection);
}

/* ---- coming ---- */

static int connection_new(Ctap *ctap, int fd, pid_t pid)
{
        static const AuthenticatorPortOps ops = {.send = on_send};
        CtapConnection *connection = calloc(1, sizeof(*connection));
        int r;

        if (!connection) {
                (void)close(fd);
                return -ENOMEM;
        }
        connection->ctap = ctap;
        connection->fd = fd;
        connection->client = (CtapClient){.ctap = ctap,
                                          .door = "socket",
                                          .pid = pid,
                                          .fd = fd,
                                          .deadline = CTAP_NEVER,
                                          .owner = connection,
                                          .answered = on_answered,
                                          .key_done = on_key_done,
                                          .due = on_due};
        connection->next = ctap->connections;
        if (connection->next)
                connection->next->previous = connection;
        ctap->connections = connection;
        ctap->n_connections++;

        r = authenticator_port_new(ctap->authenticator, &ops, &connection->client, &connection->port);
        if (r >= 0)
                connection->client.host = authenticator_port_host(connection->port);
        if (r >= 0)
                r = sd_event_add_io(ctap->daemon->event, &connection->io, fd, EPOLLIN, on_io, connection);
        if (r < 0)
                connection_free(connection);
        return r;
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
        Ctap *ctap = userdata;

        return sd_event_source_set_enabled(ctap->listening, SD_EVENT_ON);
}

/* Whoever waits to be accepted goes on waiting. */
static void rest(Ctap *ctap, int why)
{
        if (!ctap->full)
                log_line(LOG_WARNING, "a connection could not be accepted: %s", strerror(-why));
        ctap->full = true; /* said once, until there is room again */
        if (sd_event_source_set_time_relative(ctap->rest, REST_USEC) >= 0 &&
            sd_event_source_set_enabled(ctap->rest, SD_EVENT_ONESHOT) >= 0)
                (void)sd_event_source_set_enabled(ctap->listening, SD_EVENT_OFF);
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
        return own_socket_open_beside(doors_own_socket(ctap->daemon), SOCKET_NAME, &ctap->socket);
}

int ctap_socket_open(Ctap *ctap)
{
        int r;

        if (ctap->socket.fd < 0)
                return 0;
        r = sd_event_add_io(ctap->daemon->event, &ctap->listening, ctap->socket.fd, EPOLLIN, on_accept, ctap);
        if (r >= 0)
                r = sd_event_add_time_relative(ctap->daemon->event, &ctap->rest, CLOCK_MONOTONIC, 0, 1000, on_rested,
                                               ctap);
        if (r >= 0)
                r = sd_event_source_set_enabled(ctap->rest, SD_EVENT_OFF);
        return r;
}

void ctap_socket_drop(Ctap *ctap)
{
        while (ctap->connections)
                connection_free(ctap->connections);
}

void ctap_socket_rearm(Ctap *ctap)
{
        for (CtapConnection *connection = ctap->connections; connection; connection = connection->next)
                ctap_client_arm(&connection->client, authenticator_port_deadline(connection->port));
}

void ctap_socket_free(Ctap *ctap)
{
        ctap_socket_drop(ctap);
        sd_event_source_disable_unref(ctap->listening);
        sd_event_source_disable_unref(ctap->rest);
        own_socket_done(&ctap->socket);
}
