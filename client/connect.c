/*
 * Connecting: the own socket first, then the session bus, then a daemon of our own making
 *
 * The own socket costs half of the bus and works without one. Who listens is checked before a byte is sent: the
 * directory must be ours and closed to others, the peer's uid ours or root's. On the bus the daemon's unique name is
 * resolved once, its owner checked, and every later message goes to that name, so that nobody can step in between.
 */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/peer.h"
#include "common/places.h"

#define START_USEC ((uint64_t)CLIENT_START_TIMEOUT_MS * 1000)

typedef struct Attempt {
        ClientTried tried;
        void *userdata;
        bool hung_up; /* somebody listens, and does not talk to us */
        int worst;    /* what to answer when nothing worked: a refusal says more than an absence */
} Attempt;

static int report(Attempt *attempt, const char *place, int result)
{
        if (attempt->tried)
                attempt->tried(attempt->userdata, place, result);
        if (result == KEYFOB_E_REFUSED)
                attempt->worst = result;
        return result;
}

static keyfob *handle_new(void)
{
        return calloc(1, sizeof(keyfob));
}

/* ---- own socket ---- */

static int socket_open(const char *path, int *ret_fd)
{
        int fd = peer_connect(path, SOCK_STREAM, /* place= */ true);

        switch (fd) {
        case -EPERM:
                return KEYFOB_E_REFUSED;
        case -ENOMEM:
        case -EMFILE:
        case -ENFILE:
        case -ENAMETOOLONG:
                return fd;
        }
        if (fd < 0)
                return KEYFOB_E_UNREACHABLE;
        *ret_fd = fd;
        return 0;
}

static int socket_connect(const char *path, Attempt *attempt, keyfob **ret)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = socket_open(path, &fd);
        if (r != 0)
                return r;

        k = handle_new();
        if (!k)
                return -ENOMEM;
        k->socket = strdup(path);
        if (!k->socket)
                return -ENOMEM;

        r = sd_bus_new(&k->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(k->bus, fd, fd);
        if (r < 0)
                return r;
        (void)TAKE_FD(fd);
        r = sd_bus_start(k->bus);
        if (r < 0) {
                attempt->hung_up = true;
                return r == -ENOMEM ? r : KEYFOB_E_UNREACHABLE;
        }

        *ret = TAKE_PTR(k);
        return 0;
}

/* "unix:path=…" of `keyfob env`: a session bus that is our own socket. New string, or NULL. */
static char *socket_of_bus_address(void)
{
        static const char prefix[] = "unix:path=";
        const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *path;

        if (!address || strncmp(address, prefix, strlen(prefix)) != 0)
                return NULL;
        path = address + strlen(prefix);
        if (path[0] != '/' || strpbrk(path, ",;%") || !strstr(path, "/keyfob"))
                return NULL;
        if (strlen(path) < 4 || strcmp(path + strlen(path) - 4, "/bus") != 0)
                return NULL;
        return strdup(path);
}

static int try_sockets(Attempt *attempt, keyfob **ret)
{
        _cleanup_free_ char *first = NULL, *of_bus = NULL;
        int r, result = KEYFOB_E_UNREACHABLE;

        for (unsigned turn = 0; result != 0; turn++) {
                _cleanup_free_ char *path = NULL;

                r = places_socket(turn, "bus", &path);
                if (r == -ENOENT)
                        break;
                if (r < 0)
                        return r;
                result = report(attempt, path, socket_connect(path, attempt, ret));
                if (turn == 0)
                        first = TAKE_PTR(path);
        }

        of_bus = socket_of_bus_address();
        if (result != 0 && of_bus && strcmp(of_bus, first) != 0)
                result = report(attempt, of_bus, socket_connect(of_bus, attempt, ret));
        return result;
}

/* ---- session bus ---- */

