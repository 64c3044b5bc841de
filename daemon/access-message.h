/*
 * The words of a question about access
 */
#pragma once

#include "daemon/access-rule.h"

/* What a program is called: its app, its executable, or what it calls itself. Its identity's; "" when nothing is known. */
const char *access_program_of(const Identity *who);

/* The question whether `who` may read the secret called `label`, where the answer reaches as far as `target`. A new string.
 * -ENOMEM. */
int access_message(const Identity *who, const AccessTarget *target, const char *label, char **ret);
