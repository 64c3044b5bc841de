/*
 * What OpenSSH is told of a failure
 */
#pragma once

#include <stdbool.h>

#include "ssh/sk-api.h"

/*
 * The enum sk_error of what libfido2 answered, a FIDO_ERR_… other than FIDO_OK. *ret_line: what to tell the person, or NULL where
 * OpenSSH's own text is enough. `keyfob`: it was Keyfob's own security key; else another maker's.
 */
int outcome_of(int error, bool keyfob, const char **ret_line);

/* The same, said. */
int outcome_say(int error, bool keyfob);
