/*
 * keyfob undelete: what was deleted or replaced, and back again
 */
#include <stdio.h>
#include <string.h>

#include "cli/history.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/text.h"

static int list_deleted(keyfob *k, const char *collection, struct json_object **ret)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "ListDeleted");
        request_string(&request, "collection", collection);
        request_end_options(&request);
        return request_call_json(&request, CLIENT_ASKS, ret);
}

static const char *what(struct json_object *entry)
{
        if (json_member(entry, "collection") && json_number(entry, "version") == 0)
                return "collection";
        return json_flag(entry, "deleted") ? "deleted item" : "older value";
}

static int print(struct json_object *entries)
{
        static const char *const headings[] = {"N", "REMOVED", "WHAT", "LABEL", "PATH VERSION"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < json_length(entries); i++) {
                struct json_object *entry = json_object_array_get_idx(entries, i);
                const char *label = json_string(entry, "label");
                _cleanup_free_ char *place = NULL;
                char number[24], removed[32];

                (void)snprintf(number, sizeof(number), "%zu", i + 1);
                text_time(json_number(entry, "removed"), removed);
                if (asprintf(&place, "%s %llu", json_string(entry, "item"),
                             (unsigned long long)json_number(entry, "version")) < 0)
                        place = NULL;
                table_add(&table, number);
                table_add(&table, removed);
                table_add(&table, what(entry));
                table_add(&table, label[0] ? label : json_string(entry, "collection"));
                table_add(&table, place);
        }
        return table_end(&table);
}

/* The entry a person means: by its number in the list, by path (the newest), or by path and version. */
static struct json_object *find(struct json_object *entries, const char *which, const char *version)
{
        uint64_t number;

        if (which[0] != '/' && text_number(which, 1, json_length(entries), &number) >= 0)
                return json_object_array_get_idx(entries, number - 1);
        for (size_t i = 0; i < json_length(entries); i++) {
                struct json_object *entry = json_object_array_get_idx(entries, i);

                if (strcmp(json_string(entry, "item"), which) != 0 &&
                    strcmp(json_string(entry, "collection"), which) != 0)
                        continue;
                if (!version ||
                    (text_number(version, 0, UINT64_MAX, &number) >= 0 && number == json_number(entry, "version")))
                        return entry;
        }
        return NULL;
}

static int restore(keyfob *k, struct json_object *entry)
{
        _cleanup_(request_done) Request request = {0};
        _cleanup_free_ char *label = NULL;
        int r;

        request_init(&request, k, "Undelete");
        request_append(&request, "ot", json_string(entry, "item"), json_number(entry, "version"));
        r = request_call(&request, CLIENT_ASKS, NULL);
        if (r != 0)
                return r;
        label = strdup(json_string(entry, "label"));
        if (!label)
                return cli_no_memory();
        text_clean(label);
        printf("Restored %s%s%s\n", what(entry), label[0] ? ": " : "", label);
        return output_flush();
}

static int run_undelete(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {
                CLI_HELP, CLI_JSON, {"collection", required_argument, NULL, 'c'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_json_ struct json_object *entries = NULL;
        struct json_object *entry;
        const char *collection = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'c') {
                        collection = optarg;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind == 1 && strcmp(argv[optind], "list") == 0)
                optind++;
        if (argc - optind > 2)
                return cli_usage(cli);

        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        /* While it is locked nothing can be told of its items, which would look as if none had been deleted. */
        r = history_unlock(k, collection);
        if (r == 0)
                r = list_deleted(k, collection, &entries);
        if (r != 0)
                return r;
        if (optind == argc)
                return cli->json ? output_json(json_object_get(entries)) : print(entries);

        entry = find(entries, argv[optind], argc - optind == 2 ? argv[optind + 1] : NULL);
        if (!entry)
                return cli_error(EXIT_NOT_FOUND,
                                 "nothing of that kind can be restored: \"keyfob undelete\" lists what can");
        return restore(k, entry);
}

const Command command_undelete = {
        .name = "undelete",
        .usage = "[N | PATH [VERSION]]",
        .summary = "List what was deleted or replaced, or bring one of it back",
        .help = "N is the number in the list; a PATH without a version means the newest of it.\n\n"
                "  --collection NAME   only this one's\n"
                "  --json\n",
        .run = run_undelete,
};
