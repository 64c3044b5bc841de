/*
 * SHA-256, HMAC and HKDF from libsodium's parts
 *
 * libsodium 1.0.18 has HMAC for keys of any size, but not yet HKDF, which is two dozen lines on top. Hash states and
 * intermediate keys are wiped: what is hashed here may be a PIN or a shared secret.
 */
#include "crypto/sha.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define HKDF_BLOCKS_MAX 255U

/* libsodium wants a pointer, even to nothing. */
static const void *some(const void *data, size_t size)
{
        return size > 0 ? data : "";
}

void sha256(const void *data, size_t size, uint8_t ret[SHA256_SIZE])
{
        sha256_two(data, size, NULL, 0, ret);
}

void sha512(const void *data, size_t size, uint8_t ret[SHA512_SIZE])
{
        (void)crypto_hash_sha512(ret, some(data, size), size);
}

void sha256_two(const void *a, size_t a_size, const void *b, size_t b_size, uint8_t ret[SHA256_SIZE])
{
        crypto_hash_sha256_state state;

        (void)crypto_hash_sha256_init(&state);
        (void)crypto_hash_sha256_update(&state, some(a, a_size), a_size);
        (void)crypto_hash_sha256_update(&state, some(b, b_size), b_size);
        (void)crypto_hash_sha256_final(&state, ret);
        sodium_memzero(&state, sizeof(state));
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[SHA256_SIZE])
{
        crypto_auth_hmacsha256_state state;

        (void)crypto_auth_hmacsha256_init(&state, some(key, key_size), key_size);
        (void)crypto_auth_hmacsha256_update(&state, some(data, size), size);
        (void)crypto_auth_hmacsha256_final(&state, ret);
        sodium_memzero(&state, sizeof(state));
}

void hkdf_sha256(const void *salt, size_t salt_size, const void *key, size_t key_size, const void *info,
                 size_t info_size, uint8_t *ret, size_t ret_size)
{
        crypto_auth_hmacsha256_state state;
        uint8_t extracted[SHA256_SIZE], block[SHA256_SIZE];
        size_t done = 0;

        assert(ret_size <= (size_t)HKDF_BLOCKS_MAX * SHA256_SIZE);
        /* No salt is a salt of zeros, which HMAC pads an empty key to by itself. */
        hmac_sha256(salt, salt_size, key, key_size, extracted);
        for (uint8_t i = 1; done < ret_size; i++) {
                size_t n = ret_size - done < sizeof(block) ? ret_size - done : sizeof(block);

                (void)crypto_auth_hmacsha256_init(&state, extracted, sizeof(extracted));
                if (i > 1)
                        (void)crypto_auth_hmacsha256_update(&state, block, sizeof(block));
                (void)crypto_auth_hmacsha256_update(&state, some(info, info_size), info_size);
                (void)crypto_auth_hmacsha256_update(&state, &i, 1);
                (void)crypto_auth_hmacsha256_final(&state, block);
                memcpy(ret + done, block, n);
                done += n;
        }
        sodium_memzero(&state, sizeof(state));
        sodium_memzero(extracted, sizeof(extracted));
        sodium_memzero(block, sizeof(block));
}
