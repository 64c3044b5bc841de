/*
 * Bytes: the only way binary formats are read and written
 *
 * A ByteReader walks over memory it does not own and never past its end: the first short read marks it failed, every
 * later one returns zero or NULL, and the caller looks once, at the end. A ByteWriter grows; what it held is wiped when
 * it goes, because records pass through it. Integers are little-endian, byte strings have a 32-bit length before them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

typedef struct ByteReader {
        const uint8_t *data;
        size_t size; /* bytes left */
        bool failed;
} ByteReader;

#define BYTE_READER(bytes, n) ((ByteReader){.data = (bytes), .size = (n)})

uint8_t byte_reader_u8(ByteReader *reader);
uint16_t byte_reader_u16(ByteReader *reader);
uint32_t byte_reader_u32(ByteReader *reader);
uint64_t byte_reader_u64(ByteReader *reader);

/* `size` raw bytes, or NULL. The memory stays the reader's. */
const uint8_t *byte_reader_raw(ByteReader *reader, size_t size);

/* The same, copied to `ret`, which stays as it was when there are fewer. */
void byte_reader_copy(ByteReader *reader, void *ret, size_t size);

/* A length and that many bytes, at most `max`; a longer one fails the reader. */
const uint8_t *byte_reader_blob(ByteReader *reader, size_t max, size_t *ret_size);

/* A blob that must be UTF-8 free of NUL bytes, copied to a new string. NULL on failure (or out of memory). */
char *byte_reader_string(ByteReader *reader, size_t max);

/* True when nothing failed and nothing is left over. */
bool byte_reader_done(const ByteReader *reader);

typedef struct ByteWriter {
        uint8_t *data;
        size_t size;
        size_t capacity;
        bool failed; /* out of memory; later writes do nothing */
} ByteWriter;

#define BYTE_WRITER_NULL ((ByteWriter){0})

void byte_writer_u8(ByteWriter *writer, uint8_t value);
void byte_writer_u16(ByteWriter *writer, uint16_t value);
void byte_writer_u32(ByteWriter *writer, uint32_t value);
void byte_writer_u64(ByteWriter *writer, uint64_t value);
void byte_writer_raw(ByteWriter *writer, const void *data, size_t size);
void byte_writer_blob(ByteWriter *writer, const void *data, size_t size);
void byte_writer_string(ByteWriter *writer, const char *string);

/* Room for `size` more bytes (not 0); returns where they begin, or NULL. They count as written. */
uint8_t *byte_writer_reserve(ByteWriter *writer, size_t size);

/* Wipes and frees the content; the writer is empty again. */
void byte_writer_done(ByteWriter *writer);

/* Strict UTF-8 (no surrogates, no overlong forms, no NUL). */
bool utf8_valid(const void *data, size_t size);

/* Whether a character of valid UTF-8 is none to show, because it can end a line, hide text or turn its direction: controls of both ranges,
 * separators of lines and paragraphs, and marks of direction. ret_size: its bytes. */
bool utf8_is_control(const void *character, size_t *ret_size);
