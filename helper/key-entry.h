/*
 * Entries: what a key says of itself, on its way to the daemon (helper/key.h)
 *
 * Texts come from the key: what is not UTF-8 in them becomes '?', and they are cut to KEY_TEXT_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

void entry_bool(ByteWriter *to, const char *name, bool value);
void entry_u32(ByteWriter *to, const char *name, uint64_t value); /* UINT32_MAX when it is larger */
void entry_i32(ByteWriter *to, const char *name, int32_t value);
void entry_u64(ByteWriter *to, const char *name, uint64_t value);
/* NULL adds nothing. */
void entry_text(ByteWriter *to, const char *name, const char *value);
void entry_bytes(ByteWriter *to, const char *name, const void *data, size_t size);
void entry_texts(ByteWriter *to, const char *name, char *const *values, size_t n);
void entry_flags(ByteWriter *to, const char *name, char *const *names, const bool *values, size_t n);

/* The head of a list of numbers: as many of byte_writer_u32() follow as it answers. */
size_t entry_numbers(ByteWriter *to, const char *name, size_t n);
