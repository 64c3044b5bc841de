/* Files that decide who gets in: whole, of whom they should be, and writable by nobody else. */
#pragma once

#include "common/secret.h"
#include "pam/user.h"

enum {
        FILE_MISSING = 1,
        FILE_UNSAFE, /* no regular file, someone else's, others may write to it */
        FILE_LARGE,
};

/* As this process; the owner must be root, or who this process is. 0, an outcome, or a negative errno. */
int file_read_own(const char *path, size_t max, Secret **ret);

/*
 * As `user`, whose file it must be, or root's. What the user may not read, and this process may, must be root's, and
 * lie where no link leads. With `as_user` that is not tried.
 */
int file_read_of_user(const User *user, const char *path, bool as_user, size_t max, Secret **ret);

/* In words; NULL for what is no outcome. */
const char *file_outcome(int outcome);
