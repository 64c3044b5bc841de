/*
 * Base64
 *
 * Three bytes are four digits; what is missing of the last three is '='.
 */
#include "common/base64.h"

#include <stdint.h>
#include <stdlib.h>

char *base64_encode(const void *data, size_t size)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *bytes = data;
        char *text, *to;

        if (size > SIZE_MAX / 4 - 4)
                return NULL;
        text = to = malloc((size + 2) / 3 * 4 + 1);
        if (!text)
                return NULL;
        for (size_t i = 0; i < size; i += 3) {
                size_t left = size - i;
                uint32_t group = (uint32_t)bytes[i] << 16;

                if (left > 1)
                        group |= (uint32_t)bytes[i + 1] << 8;
                if (left > 2)
                        group |= bytes[i + 2];
                *to++ = digits[group >> 18];
                *to++ = digits[group >> 12 & 63];
                *to++ = left > 1 ? digits[group >> 6 & 63] : '=';
                *to++ = left > 2 ? digits[group & 63] : '=';
        }
        *to = 0;
        return text;
}
