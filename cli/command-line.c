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
#include <sys/wait.h>
#include <unistd.h>

int run_quietly(const char *const argv[], int timeout_ms)
{
        posix_spawn_file_actions_t actions;
        int status, r;
        pid_t pid;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        for (int fd = 0; fd <= 2 && r == 0; fd++)
                r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;

        for (int waited = 0;; waited += 20) {
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
                (void)poll(NULL, 0, 20);
        }
}
