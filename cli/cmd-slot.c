/*
 * keyfob slot, keyfob passwd: the ways to open the vault
 *
 * Changing a password re-wraps one slot; an old copy of the file still opens with the old password and shows what it
 * held then. Where that matters, keyfob rekey makes new keys, and these commands say so.
 */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/kdf.h"
#include "cli/keyfile.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/text.h"

static int print_slots(struct json_object *slots)
{
        Table table;
        int r;

        table_init(&table, 6);
        table_add(&table, "ID");
        table_add(&table, "KIND");
        table_add(&table, "LABEL");
        table_add(&table, "OPENS");
        table_add(&table, "LAST USED");
        table_add(&table, "DETAILS");
        for (size_t i = 0; i < json_length(slots); i++) {
                struct json_object *slot = json_object_array_get_idx(slots, i);
                _cleanup_free_ char *details = NULL;
                char id[9], used[32];

                (void)snprintf(id, sizeof(id), "%s", json_string(slot, "id"));
                text_time(json_number(slot, "used"), used);
                if (json_number(slot, "kdf_memory") > 0) {
                        if (asprintf(&details, "Argon2id %llu MiB, %llu passes",
                                     (unsigned long long)json_number(slot, "kdf_memory") / 1024,
                                     (unsigned long long)json_number(slot, "kdf_passes")) < 0)
                                details = NULL;
                } else if (strcmp(json_string(slot, "kind"), "none") == 0) {
                        details = strdup("UNPROTECTED");
                } else {
                        details = strdup(json_string(slot, "path"));
                }
                table_add(&table, id);
                table_add(&table, json_string(slot, "kind"));
                table_add(&table, json_string(slot, "label"));
                table_add(&table, json_string(slot, "collection")[0] ? json_string(slot, "collection") : "the vault");
                table_add(&table, used);
                table_add(&table, details);
        }
        table_print(&table);
        r = table.error < 0 ? cli_no_memory() : output_flush();
        table_done(&table);
        return r;
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

/* ---- add ---- */

static int slot_add(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                {"kind", required_argument, NULL, 'k'},
                                                {"key-file", required_argument, NULL, 'K'},
                                                {"label", required_argument, NULL, 'l'},
                                                {"collection", required_argument, NULL, 'c'},
                                                PASSWORD_OPTIONS,
                                                PASSWORD_NEW_OPTIONS,
                                                KDF_OPTIONS,
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(keyfile_done) Keyfile keyfile = KEYFILE_NULL;
        _cleanup_(secret_freep) Secret *auth = NULL, *secret = NULL;
        _cleanup_json_ struct json_object *id = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, new_source = PASSWORD_SOURCE_NULL;
        const char *kind = NULL, *key_path = NULL, *label = NULL, *collection = NULL;
        KdfOptions kdf = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case 'k':
                        kind = optarg;
                        break;
                case 'K':
                        key_path = optarg;
                        break;
                case 'l':
                        label = optarg;
                        break;
                case 'c':
                        collection = optarg;
                        break;
                default:
                        r = password_option(&source, &new_source, c, optarg);
                        if (r == PASSWORD_NOT_MINE)
                                r = kdf_option(&kdf, c, optarg);
                        if (r == KDF_NOT_MINE)
                                r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind == 1 && !kind)
                kind = argv[optind++];
        if (optind != argc)
                return cli_usage(cli);
        if (!kind)
                kind = key_path ? "credential" : "password";
        if ((strcmp(kind, "credential") == 0) != (key_path != NULL))
                return cli_error(EXIT_USAGE, "--kind credential and --key-file FILE go together");
        if (strcmp(kind, "password") != 0 && (new_source.file || new_source.fd >= 0))
                return cli_error(EXIT_USAGE, "a slot of kind %s has no password", kind);

        r = password_read(&source, &auth);
        if (r == 0)
                r = password_read(&new_source, &secret);
        if (r == 0 && secret && secret->size == 0)
                return cli_error(EXIT_USAGE, "an empty password protects nothing");
        if (r == 0)
                r = cli_connect(&k);
        if (r == 0 && key_path)
                r = keyfile_open(key_path, &keyfile);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "AddSlot");
        request.nobody =
                "nobody to ask for a password: give --password-file FILE, and --new-password-file FILE for a new "
                "one";
        request_string(&request, "kind", kind);
        request_secret(&request, "secret", key_path ? keyfile.content : secret);
        request_string(&request, "path", keyfile.path);
        request_string(&request, "label", label);
        request_string(&request, "collection", collection);
        request_secret(&request, "auth", auth);
        kdf_append(&request, &kdf);
        r = request_call_json(&request, CLIENT_ASKS, &id);
        if (r != 0)
                return r;
        keyfile_keep(&keyfile);
        printf("%s\n", json_object_get_string(id));
        return output_flush();
}

/* ---- remove ---- */

static const struct option auth_options[] = {CLI_HELP, PASSWORD_OPTIONS, CLI_END};

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

static int run_slot(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"list", slot_list}, {"add", slot_add}, {"remove", slot_remove}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_slot = {
        .name = "slot",
        .usage = "list | add [OPTIONS] | remove ID",
        .summary = "Show, add and remove the ways to open the vault",
        .help = "  list [--json]\n"
                "  add --kind password|credential|none [--key-file FILE] [--label TEXT] [--collection NAME]\n"
                "      [--new-password-file FILE] [--new-password-fd N]   the new password\n"
                "      [--password-file FILE] [--password-fd N]           one that opens the vault now\n" KDF_HELP
                "  remove ID [--password-file FILE] [--password-fd N]     ID: its beginning or a label will do\n",
        .run = run_slot,
};

/* ---- passwd ---- */

static int run_passwd(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, PASSWORD_OPTIONS, PASSWORD_NEW_OPTIONS, KDF_OPTIONS,
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *old = NULL, *new = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, new_source = PASSWORD_SOURCE_NULL;
        KdfOptions kdf = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = password_option(&source, &new_source, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = kdf_option(&kdf, c, optarg);
                if (r == KDF_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);

        r = password_read(&source, &old);
        if (r == 0)
                r = password_read(&new_source, &new);
        if (r != 0)
                return r;
        if (new &&new->size == 0)
                return cli_error(EXIT_USAGE, "an empty password protects nothing");
        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "ChangePassword");
        request.nobody = "nobody to ask for the passwords: give --password-file FILE and --new-password-file FILE";
        request_secret(&request, "old", old);
        request_secret(&request, "new", new);
        kdf_append(&request, &kdf);
        r = request_call(&request, CLIENT_ASKS, NULL);
        if (r != 0)
                return r;
        printf("Changed. An old copy of the vault still opens with the old password: \"keyfob rekey\" makes new "
               "keys.\n");
        return output_flush();
}

const Command command_passwd = {
        .name = "passwd",
        .usage = "",
        .summary = "Change the password of the vault",
        .help = "  --password-file FILE, --password-fd N           the password as it is\n"
                "  --new-password-file FILE, --new-password-fd N   the new one\n" KDF_HELP,
        .run = run_passwd,
};
