/*
 * SHA-2, HMAC and HKDF: what FIDO's protocols hash and derive with
 *
 * Total functions (libsodium): they allocate nothing and cannot fail. The vault's own hash is BLAKE2b (seal.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32U
#define SHA512_SIZE 64U

/* SHA-256 (FIPS 180-4). */
void sha256(const void *data, size_t size, uint8_t ret[SHA256_SIZE]);

/* SHA-512 (FIPS 180-4). */
void sha512(const void *data, size_t size, uint8_t ret[SHA512_SIZE]);

/* SHA-256 over two pieces, one after the other. */
void sha256_two(const void *a, size_t a_size, const void *b, size_t b_size, uint8_t ret[SHA256_SIZE]);

/* HMAC-SHA-256 (RFC 2104), any key size. */
void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[SHA256_SIZE]);

/* HKDF-SHA-256 (RFC 5869). `ret_size` at most 255 × 32. */
void hkdf_sha256(const void *salt, size_t salt_size, const void *key, size_t key_size, const void *info,
                 size_t info_size, uint8_t *ret, size_t ret_size);
