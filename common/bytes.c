/*
 * Reading and writing binary formats
 *
 * All bounds checks of Keyfob's own formats are in this file. Parsers built on it contain no pointer arithmetic.
 */
#include "common/bytes.h"

#include <string.h>

#include "common/cleanup.h"

const uint8_t *byte_reader_raw(ByteReader *reader, size_t size)
{
        const uint8_t *data = reader->data;

        if (reader->failed || size > reader->size) {
                reader->failed = true;
                return NULL;
        }
        if (size == 0)
                return data; /* no arithmetic: a reader of nothing may be at NULL */
        reader->data += size;
        reader->size -= size;
        return data;
}

void byte_reader_copy(ByteReader *reader, void *ret, size_t size)
{
        const uint8_t *data = byte_reader_raw(reader, size);

        if (data && size > 0)
                memcpy(ret, data, size);
}

static uint64_t read_le(ByteReader *reader, size_t size)
{
        const uint8_t *data = byte_reader_raw(reader, size);
        uint64_t value = 0;

        if (!data)
                return 0;
        for (size_t i = size; i > 0; i--)
                value = value << 8 | data[i - 1];
        return value;
}

uint8_t byte_reader_u8(ByteReader *reader)
{
        return (uint8_t)read_le(reader, 1);
}

uint16_t byte_reader_u16(ByteReader *reader)
{
        return (uint16_t)read_le(reader, 2);
}

uint32_t byte_reader_u32(ByteReader *reader)
{
        return (uint32_t)read_le(reader, 4);
}

uint64_t byte_reader_u64(ByteReader *reader)
{
        return read_le(reader, 8);
}

const uint8_t *byte_reader_blob(ByteReader *reader, size_t max, size_t *ret_size)
{
        uint32_t size = byte_reader_u32(reader);
        const uint8_t *data;

        if (size > max)
                reader->failed = true;
        data = byte_reader_raw(reader, size);
        *ret_size = data ? size : 0;
        return data;
}

char *byte_reader_string(ByteReader *reader, size_t max)
{
        const uint8_t *data;
        size_t size;
        char *string;

        data = byte_reader_blob(reader, max, &size);
        if (!data || !utf8_valid(data, size)) {
                reader->failed = true;
                return NULL;
        }
        string = malloc(size + 1);
        if (!string) {
                reader->failed = true;
                return NULL;
        }
        memcpy(string, data, size);
        string[size] = 0;
        return string;
}

bool byte_reader_done(const ByteReader *reader)
{
        return !reader->failed && reader->size == 0;
}

uint8_t *byte_writer_reserve(ByteWriter *writer, size_t size)
{
        uint8_t *at;

        if (writer->failed || size > SIZE_MAX / 4 - writer->size) {
                writer->failed = true;
                return NULL;
        }
        if (size > writer->capacity - writer->size) {
                size_t capacity = (writer->size + size) * 2 < 256 ? 256 : (writer->size + size) * 2;
                uint8_t *data = malloc(capacity);

                if (!data) {
                        writer->failed = true;
                        return NULL;
                }
                /* Not realloc(): it would leave the old bytes behind. */
                if (writer->data) {
                        memcpy(data, writer->data, writer->size);
                        explicit_bzero(writer->data, writer->size);
                        free(writer->data);
                }
                writer->data = data;
                writer->capacity = capacity;
        }
        if (!writer->data)
                return NULL; /* nothing was asked for, and there is nothing yet */
        at = writer->data + writer->size;
        writer->size += size;
        return at;
}

void byte_writer_raw(ByteWriter *writer, const void *data, size_t size)
{
        uint8_t *at = byte_writer_reserve(writer, size);

        if (at && size > 0)
                memcpy(at, data, size);
}

static void write_le(ByteWriter *writer, uint64_t value, size_t size)
{
        uint8_t *at = byte_writer_reserve(writer, size);

        if (!at)
                return;
        for (size_t i = 0; i < size; i++) {
                at[i] = (uint8_t)value;
                value >>= 8;
        }
}

void byte_writer_u8(ByteWriter *writer, uint8_t value)
{
        write_le(writer, value, 1);
}

void byte_writer_u16(ByteWriter *writer, uint16_t value)
{
        write_le(writer, value, 2);
}

void byte_writer_u32(ByteWriter *writer, uint32_t value)
{
        write_le(writer, value, 4);
}

void byte_writer_u64(ByteWriter *writer, uint64_t value)
{
        write_le(writer, value, 8);
}

void byte_writer_blob(ByteWriter *writer, const void *data, size_t size)
{
        if (size > UINT32_MAX) {
                writer->failed = true;
                return;
        }
        byte_writer_u32(writer, (uint32_t)size);
        byte_writer_raw(writer, data, size);
}

void byte_writer_string(ByteWriter *writer, const char *string)
{
        byte_writer_blob(writer, string, strlen(string));
}

void byte_writer_done(ByteWriter *writer)
{
        if (writer->data)
                explicit_bzero(writer->data, writer->size);
        free(writer->data);
        *writer = BYTE_WRITER_NULL;
}

/* Eight bytes at once: whether each is of ASCII, and none is NUL. */
static bool is_plain(const uint8_t *p)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        return ((word | (word - ones)) & high) == 0;
}

bool utf8_valid(const void *data, size_t size)
{
        const uint8_t *p = data, *end;

        if (size == 0)
                return true; /* of nothing at all, which may be at NULL */
        end = p + size;
        while (p < end) {
                uint32_t point;
                size_t more;

                if (end - p >= 8 && is_plain(p)) {
                        p += 8;
                        continue;
                }
                if (*p == 0)
                        return false;
                if (*p < 0x80) {
                        p++;
                        continue;
                }
                if ((*p & 0xe0) == 0xc0) {
                        point = *p & 0x1f;
                        more = 1;
                } else if ((*p & 0xf0) == 0xe0) {
                        point = *p & 0x0f;
                        more = 2;
                } else if ((*p & 0xf8) == 0xf0) {
                        point = *p & 0x07;
                        more = 3;
                } else
                        return false;
                if ((size_t)(end - p) <= more)
                        return false;
                for (size_t i = 1; i <= more; i++) {
                        if ((p[i] & 0xc0) != 0x80)
                                return false;
                        point = point << 6 | (p[i] & 0x3f);
                }
                if (point < (uint32_t[]){0, 0x80, 0x800, 0x10000}[more] || point > 0x10ffff ||
                    (point >= 0xd800 && point < 0xe000))
                        return false;
                p += more + 1;
        }
        return true;
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

bool utf8_is_control(const void *character, size_t *ret_size)
{
        static const struct {
                uint32_t first, last;
        } controls[] = {
                {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},
                {0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069},
        };
        uint32_t point = decode(character, ret_size);

        for (size_t i = 0; i < ELEMENTSOF(controls); i++)
                if (point >= controls[i].first && point <= controls[i].last)
                        return true;
        return false;
}
