/*
 * The owner's own tools
 *
 * What the daemon offers to the person at the keyboard, beside the protocol: no token is asked for, because its caller has proved
 * more than a PIN (the vault is open). The rules of the authenticator hold all the same: tries are counted, a new PIN follows the
 * policy, and every call is one change.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/commands.h"
#include "authenticator/pin.h"
#include "common/bytes.h"
#include "crypto/seal.h"

/* ---- status ---- */

static void fill_status(const Authenticator *a, const State *state, AuthenticatorStatus *ret)
{
        uint32_t max = a->config.credentials_max;

        *ret = (AuthenticatorStatus){
                .known = true,
                .pin_set = state->pin_set,
                .pin_soft_blocked = a->pin_soft_blocked,
                .pin_retries = state->pin_retries,
                .min_pin_length = state->min_pin_length,
                .force_pin_change = state->force_pin_change,
                .always_uv = state->always_uv,
                .enterprise = state->enterprise,
                .long_touch_for_reset = state->long_touch,
                .pin_complexity = state->pin_complexity,
                .discoverable = state->n_discoverable,
                .discoverable_left = max > state->n_credentials ? max - state->n_credentials : 0,
                .reset_window_ms = reset_window(a),
        };
}

/* What was noted of the state when it was last written. */
static int status_of_note(Authenticator *a, AuthenticatorStatus *ret)
{
        State state;
        bool known;
        int r;

        r = state_noted(a, &state, &known);
        if (r != CTAP_OK)
                return r;
        fill_status(a, &state, ret);
        ret->known = known;
        ret->pin_retries = UINT8_MAX;
        return CTAP_OK;
}

int authenticator_status(Authenticator *a, AuthenticatorStatus *ret)
{
        int r;

        r = authenticator_load(a);
        if (r == CTAP2_ERR_OPERATION_PENDING)
                return status_of_note(a, ret);
        if (r == CTAP_OK)
                fill_status(a, a->state, ret);
        return r;
}

/* ---- the PIN ---- */

int authenticator_pin_replace(Authenticator *a, const void *pin, size_t size)
{
        int r;

        r = authenticator_load(a);
        if (r == CTAP_OK)
                r = pin_check_policy(a->state, pin, size);
        return r == CTAP_OK ? pin_store(a, pin, size) : r;
}

int authenticator_pin_set(Authenticator *a, const void *pin, size_t size)
{
        int r;

        r = authenticator_load(a);
        if (r == CTAP_OK && a->state->pin_set)
                return CTAP2_ERR_NOT_ALLOWED;
        return r == CTAP_OK ? authenticator_pin_replace(a, pin, size) : r;
}

int authenticator_pin_change(Authenticator *a, const void *old_pin, size_t old_size, const void *new_pin, size_t new_size)
{
        uint8_t hash[PIN_HASH_SIZE];
        int r;

        r = authenticator_load(a);
        if (r != CTAP_OK)
                return r;
        pin_hash(old_pin, old_size, hash);
        r = pin_try(a, /* host= */ NULL, hash);
        if (r == CTAP_OK && a->state->force_pin_change) {
                pin_hash(new_pin, new_size, hash);
                if (bytes_equal(hash, a->state->pin_hash, PIN_HASH_SIZE))
                        r = CTAP2_ERR_PIN_POLICY_VIOLATION;
        }
        explicit_bzero(hash, sizeof(hash));
        return r == CTAP_OK ? authenticator_pin_replace(a, new_pin, new_size) : r;
}

int authenticator_reset(Authenticator *a)
{
        return reset_perform(a, /* except= */ NULL);
}

/* ---- credentials ---- */

int authenticator_credential_next(Authenticator *a, uint64_t *before, AuthenticatorCredential *ret)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        uint64_t number = *before;
        int r;

        if (!credential)
                return -ENOMEM;
        r = authenticator_load(a);
        while (r == CTAP_OK) {
                size_t n = 0;

                r = record_find(a, MARK_CREDENTIAL, /* value= */ NULL, number, &number, 1, &n);
                if (r == CTAP_OK && n == 0)
                        return CTAP2_ERR_NO_CREDENTIALS;
                if (r == CTAP_OK)
                        r = record_credential(a, number, credential);
                if (r == CTAP_OK)
                        break;
                if (r == CTAP2_ERR_INVALID_CREDENTIAL)
                        r = CTAP_OK; /* damaged: the ones behind it are not */
        }
        if (r != CTAP_OK)
                return r;
        *before = number;
        *ret = credential->public;
        return CTAP_OK;
}

