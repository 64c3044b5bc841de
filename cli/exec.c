/*
 * Exec
 *
 * The exit codes are the shells' for a command that could not be run.
 */
#include "cli/exec.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"

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
