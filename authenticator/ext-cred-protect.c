/*
 * credProtect (section 12.1): when a credential shows itself
 *
 * 1 always, 2 only to who knows its id or was verified, 3 only to who was verified. The commands keep to it; here it
 * is only set.
 */
#include "authenticator/extensions.h"

#define PROTECTION_MAX 3U

static int read_protection(const cbor_item_t *value, ExtensionInputs *inputs)
{
        int r = CTAP_OK;

        if (!inputs->making)
                return CTAP_OK;
        r = value_uint(value, UINT64_MAX, &inputs->protection);
        inputs->has_protection = r == CTAP_OK;
        return r;
}

static int check(const ExtensionInputs *inputs, bool rk, bool up)
{
        if (inputs->has_protection && (inputs->protection < 1 || inputs->protection > PROTECTION_MAX))
                return CTAP2_ERR_INVALID_OPTION;
        return CTAP_OK;
}

static int make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential)
{
        credential->public.protection = inputs->has_protection ? (uint8_t)inputs->protection : 1;
        return CTAP_OK;
}

static int output(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential, bool verified,
                  CborWriter *w)
{
        if (!inputs->has_protection)
                return CTAP_OK;
        put_text(w, extension_cred_protect.name);
        put_uint(w, credential->public.protection);
        return CTAP_OK;
}

const Extension extension_cred_protect = {
        .name = "credProtect",
        .read = read_protection,
        .check = check,
        .make = make,
        .output = output,
};
