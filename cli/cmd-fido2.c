/*
 * keyfob fido2: a program that finds Keyfob's security key through libfido2
 *
 * The bridge goes in front of what LD_PRELOAD has already, and the socket of the daemon that we reached is named, so that
 * the program meets the same daemon, whatever its environment makes of the usual places. Who has named a socket already
 * means that one, and no daemon is started for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authenticator.h"
#include "cli/cli.h"
#include "cli/exec.h"
#include "cli/json.h"
#include "cli/module.h"
#include "cli/shell.h"

#define BRIDGE          "libkeyfob-fido2-bridge.so"
#define SOCKET_VARIABLE "KEYFOB_CTAP_SOCKET"
#define SEPARATORS      ": " /* of LD_PRELOAD, in which nothing can be quoted; and it expands what begins with '$' */

static int find_socket(char **ret)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_json_ struct json_object *info = NULL;
        const char *named = getenv(SOCKET_VARIABLE);
        int r;

        if (named && named[0]) {
                *ret = strdup(named);
                return *ret ? 0 : cli_no_memory();
        }
        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = authenticator_get(k, &info);
        if (r != 0)
                return cli_fail(k, r);
        if (!json_string(info, "ctap_socket")[0])
                return cli_error(EXIT_UNREACHABLE, "the daemon has no socket for its security key");
        *ret = strdup(json_string(info, "ctap_socket"));
        return *ret ? 0 : cli_no_memory();
}

static bool is_among(const char *list, const char *path)
{
        size_t size = strlen(path);

        for (; *list; list += strcspn(list, SEPARATORS)) {
                list += strspn(list, SEPARATORS);
                if (strcspn(list, SEPARATORS) == size && strncmp(list, path, size) == 0)
                        return true;
        }
        return false;
}

static int find_preload(char **ret)
{
        _cleanup_free_ char *bridge = module_find(BRIDGE);
        const char *list = getenv("LD_PRELOAD");

        if (!bridge)
                return cli_error(EXIT_OTHER, BRIDGE " is not installed (it needs libfido2)");
        if (strpbrk(bridge, SEPARATORS "$"))
                return cli_error(EXIT_OTHER, "LD_PRELOAD cannot name %s: install Keyfob in a path without ':', '$' and "
                                             "blanks", bridge);
        if (!list || !list[0])
                *ret = TAKE_PTR(bridge);
        else if (is_among(list, bridge))
                *ret = strdup(list);
        else if (asprintf(ret, "%s:%s", bridge, list) < 0)
                *ret = NULL;
        return *ret ? 0 : cli_no_memory();
}

static int run_fido2(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, {"print", no_argument, NULL, 'p'}, SHELL_OPTIONS, CLI_END};
        _cleanup_free_ char *preload = NULL, *path = NULL;
        int c, r, shell = 0;

        while ((c = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
                if (c == 's' || c == 'f' || c == 'c') {
                        shell = c;
                        continue;
                }
                if (c == 'p') {
                        shell = shell ? shell : 's';
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if ((optind == argc) == !shell)
                return cli_usage(cli);

        r = find_preload(&preload);
        if (r == 0)
                r = find_socket(&path);
        if (r != 0)
                return r;
        if (shell) {
                const ShellVariable variables[] = {{"LD_PRELOAD", preload}, {SOCKET_VARIABLE, path}};

                return shell_export(shell, variables, ELEMENTSOF(variables));
        }
        if (setenv("LD_PRELOAD", preload, 1) < 0 || setenv(SOCKET_VARIABLE, path, 1) < 0)
                return cli_no_memory();
        return exec_command(argv + optind, environ, NULL);
}

const Command command_fido2 = {
        .name = "fido2",
        .usage = "-- COMMAND [ARGUMENT...] | --print [--sh | --fish | --csh]",
        .summary = "Run COMMAND with Keyfob's security key among the devices of libfido2",
        .help = "  --print                  print the line that does so for all that the shell runs: eval $(keyfob fido2 "
                "--print)\n"
                "  --sh, --fish, --csh      for this shell\n\n"
                "The exit code is COMMAND's; 127 when it is not found, 126 when it cannot be run. Programs that are\n"
                "setuid or load libfido2 themselves are out of reach: see keyfob-fido2-bridge(7).\n",
        .run = run_fido2,
};
