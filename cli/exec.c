/*
 * Exec
 *
 * The exit codes are the shells' for a command that could not be run.
 */
#include "cli/exec.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command-line.h"

enum {
        EXIT_CANNOT_RUN = 126,
        EXIT_NO_SUCH_COMMAND = 127,
};

int exec_command(char *argv[], char *envp[], const char *too_large)
{
        int error;

        (void)signal(SIGPIPE, SIG_DFL);
        (void)execvpe(argv[0], argv, envp);
        error = errno;
        if (error == E2BIG && too_large)
                return cli_error(EXIT_CANNOT_RUN, "cannot run %s: %s", argv[0], too_large);
        return cli_error(error == ENOENT ? EXIT_NO_SUCH_COMMAND : EXIT_CANNOT_RUN, "cannot run %s: %s", argv[0],
                         strerror(error));
}

int exec_and_wait(char *const argv[])
{
        struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit, child;
        posix_spawnattr_t attributes;
        sigset_t defaults;
        pid_t pid;
        int status = 0, r;

        (void)sigemptyset(&defaults);
        (void)sigaddset(&defaults, SIGINT);
        (void)sigaddset(&defaults, SIGQUIT);
        (void)sigaddset(&defaults, SIGPIPE);
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return cli_no_memory();
        (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        /* ctrl-C is for the program: we stay to clear up */
        (void)sigaction(SIGINT, &ignore, &interrupt);
        (void)sigaction(SIGQUIT, &ignore, &quit);
        hear_of_children(&child);
        r = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
        (void)posix_spawnattr_destroy(&attributes);
        while (r == 0 && waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        r = errno;
        (void)sigaction(SIGINT, &interrupt, NULL);
        (void)sigaction(SIGQUIT, &quit, NULL);
        (void)sigaction(SIGCHLD, &child, NULL);
        if (r != 0)
                return cli_error(r == ENOENT ? EXIT_NO_SUCH_COMMAND : EXIT_CANNOT_RUN, "cannot run %s: %s", argv[0], strerror(r));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
