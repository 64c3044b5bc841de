/*
 * Backends by name
 *
 * The module is looked for beside our own executable first (../lib/…/keyfob, whatever the architecture's folder is
 * called), so that a copied tree works, then where it was installed. A module that someone else could have written is
 * not loaded.
 */
#include "cli/backend.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

#define MODULE "backend-secret-service.so"

static bool is_module(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) &&
               !(st.st_mode & S_IWOTH);
}

/* Where the module is below `prefix`, given as the installed layout has it. */
static char *find_module(void)
{
        static const char installed[] = "../" KEYFOB_LIBDIR_RELATIVE "/keyfob/" MODULE;
        static const char *const relative[] = {installed, "../lib/keyfob/" MODULE, MODULE};
        char own[4096], *slash, *path;
        ssize_t n;

        n = readlink("/proc/self/exe", own, sizeof(own) - 1);
        if (n > 0) {
                own[n] = 0;
                slash = strrchr(own, '/');
                if (slash)
                        *slash = 0;
                for (size_t i = 0; slash && i < ELEMENTSOF(relative); i++) {
                        if (asprintf(&path, "%s/%s", own, relative[i]) < 0)
                                return NULL;
                        if (is_module(path))
                                return path;
                        free(path);
                }
        }
        return is_module(KEYFOB_MODULEDIR "/" MODULE) ? strdup(KEYFOB_MODULEDIR "/" MODULE) : NULL;
}

static int load_module(const Backend **ret)
{
        _cleanup_free_ char *path = find_module();
        const Backend *backend;
        void *module;

        if (!path)
                return cli_error(EXIT_OTHER, "the secret-service backend is not installed (it needs libsecret)");
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!module)
                return cli_error(EXIT_OTHER, "the secret-service backend cannot be loaded: %s", dlerror());
        backend = dlsym(module, "keyfob_backend");
        if (!backend || backend->version != BACKEND_VERSION) {
                (void)dlclose(module);
                return cli_error(EXIT_OTHER, "%s belongs to another version of keyfob", path);
        }
        *ret = backend;
        return 0;
}

int backend_find(const char *name, const Backend **ret)
{
        if (name && strcmp(name, "secret-service") == 0)
                return load_module(ret);
        *ret = &backend_keyfob;
        return 0;
}

void backend_list(void)
{
        _cleanup_free_ char *module = find_module();

        printf("keyfob\n");
        if (module)
                printf("secret-service\n");
}
