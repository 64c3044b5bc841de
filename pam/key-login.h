/* Logging in with a security key that is plugged in. */
#pragma once

#include "pam/login.h"

/* 0: proven. LOGIN_REFUSED, another LoginOutcome, or a negative errno. */
int key_login(const Login *login);
