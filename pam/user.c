/*
 * User
 *
 * A database that fails is not one that doesn't know somebody. Of a program that has more rights than who started it, the
 * environment says nothing about the user.
 */
#include "pam/user.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/auxv.h>

#define BUFFER_MIN 1024U
#define BUFFER_MAX (1024U * 1024U)

static int copy(const struct passwd *entry, User *ret)
{
        User user = {.uid = entry->pw_uid, .gid = entry->pw_gid};

        if (!entry->pw_dir || entry->pw_dir[0] != '/')
                return USER_UNKNOWN;
        user.name = strdup(entry->pw_name);
        user.home = strdup(entry->pw_dir);
        if (!user.name || !user.home) {
                user_done(&user);
                return -ENOMEM;
        }
        *ret = user;
        return 0;
}

int user_find(const char *name, User *ret)
{
        for (size_t size = BUFFER_MIN; size <= BUFFER_MAX; size *= 2) {
                _cleanup_free_ char *buffer = malloc(size);
                struct passwd entry, *found;
                int r;

                if (!buffer)
                        return -ENOMEM;
                do
                        r = getpwnam_r(name, &entry, buffer, size, &found);
                while (r == EINTR);
                if (r == 0)
                        return found ? copy(found, ret) : USER_UNKNOWN;
                if (r == ENOENT || r == ESRCH)
                        return USER_UNKNOWN;
                if (r != ERANGE)
                        return -r;
        }
        return -ERANGE;
}

void user_done(User *user)
{
        free(user->name);
        free(user->home);
        *user = USER_NULL;
}

bool user_is_caller(const User *user)
{
        return !getauxval(AT_SECURE) && getuid() == user->uid && geteuid() == user->uid && getgid() == getegid();
}
