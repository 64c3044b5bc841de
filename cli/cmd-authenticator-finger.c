/*
 * keyfob authenticator finger: the fingers that sign in by this machine's reader
 *
 * The same words as for other makers' keys (keyfob key finger).
 */
#include <stdio.h>

#include "cli/authenticator.h"
#include "cli/cli.h"
#include "cli/fingers.h"

typedef struct FingerCommand {
        keyfob *k;
        Secret *auth; /* NULL: the person is asked */
        keyfob_fingers *list;
} FingerCommand;

static void finger_command_done(FingerCommand *command)
{
        keyfob_fingers_free(command->list);
        secret_free(command->auth);
        keyfob_close(command->k);
}

/* Options, `min` to `max` operands, a connection; with `find` also the finger that the first operand means. -1 to go on,
 * else the exit code. */
static int begin(Cli *cli, FingerCommand *command, int argc, char *argv[], int min, int max, const keyfob_finger **find)
{
        static const struct option options[] = {CLI_HELP, CLI_JSON, PASSWORD_OPTIONS, CLI_END};
        PasswordSource source = PASSWORD_SOURCE_NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "hj", options, NULL)) >= 0) {
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind < min || argc - optind > max)
                return cli_usage(cli);
        r = password_read(&source, &command->auth);
        if (r == 0)
                r = cli_connect(&command->k);
        if (r != 0)
                return r;
        cli_use_terminal(command->k);
        if (max > 0 && !find)
                return -1;
        r = client_fingers_list(command->k, &command->list);
        if (r != 0)
                return cli_fail(command->k, r);
        r = find ? fingers_find(command->list, argv[optind], find) : 0;
        return r == 0 ? -1 : r;
}

static int end(FingerCommand *command, int r)
{
        if (r == KEYFOB_E_NO_PROMPTER)
                return cli_error(EXIT_LOCKED, "nobody to ask for the vault's password: give --password-file FILE");
        return r == 0 ? 0 : cli_fail(command->k, r);
}

static int finger_list(Cli *cli, int argc, char *argv[])
{
        _cleanup_(finger_command_done) FingerCommand command = {0};
        int r = begin(cli, &command, argc, argv, 0, 0, NULL);

        if (r >= 0)
                return r;
        return cli->json ? fingers_print_json(command.list) : fingers_print(command.list);
}

static int finger_add(Cli *cli, int argc, char *argv[])
{
        _cleanup_(finger_command_done) FingerCommand command = {0};
        char reader[] = "the fingerprint reader";
        int r = begin(cli, &command, argc, argv, 0, 1, NULL);

        if (r >= 0)
                return r;
        r = keyfob_set_key_progress(command.k, fingers_report, reader);
        if (r == 0)
                r = client_finger_enroll(command.k, argv[optind], command.auth);
        return end(&command, r);
}

static int finger_rename(Cli *cli, int argc, char *argv[])
{
        _cleanup_(finger_command_done) FingerCommand command = {0};
        const keyfob_finger *finger;
        int r = begin(cli, &command, argc, argv, 2, 2, &finger);

        if (r >= 0)
                return r;
        return end(&command, client_finger_rename(command.k, finger, argv[optind + 1]));
}

static int finger_delete(Cli *cli, int argc, char *argv[])
{
        _cleanup_(finger_command_done) FingerCommand command = {0};
        const keyfob_finger *finger;
        int r = begin(cli, &command, argc, argv, 1, 1, &finger);

        if (r >= 0)
                return r;
        return end(&command, client_finger_delete(command.k, finger, command.auth));
}

int authenticator_finger(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {
                {"list", finger_list}, {"add", finger_add}, {"rename", finger_rename}, {"delete", finger_delete}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}
