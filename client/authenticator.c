/*
 * Authenticator: the security key that the daemon is, as its owner manages it
 *
 * Every call here may take a while, because the daemon may ask for presence or for the vault's password; so all but
 * the question how it stands are served with the handle's prompt.
 */
#include "client/client.h"

#include <errno.h>
#include <string.h>

int client_authenticator_message(keyfob *k, const char *method, sd_bus_message **ret)
{
        return client_sensitive_message(k, KEYFOB_AUTHENTICATOR_INTERFACE, method, ret);
}

/* ---- how it stands ---- */

KEYFOB_API keyfob_authenticator *keyfob_authenticator_free(keyfob_authenticator *authenticator)
{
        return client_info_free(authenticator);
}

static int read_info(sd_bus_message *m, keyfob_authenticator *ret)
{
        keyfob_authenticator info = {.aaguid = "", .ctap_socket = "", .uhid = "", .tpm_problem = "", .pin_retries = -1};
        uint32_t retries = UINT32_MAX;
        struct {
                int locked, pin_set, soft_blocked, force_change, complexity, always_uv, enterprise, long_touch;
        } is = {0};
        const ClientField fields[] = {
                {"aaguid", "s", &info.aaguid, NULL},
                {"ctap-socket", "s", &info.ctap_socket, NULL},
                {"uhid", "s", &info.uhid, NULL},
                {"tpm-problem", "s", &info.tpm_problem, NULL},
                {"passkeys", "u", &info.passkeys, NULL},
                {"passkeys-left", "u", &info.passkeys_left, NULL},
                {"min-pin-length", "u", &info.min_pin_length, NULL},
                {"reset-window-ms", "u", &info.reset_window_ms, NULL},
                {"pin-retries", "u", &retries, NULL},
                {"locked", "b", &is.locked, NULL},
                {"pin-set", "b", &is.pin_set, NULL},
                {"pin-soft-blocked", "b", &is.soft_blocked, NULL},
                {"force-pin-change", "b", &is.force_change, NULL},
                {"pin-complexity", "b", &is.complexity, NULL},
                {"always-uv", "b", &is.always_uv, NULL},
                {"enterprise-attestation", "b", &is.enterprise, NULL},
                {"long-touch-for-reset", "b", &is.long_touch, NULL},
        };
        int r;

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        if (retries <= INT32_MAX)
                info.pin_retries = (int)retries;
        info.locked = is.locked;
        info.pin_set = is.pin_set;
        info.pin_soft_blocked = is.soft_blocked;
        info.force_pin_change = is.force_change;
        info.pin_complexity = is.complexity;
        info.always_uv = is.always_uv;
        info.enterprise_attestation = is.enterprise;
        info.long_touch_for_reset = is.long_touch;
        *ret = info;
        return 0;
}

KEYFOB_API int keyfob_authenticator_info(keyfob *k, keyfob_authenticator **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_authenticator_freep) keyfob_authenticator *authenticator = NULL;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_authenticator_message(k, "GetInfo", &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        authenticator = client_info_new(reply, sizeof(*authenticator));
        if (!authenticator)
                return -ENOMEM;
        r = read_info(reply, authenticator);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(authenticator);
        return 0;
}

/* ---- its PIN ---- */

bool client_is_bytes(const void *data, size_t size)
{
        return (data || size == 0) && size <= CLIENT_SECRET_MAX;
}

/* ---- secrets in a message ---- */

#define PIECES_MAX 3U

int client_append_room(sd_bus_message *m, const char *key, size_t size, uint8_t **room)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array_space(m, 'y', size, (void **)room);
        for (unsigned i = 0; i < 2 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* The option `auth` (NULL: none) with room for its bytes. */
static int append_auth_room(sd_bus_message *call, const ClientPiece *auth, uint8_t **room)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && auth->data)
                r = client_append_room(call, "auth", auth->size, room);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Each array is a length of four bytes, aligned to four, and its bytes. */
void client_fill_pieces(uint8_t *room, const ClientPiece *pieces, size_t n)
{
        for (size_t i = n; i-- > 0;) {
                memcpy(room, pieces[i].data, pieces[i].size);
                if (i > 0)
                        room -= sizeof(uint32_t) + (pieces[i - 1].size + 3) / 4 * 4;
        }
}

/* Options with a secret of a slot (NULL: none), then PINs. */
static int call_pin(keyfob *k, const char *method, const void *auth, size_t auth_size, const ClientPiece *pins, size_t n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        ClientPiece pieces[PIECES_MAX], first = {auth, auth_size};
        uint8_t *room = NULL;
        size_t n_pieces = 0;
        int r;

        for (size_t i = 0; i < n; i++)
                if (pins[i].size == 0) /* it would have no place to fill in */
                        return client_fail(k, KEYFOB_E_INVALID, "a PIN must not be empty");
        if (auth && auth_size == 0)
                return client_fail(k, KEYFOB_E_WRONG_SECRET, "an empty password opens nothing");

        r = client_authenticator_message(k, method, &call);
        if (r != 0)
                return r;
        if (auth)
                pieces[n_pieces++] = first;
        r = append_auth_room(call, &first, &room);
        for (size_t i = 0; i < n && r >= 0; i++) {
                pieces[n_pieces++] = pins[i];
                r = sd_bus_message_append_array_space(call, 'y', pins[i].size, (void **)&room);
        }
        if (r < 0)
                return client_fail_append(k, r);
        client_fill_pieces(room, pieces, n_pieces);
        return client_call(k, call, CLIENT_ASKS, NULL);
}

KEYFOB_API int keyfob_authenticator_set_pin(keyfob *k, const void *pin, size_t size)
{
        if (!k || !client_is_bytes(pin, size))
                return -EINVAL;
        return call_pin(k, "SetPin", NULL, 0, &(ClientPiece){pin, size}, 1);
}

KEYFOB_API int keyfob_authenticator_change_pin(keyfob *k, const void *old_pin, size_t old_size, const void *new_pin,
                                               size_t new_size)
{
        if (!k || !client_is_bytes(old_pin, old_size) || !client_is_bytes(new_pin, new_size))
                return -EINVAL;
        return call_pin(k, "ChangePin", NULL, 0, (ClientPiece[]){{old_pin, old_size}, {new_pin, new_size}}, 2);
}

KEYFOB_API int keyfob_authenticator_reset_pin(keyfob *k, const void *auth, size_t auth_size, const void *pin,
                                              size_t size)
{
        if (!k || !client_is_bytes(auth, auth_size) || !client_is_bytes(pin, size))
                return -EINVAL;
        return call_pin(k, "ResetPin", auth, auth_size, &(ClientPiece){pin, size}, 1);
}

/* ---- its plug ---- */

KEYFOB_API int keyfob_authenticator_replug(keyfob *k)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k)
                return -EINVAL;
        r = client_authenticator_message(k, "Replug", &call);
        return r == 0 ? client_call(k, call, CLIENT_ASKS, NULL) : r;
}

KEYFOB_API int keyfob_authenticator_reset(keyfob *k)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k)
                return -EINVAL;
        r = client_authenticator_message(k, "Reset", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 0);
        return r < 0 ? client_fail_errno(k, r) : client_call(k, call, CLIENT_ASKS, NULL);
}
