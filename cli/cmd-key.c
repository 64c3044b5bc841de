/*
 * keyfob key: security keys of other makers, with the words of keyfob authenticator and keyfob passkey
 */
#include <stdio.h>
#include <string.h>

#include "cli/authenticator.h"
#include "cli/json.h"
#include "cli/key.h"
#include "cli/output.h"

/* ---- which there are ---- */

static struct json_object *key_json(const keyfob_key *key)
{
        struct json_object *json = json_object_new_object();

        if (!json)
                return NULL;
        json_object_object_add(json, "path", json_object_new_string(key->path));
        json_object_object_add(json, "product", json_object_new_string(key->product));
        json_object_object_add(json, "manufacturer", json_object_new_string(key->manufacturer));
        if (key->serial[0])
                json_object_object_add(json, "serial", json_object_new_string(key->serial));
        json_object_object_add(json, "vendor", json_object_new_int64(key->vendor));
        json_object_object_add(json, "model", json_object_new_int64(key->model));
        return json;
}

static int print_keys_json(const keyfob_keys *keys)
{
        _cleanup_json_ struct json_object *array = json_object_new_array();

        if (!array)
                return cli_no_memory();
        for (size_t i = 0; i < keys->n; i++) {
                struct json_object *json = key_json(&keys->keys[i]);

                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return cli_no_memory();
                }
        }
        return output_json(TAKE_PTR(array));
}

static int print_keys(const keyfob_keys *keys)
{
        static const char *const headings[] = {"PATH", "PRODUCT", "MANUFACTURER", "SERIAL"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < keys->n; i++) {
                table_add(&table, keys->keys[i].path);
                table_add(&table, keys->keys[i].product);
                table_add(&table, keys->keys[i].manufacturer);
                table_add(&table, keys->keys[i].serial[0] ? keys->keys[i].serial : "-");
        }
        return table_end(&table);
}

static int key_list(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_keys_freep) keyfob_keys *keys = NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = keyfob_key_list(k, &keys);
        if (r != 0)
                return cli_fail(k, r);
        return cli->json ? print_keys_json(keys) : print_keys(keys);
}

static int key_info(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ struct json_object *info = NULL;
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind > 1 || (argc - optind == 1 && command.key))
                return cli_usage(cli);
        if (argv[optind])
                command.key = argv[optind];
        r = key_begin(&command);
        if (r != 0)
                return r;
        r = client_key_message(command.k, "GetInfo", command.key, &call);
        if (r == 0)
                r = authenticator_read(command.k, call, CLIENT_LISTENS, &info);
        if (r != 0)
                return cli_fail(command.k, r);
        return cli->json ? output_json(json_object_get(info)) : authenticator_print(info, AUTHENTICATOR_OTHER);
}

/* ---- PIN ---- */

static int check_no_pin(const KeyCommand *command)
{
        _cleanup_(keyfob_key_state_freep) keyfob_key_state *state = NULL;
        int r;

        r = keyfob_key_get_state(command->k, command->key, &state);
        if (r != 0)
                return cli_fail(command->k, r);
        if (state->pin_set)
                return cli_error(EXIT_OTHER, "the key has a PIN already: change it with keyfob key pin change");
        return 0;
}

static int pin_set(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = key_begin(&command);
        if (r == 0)
                r = check_no_pin(&command);
        if (r == 0)
                r = authenticator_read_pin(&command.pin, "New PIN: ", "--pin-file", /* is_new= */ true,
                                           &command.secret);
        if (r != 0)
                return r;
        r = keyfob_key_set_pin(command.k, command.key, key_pin(&command), key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}

static int pin_change(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {KEY_OPTIONS, PASSWORD_OLD_PIN_OPTIONS, CLI_END};
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(secret_freep) Secret *new = NULL;
        PasswordSource new_source = PASSWORD_SOURCE_NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = password_option(&command.pin, &new_source, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = key_option(&command, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        r = key_begin_with_pin(&command);
        if (r != 0)
                return r;
        if (!command.secret)
                return cli_error(EXIT_NOT_FOUND, "the key has no PIN yet: run keyfob key pin set");
        r = authenticator_read_pin(&new_source, "New PIN: ", "--pin-file", /* is_new= */ true, &new);
        if (r != 0)
                return r;
        r = keyfob_key_change_pin(command.k, command.key, key_pin(&command), key_pin_size(&command), new->data,
                                  new->size);
        return r == 0 ? 0 : cli_fail(command.k, r);
}

static int key_pin_verb(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"set", pin_set}, {"change", pin_change}};

        return argc > 1 ? cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv) : cli_usage(cli);
}

/* ---- reset ---- */

static int key_reset(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = key_confirm(&command, "Reset the key? Its PIN goes, and all that is on it, for good: whoever signs in with it "
                                  "needs another way.");
        if (r == 0)
                r = key_begin(&command);
        if (r != 0)
                return r;
        r = keyfob_key_reset(command.k, command.key);
        if (r != 0)
                return cli_fail(command.k, r);
        printf("Reset.\n");
        return output_flush();
}

static int run_key(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"list", key_list},       {"info", key_info},     {"pin", key_pin_verb},
                                     {"passkey", key_passkey}, {"finger", key_finger}, {"blob", key_blob},
                                     {"config", key_config},   {"reset", key_reset}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_key = {
        .name = "key",
        .usage = "list | info | pin | passkey | finger | blob | config | reset",
        .summary = "Manage security keys of other makers",
        .help = "  list [--json]                                  those that are plugged in\n"
                "  info [KEY] [--json]\n"
                "  pin set                                        --pin-file has the new one\n"
                "  pin change [--old-pin-file FILE] [--old-pin-fd N]\n"
                "  passkey list [SITE] [--json] | show ID [--json]\n"
                "  passkey rename ID [--name NAME] [--display-name NAME]\n"
                "  passkey delete ID [--yes]\n"
                "  finger list [--json] | add [NAME] | rename FINGER NAME | delete FINGER [--yes]\n"
                "  blob get ID [--json] | set ID | delete ID [--yes]   of a passkey; standard output and input\n"
                "  config [--always-uv yes|no] [--min-pin-length N] [--force-pin-change] "
                "[--enterprise-attestation]\n"
                "  reset [--yes]                                  within ten seconds after it was plugged in\n"
                "\n"
                "With all of them:\n"
                "  --key KEY                   a path, serial number or product, where there are several\n"
                "  --pin-file FILE, --pin-fd N the key's PIN; - is standard input; else the terminal is asked\n",
        .run = run_key,
};
