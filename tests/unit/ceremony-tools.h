/*
 * What tests of makeCredential and getAssertion share: requests in every shape, and replies taken apart by their bytes
 */
#pragma once

#include <string.h>

#include "tests/unit/authenticator-fixture.h"
#include "tests/unit/test.h"

#define MAKE_CREDENTIAL    0x01
#define GET_ASSERTION      0x02
#define GET_INFO           0x04
#define RESET              0x07
#define GET_NEXT_ASSERTION 0x08
#define SELECTION          0x0b

#define UP 0x01
#define UV 0x04
#define BE 0x08
#define BS 0x10
#define AT 0x40
#define ED 0x80

#define RP   "example.org"
#define USER "alice"
#define PIN  "2931"

static const uint8_t client_hash[32] = {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                        0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                        0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11};

/* What a relying party remembers. */
typedef struct Made {
        uint8_t id[64];
        size_t id_size;
        SignKey key;
} Made;

/* ---- replies ---- */

static inline const uint8_t *reply_bytes(const cbor_item_t *reply, int key, size_t *ret_size)
{
        const cbor_item_t *item = map_get(reply, key);

        CHECK(item && cbor_isa_bytestring(item));
        *ret_size = cbor_bytestring_length(item);
        return cbor_bytestring_handle(item);
}

static inline bool reply_text_is(const cbor_item_t *reply, int key, const char *expected)
{
        const cbor_item_t *item = map_get(reply, key);

        CHECK(item && cbor_isa_string(item));
        return text_is((const char *)cbor_string_handle(item), cbor_string_length(item), expected);
}

static inline uint8_t auth_flags(const cbor_item_t *reply)
{
        size_t size;
        const uint8_t *data = reply_bytes(reply, 2, &size);

        CHECK(size >= 37);
        return data[32];
}

static inline uint32_t auth_counter(const cbor_item_t *reply)
{
        size_t size;
        const uint8_t *data = reply_bytes(reply, 2, &size);

        return (uint32_t)data[33] << 24 | (uint32_t)data[34] << 16 | (uint32_t)data[35] << 8 | data[36];
}

/* The outputs of extensions, which must be canonical and end the data; NULL when there are none. */
static inline cbor_item_t *auth_extensions(const cbor_item_t *reply)
{
        cbor_item_t *key, *extensions = NULL;
        struct cbor_load_result result;
        size_t size, at = 37;
        const uint8_t *data = reply_bytes(reply, 2, &size);

        if (data[32] & AT) {
                at = 55 + ((size_t)data[53] << 8 | data[54]);
                key = cbor_load(data + at, size - at, &result);
                CHECK(key);
                cbor_decref(&key);
                at += result.read;
        }
        if (!(data[32] & ED)) {
                CHECK_EQ(at, size);
                return NULL;
        }
        CHECK_EQ(cbor_read(data + at, size - at, &extensions), CTAP_OK);
        CHECK(cbor_isa_map(extensions) && cbor_map_size(extensions) > 0);
        return extensions;
}

static inline Made made_of(const cbor_item_t *reply)
{
        Made made = {0};
        const uint8_t *id;

        client_attested(reply, &id, &made.id_size, &made.key);
        CHECK(made.id_size <= sizeof(made.id));
        memcpy(made.id, id, made.id_size);
        return made;
}

/* ---- requests ---- */

static inline cbor_item_t *boolean(const char *name, bool value)
{
        cbor_item_t *map = client_map();

        client_set_text(map, name, cbor_build_bool(value));
        return map;
}

static inline cbor_item_t *make_request(void)
{
        return client_make_request(RP, USER, COSE_ES256);
}

/* pinUvAuthParam and pinUvAuthProtocol, at the keys of the command. */
static inline void set_auth(cbor_item_t *map, int key, unsigned protocol, const uint8_t token[32])
{
        client_set(map, key, client_auth(protocol, token, client_hash, sizeof(client_hash)));
        client_set(map, key + 1, client_int(protocol));
}

static inline void set_list(cbor_item_t *map, int key, const Made *made, size_t n)
{
        cbor_item_t *list = client_array();

        for (size_t i = 0; i < n; i++)
                client_push(list, client_descriptor(made[i].id, made[i].id_size));
        client_set(map, key, list);
}

/* Sends and forgets the reply. */
static inline int send(Fixture *f, uint8_t command, cbor_item_t *map)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        return client_send(f, command, map, &reply);
}

/* Makes one, without any auth: for an authenticator that has no PIN. */
static inline Made make_for(Fixture *f, const char *rp_id, const char *user, bool rk)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        CHECK_EQ(client_make(f, rp_id, user, COSE_ES256, rk, &reply), CTAP_OK);
        return made_of(reply);
}

static inline void set_pin(Fixture *f)
{
        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
}

static inline void get_token(Fixture *f, unsigned protocol, uint8_t permissions, const char *rp_id, uint8_t ret[32])
{
        CHECK_EQ(client_pin_token(f, protocol, PIN, permissions, rp_id, ret), CTAP_OK);
}

/* The state, to be bent by the test; in memory only. */
static inline State *state_of(Fixture *f)
{
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        return f->a->state;
}

static inline void with_fingers(Fixture *f)
{
        f->fingerprints = true;
        f->enrolled = 1;
}

/* Assertions: with a list (made NULL: without), and options.up as given. */
static inline cbor_item_t *assert_request(const Made *made, bool up)
{
        cbor_item_t *map = client_assert_request(RP);

        if (made)
                set_list(map, 3, made, 1);
        if (!up)
                client_set(map, 5, boolean("up", false));
        return map;
}
