/*
 * AES-CBC, block by block
 *
 * No padding and no MAC: the callers' protocols fix the sizes and authenticate on their own.
 */
#include "crypto/cbc.h"

#include <errno.h>
#include <limits.h>

#include "crypto/pkey.h"

static int cbc(int encrypt, const uint8_t *key, size_t key_size, const uint8_t *iv, const void *data, size_t size,
               uint8_t *ret)
{
        _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
        const EVP_CIPHER *cipher = key_size == 16 ? EVP_aes_128_cbc() : key_size == 32 ? EVP_aes_256_cbc() : NULL;
        int n = 0;

        if (!cipher || size % CBC_BLOCK_SIZE != 0 || size > INT_MAX)
                return -EINVAL;
        if (size == 0)
                return 0;
        ctx = EVP_CIPHER_CTX_new();
        if (!ctx || !EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) ||
            !EVP_CIPHER_CTX_set_padding(ctx, 0) || !EVP_CipherUpdate(ctx, ret, &n, data, (int)size) ||
            (size_t)n != size)
                return openssl_failed(-ENOMEM);
        return 0;
}

int cbc_encrypt(const uint8_t *key, size_t key_size, const uint8_t iv[CBC_BLOCK_SIZE], const void *data, size_t size,
                uint8_t *ret)
{
        return cbc(1, key, key_size, iv, data, size, ret);
}

int cbc_decrypt(const uint8_t *key, size_t key_size, const uint8_t iv[CBC_BLOCK_SIZE], const void *data, size_t size,
                uint8_t *ret)
{
        return cbc(0, key, key_size, iv, data, size, ret);
}
