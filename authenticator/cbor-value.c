/*
 * Typed values out of a decoded request
 *
 * The tree comes from cbor_read(), so strings and containers have definite lengths and keys are integers, bytes or text.
 */
#include <string.h>

#include "authenticator/internal.h"

static bool read_int(const cbor_item_t *item, int64_t *ret)
{
        uint64_t value;

        if (!cbor_is_int(item))
                return false;
        value = cbor_get_int(item);
        if (value > INT64_MAX)
                return false;
        *ret = cbor_isa_negint(item) ? -1 - (int64_t)value : (int64_t)value;
        return true;
}

const cbor_item_t *map_get(const cbor_item_t *map, int64_t key)
{
        const struct cbor_pair *pairs = cbor_map_handle(map);
        int64_t value;

        for (size_t i = 0; i < cbor_map_size(map); i++)
                if (read_int(pairs[i].key, &value) && value == key)
                        return pairs[i].value;
        return NULL;
}

const cbor_item_t *map_get_text(const cbor_item_t *map, const char *key)
{
        const struct cbor_pair *pairs = cbor_map_handle(map);

        for (size_t i = 0; i < cbor_map_size(map); i++)
                if (cbor_isa_string(pairs[i].key) &&
                    text_is((const char *)cbor_string_handle(pairs[i].key), cbor_string_length(pairs[i].key), key))
                        return pairs[i].value;
        return NULL;
}

static int expect(const cbor_item_t *item, bool (*is)(const cbor_item_t *item))
{
        if (!item)
                return CTAP2_ERR_MISSING_PARAMETER;
        return is(item) ? CTAP_OK : CTAP2_ERR_CBOR_UNEXPECTED_TYPE;
}

static int within(size_t size, size_t min, size_t max)
{
        if (size > max)
                return CTAP2_ERR_LIMIT_EXCEEDED;
        return size < min ? CTAP1_ERR_INVALID_LENGTH : CTAP_OK;
}

int value_uint(const cbor_item_t *item, uint64_t max, uint64_t *ret)
{
        int r = expect(item, cbor_isa_uint);

        if (r != CTAP_OK)
                return r;
        if (cbor_get_int(item) > max)
                return CTAP2_ERR_LIMIT_EXCEEDED;
        *ret = cbor_get_int(item);
        return CTAP_OK;
}

int value_int(const cbor_item_t *item, int64_t *ret)
{
        int r = expect(item, cbor_is_int);

        if (r != CTAP_OK)
                return r;
        return read_int(item, ret) ? CTAP_OK : CTAP2_ERR_LIMIT_EXCEEDED;
}

int value_bool(const cbor_item_t *item, bool *ret)
{
        int r = expect(item, cbor_is_bool);

        if (r == CTAP_OK)
                *ret = cbor_get_bool(item);
        return r;
}

int value_bytes(const cbor_item_t *item, size_t min, size_t max, const uint8_t **ret, size_t *ret_size)
{
        int r = expect(item, cbor_isa_bytestring);

        if (r == CTAP_OK)
                r = within(cbor_bytestring_length(item), min, max);
        if (r != CTAP_OK)
                return r;
        *ret = cbor_bytestring_handle(item);
        *ret_size = cbor_bytestring_length(item);
        return CTAP_OK;
}

int value_text(const cbor_item_t *item, size_t max, const char **ret, size_t *ret_size)
{
        int r = expect(item, cbor_isa_string);

        if (r == CTAP_OK)
                r = within(cbor_string_length(item), 0, max);
        if (r != CTAP_OK)
                return r;
        *ret = (const char *)cbor_string_handle(item);
        *ret_size = cbor_string_length(item);
        return CTAP_OK;
}

int value_map(const cbor_item_t *item)
{
        return expect(item, cbor_isa_map);
}

int value_array(const cbor_item_t *item, size_t max, size_t *ret_n)
{
        int r = expect(item, cbor_isa_array);

        if (r == CTAP_OK)
                r = within(cbor_array_size(item), 0, max);
        if (r == CTAP_OK)
                *ret_n = cbor_array_size(item);
        return r;
}

const cbor_item_t *array_get(const cbor_item_t *array, size_t i)
{
        return cbor_array_handle(array)[i];
}

bool text_is(const char *text, size_t size, const char *expected)
{
        return size == strlen(expected) && memcmp(text, expected, size) == 0;
}
