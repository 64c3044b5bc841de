/*
 * keyfob slot: its verbs, by file
 */
#pragma once

#include "cli/cli.h"

int slot_add(Cli *cli, int argc, char *argv[]);
