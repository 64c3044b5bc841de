/*
 * Wire: the data types of SSH (RFC 4251, section 5)
 *
 * The same readers and writers as for our own formats (common/bytes.h), with what SSH does otherwise: integers are
 * big-endian. A reader that failed stays failed and gives zero or NULL.
 */
#pragma once

#include "common/bytes.h"

/* Bytes that are somebody else's. */
typedef struct Span {
        const uint8_t *data;
        size_t size;
} Span;

bool span_equal(Span a, Span b);
bool span_is(Span span, const char *text);
bool span_ends(Span span, const char *text);

static inline ByteReader span_reader(Span span)
{
        return BYTE_READER(span.data, span.size);
}

uint32_t wire_u32(ByteReader *reader);
uint64_t wire_u64(ByteReader *reader);
/* Whatever is not 0 is true. */
bool wire_bool(ByteReader *reader);
Span wire_string(ByteReader *reader);
/* A string without NUL bytes. */
Span wire_text(ByteReader *reader);
/* A number that is not negative, without its leading zeros; empty for zero. */
Span wire_number(ByteReader *reader);

void wire_put_u32(ByteWriter *writer, uint32_t value);
void wire_put_string(ByteWriter *writer, const void *data, size_t size);
void wire_put_text(ByteWriter *writer, const char *text);
/* Leading zeros of `number` are left out. */
void wire_put_number(ByteWriter *writer, const void *number, size_t size);

/* A string whose size is known when it has been written: begin, write, end. */
size_t wire_begin(ByteWriter *writer);
void wire_end(ByteWriter *writer, size_t begun);

/* A new string: control characters and what is not UTF-8 are question marks. At most `max` bytes. NULL: no memory. */
char *wire_presentable(Span span, size_t max);
