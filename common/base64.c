/*
 * Base64
 *
 * Three bytes are four digits; what is missing of the last three is '='.
 */
#include "common/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_group(const uint8_t *bytes, size_t left, char ret[4])
{
        uint32_t group = (uint32_t)bytes[0] << 16;

        if (left > 1)
                group |= (uint32_t)bytes[1] << 8;
        if (left > 2)
                group |= bytes[2];
        ret[0] = digits[group >> 18];
        ret[1] = digits[group >> 12 & 63];
        ret[2] = left > 1 ? digits[group >> 6 & 63] : '=';
        ret[3] = left > 2 ? digits[group & 63] : '=';
}

char *base64_encode(const void *data, size_t size)
{
        const uint8_t *bytes = data;
        char *text, *to;

        if (size > SIZE_MAX / 4 - 4)
                return NULL;
        text = to = malloc((size + 2) / 3 * 4 + 1);
        if (!text)
                return NULL;
        for (size_t i = 0; i < size; i += 3, to += 4)
                base64_group(bytes + i, size - i, to);
        *to = 0;
        return text;
}

static int digit(char c)
{
        const char *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -EINVAL;
}

int base64_decode(const char *text, size_t size, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t padding = 0, n = 0;

        if (size % 4 != 0)
                return -EINVAL;
        while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
                padding++;
        bytes = malloc(size / 4 * 3 + 1);
        if (!bytes)
                return -ENOMEM;
        for (size_t i = 0; i < size; i += 4) {
                size_t n_digits = i + 4 == size ? 4 - padding : 4;
                uint32_t group = 0;

                for (size_t k = 0; k < 4; k++) {
                        int value = k < n_digits ? digit(text[i + k]) : 0;

                        if (value < 0)
                                return -EINVAL;
                        group = group << 6 | (uint32_t)value;
                }
                if (group & ((1U << (4 - n_digits) * 8) - 1))
                        return -EINVAL;
                for (size_t k = 0; k < n_digits - 1; k++)
                        bytes[n++] = (uint8_t)(group >> (16 - 8 * k));
        }
        *ret = TAKE_PTR(bytes);
        *ret_size = n;
        return 0;
}
