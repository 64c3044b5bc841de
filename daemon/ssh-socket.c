/*
 * The ssh-agent's socket
 *
 * Bytes come and go, the agent knows what they mean. Each turn of the loop takes one piece from each connection that has
 * something to say, and reads nothing from one whose request is not answered yet, so a client that floods waits for
 * itself. Connections beyond a crowd of one process have their turn after all others. Whoever may connect is decided as for
 * the own socket (own-socket.h).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemon/door.h"
#include "common/clock.h"
#include "daemon/log.h"
#include "daemon/ssh-internal.h"

#define ACCEPT_AT_ONCE   64U
#define PIECE_SIZE       ((size_t)16 * 1024) /* of one message; */
#define SMALL_PIECE_SIZE ((size_t)1024)      /* where there may be several, each with work of its own */
#define SEND_AT_ONCE     8U
#define HELD_MAX         ((size_t)32 * 1024 * 1024) /* of all connections */
#define HEADER_SIZE      4U
#define AWAKE_USEC       100U /* what falling asleep and being woken takes, and one that asks to do so again */
#define CROWD            8U                             /* connections of a process */
#define CROWDED_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 50)

_Static_assert(PIECE_SIZE <= SSH_CHUNK_MAX, "the agent takes a piece");

/* ---- leaving ---- */

static SshConnection *connection_free(SshConnection *connection)
{
        SshDoor *door;

        if (!connection)
                return NULL;
        door = connection->door;
        *(connection->previous ? &connection->previous->next : &door->first) = connection->next;
        *(connection->next ? &connection->next->previous : &door->last) = connection->previous;
        door->n_connections--;
        door->full = door->full && door->n_connections > door->connections_max / 2;
        door->held -= connection->frame.held;

        ssh_client_free(connection->client);
        sd_event_source_disable_unref(connection->io);
        closep(&connection->fd);
        ssh_peer_leave(door, connection->peer);
        free(connection);
        return NULL;
}

static void to_front(SshConnection *connection)
{
        SshDoor *door = connection->door;

        if (door->first == connection)
                return;
        connection->previous->next = connection->next;
        *(connection->next ? &connection->next->previous : &door->last) = connection->previous;
        connection->previous = NULL;
        connection->next = door->first;
        door->first->previous = connection;
        door->first = connection;
}

/* ---- what is kept ---- */

/* Follows the messages in what has come, as far as to know how much there is of one that is not whole. */
static void follow(SshFrame *frame, const uint8_t *data, size_t size)
{
        while (size > 0) {
                size_t n = size < frame->left ? size : frame->left;

                if (frame->left > 0) {
                        frame->left -= (uint32_t)n;
                        data += n;
                        size -= n;
                } else {
                        frame->size = (frame->n_header == 0 ? 0 : frame->size << 8) | *data++;
                        size--;
                        if (++frame->n_header < HEADER_SIZE)
                                continue;
                        frame->left = frame->size;
                }
                if (frame->n_header == HEADER_SIZE && frame->left == 0)
                        frame->n_header = 0;
        }
}

static size_t unfinished(const SshFrame *frame)
{
        return frame->n_header < HEADER_SIZE ? frame->n_header : HEADER_SIZE + frame->size - frame->left;
}

/* What is kept for this connection: a message that is not whole, and what it has not read. */
static void weigh(SshConnection *connection)
{
        SshDoor *door = connection->door;
        size_t out = 0;

        (void)ssh_client_output(connection->client, &out);
        door->held -= connection->frame.held;
        connection->frame.held = unfinished(&connection->frame) + out;
        door->held += connection->frame.held;
}

/* ---- out ---- */

static void flush(SshConnection *connection)
{
        for (unsigned i = 0; i < SEND_AT_ONCE && !connection->dead; i++) {
                size_t size = 0;
                const uint8_t *out = ssh_client_output(connection->client, &size);
                ssize_t n;

                if (size == 0)
                        return;
                n = send(connection->fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0 || ssh_client_sent(connection->client, (size_t)n) < 0)
                        connection->dead = true;
        }
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        SshDoor *door = userdata;

        door->deadline = SSH_NEVER;
        ssh_agent_tick(door->agent);
        ssh_door_called(door);
        return 0;
}

/* Has the agent called when it wants to be. */
static void arm(SshDoor *door)
{
        uint64_t deadline = ssh_agent_deadline(door->agent);
        uint64_t usec = deadline < UINT64_MAX / 1000 ? deadline * 1000 : UINT64_MAX;

        if (deadline == door->deadline)
                return;
        door->deadline = deadline;
        if (usec == UINT64_MAX) {
                (void)sd_event_source_set_enabled(door->timer, SD_EVENT_OFF);
                return;
        }
        (void)sd_event_source_set_time(door->timer, usec);
        (void)sd_event_source_set_enabled(door->timer, SD_EVENT_ONESHOT);
}

void ssh_connection_settle(SshConnection *connection)
{
        SshDoor *door = connection->door;
        uint32_t events;
        size_t out = 0;

        flush(connection);
        weigh(connection);
        (void)ssh_client_output(connection->client, &out);
        events = (ssh_client_wants(connection->client) ? EPOLLIN : 0) | (out > 0 ? EPOLLOUT : 0);
        if (!connection->dead && events != connection->events) {
                connection->events = events;
                if (sd_event_source_set_io_events(connection->io, events) < 0)
                        connection->dead = true;
        }
        if (connection->dead)
                connection_free(connection);
        arm(door);
}

