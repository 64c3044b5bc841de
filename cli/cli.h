/*
 * keyfob: what the commands share
 *
 * A command is a name, its help, and a function that answers the exit code; it has already said on stderr, in one
 * line, why when that is not 0. Exit codes are a contract with scripts.
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/client.h"
#include "common/secret.h"

typedef enum Exit {
        EXIT_DONE = 0,
        EXIT_NOT_FOUND = 1,
        EXIT_USAGE = 2,
        EXIT_LOCKED = 3, /* and nobody to ask */
        EXIT_REFUSED = 4,
        EXIT_UNREACHABLE = 5,
        EXIT_WRONG_SECRET = 6,
        EXIT_DAMAGED = 7,
        EXIT_OTHER = 8,
} Exit;

typedef struct Cli Cli;

typedef struct Command {
        const char *name;
        const char *usage;   /* what follows the name */
        const char *summary; /* one line, no full stop */
        const char *help;    /* options, or NULL */
        int (*run)(Cli *cli, int argc, char *argv[]);
} Command;

struct Cli {
        const Command *command;
        const char *backend; /* as given by -b; NULL: our own */
        bool json;
};

/* ---- exit.c ---- */

/* The exit code of a library result. */
Exit exit_of_result(int result);

/* Prints "keyfob: …" and passes the exit code on. */
__attribute__((format(printf, 2, 3))) int cli_error(int code, const char *format, ...);
int cli_usage(const Cli *cli);
int cli_no_memory(void);
/* Says why a library call failed; message may be NULL or "". */
int cli_explain(int result, const char *message);
int cli_fail(keyfob *k, int result);

/* ---- option.c ---- */

/* Options that many commands have; 'h' and '?' are handled for all. */
#define CLI_HELP                                                                                                      \
        {                                                                                                             \
                "help", no_argument, NULL, 'h'                                                                        \
        }
#define CLI_JSON                                                                                                      \
        {                                                                                                             \
                "json", no_argument, NULL, 'j'                                                                        \
        }
#define CLI_BACKEND                                                                                                   \
        {"keyring-backend", required_argument, NULL, 'b'},                                                            \
        {                                                                                                             \
                "keyring-path", required_argument, NULL, 'p'                                                          \
        }
#define CLI_END                                                                                                       \
        {                                                                                                             \
                NULL, 0, NULL, 0                                                                                      \
        }

/* What a command's first argument chooses ("slot add"); the first is what happens without one, or with an option. */
typedef struct Verb {
        const char *name;
        int (*run)(Cli *cli, int argc, char *argv[]);
} Verb;
int cli_verb(Cli *cli, const Verb *verbs, size_t n, int argc, char *argv[]);

/* Handles a common option: -1 to go on, else the exit code. */
int cli_option(Cli *cli, int c);
/* For commands without options of their own: -1, else the exit code. The operands are at argv[optind]. */
int cli_plain_options(Cli *cli, int argc, char *argv[]);
void cli_help(const Command *command);
/* The value of an option that takes yes or no, as 1 or 0: -1 to go on, else the exit code. */
int cli_read_yes(const char *option, const char *text, int *ret);
/* The value of an option that takes a list of names, "a,b", or "any", which is none: add() gets each, until it answers another
 * exit code than 0. With no name in it, that is said by `usage`. 0 or the exit code. */
int cli_read_names(const char *list, int (*add)(void *to, const char *name), void *to, const char *usage);

/* ---- connection ---- */

/* Connects, starting the daemon if needed. 0, or the exit code. */
int cli_connect(keyfob **ret);
/* Lets questions come to this terminal, where there is one. */
void cli_use_terminal(keyfob *k);

/* ---- commands ---- */

extern const Command command_init, command_set, command_get, command_del, command_list, command_search, command_lock,
        command_unlock, command_status, command_passwd, command_slot, command_collection, command_undelete,
        command_rekey, command_check, command_backup, command_restore, command_history, command_retention, command_wipe,
        command_enable, command_disable, command_prompt_agent, command_diagnose,
        command_generate, command_env, command_fido2, command_run, command_completion, command_authenticator, command_passkey,
        command_key, command_ssh, command_pam, command_log,
        command_policy;
