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

void name_sanitize(char *text)
{
        char *to = text;
        size_t size;

        for (const char *from = text; *from; from += size) {
                if (utf8_is_control(from, &size)) {
                        *to++ = ' ';
                        continue;
                }
                memmove(to, from, size);
                to += size;
        }
        *to = 0;
}
