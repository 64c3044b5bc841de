/*
 * Security keys of other makers
 *
 * The daemon has each call done by its helper, and it answers when the key has: somebody may have to touch it. So these calls
 * have no time limit, and the connection is served meanwhile, for what the daemon says about the touch.
 */
#include "client/client.h"

#include <errno.h>
#include <string.h>

int client_key_message(keyfob *k, const char *method, const char *key, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_sensitive_message(k, KEYFOB_KEYS_INTERFACE, method, &m);
        if (r != 0)
                return r;
        r = sd_bus_message_append(m, "s", key ?: "");
        if (r < 0)
                return client_fail_append(k, r);
        *ret = TAKE_PTR(m);
        return 0;
}

/* ---- progress ---- */

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        keyfob *k = userdata;
        keyfob_key_progress progress = {.status = ""};
        const ClientField fields[] = {
                {"left", "u", &progress.left, NULL},
                {"status", "s", &progress.status, NULL},
        };
        int r;

        if (!k->progress || !client_from_daemon(k, m))
                return 0;
        r = sd_bus_message_read(m, "s", &progress.what);
        if (r >= 0)
                r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r > 0)
                k->progress(k->progress_data, &progress);
        return 0;
}

KEYFOB_API int keyfob_set_key_progress(keyfob *k, keyfob_key_report report, void *userdata)
{
        int r;

        if (!k)
                return -EINVAL;
        k->progress = report;
        k->progress_data = userdata;
        if (!report || k->progress_slot)
                return 0;
        r = sd_bus_match_signal(k->bus, &k->progress_slot, NULL, KEYFOB_PATH, /* interface= */ NULL, "Progress",
                                on_progress, k);
        return r < 0 ? client_fail_errno(k, r) : 0;
}

/* ---- calls ---- */

/* The options end the message, and the PIN (NULL: none) ends them, so that nothing moves it once it is there. */
int client_key_call(keyfob *k, sd_bus_message *call, const void *pin, size_t size, sd_bus_message **ret)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_bytes(call, "pin", pin, size);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? client_fail_errno(k, r) : client_call(k, call, CLIENT_LISTENS, ret);
}

int client_key_id_message(keyfob *k, const char *method, const char *key, const void *id, size_t id_size,
                          sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || !id || id_size == 0)
                return -EINVAL;
        r = client_key_message(k, method, key, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append_array(call, 'y', id, id_size);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(call);
        return 0;
}

/* ---- which there are, and how one stands ---- */

KEYFOB_API keyfob_keys *keyfob_keys_free(keyfob_keys *keys)
{
        return client_list_free(keys, keys ? keys->keys : NULL);
}

static int read_key(sd_bus_message *m, void *element)
{
        keyfob_key key = {.path = "", .product = "", .manufacturer = "", .serial = ""};
        const ClientField fields[] = {
                {"path", "s", &key.path, NULL},     {"product", "s", &key.product, NULL},
                {"serial", "s", &key.serial, NULL}, {"manufacturer", "s", &key.manufacturer, NULL},
                {"vendor", "u", &key.vendor, NULL}, {"model", "u", &key.model, NULL},
        };
        int r;

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r > 0)
                *(keyfob_key *)element = key;
        return r;
}

