/*
 * Attestation: what a new credential says about where it was made
 *
 * By default nothing that could tell one user from another: "packed", signed by the new key itself. A relying party
 * may rather have "none", or "fido-u2f" (then there is no AAGUID, and the certificate is one of the new key itself; where that
 * is an external one, of a key that is made for this registration alone).
 * Only where an administrator gave a key for it and has enabled it does the key of an enterprise sign.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/commands.h"

#define U2F_MESSAGE_MAX    (1U + 32U + CLIENT_DATA_HASH_SIZE + CREDENTIAL_ID_SIZE + 1U + 64U)
#define U2F_RESERVED       0x00
#define POINT_UNCOMPRESSED 0x04
#define CERTIFICATE_NAME   "Keyfob"

static const char *const formats[] = {
        [ATTESTATION_PACKED] = "packed",
        [ATTESTATION_U2F] = "fido-u2f",
        [ATTESTATION_NONE] = "none",
};

const char *attestation_nth(size_t i)
{
        return i < ATTESTATION_NONE ? formats[i] : NULL;
}

static bool find_format(const char *name, size_t size, const Algorithm *algorithm, AttestationFormat *ret)
{
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                if (!text_is(name, size, formats[i]) || (i == ATTESTATION_U2F && algorithm->kind != SIGN_P256))
                        continue;
                *ret = (AttestationFormat)i;
                return true;
        }
        return false;
}

int attestation_choose(const cbor_item_t *preference, const Algorithm *algorithm, AttestationFormat *ret, bool *ret_found)
{
        AttestationFormat format = ATTESTATION_PACKED;
        bool found = false;
        const char *name;
        size_t n = 0, size;
        int r = CTAP_OK;

        if (preference)
                r = value_array(preference, SIZE_MAX, &n);
        for (size_t i = 0; r == CTAP_OK && i < n; i++) {
                r = value_text(array_get(preference, i), SIZE_MAX, &name, &size);
                if (r == CTAP_OK && !found && algorithm)
                        found = find_format(name, size, algorithm, &format);
        }
        if (r == CTAP_OK) {
                *ret = format;
                *ret_found = found;
        }
        return r;
}

const uint8_t *attestation_aaguid(const Authenticator *a, AttestationFormat format)
{
        static const uint8_t none[16];

        return format == ATTESTATION_U2F ? none : a->config.aaguid;
}

bool attestation_is_self(AttestationFormat format, bool enterprise)
{
        return format == ATTESTATION_PACKED && !enterprise;
}

static int write_packed(Authenticator *a, CborWriter *w, bool enterprise, const Credential *credential,
                        const AuthData *data, const Signature *signature)
{
        const uint8_t *certificate;
        size_t size, n = 0;
        Signature own;
        int r;

        if (!signature) {
                r = auth_data_sign(data, enterprise ? attester_key(a->enterprise) : &credential->key, &own);
                if (r < 0)
                        return r;
                signature = &own;
        }
        put_map(w, enterprise ? 3 : 2);
        put_text(w, "alg");
        put_int(w, enterprise ? COSE_ES256 : credential->public.algorithm);
        put_text(w, "sig");
        put_bytes(w, signature->bytes, signature->size);
        if (!enterprise)
                return CTAP_OK;
        while (attester_certificate(a->enterprise, n, &size))
                n++;
        put_text(w, "x5c");
        put_array(w, n);
        for (size_t i = 0; i < n; i++) {
                certificate = attester_certificate(a->enterprise, i, &size);
                put_bytes(w, certificate, size);
        }
        return CTAP_OK;
}

int attestation_certify(const Credential *credential, const CborWriter *message,
                        uint8_t ret_certificate[CERTIFICATE_SELF_MAX], size_t *ret_size, Signature *ret)
{
        const SignKey *key = &credential->key;
        SignKey once = {0};
        int r = 0;

        if (message->failed)
                return -EOVERFLOW;
        if (credential->public.external) {
                r = sign_generate(SIGN_P256, &once);
                key = &once;
        }
        if (r == 0)
                r = certificate_self(key, CERTIFICATE_NAME, ret_certificate, ret_size);
        if (r == 0)
                r = sign(key, message->data, message->size, ret->bytes, &ret->size);
        explicit_bzero(&once, sizeof(once));
        return r;
}

/* Section 8.6 of WebAuthn: over 0x00 ‖ rpIdHash ‖ clientDataHash ‖ credential id ‖ public point. */
static int write_u2f(CborWriter *w, const Credential *credential, const AuthData *data)
{
        uint8_t message[U2F_MESSAGE_MAX], certificate[CERTIFICATE_SELF_MAX];
        CborWriter m = CBOR_WRITER(message, sizeof(message));
        size_t certificate_size;
        Signature signature;
        int r;

        put_raw(&m, &(uint8_t){U2F_RESERVED}, 1);
        put_raw(&m, credential->public.rp_id_hash, sizeof(credential->public.rp_id_hash));
        put_raw(&m, data->bytes + data->size, CLIENT_DATA_HASH_SIZE);
        put_raw(&m, credential->public.id, credential->public.id_size);
        put_raw(&m, &(uint8_t){POINT_UNCOMPRESSED}, 1);
        put_raw(&m, credential->key.public_key, sign_public_size(SIGN_P256));
        r = attestation_certify(credential, &m, certificate, &certificate_size, &signature);
        if (r < 0)
                return r;
        put_map(w, 2);
        put_text(w, "sig");
        put_bytes(w, signature.bytes, signature.size);
        put_text(w, "x5c");
        put_array(w, 1);
        put_bytes(w, certificate, certificate_size);
        return CTAP_OK;
}

int attestation_write(Authenticator *a, CborWriter *w, AttestationFormat format, bool enterprise,
                      const Credential *credential, const AuthData *data, const Signature *signature)
{
        put_uint(w, 1);
        put_text(w, formats[format]);
        put_uint(w, 2);
        put_bytes(w, data->bytes, data->size);
        put_uint(w, 3);
        switch (format) {
        case ATTESTATION_PACKED:
                return write_packed(a, w, enterprise, credential, data, signature);
        case ATTESTATION_U2F:
                return write_u2f(w, credential, data);
        case ATTESTATION_NONE:
                break;
        }
        put_map(w, 0);
        return CTAP_OK;
}
