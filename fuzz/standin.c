/* Stand-ins: hashes and exclusive ors */
#include "fuzz/standin.h"

#include <errno.h>
#include <string.h>

#include "crypto/cbc.h"
#include "crypto/certificate.h"
#include "crypto/seal.h"
#include "crypto/sha.h"

#define PUBLIC_SIZE      64U
#define SIGNATURE_SIZE   71U
#define CERTIFICATE_SIZE 300U

static uint64_t n_keys;

void standin_reset(void)
{
        n_keys = 0;
}

int standin_sign_generate(SignKind kind, SignKey *ret)
{
        if (sign_private_size(kind) == 0)
                return -EINVAL;
        *ret = (SignKey){.kind = kind};
        n_keys++;
        sha256(&n_keys, sizeof(n_keys), ret->private_key);
        sha256(ret->private_key, SHA256_SIZE, ret->public_key);
        return 0;
}

int standin_sign(const SignKey *key, const void *data, size_t size, uint8_t *ret, size_t *ret_size)
{
        if (sign_private_size(key->kind) == 0)
                return -EINVAL;
        *ret_size = key->kind == SIGN_ED25519 ? 64 : SIGNATURE_SIZE;
        memset(ret, 0x30, *ret_size);
        hmac_sha256(key->private_key, SHA256_SIZE, data, size, ret);
        return 0;
}

struct Signer {
        SignKey key;
};

int standin_signer_new(const SignKey *key, Signer **ret)
{
        Signer *signer;

        if (sign_private_size(key->kind) == 0)
                return -EINVAL;
        signer = calloc(1, sizeof(*signer));
        if (!signer)
                return -ENOMEM;
        signer->key = *key;
        *ret = signer;
        return 0;
}

int standin_signer_sign(const Signer *signer, const void *data, size_t size, uint8_t *ret, size_t *ret_size)
{
        return standin_sign(&signer->key, data, size, ret, ret_size);
}

Signer *standin_signer_free(Signer *signer)
{
        free(signer);
        return NULL;
}

/* ---- agreement: both sides hash the exclusive or of what both sides see ---- */

struct AgreeKey {
        uint8_t public_key[PUBLIC_SIZE];
};

int standin_agree_key_new_from(const uint8_t *private_key, AgreeKey **ret)
{
        AgreeKey *key = calloc(1, sizeof(*key));

        if (!key)
                return -ENOMEM;
        sha256(private_key, SHA256_SIZE, key->public_key);
        *ret = key;
        return 0;
}

int standin_agree_key_new(AgreeKey **ret)
{
        uint8_t private_key[SHA256_SIZE];

        n_keys++;
        sha256(&n_keys, sizeof(n_keys), private_key);
        return standin_agree_key_new_from(private_key, ret);
}

AgreeKey *standin_agree_key_free(AgreeKey *key)
{
        free(key);
        return NULL;
}

void standin_agree_public(const AgreeKey *key, uint8_t *ret)
{
        memcpy(ret, key->public_key, sizeof(key->public_key));
}

/* A point whose second coordinate is not ours is none. */
int standin_agree(const AgreeKey *key, const uint8_t *peer, uint8_t *ret)
{
        uint8_t both[SHA256_SIZE];

        if (memcmp(peer + SHA256_SIZE, key->public_key + SHA256_SIZE, SHA256_SIZE) != 0)
                return -EINVAL;
        for (size_t i = 0; i < sizeof(both); i++)
                both[i] = key->public_key[i] ^ peer[i];
        sha256(both, sizeof(both), ret);
        return 0;
}

/* ---- the rest ---- */

int standin_cbc_encrypt(const uint8_t *key, size_t key_size, const uint8_t *iv, const void *data, size_t size, uint8_t *ret)
{
        const uint8_t *from = data;

        if ((key_size != 16 && key_size != 32) || size % CBC_BLOCK_SIZE != 0)
                return -EINVAL;
        for (size_t i = 0; i < size; i++)
                ret[i] = from[i] ^ key[i % key_size] ^ iv[i % CBC_BLOCK_SIZE];
        return 0;
}

int standin_cbc_decrypt(const uint8_t *key, size_t key_size, const uint8_t *iv, const void *data, size_t size, uint8_t *ret)
{
        return standin_cbc_encrypt(key, key_size, iv, data, size, ret);
}

int standin_certificate_self(const SignKey *key, const char *name, uint8_t *ret, size_t *ret_size)
{
        memset(ret, 0, CERTIFICATE_SIZE);
        memcpy(ret, (const uint8_t[]){0x30, 0x82, (CERTIFICATE_SIZE - 4) >> 8, (CERTIFICATE_SIZE - 4) & 0xff}, 4);
        *ret_size = CERTIFICATE_SIZE;
        return 0;
}

int standin_kdf_derive(const KdfParams *params, const void *password, size_t size, Key **ret)
{
        uint8_t key[SHA256_SIZE];

        if (!kdf_params_valid(params))
                return -EINVAL;
        hmac_sha256(params->salt, sizeof(params->salt), password, size, key);
        *ret = key_new_from(key);
        return *ret ? 0 : -ENOMEM;
}

int standin_kdf_calibrate(unsigned target_ms, KdfParams *ret)
{
        *ret = (KdfParams){.memory_kib = KDF_MEMORY_MIN_KIB, .passes = KDF_PASSES_MIN};
        random_bytes(ret->salt, sizeof(ret->salt));
        return 0;
}

/* ---- sessions: the cipher is the plaintext, filled up with its padding ---- */

struct ExchangeKey {
        uint8_t byte;
};

int standin_exchange_answer_in(ExchangeGroup group, const void *public_key, size_t size, uint8_t *ret_public,
                               ExchangeKey **ret)
{
        size_t n = group == EXCHANGE_1024 ? EXCHANGE_PUBLIC_SIZE : EXCHANGE_PUBLIC_MAX;
        ExchangeKey *key;

        if (size < 1 || size > n)
                return -EINVAL;
        key = calloc(1, sizeof(*key));
        if (!key)
                return -ENOMEM;
        memset(ret_public, 0x5a, n);
        *ret = key;
        return 0;
}

int standin_exchange_answer(const void *public_key, size_t size, uint8_t *ret_public, ExchangeKey **ret)
{
        return standin_exchange_answer_in(EXCHANGE_1024, public_key, size, ret_public, ret);
}

int standin_exchange_encrypt(const ExchangeKey *key, const void *plain, size_t size, uint8_t *ret_iv, uint8_t *ret,
                             size_t *ret_size)
{
        size_t padding = CBC_BLOCK_SIZE - size % CBC_BLOCK_SIZE;

        memset(ret_iv, key->byte, EXCHANGE_IV_SIZE);
        if (size > 0)
                memcpy(ret, plain, size);
        memset(ret + size, (int)padding, padding);
        *ret_size = size + padding;
        return 0;
}

int standin_exchange_decrypt(const ExchangeKey *key, const void *iv, size_t iv_size, const void *cipher, size_t size,
                             Secret **ret)
{
        const uint8_t *bytes = cipher;
        size_t padding;

        if (iv_size != EXCHANGE_IV_SIZE || size == 0 || size % CBC_BLOCK_SIZE != 0)
                return -EINVAL;
        padding = bytes[size - 1];
        if (padding > CBC_BLOCK_SIZE)
                return -EBADMSG;
        return secret_new_from(ret, cipher, size - padding);
}

ExchangeKey *standin_exchange_key_free(ExchangeKey *key)
{
        free(key);
        return NULL;
}
