/*
 * Who listens at a socket, and where sockets are looked for
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/peer.h"
#include "common/places.h"
#include "tests/unit/test.h"

static char dir[64];

static void enter(void)
{
        (void)strcpy(dir, "/tmp/kf-peer-XXXXXX");
        CHECK(mkdtemp(dir));
        CHECK_EQ(chdir(dir), 0);
}

static void leave(void)
{
        (void)unlink("socket");
        CHECK_EQ(chdir("/"), 0);
        CHECK_EQ(rmdir(dir), 0);
}

static const char *path_of(const char *name)
{
        static char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

static int listen_at(const char *path, int backlog)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        CHECK(fd >= 0);
        CHECK(strlen(path) < sizeof(address.sun_path));
        (void)strcpy(address.sun_path, path);
        CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        CHECK_EQ(listen(fd, backlog), 0);
        return fd;
}

TEST(paths_that_cannot_be)
{
        char path[200] = "/";

        memset(path + 1, 'a', sizeof(path) - 2);
        CHECK_EQ(peer_connect(path, SOCK_STREAM, false), -ENAMETOOLONG);
        CHECK_EQ(peer_connect("relative", SOCK_STREAM, false), -EINVAL);
        CHECK_EQ(peer_connect("", SOCK_STREAM, true), -EINVAL);
}

TEST(nobody_there)
{
        enter();
        CHECK_EQ(peer_connect(path_of("socket"), SOCK_SEQPACKET, true), -ENOENT);
        CHECK_EQ(peer_connect(path_of("none/socket"), SOCK_SEQPACKET, true), -ENOENT);
        CHECK_EQ(close(listen_at(path_of("socket"), 1)), 0);
        CHECK_EQ(peer_connect(path_of("socket"), SOCK_SEQPACKET, true), -ECONNREFUSED);
        leave();
}

TEST(directory_of_others)
{
        static const mode_t open_to_others[] = {0720, 0702, 0777};
        char link[128];
        int listener, fd;

        enter();
        listener = listen_at(path_of("socket"), 8);
        for (size_t i = 0; i < ELEMENTSOF(open_to_others); i++) {
                CHECK_EQ(chmod(dir, open_to_others[i]), 0);
                CHECK_EQ(peer_connect(path_of("socket"), SOCK_SEQPACKET, true), -EPERM);
        }
        fd = peer_connect(path_of("socket"), SOCK_SEQPACKET, false);
        CHECK(fd >= 0);
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        CHECK_EQ(close(fd), 0);

        CHECK_EQ(chmod(dir, 0700), 0);
        (void)snprintf(link, sizeof(link), "%s.link", dir);
        CHECK_EQ(symlink(dir, link), 0);
        (void)strcat(link, "/socket");
        CHECK_EQ(peer_connect(link, SOCK_SEQPACKET, true), -EPERM);
        link[strlen(link) - strlen("/socket")] = 0;
        CHECK_EQ(unlink(link), 0);
        fd = peer_connect(path_of("socket"), SOCK_SEQPACKET, true);
        CHECK(fd >= 0);
        CHECK_EQ(close(fd), 0);
        CHECK_EQ(close(listener), 0);
        leave();
}

TEST(full_queue_is_not_waited_for)
{
        int listener, fds[16], r = 0;
        size_t n = 0;

        enter();
        listener = listen_at(path_of("socket"), 0);
        while (n < ELEMENTSOF(fds)) {
                r = peer_connect(path_of("socket"), SOCK_SEQPACKET | SOCK_NONBLOCK, true);
                if (r < 0)
                        break;
                fds[n++] = r;
        }
        CHECK_EQ(r, -EAGAIN);
        while (n > 0)
                CHECK_EQ(close(fds[--n]), 0);
        CHECK_EQ(close(listener), 0);
        leave();
}

/* Another user needs root to be. */
TEST(another_user_listens)
{
        int ready[2], status;
        pid_t pid;
        char byte;

        if (geteuid() != 0)
                return;
        enter();
        CHECK_EQ(chmod(dir, 0777), 0);
        CHECK_EQ(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                CHECK_EQ(setresuid(65534, 65534, 65534), 0);
                (void)listen_at(path_of("socket"), 8);
                CHECK_EQ(write(ready[1], "", 1), 1);
                (void)pause();
                _exit(0);
        }
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        CHECK_EQ(peer_connect(path_of("socket"), SOCK_SEQPACKET, false), -EPERM);
        CHECK_EQ(kill(pid, SIGTERM), 0);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(close(ready[0]), 0);
        CHECK_EQ(close(ready[1]), 0);
        leave();
}

static void check_place(unsigned turn, const char *expected)
{
        _cleanup_free_ char *path = NULL;

        CHECK_EQ(places_socket(turn, "ctap", &path), expected ? 0 : -ENOENT);
        CHECK(expected ? strcmp(path, expected) == 0 : !path);
}

TEST(places_in_turn)
{
        char run[64], tmp[64];

        CHECK_EQ(setenv("XDG_RUNTIME_DIR", "/somewhere", 1), 0);
        check_place(0, "/somewhere/keyfob/ctap");
        check_place(1, NULL);

        (void)snprintf(run, sizeof(run), "/run/user/%u/keyfob/ctap", geteuid());
        (void)snprintf(tmp, sizeof(tmp), "/tmp/keyfob-%u/ctap", geteuid());
        for (int i = 0; i < 2; i++) {
                CHECK_EQ(i == 0 ? setenv("XDG_RUNTIME_DIR", "relative", 1) : unsetenv("XDG_RUNTIME_DIR"), 0);
                check_place(0, run);
                check_place(1, tmp);
                check_place(2, NULL);
        }
}

TEST_MAIN
