/* CTAP1/U2F: its messages, what they are answered, and credentials that both protocols use */
#include "tests/unit/u2f-tools.h"

/* ---- APDUs ---- */

static unsigned send_raw(Fixture *f, const char *hex)
{
        uint8_t bytes[512];

        return fixture_u2f(f, bytes, fixture_hex(hex, bytes, sizeof(bytes)), NULL);
}

TEST(version_is_u2f_v2_in_every_form)
{
        /* no length, short Le, extended Le, extended Lc 0 with and without Le */
        static const char *const forms[] = {"00030000", "0003000000", "00030000000000", "000300000000000000",
                                            "000300000000ff"};
        FIXTURE(f);

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                uint8_t bytes[32];
                AuthenticatorReply reply;

                CHECK_EQ(fixture_u2f(f, bytes, fixture_hex(forms[i], bytes, sizeof(bytes)), &reply), SW_OK);
                CHECK_EQ(reply.size, 6);
                CHECK(memcmp(reply.data, "U2F_V2", 6) == 0);
        }
}

TEST(version_with_data_has_the_wrong_length)
{
        FIXTURE(f);

        CHECK_EQ(send_raw(f, "00030000 01 aa"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00030000 000001 aa"), SW_WRONG_LENGTH);
}

TEST(a_wrong_class_is_refused_first)
{
        FIXTURE(f);

        CHECK_EQ(send_raw(f, "01030000 03 616263"), SW_CLA);
        CHECK_EQ(send_raw(f, "80"), SW_CLA);
}

TEST(unknown_instructions_are_refused)
{
        FIXTURE(f);

        CHECK_EQ(send_raw(f, "00000000"), SW_INS);
        CHECK_EQ(send_raw(f, "00040000"), SW_INS);
        CHECK_EQ(send_raw(f, "00400000 000001 aa"), SW_INS); /* vendor range */
        CHECK_EQ(send_raw(f, "00bf0000"), SW_INS);
}

TEST(wrong_lengths_are_refused)
{
        uint8_t request[512];
        Registration reg = to_register("example.com", 1);
        size_t size;
        FIXTURE(f);

        CHECK_EQ(send_raw(f, "0003"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00010000"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00020000"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00010000 02 aa"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00010000 000002 aa"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00010000 000040"), SW_WRONG_LENGTH);
        CHECK_EQ(send_raw(f, "00020300 000000 0000"), SW_WRONG_LENGTH);

        size = register_apdu(&reg, request);
        for (size_t n = 4; n < size; n++)
                if (n != size - 2) /* that is the form without Le */
                        CHECK_EQ(fixture_u2f(f, request, n, NULL), SW_WRONG_LENGTH);
        request[size] = 0;
        CHECK_EQ(fixture_u2f(f, request, size + 1, NULL), SW_WRONG_LENGTH);
        CHECK_EQ(f->n_asked, 0);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
}

TEST(a_key_handle_must_have_the_size_it_says)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        uint8_t request[512];
        size_t size = authenticate_apdu(&reg, CHECK_ONLY, reg.challenge, request);

        CHECK_EQ(fixture_u2f(f, request, size, NULL), SW_NOT_YET);
        request[7 + 64]++;
        CHECK_EQ(fixture_u2f(f, request, size, NULL), SW_WRONG_LENGTH);
        request[7 + 64] = 0;
        CHECK_EQ(fixture_u2f(f, request, size, NULL), SW_WRONG_LENGTH);
        CHECK_EQ(fixture_u2f(f, request, 7 + 64, NULL), SW_WRONG_LENGTH);
        reg.handle_size = 0;
        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 1, NULL, NULL), SW_WRONG_DATA);
}

TEST(short_apdus_are_understood)
{
        Registration reg = to_register("example.com", 1);
        uint8_t request[512] = {0, 1, 3, 0, 64};
        AuthenticatorReply reply;
        FIXTURE(f);

        memcpy(request + 5, reg.challenge, 32);
        memcpy(request + 37, reg.application, 32);
        CHECK_EQ(fixture_u2f(f, request, 5 + 64, &reply), SW_OK);
        check_registration(&reg, reply.data, reply.size);
        CHECK_EQ(fixture_u2f(f, request, 5 + 64 + 1, NULL), SW_OK); /* with Le */
        CHECK_EQ(fixture_u2f(f, request, 5 + 64 + 2, NULL), SW_WRONG_LENGTH);
}

TEST(an_unknown_control_byte_is_refused)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");

        CHECK_EQ(do_authenticate(f, &reg, 0x00, 1, NULL, NULL), SW_WRONG_DATA);
        CHECK_EQ(do_authenticate(f, &reg, 0xff, 1, NULL, NULL), SW_WRONG_DATA);
}

