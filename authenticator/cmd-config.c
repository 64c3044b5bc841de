/*
 * authenticatorConfig (section 6.11): settings of the whole authenticator
 *
 * An authenticator that nobody protects may be configured by anybody; from the first PIN or finger on, or with alwaysUv, a token
 * with the permission acfg is wanted. What tightens security stays until a reset, except alwaysUv, which can be switched off
 * again by who may configure at all. Each call is one change.
 */
#include "authenticator/pin.h"
#include "authenticator/subcommand.h"

enum ConfigSubcommand {
        ENABLE_ENTERPRISE = 1,
        TOGGLE_ALWAYS_UV = 2,
        SET_MIN_PIN_LENGTH = 3,
        ENABLE_LONG_TOUCH = 4,
};

#define COMMAND_CODE 0x0d

typedef struct MinPin {
        bool has_length, force, complexity;
        uint64_t length;
        size_t n_rp_ids;
        uint8_t rp_ids[MIN_PIN_RP_IDS_MAX][SHA256_SIZE];
} MinPin;

static bool supported(const Authenticator *a, uint64_t subcommand)
{
        switch (subcommand) {
        case ENABLE_ENTERPRISE:
                return a->enterprise != NULL;
        case TOGGLE_ALWAYS_UV:
        case SET_MIN_PIN_LENGTH:
        case ENABLE_LONG_TOUCH:
                return true;
        default:
                return false;
        }
}

/* ---- who may ---- */

static int check_token(Transaction *t, const Subcommand *subcommand)
{
        uint8_t prefix[34];
        Shown shown;

        if (!subcommand->mac)
                return CTAP2_ERR_PUAT_REQUIRED;
        memset(prefix, 0xff, 32);
        prefix[32] = COMMAND_CODE;
        prefix[33] = (uint8_t)subcommand->number;
        return subcommand_permit(t, subcommand, prefix, sizeof(prefix), PERMISSION_ACFG, /* read_only= */ false,
                                 /* preview= */ false, &shown);
}

/* ---- setMinPINLength ---- */

static int read_rp_ids(const cbor_item_t *list, MinPin *q)
{
        size_t n = 0;
        int r;

        r = value_array(list, SIZE_MAX, &n);
        if (r != CTAP_OK)
                return r;
        for (size_t i = 0; i < n; i++) {
                const char *rp_id;
                size_t size;

                r = value_text(array_get(list, i), AUTHENTICATOR_MESSAGE_MAX, &rp_id, &size);
                if (r != CTAP_OK)
                        return r;
                if (i < MIN_PIN_RP_IDS_MAX)
                        sha256(rp_id, size, q->rp_ids[i]);
        }
        q->n_rp_ids = n;
        return CTAP_OK;
}

static int read_min_pin(const cbor_item_t *params, MinPin *ret)
{
        const cbor_item_t *length, *rp_ids, *force, *complexity;
        int r = CTAP_OK;

        if (!params)
                return CTAP_OK;
        length = map_get(params, 1);
        rp_ids = map_get(params, 2);
        force = map_get(params, 3);
        complexity = map_get(params, 4);
        if (length) {
                r = value_uint(length, UINT64_MAX, &ret->length);
                ret->has_length = true;
        }
        if (r == CTAP_OK && rp_ids)
                r = read_rp_ids(rp_ids, ret);
        if (r == CTAP_OK && force)
                r = value_bool(force, &ret->force);
        if (r == CTAP_OK && complexity)
                r = value_bool(complexity, &ret->complexity);
        return r;
}

static int set_min_pin_length(Authenticator *a, const cbor_item_t *params)
{
        _cleanup_(change_donep) Change change = {0};
        MinPin q = {0};
        bool force;
        State *state;
        int r;

        r = read_min_pin(params, &q);
        if (r != CTAP_OK)
                return r;
        if (!q.has_length)
                q.length = a->state->min_pin_length;
        if (q.length < a->state->min_pin_length || q.length > AUTHENTICATOR_PIN_MAX)
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        if (q.force && !a->state->pin_set)
                return CTAP2_ERR_PIN_NOT_SET;
        if (q.n_rp_ids > MIN_PIN_RP_IDS_MAX)
                return CTAP2_ERR_KEY_STORE_FULL;

        r = change_begin(a, &change);
        if (r != CTAP_OK)
                return r;
        state = change.state;
        /* Of the PIN there is, only the length is known: whether it is complex enough is not. */
        force = q.force || (state->pin_set && (state->pin_length < q.length || (q.complexity && !state->pin_complexity)));
        state->min_pin_length = (uint8_t)q.length;
        state->pin_complexity = state->pin_complexity || q.complexity;
        if (q.n_rp_ids > 0) {
                state->n_min_pin_rps = (uint8_t)q.n_rp_ids;
                memcpy(state->min_pin_rps, q.rp_ids, sizeof(q.rp_ids));
        }
        state->force_pin_change = state->force_pin_change || force;
        if (state->force_pin_change)
                state_end_persistent_token(state);
        r = change_commit(&change);
        if (r == CTAP_OK && a->state->force_pin_change)
                token_end_all(a);
        return r;
}

/* ---- the others ---- */

static void enable_enterprise(State *state)
{
        state->enterprise = true;
}

static void toggle_always_uv(State *state)
{
        state->always_uv = !state->always_uv;
}

static void enable_long_touch(State *state)
{
        state->long_touch = true;
}

static int run(Transaction *t)
{
        bool protected = authenticator_protected(t->a), always_uv = t->a->state->always_uv;
        Subcommand subcommand;
        int r;

        r = subcommand_read(t->body, 1, &subcommand);
        if (r != CTAP_OK)
                return r;
        if (!supported(t->a, subcommand.number))
                return CTAP1_ERR_INVALID_PARAMETER;
        /* alwaysUv with nothing to verify by: it can be switched off, or nobody ever could. */
        if (protected || (always_uv && subcommand.number != TOGGLE_ALWAYS_UV))
                r = check_token(t, &subcommand);
        if (r != CTAP_OK)
                return r;
        switch (subcommand.number) {
        case ENABLE_ENTERPRISE:
                return state_update(t->a, enable_enterprise);
        case TOGGLE_ALWAYS_UV:
                return state_update(t->a, toggle_always_uv);
        case SET_MIN_PIN_LENGTH:
                return set_min_pin_length(t->a, subcommand.params);
        default:
                return state_update(t->a, enable_long_touch);
        }
}

const Command command_config = {COMMAND_CODE, COMMAND_STORAGE, run};
