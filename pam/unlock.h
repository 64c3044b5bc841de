/* Opening the vault with what a login brought: now, or when the session begins. */
#pragma once

#include "pam/login.h"

/* Opens the vault with login->frames, if there are any, or keeps them for the session of the same handle, as the options say; what is
 * kept is wiped with the handle. May take them over, and login->mirror. What fails is logged. */
void unlock_begin(Login *login);
/* Opens it with what was kept, once. 0: it is open, or nothing was kept; LOGIN_REFUSED, or a negative errno: it is not. */
int unlock_session(const Login *login);
/* Has what was kept of the user's password follow a frame that has changed its slot, and was taken. */
void unlock_follow(Login *login, const Secret *change);
