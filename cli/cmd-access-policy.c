/*
 * keyfob policy: which programs may be given which secrets
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/program.h"
#include "cli/request.h"
#include "cli/text.h"
#include "common/app-name.h"

enum { OPTION_COLLECTION = 0x100, OPTION_ITEM };

typedef struct Wish {
        const char *verdict;
        const char *collection, *service, *username;
        char *subject;
} Wish;

static void wish_done(Wish *wish)
{
        free(wish->subject);
}

/* ---- list ---- */

static char *target_text(struct json_object *rule)
{
        const char *service = json_string(rule, "service"), *username = json_string(rule, "username");

        if (json_flag(rule, "gone"))
                return strdup("(gone)");
        if (*service)
                return text_format("%s%s%s", service, *username ? "/" : "", username);
        if (*json_string(rule, "item"))
                return strdup(*json_string(rule, "label") ? json_string(rule, "label") : json_string(rule, "item"));
        return strdup("everything");
}

static int print(struct json_object *rules)
{
        static const char *const headings[] = {"RULE", "PROGRAM", "ITEM", "COLLECTION"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < json_length(rules); i++) {
                struct json_object *rule = json_object_array_get_idx(rules, i);
                _cleanup_free_ char *target = target_text(rule);

                table_add(&table, json_string(rule, "verdict"));
                table_add(&table, json_string(rule, "subject"));
                table_add(&table, target);
                table_add(&table, json_string(rule, "collection"));
        }
        table_add(&table, "ask");
        table_add(&table, "sandboxed");
        table_add(&table, "(no rule)");
        table_add(&table, "");
        table_add(&table, "allow");
        table_add(&table, "any");
        table_add(&table, "(no rule)");
        table_add(&table, "");
        return table_end(&table);
}

static int list(Cli *cli, keyfob *k)
{
        _cleanup_json_ struct json_object *rules = NULL;
        _cleanup_(request_done) Request request = {0};
        int r;

        request_init(&request, k, "ListPolicy");
        request_end_options(&request);
        r = request_call_json(&request, CLIENT_ASKS, &rules);
        if (r != 0)
                return r;
        return cli->json ? output_json(json_object_get(rules)) : print(rules);
}

/* ---- change ---- */

/* What the daemon knows by its form is left as it is; anything else is a program's name or path. */
static int read_subject(const char *text, char **ret)
{
        static const char *const words[] = {"any", "sandboxed", "unknown"}, *const ends[] = {".service", ".scope", ".slice"};
        bool known = app_name_is(text);

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                known |= strcmp(text, words[i]) == 0;
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                known |= !strchr(text, '/') && strlen(text) > strlen(ends[i]) &&
                         strcmp(text + strlen(text) - strlen(ends[i]), ends[i]) == 0;
        *ret = known ? strdup(text) : program_find(text);
        /* One that is gone can still have a rule. */
        if (!*ret && errno == ENOENT && text[0] == '/')
                *ret = strdup(text);
        if (!*ret && errno == ENOENT)
                return cli_error(EXIT_NOT_FOUND, "there is no program %s: give its path", text);
        return *ret ? 0 : cli_no_memory();
}

static int change(keyfob *k, const Wish *wish, const Secret *auth)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "SetPolicy");
        request_append(&request, "ss", wish->subject, wish->verdict);
        request.nobody = "nobody to ask for the vault's password: give --password-file FILE";
        request_string(&request, "collection", wish->collection);
        request_string(&request, "service", wish->service);
        request_string(&request, "username", wish->username);
        request_secret(&request, "auth", auth);
        request_end_options(&request);
        return request_call(&request, CLIENT_ASKS, NULL);
}

/* -1 to list, -2 to change, else the exit code. */
static int read_operands(Cli *cli, int n, char *operands[], Wish *wish)
{
        static const char *const verdicts[] = {"allow", "ask", "deny", "none"};
        int r;

        if (n == 0 || (n == 1 && strcmp(operands[0], "list") == 0))
                return wish->collection || wish->service ? cli_usage(cli) : -1;
        for (size_t i = 0; i < ELEMENTSOF(verdicts); i++)
                if (strcmp(operands[0], verdicts[i]) == 0)
                        wish->verdict = verdicts[i];
        if (!wish->verdict || n < 2 || n > (wish->service ? 3 : 2))
                return cli_usage(cli);
        /* --item SERVICE [USER]: an option has one value, so the user is an operand. */
        wish->username = n == 3 ? operands[2] : NULL;
        r = read_subject(operands[1], &wish->subject);
        return r == 0 ? -2 : r;
}

static int run_policy(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                PASSWORD_OPTIONS,
                                                {"collection", required_argument, NULL, OPTION_COLLECTION},
                                                {"item", required_argument, NULL, OPTION_ITEM},
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *auth = NULL;
        _cleanup_(wish_done) Wish wish = {0};
        PasswordSource source = PASSWORD_SOURCE_NULL;
        int c, r, what;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = password_option(&source, NULL, c, optarg);
                if (c == OPTION_COLLECTION || c == OPTION_ITEM) {
                        *(c == OPTION_ITEM ? &wish.service : &wish.collection) = optarg;
                        continue;
                }
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        what = read_operands(cli, argc - optind, argv + optind, &wish);
        if (what >= 0)
                return what;
        r = password_read(&source, &auth);
        if (r == 0)
                r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        return what == -1 ? list(cli, k) : change(k, &wish, auth);
}

const Command command_policy = {
        .name = "policy",
        .usage = "[allow | ask | deny | none] [PROGRAM]",
        .summary = "Show or change which programs may be given which secrets",
        .help = "PROGRAM is a name or path, an app (flatpak:ID, snap:NAME), a unit (NAME.service, with * and ?), or\n"
                "any, sandboxed (every app in a sandbox), unknown. none takes a rule away. Without rules, apps in\n"
                "a sandbox are asked about once, and everybody else is allowed.\n\n"
                "  --item SERVICE [USER]   the rule is about this item\n"
                "  --collection NAME       about this collection, else about everything\n"
                "  --password-file FILE, --password-fd N   what allows more wants the vault's password\n"
                "  --json\n",
        .run = run_policy,
};
