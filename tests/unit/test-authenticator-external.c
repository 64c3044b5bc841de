/* Keys that live elsewhere: registrations and sign-ins with them, alone and among software keys */
#include "tests/unit/external-tools.h"

static const char *const users[] = {"alice", "bob", "carol", "dave"};

/* ---- makeCredential ---- */

TEST(the_external_key_signs_its_own_attestation)
{
        EXTERNAL_FIXTURE(f);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        uint8_t message[AUTHENTICATOR_MESSAGE_MAX];
        const uint8_t *data, *signature;
        size_t size, signature_size;
        Made made;

        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, make_request(), &reply), CTAP_OK);
        made = made_of(reply);
        data = reply_bytes(reply, 2, &size);
        memcpy(message, data, size);
        memcpy(message + size, client_hash, sizeof(client_hash));
        CHECK(reply_text_is(reply, 1, "packed"));
        CHECK_EQ(value_bytes(map_get_text(map_get(reply, 3), "sig"), 1, 128, &signature, &signature_size), CTAP_OK);
        CHECK_EQ(sign_verify(&made.key, message, size + 32, signature, signature_size), 0);
        CHECK(f->keys.n_makes == 1 && f->keys.n_signs == 1);
}

TEST(it_is_bound_to_its_device_and_counts)
{
        EXTERNAL_FIXTURE(f);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        AuthenticatorCredential found;
        Made made;

        f->backed_up_until = UINT64_MAX;
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, make_request(), &reply), CTAP_OK);
        CHECK_EQ(auth_flags(reply) & (BE | BS), 0);
        CHECK_EQ(auth_counter(reply), 1);
        made = made_of(reply);
        found = credential_of(f, &made);
        CHECK(found.external && !found.backup_eligible);
        for (uint32_t i = 2; i < 5; i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *assertion = NULL;

                CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &assertion), CTAP_OK);
                CHECK(client_verify(assertion, &made.key, client_hash));
                CHECK_EQ(auth_flags(assertion) & (BE | BS), 0);
                if (i == 2)
                        CHECK(auth_counter(assertion) > 1);
        }
}

TEST(software_keys_stay_what_they_are)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_keys);
        Made made = make_for(f, RP, USER, true);

        CHECK(!credential_of(f, &made).external && credential_of(f, &made).backup_eligible);
        want_keys(f, true);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
        CHECK(f->keys.n_makes == 0 && f->keys.n_signs == 0);
}

TEST(only_what_the_keys_can_do_is_offered)
{
        EXTERNAL_FIXTURE(f);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL, *reply = NULL;
        cbor_item_t *map = client_make_request(RP, USER, COSE_EDDSA);
        Made made;

        CHECK_EQ(client_send(f, GET_INFO, NULL, &info), CTAP_OK);
        CHECK_EQ(cbor_array_size(map_get(info, 0x0a)), 2);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        CHECK_EQ(client_make(f, RP, USER, COSE_ESP384, true, &reply), CTAP_OK); /* the device knows its older name */
        made = made_of(reply);
        CHECK_EQ(credential_of(f, &made).algorithm, COSE_ESP384);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
}

TEST(a_policy_that_the_keys_cannot_follow_is_refused)
{
        AuthenticatorPolicy policy = {.external_keys = true, .algorithms = {COSE_EDDSA, COSE_ED25519}, .n_algorithms = 2};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_keys);

        CHECK_EQ(authenticator_set_policy(f->a, &policy), CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        policy.algorithms[1] = COSE_ES384;
        CHECK_EQ(authenticator_set_policy(f->a, &policy), CTAP_OK);
}

TEST(a_device_that_is_no_longer_there_makes_nothing)
{
        EXTERNAL_FIXTURE(f);
        Made made = make_for(f, RP, USER, true);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;
        const cbor_item_t *versions;

        f->keys.there = false;
        fixture_restart(f);
        CHECK_EQ(client_make(f, RP, "bob", COSE_ES256, true, NULL), CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_INVALID_CREDENTIAL);
        CHECK_EQ(client_send(f, GET_INFO, NULL, &info), CTAP_OK);
        CHECK(!map_get(info, 0x0a));
        versions = map_get(info, 1);
        CHECK(text_is((const char *)cbor_string_handle(array_get(versions, 0)), 8, "FIDO_2_0")); /* not U2F_V2 */
}

