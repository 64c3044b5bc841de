/*
 * keyfob env: point every libsecret program at our own socket, as its session bus
 */
#include <string.h>

#include "cli/json.h"
#include "cli/shell.h"
#include "cli/status.h"
#include "cli/text.h"

static int socket_path(keyfob *k, char **ret)
{
        _cleanup_json_ struct json_object *status = NULL;
        int r;

        if (k->socket) {
                *ret = strdup(k->socket);
                return *ret ? 0 : cli_no_memory();
        }
        r = status_get(k, &status);
        if (r != 0)
                return r;
        if (!json_string(status, "socket")[0])
                return cli_error(EXIT_UNREACHABLE, "the daemon has no socket of its own");
        *ret = strdup(json_string(status, "socket"));
        return *ret ? 0 : cli_no_memory();
}

static int run_env(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_free_ char *path = NULL, *address = NULL;
        int r, shell;

        r = shell_read(cli, argc, argv, &shell);
        if (r >= 0)
                return r;
        r = cli_connect(&k);
        if (r == 0)
                r = socket_path(k, &path);
        if (r != 0)
                return r;
        address = text_bus_address(path);
        if (!address)
                return cli_no_memory();
        return shell_export(shell, &(ShellVariable){"DBUS_SESSION_BUS_ADDRESS", address}, 1);
}

const Command command_env = {
        .name = "env",
        .usage = "[--sh | --fish | --csh]",
        .summary = "Print the line that makes programs without a session bus use Keyfob: eval $(keyfob env)",
        .run = run_env,
};