/* ---- register ---- */

TEST(register_makes_a_credential)
{
        Registration reg = to_register("example.com", 7);
        AuthenticatorCredential stored;
        FIXTURE(f);

        CHECK_EQ(do_register(f, &reg), SW_OK);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_PRESENCE);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_REGISTER);
        CHECK(!f->asked.rp_id);
        CHECK(memcmp(f->asked.rp_id_hash, reg.application, 32) == 0);
        CHECK_EQ(reg.handle_size, 32);
        CHECK_EQ(authenticator_credential_find(f->a, reg.handle, reg.handle_size, &stored), CTAP_OK);
        CHECK(stored.u2f && !stored.discoverable);
        CHECK_EQ(stored.algorithm, -7);
        CHECK_EQ(stored.protection, 1);
        CHECK_EQ(stored.rp_id[0], 0);
        CHECK_EQ(stored.created, f->clock);
        CHECK(memcmp(stored.rp_id_hash, reg.application, 32) == 0);
        CHECK_EQ(f->a->state->n_credentials, 1);
        CHECK_EQ(f->a->state->n_discoverable, 0);
}

TEST(each_registration_is_another_key)
{
        FIXTURE(f);
        Registration a = registered(f, "example.com"), b = registered(f, "example.com");

        CHECK(memcmp(a.handle, b.handle, 32) != 0);
        CHECK(memcmp(a.key.public_key, b.key.public_key, 64) != 0);
        CHECK_EQ(fixture_count(f, MARK_RP, a.application), 2);
}

TEST(a_registration_survives_a_restart)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");

        fixture_restart(f);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
}

TEST(blinks_are_answered_and_not_stored)
{
        static const char *const names[] = {"make.me.blink", ".dummy"};
        Registration reg;
        FIXTURE(f);

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                reg = to_register(names[i], 1);
                CHECK_EQ(do_register(f, &reg), SW_OK);
                CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 1, NULL, NULL), SW_WRONG_DATA);
        }
        memset(reg.application, 'A', 32);
        memset(reg.challenge, 'B', 32);
        CHECK_EQ(do_register(f, &reg), SW_OK);
        reg = to_register("localhost", 1);
        sha256("", 0, reg.challenge);
        CHECK_EQ(do_register(f, &reg), SW_OK);
        CHECK_EQ(f->n_asked, 4); /* a touch is all they are for */
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);

        reg = to_register("localhost", 1); /* a site of one's own */
        CHECK_EQ(do_register(f, &reg), SW_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

static void only_one(Fixture *f)
{
        f->config.credentials_max = 1;
}

TEST(register_in_full_storage_fails)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(only_one);
        Registration reg = to_register("other.example", 1);

        (void)registered(f, "example.com");
        CHECK_EQ(do_register(f, &reg), SW_NO_SPACE);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(register_fails_with_storage_and_leaves_nothing)
{
        Registration reg = to_register("example.com", 1);
        unsigned n = 0;
        FIXTURE(f);

        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        do {
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
                f->fail_at = ++n;
        } while (do_register(f, &reg) != SW_OK);
        CHECK(n > 3);
        f->fail_at = 0;
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(register_fails_without_random_bytes)
{
        Registration reg = to_register("example.com", 1);
        unsigned n = 0;
        FIXTURE(f);

        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        do {
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
                f->fail_random_at = ++n;
        } while (do_register(f, &reg) == SW_FAILED);
        CHECK(n > 3);
}

/* ---- authenticate ---- */

TEST(authenticate_signs_with_presence)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        uint8_t present = 0xff;
        uint32_t count = 0xff;

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, &present, &count), SW_OK);
        CHECK_EQ(present, 1);
        CHECK_EQ(count, 0); /* it does not count */
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_SIGN_IN);
        CHECK(!f->asked.rp_id);
        CHECK(memcmp(f->asked.rp_id_hash, reg.application, 32) == 0);
}

