/*
 * A unix socket in place of a USB device
 */
#include "tests/integration/fido-socket.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPORT_SIZE 64

typedef struct Connection {
        int fd;
} Connection;

static void *io_open(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        Connection *connection;

        if (strlen(path) >= sizeof(address.sun_path))
                return NULL;
        (void)strcpy(address.sun_path, path);
        connection = malloc(sizeof(*connection));
        if (!connection)
                return NULL;
        connection->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connection->fd >= 0 && connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return connection;
        if (connection->fd >= 0)
                (void)close(connection->fd);
        free(connection);
        return NULL;
}

static void io_close(void *handle)
{
        Connection *connection = handle;

        (void)close(connection->fd);
        free(connection);
}

static int io_read(void *handle, unsigned char *buffer, size_t size, int ms)
{
        Connection *connection = handle;
        struct pollfd ready = {.fd = connection->fd, .events = POLLIN};

        if (size < REPORT_SIZE || poll(&ready, 1, ms) != 1)
                return -1;
        return (int)recv(connection->fd, buffer, size, 0);
}

static int io_write(void *handle, const unsigned char *buffer, size_t size)
{
        Connection *connection = handle;

        if (size != REPORT_SIZE + 1 || send(connection->fd, buffer + 1, REPORT_SIZE, MSG_NOSIGNAL) != REPORT_SIZE)
                return -1;
        return (int)size;
}

fido_dev_t *fido_socket_open(const char *path, int *ret_error)
{
        static const fido_dev_io_t io = {io_open, io_close, io_read, io_write};
        fido_dev_t *dev = fido_dev_new();
        int r;

        if (!dev)
                return NULL;
        r = fido_dev_set_io_functions(dev, &io);
        if (r == FIDO_OK)
                r = fido_dev_open(dev, path);
        if (ret_error)
                *ret_error = r;
        if (r != FIDO_OK)
                fido_dev_free(&dev);
        return dev;
}
