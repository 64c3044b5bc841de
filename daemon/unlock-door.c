/*
 * The unlock door
 *
 * One packet comes, one goes, and the connection ends. What comes holds a slot's key, so opening costs no KDF: a keyed
 * hash tells whether it is right, and 256 bits are not guessed. What is bounded is the work that a program of the same
 * user can cause: connections, how long one may say nothing, and how many frames are looked at in a second. Nobody but
 * this user is let in, root neither: it would be root's mistake.
 *
 * Who has left without an answer goes by what the daemon says next, so what was left behind is not looked at: a password
 * would be replaced after somebody was told that it is the old one.
 */
#include "daemon/unlock-door.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/unlock-frame.h"
#include "daemon/batch.h"
#include "daemon/door.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/opening.h"
#include "daemon/own-socket.h"

#define CONNECTIONS_MAX 16U
#define ACCEPT_AT_ONCE  16U
#define SILENT_USEC     (UINT64_C(5) * 1000000)
#define FRAMES_MAX      16U                    /* at once, and then */
#define FRAME_USEC      (UINT64_C(250) * 1000) /* one in this time */

_Static_assert(UNLOCK_ID_SIZE == SLOT_ID_SIZE && UNLOCK_KEY_SIZE == SLOT_KEY_SIZE && UNLOCK_SALT_SIZE == KDF_SALT_SIZE,
               "frames hold what slots need");

typedef struct Connection Connection;
struct Connection {
        UnlockDoor *door;
        int fd;
        sd_event_source *io, *silent;
        Connection *next;
};

struct UnlockDoor {
        Daemon *daemon;
        OwnSocket socket;
        Listener listener;
        Connection *connections;
        unsigned n_connections;
        unsigned frames;  /* that may be looked at now */
        uint64_t counted; /* CLOCK_MONOTONIC: until when they are counted */
};

static Connection *connection_free(Connection *connection)
{
        if (!connection)
                return NULL;
        for (Connection **p = &connection->door->connections; *p; p = &(*p)->next)
                if (*p == connection) {
                        *p = connection->next;
                        connection->door->n_connections--;
                        break;
                }
        sd_event_source_disable_unref(connection->io);
        sd_event_source_disable_unref(connection->silent);
        closep(&connection->fd);
        free(connection);
        return NULL;
}
DEFINE_CLEANUP(Connection *, connection_free)

/* ---- what a frame asks for ---- */

static UnlockStatus status_of(int r)
{
        switch (r) {
        case VAULT_E_WRONG_SECRET:
                return UNLOCK_WRONG_KEY;
        case VAULT_E_NOT_FOUND:
                return UNLOCK_NO_SLOT;
        case VAULT_E_DAMAGED:
                return UNLOCK_DAMAGED;
        case VAULT_E_INVALID:
                return UNLOCK_INVALID;
        case VAULT_E_NO_VAULT:
        case VAULT_E_BUSY:
                return UNLOCK_NO_VAULT;
        default:
                return UNLOCK_FAILED;
        }
}

static UnlockStatus failed(int r)
{
        log_line(LOG_WARNING, "a login could not open the vault: %s", vault_strerror(r));
        return status_of(r);
}

static const Slot *find_slot(const SlotList *slots, const uint8_t id[SLOT_ID_SIZE])
{
        for (size_t i = 0; i < slots->n; i++)
                if (memcmp(slot_id(slots->slots[i]), id, SLOT_ID_SIZE) == 0)
                        return slots->slots[i];
        return NULL;
}

/* The vault goes on opening by its other slots whatever becomes of this; and by this one, until the new key is
 * durable. */
static int replace(Daemon *daemon, const Slot *slot, const Root *root, const UnlockFrame *frame)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        KdfParams kdf = {.memory_kib = frame->memory_kib, .passes = frame->passes};
        int r;

        memcpy(kdf.salt, frame->salt, sizeof(kdf.salt));
        r = slot_prepare_login(slot, &kdf, frame->new_key, &draft);
        if (r != 0)
                return r;
        r = vault_slot_replace(daemon->vault, root, draft);
        if (r == 0)
                daemon->slot_changes++;
        return r;
}

static UnlockStatus obey(Daemon *daemon, const UnlockFrame *frame)
{
        _cleanup_(slot_list_done) SlotList slots = {0};
        _cleanup_(root_freep) Root *root = NULL;
        const Slot *slot;
        int r;

        if (!daemon_find_vault(daemon))
                return UNLOCK_NO_VAULT;
        batch_flush(daemon);
        r = vault_slots(daemon->vault, &slots);
        if (r != 0)
                return failed(r);
        slot = find_slot(&slots, frame->slot);
        if (!slot)
                return UNLOCK_NO_SLOT;
        if (slot_collection(slot) != 0 || (slot_kind(slot) != SLOT_LOGIN && slot_kind(slot) != SLOT_FIDO2) ||
            (frame->kind == UNLOCK_FRAME_REPLACE && slot_kind(slot) != SLOT_LOGIN))
                return UNLOCK_NOT_ALLOWED;

        r = slot_open_key(slot, frame->key, &root);
        if (r == 0)
                r = frame->kind == UNLOCK_FRAME_REPLACE ? replace(daemon, slot, root, frame)
                                                        : opening_unlock(daemon, root);
        return r == 0 ? UNLOCK_DONE : failed(r);
}

