/* Where a user's authfile is. */
#pragma once

#include "pam/options.h"
#include "pam/user.h"

enum { AUTHFILE_PATH_WRONG = 1 };

typedef struct AuthfilePath {
        char *path;
        bool of_user; /* it is this user's alone */
        bool as_user; /* and read with no other rights */
} AuthfilePath;

/* 0, AUTHFILE_PATH_WRONG (an unknown %, or a name that leads elsewhere), -ENOMEM. */
int authfile_path_find(const User *user, const Options *options, AuthfilePath *ret);
void authfile_path_done(AuthfilePath *path);
