/*
 * keyfob: the command line
 *
 * A table of commands, each in its own file. Before the command may stand what python keyring's users put there: -b
 * NAME,
 * --list-backends.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/output.h"

static const Command *const commands[] = {
        &command_init,    &command_set,      &command_get,           &command_del,        &command_list,
        &command_search,  &command_generate, &command_run,           &command_lock,       &command_unlock,
        &command_status,  &command_passwd,   &command_slot,          &command_collection, &command_undelete,
        &command_history, &command_retention, &command_wipe,
        &command_rekey,   &command_check,    &command_backup,        &command_restore,
        &command_authenticator, &command_passkey,    &command_enable,
        &command_disable, &command_env,      &command_fido2,         &command_prompt_agent,  &command_diagnose,
        &command_key,     &command_ssh,      &command_pam,           &command_log,
        &command_policy,  &command_completion,
};

static char name_for_messages[] = "keyfob";

static void help(void)
{
        printf("Usage: keyfob [-b BACKEND] COMMAND [ARGUMENT...]\n\nPasswords and other secrets, in an encrypted "
               "vault.\n\n");
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                printf("  %-13s %s\n", commands[i]->name, commands[i]->summary);
        printf("\n  --list-backends   the keyrings that -b can name\n"
               "  --version\n\n"
               "keyfob COMMAND --help tells more. Exit codes: 0 done, 1 not found, 2 usage, 3 locked and nobody to "
               "ask,\n"
               "4 refused or cancelled, 5 daemon unreachable, 6 wrong password or PIN, 7 damaged, 8 anything else.\n");
}

static int run_command(Cli *cli, int argc, char *argv[])
{
        const char *name = argv[0];

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                if (strcmp(commands[i]->name, name) != 0)
                        continue;
                cli->command = commands[i];
                argv[0] = name_for_messages;
                /* 0 makes getopt start over */
                optind = 0;
                return commands[i]->run(cli, argc, argv);
        }
        return cli_error(EXIT_USAGE, "there is no command \"%s\": see keyfob --help", name);
}

/* A closed descriptor would be the next file or socket that is opened, and a value meant for stdout would go there.
 * What takes its place cannot be read (stdin) or written (stdout), so that using it is an error and not an empty
 * success. */
static void fill_descriptors(void)
{
        static const int modes[] = {O_WRONLY, O_RDONLY, O_RDWR};

        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
                        _exit(EXIT_OTHER);
}

int main(int argc, char *argv[])
{
        enum { OPTION_VERSION = 0x300, OPTION_LIST, OPTION_DISABLE };
        static const struct option options[] = {CLI_HELP,
                                                CLI_BACKEND,
                                                {"version", no_argument, NULL, OPTION_VERSION},
                                                {"list-backends", no_argument, NULL, OPTION_LIST},
                                                {"disable", no_argument, NULL, OPTION_DISABLE},
                                                CLI_END};
        Cli cli = {0};
        int c, r;

        fill_descriptors();
        if (argc > 0)
                argv[0] = name_for_messages; /* getopt puts it before its own */
        /* a closed pipe is a failed write, which has an exit code */
        (void)signal(SIGPIPE, SIG_IGN);

        while ((c = getopt_long(argc, argv, "+hb:p:", options, NULL)) >= 0) {
                switch (c) {
                case 'h':
                        help();
                        return output_flush();
                case OPTION_VERSION:
                        printf("keyfob %s\n", KEYFOB_VERSION);
                        return output_flush();
                case OPTION_LIST:
                        backend_list();
                        return output_flush();
                case OPTION_DISABLE:
                        return cli_error(EXIT_USAGE, "to give the Secret Service back, use \"keyfob disable\"");
                default:
                        r = cli_option(&cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (optind == argc) {
                cli_error(0, "which command? See keyfob --help");
                return EXIT_USAGE;
        }
        return run_command(&cli, argc - optind, argv + optind);
}
