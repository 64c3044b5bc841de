/*
 * What tests of PINs, tokens and settings share: requests of authenticatorClientPIN in every right and wrong shape
 */
#pragma once

#include <string.h>

#include "common/hex.h"
#include "tests/unit/authenticator-fixture.h"
#include "tests/unit/test.h"

#define CLIENT_PIN 0x06
#define CONFIG     0x0d

#define PIN "2931"

/* Members of a request that may be there. */
enum {
        PROTOCOL = 1 << 1,
        AGREEMENT = 1 << 3,
        PARAM = 1 << 4,
        NEW_PIN = 1 << 5,
        PIN_HASH = 1 << 6,
        PERMISSIONS = 1 << 9,
        RP_ID = 1 << 10,
};

typedef struct PinCall {
        int subcommand;
        unsigned protocol;
        unsigned members;
        const char *pin, *new_pin;
        size_t new_pin_size; /* with its padding; 0: 64 */
        size_t hash_size;    /* 0: 16 */
        uint64_t permissions;
        const char *rp_id;
        bool bad_mac, bad_point, raw_new_pin; /* raw: new_pin_size bytes that are not encrypted */
        unsigned fail_at; /* the n-th storage call of this request fails */
} PinCall;

static inline size_t mac_size(unsigned protocol)
{
        return protocol == 1 ? 16 : 32;
}

/* The members of a request, sealed for `pin`. */
static inline cbor_item_t *pin_call_map(const PinCall *call, const ClientPin *pin)
{
        cbor_item_t *map = client_map();
        uint8_t plain[512] = {0}, new_pin[528], hash[32 + 16], digest[64], message[sizeof(new_pin) + sizeof(hash)];
        size_t size = call->new_pin_size ? call->new_pin_size : 64, new_pin_size = 0, hash_size = 0;
        uint8_t mac[32];

        if (call->members & PROTOCOL)
                client_set(map, 1, client_int(call->protocol));
        client_set(map, 2, client_int(call->subcommand));
        if (call->members & AGREEMENT)
                client_set(map, 3, client_pin_key(pin));
        if (call->members & NEW_PIN) {
                CHECK(size <= sizeof(plain));
                memcpy(plain, call->new_pin, strlen(call->new_pin));
                if (call->raw_new_pin)
                        memcpy(new_pin, plain, new_pin_size = size);
                else
                        client_encrypt(pin, plain, size, new_pin, &new_pin_size);
        }
        if (call->members & PIN_HASH) {
                sha256(call->pin, strlen(call->pin), digest);
                memset(digest + 32, 0, 32);
                client_encrypt(pin, digest, call->hash_size ? call->hash_size : 16, hash, &hash_size);
        }
        memcpy(message, new_pin, new_pin_size);
        memcpy(message + new_pin_size, hash, hash_size);
        hmac_sha256(pin->secret.hmac_key, 32, message, new_pin_size + hash_size, mac);
        if (call->bad_mac)
                mac[0] ^= 1;
        if (call->members & PARAM)
                client_set(map, 4, client_bytes(mac, mac_size(pin->protocol)));
        if (call->members & NEW_PIN)
                client_set(map, 5, client_bytes(new_pin, new_pin_size));
        if (call->members & PIN_HASH)
                client_set(map, 6, client_bytes(hash, hash_size));
        if (call->members & PERMISSIONS)
                client_set(map, 9, client_int((int64_t)call->permissions));
        if (call->members & RP_ID)
                client_set(map, 10, client_text(call->rp_id));
        return map;
}

/* Asks for the key agreement, seals, sends. */
static inline int pin_call(Fixture *f, const PinCall *call, cbor_item_t **ret_reply)
{
        ClientPin pin;
        int r;

        client_pin_begin(f, call->protocol == 1 ? 1 : 2, &pin);
        if (call->bad_point)
                pin.public_key[63] ^= 1;
        f->fail_at = call->fail_at;
        r = client_send(f, CLIENT_PIN, pin_call_map(call, &pin), ret_reply);
        f->fail_at = 0;
        return r;
}

/* The number under a key of a reply; -1 when it is not there. */
static inline int64_t reply_number(const cbor_item_t *reply, int key)
{
        const cbor_item_t *item = map_get(reply, key);

        return item ? (int64_t)cbor_get_int(item) : -1;
}

static inline int64_t pin_question(Fixture *f, int subcommand, int key)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = client_map();

        client_set(map, 2, client_int(subcommand));
        CHECK_EQ(client_send(f, CLIENT_PIN, map, &reply), CTAP_OK);
        return reply_number(reply, key);
}

static inline int64_t pin_retries(Fixture *f)
{
        return pin_question(f, 1, 3);
}

static inline int64_t uv_retries(Fixture *f)
{
        return pin_question(f, 7, 5);
}

/* A token's use: whether the authenticator takes it for this permission and RP (a name, or NULL). */
static inline int use_token(Fixture *f, unsigned protocol, const uint8_t token[32], uint8_t permission, const char *rp_id)
{
        static const uint8_t message[] = "a message";
        uint8_t mac[32], hash[32];
        PinToken *found;
        int r;

        hmac_sha256(token, 32, message, sizeof(message), mac);
        r = token_check(f->host, protocol, message, sizeof(message), mac, mac_size(protocol), &found);
        if (r != CTAP_OK)
                return r;
        if (rp_id)
                sha256(rp_id, strlen(rp_id), hash);
        return token_permit(found, permission, rp_id ? hash : NULL);
}

/* The same of the persistent one. */
static inline int use_persistent(Fixture *f, unsigned protocol, const uint8_t token[32])
{
        static const uint8_t message[] = "a message";
        uint8_t mac[32];

        hmac_sha256(token, 32, message, sizeof(message), mac);
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        return token_check_persistent(f->a, protocol, message, sizeof(message), mac, mac_size(protocol));
}

static inline Fixture *fixture_with_pin(void (*adjust)(Fixture *f))
{
        Fixture *f = fixture_new(adjust);

        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        return f;
}

static inline int try_token(Fixture *f, const char *pin)
{
        uint8_t token[32];

        return client_pin_token(f, 2, pin, PERMISSION_CM, NULL, token);
}

/*
 * Acts with storage failing at the first call, the second, … until it succeeds, and starts anew each time: `check` finds everything
 * as it was, or, in the end, done.
 */
static inline void fail_everywhere(Fixture *f, int (*act)(Fixture *f, unsigned fail_at), void (*check)(Fixture *f, bool done))
{
        int r = CTAP1_ERR_OTHER;

        for (unsigned at = 1; r != CTAP_OK; at++) {
                CHECK(at < 50);
                r = act(f, at);
                CHECK(r == CTAP_OK || r == CTAP1_ERR_OTHER);
                CHECK(r != CTAP_OK || at > 3); /* begin, put, commit at least */
                fixture_restart(f);
                CHECK_EQ(authenticator_load(f->a), CTAP_OK);
                check(f, r == CTAP_OK);
        }
}

static inline void use_fingers(Fixture *f)
{
        f->fingerprints = true;
        f->enrolled = 1;
}
