/* What tests of stored credentials share: one to store, and how. */
#pragma once

#include <stdio.h>

#include "tests/unit/authenticator-fixture.h"
#include "tests/unit/test.h"

/* One that could be made: its id, RP and account follow from the numbers. */
static inline Credential *sample(unsigned id, unsigned rp, unsigned user, bool discoverable)
{
        Credential *c;

        CHECK(arena_init() >= 0);
        c = credential_new();
        CHECK(c);
        (void)snprintf((char *)c->public.id, sizeof(c->public.id), "credential %u", id);
        c->public.id_size = CREDENTIAL_ID_SIZE;
        (void)snprintf(c->public.rp_id, sizeof(c->public.rp_id), "rp%u.example", rp);
        sha256(c->public.rp_id, strlen(c->public.rp_id), c->public.rp_id_hash);
        c->public.user_id[0] = (uint8_t)user;
        c->public.user_id_size = 1;
        c->public.algorithm = COSE_ES256;
        c->public.protection = 1;
        c->public.discoverable = discoverable;
        c->key.kind = SIGN_P256;
        CHECK_EQ(sign_generate(SIGN_P256, &c->key), 0);
        return c;
}

static inline int store(Fixture *f, Credential *c)
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(f->a, &change);
        if (r == CTAP_OK)
                r = change_put_credential(&change, c);
        return r == CTAP_OK ? change_commit(&change) : r;
}
