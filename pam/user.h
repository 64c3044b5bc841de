/* Who wants to be let in, as the user database has it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"

enum { USER_UNKNOWN = 1 };

typedef struct User {
        char *name, *home;
        uid_t uid;
        gid_t gid;
} User;

#define USER_NULL ((User){.uid = (uid_t)-1, .gid = (gid_t)-1})

/* 0, USER_UNKNOWN, or a negative errno: the database could not be asked. */
int user_find(const char *name, User *ret);
void user_done(User *user);

/* Whether this process is the user's own, with an environment that is theirs. */
bool user_is_caller(const User *user);
