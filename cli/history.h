/*
 * History: the item that a command means, be it there or deleted
 */
#pragma once

#include "cli/cli.h"

/* Has a collection opened, or the vault (NULL), unless it is. 0, or the exit code after saying why. */
int history_unlock(keyfob *k, const char *collection);
/* The path of the item that the operands name: one PATH, or SERVICE and USER, of an item that is there, else of the one deleted
 * last. Unlocks the vault when that takes it. 0, or the exit code after saying why. New string. */
int history_find(keyfob *k, int n, char *operands[], char **ret_path);
