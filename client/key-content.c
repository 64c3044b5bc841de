/*
 * What a security key of another maker keeps: passkeys, their large blobs, fingers
 */
#include "client/client.h"

#include <errno.h>
#include <string.h>

static int call_with_id(keyfob *k, const char *method, const char *key, const void *id, size_t id_size, const void *pin,
                        size_t pin_size, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_key_id_message(k, method, key, id, id_size, &call);
        return r == 0 ? client_key_call(k, call, pin, pin_size, ret) : r;
}

/* ---- passkeys ---- */

KEYFOB_API int keyfob_key_list_passkeys(keyfob *k, const char *key, const void *pin, size_t size, keyfob_passkeys **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        if (!k || !ret || !client_is_bytes(pin, size))
                return -EINVAL;
        r = client_key_message(k, "ListPasskeys", key, &call);
        if (r == 0)
                r = client_key_call(k, call, pin, size, &reply);
        return r == 0 ? client_read_passkeys(k, reply, ret) : r;
}

KEYFOB_API int keyfob_key_rename_passkey(keyfob *k, const char *key, const void *id, size_t id_size,
                                         const char *user_name, const char *user_display_name, const void *pin,
                                         size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_key_id_message(k, "RenamePasskey", key, id, id_size, &call);
        if (r != 0)
                return r;
        r = client_append_names(call, user_name, user_display_name);
        return r < 0 ? client_fail_append(k, r) : client_key_call(k, call, pin, size, NULL);
}

KEYFOB_API int keyfob_key_delete_passkey(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                         size_t size)
{
        return call_with_id(k, "DeletePasskey", key, id, id_size, pin, size, NULL);
}

/* ---- large blobs ---- */

KEYFOB_API int keyfob_key_get_blob(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                   size_t size, keyfob_value **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const void *data;
        size_t data_size;
        int r;

        if (!ret)
                return -EINVAL;
        r = call_with_id(k, "GetLargeBlob", key, id, id_size, pin, size, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read_array(reply, 'y', &data, &data_size);
        return r < 0 ? client_fail_errno(k, r) : client_value_new(data, data_size, ret);
}

/* Where the bytes of an array of bytes begin that is appended at offset `at` of a message's body, and where they end. */
static size_t array_begins(size_t at)
{
        return (at + 3) / 4 * 4 + sizeof(uint32_t);
}

/*
 * The blob is filled in last, when nothing of the message can move any more. What lies between it and the PIN: padding to 4,
 * the length of the dictionary, padding to 8, "pin" as a string (8 bytes), the signature "ay" (4), the length of the PIN.
 */
KEYFOB_API int keyfob_key_set_blob(keyfob *k, const char *key, const void *id, size_t id_size, const void *blob,
                                   size_t blob_size, const void *pin, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        size_t blob_at, pin_at;
        uint8_t *room;
        int r;

        if (!blob || !client_is_bytes(blob, blob_size) || !client_is_bytes(pin, size))
                return -EINVAL;
        r = client_key_id_message(k, "SetLargeBlob", key, id, id_size, &call);
        if (r != 0)
                return r;
        if (blob_size == 0 || !pin || size == 0)
                return blob_size == 0 ? client_fail(k, KEYFOB_E_INVALID, "a blob must not be empty")
                                      : client_fail(k, KEYFOB_E_NOT_ALLOWED, "the key wants its PIN for this");

        blob_at = array_begins(array_begins(sizeof(uint32_t) + strlen(key ?: "") + 1) + id_size);
        pin_at = (array_begins(blob_at + blob_size) + 7) / 8 * 8 + 8 + 4 + sizeof(uint32_t);
        r = sd_bus_message_append_array_space(call, 'y', blob_size, (void **)&room);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_room(call, "pin", size, &room);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_errno(k, r);
        memcpy(room, pin, size);
        memcpy(room - (pin_at - blob_at), blob, blob_size);
        return client_call(k, call, CLIENT_LISTENS, NULL);
}

KEYFOB_API int keyfob_key_delete_blob(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                      size_t size)
{
        return call_with_id(k, "DeleteLargeBlob", key, id, id_size, pin, size, NULL);
}

/* ---- fingers ---- */

KEYFOB_API keyfob_fingers *keyfob_fingers_free(keyfob_fingers *fingers)
{
        return client_list_free(fingers, fingers ? fingers->fingers : NULL);
}

static int read_finger(sd_bus_message *m, void *element)
{
        keyfob_finger finger = {.name = ""};
        const ClientField fields[] = {
                {"id", "ay", &finger.id, &finger.id_size},
                {"name", "s", &finger.name, NULL},
        };
        int r;

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r > 0)
                *(keyfob_finger *)element = finger;
        return r;
}

int client_read_fingers(keyfob *k, sd_bus_message *reply, keyfob_fingers **ret)
{
        _cleanup_(keyfob_fingers_freep) keyfob_fingers *fingers = NULL;
        void *array;
        int r;

        fingers = client_info_new(reply, sizeof(*fingers));
        if (!fingers)
                return -ENOMEM;
        r = client_read_list(reply, "a{sv}", read_finger, sizeof(keyfob_finger), &array, &fingers->n);
        fingers->fingers = array;
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(fingers);
        return 0;
}

KEYFOB_API int keyfob_key_list_fingers(keyfob *k, const char *key, const void *pin, size_t size, keyfob_fingers **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        if (!k || !ret || !client_is_bytes(pin, size))
                return -EINVAL;
        r = client_key_message(k, "ListFingers", key, &call);
        if (r == 0)
                r = client_key_call(k, call, pin, size, &reply);
        return r == 0 ? client_read_fingers(k, reply, ret) : r;
}

KEYFOB_API int keyfob_key_enroll_finger(keyfob *k, const char *key, const char *name, const void *pin, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || !client_is_bytes(pin, size))
                return -EINVAL;
        r = client_key_message(k, "EnrollFinger", key, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "s", name ?: "");
        return r < 0 ? client_fail_append(k, r) : client_key_call(k, call, pin, size, NULL);
}

KEYFOB_API int keyfob_key_rename_finger(keyfob *k, const char *key, const void *id, size_t id_size, const char *name,
                                        const void *pin, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!name || !client_is_bytes(pin, size))
                return -EINVAL;
        r = client_key_id_message(k, "RenameFinger", key, id, id_size, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        return r < 0 ? client_fail_append(k, r) : client_key_call(k, call, pin, size, NULL);
}

KEYFOB_API int keyfob_key_delete_finger(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                        size_t size)
{
        return call_with_id(k, "DeleteFinger", key, id, id_size, pin, size, NULL);
}
