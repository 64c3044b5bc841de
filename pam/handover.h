/* The hand-over: a frame to the user's daemon, and its answer. */
#pragma once

#include "pam/login.h"

/*
 * Sends frames to a user's daemon, one after the other, until one is taken; the next only where the one before had the wrong key.
 * 0: *ret is the number of the one that was taken. LOGIN_REFUSED: none was, and nothing has changed. A negative errno: nobody knows.
 */
int handover_send(const Login *login, const User *user, const Secret *frames, size_t *ret);
