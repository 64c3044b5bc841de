/*
 * keyfob key passkey, keyfob key blob: what a key keeps
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/key.h"
#include "cli/output.h"
#include "cli/passkeys.h"
#include "cli/text.h"

#define BLOB_MAX ((size_t)60000)

/* ---- passkeys ---- */

static int get_list(KeyCommand *command, keyfob_passkeys **ret)
{
        int r;

        r = key_begin_with_pin(command);
        if (r != 0)
                return r;
        r = keyfob_key_list_passkeys(command->k, command->key, key_pin(command), key_pin_size(command), ret);
        return r == 0 ? 0 : cli_fail(command->k, r);
}

int key_find_passkey(KeyCommand *command, const char *digits, keyfob_passkeys **ret_list, const keyfob_passkey **ret)
{
        int r = get_list(command, ret_list);

        return r == 0 ? passkeys_find(*ret_list, digits, ret) : r;
}

/* Keys list all sites; one is picked out here. */
static int print_list(const KeyCommand *command, const keyfob_passkeys *list, const char *site)
{
        _cleanup_free_ keyfob_passkey *picked = calloc(list->n + 1, sizeof(*picked));
        keyfob_passkeys shown = {.passkeys = picked};
        int r;

        if (!picked)
                return cli_no_memory();
        for (size_t i = 0; i < list->n; i++)
                if (!site || strcmp(list->passkeys[i].rp_id, site) == 0)
                        picked[shown.n++] = list->passkeys[i];
        r = command->cli->json ? passkeys_print_json(&shown) : passkeys_print(&shown, /* deleted= */ false);
        if (r == 0 && site && shown.n == 0)
                return cli_error(EXIT_NOT_FOUND, "no passkey of %s", site);
        return r;
}

static int passkey_list(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind > 1)
                return cli_usage(cli);
        r = get_list(&command, &list);
        return r == 0 ? print_list(&command, list, argv[optind]) : r;
}

static int passkey_show(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(cli);
        r = key_find_passkey(&command, argv[optind], &list, &passkey);
        if (r != 0)
                return r;
        return cli->json ? output_json(passkey_json(passkey)) : passkey_print(passkey, "key");
}

static int passkey_rename(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {KEY_OPTIONS,
                                                {"name", required_argument, NULL, 'n'},
                                                {"display-name", required_argument, NULL, 'd'},
                                                CLI_END};
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const char *name = NULL, *display_name = NULL;
        const keyfob_passkey *passkey;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'n' || c == 'd') {
                        *(c == 'n' ? &name : &display_name) = optarg;
                        continue;
                }
                r = key_option(&command, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1)
                return cli_usage(cli);
        if (!name && !display_name)
                return cli_error(EXIT_USAGE, "which name? Give --name NAME, --display-name NAME or both");
        r = key_find_passkey(&command, argv[optind], &list, &passkey);
        if (r != 0)
                return r;
        r = keyfob_key_rename_passkey(command.k, command.key, passkey->id, passkey->id_size, name, display_name,
                                      key_pin(&command), key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}

/* What the question is about, as "Delete the passkey of example.org, alice? …". */
static int confirm_delete(const KeyCommand *command, const keyfob_passkey *passkey, const char *what, const char *loss)
{
        _cleanup_free_ char *title = passkey_title(passkey), *question = NULL;

        question = title ? text_format("Delete the %s of %s? %s", what, title, loss) : NULL;
        if (!question)
                return cli_no_memory();
        return key_confirm(command, question);
}

static int passkey_delete(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(cli);
        r = key_find_passkey(&command, argv[optind], &list, &passkey);
        if (r == 0)
                r = confirm_delete(&command, passkey, "passkey", "Nothing brings it back.");
        if (r != 0)
                return r;
        r = keyfob_key_delete_passkey(command.k, command.key, passkey->id, passkey->id_size, key_pin(&command),
                                      key_pin_size(&command));
        return r == 0 ? passkey_say("Deleted", passkey, "") : cli_fail(command.k, r);
}

int key_passkey(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {
                {"list", passkey_list}, {"show", passkey_show}, {"rename", passkey_rename}, {"delete", passkey_delete}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

/* ---- blobs ---- */

/* The options, the one operand, and the passkey it means. */
static int begin_blob(KeyCommand *command, int argc, char *argv[], keyfob_passkeys **ret_list,
                      const keyfob_passkey **ret)
{
        int r;

        r = key_options(command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(command->cli);
        r = key_find_passkey(command, argv[optind], ret_list, ret);
        return r == 0 ? -1 : r;
}

static int print_blob_json(const keyfob_value *blob)
{
        _cleanup_(secret_freep) Secret *json = NULL;
        static const char head[] = "{\"blob_base64\": \"", tail[] = "\"}\n";
        int r;

        r = secret_new(&json, 2 * blob->size + sizeof(head) + sizeof(tail));
        if (r >= 0)
                r = secret_append(json, head, sizeof(head) - 1);
        if (r >= 0)
                r = output_base64(json, blob->data, blob->size);
        if (r >= 0)
                r = secret_append(json, tail, sizeof(tail) - 1);
        if (r < 0)
                return cli_no_memory();
        r = output_write(STDOUT_FILENO, json->data, json->size);
        return r < 0 ? cli_error(EXIT_OTHER, "cannot write the blob: %s", strerror(-r)) : 0;
}

static int blob_get(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        _cleanup_(keyfob_value_freep) keyfob_value *blob = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = begin_blob(&command, argc, argv, &list, &passkey);
        if (r >= 0)
                return r;
        r = keyfob_key_get_blob(command.k, command.key, passkey->id, passkey->id_size, key_pin(&command),
                                key_pin_size(&command), &blob);
        if (r != 0)
                return cli_fail(command.k, r);
        if (cli->json)
                return print_blob_json(blob);
        r = output_write(STDOUT_FILENO, blob->data, blob->size);
        return r < 0 ? cli_error(EXIT_OTHER, "cannot write the blob: %s", strerror(-r)) : 0;
}

static int blob_set(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        _cleanup_(secret_freep) Secret *blob = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = begin_blob(&command, argc, argv, &list, &passkey);
        if (r >= 0)
                return r;
        if (command.pin.file && strcmp(command.pin.file, "-") == 0)
                return cli_error(EXIT_USAGE, "standard input is the blob: give the PIN by another file");
        r = secret_read(STDIN_FILENO, BLOB_MAX, &blob);
        if (r == -EFBIG)
                return cli_error(EXIT_USAGE, "a blob has at most %zu bytes", BLOB_MAX);
        if (r < 0)
                return cli_error(EXIT_OTHER, "cannot read the blob: %s", strerror(-r));
        r = keyfob_key_set_blob(command.k, command.key, passkey->id, passkey->id_size, blob->data, blob->size,
                                key_pin(&command), key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}

static int blob_delete(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *list = NULL;
        const keyfob_passkey *passkey;
        int r;

        r = begin_blob(&command, argc, argv, &list, &passkey);
        if (r >= 0)
                return r;
        r = confirm_delete(&command, passkey, "blob", "Its site may need it.");
        if (r != 0)
                return r;
        r = keyfob_key_delete_blob(command.k, command.key, passkey->id, passkey->id_size, key_pin(&command),
                                   key_pin_size(&command));
        return r == 0 ? passkey_say("Deleted the blob of", passkey, "") : cli_fail(command.k, r);
}

int key_blob(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"get", blob_get}, {"set", blob_set}, {"delete", blob_delete}};

        return argc > 1 ? cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv) : cli_usage(cli);
}
