/*
 * Diffie-Hellman for Secret Service sessions
 *
 * The group is fixed by the specification. The private exponent and the shared secret are wiped bignums; what stays is
 * the AES key. Weak public keys are refused: with 0, 1 or p-1 the shared secret would be a constant that anyone knows.
 */
#include "crypto/exchange.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

typedef struct Group {
        size_t size; /* bytes of the prime, and of what is computed */
        BIGNUM *(*prime)(BIGNUM *number);
} Group;

static const Group groups[] = {
        [EXCHANGE_1024] = {EXCHANGE_PUBLIC_SIZE, BN_get_rfc2409_prime_1024},
        [EXCHANGE_1536] = {EXCHANGE_PUBLIC_MAX, BN_get_rfc3526_prime_1536},
};

struct ExchangeKey {
        uint8_t bytes[16];
};

static void bn_freep(BIGNUM **p)
{
        BN_clear_free(*p);
}

static void bn_ctx_freep(BN_CTX **p)
{
        BN_CTX_free(*p);
}

static void cipher_ctx_freep(EVP_CIPHER_CTX **p)
{
        EVP_CIPHER_CTX_free(*p);
}

ExchangeKey *exchange_key_free(ExchangeKey *key)
{
        return arena_free(key);
}

static int hkdf_sha256(const uint8_t *secret, size_t size, uint8_t *ret, size_t ret_size)
{
        EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        uint8_t empty[1] = {0};
        char sha256[] = "SHA256";
        /* OpenSSL wants the input key without const, and reads it only. */
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, size),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, empty, 0),
                OSSL_PARAM_construct_end(),
        };
        int ok = ctx && EVP_KDF_derive(ctx, ret, ret_size, params) == 1;

        EVP_KDF_CTX_free(ctx);
        EVP_KDF_free(kdf);
        return ok ? 0 : -ENOMEM;
}

static int answer(const Group *group, const void *private_key, size_t private_size, const void *public_key, size_t size,
                  uint8_t *ret_public, ExchangeKey **ret)
{
        _cleanup_(bn_freep) BIGNUM *prime = NULL, *generator = NULL, *private = NULL, *theirs = NULL, *ours = NULL,
                                   *shared = NULL, *last = NULL;
        _cleanup_(bn_ctx_freep) BN_CTX *ctx = NULL;
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        uint8_t *padded;
        int r;

        if (size == 0 || size > group->size)
                return -EINVAL;

        ctx = BN_CTX_secure_new();
        prime = group->prime(NULL);
        generator = BN_new();
        theirs = BN_bin2bn(public_key, (int)size, NULL);
        ours = BN_new();
        private = BN_secure_new();
        shared = BN_secure_new();
        last = prime ? BN_dup(prime) : NULL;
        if (!ctx || !prime || !generator || !theirs || !ours || !private || !shared || !last)
                return -ENOMEM;

        if (!BN_sub_word(last, 1) || !BN_set_word(generator, 2))
                return -ENOMEM;
        if (BN_is_zero(theirs) || BN_is_one(theirs) || BN_cmp(theirs, last) >= 0)
                return -EINVAL;

        if (!BN_bin2bn(private_key, (int)private_size, private))
                return -ENOMEM;
        BN_set_flags(private, BN_FLG_CONSTTIME);
        if (!BN_mod_exp_mont_consttime(ours, generator, private, prime, ctx, NULL) ||
            !BN_mod_exp_mont_consttime(shared, theirs, private, prime, ctx, NULL))
                return -ENOMEM;

        key = arena_alloc(sizeof(*key));
        padded = arena_alloc(group->size);
        if (!key || !padded) {
                arena_free(padded);
                return -ENOMEM;
        }
        r = BN_bn2binpad(shared, padded, (int)group->size) < 0 ? -EINVAL : 0;
        if (r == 0)
                r = hkdf_sha256(padded, group->size, key->bytes, sizeof(key->bytes));
        arena_free(padded);
        if (r < 0)
                return r;
        if (BN_bn2binpad(ours, ret_public, (int)group->size) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(key);
        return 0;
}

int exchange_answer_with(const void *private_key, size_t private_size, const void *public_key, size_t size,
                         uint8_t ret_public[EXCHANGE_PUBLIC_SIZE], ExchangeKey **ret)
{
        return answer(&groups[EXCHANGE_1024], private_key, private_size, public_key, size, ret_public, ret);
}

int exchange_answer_in(ExchangeGroup group, const void *public_key, size_t size, uint8_t *ret_public, ExchangeKey **ret)
{
        int bytes = (int)groups[group].size;
        uint8_t *private = arena_alloc(groups[group].size);
        BIGNUM *number = BN_secure_new();
        int r;

        /* One bit short of the group, so that the exponent is below p. */
        if (!private || !number || !BN_priv_rand(number, bytes * 8 - 1, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) ||
            BN_bn2binpad(number, private, bytes) < 0)
                r = -ENOMEM;
        else
                r = answer(&groups[group], private, groups[group].size, public_key, size, ret_public, ret);
        BN_clear_free(number);
        arena_free(private);
        return r;
}

int exchange_answer(const void *public_key, size_t size, uint8_t ret_public[EXCHANGE_PUBLIC_SIZE], ExchangeKey **ret)
{
        return exchange_answer_in(EXCHANGE_1024, public_key, size, ret_public, ret);
}

int exchange_encrypt(const ExchangeKey *key, const void *plain, size_t size, uint8_t ret_iv[EXCHANGE_IV_SIZE],
                     uint8_t *ret, size_t *ret_size)
{
        _cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t iv[EXCHANGE_IV_SIZE];
        int n = 0, last = 0;

        if (!ctx || size > INT32_MAX - 32)
                return -ENOMEM;
        if (RAND_bytes(iv, sizeof(iv)) != 1)
                return -ENOMEM;
        if (!EVP_EncryptInit_ex2(ctx, EVP_aes_128_cbc(), key->bytes, iv, NULL) ||
            !EVP_EncryptUpdate(ctx, ret, &n, plain, (int)size) || !EVP_EncryptFinal_ex(ctx, ret + n, &last))
                return -ENOMEM;
        memcpy(ret_iv, iv, sizeof(iv));
        *ret_size = (size_t)(n + last);
        return 0;
}

int exchange_decrypt(const ExchangeKey *key, const void *iv, size_t iv_size, const void *cipher, size_t size,
                     Secret **ret)
{
        _cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
        _cleanup_(secret_freep) Secret *secret = NULL;
        int n = 0, last = 0, r;

        if (iv_size != EXCHANGE_IV_SIZE || size == 0 || size % 16 != 0 || size > INT32_MAX - 32)
                return -EINVAL;
        ctx = EVP_CIPHER_CTX_new();
        if (!ctx)
                return -ENOMEM;
        r = secret_new(&secret, size + 16);
        if (r < 0)
                return r;
        if (!EVP_DecryptInit_ex2(ctx, EVP_aes_128_cbc(), key->bytes, iv, NULL) ||
            !EVP_DecryptUpdate(ctx, secret->data, &n, cipher, (int)size))
                return -ENOMEM;
        if (!EVP_DecryptFinal_ex(ctx, secret->data + n, &last))
                return -EBADMSG;
        secret->size = (size_t)(n + last);
        secret->data[secret->size] = 0;
        *ret = TAKE_PTR(secret);
        return 0;
}
