/*
 * Reading and writing SSH's data types
 *
 * A parser of messages has no arithmetic of its own on what came from outside: bounds are checked in common/bytes.c, the order
 * of bytes is here.
 */
#include "sshagent/wire.h"

#include <string.h>

bool span_equal(Span a, Span b)
{
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool span_is(Span span, const char *text)
{
        return span_equal(span, (Span){(const uint8_t *)text, strlen(text)});
}

bool span_ends(Span span, const char *text)
{
        size_t n = strlen(text);

        return span.size >= n && memcmp(span.data + span.size - n, text, n) == 0;
}

static uint64_t read_be(ByteReader *reader, size_t size)
{
        const uint8_t *data = byte_reader_raw(reader, size);
        uint64_t value = 0;

        for (size_t i = 0; data && i < size; i++)
                value = value << 8 | data[i];
        return value;
}

uint32_t wire_u32(ByteReader *reader)
{
        return (uint32_t)read_be(reader, 4);
}

uint64_t wire_u64(ByteReader *reader)
{
        return read_be(reader, 8);
}

bool wire_bool(ByteReader *reader)
{
        return byte_reader_u8(reader) != 0;
}

Span wire_string(ByteReader *reader)
{
        uint32_t size = wire_u32(reader);
        const uint8_t *data = byte_reader_raw(reader, size);

        return data ? (Span){data, size} : (Span){0};
}

Span wire_text(ByteReader *reader)
{
        Span text = wire_string(reader);

        if (text.size > 0 && memchr(text.data, 0, text.size)) {
                reader->failed = true;
                return (Span){0};
        }
        return text;
}

Span wire_number(ByteReader *reader)
{
        Span number = wire_string(reader);

        if (number.size > 0 && number.data[0] & 0x80) {
                reader->failed = true;
                return (Span){0};
        }
        while (number.size > 0 && number.data[0] == 0) {
                number.data++;
                number.size--;
        }
        return number;
}

static void store_be(uint8_t *to, uint32_t value)
{
        for (size_t i = 0; i < 4; i++)
                to[i] = (uint8_t)(value >> (24 - 8 * i));
}

void wire_put_u32(ByteWriter *writer, uint32_t value)
{
        uint8_t *to = byte_writer_reserve(writer, 4);

        if (to)
                store_be(to, value);
}

void wire_put_string(ByteWriter *writer, const void *data, size_t size)
{
        wire_put_u32(writer, (uint32_t)size);
        byte_writer_raw(writer, data, size);
}

void wire_put_text(ByteWriter *writer, const char *text)
{
        wire_put_string(writer, text, strlen(text));
}

void wire_put_number(ByteWriter *writer, const void *number, size_t size)
{
        const uint8_t *bytes = number;
        bool sign;

        while (size > 0 && *bytes == 0) {
                bytes++;
                size--;
        }
        sign = size > 0 && *bytes & 0x80;
        wire_put_u32(writer, (uint32_t)(size + sign));
        if (sign)
                byte_writer_u8(writer, 0);
        byte_writer_raw(writer, bytes, size);
}

size_t wire_begin(ByteWriter *writer)
{
        size_t begun = writer->size;

        wire_put_u32(writer, 0);
        return begun;
}

void wire_end(ByteWriter *writer, size_t begun)
{
        if (!writer->failed)
                store_be(writer->data + begun, (uint32_t)(writer->size - begun - 4));
}

/* How long the character is that begins at `data`; 0 when none does. */
static size_t character(const uint8_t *data, size_t size)
{
        for (size_t n = 1; n <= 4 && n <= size; n++)
                if (utf8_valid(data, n))
                        return n;
        return 0;
}

char *wire_presentable(Span span, size_t max)
{
        char *text = malloc((span.size < max ? span.size : max) + 1);
        size_t at = 0, to = 0;

        if (!text)
                return NULL;
        while (at < span.size) {
                const uint8_t *p = span.data + at;
                size_t n = character(p, span.size - at);
                /* C0, DEL, and C1, which is C2 80 to C2 9F */
                bool control = n == 0 || *p < 0x20 || *p == 0x7f || (n == 2 && *p == 0xc2 && p[1] < 0xa0);

                if (n == 0)
                        n = 1;
                if (to + (control ? 1 : n) > max)
                        break;
                if (control)
                        text[to++] = '?';
                else
                        for (size_t i = 0; i < n; i++)
                                text[to++] = (char)p[i];
                at += n;
        }
        text[to] = 0;
        return text;
}
