/*
 * keyfob pam: logging in with security keys
 *
 * What needs libfido2 or libpam is a program of its own beside the other modules; stacks are changed by the tool that the
 * system has for that, never by hand.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/exec.h"
#include "cli/json.h"
#include "cli/module.h"
#include "cli/request.h"
#include "cli/slot.h"
#include "cli/terminal.h"

#define PROGRAM  "keyfob-pam"
#define UPDATE   "pam-auth-update"
#define PROFILES "/usr/share/pam-configs/"

/* Whether an unlocked vault is there that has no code on paper. */
static bool lacks_code(void)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request status = {0}, request = {0};
        _cleanup_json_ struct json_object *vault = NULL, *slots = NULL;

        if (keyfob_connect(KEYFOB_SOCKET_ONLY, &k) != 0)
                return false;
        request_init(&status, k, "Status");
        if (request_call_json(&status, CLIENT_QUICK, &vault) != 0 || strcmp(json_string(vault, "vault"), "unlocked") != 0)
                return false;
        request_init(&request, k, "ListSlots");
        if (request_call_json(&request, CLIENT_QUICK, &slots) != 0)
                return false;
        for (size_t i = 0; i < json_object_array_length(slots); i++)
                if (strcmp(json_string(json_object_array_get_idx(slots, i), "kind"), "recovery") == 0)
                        return false;
        return true;
}

/* A key that logs somebody in will be lost one day. */
static int offer_code(Cli *cli)
{
        char *command[] = {(char[]){"add"}, (char[]){"--kind"}, (char[]){"recovery"}, NULL};

        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !lacks_code() ||
            !terminal_confirm("Make the code for the vault now? It is shown once."))
                return EXIT_DONE;
        optind = 0;
        return slot_add(cli, 3, command);
}

/* Where a line for an authfile goes to standard output nothing else does. */
static bool adds(int argc, char *argv[])
{
        bool adds = false;

        for (int i = 1; i < argc; i++)
                adds |= strcmp(argv[i], "--add") == 0 || strcmp(argv[i], "-a") == 0;
        return adds && strcmp(argv[0], "enroll") == 0;
}

static int run_program(Cli *cli, int argc, char *argv[])
{
        _cleanup_free_ char *program = module_find(PROGRAM);
        char **arguments;
        int r;

        if (!program)
                return cli_error(EXIT_OTHER, "%s is not installed (it needs libfido2 and libpam)", PROGRAM);
        arguments = calloc((size_t)argc + 2, sizeof(*arguments));
        if (!arguments)
                return cli_no_memory();
        arguments[0] = program;
        memcpy(arguments + 1, argv, (size_t)argc * sizeof(*argv));
        r = adds(argc, argv) ? exec_and_wait(arguments) : exec_command(arguments, environ, NULL);
        free(arguments);
        return r == EXIT_DONE && adds(argc, argv) ? offer_code(cli) : r;
}

static int update(Cli *cli, int argc, char *argv[], char *change)
{
        static char update_name[] = UPDATE, package[] = "--package", login[] = "keyfob", unlock[] = "keyfob-unlock";
        char *command[] = {update_name, package, change, login, unlock, NULL};
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        if (access(PROFILES "keyfob", R_OK) < 0)
                return cli_error(EXIT_NOT_FOUND, "%s reads profiles of " PROFILES " only, and Keyfob's are not there: install Keyfob with "
                                                 "the prefix /usr", UPDATE);
        if (geteuid() != 0)
                return cli_error(EXIT_REFUSED, "only root may change how people log in: run it with sudo");
        return exec_command(command, environ, NULL);
}

static int enable(Cli *cli, int argc, char *argv[])
{
        static char change[] = "--enable";

        return update(cli, argc, argv, change);
}

static int disable(Cli *cli, int argc, char *argv[])
{
        static char change[] = "--remove";

        return update(cli, argc, argv, change);
}

static int run_pam(Cli *cli, int argc, char *argv[])
{
        static const char *const programs[] = {"enroll", "mirror", "remove", "rename", "status", "test"};
        static const Verb verbs[] = {{"enable", enable}, {"disable", disable}};
        int r;

        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(programs); i++) {
                if (strcmp(argv[1], programs[i]) != 0)
                        continue;
                if (argc == 2 || (strcmp(argv[2], "--help") != 0 && strcmp(argv[2], "-h") != 0))
                        return run_program(cli, argc - 1, argv + 1);
                cli_help(cli->command);
                return EXIT_DONE;
        }
        if (argc > 1 && argv[1][0] != '-')
                return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
        r = cli_plain_options(cli, argc, argv);
        return r >= 0 ? r : cli_usage(cli);
}

const Command command_pam = {
        .name = "pam",
        .usage = "enroll [OPTIONS] | status | rename WHICH NAME | remove WHICH | mirror [--install] | test SERVICE [USER] | enable | "
                 "disable",
        .summary = "Log in with a security key, and open the vault at login",
        .help = "  enroll                   make a credential, try it, and print its line for an authfile\n"
                "      [--add [--name NAME]]  add it to your own instead, ~/.config/Yubico/u2f_keys, and what to call the key\n"
                "      [--key PATH|keyfob]  which security key\n"
                "      [--origin NAME] [--user NAME] [--no-user] [--type es256|eddsa] [--resident]\n"
                "      [--verify] [--pin] [--no-touch]   what it has to prove\n"
                "      [--unlock | --no-unlock] [--label TEXT]   whether its touch is to open the vault, too\n"
                "      [--conf FILE]        the module's configuration file, when it is elsewhere\n"
                "  status [--conf FILE]     which security keys log you in, which of them open the vault, which services ask for\n"
                "      [--stacks DIRECTORY] them, and what is not right there\n"
                "  rename WHICH NAME [--conf FILE]   what a security key is called; WHICH: its name, or its number in status\n"
                "  remove WHICH [--conf FILE]        it logs in no more, and opens the vault no more\n"
                "      [--last] [--keep-slot]        though it is the last one; it goes on opening the vault\n"
                "  mirror [--install]       print what a login must know of the vault's slots; install it, as root:\n"
                "      [--directory DIR]    keyfob pam mirror | sudo keyfob pam mirror --install\n"
                "  test SERVICE [USER]      authenticate once, as SERVICE would\n"
                "  enable, disable          for all of this machine, by pam-auth-update (as root)\n",
        .run = run_pam,
};
