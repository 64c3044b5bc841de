/*
 * Pkey: OpenSSL's keys from raw values
 *
 * Shared by the files here that use OpenSSL; nobody outside crypto/ includes it. A failed call of OpenSSL leaves its
 * reasons in a queue of the thread; openssl_failed() reads and empties it, so that they do not pile up or surface elsewhere.
 */
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "crypto/sign.h"

DEFINE_CLEANUP(BIGNUM *, BN_clear_free)
DEFINE_CLEANUP(BN_CTX *, BN_CTX_free)
DEFINE_CLEANUP(EC_GROUP *, EC_GROUP_free)
DEFINE_CLEANUP(EC_POINT *, EC_POINT_clear_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)

typedef struct Curve {
        SignKind kind;
        int nid;
        const char *name;
        size_t size;      /* bytes of a scalar and of a coordinate */
        size_t hash_size; /* of the SHA-2 that goes with it */
        uint8_t order[SIGN_PRIVATE_MAX];
} Curve;

/* NULL for a kind that is not ECDSA. */
const Curve *curve_find(SignKind kind);

/* Whether a big-endian scalar is in 1 … order - 1, in constant time. */
bool curve_has_scalar(const Curve *curve, const uint8_t *scalar);

/* A bignum of secret bytes: in the arena, wiped when freed with BN_clear_free(). NULL when memory is short. */
BIGNUM *bn_new_secret(const uint8_t *bytes, size_t size);

/* An ECDSA key; only its public half if `with_private` is false. 0, -EINVAL when it is not one, -ENOMEM. */
int pkey_new(const SignKey *key, bool with_private, EVP_PKEY **ret);

/* Empties OpenSSL's error queue. -ENOMEM if memory was short, else `otherwise`. */
int openssl_failed(int otherwise);
