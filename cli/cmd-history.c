/*
 * keyfob history: what an item was, and back to that
 */
#include <stdio.h>
#include <string.h>

#include "cli/history.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/text.h"

static const char *state(struct json_object *version)
{
        if (json_flag(version, "current"))
                return "current";
        return json_flag(version, "deleted") ? "deleted" : "replaced";
}

static int print(struct json_object *versions)
{
        static const char *const headings[] = {"VERSION", "SET", "STATE", "SINCE", "LABEL"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < json_length(versions); i++) {
                struct json_object *version = json_object_array_get_idx(versions, i);
                char number[24], set[32], removed[32];

                (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)json_number(version, "version"));
                text_time(json_number(version, "modified"), set);
                text_time(json_number(version, "removed"), removed);
                table_add(&table, number);
                table_add(&table, set);
                table_add(&table, state(version));
                table_add(&table, removed);
                table_add(&table, json_string(version, "label"));
        }
        return table_end(&table);
}

static int list(Cli *cli, keyfob *k, const char *path)
{
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *versions = NULL;
        int r;

        request_init(&request, k, "History");
        request_append(&request, "o", path);
        r = request_call_json(&request, CLIENT_QUICK, &versions);
        if (r != 0)
                return r;
        return cli->json ? output_json(json_object_get(versions)) : print(versions);
}

static int show(keyfob *k, const char *path, uint64_t version)
{
        _cleanup_(request_done) Request request = {0};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *content_type;
        const void *value;
        size_t size;
        int r;

        request_init(&request, k, "GetVersion");
        request_append(&request, "ot", path, version);
        r = request_call(&request, CLIENT_PATIENT, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read(reply, "s", &content_type);
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &value, &size);
        if (r < 0)
                return cli_fail(k, client_fail_errno(k, r));
        r = output_bytes(value, size);
        return r == 0 && isatty(STDOUT_FILENO) ? output_bytes("\n", 1) : r;
}

static int restore(keyfob *k, const char *path, uint64_t version)
{
        _cleanup_(request_done) Request request = {0};
        int r;

        request_init(&request, k, "Undelete");
        request_append(&request, "ot", path, version);
        r = request_call(&request, CLIENT_QUICK, NULL);
        if (r != 0)
                return r;
        printf("Restored version %llu\n", (unsigned long long)version);
        return output_flush();
}

static int run_history(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                {"show", required_argument, NULL, 's'},
                                                {"restore", required_argument, NULL, 'r'},
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_free_ char *path = NULL;
        uint64_t version = 0;
        int wish = 'l', c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 's' || c == 'r') {
                        if (wish != 'l')
                                return cli_usage(cli);
                        if (text_number(optarg, 0, INT64_MAX, &version) < 0)
                                return cli_error(EXIT_USAGE, "%s is not a version: they are numbers", optarg);
                        wish = c;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 2 && !(argc - optind == 1 && argv[optind][0] == '/'))
                return cli_usage(cli);

        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = history_find(k, argc - optind, argv + optind, &path);
        if (r != 0)
                return r;
        switch (wish) {
        case 's':
                return show(k, path, version);
        case 'r':
                return restore(k, path, version);
        default:
                return list(cli, k, path);
        }
}

const Command command_history = {
        .name = "history",
        .usage = "SERVICE USER | PATH",
        .summary = "List the values an item had, show one, or go back to it",
        .help = "  --show VERSION      print that value\n"
                "  --restore VERSION   make it the current one; what is current now is kept in turn\n"
                "  --json\n\n"
                "keyfob retention says how much is kept, keyfob wipe has it gone.\n",
        .run = run_history,
};
