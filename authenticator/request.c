/*
 * Pieces of requests
 *
 * Bad input is the normal case: what has the wrong type, or is too long, ends the request before anything of it is
 * used. Members that are not known are not looked at.
 */
#include <string.h>

#include "authenticator/commands.h"

#define CREDENTIAL_TYPE "public-key"

int request_rp_id(const cbor_item_t *item, char ret[AUTHENTICATOR_RP_ID_MAX + 1], uint8_t ret_hash[32])
{
        const char *text;
        size_t size;
        int r;

        r = value_text(item, AUTHENTICATOR_RP_ID_MAX, &text, &size);
        if (r != CTAP_OK)
                return r;
        if (size == 0)
                return CTAP1_ERR_INVALID_LENGTH;
        if (memchr(text, 0, size))
                return CTAP1_ERR_INVALID_PARAMETER;
        memcpy(ret, text, size);
        ret[size] = 0;
        sha256(text, size, ret_hash);
        return CTAP_OK;
}

int request_hash(const cbor_item_t *item, const uint8_t **ret)
{
        size_t size;

        return value_bytes(item, CLIENT_DATA_HASH_SIZE, CLIENT_DATA_HASH_SIZE, ret, &size);
}

int request_optional_text(const cbor_item_t *item, Text *ret)
{
        if (item)
                return value_text(item, SIZE_MAX, &ret->data, &ret->size);
        *ret = (Text){0};
        return CTAP_OK;
}

int request_credentials(const cbor_item_t *item, size_t *ret_n)
{
        size_t n = 0, size;
        const uint8_t *id;
        const char *type;
        int r = CTAP_OK;

        if (item)
                r = value_array(item, CREDENTIALS_IN_LIST_MAX, &n);
        for (size_t i = 0; r == CTAP_OK && i < n; i++) {
                const cbor_item_t *entry = array_get(item, i);

                r = value_map(entry);
                if (r == CTAP_OK)
                        r = value_bytes(map_get_text(entry, "id"), 0, SIZE_MAX, &id, &size);
                if (r == CTAP_OK)
                        r = value_text(map_get_text(entry, "type"), SIZE_MAX, &type, &size);
        }
        if (r == CTAP_OK)
                *ret_n = n;
        return r;
}

bool request_credential(const cbor_item_t *list, size_t i, const uint8_t **ret_id, size_t *ret_size)
{
        const cbor_item_t *entry = array_get(list, i);
        const char *type;
        size_t size;

        if (value_text(map_get_text(entry, "type"), SIZE_MAX, &type, &size) != CTAP_OK ||
            !text_is(type, size, CREDENTIAL_TYPE))
                return false;
        return value_bytes(map_get_text(entry, "id"), 0, SIZE_MAX, ret_id, ret_size) == CTAP_OK;
}

void request_shown(Text text, char ret[AUTHENTICATOR_NAME_MAX + 1])
{
        name_copy(ret, AUTHENTICATOR_NAME_MAX, text.data, text.size);
        name_sanitize(ret);
}
