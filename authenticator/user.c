/*
 * Is somebody there, and is it the owner?
 *
 * The part of makeCredential and getAssertion that is about the person. Verification comes by a token that the client
 * shows (the PIN was entered, or a finger read, when it was issued), or, for clients of CTAP 2.0, by the option "uv",
 * which has the finger read here. When that fails the answer says that a token is wanted, because that is what makes
 * clients ask for the PIN; it is never "denied", after which they give up, unless the person was asked for the PIN already.
 */
#include "authenticator/commands.h"

int user_read(const cbor_item_t *options, const cbor_item_t *param, const cbor_item_t *protocol, UserCheck *ret)
{
        const cbor_item_t *rk = NULL, *up = NULL, *uv = NULL;
        int r = CTAP_OK;

        ret->up = true;
        ret->rk = ret->uv = false;
        if (options) {
                r = value_map(options);
                if (r != CTAP_OK)
                        return r;
                rk = map_get_text(options, "rk");
                up = map_get_text(options, "up");
                uv = map_get_text(options, "uv");
        }
        ret->has_rk = rk != NULL;
        if (rk)
                r = value_bool(rk, &ret->rk);
        if (r == CTAP_OK && up)
                r = value_bool(up, &ret->up);
        if (r == CTAP_OK && uv)
                r = value_bool(uv, &ret->uv);
        ret->has_param = param != NULL;
        if (r == CTAP_OK && param)
                r = value_bytes(param, 0, SIZE_MAX, &ret->param, &ret->param_size);
        ret->has_protocol = protocol != NULL;
        if (r == CTAP_OK && protocol)
                r = value_uint(protocol, UINT64_MAX, &ret->protocol);
        return r;
}

/* ---- a touch, and nothing else (step 1) ---- */

bool user_wants_touch(const UserCheck *user)
{
        return user->has_param && user->param_size == 0;
}

int user_ask_touch(Transaction *t)
{
        return transaction_ask(
                t, &(AuthenticatorQuestion){.kind = AUTHENTICATOR_ASK_PRESENCE, .purpose = AUTHENTICATOR_TO_SELECT});
}

int user_touched(const Transaction *t)
{
        int r = presence_status(t->answer);

        if (r != CTAP_OK)
                return r;
        return t->a->state->pin_set ? CTAP2_ERR_PIN_INVALID : CTAP2_ERR_PIN_NOT_SET;
}

/* ---- verification ---- */

int user_check_protocol(const UserCheck *user)
{
        if (!user->has_param)
                return CTAP_OK;
        if (!user->has_protocol)
                return CTAP2_ERR_MISSING_PARAMETER;
        return user->protocol < 1 || user->protocol > PIN_PROTOCOL_MAX ? CTAP1_ERR_INVALID_PARAMETER : CTAP_OK;
}

int user_check_options(Transaction *t, UserCheck *user)
{
        bool making = user->permission == PERMISSION_MC, offered;

        if (user->has_param)
                user->uv = false;
        if (user->uv && !host_uv_configured(t->host, t->a->state))
                return CTAP2_ERR_INVALID_OPTION;
        if (making && !user->up)
                return CTAP2_ERR_INVALID_OPTION;
        if (!making && user->has_rk)
                return CTAP2_ERR_UNSUPPORTED_OPTION;

        offered = user->has_param || user->uv;
        if (t->a->state->always_uv && user->up) {
                if (!authenticator_protected(t->a))
                        return CTAP2_ERR_PUAT_REQUIRED;
                if (!offered && host_uv_configured(t->host, t->a->state))
                        offered = user->uv = true;
                return offered ? CTAP_OK : CTAP2_ERR_PUAT_REQUIRED;
        }
        /* makeCredUvNotRqd: only discoverable credentials need the owner. */
        if (making && user->rk && !offered && authenticator_protected(t->a))
                return CTAP2_ERR_PUAT_REQUIRED;
        return CTAP_OK;
}

static int verify_token(Transaction *t, UserCheck *user)
{
        int r;

        r = token_check(t->host, user->protocol, user->client_data_hash, CLIENT_DATA_HASH_SIZE, user->param,
                        user->param_size, &user->token);
        if (r == CTAP_OK)
                r = token_permit(user->token, user->permission, user->rp_id_hash);
        user->verified = r == CTAP_OK;
        return r;
}

static int verify_built_in(Transaction *t, UserCheck *user, const AuthenticatorQuestion *about)
{
        int r;

        r = uv_perform(t, about->purpose, about, &user->progress);
        if (r < 0 || r == TRANSACTION_WAIT || r == CTAP2_ERR_USER_ACTION_TIMEOUT || r == CTAP2_ERR_OPERATION_PENDING)
                return r;
        if (r == CTAP_OK) {
                user->verified = user->present = true;
                return CTAP_OK;
        }
        /* Of a PIN that was asked for here: asking for it once more is no use. */
        if (r == CTAP2_ERR_OPERATION_DENIED || r == CTAP2_ERR_PIN_BLOCKED || r == CTAP2_ERR_PIN_AUTH_BLOCKED)
                return r;
        if (t->a->state->pin_set)
                return CTAP2_ERR_PUAT_REQUIRED;
        return r == CTAP2_ERR_UV_BLOCKED ? r : CTAP2_ERR_UV_INVALID;
}

int user_verify(Transaction *t, UserCheck *user, const AuthenticatorQuestion *about)
{
        if (user->has_param)
                return verify_token(t, user);
        return user->uv ? verify_built_in(t, user, about) : CTAP_OK;
}

/* ---- presence ---- */

bool user_must_be_asked(const UserCheck *user)
{
        return user->up && !user->present && !(user->token && user->token->user_present);
}

void user_has_come(UserCheck *user)
{
        if (!user->up)
                return;
        user->present = true;
        if (user->token)
                token_spend(user->token);
}