int authenticator_credential_find(Authenticator *a, const void *id, size_t id_size, AuthenticatorCredential *ret)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        int r;

        if (!credential)
                return -ENOMEM;
        r = authenticator_load(a);
        if (r == CTAP_OK)
                r = record_credential_by_id(a, id, id_size, /* rp_id_hash= */ NULL, credential);
        if (r == CTAP_OK)
                *ret = credential->public;
        return r;
}

int authenticator_credential_rename(Authenticator *a, uint64_t number, const char *user_name, const char *user_display_name)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        _cleanup_(change_donep) Change change = {0};
        int r;

        if (!credential)
                return -ENOMEM;
        if ((user_name && !utf8_valid(user_name, strlen(user_name))) ||
            (user_display_name && !utf8_valid(user_display_name, strlen(user_display_name))))
                return CTAP1_ERR_INVALID_PARAMETER;
        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = record_credential(a, number, credential);
        if (r != CTAP_OK)
                return r;
        if (user_name)
                name_copy(credential->public.user_name, AUTHENTICATOR_NAME_MAX, user_name, strlen(user_name));
        if (user_display_name)
                name_copy(credential->public.user_display_name, AUTHENTICATOR_NAME_MAX, user_display_name,
                          strlen(user_display_name));
        r = change_put_credential(&change, credential);
        return r == CTAP_OK ? change_commit(&change) : r;
}

int authenticator_credential_delete(Authenticator *a, uint64_t number)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        _cleanup_(change_donep) Change change = {0};
        int r;

        if (!credential)
                return -ENOMEM;
        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = record_credential(a, number, credential);
        if (r == CTAP_OK)
                r = change_remove_credential(&change, credential, /* keep= */ true);
        return r == CTAP_OK ? change_commit(&change) : r;
}

/* Two discoverable credentials of one account would be one too many: makeCredential overwrites, and so does this. */
static int make_room(Change *change, const Credential *restored)
{
        _cleanup_(credential_freep) Credential *other = credential_new();
        const AuthenticatorCredential *c = &restored->public;
        uint8_t account[SHA256_SIZE];
        uint64_t number = UINT64_MAX;
        size_t n;
        int r;

        if (!other)
                return -ENOMEM;
        sha256_two(c->rp_id_hash, sizeof(c->rp_id_hash), c->user_id, c->user_id_size, account);
        for (;;) {
                n = 0;
                r = record_find(change->a, MARK_ACCOUNT, account, number, &number, 1, &n);
                if (r != CTAP_OK || n == 0)
                        return r;
                if (number == c->number)
                        continue;
                r = record_credential(change->a, number, other);
                if (r == CTAP2_ERR_INVALID_CREDENTIAL) { /* damaged: it goes all the same */
                        other->public.number = number;
                        other->public.discoverable = true;
                        r = CTAP_OK;
                }
                if (r == CTAP_OK)
                        r = change_remove_credential(change, other, /* keep= */ true);
                if (r != CTAP_OK)
                        return r;
        }
}

int authenticator_credential_restore(Authenticator *a, uint64_t number)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        _cleanup_(change_donep) Change change = {0};
        int r;

        if (!credential)
                return -ENOMEM;
        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = change_restore_credential(&change, number, credential);
        if (r == CTAP_OK && credential->public.discoverable)
                r = make_room(&change, credential);
        return r == CTAP_OK ? change_commit(&change) : r;
}

int authenticator_credential_decode(const void *record, size_t size, AuthenticatorCredential *ret)
{
        _cleanup_(credential_freep) Credential *credential = NULL;
        int r;

        r = arena_init();
        if (r < 0)
                return r;
        credential = credential_new();
        if (!credential)
                return -ENOMEM;
        r = record_status(credential_decode(record, size, credential));
        if (r == CTAP_OK)
                *ret = credential->public;
        return r;
}
