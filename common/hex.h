/* Hexadecimal text of bytes, as slot ids and digests are shown. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Writes 2 × size lower-case digits and a NUL to `ret`. */
void hex_encode(const void *data, size_t size, char *ret);

/* Reads exactly 2 × size digits (either case). 0, or -EINVAL. */
int hex_decode(const char *text, uint8_t *ret, size_t size);
