/*
 * What tests of managing share: tokens, requests with a pinUvAuthParam, and members of replies
 */
#pragma once

#include <string.h>

#include "crypto/sha.h"
#include "tests/unit/authenticator-fixture.h"
#include "tests/unit/test.h"

#define PIN "2931"

typedef struct Token {
        unsigned protocol;
        uint8_t bytes[32];
} Token;

static inline Token get_token(Fixture *f, unsigned protocol, uint8_t permissions, const char *rp_id)
{
        Token token = {.protocol = protocol};

        CHECK_EQ(client_pin_token(f, protocol, PIN, permissions, rp_id, token.bytes), CTAP_OK);
        return token;
}

static inline Token set_pin(Fixture *f, uint8_t permissions)
{
        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        return get_token(f, 2, permissions, NULL);
}

/* pinUvAuthParam of a subcommand: over a prefix and its parameters. */
static inline cbor_item_t *subcommand_auth(const Token *token, const void *prefix, size_t size, const cbor_item_t *params)
{
        uint8_t message[AUTHENTICATOR_MESSAGE_MAX];

        memcpy(message, prefix, size);
        if (params)
                size += client_serialize(params, message + size, sizeof(message) - size);
        return client_auth(token->protocol, token->bytes, message, size);
}

static inline void unref(cbor_item_t **item)
{
        if (*item)
                cbor_decref(item);
}
#define _cleanup_reply_ _cleanup_(unref)

static inline int64_t get_int(const cbor_item_t *map, int key)
{
        int64_t value;

        CHECK_EQ(value_int(map_get(map, key), &value), CTAP_OK);
        return value;
}

static inline bool bytes_are(const cbor_item_t *item, const void *data, size_t size)
{
        return item && cbor_isa_bytestring(item) && cbor_bytestring_length(item) == size &&
               memcmp(cbor_bytestring_handle(item), data, size) == 0;
}

static inline bool text_equals(const cbor_item_t *item, const char *text)
{
        return item && cbor_isa_string(item) &&
               text_is((const char *)cbor_string_handle(item), cbor_string_length(item), text);
}
