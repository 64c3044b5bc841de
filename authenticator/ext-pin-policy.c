/*
 * minPinLength and pinComplexityPolicy (sections 12.5, 12.6): what PINs must be like, for those who may know
 *
 * Only relying parties that the administrator has listed (authenticatorConfig, setMinPINLength) are answered; for
 * others it is as if the extension were unknown.
 */
#include <string.h>

#include "authenticator/extensions.h"

static int read_length(const cbor_item_t *value, ExtensionInputs *inputs)
{
        return inputs->making ? value_bool(value, &inputs->min_pin_length) : CTAP_OK;
}

static int read_complexity(const cbor_item_t *value, ExtensionInputs *inputs)
{
        return inputs->making ? value_bool(value, &inputs->pin_complexity) : CTAP_OK;
}

static bool may_know(const State *state, const uint8_t rp_id_hash[32])
{
        for (size_t i = 0; i < state->n_min_pin_rps; i++)
                if (memcmp(state->min_pin_rps[i], rp_id_hash, sizeof(state->min_pin_rps[i])) == 0)
                        return true;
        return false;
}

static int output_length(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                         bool verified, CborWriter *w)
{
        if (!inputs->min_pin_length || !may_know(host->a->state, credential->public.rp_id_hash))
                return CTAP_OK;
        put_text(w, extension_min_pin_length.name);
        put_uint(w, host->a->state->min_pin_length);
        return CTAP_OK;
}

static int output_complexity(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                             bool verified, CborWriter *w)
{
        if (!inputs->pin_complexity || !may_know(host->a->state, credential->public.rp_id_hash))
                return CTAP_OK;
        put_text(w, extension_pin_complexity.name);
        put_bool(w, host->a->state->pin_complexity);
        return CTAP_OK;
}

const Extension extension_min_pin_length = {
        .name = "minPinLength",
        .read = read_length,
        .output = output_length,
};

const Extension extension_pin_complexity = {
        .name = "pinComplexityPolicy",
        .read = read_complexity,
        .output = output_complexity,
};
