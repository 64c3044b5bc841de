/*
 * Our own backend: libkeyfob behind the interface that all backends share
 */
#include "cli/backend.h"

#include <stdio.h>

#include "cli/cli.h"

static int fail(keyfob *k, int r, BackendError *error)
{
        if (r != 0)
                (void)snprintf(error->text, sizeof(error->text), "%s", keyfob_message(k));
        return r;
}

static int keyfob_backend_open(void **ret, BackendError *error)
{
        keyfob *k;
        int r;

        r = keyfob_connect(KEYFOB_START, &k);
        if (r != 0)
                return r;
        *ret = k;
        return 0;
}

static void keyfob_backend_close(void *handle)
{
        keyfob_close(handle);
}

static int keyfob_backend_get(void *handle, const keyfob_attribute *attributes, size_t n, BackendGot got,
                              void *userdata, BackendError *error)
{
        _cleanup_(keyfob_value_freep) keyfob_value *value = NULL;
        int r;

        r = keyfob_lookup(handle, attributes, n, &value);
        if (r != 0)
                return fail(handle, r, error);
        got(userdata, value);
        return 0;
}

static int keyfob_backend_set(void *handle, const keyfob_new_item *item, BackendError *error)
{
        return fail(handle, keyfob_store(handle, item, NULL), error);
}

static int keyfob_backend_del(void *handle, const keyfob_attribute *attributes, size_t n, BackendError *error)
{
        return fail(handle, keyfob_remove(handle, attributes, n), error);
}

static int keyfob_backend_search(void *handle, const keyfob_attribute *attributes, size_t n, const char *collection,
                                 BackendFound found, void *userdata, BackendError *error)
{
        _cleanup_(keyfob_items_freep) keyfob_items *items = NULL;
        int r;

        r = keyfob_search(handle, attributes, n, collection, 0, &items);
        if (r != 0)
                return fail(handle, r, error);
        for (size_t i = 0; i < items->n; i++)
                found(userdata, &items->items[i]);
        return 0;
}

static int keyfob_backend_unlock(void *handle, const char *collection, BackendError *error)
{
        cli_use_terminal(handle);
        return fail(handle, keyfob_unlock(handle, collection, NULL, 0), error);
}

static int keyfob_backend_lock(void *handle, const char *collection, BackendError *error)
{
        return fail(handle, keyfob_lock(handle, collection), error);
}

const Backend backend_keyfob = {
        .version = BACKEND_VERSION,
        .name = "keyfob",
        .title = "Keyfob's own vault",
        .open = keyfob_backend_open,
        .close = keyfob_backend_close,
        .get = keyfob_backend_get,
        .set = keyfob_backend_set,
        .del = keyfob_backend_del,
        .search = keyfob_backend_search,
        .unlock = keyfob_backend_unlock,
        .lock = keyfob_backend_lock,
};
