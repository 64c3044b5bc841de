/* A changed login password, which the login slot follows. */
#pragma once

#include "pam/login.h"

/* 0: the slot has the new password, or there is none to have it. LOGIN_REFUSED: it has the old one still. A negative errno: nobody knows,
 * or what logins know can't be read. The person is told. */
int change_password(Login *login, const char *old_password, const char *new_password);
