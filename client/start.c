/*
 * Starting the daemon
 *
 * Where neither systemd nor the session bus starts keyfobd, the first client does. The daemon must outlive us and must
 * not become our caller's child, so it is a grandchild in a session of its own, with nothing of ours open but the pipe
 * on which it says that it listens. Between fork and exec only async-signal-safe calls are made: the program may have
 * threads.
 */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define READY_FD 3
#define BRIDGE   "libkeyfob-fido2-bridge.so"

/* Executable, and not placed there by someone else. */
static bool is_daemon(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) &&
               !(st.st_mode & S_IWOTH) && access(path, X_OK) == 0;
}

int client_find_daemon(char **ret)
{
        char own[4096];
        ssize_t n;

        n = readlink("/proc/self/exe", own, sizeof(own) - 1);
        if (n > 0) {
                char *slash, *path;

                own[n] = 0;
                slash = strrchr(own, '/');
                if (slash) {
                        *slash = 0;
                        if (asprintf(&path, "%s/keyfobd", own) < 0)
                                return -ENOMEM;
                        if (is_daemon(path)) {
                                *ret = path;
                                return 0;
                        }
                        free(path);
                }
        }

        if (is_daemon(KEYFOB_BINDIR "/keyfobd")) {
                *ret = strdup(KEYFOB_BINDIR "/keyfobd");
                return *ret ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

/* Our environment, without the bridge that `keyfob fido2` preloads: it is for one program, which may be what starts the
 * daemon, and the daemon's helper would find its own daemon among other people's security keys. New array, of our strings. */
static char **daemon_environment(void)
{
        size_t n = 0, kept = 0;
        char **envp;

        while (environ[n])
                n++;
        envp = calloc(n + 1, sizeof(*envp));
        for (size_t i = 0; envp && i < n; i++)
                if (strncmp(environ[i], "LD_PRELOAD=", strlen("LD_PRELOAD=")) != 0 || !strstr(environ[i], BRIDGE))
                        envp[kept++] = environ[i];
        return envp;
}

__attribute__((noreturn)) static void become_daemon(const char *path, const char *argument, char **envp, int ready)
{
        const char *argv[] = {"keyfobd", "--ready-fd", "3", argument, NULL};
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;
        int null;

        for (int number = 1; number < NSIG; number++)
                (void)sigaction(number, &action, NULL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);

        /* the pipe must not sit where stdio goes */
        if (ready <= STDERR_FILENO) {
                ready = fcntl(ready, F_DUPFD, READY_FD);
                if (ready < 0)
                        _exit(127);
        }
        null = open("/dev/null", O_RDWR);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
                _exit(127);
        if (ready == READY_FD ? fcntl(ready, F_SETFD, 0) < 0 : dup2(ready, READY_FD) < 0)
                _exit(127);
        if (close_range(READY_FD + 1, ~0U, 0) < 0)
                for (int fd = READY_FD + 1; fd < 1024; fd++)
                        (void)close(fd);
        if (chdir("/") < 0)
                _exit(127);

        (void)execve(path, (char *const *)(uintptr_t)argv, envp);
        _exit(127);
}

static int64_t now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_ready(int fd)
{
        int64_t end = now_ms() + CLIENT_START_TIMEOUT_MS;

        for (;;) {
                struct pollfd pollfd = {.fd = fd, .events = POLLIN};
                int64_t left = end - now_ms();
                ssize_t n;
                char byte;

                if (left <= 0)
                        return KEYFOB_E_UNREACHABLE;
                if (poll(&pollfd, 1, (int)left) < 0 && errno != EINTR)
                        return -errno;
                if (!(pollfd.revents & (POLLIN | POLLHUP | POLLERR)))
                        continue;
                n = read(fd, &byte, 1);
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                return n == 1 ? 0 : KEYFOB_E_UNREACHABLE;
        }
}

int client_start_daemon(const char *argument)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_free_ char **envp = NULL;
        _cleanup_close_ int read_end = -1, write_end = -1;
        int fds[2], r;
        pid_t pid;

        r = client_find_daemon(&path);
        if (r == -ENOENT)
                return KEYFOB_E_UNREACHABLE;
        if (r < 0)
                return r;

        envp = daemon_environment();
        if (!envp)
                return -ENOMEM;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_end = fds[0];
        write_end = fds[1];

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                if (setsid() < 0)
                        _exit(127);
                pid = fork();
                if (pid == 0)
                        become_daemon(path, argument, envp, write_end);
                _exit(pid < 0 ? 127 : 0);
        }

        close(TAKE_FD(write_end));
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return wait_ready(read_end);
}
