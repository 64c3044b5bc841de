/*
 * Names that clients send: cut to what is kept, and made harmless for showing
 *
 * What is stored stays what the relying party sent, as far as it fits; only on the way to a person, control characters go,
 * which could end a line, hide text or turn it around.
 */
#include <string.h>

#include "authenticator/internal.h"

void name_copy(char *ret, size_t max, const char *text, size_t size)
{
        size_t n = size < max ? size : max;

        while (n > 0 && n < size && ((uint8_t)text[n] & 0xc0) == 0x80)
                n--;
        if (n > 0)
                memcpy(ret, text, n);
        ret[n] = 0;
        /* U+0000 is allowed in CBOR's text; here it would hide what comes after it. */
        for (char *zero = ret; (zero = memchr(zero, 0, n - (size_t)(zero - ret)));)
                *zero = ' ';
}

/* The character at the beginning of valid UTF-8, and its size. */
static uint32_t decode(const uint8_t *p, size_t *ret_size)
{
        static const uint8_t masks[] = {0x7f, 0x1f, 0x0f, 0x07};
        size_t more = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
        uint32_t point = p[0] & masks[more];

        for (size_t i = 1; i <= more; i++)
                point = point << 6 | (p[i] & 0x3f);
        *ret_size = more + 1;
        return point;
}

static bool is_control(uint32_t point)
{
        static const struct {
                uint32_t first, last;
        } controls[] = {
                {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},
                {0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069},
        };

        for (size_t i = 0; i < ELEMENTSOF(controls); i++)
                if (point >= controls[i].first && point <= controls[i].last)
                        return true;
        return false;
}

void name_sanitize(char *text)
{
        char *to = text;
        size_t size;

        for (const char *from = text; *from; from += size) {
                if (is_control(decode((const uint8_t *)from, &size))) {
                        *to++ = ' ';
                        continue;
                }
                memmove(to, from, size);
                to += size;
        }
        *to = 0;
}
