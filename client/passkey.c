/*
 * Passkeys: what the security key keeps, as a list of which each can be renamed, deleted and brought back
 *
 * A list is the daemon's answer and pointers into it.
 */
#include "client/client.h"

#include <errno.h>

KEYFOB_API keyfob_passkeys *keyfob_passkeys_free(keyfob_passkeys *passkeys)
{
        return client_list_free(passkeys, passkeys ? passkeys->passkeys : NULL);
}

/* 1, 0 at the end of the list. */
static int read_passkey(sd_bus_message *m, void *element)
{
        keyfob_passkey passkey = {.rp_id = "", .rp_name = "", .user_name = "", .user_display_name = ""};
        int discoverable = 0, u2f = 0, backup_eligible = 0, device_bound = 0, r;
        const ClientField fields[] = {
                {"id", "ay", &passkey.id, &passkey.id_size},
                {"rp-id", "s", &passkey.rp_id, NULL},
                {"rp-name", "s", &passkey.rp_name, NULL},
                {"user-id", "ay", &passkey.user_id, &passkey.user_id_size},
                {"user-name", "s", &passkey.user_name, NULL},
                {"user-display-name", "s", &passkey.user_display_name, NULL},
                {"algorithm", "i", &passkey.algorithm, NULL},
                {"protection", "u", &passkey.protection, NULL},
                {"discoverable", "b", &discoverable, NULL},
                {"u2f", "b", &u2f, NULL},
                {"backup-eligible", "b", &backup_eligible, NULL},
                {"device-bound", "b", &device_bound, NULL},
                {"created", "t", &passkey.created, NULL},
                {"removed", "t", &passkey.removed, NULL},
                {"number", "t", &passkey.number, NULL},
        };

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r <= 0)
                return r;
        passkey.discoverable = discoverable;
        passkey.u2f = u2f;
        passkey.backup_eligible = backup_eligible;
        passkey.device_bound = device_bound;
        *(keyfob_passkey *)element = passkey;
        return 1;
}

int client_read_passkeys(keyfob *k, sd_bus_message *reply, keyfob_passkeys **ret)
{
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *passkeys = NULL;
        void *array;
        int r;

        passkeys = client_info_new(reply, sizeof(*passkeys));
        if (!passkeys)
                return -ENOMEM;
        r = client_read_list(reply, "a{sv}", read_passkey, sizeof(keyfob_passkey), &array, &passkeys->n);
        passkeys->passkeys = array;
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(passkeys);
        return 0;
}

KEYFOB_API int keyfob_passkey_list(keyfob *k, const char *rp_id, bool deleted, keyfob_passkeys **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_authenticator_message(k, "ListPasskeys", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(call, "rp-id", rp_id);
        if (r >= 0)
                r = client_append_bool(call, "deleted", deleted);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);
        r = client_call(k, call, CLIENT_ASKS, &reply);
        return r == 0 ? client_read_passkeys(k, reply, ret) : r;
}

int client_append_names(sd_bus_message *m, const char *user_name, const char *user_display_name)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(m, "user-name", user_name);
        if (r >= 0)
                r = client_append_string(m, "user-display-name", user_display_name);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int call_with_id(keyfob *k, const char *method, const void *id, size_t id_size, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || !id || id_size == 0)
                return -EINVAL;
        r = client_authenticator_message(k, method, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append_array(call, 'y', id, id_size);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(call);
        return 0;
}

KEYFOB_API int keyfob_passkey_rename(keyfob *k, const void *id, size_t id_size, const char *user_name,
                                     const char *user_display_name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = call_with_id(k, "RenamePasskey", id, id_size, &call);
        if (r != 0)
                return r;
        r = client_append_names(call, user_name, user_display_name);
        return r < 0 ? client_fail_append(k, r) : client_call(k, call, CLIENT_ASKS, NULL);
}

KEYFOB_API int keyfob_passkey_delete(keyfob *k, const void *id, size_t id_size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = call_with_id(k, "DeletePasskey", id, id_size, &call);
        return r == 0 ? client_call(k, call, CLIENT_ASKS, NULL) : r;
}

KEYFOB_API int keyfob_passkey_undelete(keyfob *k, uint64_t number, const void *auth, size_t auth_size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || (!auth && auth_size > 0) || auth_size > CLIENT_SECRET_MAX)
                return -EINVAL;
        r = client_authenticator_message(k, "UndeletePasskey", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "t", number);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_bytes(call, "auth", auth, auth_size);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? client_fail_append(k, r) : client_call(k, call, CLIENT_ASKS, NULL);
}
