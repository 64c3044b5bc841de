/* Hexadecimal text */
#include "common/hex.h"

#include <errno.h>
#include <string.h>

void hex_encode(const void *data, size_t size, char *ret)
{
        const uint8_t *p = data;

        for (size_t i = 0; i < size; i++) {
                ret[2 * i] = "0123456789abcdef"[p[i] >> 4];
                ret[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
        }
        ret[2 * size] = 0;
}

static int digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int hex_decode(const char *text, uint8_t *ret, size_t size)
{
        if (strlen(text) != 2 * size)
                return -EINVAL;
        for (size_t i = 0; i < size; i++) {
                int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EINVAL;
                ret[i] = (uint8_t)(high << 4 | low);
        }
        return 0;
}
