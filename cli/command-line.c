/*
 * Running another program quietly
 */
#include "cli/command-line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LOOK_MS 20

void hear_of_children(struct sigaction *ret_before)
{
        const struct sigaction heard = {.sa_handler = SIG_DFL};

        (void)sigaction(SIGCHLD, &heard, ret_before);
}

/* `output` is what its stdout is; -1: /dev/null. */
static int start(const char *const argv[], int output, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        for (int fd = 0; fd <= 2 && r == 0; fd++)
                r = fd == 1 && output >= 0 ? posix_spawn_file_actions_adddup2(&actions, output, fd)
                                           : posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int finish(pid_t pid, int timeout_ms)
{
        int status;

        for (int waited = 0;; waited += LOOK_MS) {
                pid_t ended = waitpid(pid, &status, WNOHANG);

                if (ended < 0 && errno != EINTR)
                        return -errno;
                if (ended == pid)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
                if (waited >= timeout_ms) {
                        (void)kill(pid, SIGKILL);
                        (void)waitpid(pid, &status, 0);
                        return -ETIME;
                }
                (void)poll(NULL, 0, LOOK_MS);
        }
}

int run_quietly(const char *const argv[], int timeout_ms)
{
        struct sigaction before;
        pid_t pid;
        int r;

        hear_of_children(&before);
        r = start(argv, -1, &pid);
        if (r >= 0)
                r = finish(pid, timeout_ms);
        (void)sigaction(SIGCHLD, &before, NULL);
        return r;
}

static int64_t milliseconds(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* To the end of file, or the deadline. */
static int read_all(int fd, int64_t deadline, size_t max, char **ret)
{
        _cleanup_free_ char *text = malloc(max + 1);
        struct pollfd pollfd = {.fd = fd, .events = POLLIN};
        size_t n = 0;

        if (!text)
                return -ENOMEM;
        for (;;) {
                int64_t left = deadline - milliseconds();
                ssize_t got;

                if (left <= 0)
                        return -ETIME;
                pollfd.revents = 0;
                if (poll(&pollfd, 1, (int)left) < 0 && errno != EINTR)
                        return -errno;
                if (!pollfd.revents)
                        continue;
                got = read(fd, text + n, max + 1 - n);
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got == 0)
                        break;
                if (got > 0)
                        n += (size_t)got;
                if (n > max)
                        return -EFBIG;
        }
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

int run_reading(const char *const argv[], int timeout_ms, size_t max, char **ret)
{
        _cleanup_free_ char *text = NULL;
        int64_t deadline = milliseconds() + timeout_ms;
        struct sigaction before;
        int ends[2], r, status = 0;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        hear_of_children(&before);
        r = start(argv, ends[1], &pid);
        (void)close(ends[1]);
        if (r >= 0) {
                r = read_all(ends[0], deadline, max, &text);
                status = finish(pid, r < 0 ? 0 : timeout_ms);
        }
        (void)close(ends[0]);
        (void)sigaction(SIGCHLD, &before, NULL);
        if (r < 0 || status < 0)
                return r < 0 ? r : status;
        *ret = TAKE_PTR(text);
        return status;
}