static int on_settling(sd_event_source *source, void *userdata)
{
        SshDoor *door = userdata;
        SshConnection *next;

        for (SshConnection *connection = door->first; connection; connection = next) {
                next = connection->next;
                ssh_connection_settle(connection);
        }
        ssh_signatures_start(door);
        arm(door);
        return 0;
}

void ssh_door_called(SshDoor *door)
{
        (void)sd_event_source_set_enabled(door->settling, SD_EVENT_ONESHOT);
}

/* ---- in ---- */

static void receive(SshConnection *connection)
{
        uint8_t piece[PIECE_SIZE];
        size_t size = connection->frame.left;
        ssize_t n;
        int r;

        size = size > PIECE_SIZE ? PIECE_SIZE : size > SMALL_PIECE_SIZE ? size : SMALL_PIECE_SIZE;
        n = recv(connection->fd, piece, size, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                connection->dead = true;
                return;
        }
        to_front(connection);
        follow(&connection->frame, piece, (size_t)n);
        r = ssh_client_receive(connection->client, piece, (size_t)n);
        explicit_bzero(piece, (size_t)n); /* keys come in here */
        if (r < 0)
                connection->dead = true;
}

/* Who asked again as soon as he had his answer is likely to do so once more. To fall asleep and be woken takes longer than he
 * does, so he is waited for, as long as that would take and until anybody has anything to say. */
static void stay_awake(SshDoor *door)
{
        struct pollfd anything = {.fd = sd_event_get_fd(door->daemon->event), .events = POLLIN};
        uint64_t until = door->answered + AWAKE_USEC;

        while (poll(&anything, 1, 0) == 0 && clock_usec() < until)
                ;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        SshConnection *connection = userdata;
        SshDoor *door = connection->door;
        bool quick = clock_usec() - door->answered < AWAKE_USEC;

        if (ssh_client_wants(connection->client) && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                receive(connection);
        else if (revents & (EPOLLHUP | EPOLLERR))
                connection->dead = true;
        ssh_connection_settle(connection);
        while (door->held > HELD_MAX && (connection = ssh_spare_memory(door)))
                connection_free(connection);
        door->answered = clock_usec();
        if (quick)
                stay_awake(door);
        return 0;
}

/* ---- coming ---- */

static int connection_new(SshDoor *door, int fd, pid_t pid)
{
        SshConnection *connection = calloc(1, sizeof(*connection));
        int r;

        if (connection)
                connection->peer = ssh_peer_enter(door, pid);
        if (!connection || !connection->peer) {
                free(connection);
                (void)close(fd);
                return -ENOMEM;
        }
        connection->door = door;
        connection->fd = fd;
        connection->events = EPOLLIN;
        connection->next = door->first;
        *(connection->next ? &connection->next->previous : &door->last) = connection;
        door->first = connection;
        door->n_connections++;

        r = ssh_client_new(door->agent, connection, &connection->client);
        if (r >= 0)
                r = sd_event_add_io(door->daemon->event, &connection->io, fd, EPOLLIN, on_io, connection);
        if (r >= 0 && connection->peer->n_connections > CROWD)
                r = sd_event_source_set_priority(connection->io, CROWDED_PRIORITY);
        if (r < 0)
                connection_free(connection);
        return r;
}

static void rest(SshDoor *door, int why)
{
        if (!door->full)
                log_line(LOG_WARNING, "a connection to the ssh-agent could not be accepted: %s", strerror(-why));
        door->full = true; /* said once, until there is room again */
        listener_rest(&door->listener);
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        SshDoor *door = userdata;

        (void)daemon_find_vault(door->daemon);
        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                struct ucred peer;
                int client = own_socket_accept(fd, &peer), r;

                if (client == -EACCES)
                        continue;
                if (client == -EAGAIN)
                        return 0;
                if (client < 0) {
                        rest(door, client);
                        return 0;
                }
                r = connection_new(door, client, peer.pid);
                if (r < 0)
                        log_line(LOG_WARNING, "a connection to the ssh-agent could not be set up: %s", strerror(-r));
                if (door->n_connections <= door->connections_max)
                        continue;
                if (!door->full)
                        log_line(LOG_WARNING, "too many connections to the ssh-agent: process %d is the last of them",
                                 peer.pid);
                door->full = true;
                connection_free(ssh_spare_connection(door));
        }
        return 0;
}

/* ---- life ---- */

int ssh_socket_new(SshDoor *door)
{
        return own_socket_open_beside(doors_own_socket(door->daemon), OWN_SOCKET_SSH, SOCK_STREAM, &door->socket);
}

int ssh_socket_open(SshDoor *door)
{
        sd_event *event = door->daemon->event;
        int r;

        r = sd_event_add_defer(event, &door->settling, on_settling, door);
        if (r >= 0)
                r = sd_event_source_set_enabled(door->settling, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(event, &door->timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_due, door);
        if (r >= 0)
                r = sd_event_source_set_enabled(door->timer, SD_EVENT_OFF);
        if (r >= 0 && door->socket.fd >= 0)
                r = listener_open(&door->listener, event, door->socket.fd, on_accept, door);
        return r;
}

void ssh_socket_free(SshDoor *door)
{
        while (door->first)
                connection_free(door->first);
        listener_done(&door->listener);
        sd_event_source_disable_unref(door->timer);
        sd_event_source_disable_unref(door->settling);
        own_socket_done(&door->socket);
}
