/*
 * keyfob rekey: new keys everywhere, so that old copies of the vault and old passwords open nothing that comes after
 */
#include <stdio.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"

#define SECRETS_MAX ((size_t)64)

static int run_rekey(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {
                CLI_HELP, CLI_JSON, PASSWORD_OPTIONS, {"drop", no_argument, NULL, 'D'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *dropped = NULL;
        Secret *secrets[SECRETS_MAX];
        size_t n = 0;
        bool drop = false;
        int c, r = -1;

        while (r < 0 && (c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                PasswordSource source = PASSWORD_SOURCE_NULL;

                if (c == 'D') {
                        drop = true;
                        continue;
                }
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE) {
                        r = cli_option(cli, c);
                        continue;
                }
                if (r < 0 && n == SECRETS_MAX)
                        r = cli_error(EXIT_USAGE, "too many passwords");
                if (r < 0) {
                        int failed = password_read(&source, &secrets[n]);

                        if (failed != 0)
                                r = failed;
                        else
                                n++;
                }
        }
        if (r < 0 && optind != argc)
                r = cli_usage(cli);
        if (r < 0) {
                r = cli_connect(&k);
                if (r == 0) {
                        cli_use_terminal(k);
                        request_init(&request, k, "Rekey");
                        request.nobody = "nobody to ask for the passwords of all slots: give --password-file FILE for "
                                         "each, or --drop";
                        request_secrets(&request, "secrets", secrets, n);
                        request_bool(&request, "drop", drop);
                        request_end_options(&request);
                        r = request_call_json(&request, CLIENT_ASKS, &dropped);
                }
                if (r == 0 && cli->json) {
                        r = output_json(json_object_get(dropped));
                } else if (r == 0) {
                        printf("Everything is sealed with new keys.\n");
                        for (size_t i = 0; i < json_length(dropped); i++)
                                printf("Dropped slot %s\n",
                                       json_object_get_string(json_object_array_get_idx(dropped, i)));
                        r = output_flush();
                }
        }
        for (size_t i = 0; i < n; i++)
                secret_free(secrets[i]);
        return r;
}

const Command command_rekey = {
        .name = "rekey",
        .usage = "",
        .summary = "Make new keys and seal everything with them",
        .help = "Every slot's secret is needed: key files are read, passwords asked for, or given here.\n\n"
                "  --password-file FILE, --password-fd N   a password; may be given several times\n"
                "  --drop                                  remove slots whose secret is not given\n"
                "  --json                                  the slots that were dropped\n",
        .run = run_rekey,
};
