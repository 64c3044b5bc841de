/*
 * Shell
 *
 * One line, because the words of $(…) are joined by blanks. A backslash before what is not plain means the same in all
 * three kinds of shell.
 */
#include "cli/shell.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"

static void print_word(const char *word)
{
        for (; *word; word++) {
                unsigned char c = (unsigned char)*word;

                if (isascii(c) && !isalnum(c) && !strchr("-_/.:=,+@%", c))
                        (void)putchar('\\');
                (void)putchar(c);
        }
}

int shell_read(Cli *cli, int argc, char *argv[], int *ret)
{
        static const struct option options[] = {CLI_HELP, SHELL_OPTIONS, CLI_END};
        int c, r, shell = 's';

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 's' || c == 'f' || c == 'c') {
                        shell = c;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        *ret = shell;
        return -1;
}

int shell_export(int shell, const ShellVariable *variables, size_t n)
{
        if (shell == 's')
                printf("export");
        for (size_t i = 0; i < n; i++) {
                if (shell == 's')
                        printf(" %s=", variables[i].name);
                else
                        printf(shell == 'f' ? "%sset -gx %s " : "%ssetenv %s ", i > 0 ? " " : "", variables[i].name);
                print_word(variables[i].value);
                if (shell != 's')
                        (void)putchar(';');
        }
        (void)putchar('\n');
        return output_flush();
}
