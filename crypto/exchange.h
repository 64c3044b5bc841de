/*
 * Exchange: the Secret Service's dh-ietf1024-sha256-aes128-cbc-pkcs7 session, and that of the desktop's prompter
 *
 * RFC 2409 section 6.2 (second Oakley group, 1024 bit), HKDF-SHA256 (RFC 5869) with empty salt and info over the shared
 * secret padded to 128 bytes, AES-128-CBC with PKCS#7. The prompter's differs by the group: RFC 3526 section 2, 1536
 * bit. It keeps secrets out of a bus monitor's sight; it has no MAC and does not stop an active attacker on the bus.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"
#include "crypto/arena.h"

#define EXCHANGE_PUBLIC_SIZE 128U
#define EXCHANGE_PUBLIC_MAX  192U
#define EXCHANGE_IV_SIZE     16U

typedef enum ExchangeGroup {
        EXCHANGE_1024,
        EXCHANGE_1536, /* public keys of EXCHANGE_PUBLIC_MAX bytes */
} ExchangeGroup;

typedef struct ExchangeKey ExchangeKey; /* an AES-128 key in the arena */

/*
 * Answers a client's public key (big-endian, up to 128 bytes, shorter ones and leading zeros accepted): makes our own
 * pair, writes our public key (always 128 bytes) and the session key. 0, -EINVAL for a weak key (0, 1, p-1, >= p) or one
 * of the wrong size, -ENOMEM.
 */
int exchange_answer(const void *public_key, size_t size, uint8_t ret_public[EXCHANGE_PUBLIC_SIZE], ExchangeKey **ret);
/* The same in another group: the public keys have its size. */
int exchange_answer_in(ExchangeGroup group, const void *public_key, size_t size, uint8_t *ret_public, ExchangeKey **ret);

/* The same with a given private exponent (big-endian), for test vectors. */
int exchange_answer_with(const void *private_key, size_t private_size, const void *public_key, size_t size,
                         uint8_t ret_public[EXCHANGE_PUBLIC_SIZE], ExchangeKey **ret);

ExchangeKey *exchange_key_free(ExchangeKey *key);
DEFINE_CLEANUP(ExchangeKey *, exchange_key_free)

/* Encrypts with a fresh random IV. `ret` (at least size rounded up to the next multiple of 16, plus 16 if it is one
 * already) gets *ret_size bytes. 0, or -ENOMEM. */
int exchange_encrypt(const ExchangeKey *key, const void *plain, size_t size, uint8_t ret_iv[EXCHANGE_IV_SIZE],
                     uint8_t *ret, size_t *ret_size);

/* Decrypts into a new secret. 0, -EINVAL for a bad IV size or length, -EBADMSG for bad padding, -ENOMEM. */
int exchange_decrypt(const ExchangeKey *key, const void *iv, size_t iv_size, const void *cipher, size_t size,
                     Secret **ret);
