/*
 * keyfob authenticator: the security key as its owner manages it
 *
 * What needs a touch of a real key asks the person: on this terminal, else whoever answers for the session. A reset is
 * two commands, as with a real key: plugging it in anew, which the person confirms, and the reset within ten seconds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authenticator.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/terminal.h"

/* ---- info ---- */

static int authenticator_info(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_json_ struct json_object *info = NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = authenticator_get(k, &info);
        if (r != 0)
                return cli_fail(k, r);
        return cli->json ? output_json(json_object_get(info)) : authenticator_print(info, AUTHENTICATOR_OWN);
}

/* ---- PIN ---- */

/* The options of a command that has `options`, then no operand. -1 to go on, else the exit code. */
static int pin_options(Cli *cli, int argc, char *argv[], const struct option *options, PasswordSource *source,
                       PasswordSource *new_source)
{
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = password_option(source, new_source, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        return optind == argc ? -1 : cli_usage(cli);
}

/* Whether there is one already; asking for a new one would be in vain. */
static int check_no_pin(keyfob *k)
{
        _cleanup_(keyfob_authenticator_freep) keyfob_authenticator *info = NULL;
        int r;

        r = keyfob_authenticator_info(k, &info);
        if (r != 0)
                return cli_fail(k, r);
        if (info->pin_set)
                return cli_error(EXIT_OTHER, "there is a PIN already: change it with keyfob authenticator pin change");
        return 0;
}

static int pin_set(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, PASSWORD_PIN_OPTIONS, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *pin = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        int r;

        r = pin_options(cli, argc, argv, options, NULL, &source);
        if (r >= 0)
                return r;
        r = cli_connect(&k);
        if (r == 0)
                r = check_no_pin(k);
        if (r == 0)
                r = authenticator_read_pin(&source, "New PIN: ", "--pin-file", /* is_new= */ true, &pin);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = keyfob_authenticator_set_pin(k, pin->data, pin->size);
        return r == 0 ? 0 : cli_fail(k, r);
}

static int fail_wrong_pin(keyfob *k)
{
        _cleanup_(keyfob_authenticator_freep) keyfob_authenticator *info = NULL;

        if (keyfob_authenticator_info(k, &info) != 0 || info->pin_retries < 0)
                return cli_error(EXIT_WRONG_SECRET, "wrong PIN");
        return cli_error(EXIT_WRONG_SECRET, "wrong PIN: %d %s left", info->pin_retries,
                         info->pin_retries == 1 ? "try" : "tries");
}

static int pin_change(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, PASSWORD_OLD_PIN_OPTIONS, PASSWORD_PIN_OPTIONS, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *old = NULL, *new = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, new_source = PASSWORD_SOURCE_NULL;
        int r;

        r = pin_options(cli, argc, argv, options, &source, &new_source);
        if (r >= 0)
                return r;
        r = cli_connect(&k);
        if (r == 0)
                r = authenticator_read_pin(&source, "PIN: ", "--old-pin-file", /* is_new= */ false, &old);
        if (r == 0)
                r = authenticator_read_pin(&new_source, "New PIN: ", "--pin-file", /* is_new= */ true, &new);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = keyfob_authenticator_change_pin(k, old->data, old->size, new->data, new->size);
        if (r == KEYFOB_E_WRONG_SECRET)
                return fail_wrong_pin(k);
        return r == 0 ? 0 : cli_fail(k, r);
}

static int pin_reset(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, PASSWORD_OPTIONS, PASSWORD_PIN_OPTIONS, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *auth = NULL, *pin = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, pin_source = PASSWORD_SOURCE_NULL;
        int r;

        r = pin_options(cli, argc, argv, options, &source, &pin_source);
        if (r >= 0)
                return r;
        r = password_read(&source, &auth);
        if (r == 0)
                r = cli_connect(&k);
        if (r == 0)
                r = authenticator_read_pin(&pin_source, "New PIN: ", "--pin-file", /* is_new= */ true, &pin);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = keyfob_authenticator_reset_pin(k, auth ? auth->data : NULL, auth ? auth->size : 0, pin->data, pin->size);
        if (r == KEYFOB_E_NO_PROMPTER)
                return cli_error(EXIT_LOCKED, "nobody to ask for the vault's password: give --password-file FILE");
        return r == 0 ? 0 : cli_fail(k, r);
}

static int authenticator_pin(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"set", pin_set}, {"change", pin_change}, {"reset", pin_reset}};

        return argc > 1 ? cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv) : cli_usage(cli);
}

