/*
 * keyfob del: delete a password; keyfob undelete brings it back
 */
#include "cli/keyring.h"

static int run_del(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_BACKEND, CLI_END};
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 2)
                return cli_usage(cli);

        r = keyring_open(cli, &keyring);
        if (r != 0)
                return r;
        r = keyring_del(&keyring, argv[optind], argv[optind + 1]);
        if (r == KEYFOB_E_NOT_FOUND)
                return cli_error(EXIT_NOT_FOUND, "no password for '%s' on '%s'", argv[optind + 1], argv[optind]);
        return r == 0 ? 0 : keyring_fail(&keyring, r);
}

const Command command_del = {
        .name = "del",
        .usage = "SERVICE USER",
        .summary = "Delete the password of USER at SERVICE (keyfob undelete brings it back)",
        .help = "  -b, --keyring-backend NAME\n",
        .run = run_del,
};
