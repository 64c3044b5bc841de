/* Logging in with a finger on the reader of fprintd. */
#pragma once

#include "pam/login.h"

/* 0: a finger of the user's. LOGIN_NO_KEYS: fprintd knows none of this user. LOGIN_REFUSED, or a negative errno. */
int finger_login(const Login *login);
