/*
 * What tests of external keys share: an authenticator that has them and makes new credentials with them
 */
#pragma once

#include "tests/unit/authenticator-fixture-keys.h"
#include "tests/unit/ceremony-tools.h"
#include "tests/unit/u2f-tools.h"

static inline void with_keys(Fixture *f)
{
        f->keys.there = true;
        f->config.backup_eligible = true; /* of software keys */
}

static inline void want_keys(Fixture *f, bool external)
{
        AuthenticatorPolicy policy;

        CHECK_EQ(authenticator_policy(f->a, &policy), CTAP_OK);
        policy.external_keys = external;
        CHECK_EQ(authenticator_set_policy(f->a, &policy), CTAP_OK);
}

static inline Fixture *external_fixture(void)
{
        Fixture *f = fixture_new(with_keys);

        want_keys(f, true);
        return f;
}
#define EXTERNAL_FIXTURE(f) _cleanup_(fixture_freep) Fixture *f = external_fixture()

static inline AuthenticatorCredential credential_of(Fixture *f, const Made *made)
{
        AuthenticatorCredential found;

        CHECK_EQ(authenticator_credential_find(f->a, made->id, made->id_size, &found), CTAP_OK);
        return found;
}

/* Sends it; the key works until the test says otherwise. */
static inline void begin(Fixture *f, uint8_t command, cbor_item_t *map)
{
        uint8_t request[512] = {command};
        size_t size = map ? client_serialize(map, request + 1, sizeof(request) - 1) : 0;
        AuthenticatorReply reply;

        if (map)
                cbor_decref(&map);
        f->keys.slow = true;
        CHECK_EQ(authenticator_request(f->host, f->channel, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_KEY);
        CHECK_EQ(authenticator_host_channel(f->host), f->channel);
}

/* Which status ends it after `works` works; the last one as `status` says. */
static inline int ends(Fixture *f, unsigned works, int status)
{
        AuthenticatorReply reply;

        while (--works > 0)
                CHECK_EQ(fixture_key_answer(f, &reply), AUTHENTICATOR_PENDING);
        f->keys.status = status;
        CHECK_EQ(fixture_key_answer(f, &reply), 0);
        f->keys.status = CTAP_OK;
        CHECK(reply.data[0] == CTAP_OK || reply.size == 1);
        return reply.data[0];
}
