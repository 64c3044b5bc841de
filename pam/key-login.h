/* Logging in with a security key that is plugged in. */
#pragma once

#include "pam/login.h"

/* 0: proven, and login->frames is what the same answer opens the vault with, if it does. LOGIN_REFUSED, another LoginOutcome, or a
 * negative errno. */
int key_login(Login *login);
