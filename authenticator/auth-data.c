/*
 * Authenticator data (section 6.1 of WebAuthn): what is signed
 *
 * Flags say what happened, and nothing that did not: UP and UV only when somebody was there or verified in this very
 * request, BS only for a credential that may be in a backup and is.
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

static uint8_t flags_of(Authenticator *a, const Credential *credential, const AuthDataParts *parts)
{
        unsigned flags = 0;

        if (parts->present)
                flags |= AUTH_FLAG_UP;
        if (parts->verified)
                flags |= AUTH_FLAG_UV;
        if (credential->public.backup_eligible) {
                flags |= AUTH_FLAG_BE;
                if (a->ops.backed_up && a->ops.backed_up(a->userdata, credential->public.created))
                        flags |= AUTH_FLAG_BS;
        }
        if (parts->aaguid)
                flags |= AUTH_FLAG_AT;
        if (parts->extensions_size > 0)
                flags |= AUTH_FLAG_ED;
        return (uint8_t)flags;
}

int auth_data_make(Authenticator *a, const Credential *credential, const AuthDataParts *parts, AuthData *ret)
{
        CborWriter w = CBOR_WRITER(ret->bytes, AUTH_DATA_MAX);

        put_raw(&w, parts->rp_id_hash, 32);
        put_big_endian(&w, flags_of(a, credential, parts), 1);
        put_big_endian(&w, parts->counter, 4);
        if (parts->aaguid) {
                put_raw(&w, parts->aaguid, sizeof(a->config.aaguid));
                put_big_endian(&w, credential->public.id_size, 2);
                put_raw(&w, credential->public.id, credential->public.id_size);
                put_cose_key(&w, algorithm_find(credential->public.algorithm), credential->key.public_key);
        }
        put_raw(&w, parts->extensions, parts->extensions_size);
        if (w.failed)
                return CTAP1_ERR_OTHER;
        memcpy(ret->bytes + w.size, parts->client_data_hash, CLIENT_DATA_HASH_SIZE);
        ret->size = w.size;
        return CTAP_OK;
}

int auth_data_sign(const AuthData *data, const SignKey *key, Signature *ret)
{
        return sign(key, data->bytes, data->size + CLIENT_DATA_HASH_SIZE, ret->bytes, &ret->size);
}

int auth_data_sign_once(const AuthData *data, SignKind kind, Signature *ret)
{
        SignKey key;
        int r;

        r = sign_generate(kind, &key);
        if (r == 0)
                r = auth_data_sign(data, &key, ret);
        explicit_bzero(&key, sizeof(key));
        return r;
}
