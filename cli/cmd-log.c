/*
 * keyfob log: who read or changed what
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/json.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/text.h"

enum {
        OPTION_SINCE = 0x100,
        OPTION_PROGRAM,
        OPTION_ITEM,
        OPTION_LIMIT,
};

typedef struct Wish {
        const char *program, *service, *username;
        uint64_t since, limit;
} Wish;

static int get_log(keyfob *k, const Wish *wish, struct json_object **ret)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "GetLog");
        request_string(&request, "program", wish->program);
        request_string(&request, "service", wish->service);
        request_string(&request, "username", wish->username);
        request_u64(&request, "since", wish->since);
        request_u32(&request, "limit", (uint32_t)wish->limit);
        request_end_options(&request);
        return request_call_json(&request, CLIENT_ASKS, ret);
}

/* An app by its name, else the end of the path of what it runs, else what it calls itself. */
static const char *who(struct json_object *entry)
{
        const char *app = json_string(entry, "app"), *program = json_string(entry, "program"), *slash;

        if (*app)
                return app;
        slash = strrchr(program, '/');
        if (slash && slash[1])
                return slash + 1;
        return *json_string(entry, "comm") ? json_string(entry, "comm") : "(unknown)";
}

/* "mail/alice", or the label; "12 items" of a line for many. NULL: out of memory. */
static char *which(struct json_object *entry)
{
        const char *service = json_string(entry, "service"), *username = json_string(entry, "username");
        uint64_t items = json_number(entry, "items");

        if (items > 1)
                return text_format("%llu items", (unsigned long long)items);
        if (*service)
                return text_format("%s%s%s", service, *username ? "/" : "", username);
        if (*json_string(entry, "label"))
                return strdup(json_string(entry, "label"));
        return strdup(*json_string(entry, "item") ? json_string(entry, "item") : "(without a label)");
}

static char *what(struct json_object *entry)
{
        const char *kind = json_string(entry, "kind");
        uint64_t count = json_number(entry, "count");

        if (strncmp(kind, "collection-", 11) == 0)
                return text_format("%s collection", kind + 11);
        return count > 1 ? text_format("%s (%llu×)", kind, (unsigned long long)count) : strdup(kind);
}

static void add_entry(Table *table, struct json_object *entry)
{
        _cleanup_free_ char *item = which(entry), *kind = what(entry), *pid = NULL;
        char when[32];

        moment_show(json_number(entry, "last"), when);
        pid = json_number(entry, "pid") > 0 ? text_format("%llu", (unsigned long long)json_number(entry, "pid")) : strdup("-");
        table_add(table, when);
        table_add(table, who(entry));
        table_add(table, pid);
        table_add(table, kind);
        table_add(table, item);
        table_add(table, json_string(entry, "collection"));
}

/* The newest last, where a terminal shows it. */
static int print(struct json_object *entries)
{
        static const char *const headings[] = {"WHEN", "PROGRAM", "PID", "DID", "ITEM", "COLLECTION"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = json_length(entries); i > 0; i--)
                add_entry(&table, json_object_array_get_idx(entries, i - 1));
        return table_end(&table);
}

static int parse(Cli *cli, int argc, char *argv[], Wish *wish)
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                {"since", required_argument, NULL, OPTION_SINCE},
                                                {"program", required_argument, NULL, OPTION_PROGRAM},
                                                {"item", required_argument, NULL, OPTION_ITEM},
                                                {"limit", required_argument, NULL, OPTION_LIMIT},
                                                CLI_END};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case OPTION_SINCE:
                        if (moment_parse(optarg, (uint64_t)time(NULL), &wish->since) < 0)
                                return cli_error(EXIT_USAGE, "\"%s\" is neither a time (2024-05-31 12:00) nor how long ago "
                                                             "(90s, 30m, 12h, 7d)", optarg);
                        break;
                case OPTION_PROGRAM:
                        wish->program = optarg;
                        break;
                case OPTION_ITEM:
                        wish->service = optarg;
                        break;
                case OPTION_LIMIT:
                        if (text_number(optarg, 1, 1000000, &wish->limit) < 0)
                                return cli_error(EXIT_USAGE, "--limit takes a number from 1 to 1000000");
                        break;
                default:
                        r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        /* --item SERVICE [USER]: an option has one value, so the user is the operand. */
        if (wish->service && optind < argc)
                wish->username = argv[optind++];
        return optind < argc ? cli_usage(cli) : -1;
}

static int run_log(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_json_ struct json_object *entries = NULL;
        Wish wish = {0};
        int r;

        r = parse(cli, argc, argv, &wish);
        if (r >= 0)
                return r;
        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = get_log(k, &wish, &entries);
        if (r != 0)
                return r;
        return cli->json ? output_json(json_object_get(entries)) : print(entries);
}

const Command command_log = {
        .name = "log",
        .usage = "[--item SERVICE [USER]]",
        .summary = "Show which programs read or changed what, and when",
        .help = "The newest comes last. At least the last 10,000 lines are kept, in the vault.\n\n"
                "  --item SERVICE [USER]   only this item, also when it was deleted\n"
                "  --program NAME          only this program: a path, its last part, a unit, an app\n"
                "  --since WHEN            2024-05-31, \"2024-05-31 12:00\", or how long ago: 30m, 12h, 7d\n"
                "  --limit N               the last N lines\n"
                "  --json\n",
        .run = run_log,
};
