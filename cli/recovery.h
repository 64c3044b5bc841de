/*
 * Recovery: a new code, and showing it, once
 */
#pragma once

#include "cli/cli.h"

/* A new code as text. 0, or the exit code. */
int recovery_make(Secret **ret);
/* Prints the slot's id and its code; to a person with what to do with it, and as a QR code where that can be made. */
int recovery_show(const Cli *cli, const char *id, const Secret *code);
