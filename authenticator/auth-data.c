/*
 * Authenticator data (section 6.1 of WebAuthn): what is signed
 *
 * Flags say what happened, and nothing that did not: UP and UV only when somebody was there or verified in this very request, BS only
 * for a credential that may be in a backup and is.
 */
#include <string.h>

#include "authenticator/commands.h"

static void put_big_endian(CborWriter *w, uint64_t value, size_t size)
{
        uint8_t bytes[8];

        for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
        put_raw(w, bytes, size);
}

static uint8_t flags_of(Authenticator *a, const Credential *credential, bool present, bool verified, bool attested,
                        bool extended)
{
        unsigned flags = 0;

        if (present)
                flags |= AUTH_FLAG_UP;
        if (verified)
                flags |= AUTH_FLAG_UV;
        if (credential->public.backup_eligible) {
                flags |= AUTH_FLAG_BE;
                if (a->ops.backed_up && a->ops.backed_up(a->userdata, credential->public.created))
                        flags |= AUTH_FLAG_BS;
        }
        if (attested)
                flags |= AUTH_FLAG_AT;
        if (extended)
                flags |= AUTH_FLAG_ED;
        return (uint8_t)flags;
}

int auth_data_make(Authenticator *a, const Credential *credential, const uint8_t rp_id_hash[32], bool present, bool verified,
                   uint32_t counter, const uint8_t *attested, const uint8_t *extensions, size_t extensions_size,
                   const uint8_t client_data_hash[CLIENT_DATA_HASH_SIZE], AuthData *ret)
{
        CborWriter w = CBOR_WRITER(ret->bytes, AUTH_DATA_MAX);

        put_raw(&w, rp_id_hash, 32);
        put_big_endian(&w, flags_of(a, credential, present, verified, attested != NULL, extensions_size > 0), 1);
        put_big_endian(&w, counter, 4);
        if (attested) {
                put_raw(&w, attested, sizeof(a->config.aaguid));
                put_big_endian(&w, credential->public.id_size, 2);
                put_raw(&w, credential->public.id, credential->public.id_size);
                put_cose_key(&w, algorithm_find(credential->public.algorithm), credential->key.public_key);
        }
        put_raw(&w, extensions, extensions_size);
        if (w.failed)
                return CTAP1_ERR_OTHER;
        memcpy(ret->bytes + w.size, client_data_hash, CLIENT_DATA_HASH_SIZE);
        ret->size = w.size;
        return CTAP_OK;
}

int auth_data_sign(const AuthData *data, const SignKey *key, uint8_t ret[SIGN_SIGNATURE_MAX], size_t *ret_size)
{
        return sign(key, data->bytes, data->size + CLIENT_DATA_HASH_SIZE, ret, ret_size);
}
