/*
 * Block
 *
 * Putting one in and taking it out again gives the text that was there, to the byte: where the last line had no newline, the
 * block brings one and goes without its own.
 */
#include "cli/block.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "common/cleanup.h"

/* Where a line that is just `line` begins, from the beginning of a line on. */
static const char *find_line(const char *text, const char *line)
{
        size_t size = strlen(line);

        while (text && *text) {
                if (strncmp(text, line, size) == 0 && (text[size] == '\n' || !text[size]))
                        return text;
                text = strchr(text, '\n');
                if (text)
                        text++;
        }
        return NULL;
}

/* The first block: where it begins, and what follows it (at a newline, or at the end). NULL: there is none. */
static int find_block(const char *text, const char **ret_begin, const char **ret_rest)
{
        const char *begin = find_line(text, BLOCK_BEGIN), *end = begin ? find_line(begin, BLOCK_END) : NULL;

        if (begin && !end)
                return BLOCK_BROKEN;
        *ret_begin = begin;
        *ret_rest = end ? end + strlen(BLOCK_END) : NULL;
        return BLOCK_OK;
}

int block_take(const char *text, char **ret)
{
        _cleanup_free_ char *result = malloc(strlen(text) + 1);
        const char *begin, *rest;
        char *to = result;
        int r;

        if (!result)
                return -ENOMEM;
        for (;;) {
                r = find_block(text, &begin, &rest);
                if (r != BLOCK_OK)
                        return r;
                if (!begin)
                        break;
                to = mempcpy(to, text, (size_t)(begin - text));
                if (*rest)
                        rest++;
                else if (to > result)
                        to--;
                text = rest;
        }
        (void)strcpy(to, text);
        *ret = TAKE_PTR(result);
        return BLOCK_OK;
}

/* Where the block is now, with the others out. */
static int replace(const char *text, const char *begin, const char *rest, const char *body, char **ret)
{
        _cleanup_free_ char *others = NULL;
        char *result;
        int r;

        r = block_take(rest, &others);
        if (r != BLOCK_OK)
                return r;
        result = text_format("%.*s" BLOCK_BEGIN "\n%s" BLOCK_END "%s", (int)(begin - text), text, body, others);
        if (!result)
                return -ENOMEM;
        *ret = result;
        return BLOCK_OK;
}

int block_put(const char *text, const char *body, BlockPlace place, char **ret)
{
        _cleanup_free_ char *without = NULL;
        char *result;
        const char *begin, *rest;
        size_t size;
        bool whole;
        int r;

        r = find_block(text, &begin, &rest);
        if (r != BLOCK_OK)
                return r;
        if (begin && place == BLOCK_AT_END)
                return replace(text, begin, rest, body, ret);
        r = block_take(text, &without);
        if (r != BLOCK_OK)
                return r;
        size = strlen(without);
        whole = size == 0 || without[size - 1] == '\n';
        if (place == BLOCK_AT_TOP)
                result = text_format(BLOCK_BEGIN "\n%s" BLOCK_END "\n%s", body, without);
        else
                result = text_format("%s%s" BLOCK_BEGIN "\n%s" BLOCK_END "%s", without, whole ? "" : "\n", body,
                                     whole ? "\n" : "");
        if (!result)
                return -ENOMEM;
        *ret = result;
        return BLOCK_OK;
}
