/*
 * One daemon per directory
 *
 * The directory that the sockets lie in is locked for as long as it is served, so that of two daemons that start at
 * once one loses before it touches anything, and a socket file found under the lock is known to be stale. The loser
 * connects to the winner to learn its pid. A socket passed by the service manager stays the manager's.
 */
#include "daemon/own-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "common/places.h"
#include "common/unlock-frame.h"
#include "daemon/log.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define SOCKET_NAME    "bus"
#define SOCKET_BACKLOG 1024 /* the system has a limit of its own */

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

/* Where a socket lies, when it is one that we can serve. */
static int describe_socket(int fd, int type, char **ret_path)
{
        struct sockaddr_un address = {0};
        socklen_t size = sizeof(address) - 1;
        int flags;

        if (sd_is_socket(fd, AF_UNIX, type, 1) <= 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
            address.sun_path[0] != '/')
                return -EINVAL;
        /* Not every manager makes it so, and waiting in accept() would stop everything. */
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        *ret_path = strdup(address.sun_path);
        return *ret_path ? 0 : -ENOMEM;
}

static bool is_for(const char *what, const char *name, const char *path)
{
        return (name && strcmp(name, what) == 0) || strcmp(strrchr(path, '/') + 1, what) == 0;
}

/* Of the descriptors passed to us, two stream sockets and two of packets; the others are not for us. */
static void take_passed_sockets(OwnSocket *own)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(/* unset_environment= */ 1, &names);

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;
                int fd = SD_LISTEN_FDS_START + i, *place = NULL;

                if (describe_socket(fd, SOCK_STREAM, &path) >= 0)
                        place = is_for(OWN_SOCKET_SSH, names ? names[i] : NULL, path) ? &own->ssh : &own->fd;
                else if (describe_socket(fd, SOCK_SEQPACKET, &path) >= 0)
                        place = is_for(UNLOCK_SOCKET, names ? names[i] : NULL, path) ? &own->unlock : &own->packets;
                if (!place || *place >= 0) {
                        (void)close(fd);
                        continue;
                }
                *place = fd;
                if (place == &own->fd)
                        own->path = TAKE_PTR(path);
        }
        for (int i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
}

/* What was passed for that name. */
static int *passed_for(OwnSocket *own, const char *name, int type)
{
        if (type == SOCK_STREAM)
                return &own->ssh;
        return strcmp(name, UNLOCK_SOCKET) == 0 ? &own->unlock : &own->packets;
}

static int bind_socket(const char *path, int type)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        int r;

        r = set_address(&address, path);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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

        take_passed_sockets(own);
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

        own->fd = bind_socket(own->path, SOCK_STREAM);
        if (own->fd < 0)
                return own->fd;
        own->bound = true;
        return 0;
}

int own_socket_open_beside(OwnSocket *own, const char *name, int type, OwnSocket *ret)
{
        _cleanup_(own_socket_done) OwnSocket beside = OWN_SOCKET_NULL;
        _cleanup_close_ int passed = TAKE_FD(*passed_for(own, name, type));

        if (passed >= 0 && describe_socket(passed, type, &beside.path) >= 0) {
                beside.fd = TAKE_FD(passed);
        } else {
                int directory = (int)(strrchr(own->path, '/') - own->path);

                if (asprintf(&beside.path, "%.*s/%s", directory, own->path, name) < 0) {
                        beside.path = NULL;
                        return -ENOMEM;
                }
                beside.fd = bind_socket(beside.path, type);
                if (beside.fd < 0)
                        return TAKE_FD(beside.fd);
                beside.bound = true;
        }
        *ret = beside;
        beside = OWN_SOCKET_NULL;
        return 0;
}

int own_socket_accept(int fd, struct ucred *ret_peer)
{
        _cleanup_close_ int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (client < 0)
                return errno == ECONNABORTED || errno == EINTR ? -EAGAIN : -errno;
        if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || (peer.uid != getuid() && peer.uid != 0)) {
                log_line(LOG_WARNING, "a connection of another user was refused");
                return -EACCES;
        }
        *ret_peer = peer;
        return TAKE_FD(client);
}

int own_socket_peer_process(int fd)
{
        int pidfd = -1;
        socklen_t size = sizeof(pidfd);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) >= 0)
                return pidfd;
        return errno == ESRCH ? -ESRCH : -EOPNOTSUPP;
}

bool own_socket_peer_is_there(int fd)
{
        struct pollfd ended = {.events = POLLIN};
        _cleanup_close_ int pidfd = own_socket_peer_process(fd);

        if (pidfd < 0)
                return pidfd != -ESRCH;
        ended.fd = pidfd;
        return poll(&ended, 1, 0) == 0;
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
        closep(&own->packets);
        closep(&own->unlock);
        closep(&own->ssh);
        free(own->path);
        *own = OWN_SOCKET_NULL;
}
