/*
 * Locked memory for keys
 *
 * libcrypto's secure heap is a buddy allocator over one mlock()ed mapping with guard pages. A process that may not lock
 * memory still gets the mapping; arena_locked() says which it was, and `keyfob status` shows it.
 */
#include "crypto/arena.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>

/* OpenSSL keeps no record of whether locking succeeded; the answer of the one initialisation is kept here. */
static int arena_state;

int arena_init(void)
{
        if (CRYPTO_secure_malloc_initialized())
                return arena_state == 1 ? 0 : 1;
        if (sodium_init() < 0)
                return -ENOMEM;
        /* Its configuration is read now: later, in a sandbox, it could not be. */
        if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
                return -ENOMEM;
        arena_state = CRYPTO_secure_malloc_init(ARENA_SIZE, 32);
        if (arena_state == 0)
                return -ENOMEM;
        return arena_state == 1 ? 0 : 1;
}

bool arena_locked(void)
{
        return arena_state == 1;
}

void *arena_alloc(size_t size)
{
        /* Without the arena OPENSSL_secure_zalloc() would use the heap. */
        if (!CRYPTO_secure_malloc_initialized())
                return NULL;
        return OPENSSL_secure_zalloc(size);
}

void *arena_free(void *p)
{
        if (p)
                OPENSSL_secure_clear_free(p, OPENSSL_secure_actual_size(p));
        return NULL;
}

Key *key_new(void)
{
        return arena_alloc(sizeof(Key));
}

Key *key_new_random(void)
{
        Key *key = key_new();

        if (key)
                randombytes_buf(key->bytes, sizeof(key->bytes));
        return key;
}

Key *key_new_from(const uint8_t bytes[32])
{
        Key *key = key_new();

        if (key)
                memcpy(key->bytes, bytes, sizeof(key->bytes));
        return key;
}

Key *key_free(Key *key)
{
        return arena_free(key);
}
