/*
 * Key: what the commands about other makers' security keys share
 */
#pragma once

#include "cli/cli.h"
#include "cli/password.h"
#include "client/client.h"

typedef struct KeyCommand {
        Cli *cli;
        const char *key;    /* NULL: the only one */
        PasswordSource pin; /* the one it has; a new one in `pin set` */
        bool yes;
        keyfob *k;
        Secret *secret; /* the PIN, NULL: none is set, or none is needed */
} KeyCommand;

#define KEY_COMMAND_NULL(c) ((KeyCommand){.cli = (c), .pin = PASSWORD_SOURCE_NULL})

enum { KEY_OPTION_KEY = 0x400, KEY_OPTION_YES };
/* For a command's table of options. */
#define KEY_OPTIONS                                                                                                    \
        CLI_HELP, CLI_JSON, PASSWORD_PIN_OPTIONS, {"key", required_argument, NULL, KEY_OPTION_KEY},                    \
        {                                                                                                              \
                "yes", no_argument, NULL, KEY_OPTION_YES                                                               \
        }

void key_command_done(KeyCommand *command);

/* Handles such an option: -1 to go on, else the exit code. */
int key_option(KeyCommand *command, int c);
/* For commands with no others. */
int key_options(KeyCommand *command, int argc, char *argv[]);

/* Connects; from then on "touch your key" and the like is said on stderr. 0 or the exit code. */
int key_begin(KeyCommand *command);
/* Gets the key's PIN: from where it was told, else it is asked for, and how many tries are left is said first. */
int key_get_pin(KeyCommand *command);
/* Both. */
int key_begin_with_pin(KeyCommand *command);

/* Asks whether to do what can't be undone, unless --yes was given. 0 or the exit code. */
int key_confirm(const KeyCommand *command, const char *question);

/* The bytes of the PIN. */
const void *key_pin(const KeyCommand *command);
size_t key_pin_size(const KeyCommand *command);

/* Verbs, by file */
int key_passkey(Cli *cli, int argc, char *argv[]);
int key_finger(Cli *cli, int argc, char *argv[]);
int key_blob(Cli *cli, int argc, char *argv[]);
int key_config(Cli *cli, int argc, char *argv[]);

/* The passkey whose id begins with these digits; *ret_list is to be freed. 0 or the exit code. */
int key_find_passkey(KeyCommand *command, const char *digits, keyfob_passkeys **ret_list, const keyfob_passkey **ret);
