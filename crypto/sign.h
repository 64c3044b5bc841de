/*
 * Sign: the private keys of credentials, as raw values (ECDSA by OpenSSL, Ed25519 by libsodium)
 *
 * A key is its raw scalar (or Ed25519 seed) and its raw public value, never DER: OpenSSL's decoders cost twenty times a
 * signature. All multi-byte integers are big-endian, as COSE has them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

typedef enum SignKind {
        SIGN_P256 = 1, /* ECDSA with SHA-256; private 32 bytes, public x ‖ y 64 */
        SIGN_P384 = 2, /* ECDSA with SHA-384; private 48 bytes, public x ‖ y 96 */
        SIGN_ED25519 = 3, /* private 32 bytes (the seed), public 32 */
        SIGN_P521 = 4, /* ECDSA with SHA-512; private 66 bytes, public x ‖ y 132 */
} SignKind;

#define SIGN_PRIVATE_MAX   66U
#define SIGN_PUBLIC_MAX    132U
#define SIGN_SIGNATURE_MAX 144U /* ECDSA signatures are DER (X9.62), Ed25519's are 64 bytes */

typedef struct SignKey {
        SignKind kind;
        uint8_t private_key[SIGN_PRIVATE_MAX];
        uint8_t public_key[SIGN_PUBLIC_MAX];
} SignKey;

size_t sign_private_size(SignKind kind);
size_t sign_public_size(SignKind kind);

/* Makes a key. `ret` lies where the caller keeps it (and wipes it). 0, -EINVAL for no such kind, -ENOMEM, -EIO. */
int sign_generate(SignKind kind, SignKey *ret);

/* Computes public_key from private_key. 0, -EINVAL when the private value is out of range, -ENOMEM. */
int sign_complete(SignKey *key);

/* Signs; the public value must be the private one's, as sign_complete() makes it: an Ed25519 signature with another one
 * gives the private key away. ret_size at most SIGN_SIGNATURE_MAX. 0, -EINVAL for a key that is none, -ENOMEM. */
int sign(const SignKey *key, const void *data, size_t size, uint8_t ret[SIGN_SIGNATURE_MAX], size_t *ret_size);

/*
 * A key that is ready to sign: for a key that signs more than once, because making one ready costs as much as a signature. What
 * it holds is in the arena.
 */
typedef struct Signer Signer;

/* 0, -EINVAL for a key that is none, -ENOMEM. */
int signer_new(const SignKey *key, Signer **ret);
/* Wipes and frees. NULL is allowed. Returns NULL. */
Signer *signer_free(Signer *signer);
DEFINE_CLEANUP(Signer *, signer_free)
/* As sign(). */
int signer_sign(Signer *signer, const void *data, size_t size, uint8_t ret[SIGN_SIGNATURE_MAX], size_t *ret_size);

/* 0 when the signature fits, -EBADMSG when not, -EINVAL, -ENOMEM. Only public_key and kind are read. */
int sign_verify(const SignKey *key, const void *data, size_t size, const uint8_t *signature, size_t signature_size);

/* ---- signatures that are made elsewhere, as in a TPM: ECDSA only ---- */

#define SIGN_DIGEST_MAX 64U

/* What the key signs of a message: the hash that goes with its curve. 0, -EINVAL, -ENOMEM. */
int sign_digest(SignKind kind, const void *data, size_t size, uint8_t ret[SIGN_DIGEST_MAX], size_t *ret_size);

/* r ‖ s, each as long as the private value, as DER. -EINVAL for another kind or size. */
int signature_encode(SignKind kind, const uint8_t *pair, size_t size, uint8_t ret[SIGN_SIGNATURE_MAX],
                     size_t *ret_size);
/* And back. -EBADMSG when it is no such signature, or a number is longer than that; -EINVAL for another kind. */
int signature_decode(SignKind kind, const uint8_t *signature, size_t signature_size, uint8_t ret[2 * SIGN_PRIVATE_MAX]);
