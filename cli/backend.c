/*
 * Backends by name
 */
#include "cli/backend.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/module.h"

#define MODULE "backend-secret-service.so"

static int load_module(const Backend **ret)
{
        _cleanup_free_ char *path = module_find(MODULE);
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
        _cleanup_free_ char *module = module_find(MODULE);

        printf("keyfob\n");
        if (module)
                printf("secret-service\n");
}
