/* Logging in with the security key of the user's own running daemon. */
#pragma once

#include "pam/login.h"

/* 0: proven. LOGIN_REFUSED (no daemon, no credential of its there, or the person was not verified), or a negative errno. */
int own_login(const Login *login);
