/*
 * Programs
 *
 * The kernel names what a process executes by its path without links, so that is what rules have to say.
 */
#include "cli/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

static bool is_program(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *program_find(const char *name)
{
        const char *dirs = getenv("PATH");
        _cleanup_free_ char *copy = NULL;
        char *rest = NULL;

        errno = ENOENT;
        if (strchr(name, '/'))
                return is_program(name) ? realpath(name, NULL) : NULL;
        copy = strdup(dirs ? dirs : "/usr/local/bin:/usr/bin:/bin");
        for (char *dir = copy ? strtok_r(copy, ":", &rest) : NULL; dir; dir = strtok_r(NULL, ":", &rest)) {
                char path[PATH_MAX];

                if (dir[0] == '/' && snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_MAX && is_program(path))
                        return realpath(path, NULL);
        }
        errno = copy ? ENOENT : ENOMEM;
        return NULL;
}
