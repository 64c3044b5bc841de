/*
 * Showing what others wrote
 *
 * A question is made of words of ours and of names that a program or a site chose. The person must be able to tell
 * them apart, so a name is bounded, stays on its line, and can neither reorder nor imitate the text around it.
 */
#include "daemon/present.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"

typedef struct Sign {
        char sign;
        const char *instead;
} Sign;

static char *replace(const char *text, const Sign signs[3])
{
        _cleanup_free_ char *copy = NULL;
        size_t size;
        FILE *file = open_memstream(&copy, &size);

        if (!file)
                return NULL;
        for (const char *p = text; *p; p++) {
                const char *instead = NULL;

                for (size_t i = 0; i < 3; i++)
                        if (*p == signs[i].sign)
                                instead = signs[i].instead;
                if (instead)
                        (void)fputs(instead, file);
                else
                        (void)fputc(*p, file);
        }
        return fclose(file) < 0 ? NULL : TAKE_PTR(copy);
}

char *present_in_markup(const char *text)
{
        return replace(text, (const Sign[]){{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}});
}

char *present_anywhere(const char *text)
{
        return replace(text, (const Sign[]){{'&', "＆"}, {'<', "‹"}, {'>', "›"}});
}

/* Bytes of the character here; 0: there is none. */
static size_t character(const uint8_t *p)
{
        size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

        return strnlen((const char *)p, n) == n && utf8_valid(p, n) ? n : 0;
}

/* Control characters, separators of lines, what has no width and what turns the direction; of more than one byte. */
static bool is_hidden(const uint8_t *p, size_t n)
{
        if (n == 2)
                return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c); /* U+0080 to U+009F, U+061C */
        if (n != 3)
                return false;
        if (p[0] == 0xef)
                return p[1] == 0xbb && p[2] == 0xbf; /* U+FEFF */
        return p[0] == 0xe2 && ((p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
                                (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf));
}

/* The character here, or a question mark in place of what is none: its bytes. */
static size_t make_character(uint8_t *p)
{
        size_t n = character(p);

        if (n == 0)
                *p = '?';
        return n > 0 ? n : 1;
}

void present_in_line(char *text)
{
        size_t n;

        for (uint8_t *p = (uint8_t *)text; *p; p += n) {
                n = make_character(p);
                if (n == 1 ? *p < 0x20 || *p == 0x7f : is_hidden(p, n))
                        memset(p, ' ', n);
        }
}

char *present_path(const char *path)
{
        char *copy = strdup(path);

        for (uint8_t *p = (uint8_t *)copy; p && *p; p += make_character(p))
                ;
        return copy;
}

char *presentable(const char *text)
{
        size_t size = strlen(text), end = size;
        char *copy;

        if (size > SHOWN_MAX)
                for (end = SHOWN_MAX; end > 0 && ((uint8_t)text[end] & 0xc0) == 0x80; end--)
                        ;
        if (asprintf(&copy, "%.*s%s", (int)end, text, end < size ? "…" : "") < 0)
                return NULL;
        present_in_line(copy);
        for (char *p = copy; (p = strchr(p, '"'));)
                *p = '\'';
        return copy;
}
