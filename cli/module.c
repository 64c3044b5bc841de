/*
 * Modules
 *
 * A module is looked for beside our own executable first (../lib/…/keyfob, whatever the architecture's folder is called),
 * so that a copied tree works, then where it was installed; a library for others in the folder above. One that someone else
 * could have written is not there.
 */
#include "cli/module.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/text.h"
#include "common/cleanup.h"

#define LIBDIR "/../" KEYFOB_LIBDIR_RELATIVE

static bool is_module(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) &&
               !(st.st_mode & S_IWOTH);
}

/* The path without detours, if it can be loaded from there. */
static char *try_module(const char *dir, const char *place, const char *name)
{
        _cleanup_free_ char *path = text_format("%s%s/%s", dir, place, name);

        if (!path || !is_module(path))
                return NULL;
        return realpath(path, NULL);
}

static char *find(const char *const *relative, size_t n, const char *installed, const char *name)
{
        char own[4096], *slash, *path = NULL;
        ssize_t size;

        size = readlink("/proc/self/exe", own, sizeof(own) - 1);
        if (size > 0) {
                own[size] = 0;
                slash = strrchr(own, '/');
                if (slash)
                        *slash = 0;
                for (size_t i = 0; slash && !path && i < n; i++)
                        path = try_module(own, relative[i], name);
        }
        return path ? path : try_module(installed, "", name);
}

char *module_find(const char *name)
{
        static const char *const relative[] = {LIBDIR "/keyfob", "/../lib/keyfob", ""};

        return find(relative, ELEMENTSOF(relative), KEYFOB_MODULEDIR, name);
}

char *module_find_library(const char *name)
{
        static const char *const relative[] = {LIBDIR, "/../lib", ""};

        return find(relative, ELEMENTSOF(relative), KEYFOB_LIBDIR, name);
}
