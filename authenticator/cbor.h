/*
 * CBOR, the CTAP2 canonical form (section 8)
 *
 * Reading has two steps. cbor_read() first walks over the bytes with libcbor's streaming decoder and refuses
 * everything that is not canonical or too large, and only then lets libcbor build a tree; after that the value_*()
 * functions take typed values from it. They treat NULL (map_get() of an absent key) as CTAP2_ERR_MISSING_PARAMETER, so
 * that a required member is one line, and an optional one is guarded by an if. Pointers they give lie in the tree.
 *
 * Writing goes to memory of the caller's and never past it. Maps and arrays are announced with their number of
 * members; keys must come in canonical order (asserted).
 */
#pragma once

#include <cbor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authenticator/limits.h"
#include "common/cleanup.h"

static inline void cbor_item_donep(cbor_item_t **item)
{
        if (*item)
                cbor_decref(item);
}

/*
 * Checks and decodes exactly one value. CTAP_OK, CTAP2_ERR_INVALID_CBOR (not well-formed, not canonical: order or
 * duplicates of keys, longer than needed integers, indefinite lengths, tags, floats, trailing bytes, nesting, not
 * UTF-8), CTAP1_ERR_INVALID_LENGTH never; CTAP2_ERR_LIMIT_EXCEEDED (more than CBOR_ITEMS_MAX items), -ENOMEM. Free
 * with cbor_decref() (_cleanup_(cbor_item_donep)).
 */
int cbor_read(const uint8_t *data, size_t size, cbor_item_t **ret);

/* The order of keys (section 8), of two encoded ones: by major type, then by length, then by bytes. */
bool cbor_keys_ascend(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* Members of a map; NULL when absent. `map` must be a map. */
const cbor_item_t *map_get(const cbor_item_t *map, int64_t key);
const cbor_item_t *map_get_text(const cbor_item_t *map, const char *key);

/* CTAP_OK, CTAP2_ERR_MISSING_PARAMETER (NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE; and for a value out of bounds
 * CTAP2_ERR_LIMIT_EXCEEDED (too large) or CTAP1_ERR_INVALID_LENGTH (bytes, text: too short). */
int value_uint(const cbor_item_t *item, uint64_t max, uint64_t *ret);
int value_int(const cbor_item_t *item, int64_t *ret);
int value_bool(const cbor_item_t *item, bool *ret);
int value_bytes(const cbor_item_t *item, size_t min, size_t max, const uint8_t **ret, size_t *ret_size);
int value_text(const cbor_item_t *item, size_t max, const char **ret, size_t *ret_size); /* not NUL-ended */
int value_map(const cbor_item_t *item);
int value_array(const cbor_item_t *item, size_t max, size_t *ret_n);
/* The i-th member of an array. */
const cbor_item_t *array_get(const cbor_item_t *array, size_t i);
bool text_is(const char *text, size_t size, const char *expected);

/* A COSE_Key of key agreement: EC2, P-256, alg -25 (section 6.5.6); x ‖ y. CTAP1_ERR_INVALID_PARAMETER for another
 * key. */
int value_cose_agreement(const cbor_item_t *item, uint8_t ret[64]);

/* A container that is being written, followed while assertions are on. */
#define CBOR_WRITER_DEPTH 8U
typedef struct CborWriterLevel {
        size_t left; /* items to come; a map has two for each member */
        bool map;
        size_t key, key_size; /* where the last one is; size 0: none yet */
} CborWriterLevel;

typedef struct CborWriter {
        uint8_t *data;
        size_t capacity, size;
        bool failed; /* it did not fit */
        CborWriterLevel levels[CBOR_WRITER_DEPTH];
        size_t depth;
} CborWriter;

#define CBOR_WRITER(memory, n) ((CborWriter){.data = (memory), .capacity = (n)})

void put_map(CborWriter *w, size_t n);
void put_array(CborWriter *w, size_t n);
void put_uint(CborWriter *w, uint64_t value);
void put_int(CborWriter *w, int64_t value);
void put_bool(CborWriter *w, bool value);
void put_bytes(CborWriter *w, const void *data, size_t size);
void put_text(CborWriter *w, const char *text);
void put_text_n(CborWriter *w, const char *text, size_t size);
/* Bytes that are CBOR already: within a map or array exactly one value. */
void put_raw(CborWriter *w, const void *data, size_t size);
/* Whether all members came that were announced; always true without assertions. */
static inline bool cbor_writer_complete(const CborWriter *w)
{
        return w->depth == 0;
}
