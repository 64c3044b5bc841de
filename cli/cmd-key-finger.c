/*
 * keyfob key finger: the fingers that a key with a sensor knows
 */
#include <stdio.h>
#include <string.h>

#include "cli/fingers.h"
#include "cli/key.h"
#include "cli/output.h"
#include "cli/text.h"

static int get_list(KeyCommand *command, keyfob_fingers **ret)
{
        int r;

        r = key_begin_with_pin(command);
        if (r != 0)
                return r;
        r = keyfob_key_list_fingers(command->k, command->key, key_pin(command), key_pin_size(command), ret);
        return r == 0 ? 0 : cli_fail(command->k, r);
}

static int finger_list(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_fingers_freep) keyfob_fingers *list = NULL;
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = get_list(&command, &list);
        if (r != 0)
                return r;
        return cli->json ? fingers_print_json(list) : fingers_print(list);
}

static int finger_add(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        int r;

        r = key_options(&command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind > 1)
                return cli_usage(cli);
        r = key_begin_with_pin(&command);
        if (r != 0)
                return r;
        r = keyfob_key_enroll_finger(command.k, command.key, argv[optind], key_pin(&command), key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}

/* The options, `operands` of them, and the finger that the first one means. -1, else the exit code. */
static int begin_one(KeyCommand *command, int argc, char *argv[], int operands, keyfob_fingers **ret_list,
                     const keyfob_finger **ret)
{
        int r;

        r = key_options(command, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != operands)
                return cli_usage(command->cli);
        r = get_list(command, ret_list);
        if (r == 0)
                r = fingers_find(*ret_list, argv[optind], ret);
        return r == 0 ? -1 : r;
}

static int finger_rename(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_fingers_freep) keyfob_fingers *list = NULL;
        const keyfob_finger *finger;
        int r;

        r = begin_one(&command, argc, argv, 2, &list, &finger);
        if (r >= 0)
                return r;
        if (!argv[optind + 1][0])
                return cli_error(EXIT_USAGE, "a finger's name must not be empty");
        r = keyfob_key_rename_finger(command.k, command.key, finger->id, finger->id_size, argv[optind + 1],
                                     key_pin(&command), key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}

static int finger_delete(Cli *cli, int argc, char *argv[])
{
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        _cleanup_(keyfob_fingers_freep) keyfob_fingers *list = NULL;
        _cleanup_free_ char *question = NULL;
        const keyfob_finger *finger;
        int r;

        r = begin_one(&command, argc, argv, 1, &list, &finger);
        if (r >= 0)
                return r;
        question = text_format("Delete the finger \"%s\"?", finger->name[0] ? finger->name : argv[optind]);
        if (!question)
                return cli_no_memory();
        r = key_confirm(&command, question);
        if (r != 0)
                return r;
        r = keyfob_key_delete_finger(command.k, command.key, finger->id, finger->id_size, key_pin(&command),
                                     key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}

int key_finger(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {
                {"list", finger_list}, {"add", finger_add}, {"rename", finger_rename}, {"delete", finger_delete}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}
