/*
 * CBOR from a client
 *
 * What is accepted is canonical, so it has one encoding: libcbor's serialiser and our own writer must give back the very bytes.
 * On the way every value is taken by the function of its type, and names are cut and made fit for showing.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"
#include "common/bytes.h"
#include "fuzz/fuzz.h"

static void walk_name(const char *text, size_t size)
{
        char name[AUTHENTICATOR_NAME_MAX + 1];
        size_t max = size % (AUTHENTICATOR_NAME_MAX + 1);

        name_copy(name, max, text, size);
        PROMISE(strlen(name) <= max && strlen(name) <= size && utf8_valid(name, strlen(name)));
        name_sanitize(name);
        PROMISE(utf8_valid(name, strlen(name)));
        for (const char *p = name; *p; p++)
                PROMISE((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void walk(const cbor_item_t *item, CborWriter *w);

static void walk_map(const cbor_item_t *map, CborWriter *w)
{
        const struct cbor_pair *pairs = cbor_map_handle(map);
        uint8_t key[64];
        int64_t number;
        int r;

        put_map(w, cbor_map_size(map));
        for (size_t i = 0; i < cbor_map_size(map); i++) {
                walk(pairs[i].key, w);
                walk(pairs[i].value, w);
                if (value_int(pairs[i].key, &number) == CTAP_OK)
                        PROMISE(map_get(map, number) == pairs[i].value);
        }
        r = value_cose_agreement(map, key);
        PROMISE(r >= 0 && r != CTAP2_ERR_LIMIT_EXCEEDED);
}

static void walk(const cbor_item_t *item, CborWriter *w)
{
        const uint8_t *bytes;
        const char *text;
        uint64_t number;
        int64_t integer;
        size_t size;
        bool yes;

        if (value_uint(item, UINT64_MAX, &number) == CTAP_OK) {
                put_uint(w, number);
        } else if (value_int(item, &integer) == CTAP_OK) {
                put_int(w, integer);
        } else if (cbor_isa_negint(item)) { /* below INT64_MIN */
                uint8_t head[9];

                PROMISE(value_int(item, &integer) == CTAP2_ERR_LIMIT_EXCEEDED);
                put_raw(w, head, cbor_encode_negint(cbor_get_int(item), head, sizeof(head)));
        } else if (value_bytes(item, 0, SIZE_MAX, &bytes, &size) == CTAP_OK) {
                put_bytes(w, bytes, size);
        } else if (value_text(item, SIZE_MAX, &text, &size) == CTAP_OK) {
                put_text_n(w, text, size);
                walk_name(text, size);
        } else if (value_bool(item, &yes) == CTAP_OK) {
                put_bool(w, yes);
        } else if (value_array(item, SIZE_MAX, &size) == CTAP_OK) {
                put_array(w, size);
                for (size_t i = 0; i < size; i++)
                        walk(array_get(item, i), w);
        } else {
                PROMISE(value_map(item) == CTAP_OK);
                walk_map(item, w);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t again[AUTHENTICATOR_MESSAGE_MAX];
        CborWriter w = CBOR_WRITER(again, size);
        cbor_item_t *item = NULL;
        int r;

        if (size > sizeof(again))
                return 0;
        r = cbor_read(data, size, &item);
        PROMISE(r == CTAP_OK || r == CTAP2_ERR_INVALID_CBOR || r == CTAP2_ERR_LIMIT_EXCEEDED || r == -ENOMEM);
        PROMISE(!item == (r != CTAP_OK));
        if (!item)
                return 0;
        PROMISE(cbor_serialize(item, again, sizeof(again)) == size && memcmp(again, data, size) == 0);
        memset(again, 0, size);
        walk(item, &w);
        PROMISE(!w.failed && cbor_writer_complete(&w) && w.size == size && memcmp(again, data, size) == 0);
        cbor_decref(&item);
        return 0;
}
