/*
 * Lock state: unlock, lock, status
 *
 * The daemon locks object paths; people know names. A name or an alias is looked up in the status, which tells both.
 */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

KEYFOB_API int keyfob_unlock(keyfob *k, const char *collection, const void *secret, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || (!secret && size > 0))
                return -EINVAL;

        r = client_store_message(k, "Unlock", /* sensitive= */ true, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(call, "collection", collection);
        /* last: what is appended after it could move it, and leave a copy that nobody wipes */
        if (r >= 0)
                r = client_append_bytes(call, "secret", secret, size);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);
        return client_call(k, call, secret ? CLIENT_PATIENT : CLIENT_ASKS, NULL);
}

/* ---- status ---- */

KEYFOB_API keyfob_status *keyfob_status_free(keyfob_status *status)
{
        return client_info_free(status);
}

static int call_status(keyfob *k, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_store_message(k, "Status", /* sensitive= */ false, &call);
        if (r != 0)
                return r;
        return client_call(k, call, CLIENT_QUICK, ret);
}

static int read_status(sd_bus_message *m, keyfob_status *ret)
{
        keyfob_status status = {.version = "", .vault = "", .vault_path = "", .secrets_name = "none", .socket = ""};
        int unprotected = 0, memory_locked = 0, tampered = 0, r;
        const ClientField fields[] = {
                {"version", "s", &status.version, NULL},
                {"vault", "s", &status.vault, NULL},
                {"vault_path", "s", &status.vault_path, NULL},
                {"secrets_name", "s", &status.secrets_name, NULL},
                {"socket", "s", &status.socket, NULL},
                {"items", "t", &status.items, NULL},
                {"unprotected", "b", &unprotected, NULL},
                {"memory_locked", "b", &memory_locked, NULL},
                {"tampered", "b", &tampered, NULL},
        };

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        status.unprotected = unprotected;
        status.memory_locked = memory_locked;
        status.tampered = tampered;
        *ret = status;
        return 0;
}

KEYFOB_API int keyfob_get_status(keyfob *k, keyfob_status **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(keyfob_status_freep) keyfob_status *status = NULL;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = call_status(k, &reply);
        if (r != 0)
                return r;
        status = client_info_new(reply, sizeof(*status));
        if (!status)
                return -ENOMEM;
        r = read_status(reply, status);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(status);
        return 0;
}

/* ---- collections by name ---- */

/* Reads one collection's dictionary; whether `name` is its name or one of its aliases. */
static int collection_is(sd_bus_message *m, const char *name, const char **path, bool *ret)
{
        bool is = false;
        int r;

        *path = NULL;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r <= 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key, *contents, *string;

                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r < 0)
                        return r;
                if (strcmp(key, "path") == 0 && strcmp(contents, "o") == 0) {
                        r = sd_bus_message_read(m, "v", "o", path);
                } else if (strcmp(key, "name") == 0 && strcmp(contents, "s") == 0) {
                        r = sd_bus_message_read(m, "v", "s", &string);
                        is = is || (r >= 0 && strcmp(string, name) == 0);
                } else if (strcmp(key, "aliases") == 0 && strcmp(contents, "as") == 0) {
                        r = sd_bus_message_enter_container(m, 'v', "as");
                        if (r >= 0)
                                r = sd_bus_message_enter_container(m, 'a', "s");
                        while (r >= 0 && (r = sd_bus_message_read(m, "s", &string)) > 0)
                                is = is || strcmp(string, name) == 0;
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                } else {
                        r = sd_bus_message_skip(m, "v");
                }
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = is;
        return 1;
}

static int find_in_status(sd_bus_message *m, const char *name, char **ret)
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key, *path;
                bool is = false;

                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                if (strcmp(key, "collections") != 0) {
                        r = sd_bus_message_skip(m, "v");
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                        if (r < 0)
                                return r;
                        continue;
                }
                r = sd_bus_message_enter_container(m, 'v', "aa{sv}");
                if (r >= 0)
                        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
                if (r < 0)
                        return r;
                while ((r = collection_is(m, name, &path, &is)) > 0) {
                        if (!is || !path)
                                continue;
                        *ret = strdup(path);
                        return *ret ? 0 : -ENOMEM;
                }
                return r < 0 ? r : KEYFOB_E_NOT_FOUND;
        }
        return r < 0 ? r : KEYFOB_E_NOT_FOUND;
}

static int fail_no_collection(keyfob *k, const char *name)
{
        _cleanup_free_ char *message = NULL;

        if (asprintf(&message, "there is no collection '%s': see keyfob collection list", name) < 0)
                message = NULL;
        return client_fail(k, KEYFOB_E_NOT_FOUND, message);
}

int client_collection_path(keyfob *k, const char *name, char **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (name[0] == '/') {
                if (!sd_bus_object_path_is_valid(name))
                        return fail_no_collection(k, name);
                *ret = strdup(name);
                return *ret ? 0 : -ENOMEM;
        }
        r = call_status(k, &reply);
        if (r != 0)
                return r;
        r = find_in_status(reply, name, ret);
        if (r == KEYFOB_E_NOT_FOUND)
                return fail_no_collection(k, name);
        return r < 0 ? client_fail_errno(k, r) : 0;
}

KEYFOB_API int keyfob_lock(keyfob *k, const char *collection)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (!k)
                return -EINVAL;
        if (collection) {
                r = client_collection_path(k, collection, &path);
                if (r != 0)
                        return r;
        }

        r = client_store_message(k, "Lock", /* sensitive= */ false, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "ao", path ? 1 : 0, path);
        if (r < 0)
                return client_fail_append(k, r);
        return client_call(k, call, CLIENT_QUICK, NULL);
}
