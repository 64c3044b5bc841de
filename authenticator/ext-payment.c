/*
 * thirdPartyPayment (section 12.9): may the credential be used for a payment that somebody else began?
 *
 * Said at its creation, without an output; told whenever it signs and the client wants to know.
 */
#include "authenticator/extensions.h"

static int read_wish(const cbor_item_t *value, ExtensionInputs *inputs)
{
        return value_bool(value, &inputs->payment);
}

static int make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential)
{
        credential->third_party_payment = inputs->payment;
        return CTAP_OK;
}

static int output(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential, bool verified,
                  CborWriter *w)
{
        if (inputs->making || !inputs->payment)
                return CTAP_OK;
        put_text(w, extension_payment.name);
        put_bool(w, credential->third_party_payment);
        return CTAP_OK;
}

const Extension extension_payment = {
        .name = "thirdPartyPayment",
        .read = read_wish,
        .make = make,
        .output = output,
};
