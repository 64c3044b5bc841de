/*
 * keyfob check: is every record what was stored?
 */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/status.h"
#include "cli/text.h"

static bool is_old(struct json_object *report)
{
        const char *epoch = json_string(report, "epoch");

        return strcmp(epoch, "old") == 0 || strcmp(epoch, "foreign") == 0;
}

static void print_damaged(const char *path, const char *name)
{
        _cleanup_free_ char *label = name && name[0] ? strdup(name) : NULL;

        if (label)
                text_clean(label);
        printf("damaged: %s%s%s%s\n", path, label ? " (" : "", label ? label : "", label ? ")" : "");
}

static void print(struct json_object *report)
{
        static const struct {
                const char *key, *text;
        } lines[] = {
                {"records", "records checked"},
                {"damaged", "damaged records"},
                {"index_missing", "missing index rows"},
                {"index_extra", "superfluous index rows"},
                {"tampered", "collections whose sum does not fit"},
                {"locked", "locked collections, not checked"},
        };
        struct json_object *objects = json_member(report, "objects");

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (i == 0 || json_number(report, lines[i].key) > 0)
                        printf("%8llu  %s\n", (unsigned long long)json_number(report, lines[i].key), lines[i].text);
        if (is_old(report))
                status_print_epoch(json_string(report, "epoch"), json_number(report, "recorded"),
                                   json_number(report, "found"));
        status_print_counter(report);
        for (size_t i = 0; i < json_length(objects); i++)
                print_damaged(json_object_get_string(json_object_array_get_idx(objects, i)),
                              json_object_get_string(json_object_array_get_idx(json_member(report, "names"), i)));
        for (size_t i = 0; i < json_length(json_member(report, "others")); i++)
                printf("damaged: %s\n",
                       json_object_get_string(json_object_array_get_idx(json_member(report, "others"), i)));
}

static int forget(void)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(request_done) Request request = {0};
        int r;

        r = cli_connect(&k);
        if (r != 0)
                return r;
        request_init(&request, k, "ForgetEpoch");
        return request_call(&request, CLIENT_PATIENT, &reply);
}

static int run_check(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_JSON, {"accept", no_argument, NULL, 'a'},
                                                {"forget", no_argument, NULL, 'f'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *report = NULL;
        bool accept = false, forgets = false, bad;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'a' || c == 'f') {
                        *(c == 'a' ? &accept : &forgets) = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc || (forgets && (accept || cli->json)))
                return cli_usage(cli);
        if (forgets)
                return forget();

        r = cli_connect(&k);
        if (r != 0)
                return r;
        request_init(&request, k, "Check");
        request_append(&request, "b", (int)accept);
        r = request_call_json(&request, CLIENT_PATIENT, &report);
        if (r != 0)
                return r;

        if (cli->json) {
                r = output_json(json_object_get(report));
        } else {
                print(report);
                r = output_flush();
        }
        if (r != 0)
                return r;
        if (strcmp(json_string(report, "epoch"), "old") == 0 && !accept)
                return cli_error(EXIT_DAMAGED,
                                 "an old copy of the vault was put back, or a part of one: if that is right, \"keyfob "
                                 "check --accept\" takes it as it is; else put the right one back");
        if (is_old(report) && !accept)
                return cli_error(EXIT_DAMAGED,
                                 "an old copy of the vault may have been put back: if this is the right one, \"keyfob "
                                 "check --accept\" takes it as it is; else put the right one back");
        if (strcmp(json_string(report, "counter"), "unreachable") == 0 && !accept)
                return cli_error(EXIT_DAMAGED,
                                 "the TPM, which would tell whether an old copy of the vault was put back, can't be asked: try again "
                                 "when it can, or \"keyfob check --accept\" goes on without it");
        bad = json_number(report, "damaged") > 0 || json_number(report, "tampered") > 0 ||
              json_number(report, "index_missing") > 0 || json_number(report, "index_extra") > 0;
        if (bad && !accept)
                return cli_error(EXIT_DAMAGED,
                                 "the vault is not as it was stored: \"keyfob check --accept\" repairs what can be "
                                 "repaired and takes the rest as it is");
        return 0;
}

const Command command_check = {
        .name = "check",
        .usage = "[--accept | --forget]",
        .summary = "Verify every record of the open collections",
        .help = "  --accept   repair what can be repaired and take the present state as right\n"
                "  --forget   before a vault is deleted: remove its counter from the TPM, and what was kept outside of it\n"
                "  --json\n",
        .run = run_check,
};