TEST(dont_enforce_signs_without_asking)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        unsigned asked = f->n_asked;
        uint8_t present = 0xff;

        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(do_authenticate(f, &reg, DONT_ENFORCE, 2, &present, NULL), SW_OK);
        CHECK_EQ(present, 0);
        CHECK_EQ(f->n_asked, asked);
}

TEST(check_only_knows_its_own_and_never_asks)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com"), other = reg;
        unsigned asked = f->n_asked;

        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_NOT_YET);
        other.handle[0] ^= 0x40;
        CHECK_EQ(do_authenticate(f, &other, CHECK_ONLY, 2, NULL, NULL), SW_WRONG_DATA);
        other = reg;
        other.application[0] ^= 1;
        CHECK_EQ(do_authenticate(f, &other, CHECK_ONLY, 2, NULL, NULL), SW_WRONG_DATA);
        other = reg;
        other.handle_size = 16;
        CHECK_EQ(do_authenticate(f, &other, CHECK_ONLY, 2, NULL, NULL), SW_WRONG_DATA);
        other.handle_size = 255;
        CHECK_EQ(do_authenticate(f, &other, CHECK_ONLY, 2, NULL, NULL), SW_WRONG_DATA);
        CHECK_EQ(f->n_asked, asked);
}

TEST(a_foreign_key_handle_is_refused_before_anybody_is_asked)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        unsigned asked = f->n_asked;

        reg.application[31] ^= 1;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_WRONG_DATA);
        CHECK_EQ(do_authenticate(f, &reg, DONT_ENFORCE, 2, NULL, NULL), SW_WRONG_DATA);
        CHECK_EQ(f->n_asked, asked);
}

TEST(a_damaged_credential_is_no_key_handle)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        AuthenticatorCredential stored;
        size_t size;

        CHECK_EQ(authenticator_credential_find(f->a, reg.handle, reg.handle_size, &stored), CTAP_OK);
        fixture_record(f, stored.number, &size)[0] ^= 0xff;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_WRONG_DATA);
}

static void counting(Fixture *f)
{
        f->config.counters = true;
}

TEST(counters_grow_and_never_repeat)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(counting);
        Registration reg = registered(f, "example.com");
        uint32_t last = 0, count;

        for (unsigned i = 0; i < 600; i++) {
                CHECK_EQ(do_authenticate(f, &reg, i % 2 ? ENFORCE : DONT_ENFORCE, 2, NULL, &count), SW_OK);
                CHECK(count > last);
                last = count;
                if (i % 250 == 100)
                        fixture_restart(f);
        }
}

TEST(authenticate_fails_with_storage)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(counting);
        Registration reg = registered(f, "example.com");
        unsigned n = 0, word;

        for (;;) {
                fixture_restart(f); /* the counter's block is forgotten */
                CHECK_EQ(authenticator_load(f->a), CTAP_OK);
                f->fail_at = ++n;
                word = do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL);
                if (word == SW_OK)
                        break;
                CHECK_EQ(word, SW_FAILED);
        }
        CHECK(n > 3);
}

/* ---- alwaysUv ---- */

TEST(always_uv_turns_u2f_off)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        unsigned asked = f->n_asked;

        set_always_uv(f, true);
        CHECK_EQ(do_register(f, &reg), SW_OFF);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OFF);
        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_OFF);
        CHECK_EQ(do_authenticate(f, &reg, DONT_ENFORCE, 2, NULL, NULL), SW_OFF);
        CHECK_EQ(send_raw(f, "00030000"), SW_OFF);
        CHECK_EQ(send_raw(f, "01030000"), SW_CLA); /* what is no U2F at all is told so */
        CHECK_EQ(f->n_asked, asked);
        set_always_uv(f, false);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
}

