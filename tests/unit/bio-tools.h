/* Requests of authenticatorBioEnrollment. */
#pragma once

#include "tests/unit/manage-tools.h"

enum {
        BEGIN = 1,
        NEXT = 2,
        CANCEL = 3,
        ENUMERATE = 4,
        SET_NAME = 5,
        REMOVE = 6,
        SENSOR = 7,
};

#define UNKNOWN "unknown template"

static inline void sensor(Fixture *f)
{
        f->fingerprints = true;
}

/* One finger with the id 0xf0 and no name. */
static inline void one_finger(Fixture *f)
{
        f->fingerprints = true;
        f->enrolled = 1;
}

static inline cbor_item_t *params_of(const void *id, size_t size, const char *name)
{
        cbor_item_t *params = client_map();

        client_set(params, 1, client_bytes(id, size));
        if (name)
                client_set(params, 2, client_text(name));
        return params;
}

/* params are taken over. token NULL: without a pinUvAuthParam. */
static inline cbor_item_t *bio_request(const Token *token, int modality, int number, cbor_item_t *params)
{
        const uint8_t prefix[2] = {(uint8_t)modality, (uint8_t)number};
        cbor_item_t *map = client_map(), *mac = token ? subcommand_auth(token, prefix, 2, params) : NULL;

        if (modality)
                client_set(map, 1, client_int(modality));
        client_set(map, 2, client_int(number));
        if (params)
                client_set(map, 3, params);
        if (token) {
                client_set(map, 4, client_int(token->protocol));
                client_set(map, 5, mac);
        }
        return map;
}

static inline int bio(Fixture *f, const Token *token, int number, cbor_item_t *params, cbor_item_t **ret_reply)
{
        return client_send(f, 0x09, bio_request(token, 1, number, params), ret_reply);
}

typedef struct Id {
        uint8_t data[TEMPLATE_ID_MAX];
        size_t size;
} Id;

static inline Id template_of(const cbor_item_t *reply)
{
        const cbor_item_t *item = map_get(reply, 4);
        Id id = {0};

        CHECK(item && cbor_isa_bytestring(item));
        id.size = cbor_bytestring_length(item);
        CHECK(id.size > 0 && id.size <= sizeof(id.data));
        memcpy(id.data, cbor_bytestring_handle(item), id.size);
        return id;
}

static inline Id begin(Fixture *f, const Token *token)
{
        _cleanup_reply_ cbor_item_t *reply = NULL;

        CHECK_EQ(bio(f, token, BEGIN, NULL, &reply), CTAP_OK);
        return template_of(reply);
}

static inline int next(Fixture *f, const Token *token, const Id *id)
{
        return bio(f, token, NEXT, params_of(id->data, id->size, NULL), NULL);
}
