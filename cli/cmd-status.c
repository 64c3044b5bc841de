/*
 * keyfob status: what is open, who serves the Secret Service, how the security key stands, and what is not as safe as
 * it could be
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/authenticator.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/status.h"
#include "cli/text.h"

void status_print_epoch(const char *state, uint64_t recorded, uint64_t found)
{
        char kept[32], here[32];
        _cleanup_free_ char *text = NULL;

        text_time(recorded, kept);
        text_time(found, here);
        if (strcmp(state, "old") == 0 && recorded == 0)
                text = text_format("OLD COPY: last changed %s, and it had come farther, nobody knows when (keyfob check)", here);
        else if (strcmp(state, "old") == 0)
                text = text_format("OLD COPY: last changed %s, but on %s it had come farther (keyfob check)", here, kept);
        else
                text = text_format("UNKNOWN: last changed %s, and not what was kept of it; an old copy may have been put "
                                   "back (keyfob check)",
                                   here);
        if (text)
                output_line("age", text);
}

void status_print_counter(struct json_object *report)
{
        const char *state = json_string(report, "counter"), *problem = json_string(report, "counter_problem");
        _cleanup_free_ char *text = NULL;

        if (strcmp(problem, "") == 0)
                return;
        if (strcmp(state, "unreachable") == 0)
                text = text_format("UNCHECKED: %s (keyfob check)", problem);
        else
                text = text_format("%s%s", strcmp(state, "none") == 0 ? "none: " : "", problem);
        if (text)
                output_line("counter", text);
}

static void print_vault(struct json_object *status)
{
        const char *vault = json_string(status, "vault"), *error = json_string(status, "error");
        _cleanup_free_ char *text = NULL;

        if (strcmp(vault, "absent") == 0) {
                vault = "no vault yet: run keyfob init";
                error = "";
        }
        text = text_format("%s%s%s", vault, error[0] ? ": " : "", error);
        if (!text)
                return;
        output_line("vault", text);
        output_line("file", json_string(status, "vault_path"));
        if (json_flag(status, "unprotected"))
                output_line("protection",
                            "UNPROTECTED: whoever gets the file can read it (keyfob slot add --kind password)");
        if (json_flag(status, "tampered"))
                output_line("integrity", "TAMPERED: records were removed, swapped or rolled back (keyfob check)");
        if (strcmp(json_string(status, "epoch"), "old") == 0 || strcmp(json_string(status, "epoch"), "foreign") == 0)
                status_print_epoch(json_string(status, "epoch"), json_number(status, "epoch_recorded"),
                                   json_number(status, "epoch_found"));
        status_print_counter(status);
        if (json_number(status, "damaged") > 0)
                printf("%-16s %llu records (keyfob check)\n", "DAMAGED",
                       (unsigned long long)json_number(status, "damaged"));
}

static void print_service(struct json_object *status)
{
        const char *name = json_string(status, "secrets_name");
        struct json_object *owner = json_member(status, "secrets_owner");
        _cleanup_free_ char *text = NULL;

        if (strcmp(name, "owned") == 0) {
                output_line("secret service", "Keyfob owns org.freedesktop.secrets");
        } else if (strcmp(name, "taken") == 0) {
                text = text_format("org.freedesktop.secrets belongs to %s (pid %llu): keyfob enable",
                                   json_string(owner, "comm"), (unsigned long long)json_number(owner, "pid"));
                if (text)
                        output_line("secret service", text);
        } else {
                output_line("secret service", json_flag(status, "bus")
                                                      ? "nobody owns org.freedesktop.secrets on the session bus"
                                                      : "no session bus: eval $(keyfob env)");
        }
}

static void print_daemon(struct json_object *status)
{
        _cleanup_free_ char *text = text_format("keyfobd %s, pid %llu", json_string(status, "version"),
                                                (unsigned long long)json_number(status, "pid"));

        if (text)
                output_line("daemon", text);
        output_line("socket", json_string(status, "socket"));
        output_line("memory", json_flag(status, "memory_locked")
                                      ? "locked"
                                      : "NOT LOCKED: keys may be swapped out (memlock limit)");
        output_line("prompts", json_flag(status, "agent")      ? "a session agent"
                               : json_flag(status, "pinentry") ? "pinentry"
                                                               : "nobody to ask but the caller's own terminal");
}

static void print_authenticator(struct json_object *info)
{
        _cleanup_free_ char *pin = NULL, *text = NULL;
        const char *socket = json_string(info, "ctap_socket");
        uint64_t passkeys = json_number(info, "passkeys");

        if (!info)
                return;
        pin = authenticator_pin_text(info, AUTHENTICATOR_OWN);
        if (pin)
                text = text_format("%s; %llu %s; %s", pin, (unsigned long long)passkeys,
                                   passkeys == 1 ? "passkey" : "passkeys", socket[0] ? socket : "NO SOCKET");
        if (text)
                output_line("security key", text);
}

static char *aliases_text(struct json_object *aliases)
{
        char *text = strdup("");

        for (size_t i = 0; text && i < json_length(aliases); i++) {
                char *longer = text_format("%s%s%s", text, i > 0 ? "," : "",
                                           json_object_get_string(json_object_array_get_idx(aliases, i)));

                free(text);
                text = longer;
        }
        return text;
}

int status_print_collections(struct json_object *collections)
{
        static const char *const headings[] = {"COLLECTION", "LABEL", "ALIASES", "ITEMS", "STATE"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < json_length(collections); i++) {
                struct json_object *collection = json_object_array_get_idx(collections, i);
                _cleanup_free_ char *aliases = aliases_text(json_member(collection, "aliases"));
                char items[32], state[64];

                (void)snprintf(items, sizeof(items), "%llu", (unsigned long long)json_number(collection, "items"));
                (void)snprintf(state, sizeof(state), "%s%s%s", json_flag(collection, "locked") ? "locked" : "unlocked",
                               json_flag(collection, "own_slots") ? ", own password" : "",
                               json_flag(collection, "tampered") ? ", TAMPERED" : "");
                table_add(&table, json_string(collection, "name"));
                table_add(&table, json_string(collection, "label"));
                table_add(&table, aliases);
                table_add(&table, items);
                table_add(&table, state);
        }
        return table_end(&table);
}

int status_get(keyfob *k, struct json_object **ret)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "Status");
        return request_call_json(&request, CLIENT_QUICK, ret);
}

int status_not_the_vault(keyfob *k, const char *path, const struct stat *file)
{
        _cleanup_json_ struct json_object *status = NULL;
        int r;

        r = status_get(k, &status);
        for (size_t i = 0; r == 0 && i < 2; i++) {
                _cleanup_free_ char *one = text_format("%s%s", json_string(status, "vault_path"), i == 0 ? "" : "-wal");
                struct stat st;

                if (!one)
                        return cli_no_memory();
                if (stat(one, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino)
                        r = cli_error(EXIT_OTHER, "%s is the vault itself, or its log", path);
        }
        return r;
}

static int run_status(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_json_ struct json_object *status = NULL, *authenticator = NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);

        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = status_get(k, &status);
        if (r != 0)
                return r;
        /* a daemon that has none says so here and in nothing else */
        (void)authenticator_get(k, &authenticator);
        if (authenticator)
                json_object_object_add(status, "authenticator", json_object_get(authenticator));
        if (cli->json)
                return output_json(json_object_get(status));

        print_vault(status);
        print_service(status);
        print_daemon(status);
        print_authenticator(authenticator);
        if (json_length(json_member(status, "collections")) > 0)
                printf("\n");
        r = status_print_collections(json_member(status, "collections"));
        return r != 0 ? r : output_flush();
}

const Command command_status = {
        .name = "status",
        .usage = "",
        .summary = "Show the state of the vault, the daemon and the Secret Service",
        .help = "  --json\n",
        .run = run_status,
};
