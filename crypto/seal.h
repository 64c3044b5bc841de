/*
 * Sealing: XChaCha20-Poly1305 (libsodium), keyed BLAKE2b, and random bytes
 *
 * The vault's own primitives. A sealed box is nonce ‖ ciphertext ‖ tag; the nonce is 192 random bits, so any number of
 * boxes may be made under one key. All functions are total: they fail only as documented. arena_init() comes first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/arena.h"

#define SEAL_NONCE_SIZE 24U
#define SEAL_TAG_SIZE   16U
#define SEAL_OVERHEAD   (SEAL_NONCE_SIZE + SEAL_TAG_SIZE)

/* Writes size + SEAL_OVERHEAD bytes to `ret`. `ad` is bound, not stored. */
void seal(const Key *key, const void *ad, size_t ad_size, const void *plain, size_t size, uint8_t *ret);

/* Opens a box of `size` bytes into `ret` (size - SEAL_OVERHEAD bytes). 0, or -EBADMSG when it is not authentic; `ret`
 * then holds nothing of the content. */
int seal_open(const Key *key, const void *ad, size_t ad_size, const uint8_t *box, size_t size, void *ret);

/* Keyed BLAKE2b with an output of 16 to 64 bytes. */
void mac(const Key *key, const void *data, size_t size, uint8_t *ret, size_t ret_size);

/* A subkey: BLAKE2b-256 keyed with `key` over the label and the context. Distinct labels give independent keys.
 * NULL when the arena is full. */
Key *key_derive(const Key *key, const char *label, const void *context, size_t size);

/* Unkeyed BLAKE2b-256. */
void digest(const void *data, size_t size, uint8_t ret[32]);

void random_bytes(void *ret, size_t size);

/* Equality in constant time. */
bool bytes_equal(const void *a, const void *b, size_t size);
