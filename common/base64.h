/*
 * Base64 (RFC 4648, section 4), of what is no secret
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A new string, or NULL. */
char *base64_encode(const void *data, size_t size);

/* Three bytes, or the `left` last ones, as four digits: for who has a place of its own for them. */
void base64_group(const uint8_t *bytes, size_t left, char ret[4]);

/* Decodes whole groups of four, with their padding and nothing else in between, as new bytes of the caller's. What the last
 * digit says beyond the last byte must be zero, so that bytes have one text. 0, -EINVAL, -ENOMEM. */
int base64_decode(const char *text, size_t size, uint8_t **ret, size_t *ret_size);
