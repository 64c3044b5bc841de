/*
 * Key
 *
 * A PIN has few tries, so nothing is tried that was not asked for, and whoever is asked sees how many are left.
 */
#include "cli/key.h"

#include <stdio.h>
#include <string.h>

#include "cli/authenticator.h"
#include "cli/fingers.h"
#include "cli/terminal.h"
#include "cli/text.h"

void key_command_done(KeyCommand *command)
{
        secret_free(command->secret);
        keyfob_close(command->k);
}

int key_option(KeyCommand *command, int c)
{
        int r;

        if (c == KEY_OPTION_KEY) {
                command->key = optarg;
                return -1;
        }
        if (c == KEY_OPTION_YES) {
                command->yes = true;
                return -1;
        }
        r = password_option(NULL, &command->pin, c, optarg);
        return r == PASSWORD_NOT_MINE ? cli_option(command->cli, c) : r;
}

int key_options(KeyCommand *command, int argc, char *argv[])
{
        static const struct option options[] = {KEY_OPTIONS, CLI_END};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = key_option(command, c);
                if (r >= 0)
                        return r;
        }
        return -1;
}

int key_begin(KeyCommand *command)
{
        int r;

        r = cli_connect(&command->k);
        if (r != 0)
                return r;
        r = keyfob_set_key_progress(command->k, fingers_report, NULL);
        return r == 0 ? 0 : cli_fail(command->k, r);
}

int key_get_pin(KeyCommand *command)
{
        _cleanup_(keyfob_key_state_freep) keyfob_key_state *state = NULL;
        char prompt[64] = "PIN of the key: ";
        int r;

        if (command->pin.file || command->pin.fd >= 0)
                return password_read(&command->pin, &command->secret);
        r = keyfob_key_get_state(command->k, command->key, &state);
        if (r != 0)
                return cli_fail(command->k, r);
        if (!state->pin_set)
                return 0;
        if (state->pin_retries == 0)
                return cli_error(EXIT_WRONG_SECRET,
                                 "the key's PIN is blocked: only keyfob key reset makes the key usable again, and all "
                                 "that is on it is lost");
        if (state->pin_retries > 0)
                (void)snprintf(prompt, sizeof(prompt), "PIN of the key (%d %s left): ", state->pin_retries,
                               state->pin_retries == 1 ? "try" : "tries");
        return authenticator_read_pin(&command->pin, prompt, "--pin-file", /* is_new= */ false, &command->secret);
}

int key_begin_with_pin(KeyCommand *command)
{
        int r = key_begin(command);

        return r == 0 ? key_get_pin(command) : r;
}

int key_confirm(const KeyCommand *command, const char *question)
{
        if (command->yes)
                return 0;
        if (!terminal_available())
                return cli_error(EXIT_LOCKED, "nobody to ask: run it on a terminal, or give --yes");
        return terminal_confirm(question) ? 0 : cli_error(EXIT_REFUSED, "cancelled");
}

const void *key_pin(const KeyCommand *command)
{
        return command->secret ? command->secret->data : NULL;
}

size_t key_pin_size(const KeyCommand *command)
{
        return command->secret ? command->secret->size : 0;
}