TEST(always_uv_is_known_while_locked)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        unsigned asked = f->n_asked;

        set_always_uv(f, true);
        f->locked = true;
        authenticator_forget(f->a);
        CHECK_EQ(do_register(f, &reg), SW_OFF);
        CHECK_EQ(send_raw(f, "00030000"), SW_OFF);
        CHECK_EQ(f->n_asked, asked);
}

/* ---- credentials of both protocols ---- */

TEST(a_u2f_credential_signs_in_by_ctap2)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        FIXTURE(f);
        Registration reg = registered(f, "example.com");
        cbor_item_t *map = client_assert_request("example.com"), *list = client_array();
        uint8_t hash[32];

        client_push(list, client_descriptor(reg.handle, reg.handle_size));
        client_set(map, 3, list);
        CHECK_EQ(client_send(f, 0x02, map, &reply), CTAP_OK);
        memset(hash, 0x11, sizeof(hash));
        CHECK(client_verify(reply, &reg.key, hash));
}

static Registration made_by_ctap2(Fixture *f, int algorithm, unsigned protection)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = client_make_request("example.com", "bob", algorithm), *extensions = client_map();
        Registration reg = to_register("example.com", 1);
        const uint8_t *id;

        client_set_text(extensions, "credProtect", client_int((int)protection));
        client_set(map, 6, extensions);
        CHECK_EQ(client_send(f, 0x01, map, &reply), CTAP_OK);
        client_attested(reply, &id, &reg.handle_size, &reg.key);
        CHECK(reg.handle_size <= sizeof(reg.handle));
        memcpy(reg.handle, id, reg.handle_size);
        return reg;
}

TEST(a_ctap2_credential_signs_in_by_u2f)
{
        FIXTURE(f);
        Registration reg = made_by_ctap2(f, COSE_ES256, 1), listed = made_by_ctap2(f, COSE_ES256, 2);

        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
        CHECK(strcmp(f->asked.rp_id, "example.com") == 0); /* this one says whose it is */
        CHECK(strcmp(f->asked.user_name, "bob") == 0);
        CHECK_EQ(do_authenticate(f, &listed, ENFORCE, 2, NULL, NULL), SW_OK);
}

TEST(a_credential_that_needs_verification_is_not_for_u2f)
{
        FIXTURE(f);
        Registration reg = made_by_ctap2(f, COSE_ES256, 3);

        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_WRONG_DATA);
        CHECK_EQ(do_authenticate(f, &reg, DONT_ENFORCE, 2, NULL, NULL), SW_WRONG_DATA);
}

TEST(a_credential_of_another_curve_is_not_for_u2f)
{
        FIXTURE(f);
        Registration ed25519 = made_by_ctap2(f, COSE_EDDSA, 1), p384 = made_by_ctap2(f, COSE_ES384, 1);

        CHECK_EQ(do_authenticate(f, &ed25519, ENFORCE, 2, NULL, NULL), SW_WRONG_DATA);
        CHECK_EQ(do_authenticate(f, &p384, ENFORCE, 2, NULL, NULL), SW_WRONG_DATA);
}

TEST(u2f_ends_an_enumeration_of_its_channel)
{
        FIXTURE(f);

        CHECK_EQ(client_make(f, "example.com", "ann", COSE_ES256, true, NULL), CTAP_OK);
        CHECK_EQ(client_make(f, "example.com", "bob", COSE_ES256, true, NULL), CTAP_OK);
        CHECK_EQ(client_send(f, 0x02, client_assert_request("example.com"), NULL), CTAP_OK);
        CHECK_EQ(send_raw(f, "00030000"), SW_OK);
        CHECK_EQ(client_send(f, 0x08, NULL, NULL), CTAP2_ERR_NOT_ALLOWED);
}

TEST_MAIN
