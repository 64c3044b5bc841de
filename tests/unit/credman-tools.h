/* Credentials to manage, and requests of authenticatorCredentialManagement. */
#pragma once

#include "tests/unit/manage-tools.h"

enum {
        GET_METADATA = 1,
        RPS_BEGIN = 2,
        RPS_NEXT = 3,
        CREDENTIALS_BEGIN = 4,
        CREDENTIALS_NEXT = 5,
        DELETE_CREDENTIAL = 6,
        UPDATE_USER = 7,
};

typedef struct Id {
        uint8_t data[64];
        size_t size;
} Id;

/* Only before a PIN is set. */
static inline Id make_with(Fixture *f, const char *rp_id, const char *user, bool rk)
{
        _cleanup_reply_ cbor_item_t *reply = NULL;
        const uint8_t *data;
        Id id;

        CHECK_EQ(client_make(f, rp_id, user, COSE_ES256, rk, &reply), CTAP_OK);
        client_attested(reply, &data, &id.size, /* ret_public= */ NULL);
        CHECK(id.size <= sizeof(id.data));
        memcpy(id.data, data, id.size);
        return id;
}

static inline Id make(Fixture *f, const char *rp_id, const char *user)
{
        return make_with(f, rp_id, user, /* rk= */ true);
}

static inline void small_store(Fixture *f)
{
        f->config.credentials_max = 10;
}

static inline cbor_item_t *rp_params(const char *rp_id)
{
        cbor_item_t *params = client_map();
        uint8_t hash[SHA256_SIZE];

        sha256(rp_id, strlen(rp_id), hash);
        client_set(params, 1, client_bytes(hash, sizeof(hash)));
        return params;
}

static inline cbor_item_t *credential_params(const void *id, size_t size)
{
        cbor_item_t *params = client_map();

        client_set(params, 2, client_descriptor(id, size));
        return params;
}

static inline cbor_item_t *user_params(const Id *id, const char *user, const char *name, const char *display_name)
{
        cbor_item_t *params = credential_params(id->data, id->size), *map = client_map();

        client_set_text(map, "id", client_bytes(user, strlen(user)));
        if (name)
                client_set_text(map, "name", client_text(name));
        if (display_name)
                client_set_text(map, "displayName", client_text(display_name));
        client_set(params, 3, map);
        return params;
}

/* token NULL: without a pinUvAuthParam. params are taken over. */
static inline int send_credman(Fixture *f, uint8_t command, const Token *token, int number, cbor_item_t *params,
                               cbor_item_t **ret_reply)
{
        cbor_item_t *map = client_map(), *mac = NULL;
        const uint8_t prefix = (uint8_t)number;

        if (token)
                mac = subcommand_auth(token, &prefix, 1, params);
        client_set(map, 1, client_int(number));
        if (params)
                client_set(map, 2, params);
        if (token) {
                client_set(map, 3, client_int(token->protocol));
                client_set(map, 4, mac);
        }
        return client_send(f, command, map, ret_reply);
}

static inline int credman(Fixture *f, const Token *token, int number, cbor_item_t *params, cbor_item_t **ret_reply)
{
        return send_credman(f, 0x0a, token, number, params, ret_reply);
}

static inline int credman_bare(Fixture *f, int number)
{
        return credman(f, NULL, number, NULL, NULL);
}
