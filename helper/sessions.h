/* A user's sessions, as logind has them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Whether somebody is in sessions of the user's, and only from afar. What logind can't say is taken for that; that there is no logind,
 * or no such session, is not. */
bool sessions_are_remote(uid_t uid);