TEST(other_attestations_are_not_signed_by_the_external_key)
{
        static const char *const formats[] = {"none", "fido-u2f"};

        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                EXTERNAL_FIXTURE(f);
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                cbor_item_t *map = make_request(), *list = client_array();
                const uint8_t *certificate;
                size_t size;
                Made made;

                client_push(list, client_text(formats[i]));
                client_set(map, 11, list);
                CHECK_EQ(client_send(f, MAKE_CREDENTIAL, map, &reply), CTAP_OK);
                CHECK(reply_text_is(reply, 1, formats[i]));
                CHECK(f->keys.n_makes == 1 && f->keys.n_signs == 0);
                made = made_of(reply);
                if (i == 0)
                        continue;
                CHECK_EQ(value_bytes(array_get(map_get_text(map_get(reply, 3), "x5c"), 0), 1, 1024, &certificate, &size),
                         CTAP_OK);
                CHECK(!memmem(certificate, size, made.key.public_key, 64)); /* a key of this registration alone */
        }
}

TEST(a_touch_to_tell_keys_apart_orders_no_key)
{
        EXTERNAL_FIXTURE(f);

        CHECK_EQ(client_make(f, ".dummy", USER, COSE_ES256, false, NULL), CTAP_OK);
        CHECK_EQ(client_make(f, "make.me.blink", USER, COSE_ES256, false, NULL), CTAP_OK);
        CHECK(f->keys.n_makes == 0 && f->keys.n_signs == 0);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
}

TEST(nobody_is_there_and_nothing_is_ordered)
{
        EXTERNAL_FIXTURE(f);

        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_request()), CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(f->keys.n_makes, 0);
}

/* ---- getAssertion ---- */

TEST(several_accounts_with_keys_of_both_kinds)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_keys);
        Made made[ELEMENTSOF(users)];

        for (size_t i = 0; i < ELEMENTSOF(users); i++) {
                want_keys(f, i % 2 == 1);
                made[i] = make_for(f, RP, users[i], true);
        }
        f->keys.n_signs = 0;
        for (size_t i = 0; i < ELEMENTSOF(users); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                size_t which = ELEMENTSOF(users) - 1 - i;

                CHECK_EQ(client_send(f, i == 0 ? GET_ASSERTION : GET_NEXT_ASSERTION,
                                     i == 0 ? assert_request(NULL, true) : NULL, &reply),
                         CTAP_OK);
                CHECK(client_verify(reply, &made[which].key, client_hash));
                CHECK_EQ(auth_flags(reply), which % 2 == 1 ? UP : UP | BE);
                CHECK_EQ(auth_counter(reply) > 0, which % 2 == 1);
        }
        CHECK_EQ(f->keys.n_signs, 2);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

TEST(the_chosen_account_may_have_an_external_key)
{
        EXTERNAL_FIXTURE(f);
        Made first = make_for(f, RP, "alice", true);
        uint8_t request[256] = {GET_ASSERTION};
        cbor_item_t *map = assert_request(NULL, true);
        _cleanup_(cbor_item_donep) cbor_item_t *item = NULL;
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;

        cbor_decref(&map);
        (void)make_for(f, RP, "bob", true);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_choose(f->host, 1), 0);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_KEY);
        CHECK_EQ(fixture_key_answer(f, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(cbor_read(reply.data + 1, reply.size - 1, &item), CTAP_OK);
        CHECK(client_verify(item, &first.key, client_hash));
        CHECK(map_get(item, 6) && !map_get(item, 5));
}

/* Client data that cannot exist, and nobody asked: what libraries find credentials with. */
TEST(silent_probes_never_touch_the_key)
{
        EXTERNAL_FIXTURE(f);
        Made made = make_for(f, RP, USER, true);
        static const uint8_t zeros[32];
        uint8_t hashes[3][32] = {{0}};

        sha256(zeros, 0, hashes[1]);
        sha256(zeros, sizeof(zeros), hashes[2]);
        f->keys.n_signs = 0;
        for (size_t i = 0; i < ELEMENTSOF(hashes); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                cbor_item_t *map = client_map();
                size_t size;

                client_set(map, 1, client_text(RP));
                client_set(map, 2, client_bytes(hashes[i], 32));
                set_list(map, 3, &made, 1);
                client_set(map, 5, boolean("up", false));
                CHECK_EQ(client_send(f, GET_ASSERTION, map, &reply), CTAP_OK);
                CHECK_EQ(auth_flags(reply), 0);
                (void)reply_bytes(reply, 3, &size);
                CHECK(size > 64 && size <= 72);
                CHECK(!client_verify(reply, &made.key, hashes[i]));
        }
        CHECK_EQ(f->keys.n_signs, 0);
        /* with a person, and with data that somebody may verify, it signs */
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

                CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, i), &reply), CTAP_OK);
                CHECK(client_verify(reply, &made.key, client_hash));
        }
        CHECK_EQ(f->keys.n_signs, 2);
}

