/*
 * Options that many commands have, help, and the connection that they all begin with
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/text.h"

void cli_help(const Command *command)
{
        printf("Usage: keyfob %s%s%s\n\n%s.\n", command->name, command->usage[0] ? " " : "", command->usage,
               command->summary);
        if (command->help)
                printf("\n%s", command->help);
}

int cli_option(Cli *cli, int c)
{
        switch (c) {
        case 'h':
                cli_help(cli->command);
                return output_flush();
        case 'j':
                cli->json = true;
                return -1;
        case 'b':
                cli->backend = text_backend(optarg);
                if (!cli->backend)
                        return cli_error(EXIT_USAGE, "no backend is called \"%s\": see keyfob --list-backends",
                                         optarg);
                return -1;
        case 'p':
                /* python keyring: where to look for python backends. There are none here. */
                return -1;
        default:
                return EXIT_USAGE; /* getopt has said why */
        }
}

int cli_read_yes(const char *option, const char *text, int *ret)
{
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
                return cli_error(EXIT_USAGE, "--%s is yes or no, not \"%s\"", option, text);
        *ret = strcmp(text, "yes") == 0;
        return -1;
}

int cli_read_names(const char *list, int (*add)(void *to, const char *name), void *to, const char *usage)
{
        _cleanup_free_ char *copy = strdup(list);
        char *rest = NULL, *name = copy ? strtok_r(copy, ",", &rest) : NULL;
        int r = 0;

        if (!copy)
                return cli_no_memory();
        if (strcmp(list, "any") == 0)
                return 0;
        if (!name)
                return cli_error(EXIT_USAGE, "%s", usage);
        for (; name && r == 0; name = strtok_r(NULL, ",", &rest))
                r = add(to, name);
        return r;
}

int cli_plain_options(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_JSON, CLI_END};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        return -1;
}

int cli_connect(keyfob **ret)
{
        int r = keyfob_connect(KEYFOB_START, ret);

        return r == 0 ? 0 : cli_explain(r, NULL);
}

void cli_use_terminal(keyfob *k)
{
        if (terminal_available())
                (void)keyfob_set_prompt(k, terminal_prompt, NULL);
}

int cli_verb(Cli *cli, const Verb *verbs, size_t n, int argc, char *argv[])
{
        const char *name = argc > 1 ? argv[1] : "";

        if (name[0] == '-' || argc <= 1)
                return verbs[0].run(cli, argc, argv);
        /* getopt takes the first argument for the program's name in its messages. */
        argv[1] = argv[0];
        for (size_t i = 0; i < n; i++)
                if (strcmp(name, verbs[i].name) == 0)
                        return verbs[i].run(cli, argc - 1, argv + 1);
        return cli_usage(cli);
}
