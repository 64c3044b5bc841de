/*
 * One daemon per socket
 *
 * The directory that the socket lies in is locked for as long as it is served, so that of two daemons that start at
 * once one loses before it touches anything, and a socket file found under the lock is known to be stale. The loser
 * connects to the winner to learn its pid. A socket passed by the service manager stays the manager's.
 */
#include "daemon/own-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "common/places.h"

#define SOCKET_NAME    "bus"
#define SOCKET_BACKLOG 128

#define HOLDER_TRIES     100
#define HOLDER_WAIT_USEC 10000

static int set_address(struct sockaddr_un *address, const char *path)
{
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof(address->sun_path))
                return -ENAMETOOLONG;
        memcpy(address->sun_path, path, strlen(path));
        return 0;
}

/* Who listens there; 0 when that can't be known. */
static pid_t ask_holder(const char *path)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (set_address(&address, path) < 0)
                return 0;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return 0;
        return peer.pid;
}

/* The winner of a race may hold the lock and not listen yet. A client that has started the loser tries the socket when
 * the loser ends, so it ends only then. */
static pid_t find_holder(const char *path)
{
        pid_t pid;

        for (int tries = 0; (pid = ask_holder(path)) == 0 && tries < HOLDER_TRIES; tries++)
                (void)usleep(HOLDER_WAIT_USEC);
        return pid;
}

/* Of the descriptors passed to us, the stream socket; the others are not for us. */
static int take_passed_socket(char **ret_path)
{
        int n = sd_listen_fds(/* unset_environment= */ 1), found = -1, flags;

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                struct sockaddr_un address = {0};
                socklen_t size = sizeof(address) - 1;

                if (found >= 0 || sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0 ||
                    getsockname(fd, (struct sockaddr *)&address, &size) < 0 || address.sun_path[0] != '/') {
                        (void)close(fd);
                        continue;
                }
                /* Not every manager makes it so, and waiting in accept() would stop everything. */
                flags = fcntl(fd, F_GETFL);
                if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
                        (void)close(fd);
                        continue;
                }
                *ret_path = strdup(address.sun_path);
                if (!*ret_path)
                        return -ENOMEM;
                found = fd;
        }
        return found;
}

static int bind_socket(const char *path)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        int r;

        r = set_address(&address, path);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        if (chmod(path, 0600) < 0 || listen(fd, SOCKET_BACKLOG) < 0) {
                r = -errno;
                (void)unlink(path);
                return r;
        }
        return TAKE_FD(fd);
}

static int lock_directory(const char *directory)
{
        _cleanup_close_ int fd = -1;

        fd = places_open_private_dir(directory);
        if (fd < 0)
                return TAKE_FD(fd);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
        return TAKE_FD(fd);
}

static int open_socket(OwnSocket *own, pid_t *ret_pid)
{
        _cleanup_free_ char *directory = NULL;
        int r;

        own->fd = take_passed_socket(&own->path);
        if (own->fd == -ENOMEM)
                return -ENOMEM;
        if (own->path) {
                directory = strndup(own->path, (size_t)(strrchr(own->path, '/') - own->path));
                if (!directory)
                        return -ENOMEM;
        } else {
                r = places_runtime_dir(&directory);
                if (r < 0)
                        return r;
                if (asprintf(&own->path, "%s/" SOCKET_NAME, directory) < 0) {
                        own->path = NULL;
                        return -ENOMEM;
                }
        }

        own->lock = lock_directory(directory);
        if (own->lock < 0) {
                if (own->lock == -EADDRINUSE)
                        *ret_pid = own->fd >= 0 ? 0 : find_holder(own->path);
                return own->lock;
        }
        if (own->fd >= 0)
                return 0;

        own->fd = bind_socket(own->path);
        if (own->fd < 0)
                return own->fd;
        own->bound = true;
        return 0;
}

int own_socket_open(OwnSocket *own, pid_t *ret_pid)
{
        int r;

        *own = OWN_SOCKET_NULL;
        r = open_socket(own, ret_pid);
        if (r < 0)
                own_socket_done(own);
        return r;
}

void own_socket_done(OwnSocket *own)
{
        if (own->bound)
                (void)unlink(own->path);
        closep(&own->fd);
        closep(&own->lock);
        free(own->path);
        *own = OWN_SOCKET_NULL;
}
