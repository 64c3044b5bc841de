/*
 * Entries
 */
#include "helper/key-entry.h"

#include <string.h>

#include "helper/key.h"

static void head(ByteWriter *to, const char *name, char type)
{
        byte_writer_string(to, name);
        byte_writer_u8(to, (uint8_t)type);
}

/* The longest beginning of `text` that is whole in UTF-8. */
static size_t cut(const char *text, size_t size)
{
        if (size <= KEY_TEXT_MAX)
                return size;
        for (size = KEY_TEXT_MAX; size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80;)
                size--;
        return size;
}

static void text(ByteWriter *to, const char *value)
{
        size_t size = cut(value, strlen(value));
        uint8_t *copy;

        if (utf8_valid(value, size)) {
                byte_writer_blob(to, value, size);
                return;
        }
        byte_writer_u32(to, (uint32_t)size);
        copy = byte_writer_reserve(to, size);
        for (size_t i = 0; copy && i < size; i++)
                copy[i] = (uint8_t)value[i] < 0x80 ? (uint8_t)value[i] : '?';
}

void entry_bool(ByteWriter *to, const char *name, bool value)
{
        head(to, name, 'b');
        byte_writer_u8(to, value);
}

void entry_u32(ByteWriter *to, const char *name, uint64_t value)
{
        head(to, name, 'u');
        byte_writer_u32(to, value < UINT32_MAX ? (uint32_t)value : UINT32_MAX);
}

void entry_i32(ByteWriter *to, const char *name, int32_t value)
{
        head(to, name, 'i');
        byte_writer_u32(to, (uint32_t)value);
}

void entry_u64(ByteWriter *to, const char *name, uint64_t value)
{
        head(to, name, 't');
        byte_writer_u64(to, value);
}

void entry_text(ByteWriter *to, const char *name, const char *value)
{
        if (!value)
                return;
        head(to, name, 's');
        text(to, value);
}

void entry_bytes(ByteWriter *to, const char *name, const void *data, size_t size)
{
        head(to, name, 'y');
        byte_writer_blob(to, data, size);
}

static size_t list(ByteWriter *to, const char *name, char type, size_t n)
{
        if (n > KEY_LIST_MAX)
                n = KEY_LIST_MAX;
        head(to, name, type);
        byte_writer_u16(to, (uint16_t)n);
        return n;
}

void entry_texts(ByteWriter *to, const char *name, char *const *values, size_t n)
{
        n = list(to, name, 'S', n);
        for (size_t i = 0; i < n; i++)
                text(to, values[i]);
}

void entry_flags(ByteWriter *to, const char *name, char *const *names, const bool *values, size_t n)
{
        n = list(to, name, 'B', n);
        for (size_t i = 0; i < n; i++) {
                text(to, names[i]);
                byte_writer_u8(to, values[i]);
        }
}

size_t entry_numbers(ByteWriter *to, const char *name, size_t n)
{
        return list(to, name, 'I', n);
}
