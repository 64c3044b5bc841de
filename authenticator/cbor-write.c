/*
 * The one encoder: heads by libcbor, which makes the shortest, into memory of the caller's
 *
 * The first thing that does not fit marks the writer failed, and everything after it does nothing. While assertions are on,
 * the writer also follows what it is told, so that a wrong count or order of keys ends a test and not a sign-in.
 */
#include <assert.h>
#include <string.h>

#include "authenticator/cbor.h"

#define HEAD_MAX 9U

#ifndef NDEBUG
/* A value was written from `at` on. */
static void follow(CborWriter *w, size_t at)
{
        CborWriterLevel *level;

        if (at == 0)
                w->depth = 0; /* a new beginning in the same memory */
        if (w->depth == 0)
                return;
        level = w->levels + w->depth - 1;
        if (level->map && level->left % 2 == 0) {
                assert(level->key_size == 0 ||
                       cbor_keys_ascend(w->data + level->key, level->key_size, w->data + at, w->size - at));
                level->key = at;
                level->key_size = w->size - at;
        }
        level->left--;
}

static void follow_container(CborWriter *w, size_t at, size_t n, bool map)
{
        follow(w, at);
        assert(w->depth < CBOR_WRITER_DEPTH);
        w->levels[w->depth++] = (CborWriterLevel){.left = map ? 2 * n : n, .map = map};
}

static void follow_ends(CborWriter *w)
{
        while (w->depth > 0 && w->levels[w->depth - 1].left == 0)
                w->depth--;
}
#else
static void follow(CborWriter *w, size_t at)
{
}

static void follow_container(CborWriter *w, size_t at, size_t n, bool map)
{
}

static void follow_ends(CborWriter *w)
{
}
#endif

/* Counts what libcbor wrote at the end; 0 is its way to say that it did not fit. */
static bool written(CborWriter *w, size_t size)
{
        w->failed = w->failed || size == 0;
        if (w->failed)
                return false;
        w->size += size;
        return true;
}

static uint8_t *end_of(const CborWriter *w)
{
        return w->data + w->size;
}

static size_t room(const CborWriter *w)
{
        return w->failed ? 0 : w->capacity - w->size;
}

static void put_container(CborWriter *w, size_t head, size_t n, bool map)
{
        size_t at = w->size;

        if (!written(w, head))
                return;
        follow_container(w, at, n, map);
        follow_ends(w);
}

static void put_scalar(CborWriter *w, size_t head)
{
        size_t at = w->size;

        if (!written(w, head))
                return;
        follow(w, at);
        follow_ends(w);
}

/* A head and its content: both or neither. */
static void put_string(CborWriter *w, const uint8_t *head, size_t head_size, const void *data, size_t size)
{
        size_t at = w->size;

        if (head_size > room(w) || size > room(w) - head_size) {
                w->failed = true;
                return;
        }
        if (head_size > 0)
                memcpy(end_of(w), head, head_size);
        if (size > 0)
                memcpy(end_of(w) + head_size, data, size);
        w->size += head_size + size;
        follow(w, at);
        follow_ends(w);
}

void put_map(CborWriter *w, size_t n)
{
        put_container(w, cbor_encode_map_start(n, end_of(w), room(w)), n, /* map= */ true);
}

void put_array(CborWriter *w, size_t n)
{
        put_container(w, cbor_encode_array_start(n, end_of(w), room(w)), n, /* map= */ false);
}

void put_uint(CborWriter *w, uint64_t value)
{
        put_scalar(w, cbor_encode_uint(value, end_of(w), room(w)));
}

void put_int(CborWriter *w, int64_t value)
{
        if (value >= 0)
                put_uint(w, (uint64_t)value);
        else
                put_scalar(w, cbor_encode_negint((uint64_t)(-1 - value), end_of(w), room(w)));
}

void put_bool(CborWriter *w, bool value)
{
        put_scalar(w, cbor_encode_bool(value, end_of(w), room(w)));
}

void put_bytes(CborWriter *w, const void *data, size_t size)
{
        uint8_t head[HEAD_MAX];

        put_string(w, head, cbor_encode_bytestring_start(size, head, sizeof(head)), data, size);
}

void put_text_n(CborWriter *w, const char *text, size_t size)
{
        uint8_t head[HEAD_MAX];

        put_string(w, head, cbor_encode_string_start(size, head, sizeof(head)), text, size);
}

void put_text(CborWriter *w, const char *text)
{
        put_text_n(w, text, strlen(text));
}

void put_raw(CborWriter *w, const void *data, size_t size)
{
        put_string(w, NULL, 0, data, size);
}
