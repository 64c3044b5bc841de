/*
 * keyfob slot: the ways to open the vault
 *
 * What is shown of a slot stands in clear in the file. Removing one does not reach old copies of the file, and says
 * so.
 */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/kdf.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/slot.h"
#include "cli/text.h"

static char *tpm_details(struct json_object *slot)
{
        bool pin = json_flag(slot, "pin");
        uint64_t pcrs = json_number(slot, "pcrs");
        char text[128] = "", *details;
        size_t used = 0;

        for (unsigned i = 0; i < 24; i++)
                if (pcrs >> i & 1)
                        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", used > 0 ? "," : ", PCRs ",
                                                 i);
        if (asprintf(&details, "this machine's TPM%s%s", pin ? ", PIN" : "", used > 0 ? text : "") < 0)
                return NULL;
        return details;
}

/* New string, or NULL. */
static char *details_of(struct json_object *slot)
{
        const char *kind = json_string(slot, "kind");
        char *details;

        if (json_number(slot, "kdf_memory") > 0)
                return asprintf(&details, "Argon2id %llu MiB, %llu passes",
                                (unsigned long long)json_number(slot, "kdf_memory") / 1024,
                                (unsigned long long)json_number(slot, "kdf_passes")) < 0
                               ? NULL
                               : details;
        if (strcmp(kind, "none") == 0)
                return strdup("UNPROTECTED");
        if (strcmp(kind, "recovery") == 0)
                return strdup("a code on paper");
        if (strcmp(kind, "tpm2") == 0)
                return tpm_details(slot);
        if (strcmp(kind, "fido2") == 0)
                return asprintf(&details, "%s%s", json_string(slot, "rp_id"),
                                json_flag(slot, "uv") ? ", with verification" : "") < 0
                               ? NULL
                               : details;
        return strdup(json_string(slot, "path"));
}

static int print_slots(struct json_object *slots)
{
        static const char *const headings[] = {"ID", "KIND", "LABEL", "OPENS", "LAST USED", "DETAILS"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < json_length(slots); i++) {
                struct json_object *slot = json_object_array_get_idx(slots, i);
                _cleanup_free_ char *details = details_of(slot);
                char id[9], used[32];

                (void)snprintf(id, sizeof(id), "%s", json_string(slot, "id"));
                text_time(json_number(slot, "used"), used);
                table_add(&table, id);
                table_add(&table, json_string(slot, "kind"));
                table_add(&table, json_string(slot, "label"));
                table_add(&table, json_string(slot, "collection")[0] ? json_string(slot, "collection") : "the vault");
                table_add(&table, used);
                table_add(&table, details);
        }
        return table_end(&table);
}

static int slot_list(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *slots = NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        request_init(&request, k, "ListSlots");
        r = request_call_json(&request, CLIENT_QUICK, &slots);
        if (r != 0)
                return r;
        return cli->json ? output_json(json_object_get(slots)) : print_slots(slots);
}

/* ---- remove ---- */

static const struct option auth_options[] = {CLI_HELP, CLI_JSON, PASSWORD_OPTIONS, CLI_END};

static int slot_remove(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *auth = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", auth_options, NULL)) >= 0) {
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1)
                return cli_usage(cli);

        r = password_read(&source, &auth);
        if (r == 0)
                r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "RemoveSlot");
        request.nobody = "nobody to ask for a password: give --password-file FILE";
        request_append(&request, "s", argv[optind]);
        request_secret(&request, "auth", auth);
        r = request_call(&request, CLIENT_ASKS, NULL);
        if (r != 0)
                return r;
        printf("Removed. An old copy of the vault still opens with it: \"keyfob rekey\" makes new keys.\n");
        return output_flush();
}

/* ---- test, rename ---- */

static int slot_test(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *secret = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", auth_options, NULL)) >= 0) {
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1)
                return cli_usage(cli);

        r = password_read(&source, &secret);
        if (r == 0)
                r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "TestSlot");
        request.nobody = "nothing here opens it, and there is nobody to ask: give --password-file FILE";
        request_append(&request, "s", argv[optind]);
        request_secret(&request, "secret", secret);
        request_end_options(&request);
        r = request_call(&request, CLIENT_ASKS, NULL);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(json_object_new_boolean(true));
        printf("It works. Nothing was changed.\n");
        return output_flush();
}

static int slot_rename(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 2)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        request_init(&request, k, "RenameSlot");
        request_append(&request, "ss", argv[optind], argv[optind + 1]);
        return request_call(&request, CLIENT_QUICK, NULL);
}

static int run_slot(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"list", slot_list},
                                     {"add", slot_add},
                                     {"remove", slot_remove},
                                     {"test", slot_test},
                                     {"rename", slot_rename}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_slot = {
        .name = "slot",
        .usage = "list | add [OPTIONS] | remove ID | test ID | rename ID LABEL",
        .summary = "Show, add, remove and try the ways to open the vault",
        .help = "  list [--json]\n"
                "  add --kind password|credential|none|recovery|login|fido2|tpm2 [--key-file FILE] [--label TEXT]\n"
                "      [--collection NAME] [--json]                       recovery: a code to write down, shown once\n"
                "      [--pin] [--pin-file FILE] [--pcrs N,N]            tpm2: a PIN, and registers that must stay as "
                "they are\n"
                "      [--key KEY] [--verify] [--pin-file FILE] [--pin-fd N]  fido2: which security key, and whether "
                "it is to verify\n"
                "      [--rp-id NAME --credential BASE64]                fido2: a credential that is there already\n"
                "      [--new-password-file FILE] [--new-password-fd N]   the new password\n"
                "      [--password-file FILE] [--password-fd N]           one that opens the vault now\n" KDF_HELP
                "  remove ID [--password-file FILE] [--password-fd N]     ID: its beginning or a label will do\n"
                "  test ID [--password-file FILE] [--password-fd N]       whether it opens the vault; changes "
                "nothing\n"
                "  rename ID LABEL\n",
        .run = run_slot,
};
