/*
 * Tokens: who knows the PIN, or has the finger, may do this, for a while
 *
 * Each host has at most one token in use, whatever the protocol: a new one ends the one before. It has to be used
 * within half a minute and dies after ten; its memory of the person goes with the first registration or sign-in that
 * tested presence. Its bytes are in the arena; a token that is not in use has none, so that nothing can match them.
 *
 * The persistent token is the authenticator's: it is stored, outlives power cycles, lists passkeys and does nothing
 * else.
 */
#include <errno.h>
#include <stdlib.h>

#include "authenticator/pin.h"
#include "crypto/arena.h"
#include "crypto/seal.h"

static void end(PinToken *token)
{
        arena_free(token->bytes);
        *token = (PinToken){0};
}

void token_end(AuthenticatorHost *host)
{
        for (size_t i = 0; i < PIN_PROTOCOL_MAX; i++)
                end(&host->pin[i].token);
}

void token_end_all(Authenticator *a)
{
        for (AuthenticatorHost *host = a->hosts; host; host = host->next)
                token_end(host);
}

/* What has become of it by the clock alone (pinUvAuthTokenUsageTimerObserver). */
static void observe(AuthenticatorHost *host, PinToken *token)
{
        uint64_t age;

        if (!token->in_use)
                return;
        age = authenticator_now(host->a) - token->issued;
        if (age > TOKEN_USE_TIME || (token->used == 0 && age > TOKEN_INITIAL_TIME))
                end(token);
        else if (age > TOKEN_PRESENT_TIME)
                token->user_present = false;
}

int token_issue(AuthenticatorHost *host, uint64_t protocol, uint8_t permissions, const uint8_t *rp_id_hash,
                bool present, PinToken **ret)
{
        PinToken *token;
        int r;

        r = protocol_check(protocol);
        if (r != CTAP_OK)
                return r;
        token_end(host);
        token = &host->pin[protocol - 1].token;
        token->bytes = arena_alloc(PIN_TOKEN_SIZE);
        r = token->bytes ? authenticator_random(host->a, token->bytes, PIN_TOKEN_SIZE) : -ENOMEM;
        if (r < 0) {
                end(token);
                return r;
        }
        token->permissions = permissions;
        token->bound = rp_id_hash != NULL;
        if (rp_id_hash)
                memcpy(token->rp_id_hash, rp_id_hash, sizeof(token->rp_id_hash));
        token->user_verified = true;
        token->user_present = present;
        token->issued = authenticator_now(host->a);
        token->in_use = true;
        *ret = token;
        return CTAP_OK;
}

int token_check(AuthenticatorHost *host, uint64_t protocol, const void *message, size_t size, const uint8_t *param,
                size_t param_size, PinToken **ret)
{
        PinToken *token;
        uint64_t now;
        int r;

        r = protocol_check(protocol);
        if (r != CTAP_OK)
                return r;
        token = &host->pin[protocol - 1].token;
        observe(host, token);
        if (!token->in_use)
                return CTAP2_ERR_PIN_AUTH_INVALID;
        r = protocol_verify(protocol, token->bytes, message, size, param, param_size);
        if (r != CTAP_OK)
                return r;
        now = authenticator_now(host->a);
        token->used = now > 0 ? now : 1;
        *ret = token;
        return CTAP_OK;
}

int token_permit(PinToken *token, uint8_t permission, const uint8_t *rp_id_hash)
{
        if (!token->in_use || (token->permissions & permission) != permission)
                return CTAP2_ERR_PIN_AUTH_INVALID;
        if ((permission & (PERMISSION_MC | PERMISSION_GA)) && !token->user_verified)
                return CTAP2_ERR_PIN_AUTH_INVALID;
        if (!rp_id_hash)
                return CTAP_OK;
        if (token->bound)
                return bytes_equal(token->rp_id_hash, rp_id_hash, sizeof(token->rp_id_hash))
                               ? CTAP_OK
                               : CTAP2_ERR_PIN_AUTH_INVALID;
        memcpy(token->rp_id_hash, rp_id_hash, sizeof(token->rp_id_hash));
        token->bound = true;
        return CTAP_OK;
}

void token_spend(PinToken *token)
{
        token->user_present = token->user_verified = false;
        token->permissions &= PERMISSION_LBW;
}

void state_end_persistent_token(State *state)
{
        state->has_persistent_token = false;
        explicit_bzero(state->persistent_token, sizeof(state->persistent_token));
}

int token_check_persistent(Authenticator *a, uint64_t protocol, const void *message, size_t size, const uint8_t *param,
                           size_t param_size)
{
        int r;

        r = protocol_check(protocol);
        if (r != CTAP_OK)
                return r;
        if (!a->state || !a->state->has_persistent_token)
                return CTAP2_ERR_PIN_AUTH_INVALID;
        return protocol_verify(protocol, a->state->persistent_token, message, size, param, param_size);
}

int params_message(const uint8_t *prefix, size_t prefix_size, const cbor_item_t *params, uint8_t **ret,
                   size_t *ret_size)
{
        uint8_t *message;
        size_t n = 0;

        message = malloc(prefix_size + AUTHENTICATOR_MESSAGE_MAX);
        if (!message)
                return -ENOMEM;
        memcpy(message, prefix, prefix_size);
        if (params) {
                n = cbor_serialize(params, message + prefix_size, AUTHENTICATOR_MESSAGE_MAX);
                if (n == 0) { /* can't be: it came in a message */
                        free(message);
                        return CTAP1_ERR_INVALID_LENGTH;
                }
        }
        *ret = message;
        *ret_size = prefix_size + n;
        return CTAP_OK;
}
