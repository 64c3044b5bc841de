/*
 * Base64 (RFC 4648, section 4), of what is no secret
 */
#pragma once

#include <stddef.h>

/* A new string, or NULL. */
char *base64_encode(const void *data, size_t size);
