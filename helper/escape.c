/*
 * Escaping
 *
 * What a program calls itself ends up in a question at a terminal. An escape sequence in it could rewrite the
 * question, and a line feed in an Assuan line could add commands. Text is cut between characters, never inside one.
 */
#include "helper/escape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char ellipsis[] = "…";

static size_t character_size(const unsigned char *p)
{
        size_t size = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

        for (size_t i = 1; i < size; i++)
                if (!p[i])
                        return i;
        return size;
}

/* C0, DEL and C1 (U+0080 to U+009F). */
static bool is_control(const unsigned char *p)
{
        return *p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f);
}

char *escape_text(const char *text, size_t max)
{
        const unsigned char *p = (const unsigned char *)text;
        size_t used = 0, cut = 0;
        char *escaped;

        escaped = malloc(max + 1);
        if (!escaped)
                return NULL;

        while (*p) {
                size_t size = character_size(p);
                const char *piece = (const char *)p;
                size_t n = size;

                if (*p == '\n')
                        piece = "%0A", n = 3;
                else if (*p == '%')
                        piece = "%25", n = 3;
                else if (is_control(p))
                        piece = "?", n = 1;

                if (used + n > max) {
                        memcpy(escaped + cut, ellipsis, sizeof(ellipsis) - 1);
                        used = cut + sizeof(ellipsis) - 1;
                        break;
                }
                memcpy(escaped + used, piece, n);
                used += n;
                if (used + sizeof(ellipsis) - 1 <= max)
                        cut = used;
                p += size;
        }

        escaped[used] = 0;
        return escaped;
}
