/*
 * RSA: signatures of SSH's RSA keys (PKCS #1 v1.5, OpenSSL)
 *
 * A key is its numbers, big-endian, without zeros before them. They stay the caller's. What OpenSSL makes of them is on the
 * ordinary heap, which it can't help. It is wiped before a function returns, but for a signer, which is a key that is ready to
 * sign: making one costs a third of a signature, so who has many to make keeps it for a moment.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define RSA_BITS_MIN     1024U
#define RSA_BITS_MAX     16384U
#define RSA_SIZE_MAX     (RSA_BITS_MAX / 8)
#define RSA_EXPONENT_MAX 8U /* bytes: what OpenSSL takes with a long modulus */

typedef struct RsaNumber {
        const uint8_t *bytes;
        size_t size;
} RsaNumber;

typedef struct RsaPublic {
        RsaNumber n, e;
} RsaPublic;

typedef struct RsaPrivate {
        RsaPublic public;
        RsaNumber d, p, q, iqmp;
} RsaPrivate;

typedef enum RsaHash {
        RSA_WITH_SHA1 = 1,
        RSA_WITH_SHA256,
        RSA_WITH_SHA512,
} RsaHash;

/* Bits of the modulus; 0 when the numbers are no public key within the limits. */
unsigned rsa_bits(const RsaPublic *key);

/* Whether the numbers belong together. 0, -EINVAL when they don't, -ENOMEM. */
int rsa_check(const RsaPrivate *key);

/* A key that is ready to sign; several threads may use copies of one signer at a time. */
typedef struct RsaSigner RsaSigner;
int rsa_signer_new(const RsaPrivate *key, RsaSigner **ret);
/* Shares the key, which is wiped with the last copy. 0, -ENOMEM. */
int rsa_signer_copy(const RsaSigner *signer, RsaSigner **ret);
/* NULL allowed. Returns NULL. */
RsaSigner *rsa_signer_free(RsaSigner *signer);
DEFINE_CLEANUP(RsaSigner *, rsa_signer_free)
size_t rsa_signer_size(const RsaSigner *signer);
/* Writes as many bytes as the modulus has. 0, -EINVAL, -ENOMEM. */
int rsa_signer_sign(const RsaSigner *signer, RsaHash hash, const void *data, size_t size, uint8_t *ret);

/* 0 when the signature fits, -EBADMSG when not, -EINVAL for a key that is none, -ENOMEM. */
int rsa_verify(const RsaPublic *key, RsaHash hash, const void *data, size_t size, const uint8_t *signature,
               size_t signature_size);

/* A new key: numbers in one piece of the arena, which arena_free() ends. 0, -EINVAL for a size out of limits, -ENOMEM, -EIO.
 * Takes from a tenth of a second to minutes. */
int rsa_generate(unsigned bits, RsaPrivate *ret, uint8_t **ret_memory);
