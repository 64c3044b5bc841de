/*
 * Transport
 *
 * One packet is one report; libfido2 puts the report's number (0) before what it writes. A read waits as long as
 * libfido2 says and ends at once when the daemon goes, so that a program gets its error. libfido2 knows no time limit
 * for writing: a daemon that reads nothing is waited for a moment, then it counts as gone. Nothing is printed and
 * nothing kept beside the handle, because the program belongs to someone else.
 *
 * A place where the daemon puts its socket is ours alone or not used. A socket that was named may be anywhere (mounted
 * into a container, say), but whoever listens there must be this user or root all the same.
 */
#include "bridge/transport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/peer.h"
#include "common/places.h"

#define SOCKET_NAME "ctap"
#define REPORT_SIZE 64U
#define WRITE_MS    5000

typedef struct Transport {
        int fd;
} Transport;

static int connect_named(const char *path)
{
        return peer_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK, /* place= */ false);
}

static int connect_found(void)
{
        const char *named = secure_getenv(TRANSPORT_VARIABLE);
        int r, fd = -ENOENT;

        if (named && named[0])
                return connect_named(named);
        for (unsigned turn = 0; fd < 0; turn++) {
                _cleanup_free_ char *path = NULL;

                r = places_socket(turn, SOCKET_NAME, &path);
                if (r < 0)
                        return r;
                fd = peer_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK, /* place= */ true);
        }
        return fd;
}

bool transport_is_path(const char *path)
{
        return path && strncmp(path, TRANSPORT_PATH, strlen(TRANSPORT_PATH)) == 0;
}

bool transport_is_there(void)
{
        _cleanup_close_ int fd = connect_found();

        return fd >= 0;
}

static void *io_open(const char *path)
{
        _cleanup_close_ int fd = -1;
        Transport *transport;

        /* libfido2 keeps these functions when a device is closed and opened by another path. */
        if (!transport_is_path(path))
                return NULL;
        path += strlen(TRANSPORT_PATH);
        fd = path[0] ? connect_named(path) : connect_found();
        if (fd < 0)
                return NULL;
        transport = malloc(sizeof(*transport));
        if (transport)
                transport->fd = TAKE_FD(fd);
        return transport;
}

static void io_close(void *handle)
{
        Transport *transport = handle;

        (void)close(transport->fd);
        free(transport);
}

static int io_read(void *handle, unsigned char *buffer, size_t size, int ms)
{
        const Transport *transport = handle;
        struct pollfd ready = {.fd = transport->fd, .events = POLLIN};

        if (size != REPORT_SIZE || poll(&ready, 1, ms) != 1 ||
            recv(transport->fd, buffer, size, MSG_TRUNC) != (ssize_t)size)
                return -1;
        return (int)size;
}

static int io_write(void *handle, const unsigned char *buffer, size_t size)
{
        const Transport *transport = handle;
        struct pollfd ready = {.fd = transport->fd, .events = POLLOUT};
        int r;

        if (size != REPORT_SIZE + 1)
                return -1;
        while (send(transport->fd, buffer + 1, REPORT_SIZE, MSG_NOSIGNAL) != REPORT_SIZE) {
                if (errno != EAGAIN)
                        return -1;
                r = poll(&ready, 1, WRITE_MS);
                if (r == 0 || (r < 0 && errno != EINTR))
                        return -1;
        }
        return (int)size;
}

const fido_dev_io_t transport_io = {io_open, io_close, io_read, io_write};
