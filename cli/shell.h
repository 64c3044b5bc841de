/*
 * Shell: lines for a shell to evaluate
 */
#pragma once

#include "cli/cli.h"

/* Options that choose the shell; their values are the `shell` of shell_export(). */
#define SHELL_OPTIONS                                                                                                  \
        {"sh", no_argument, NULL, 's'}, {"fish", no_argument, NULL, 'f'},                                              \
        {                                                                                                              \
                "csh", no_argument, NULL, 'c'                                                                          \
        }

/* For commands with these options only, and no operands: -1, else the exit code. */
int shell_read(Cli *cli, int argc, char *argv[], int *ret);

typedef struct ShellVariable {
        const char *name, *value;
} ShellVariable;

/* Prints the one line that sets environment variables, their values quoted where they need it. 0, or the exit code. */
int shell_export(int shell, const ShellVariable *variables, size_t n);
