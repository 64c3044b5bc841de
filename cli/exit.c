/*
 * Ends: exit codes, and the one line that explains them
 *
 * The line comes from the daemon where it said something, because it knows what was tried. For a locked store it
 * always says *locked* and names the command that helps: scripts and people look for both.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

Exit exit_of_result(int result)
{
        switch (result) {
        case KEYFOB_OK:
                return EXIT_DONE;
        case KEYFOB_E_NOT_FOUND:
                return EXIT_NOT_FOUND;
        case KEYFOB_E_INVALID:
                return EXIT_USAGE;
        case KEYFOB_E_LOCKED:
        case KEYFOB_E_NO_PROMPTER:
                return EXIT_LOCKED;
        case KEYFOB_E_CANCELLED:
        case KEYFOB_E_REFUSED:
        case KEYFOB_E_NOT_ALLOWED:
                return EXIT_REFUSED;
        case KEYFOB_E_UNREACHABLE:
        case -ENAMETOOLONG:
                return EXIT_UNREACHABLE;
        case KEYFOB_E_WRONG_SECRET:
        case KEYFOB_E_PIN_BLOCKED:
        case KEYFOB_E_PIN_SOFT_BLOCKED:
                return EXIT_WRONG_SECRET;
        case KEYFOB_E_DAMAGED:
                return EXIT_DAMAGED;
        default:
                return EXIT_OTHER;
        }
}

int cli_error(int code, const char *format, ...)
{
        _cleanup_free_ char *line = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&line, format, args) < 0)
                line = NULL;
        va_end(args);

        if (line)
                text_clean(line);
        fprintf(stderr, "keyfob: %s\n", line ? line : "out of memory");
        return code;
}

int cli_usage(const Cli *cli)
{
        const Command *command = cli->command;

        return cli_error(EXIT_USAGE, "usage: keyfob %s%s%s", command->name, command->usage[0] ? " " : "",
                         command->usage);
}

int cli_no_memory(void)
{
        return cli_error(EXIT_OTHER, "out of memory");
}

int cli_explain(int result, const char *message)
{
        Exit code = exit_of_result(result);
        bool said = message && message[0];

        if (code == EXIT_LOCKED) {
                if (said && strstr(message, "locked") &&
                    (strstr(message, "keyfob unlock") || strstr(message, "keyfob slot list") ||
                     strstr(message, "TPM")))
                        return cli_error(code, "%s", message);
                if (result == KEYFOB_E_NO_PROMPTER)
                        return cli_error(code,
                                         "locked, and nobody here to ask for the password: run \"keyfob unlock\" on a "
                                         "terminal, or \"keyfob unlock --password-file FILE\"");
                return cli_error(code, "locked: run \"keyfob unlock\"");
        }
        if (result == KEYFOB_E_UNREACHABLE)
                return cli_error(code, "no daemon: %s (\"keyfob diagnose\" tells what was tried)",
                                 said ? message : "keyfobd neither runs nor could be started");
        if (result == -ENAMETOOLONG)
                return cli_error(code,
                                 "no daemon: the path of its socket would be longer than a socket's may be: set a "
                                 "shorter XDG_RUNTIME_DIR");
        if (result == KEYFOB_E_REFUSED && !said)
                return cli_error(code, "the daemon's socket or bus name is not to be trusted, it is someone else's "
                                       "(\"keyfob diagnose\" tells which)");
        return cli_error(code, "%s", said ? message : keyfob_strerror(result));
}

int cli_fail(keyfob *k, int result)
{
        return cli_explain(result, keyfob_message(k));
}