/* ---- one connection ---- */

static bool may_look(UnlockDoor *door)
{
        uint64_t now = 0;

        (void)sd_event_now(door->daemon->event, CLOCK_MONOTONIC, &now);
        while (door->frames < FRAMES_MAX && door->counted + FRAME_USEC <= now) {
                door->frames++;
                door->counted += FRAME_USEC;
        }
        if (door->frames == FRAMES_MAX)
                door->counted = now;
        if (door->frames == 0)
                return false;
        door->frames--;
        return true;
}

static UnlockAnswer answer_to(UnlockDoor *door, const uint8_t *data, size_t size)
{
        UnlockAnswer answer = {.status = UNLOCK_INVALID};
        UnlockFrame frame;

        if (!may_look(door))
                return (UnlockAnswer){.status = UNLOCK_WAIT, .seconds = 1};
        if (unlock_frame_decode(data, size, &frame) == 0)
                answer.status = obey(door->daemon, &frame);
        explicit_bzero(&frame, sizeof(frame));
        return answer;
}

static int on_packet(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        _cleanup_(connection_freep) Connection *connection = userdata;
        uint8_t data[UNLOCK_FRAME_SIZE + 1], bytes[UNLOCK_ANSWER_SIZE];
        UnlockAnswer answer;
        ssize_t n;

        if (revents & EPOLLHUP)
                return 0;
        n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
        if (n > 0) {
                answer = answer_to(connection->door, data, (size_t)n);
                unlock_answer_encode(&answer, bytes);
                (void)send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        explicit_bzero(data, sizeof(data));
        return 0;
}

static int on_silent(sd_event_source *source, uint64_t usec, void *userdata)
{
        connection_free(userdata);
        return 0;
}

static int connection_new(UnlockDoor *door, int fd)
{
        _cleanup_(connection_freep) Connection *connection = calloc(1, sizeof(*connection));
        int r;

        if (!connection) {
                (void)close(fd);
                return -ENOMEM;
        }
        connection->door = door;
        connection->fd = fd;
        connection->next = door->connections;
        door->connections = connection;
        door->n_connections++;
        r = sd_event_add_io(door->daemon->event, &connection->io, fd, EPOLLIN, on_packet, connection);
        if (r >= 0)
                r = sd_event_add_time_relative(door->daemon->event, &connection->silent, CLOCK_MONOTONIC, SILENT_USEC,
                                               0, on_silent, connection);
        if (r < 0)
                return r;
        (void)TAKE_PTR(connection);
        return 0;
}

/* ---- coming ---- */

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        UnlockDoor *door = userdata;

        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                struct ucred peer;
                int client = own_socket_accept(fd, &peer);

                if (client == -EACCES)
                        continue;
                if (client == -EAGAIN)
                        return 0;
                if (client < 0) {
                        listener_rest(&door->listener);
                        return 0;
                }
                if (peer.uid != getuid() || door->n_connections >= CONNECTIONS_MAX)
                        (void)close(client);
                else if (connection_new(door, client) < 0)
                        log_line(LOG_WARNING, "a connection of a login could not be set up");
        }
        return 0;
}

/* ---- life ---- */

int unlock_door_new(Daemon *daemon, UnlockDoor **ret)
{
        _cleanup_(unlock_door_freep) UnlockDoor *door = calloc(1, sizeof(*door));
        int r;

        if (!door)
                return -ENOMEM;
        door->daemon = daemon;
        door->socket = OWN_SOCKET_NULL;
        door->frames = FRAMES_MAX;
        r = own_socket_open_beside(doors_own_socket(daemon), UNLOCK_SOCKET, SOCK_SEQPACKET, &door->socket);
        if (r < 0)
                log_line(LOG_ERR, "logins can't open the vault, there is no socket for them: %s", strerror(-r));
        *ret = TAKE_PTR(door);
        return 0;
}

int unlock_door_open(UnlockDoor *door)
{
        if (door->socket.fd < 0)
                return 0;
        return listener_open(&door->listener, door->daemon->event, door->socket.fd, on_accept, door);
}

UnlockDoor *unlock_door_free(UnlockDoor *door)
{
        if (!door)
                return NULL;
        while (door->connections)
                connection_free(door->connections);
        listener_done(&door->listener);
        own_socket_done(&door->socket);
        free(door);
        return NULL;
}
