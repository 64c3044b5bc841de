/*
 * Signatures with raw keys
 *
 * ECDSA is OpenSSL's, whose P-256 is the fastest there is on the machines that matter; Ed25519 is libsodium's, which takes
 * a raw key without any object around it and is more than twice as fast. A new key is a random value that passed the same
 * check as one that is read (FIPS 186-5 A.2.2).
 */
#include "crypto/sign.h"

#include <errno.h>
#include <openssl/rand.h>
#include <sodium.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/pkey.h"
#include "crypto/sha.h"

/* A random value is out of range once in 2^32 on P-256, less often on the others. */
#define TRIES_MAX 8

_Static_assert(SIGN_SIGNATURE_MAX >= 3 + 2 * (2 + 1 + SIGN_PRIVATE_MAX), "two integers in DER");
_Static_assert(SIGN_SIGNATURE_MAX >= crypto_sign_BYTES, "R and S");

size_t sign_private_size(SignKind kind)
{
        const Curve *curve = curve_find(kind);

        return curve ? curve->size : kind == SIGN_ED25519 ? crypto_sign_SEEDBYTES : 0;
}

size_t sign_public_size(SignKind kind)
{
        const Curve *curve = curve_find(kind);

        return curve ? 2 * curve->size : kind == SIGN_ED25519 ? crypto_sign_PUBLICKEYBYTES : 0;
}

/* The public value is the private one times the base point. */
static int complete_on_curve(const Curve *curve, SignKey *key)
{
        _cleanup_(EC_GROUP_freep) EC_GROUP *group = NULL;
        _cleanup_(EC_POINT_clear_freep) EC_POINT *point = NULL;
        _cleanup_(BN_CTX_freep) BN_CTX *ctx = NULL;
        _cleanup_(BN_clear_freep) BIGNUM *private = NULL;
        uint8_t octets[1 + SIGN_PUBLIC_MAX];

        if (!curve_has_scalar(curve, key->private_key))
                return -EINVAL;
        group = EC_GROUP_new_by_curve_name(curve->nid);
        point = group ? EC_POINT_new(group) : NULL;
        ctx = BN_CTX_secure_new();
        private = bn_new_secret(key->private_key, curve->size);
        if (!point || !ctx || !private || EC_POINT_mul(group, point, private, NULL, NULL, ctx) != 1 ||
            EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets), ctx) !=
                    1 + 2 * curve->size)
                return openssl_failed(-ENOMEM);
        memcpy(key->public_key, octets + 1, 2 * curve->size);
        return 0;
}

int sign_complete(SignKey *key)
{
        const Curve *curve = curve_find(key->kind);
        uint8_t expanded[crypto_sign_SECRETKEYBYTES];

        if (curve)
                return complete_on_curve(curve, key);
        if (key->kind != SIGN_ED25519)
                return -EINVAL;
        (void)crypto_sign_seed_keypair(key->public_key, expanded, key->private_key);
        sodium_memzero(expanded, sizeof(expanded));
        return 0;
}

int sign_generate(SignKind kind, SignKey *ret)
{
        const Curve *curve = curve_find(kind);
        SignKey key = {.kind = kind};
        int r = sign_private_size(kind) > 0 ? -EIO : -EINVAL;

        for (unsigned i = 0; r == -EIO && i < TRIES_MAX; i++) {
                if (RAND_priv_bytes(key.private_key, (int)sign_private_size(kind)) != 1) {
                        r = openssl_failed(-EIO);
                        break;
                }
                if (curve)
                        key.private_key[0] &= curve->order[0]; /* all ones: P-521 has one bit there, the others eight */
                r = sign_complete(&key);
                if (r == -EINVAL)
                        r = -EIO;
        }
        if (r == 0)
                *ret = key;
        sodium_memzero(&key, sizeof(key));
        return r;
}

/* SHA-2 as wide as the curve. */
static int hash(const Curve *curve, const void *data, size_t size, uint8_t ret[SIGN_DIGEST_MAX])
{
        /* OpenSSL would look its own up for each call. */
        if (curve->kind == SIGN_P256) {
                sha256(data, size, ret);
                return 0;
        }
        if (curve->kind == SIGN_P521) {
                sha512(data, size, ret);
                return 0;
        }
        return EVP_Digest(data, size, ret, NULL, EVP_sha384(), NULL) == 1 ? 0 : openssl_failed(-ENOMEM);
}

