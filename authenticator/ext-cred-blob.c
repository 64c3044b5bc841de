/*
 * credBlob (section 12.2): a few bytes that the relying party keeps with the credential
 *
 * A blob that is too long is not an error: the output says that nothing was kept. A credential without one gives an
 * empty string.
 */
#include <string.h>

#include "authenticator/extensions.h"

static int read_blob(const cbor_item_t *value, ExtensionInputs *inputs)
{
        int r;

        if (!inputs->making)
                return value_bool(value, &inputs->get_blob);
        r = value_bytes(value, 0, SIZE_MAX, &inputs->blob, &inputs->blob_size);
        inputs->has_blob = r == CTAP_OK;
        return r;
}

static int make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential)
{
        if (!inputs->has_blob || inputs->blob_size > CRED_BLOB_MAX)
                return CTAP_OK;
        credential->has_blob = true;
        credential->blob_size = inputs->blob_size;
        if (inputs->blob_size > 0)
                memcpy(credential->blob, inputs->blob, inputs->blob_size);
        return CTAP_OK;
}

static int output(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential, bool verified,
                  CborWriter *w)
{
        if (!inputs->has_blob && !inputs->get_blob)
                return CTAP_OK;
        put_text(w, extension_cred_blob.name);
        if (inputs->making)
                put_bool(w, credential->has_blob);
        else
                put_bytes(w, credential->blob, credential->has_blob ? credential->blob_size : 0);
        return CTAP_OK;
}

const Extension extension_cred_blob = {
        .name = "credBlob",
        .read = read_blob,
        .make = make,
        .output = output,
};
