/*
 * The secret-service backend: whoever owns org.freedesktop.secrets, through libsecret
 *
 * A module of its own, because libsecret brings GLib with it. Items are found by service and username alone, whatever
 * schema they were stored with, and get their value in place: asking a service to replace by attributes would let some
 * of them overwrite an item that merely has more.
 */
#include <libsecret/secret.h>
#include <stdio.h>
#include <string.h>

#include "cli/backend.h"

__attribute__((visibility("default"))) extern const Backend keyfob_backend;

static int fail(BackendError *error, GError *from)
{
        int r = KEYFOB_E_OTHER;

        if (!from) {
                (void)snprintf(error->text, sizeof(error->text), "the keyring gave no reason");
                return r;
        }
        if (g_error_matches(from, SECRET_ERROR, SECRET_ERROR_IS_LOCKED))
                r = KEYFOB_E_LOCKED;
        else if (g_error_matches(from, SECRET_ERROR, SECRET_ERROR_NO_SUCH_OBJECT) ||
                 g_error_matches(from, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT))
                r = KEYFOB_E_NOT_FOUND;
        else if (g_error_matches(from, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                r = KEYFOB_E_CANCELLED;
        else if (g_error_matches(from, G_IO_ERROR, G_IO_ERROR_DBUS_ERROR))
                r = KEYFOB_E_OTHER; /* the keyring's own error, whose name libsecret has dropped */
        else if (g_error_matches(from, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
                 g_error_matches(from, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
                 g_error_matches(from, G_DBUS_ERROR, G_DBUS_ERROR_NO_SERVER) ||
                 g_error_matches(from, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND) ||
                 g_error_matches(from, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_CHILD_EXITED) || from->domain == G_IO_ERROR)
                r = KEYFOB_E_UNREACHABLE;
        (void)g_dbus_error_strip_remote_error(from);
        (void)snprintf(error->text, sizeof(error->text), "%s", from->message);
        g_error_free(from);
        return r;
}

static int say(BackendError *error, int r, const char *text)
{
        (void)snprintf(error->text, sizeof(error->text), "%s", text);
        return r;
}

static GHashTable *table(const keyfob_attribute *attributes, size_t n)
{
        GHashTable *hash = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        for (size_t i = 0; i < n; i++)
                g_hash_table_insert(hash, g_strdup(attributes[i].name), g_strdup(attributes[i].value));
        return hash;
}

/* ---- open, close ---- */

static int backend_open(void **ret, BackendError *error)
{
        GError *from = NULL;
        SecretService *service = secret_service_get_sync(SECRET_SERVICE_OPEN_SESSION, NULL, &from);

        if (!service)
                return fail(error, from);
        *ret = service;
        return 0;
}

static void backend_close(void *handle)
{
        g_object_unref(handle);
        secret_service_disconnect();
}

/* ---- items ---- */

/* The newest unlocked item that matches; KEYFOB_E_LOCKED when only locked ones do. */
static int find(SecretService *service, const keyfob_attribute *attributes, size_t n, SecretItem **ret,
                BackendError *error)
{
        g_autoptr(GHashTable) hash = table(attributes, n);
        GError *from = NULL;
        GList *items;
        SecretItem *best = NULL;
        bool locked = false;

        items = secret_service_search_sync(service, NULL, hash, SECRET_SEARCH_ALL, NULL, &from);
        if (from)
                return fail(error, from);
        for (GList *i = items; i; i = i->next) {
                SecretItem *item = i->data;

                if (secret_item_get_locked(item))
                        locked = true;
                else if (!best || secret_item_get_modified(item) > secret_item_get_modified(best))
                        best = item;
        }
        if (best)
                *ret = g_object_ref(best);
        g_list_free_full(items, g_object_unref);
        return best ? 0 : locked ? KEYFOB_E_LOCKED : KEYFOB_E_NOT_FOUND;
}

/* A GHashTable of attributes as an array that borrows its strings. */
static keyfob_attribute *borrow(GHashTable *hash, size_t *ret_n)
{
        keyfob_attribute *attributes = g_new0(keyfob_attribute, hash ? g_hash_table_size(hash) + 1 : 1);
        GHashTableIter iter;
        gpointer name, value;
        size_t n = 0;

        if (hash) {
                g_hash_table_iter_init(&iter, hash);
                while (g_hash_table_iter_next(&iter, &name, &value))
                        attributes[n++] = (keyfob_attribute){name, value};
        }
        *ret_n = n;
        return attributes;
}

static int backend_get(void *handle, const keyfob_attribute *attributes, size_t n, BackendGot got, void *userdata,
                       BackendError *error)
{
        g_autoptr(SecretItem) item = NULL;
        g_autoptr(GHashTable) hash = NULL;
        g_autofree keyfob_attribute *borrowed = NULL;
        keyfob_value value = {0};
        SecretValue *secret;
        GError *from = NULL;
        gsize size;
        int r;

        r = find(handle, attributes, n, &item, error);
        if (r != 0)
                return r;
        if (!secret_item_load_secret_sync(item, NULL, &from))
                return fail(error, from);
        secret = secret_item_get_secret(item);
        if (!secret)
                return KEYFOB_E_LOCKED;

        hash = secret_item_get_attributes(item);
        borrowed = borrow(hash, &value.n_attributes);
        value.data = secret_value_get(secret, &size);
        value.size = size;
        value.content_type = secret_value_get_content_type(secret);
        value.path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(item));
        value.attributes = borrowed;
        got(userdata, &value);
        secret_value_unref(secret);
        return 0;
}

static int backend_set(void *handle, const keyfob_new_item *new, BackendError *error)
{
        g_autoptr(SecretItem) item = NULL;
        g_autoptr(GHashTable) hash = NULL;
        g_autofree char *path = NULL;
        SecretValue *value;
        GError *from = NULL;
        gboolean done;
        int r;

        r = find(handle, new->match, new->n_match, &item, error);
        if (r != 0 && r != KEYFOB_E_NOT_FOUND)
                return r;

        value = secret_value_new(new->size > 0 ? new->data : "", (gssize) new->size,
                                 new->content_type ? new->content_type : "text/plain");
        if (r == 0) {
                done = secret_item_set_secret_sync(item, value, NULL, &from);
        } else {
                hash = table(new->attributes, new->n_attributes);
                if (new->collection &&new->collection[0] != '/')
                        path = g_strcmp0(new->collection, "default") == 0
                                       ? NULL
                                       : g_strdup_printf("/org/freedesktop/secrets/collection/%s", new->collection);
                else
                        path = g_strdup(new->collection);
                done = secret_service_store_sync(handle, NULL, hash, path ? path : SECRET_COLLECTION_DEFAULT,
                                                 new->label ? new->label : "", value, NULL, &from);
        }
        secret_value_unref(value);
        return done ? 0 : fail(error, from);
}

static int backend_del(void *handle, const keyfob_attribute *attributes, size_t n, BackendError *error)
{
        g_autoptr(SecretItem) item = NULL;
        GError *from = NULL;
        int r;

        r = find(handle, attributes, n, &item, error);
        if (r != 0)
                return r;
        return secret_item_delete_sync(item, NULL, &from) ? 0 : fail(error, from);
}

/* ---- search ---- */

static bool in_collection(const char *item, const char *collection)
{
        const char *slash = strrchr(item, '/');

        if (!collection)
                return true;
        if (!slash)
                return false;
        if (collection[0] == '/')
                return strlen(collection) == (size_t)(slash - item) &&
                       strncmp(item, collection, strlen(collection)) == 0;
        return (size_t)(slash - item) > strlen(collection) && slash[-(ssize_t)strlen(collection) - 1] == '/' &&
               strncmp(slash - strlen(collection), collection, strlen(collection)) == 0;
}

static void report(SecretItem *item, BackendFound found, void *userdata)
{
        g_autoptr(GHashTable) hash = secret_item_get_attributes(item);
        g_autofree keyfob_attribute *borrowed = NULL;
        g_autofree char *label = secret_item_get_label(item);
        keyfob_item out = {.path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(item)),
                           .label = label ? label : "",
                           .created = secret_item_get_created(item),
                           .modified = secret_item_get_modified(item),
                           .locked = secret_item_get_locked(item)};

        borrowed = borrow(hash, &out.n_attributes);
        out.attributes = borrowed;
        found(userdata, &out);
}

static int backend_search(void *handle, const keyfob_attribute *attributes, size_t n, const char *collection,
                          BackendFound found, void *userdata, BackendError *error)
{
        g_autoptr(GHashTable) hash = table(attributes, n);
        GError *from = NULL;
        GList *items;

        items = secret_service_search_sync(handle, NULL, hash, SECRET_SEARCH_ALL, NULL, &from);
        if (from)
                return fail(error, from);
        for (GList *i = items; i; i = i->next)
                if (in_collection(g_dbus_proxy_get_object_path(G_DBUS_PROXY(i->data)), collection))
                        report(i->data, found, userdata);
        g_list_free_full(items, g_object_unref);
        return 0;
}

/* ---- lock state ---- */

/* The collections meant: one by name, path or alias, or all. */
static int choose(SecretService *service, const char *name, bool lock, GList **ret, BackendError *error)
{
        GError *from = NULL;
        GList *all, *chosen = NULL;

        if (!secret_service_load_collections_sync(service, NULL, &from))
                return fail(error, from);
        if (!lock && !name)
                name = "default";
        if (name && name[0] != '/') {
                SecretCollection *aliased =
                        secret_collection_for_alias_sync(service, name, SECRET_COLLECTION_NONE, NULL, &from);

                if (from)
                        g_clear_error(&from);
                if (aliased) {
                        *ret = g_list_prepend(NULL, aliased);
                        return 0;
                }
        }
        all = secret_service_get_collections(service);
        for (GList *i = all; i; i = i->next) {
                const char *path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(i->data)), *slash = strrchr(path, '/');

                if (!name || strcmp(path, name) == 0 || (slash && strcmp(slash + 1, name) == 0))
                        chosen = g_list_prepend(chosen, g_object_ref(i->data));
        }
        g_list_free_full(all, g_object_unref);
        if (!chosen && name)
                return say(error, KEYFOB_E_NOT_FOUND, "there is no such collection");
        *ret = chosen;
        return 0;
}

static int backend_unlock(void *handle, const char *collection, BackendError *error)
{
        GList *collections = NULL, *unlocked = NULL;
        GError *from = NULL;
        gint n, wanted;
        int r;

        r = choose(handle, collection, false, &collections, error);
        if (r != 0)
                return r;
        wanted = (gint)g_list_length(collections);
        n = secret_service_unlock_sync(handle, collections, NULL, &unlocked, &from);
        g_list_free_full(unlocked, g_object_unref);
        g_list_free_full(collections, g_object_unref);
        if (from) {
                /* An error of the keyring's own, here: it could not ask. */
                bool own = g_error_matches(from, G_IO_ERROR, G_IO_ERROR_DBUS_ERROR);

                r = fail(error, from);
                return own ? KEYFOB_E_NO_PROMPTER : r;
        }
        return n < wanted ? say(error, KEYFOB_E_CANCELLED, "the keyring was not unlocked") : 0;
}

static int backend_lock(void *handle, const char *collection, BackendError *error)
{
        GList *collections = NULL, *locked = NULL;
        GError *from = NULL;
        int r;

        r = choose(handle, collection, true, &collections, error);
        if (r != 0)
                return r;
        (void)secret_service_lock_sync(handle, collections, NULL, &locked, &from);
        g_list_free_full(locked, g_object_unref);
        g_list_free_full(collections, g_object_unref);
        return from ? fail(error, from) : 0;
}

const Backend keyfob_backend = {
        .version = BACKEND_VERSION,
        .name = "secret-service",
        .title = "whatever owns org.freedesktop.secrets",
        .open = backend_open,
        .close = backend_close,
        .get = backend_get,
        .set = backend_set,
        .del = backend_del,
        .search = backend_search,
        .unlock = backend_unlock,
        .lock = backend_lock,
};