TEST(an_excluded_or_unknown_credential_touches_no_key)
{
        EXTERNAL_FIXTURE(f);
        Made made = make_for(f, RP, USER, true), unknown = {.id = {1}, .id_size = 32};
        cbor_item_t *map = make_request();

        f->keys.n_makes = f->keys.n_signs = 0;
        set_list(map, 5, &made, 1);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP2_ERR_CREDENTIAL_EXCLUDED);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&unknown, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK(f->keys.n_makes == 0 && f->keys.n_signs == 0);
}

/* ---- U2F ---- */

TEST(u2f_registers_and_signs_in_with_external_keys)
{
        EXTERNAL_FIXTURE(f);
        Registration reg = to_register("example.com", 1);
        AuthenticatorCredential found;
        AuthenticatorReply reply;
        uint8_t request[512], present = 0, message[1 + 32 + 32 + 32 + 65] = {0};
        uint32_t first = 0, second = 0;
        const uint8_t *certificate;
        size_t size;

        CHECK_EQ(fixture_u2f(f, request, register_apdu(&reg, request), &reply), SW_OK);
        CHECK(f->keys.n_makes == 1 && f->keys.n_signs == 0);
        memcpy(reg.key.public_key, reply.data + 2, 64);
        reg.handle_size = reply.data[66];
        memcpy(reg.handle, reply.data + 67, reg.handle_size);
        certificate = reply.data + 67 + reg.handle_size;
        size = 4 + ((size_t)certificate[2] << 8 | certificate[3]);
        CHECK(!memmem(certificate, size, reg.key.public_key, 64));
        memcpy(message + 1, reg.application, 32);
        CHECK_EQ(authenticator_credential_find(f->a, reg.handle, reg.handle_size, &found), CTAP_OK);
        CHECK(found.external && found.u2f && !found.backup_eligible);

        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(f->keys.n_signs, 0);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, &present, &first), SW_OK);
        CHECK_EQ(do_authenticate(f, &reg, DONT_ENFORCE, 2, NULL, &second), SW_OK);
        CHECK(present == 1 && first > 0 && second == first + 1);
        CHECK_EQ(f->keys.n_signs, 2);
}

TEST(u2f_blinks_without_a_key)
{
        EXTERNAL_FIXTURE(f);
        Registration reg = to_register("make.me.blink", 1);

        CHECK_EQ(do_register(f, &reg), SW_OK);
        CHECK_EQ(f->keys.n_makes, 0);
}

/* ---- records ---- */

TEST(a_record_keeps_the_key_up_to_its_limit)
{
        _cleanup_(credential_freep) Credential *c = credential_new(), *read = credential_new();
        uint8_t record[CREDENTIAL_RECORD_MAX];
        size_t size;

        CHECK(c && read);
        c->public.algorithm = COSE_ES384;
        c->public.id_size = AUTHENTICATOR_ID_MAX;
        c->public.protection = 1;
        c->public.external = c->counts = true;
        c->key.kind = SIGN_P384;
        memset(c->key.public_key, 7, 96);
        memset(c->external, 9, sizeof(c->external));
        c->external_size = sizeof(c->external);
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), 0);
        CHECK(read->public.external && read->external_size == c->external_size && read->counts);
        CHECK(memcmp(read->external, c->external, c->external_size) == 0);
        CHECK(memcmp(read->key.public_key, c->key.public_key, 96) == 0);
        for (size_t cut = 0; cut < size; cut += 7)
                CHECK_EQ(credential_decode(record, cut, read), AUTHENTICATOR_E_DAMAGED);

        c->public.backup_eligible = true; /* it can't be */
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
        c->public.backup_eligible = false;
        c->external_size = 0;
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
}

TEST_MAIN
