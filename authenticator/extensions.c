/*
 * The list of extensions, and what is done with all of them
 *
 * Outputs go into a map whose size must be known first, so they are written aside and counted.
 */
#include <string.h>

#include "authenticator/extensions.h"

/* The order of this list is the order of the outputs: shorter names first, then by their bytes (section 8). */
static const Extension *const extensions[] = {
        &extension_cred_blob,      &extension_cred_protect,   &extension_hmac_secret, &extension_large_blob_key,
        &extension_min_pin_length, &extension_hmac_secret_mc, &extension_payment,     &extension_pin_complexity,
};

const Extension *extension_nth(size_t i)
{
        return i < ELEMENTSOF(extensions) ? extensions[i] : NULL;
}

int extensions_read(const cbor_item_t *map, bool making, ExtensionInputs *ret)
{
        ExtensionInputs inputs = {.making = making};
        int r = CTAP_OK;

        if (map)
                r = value_map(map);
        for (size_t i = 0; r == CTAP_OK && map && i < ELEMENTSOF(extensions); i++) {
                const cbor_item_t *value = map_get_text(map, extensions[i]->name);

                if (value)
                        r = extensions[i]->read(value, &inputs);
        }
        if (r == CTAP_OK)
                *ret = inputs;
        return r;
}

int extensions_check(const ExtensionInputs *inputs, bool rk, bool up)
{
        int r = CTAP_OK;

        for (size_t i = 0; r == CTAP_OK && i < ELEMENTSOF(extensions); i++)
                if (extensions[i]->check)
                        r = extensions[i]->check(inputs, rk, up);
        return r;
}

int extensions_make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential)
{
        int r = CTAP_OK;

        for (size_t i = 0; r == CTAP_OK && i < ELEMENTSOF(extensions); i++)
                if (extensions[i]->make)
                        r = extensions[i]->make(a, inputs, credential);
        return r;
}

int extensions_output(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                      bool verified, uint8_t ret[EXTENSION_OUTPUTS_MAX], size_t *ret_size)
{
        uint8_t aside[EXTENSION_OUTPUTS_MAX - 1];
        CborWriter outputs = CBOR_WRITER(aside, sizeof(aside));
        CborWriter map = CBOR_WRITER(ret, EXTENSION_OUTPUTS_MAX);
        size_t n = 0;
        int r = CTAP_OK;

        for (size_t i = 0; r == CTAP_OK && i < ELEMENTSOF(extensions); i++) {
                size_t before = outputs.size;

                if (extensions[i]->output)
                        r = extensions[i]->output(host, inputs, credential, verified, &outputs);
                n += outputs.size > before;
        }
        if (r == CTAP_OK && outputs.failed)
                r = CTAP1_ERR_OTHER;
        if (r == CTAP_OK && n == 0)
                *ret_size = 0;
        if (r == CTAP_OK && n > 0) {
                put_map(&map, n);
                memcpy(ret + map.size, aside, outputs.size);
                *ret_size = map.size + outputs.size;
        }
        explicit_bzero(aside, sizeof(aside));
        return r;
}
