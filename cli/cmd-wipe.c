/*
 * keyfob wipe: old values are gone for good
 */
#include <stdio.h>

#include "cli/history.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/terminal.h"

static int confirm(bool all)
{
        if (!terminal_available())
                return cli_error(EXIT_LOCKED, "nobody to ask whether to wipe: give --yes");
        terminal_say(all ? "All that was deleted or replaced goes for good: items, collections, passkeys and keys of ssh."
                         : "All older values of this item go for good, and if it was deleted, the item.");
        terminal_say("Copies of the vault that were kept in snapshots/ go, too.");
        return terminal_confirm("Wipe?") ? 0 : cli_error(EXIT_REFUSED, "cancelled");
}

static int run_wipe(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                PASSWORD_OPTIONS,
                                                {"all", no_argument, NULL, 'a'},
                                                {"yes", no_argument, NULL, 'y'},
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *auth = NULL;
        _cleanup_json_ struct json_object *wiped = NULL;
        _cleanup_free_ char *path = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        bool all = false, confirmed = false;
        int c, n, r;

        while ((c = getopt_long(argc, argv, "hy", options, NULL)) >= 0) {
                if (c == 'a' || c == 'y') {
                        *(c == 'a' ? &all : &confirmed) = true;
                        continue;
                }
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        n = argc - optind;
        if (all ? n != 0 : n != 2 && !(n == 1 && argv[optind][0] == '/'))
                return cli_usage(cli);
        r = password_read(&source, &auth);
        if (r == 0)
                r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        if (!all) {
                r = history_find(k, n, argv + optind, &path);
                if (r != 0)
                        return r;
        }
        r = confirmed ? 0 : confirm(all);
        if (r != 0)
                return r;

        request_init(&request, k, "Wipe");
        request.nobody = "wiping needs the vault's password, and there is nobody to ask: give --password-file FILE";
        request_append(&request, "o", path ? path : "/");
        request_secret(&request, "auth", auth);
        request_end_options(&request);
        r = request_call_json(&request, CLIENT_ASKS, &wiped);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(json_object_get(wiped));
        printf("Wiped %lld old values and %lld copies of the vault\n",
               (long long)json_object_get_int64(json_object_array_get_idx(wiped, 0)),
               (long long)json_object_get_int64(json_object_array_get_idx(wiped, 1)));
        return output_flush();
}

const Command command_wipe = {
        .name = "wipe",
        .usage = "SERVICE USER | PATH | --all",
        .summary = "Have old values gone from all files, for good",
        .help = "What is current stays. Kept copies of the vault go as a whole.\n\n"
                "  --all                                   of all items, and all that was deleted\n"
                "  --yes                                   don't ask whether to\n"
                "  --password-file FILE, --password-fd N   what opens the vault: wiping needs it\n"
                "  --json\n",
        .run = run_wipe,
};
