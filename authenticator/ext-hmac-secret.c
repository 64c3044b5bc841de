/*
 * hmac-secret and hmac-secret-mc (sections 12.7 and 12.8)
 *
 * A keyed hash of salts that the client chooses, under one of two keys of the credential: who was verified gets other values than
 * who was not. Salts and results travel under the secret that client and host agreed on, so the client must have asked for the key
 * agreement first.
 */
#include "authenticator/pin.h"

#define SALT_SIZE 32U
#define SALTS_MAX (2 * SALT_SIZE)

enum SaltKey {
        KEY_AGREEMENT = 1,
        KEY_SALT_ENC = 2,
        KEY_SALT_AUTH = 3,
        KEY_PROTOCOL = 4,
};

int hmac_secret_read(const cbor_item_t *item, HmacSecretInput *ret)
{
        HmacSecretInput input = {.present = true, .protocol = 1};
        const cbor_item_t *agreement, *protocol;
        int r;

        r = value_map(item);
        if (r != CTAP_OK)
                return r;
        agreement = map_get(item, KEY_AGREEMENT);
        protocol = map_get(item, KEY_PROTOCOL);
        r = agreement ? CTAP_OK : CTAP2_ERR_MISSING_PARAMETER;
        if (r == CTAP_OK)
                r = value_bytes(map_get(item, KEY_SALT_ENC), 0, AUTHENTICATOR_MESSAGE_MAX, &input.salt_enc,
                                &input.salt_enc_size);
        if (r == CTAP_OK)
                r = value_bytes(map_get(item, KEY_SALT_AUTH), 0, AUTHENTICATOR_MESSAGE_MAX, &input.salt_auth,
                                &input.salt_auth_size);
        if (r == CTAP_OK && protocol)
                r = value_uint(protocol, UINT64_MAX, &input.protocol);
        if (r == CTAP_OK)
                r = protocol_check(input.protocol);
        if (r == CTAP_OK)
                r = value_cose_agreement(agreement, input.peer);
        if (r == CTAP_OK)
                *ret = input;
        return r;
}

/* One or two salts, with or without an IV: no protocol has another size. */
static bool size_possible(size_t size)
{
        return size == SALT_SIZE || size == SALTS_MAX || size == SALT_SIZE + PIN_IV_SIZE ||
               size == SALTS_MAX + PIN_IV_SIZE;
}

int hmac_secret_compute(AuthenticatorHost *host, const HmacSecretInput *input, const Credential *credential, bool verified,
                        uint8_t ret[HMAC_SECRET_OUTPUT_MAX], size_t *ret_size)
{
        _cleanup_(shared_secret_donep) SharedSecret secret = {0};
        const uint8_t *key = verified ? credential->hmac_uv : credential->hmac_no_uv;
        uint8_t salts[SALTS_MAX + PIN_IV_SIZE], outputs[SALTS_MAX];
        size_t size = 0;
        int r;

        if (!size_possible(input->salt_enc_size))
                return CTAP1_ERR_INVALID_LENGTH;
        r = protocol_decapsulate(host, input->protocol, input->peer, &secret);
        if (r == CTAP_OK)
                r = protocol_verify(input->protocol, secret.hmac_key, input->salt_enc, input->salt_enc_size,
                                    input->salt_auth, input->salt_auth_size);
        if (r == CTAP_OK)
                r = protocol_decrypt(&secret, input->salt_enc, input->salt_enc_size, salts, &size);
        if (r == CTAP_OK && size != SALT_SIZE && size != SALTS_MAX)
                r = CTAP1_ERR_INVALID_PARAMETER;
        if (r == CTAP_OK) {
                for (size_t i = 0; i < size; i += SALT_SIZE)
                        hmac_sha256(key, 32, salts + i, SALT_SIZE, outputs + i);
                r = protocol_encrypt(host->a, &secret, outputs, size, ret, ret_size);
        }
        explicit_bzero(salts, sizeof(salts));
        explicit_bzero(outputs, sizeof(outputs));
        return r;
}
