/*
 * One assertion: a credential signs
 *
 * getAssertion and getNextAssertion reply alike. Who the user is, beyond the opaque id, is told only after
 * verification and only where there is a choice.
 */
#include <string.h>

#include "authenticator/external.h"

bool assertion_applies(const Credential *credential, const uint8_t rp_id_hash[32], bool verified, bool listed)
{
        if (memcmp(credential->public.rp_id_hash, rp_id_hash, sizeof(credential->public.rp_id_hash)) != 0)
                return false;
        return verified || credential->public.protection == 1 || (listed && credential->public.protection == 2);
}

static void put_user(CborWriter *w, const AuthenticatorCredential *public, bool with_names)
{
        bool name = with_names && *public->user_name, display_name = with_names && *public->user_display_name;

        put_map(w, 1U + name + display_name);
        put_text(w, "id");
        put_bytes(w, public->user_id, public->user_id_size);
        if (name) {
                put_text(w, "name");
                put_text(w, public->user_name);
        }
        if (display_name) {
                put_text(w, "displayName");
                put_text(w, public->user_display_name);
        }
}

static void put_reply(CborWriter *w, const Credential *credential, const Assertion *assertion, const AuthData *data,
                      const Signature *signature, size_t n, bool next)
{
        bool user = credential->public.discoverable;
        bool large_blob_key = assertion->extensions.large_blob_key && credential->has_large_blob_key;

        put_map(w, 3U + user + (n > 1) + assertion->selected + large_blob_key);
        put_uint(w, 1);
        put_map(w, 2);
        put_text(w, "id");
        put_bytes(w, credential->public.id, credential->public.id_size);
        put_text(w, "type");
        put_text(w, "public-key");
        put_uint(w, 2);
        put_bytes(w, data->bytes, data->size);
        put_uint(w, 3);
        put_bytes(w, signature->bytes, signature->size);
        if (user) {
                put_uint(w, 4);
                put_user(w, &credential->public, assertion->verified && (n > 1 || next));
        }
        if (n > 1) {
                put_uint(w, 5);
                put_uint(w, n);
        }
        if (assertion->selected) {
                put_uint(w, 6);
                put_bool(w, true);
        }
        if (large_blob_key) {
                put_uint(w, 7);
                put_bytes(w, credential->large_blob_key, sizeof(credential->large_blob_key));
        }
}

/*
 * Clients find out silently which credentials are here, with client data that cannot exist: 32 zeros, or the hash of nothing or of
 * 32 zeros. Nobody verifies what they get, so no external key is set to work for it.
 */
static bool only_probes(const Assertion *assertion)
{
        static const uint8_t zeros[CLIENT_DATA_HASH_SIZE];
        uint8_t nothing[SHA256_SIZE], hash[SHA256_SIZE];

        if (assertion->present || assertion->verified)
                return false;
        sha256(zeros, 0, nothing);
        sha256(zeros, sizeof(zeros), hash);
        return memcmp(assertion->client_data_hash, zeros, sizeof(zeros)) == 0 ||
               memcmp(assertion->client_data_hash, nothing, sizeof(nothing)) == 0 ||
               memcmp(assertion->client_data_hash, hash, sizeof(hash)) == 0;
}

int assertion_prepare(Transaction *t, const Assertion *assertion, Credential *credential, AuthData *ret)
{
        AuthDataParts parts = {
                .rp_id_hash = assertion->rp_id_hash,
                .present = assertion->present,
                .verified = assertion->verified,
                .client_data_hash = assertion->client_data_hash,
        };
        int r;

        r = extensions_output(t->host, &assertion->extensions, credential, assertion->verified, parts.extensions,
                              &parts.extensions_size);
        if (r == CTAP_OK)
                r = counter_next(t->a, credential, &parts.counter);
        if (r == CTAP_OK)
                r = auth_data_make(t->a, credential, &parts, ret);
        if (r != CTAP_OK || !credential->public.external || only_probes(assertion))
                return r;
        return external_sign(t, credential, ret->bytes, ret->size + CLIENT_DATA_HASH_SIZE);
}

static int finish(Transaction *t, const Assertion *assertion, const Credential *credential, const AuthData *data,
                  Signature *ret)
{
        Signer *signer;
        int r;

        if (credential->public.external)
                return only_probes(assertion) ? auth_data_sign_once(data, credential->key.kind, ret) :
                                                external_signature(t, ret);
        r = signers_get(t->a, credential, &signer);
        return r == 0 ? signer_sign(signer, data->bytes, data->size + CLIENT_DATA_HASH_SIZE, ret->bytes, &ret->size) : r;
}

int assertion_write(Transaction *t, const Assertion *assertion, const Credential *credential, const AuthData *data, size_t n,
                    bool next)
{
        Signature signature;
        int r;

        r = finish(t, assertion, credential, data, &signature);
        if (r == CTAP_OK)
                put_reply(&t->reply, credential, assertion, data, &signature, n, next);
        return r;
}
