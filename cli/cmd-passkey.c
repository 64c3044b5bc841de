/*
 * keyfob passkey: what the security key keeps, and how it is called, deleted and brought back
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/passkeys.h"
#include "cli/password.h"
#include "cli/text.h"

/* A locked vault lists nothing: a password that was given opens it, and nobody is asked. */
static int unlock_by(keyfob *k, const Secret *auth)
{
        _cleanup_(keyfob_authenticator_freep) keyfob_authenticator *info = NULL;
        int r;

        r = keyfob_authenticator_info(k, &info);
        if (r == 0 && info->locked)
                r = keyfob_unlock(k, NULL, auth->data, auth->size);
        return r;
}

/* Connects and lists; `auth` may be NULL. 0, or the exit code. */
static int get_list(const char *rp_id, bool deleted, const Secret *auth, keyfob **ret_k, keyfob_passkeys **ret)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        int r;

        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        if (auth)
                r = unlock_by(k, auth);
        if (r == 0)
                r = keyfob_passkey_list(k, rp_id, deleted, ret);
        if (r != 0)
                return cli_fail(k, r);
        *ret_k = TAKE_PTR(k);
        return 0;
}

static int passkey_list(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_JSON, {"deleted", no_argument, NULL, 'd'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const char *rp_id;
        bool deleted = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'd') {
                        deleted = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind > 1)
                return cli_usage(cli);
        rp_id = argv[optind];
        r = get_list(rp_id, deleted, /* auth= */ NULL, &k, &list);
        if (r == 0)
                r = cli->json ? passkeys_print_json(list) : passkeys_print(list, deleted);
        if (r == 0 && rp_id && list->n == 0)
                return cli_error(EXIT_NOT_FOUND, "no passkey of %s", rp_id);
        return r;
}

/* The list, and the one that the one operand means. 0, or the exit code. */
static int get_one(const char *digits, keyfob **ret_k, keyfob_passkeys **ret_list, const keyfob_passkey **ret)
{
        int r;

        r = get_list(NULL, /* deleted= */ false, /* auth= */ NULL, ret_k, ret_list);
        return r == 0 ? passkeys_find(*ret_list, digits, ret) : r;
}

static int passkey_show(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(cli);
        r = get_one(argv[optind], &k, &list, &passkey);
        if (r != 0)
                return r;
        return cli->json ? output_json(passkey_json(passkey)) : passkey_print(passkey, "vault");
}

static int passkey_rename(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                {"name", required_argument, NULL, 'n'},
                                                {"display-name", required_argument, NULL, 'd'},
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const char *name = NULL, *display_name = NULL;
        const keyfob_passkey *passkey;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'n' || c == 'd') {
                        *(c == 'n' ? &name : &display_name) = optarg;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1)
                return cli_usage(cli);
        if (!name && !display_name)
                return cli_error(EXIT_USAGE, "which name? Give --name NAME, --display-name NAME or both");
        r = get_one(argv[optind], &k, &list, &passkey);
        if (r != 0)
                return r;
        r = keyfob_passkey_rename(k, passkey->id, passkey->id_size, name, display_name);
        return r == 0 ? 0 : cli_fail(k, r);
}

static int passkey_delete(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(cli);
        r = get_one(argv[optind], &k, &list, &passkey);
        if (r != 0)
                return r;
        r = keyfob_passkey_delete(k, passkey->id, passkey->id_size);
        if (r != 0)
                return cli_fail(k, r);
        return passkey_say("Deleted", passkey, ": \"keyfob passkey undelete\" brings it back within 30 days");
}

/* By its number in the list of deleted ones, else by its id. */
static int find_deleted(const keyfob_passkeys *list, const char *which, const keyfob_passkey **ret)
{
        uint64_t number;

        if (text_number(which, 0, UINT64_MAX, &number) >= 0) {
                for (size_t i = 0; i < list->n; i++) {
                        if (list->passkeys[i].number != number)
                                continue;
                        *ret = &list->passkeys[i];
                        return 0;
                }
                if (strlen(which) < 4)
                        return cli_error(EXIT_NOT_FOUND,
                                         "no deleted passkey has this number: see keyfob passkey list --deleted");
        }
        return passkeys_find(list, which, ret);
}

static int passkey_undelete(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_JSON, PASSWORD_OPTIONS, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        _cleanup_(secret_freep) Secret *auth = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        const keyfob_passkey *passkey;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind > 1)
                return cli_usage(cli);
        r = password_read(&source, &auth);
        if (r == 0)
                r = get_list(NULL, /* deleted= */ true, auth, &k, &list);
        if (r != 0)
                return r;
        if (optind == argc)
                return cli->json ? passkeys_print_json(list) : passkeys_print(list, /* deleted= */ true);
        r = find_deleted(list, argv[optind], &passkey);
        if (r != 0)
                return r;
        r = keyfob_passkey_undelete(k, passkey->number, auth ? auth->data : NULL, auth ? auth->size : 0);
        if (r == KEYFOB_E_NO_PROMPTER)
                return cli_error(EXIT_LOCKED, "nobody to ask for the vault's password: give --password-file FILE");
        if (r != 0)
                return cli_fail(k, r);
        return passkey_say("Restored", passkey, "");
}

static int run_passkey(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"list", passkey_list},
                                     {"show", passkey_show},
                                     {"rename", passkey_rename},
                                     {"delete", passkey_delete},
                                     {"undelete", passkey_undelete},
                                     {"policy", passkey_policy}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_passkey = {
        .name = "passkey",
        .usage = "list [SITE] | show ID | rename ID OPTIONS | delete ID | undelete [N | ID] | policy [OPTIONS]",
        .summary = "Show, rename, delete and restore passkeys, and say what new ones are like",
        .help = "  list [SITE] [--deleted] [--json]               SITE: a relying party's id, as example.org\n"
                "  show ID [--json]                               ID: its first 4 digits or more will do\n"
                "  rename ID [--name NAME] [--display-name NAME]  of the account\n"
                "  delete ID                                      it can be restored for 30 days\n"
                "  undelete [N | ID] [--json]                     list what was deleted, or bring one back\n"
                "      [--password-file FILE] [--password-fd N]   one that opens the vault, wanted after a reset\n"
                "                                                 that took a PIN; else it is asked for\n"
                "  policy [--json]                                what new ones are made like; with options it changes:\n"
                "      [--keys software|tpm]                      where keys are: in the vault, or made in the TPM\n"
                "      [--seal none|tpm]                          whether passkeys open with this machine's TPM only\n"
                "      [--algorithms LIST]                        as es256,eddsa,es384: the preferred first\n"
                "      [--always-uv yes|no] [--attestation self|none] [--enterprise yes|no]\n"
                "      [--abandon-sealed]                         give up passkeys that no TPM opens any more, for good\n"
                "      [--password-file FILE] [--password-fd N]   one that opens the vault; else it is asked for\n",
        .run = run_passkey,
};