struct Signer {
        const Curve *curve; /* NULL: Ed25519 */
        EVP_PKEY_CTX *ctx;
        uint8_t expanded[crypto_sign_SECRETKEYBYTES];
};

Signer *signer_free(Signer *signer)
{
        if (!signer)
                return NULL;
        EVP_PKEY_CTX_free(signer->ctx);
        return arena_free(signer);
}

static int ready_on_curve(const SignKey *key, EVP_PKEY_CTX **ret)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
        int r;

        r = pkey_new(key, /* with_private= */ true, &pkey);
        if (r < 0)
                return r;
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        if (!ctx || EVP_PKEY_sign_init(ctx) != 1)
                return openssl_failed(-ENOMEM);
        *ret = TAKE_PTR(ctx);
        return 0;
}

int signer_new(const SignKey *key, Signer **ret)
{
        _cleanup_(signer_freep) Signer *signer = NULL;
        int r;

        if (sign_private_size(key->kind) == 0)
                return -EINVAL;
        signer = arena_alloc(sizeof(*signer));
        if (!signer)
                return -ENOMEM;
        signer->curve = curve_find(key->kind);
        if (signer->curve) {
                r = ready_on_curve(key, &signer->ctx);
                if (r < 0)
                        return r;
        } else {
                memcpy(signer->expanded, key->private_key, crypto_sign_SEEDBYTES);
                memcpy(signer->expanded + crypto_sign_SEEDBYTES, key->public_key, crypto_sign_PUBLICKEYBYTES);
        }
        *ret = TAKE_PTR(signer);
        return 0;
}

int signer_sign(Signer *signer, const void *data, size_t size, uint8_t ret[SIGN_SIGNATURE_MAX], size_t *ret_size)
{
        uint8_t hashed[SIGN_DIGEST_MAX];
        size_t n = SIGN_SIGNATURE_MAX;
        int r;

        if (!signer->curve) {
                (void)crypto_sign_detached(ret, NULL, data, size, signer->expanded);
                *ret_size = crypto_sign_BYTES;
                return 0;
        }
        r = hash(signer->curve, data, size, hashed);
        if (r < 0)
                return r;
        if (EVP_PKEY_sign(signer->ctx, ret, &n, hashed, signer->curve->hash_size) != 1)
                return openssl_failed(-ENOMEM);
        *ret_size = n;
        return 0;
}

int sign(const SignKey *key, const void *data, size_t size, uint8_t ret[SIGN_SIGNATURE_MAX], size_t *ret_size)
{
        _cleanup_(signer_freep) Signer *signer = NULL;
        int r;

        r = signer_new(key, &signer);
        return r < 0 ? r : signer_sign(signer, data, size, ret, ret_size);
}

static int verify_on_curve(const Curve *curve, const SignKey *key, const void *data, size_t size,
                           const uint8_t *signature, size_t signature_size)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
        uint8_t hashed[SIGN_DIGEST_MAX];
        int r;

        r = hash(curve, data, size, hashed);
        if (r < 0)
                return r;
        r = pkey_new(key, /* with_private= */ false, &pkey);
        if (r < 0)
                return r;
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        if (!ctx || EVP_PKEY_verify_init(ctx) != 1)
                return openssl_failed(-ENOMEM);
        if (EVP_PKEY_verify(ctx, signature, signature_size, hashed, curve->hash_size) != 1)
                return openssl_failed(-EBADMSG);
        return 0;
}

int sign_verify(const SignKey *key, const void *data, size_t size, const uint8_t *signature, size_t signature_size)
{
        const Curve *curve = curve_find(key->kind);

        if (curve)
                return verify_on_curve(curve, key, data, size, signature, signature_size);
        if (key->kind != SIGN_ED25519)
                return -EINVAL;
        if (signature_size != crypto_sign_BYTES)
                return -EBADMSG;
        return crypto_sign_verify_detached(signature, data, size, key->public_key) == 0 ? 0 : -EBADMSG;
}
