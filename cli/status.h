/* The daemon's status as JSON, and its table of collections. */
#pragma once

#include <stdint.h>

#include "cli/cli.h"

struct json_object;
struct stat;

/* A line that says that the vault is not what it had come to; state is "old" or "foreign". */
void status_print_epoch(const char *state, uint64_t recorded, uint64_t found);
/* A line about the counter in the TPM, if there is something to say. */
void status_print_counter(struct json_object *report);
/* Refuses a file, which `path` names, that is the vault's own or its log: 0, or the exit code after saying so. */
int status_not_the_vault(keyfob *k, const char *path, const struct stat *file);
/* 0, or the exit code. */
int status_get(keyfob *k, struct json_object **ret);
int status_print_collections(struct json_object *collections);
