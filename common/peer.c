/*
 * Peer
 *
 * The directory is checked first: in one that others may write to, the socket could be exchanged at any time. The
 * kernel says who listens; that holds even where the directory does not.
 */
#include "common/peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/places.h"

static int check_place(const char *path)
{
        _cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
        int r;

        if (!dir)
                return -ENOMEM;
        r = places_check_private_dir(dir);
        return r == -ELOOP || r == -ENOTDIR ? -EPERM : r;
}

int peer_connect(const char *path, int type, bool place)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -1;
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int r;

        if (path[0] != '/')
                return -EINVAL;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (place) {
                r = check_place(path);
                if (r < 0)
                        return r;
        }

        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                if (errno != EINTR)
                        return errno == EACCES ? -EPERM : -errno;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (peer.uid != geteuid() && peer.uid != 0)
                return -EPERM;
        return TAKE_FD(fd);
}
