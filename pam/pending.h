/* A file that is open while somebody is to touch a security key: other programs watch it and say so. */
#pragma once

#include "pam/login.h"

/* A descriptor to close when the wait is over, or -1. */
int pending_begin(const Login *login);