KEYFOB_API int keyfob_key_list(keyfob *k, keyfob_keys **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_keys_freep) keyfob_keys *keys = NULL;
        void *array;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_message_new(k, KEYFOB_KEYS_INTERFACE, "List", &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        keys = client_info_new(reply, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        r = client_read_list(reply, "a{sv}", read_key, sizeof(keyfob_key), &array, &keys->n);
        keys->keys = array;
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(keys);
        return 0;
}

KEYFOB_API keyfob_key_state *keyfob_key_state_free(keyfob_key_state *state)
{
        return client_info_free(state);
}

static int read_state(sd_bus_message *m, keyfob_key_state *ret)
{
        keyfob_key_state state = {.path = "", .aaguid = ""};
        uint32_t retries = UINT32_MAX, uv_retries = UINT32_MAX, left = UINT32_MAX;
        int pin_set = 0, force_change = 0, fingerprints = 0, always_uv = 0, enterprise = 0, r;
        const ClientField fields[] = {
                {"path", "s", &state.path, NULL},
                {"aaguid", "s", &state.aaguid, NULL},
                {"pin-retries", "u", &retries, NULL},
                {"uv-retries", "u", &uv_retries, NULL},
                {"passkeys-left", "u", &left, NULL},
                {"min-pin-length", "u", &state.min_pin_length, NULL},
                {"large-blobs", "u", &state.large_blobs, NULL},
                {"firmware", "t", &state.firmware, NULL},
                {"pin-set", "b", &pin_set, NULL},
                {"force-pin-change", "b", &force_change, NULL},
                {"fingerprints", "b", &fingerprints, NULL},
                {"always-uv", "b", &always_uv, NULL},
                {"enterprise-attestation", "b", &enterprise, NULL},
        };

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        state.pin_retries = retries <= INT32_MAX ? (int)retries : -1;
        state.uv_retries = uv_retries <= INT32_MAX ? (int)uv_retries : -1;
        state.passkeys_left = left <= INT32_MAX ? (int)left : -1;
        state.pin_set = pin_set;
        state.force_pin_change = force_change;
        state.fingerprints = fingerprints;
        state.always_uv = always_uv;
        state.enterprise_attestation = enterprise;
        *ret = state;
        return 0;
}

KEYFOB_API int keyfob_key_get_state(keyfob *k, const char *key, keyfob_key_state **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_key_state_freep) keyfob_key_state *state = NULL;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_key_message(k, "GetInfo", key, &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_LISTENS, &reply);
        if (r != 0)
                return r;
        state = client_info_new(reply, sizeof(*state));
        if (!state)
                return -ENOMEM;
        r = read_state(reply, state);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(state);
        return 0;
}

/* ---- PIN, settings, reset ---- */

static int call_pins(keyfob *k, const char *method, const char *key, const ClientPiece *pins, size_t n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        uint8_t *room = NULL;
        int r;

        if (!k)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (!client_is_bytes(pins[i].data, pins[i].size))
                        return -EINVAL;
                if (pins[i].size == 0)
                        return client_fail(k, KEYFOB_E_INVALID, "a PIN must not be empty");
        }
        r = client_key_message(k, method, key, &call);
        if (r != 0)
                return r;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append_array_space(call, 'y', pins[i].size, (void **)&room);
        if (r < 0)
                return client_fail_errno(k, r);
        client_fill_pieces(room, pins, n);
        return client_call(k, call, CLIENT_LISTENS, NULL);
}

KEYFOB_API int keyfob_key_set_pin(keyfob *k, const char *key, const void *pin, size_t size)
{
        return call_pins(k, "SetPin", key, &(ClientPiece){pin, size}, 1);
}

KEYFOB_API int keyfob_key_change_pin(keyfob *k, const char *key, const void *old_pin, size_t old_size,
                                     const void *new_pin, size_t new_size)
{
        return call_pins(k, "ChangePin", key, (ClientPiece[]){{old_pin, old_size}, {new_pin, new_size}}, 2);
}

KEYFOB_API int keyfob_key_configure(keyfob *k, const char *key, unsigned settings, unsigned min_pin_length,
                                    const void *pin, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || !client_is_bytes(pin, size))
                return -EINVAL;
        r = client_key_message(k, "Configure", key, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && settings & (KEYFOB_KEY_ALWAYS_UV | KEYFOB_KEY_NOT_ALWAYS_UV))
                r = sd_bus_message_append(call, "{sv}", "always-uv", "b", (settings & KEYFOB_KEY_ALWAYS_UV) != 0);
        if (r >= 0)
                r = client_append_u32(call, "min-pin-length", min_pin_length);
        if (r >= 0)
                r = client_append_bool(call, "force-pin-change", (settings & KEYFOB_KEY_FORCE_PIN_CHANGE) != 0);
        if (r >= 0)
                r = client_append_bool(call, "enterprise-attestation", (settings & KEYFOB_KEY_ENTERPRISE) != 0);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? client_fail_errno(k, r) : client_key_call(k, call, pin, size, NULL);
}

KEYFOB_API int keyfob_key_reset(keyfob *k, const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k)
                return -EINVAL;
        r = client_key_message(k, "Reset", key, &call);
        return r == 0 ? client_call(k, call, CLIENT_LISTENS, NULL) : r;
}
