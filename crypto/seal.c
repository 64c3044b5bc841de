/*
 * The vault's primitives
 *
 * Thin on purpose: one call of libsodium each, so that a reader of store/ sees what is computed and a reviewer of
 * cryptography needs this file only. key_derive() frames its label (length byte, label, context), so no two
 * (label, context) pairs give the same input.
 */
#include "crypto/seal.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

void seal(const Key *key, const void *ad, size_t ad_size, const void *plain, size_t size, uint8_t *ret)
{
        randombytes_buf(ret, SEAL_NONCE_SIZE);
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret + SEAL_NONCE_SIZE, NULL, plain, size, ad, ad_size, NULL,
                                                         ret, key->bytes);
}

int seal_open(const Key *key, const void *ad, size_t ad_size, const uint8_t *box, size_t size, void *ret)
{
        if (size < SEAL_OVERHEAD)
                return -EBADMSG;
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, box + SEAL_NONCE_SIZE, size - SEAL_NONCE_SIZE,
                                                       ad, ad_size, box, key->bytes) != 0)
                return -EBADMSG;
        return 0;
}

void mac(const Key *key, const void *data, size_t size, uint8_t *ret, size_t ret_size)
{
        assert(ret_size >= crypto_generichash_BYTES_MIN && ret_size <= crypto_generichash_BYTES_MAX);
        (void)crypto_generichash(ret, ret_size, data, size, key->bytes, sizeof(key->bytes));
}

Key *key_derive(const Key *key, const char *label, const void *context, size_t size)
{
        crypto_generichash_state state;
        uint8_t length = (uint8_t)strlen(label);
        Key *derived = key_new();

        assert(strlen(label) < 256);
        if (!derived)
                return NULL;
        (void)crypto_generichash_init(&state, key->bytes, sizeof(key->bytes), sizeof(derived->bytes));
        (void)crypto_generichash_update(&state, &length, 1);
        (void)crypto_generichash_update(&state, (const uint8_t *)label, length);
        if (size > 0)
                (void)crypto_generichash_update(&state, context, size);
        (void)crypto_generichash_final(&state, derived->bytes, sizeof(derived->bytes));
        sodium_memzero(&state, sizeof(state));
        return derived;
}

void digest(const void *data, size_t size, uint8_t ret[32])
{
        (void)crypto_generichash(ret, 32, data, size, NULL, 0);
}

void random_bytes(void *ret, size_t size)
{
        randombytes_buf(ret, size);
}

bool bytes_equal(const void *a, const void *b, size_t size)
{
        return sodium_memcmp(a, b, size) == 0;
}
