/*
 * RSA: signatures of SSH's RSA keys (PKCS #1 v1.5, OpenSSL)
 *
 * A key is its numbers, big-endian, without zeros before them. They stay the caller's. What OpenSSL makes of them is on the
 * ordinary heap, which it can't help, and wiped before a function returns: a key is never kept ready.
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

/* Writes as many bytes as the modulus has. 0, -EINVAL, -ENOMEM. */
int rsa_sign(const RsaPrivate *key, RsaHash hash, const void *data, size_t size, uint8_t *ret);

/* 0 when the signature fits, -EBADMSG when not, -EINVAL for a key that is none, -ENOMEM. */
int rsa_verify(const RsaPublic *key, RsaHash hash, const void *data, size_t size, const uint8_t *signature,
               size_t signature_size);

/* A new key: numbers in one piece of the arena, which arena_free() ends. 0, -EINVAL for a size out of limits, -ENOMEM, -EIO.
 * Takes from a tenth of a second to minutes. */
int rsa_generate(unsigned bits, RsaPrivate *ret, uint8_t **ret_memory);
