/*
 * Authenticator: how the daemon's security key stands, for the commands that show it
 */
#pragma once

#include <stdint.h>

#include "client/client.h"

struct json_object;

/* What the daemon says about it, keys with '_' for '-' as in the daemon's other dictionaries. A result of keyfob.h:
 * nothing is printed, so that a command can do without. */
int authenticator_get(keyfob *k, struct json_object **ret);

/* The name of an algorithm as COSE numbers them: "ES256". NULL when unknown. */
const char *authenticator_algorithm(int32_t algorithm);

/* "set, 8 tries left" and the like. New string or NULL. */
char *authenticator_pin_text(struct json_object *info);
