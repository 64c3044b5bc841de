/*
 * largeBlobKey (section 12.3): a key for the credential's entry in the large-blob array
 *
 * It goes in the reply beside the authenticator data, not in it; see the commands. Only discoverable credentials have
 * one.
 */
#include "authenticator/extensions.h"

static int read_wish(const cbor_item_t *value, ExtensionInputs *inputs)
{
        int r;

        r = value_bool(value, &inputs->large_blob_key);
        inputs->has_large_blob_key = r == CTAP_OK;
        return r;
}

static int check(const ExtensionInputs *inputs, bool rk, bool up)
{
        if (inputs->has_large_blob_key && (!inputs->large_blob_key || (inputs->making && !rk)))
                return CTAP2_ERR_INVALID_OPTION;
        return CTAP_OK;
}

static int make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential)
{
        credential->has_large_blob_key = inputs->large_blob_key;
        if (!inputs->large_blob_key)
                return CTAP_OK;
        return authenticator_random(a, credential->large_blob_key, sizeof(credential->large_blob_key));
}

const Extension extension_large_blob_key = {
        .name = "largeBlobKey",
        .read = read_wish,
        .check = check,
        .make = make,
};
