/* Logging in with a security key that is elsewhere: the challenge and what it answers are carried by hand. */
#pragma once

#include "pam/login.h"

int manual_login(Login *login);
