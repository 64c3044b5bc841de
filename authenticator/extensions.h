/*
 * Extensions of makeCredential and getAssertion (section 12)
 *
 * Each extension is one Extension in one file; extensions.c has the list, in the canonical order of their names. An
 * extension has up to four moments: its input is decoded with the request, then checked against the rest of it before
 * anybody is asked, then it changes the new credential, and at last it puts its output into the authenticator data.
 * Unknown ones are ignored.
 */
#pragma once

#include "authenticator/internal.h"

#define EXTENSION_OUTPUTS_MAX 384U /* of all extensions at once */

typedef struct ExtensionInputs {
        bool making; /* makeCredential, else getAssertion */
        bool has_protection;
        uint64_t protection;
        bool has_blob; /* to be stored; NULL data when it is too long */
        const uint8_t *blob;
        size_t blob_size;
        bool get_blob;
        bool has_large_blob_key, large_blob_key;
        bool min_pin_length, pin_complexity;
        bool payment;
        bool hmac;             /* hmac-secret at makeCredential */
        HmacSecretInput salts; /* hmac-secret at getAssertion, hmac-secret-mc at makeCredential */
} ExtensionInputs;

typedef struct Extension {
        const char *name;
        int (*read)(const cbor_item_t *value, ExtensionInputs *inputs);
        /* NULL where there is nothing to do. */
        int (*check)(const ExtensionInputs *inputs, bool rk, bool up);
        int (*make)(Authenticator *a, const ExtensionInputs *inputs, Credential *credential);
        /* Writes the name and the output, or nothing. */
        int (*output)(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                      bool verified, CborWriter *w);
} Extension;

extern const Extension extension_cred_blob, extension_cred_protect, extension_hmac_secret, extension_large_blob_key,
        extension_min_pin_length, extension_hmac_secret_mc, extension_payment, extension_pin_complexity;

/* In the order in which getInfo names them; NULL past the end. */
const Extension *extension_nth(size_t i);

/* Decodes the map of inputs (NULL: there is none); unknown extensions are ignored. */
int extensions_read(const cbor_item_t *map, bool making, ExtensionInputs *ret);
int extensions_check(const ExtensionInputs *inputs, bool rk, bool up);
int extensions_make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential);
/* The map of outputs; size 0 when there is none. */
int extensions_output(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                      bool verified, uint8_t ret[EXTENSION_OUTPUTS_MAX], size_t *ret_size);
