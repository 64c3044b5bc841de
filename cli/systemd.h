/*
 * systemd: the user's own manager, where one runs
 */
#pragma once

#include <stdbool.h>

/* systemctl --user VERB [OPTION] UNIT: whether it went well. */
bool systemd_user(const char *verb, const char *option, const char *unit);