static int bus_owner(sd_bus *bus, char **ret)
{
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        const char *name;
        uid_t uid;
        int r;

        r = sd_bus_get_name_creds(bus, KEYFOB_BUS_NAME, SD_BUS_CREDS_UNIQUE_NAME | SD_BUS_CREDS_EUID, &creds);
        if (r < 0)
                return r == -ENOMEM ? r : KEYFOB_E_UNREACHABLE;
        r = sd_bus_creds_get_euid(creds, &uid);
        if (r < 0 || (uid != geteuid() && uid != 0))
                return KEYFOB_E_REFUSED;
        r = sd_bus_creds_get_unique_name(creds, &name);
        if (r < 0)
                return KEYFOB_E_UNREACHABLE;
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

static int bus_activate(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                           "org.freedesktop.DBus", "StartServiceByName");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "su", KEYFOB_BUS_NAME, 0U);
        if (r < 0)
                return r;
        return sd_bus_call(bus, call, START_USEC, NULL, NULL) < 0 ? KEYFOB_E_UNREACHABLE : 0;
}

static int try_bus(Attempt *attempt, unsigned flags, bool activate, keyfob **ret)
{
        _cleanup_(keyfob_closep) keyfob *k = handle_new();
        int r;

        if (!k)
                return -ENOMEM;
        r = sd_bus_open_user(&k->bus);
        if (r < 0)
                return report(attempt, "session bus", r == -ENOMEM ? r : KEYFOB_E_UNREACHABLE);

        if (activate) {
                r = bus_activate(k->bus);
                if (r != 0)
                        return report(attempt, "activation by the session bus", r);
                if (!(flags & KEYFOB_BUS_ONLY) && try_sockets(attempt, ret) == 0)
                        return 0;
        }

        r = bus_owner(k->bus, &k->destination);
        (void)report(attempt, KEYFOB_BUS_NAME " on the session bus", r);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(k);
        return 0;
}

/* ---- all of it ---- */

int client_connect(unsigned flags, ClientTried tried, void *userdata, keyfob **ret)
{
        Attempt attempt = {.tried = tried, .userdata = userdata, .worst = KEYFOB_E_UNREACHABLE};
        bool sockets = !(flags & KEYFOB_BUS_ONLY), bus = !(flags & KEYFOB_SOCKET_ONLY);
        int r;

        if (!ret || flags & ~(unsigned)(KEYFOB_START | KEYFOB_SOCKET_ONLY | KEYFOB_BUS_ONLY) || (!sockets && !bus))
                return -EINVAL;

        if (sockets) {
                r = try_sockets(&attempt, ret);
                if (r <= 0)
                        return r;
        }
        if (bus) {
                r = try_bus(&attempt, flags, false, ret);
                if (r <= 0)
                        return r;
        }
        /* a door that someone else holds is not cured by starting another daemon behind it */
        if (!(flags & KEYFOB_START) || attempt.worst == KEYFOB_E_REFUSED || attempt.hung_up)
                return attempt.worst;

        if (bus) {
                r = try_bus(&attempt, flags, true, ret);
                if (r <= 0)
                        return r;
        }
        r = report(&attempt, "starting keyfobd", client_start_daemon(NULL));
        if (r < 0)
                return r;

        /* also when it did not come up: another client may have been faster and have the vault */
        if (sockets) {
                r = try_sockets(&attempt, ret);
                if (r <= 0)
                        return r;
        }
        if (bus) {
                r = try_bus(&attempt, flags, false, ret);
                if (r <= 0)
                        return r;
        }
        return attempt.worst;
}

KEYFOB_API int keyfob_connect(unsigned flags, keyfob **ret)
{
        return client_connect(flags, NULL, NULL, ret);
}

KEYFOB_API keyfob *keyfob_close(keyfob *k)
{
        if (!k)
                return NULL;

        client_agent_drop(k);
        sd_bus_slot_unref(k->progress_slot);
        sd_bus_flush_close_unref(k->bus);
        free(k->destination);
        free(k->socket);
        free(k->message);
        free(k);
        return NULL;
}
