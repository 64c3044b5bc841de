/*
 * AES-CBC without padding, as CTAP's PIN protocols and its encrypted getInfo fields use it (OpenSSL)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CBC_BLOCK_SIZE 16U

/* `key_size` 16 or 32; `size` a multiple of 16, 0 allowed; `ret` (size bytes) may be `data`. 0, -EINVAL for a wrong size,
 * -ENOMEM. */
int cbc_encrypt(const uint8_t *key, size_t key_size, const uint8_t iv[CBC_BLOCK_SIZE], const void *data, size_t size,
                uint8_t *ret);
int cbc_decrypt(const uint8_t *key, size_t key_size, const uint8_t iv[CBC_BLOCK_SIZE], const void *data, size_t size,
                uint8_t *ret);
