/* The daemon's status as JSON, and its table of collections. */
#pragma once

#include "cli/cli.h"

struct json_object;

/* 0, or the exit code. */
int status_get(keyfob *k, struct json_object **ret);
int status_print_collections(struct json_object *collections);
