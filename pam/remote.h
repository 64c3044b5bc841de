/* Whether who wants to be let in is at this machine. */
#pragma once

#include <security/pam_modules.h>
#include <stdbool.h>

/* What can't be found out counts as remote. */
bool remote_is(pam_handle_t *pamh);