/* ---- replug, reset ---- */

static int authenticator_replug(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = keyfob_authenticator_replug(k);
        if (r == KEYFOB_E_NO_PROMPTER)
                return cli_error(EXIT_LOCKED, "nobody to ask: run it on a terminal, or start keyfob prompt-agent");
        if (r != 0)
                return cli_fail(k, r);
        printf("Plugged in anew. For ten seconds \"keyfob authenticator reset\" is allowed.\n");
        return output_flush();
}

/* For --yes: the person was there when the key was plugged in, ten seconds ago at most. */
static bool say_yes(void *userdata, const keyfob_question *question, keyfob_answer *answer)
{
        if (strcmp(question->kind, "confirm") == 0)
                return true;
        return terminal_available() && terminal_prompt(NULL, question, answer);
}

/* A locked vault's password is not a question of yes or no: the session is asked for it while we answer nothing. */
static int unlock_for_reset(keyfob *k)
{
        _cleanup_(keyfob_authenticator_freep) keyfob_authenticator *info = NULL;
        int r;

        r = keyfob_authenticator_info(k, &info);
        if (r == 0 && info->locked && info->reset_window_ms > 0 && !terminal_available())
                r = keyfob_unlock(k, NULL, NULL, 0);
        return r;
}

static int authenticator_reset(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, {"yes", no_argument, NULL, 'y'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        bool yes = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "hy", options, NULL)) >= 0) {
                if (c == 'y') {
                        yes = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        if (yes) {
                r = unlock_for_reset(k);
                if (r != 0)
                        return cli_fail(k, r);
                (void)keyfob_set_prompt(k, say_yes, NULL);
        } else {
                cli_use_terminal(k);
        }
        r = keyfob_authenticator_reset(k);
        if (r == KEYFOB_E_NO_PROMPTER)
                return cli_error(EXIT_LOCKED, "nobody to ask: run it on a terminal, or give --yes");
        if (r != 0)
                return cli_fail(k, r);
        printf("Reset. \"keyfob passkey undelete\" restores passkeys within 30 days.\n");
        return output_flush();
}

static int run_authenticator(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"info", authenticator_info},
                                     {"pin", authenticator_pin},
                                     {"finger", authenticator_finger},
                                     {"replug", authenticator_replug},
                                     {"reset", authenticator_reset}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_authenticator = {
        .name = "authenticator",
        .usage = "info | pin set | pin change | pin reset | finger | replug | reset",
        .summary = "Show the security key, change its PIN, reset it",
        .help = "  info [--json]\n"
                "  pin set [--pin-file FILE] [--pin-fd N]               - is standard input; else the terminal is "
                "asked\n"
                "  pin change [--old-pin-file FILE] [--old-pin-fd N] [--pin-file FILE] [--pin-fd N]\n"
                "  pin reset [--pin-file FILE] [--pin-fd N]             without the old PIN\n"
                "      [--password-file FILE] [--password-fd N]         one that opens the vault now\n"
                "  finger list [--json] | add [NAME] | rename FINGER NAME | delete FINGER\n"
                "      [--password-file FILE] [--password-fd N]         of add and delete: one that opens the vault now\n"
                "  replug                                               as if it were pulled out and put in again\n"
                "  reset [--yes]                                        within ten seconds of replug: the PIN and "
                "all\n"
                "                                                       passkeys go; keyfob passkey undelete "
                "restores\n"
                "                                                       passkeys for 30 days\n",
        .run = run_authenticator,
};
