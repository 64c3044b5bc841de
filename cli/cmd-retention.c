/*
 * keyfob retention: how much of what was deleted or replaced is kept
 */
#include <stdio.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/text.h"

static int get(keyfob *k, uint64_t *ret_days, uint64_t *ret_versions)
{
        _cleanup_(request_done) Request request = {0};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint32_t days, versions;
        int r;

        request_init(&request, k, "GetRetention");
        r = request_call(&request, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read(reply, "uu", &days, &versions);
        if (r < 0)
                return cli_fail(k, client_fail_errno(k, r));
        *ret_days = days;
        *ret_versions = versions;
        return 0;
}

static int print(Cli *cli, uint64_t days, uint64_t versions)
{
        struct json_object *json;

        if (cli->json) {
                json = json_object_new_object();
                if (!json)
                        return cli_no_memory();
                json_object_object_add(json, "days", json_object_new_int64((int64_t)days));
                json_object_object_add(json, "versions", json_object_new_int64((int64_t)versions));
                return output_json(json);
        }
        if (days == 0)
                printf("Nothing that is deleted or replaced is kept\n");
        else
                printf("Kept for %llu days: what is deleted, and %llu replaced values of each item\n",
                       (unsigned long long)days, (unsigned long long)versions);
        return output_flush();
}

static int run_retention(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                PASSWORD_OPTIONS,
                                                {"days", required_argument, NULL, 'd'},
                                                {"versions", required_argument, NULL, 'v'},
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *auth = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        uint64_t days = UINT64_MAX, versions = UINT64_MAX, days_now = 0, versions_now = 0;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'd' || c == 'v') {
                        if (text_number(optarg, 0, UINT32_MAX, c == 'd' ? &days : &versions) < 0)
                                return cli_error(EXIT_USAGE, "%s is not a number", optarg);
                        continue;
                }
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        r = password_read(&source, &auth);
        if (r == 0)
                r = cli_connect(&k);
        if (r == 0)
                r = get(k, &days_now, &versions_now);
        if (r != 0)
                return r;
        if (days == UINT64_MAX && versions == UINT64_MAX)
                return print(cli, days_now, versions_now);

        cli_use_terminal(k);
        request_init(&request, k, "SetRetention");
        request.nobody = "keeping less needs the vault's password, and there is nobody to ask: give --password-file FILE";
        request_append(&request, "uu", (uint32_t)(days == UINT64_MAX ? days_now : days),
                       (uint32_t)(versions == UINT64_MAX ? versions_now : versions));
        request_secret(&request, "auth", auth);
        request_end_options(&request);
        return request_call(&request, CLIENT_ASKS, NULL);
}

const Command command_retention = {
        .name = "retention",
        .usage = "[--days N] [--versions N]",
        .summary = "Show or set how long deleted and replaced values are kept",
        .help = "  --days N       keep what is deleted or replaced for N days; 0 keeps nothing\n"
                "  --versions N   keep at most N replaced values of an item; 0 keeps none\n"
                "  --password-file FILE, --password-fd N   what opens the vault: keeping less needs it\n"
                "  --json\n\n"
                "What is not covered any more goes at once. Passkeys and keys of ssh are always kept for 30 days.\n",
        .run = run_retention,
};
