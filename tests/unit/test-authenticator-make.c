/* makeCredential: the request's form, the choice of algorithm, options, and what is stored. */
#include "tests/unit/ceremony-tools.h"

/* A request without one of its members, or with another value (taken over) in its place. */
static cbor_item_t *changed_request(int key, cbor_item_t *value)
{
        _cleanup_(cbor_item_donep) cbor_item_t *good = make_request();
        const struct cbor_pair *pairs = cbor_map_handle(good);
        cbor_item_t *map = client_map();
        bool done = false;

        for (size_t i = 0; i < cbor_map_size(good); i++) {
                int at = cbor_get_uint8(pairs[i].key);

                if (at == key && value)
                        client_set(map, key, value);
                else if (at != key)
                        client_set(map, at, cbor_incref(pairs[i].value));
                done = done || at == key;
        }
        if (!done)
                client_set(map, key, value);
        return map;
}

static cbor_item_t *param(cbor_item_t *alg, cbor_item_t *type)
{
        cbor_item_t *map = client_map();

        if (alg)
                client_set_text(map, "alg", alg);
        if (type)
                client_set_text(map, "type", type);
        return map;
}

static cbor_item_t *key_param(int alg)
{
        return param(client_int(alg), client_text("public-key"));
}

static cbor_item_t *params_of(cbor_item_t *first, cbor_item_t *second)
{
        cbor_item_t *params = client_array();

        if (first)
                client_push(params, first);
        if (second)
                client_push(params, second);
        return changed_request(4, params);
}

static int send_changed(Fixture *f, int key, cbor_item_t *value)
{
        return send(f, MAKE_CREDENTIAL, changed_request(key, value));
}

TEST(make_credential_signs_with_the_new_key)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL, *assertion = NULL;
        Made made;

        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, &reply), CTAP_OK);
        CHECK_EQ(cbor_map_size(reply), 3);
        CHECK(reply_text_is(reply, 1, "packed"));
        CHECK_EQ(auth_flags(reply), UP | AT);
        made = made_of(reply);
        CHECK_EQ(made.id_size, CREDENTIAL_ID_SIZE);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &assertion), CTAP_OK);
        CHECK(client_verify(assertion, &made.key, client_hash));
}

TEST(authenticator_data_begins_with_the_rp_id_hash_and_names_the_aaguid)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        const uint8_t *data;
        uint8_t hash[32];
        size_t size;

        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, &reply), CTAP_OK);
        data = reply_bytes(reply, 2, &size);
        sha256(RP, strlen(RP), hash);
        CHECK(memcmp(data, hash, 32) == 0);
        CHECK(memcmp(data + 37, f->config.aaguid, 16) == 0);
        CHECK_EQ(data[53] << 8 | data[54], CREDENTIAL_ID_SIZE);
}

/* The identifier stays the relying party's: in the COSE key and in the statement. */
TEST(every_algorithm_is_kept_as_the_relying_party_named_it)
{
        static const int algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_ESP256, COSE_ED25519, COSE_ES384, COSE_ESP384};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL, *cose = NULL, *assertion = NULL;
                struct cbor_load_result result;
                const uint8_t *data;
                int64_t alg = 0;
                size_t size;
                Made made;

                CHECK_EQ(client_make(f, RP, USER, algorithms[i], i % 2, &reply), CTAP_OK);
                made = made_of(reply);
                data = reply_bytes(reply, 2, &size);
                cose = cbor_load(data + 55 + made.id_size, size - 55 - made.id_size, &result);
                CHECK_EQ(value_int(map_get(cose, 3), &alg), CTAP_OK);
                CHECK_EQ(alg, algorithms[i]);
                CHECK_EQ(value_int(map_get_text(map_get(reply, 3), "alg"), &alg), CTAP_OK);
                CHECK_EQ(alg, algorithms[i]);
                CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &assertion), CTAP_OK);
                CHECK(client_verify(assertion, &made.key, client_hash));
        }
}

TEST(first_supported_algorithm_wins)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, params_of(key_param(-257), key_param(COSE_EDDSA)), &reply), CTAP_OK);
        CHECK_EQ(made_of(reply).key.kind, SIGN_ED25519);
        cbor_decref(&reply);
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, params_of(key_param(COSE_ES384), key_param(COSE_ES256)), &reply),
                 CTAP_OK);
        CHECK_EQ(made_of(reply).key.kind, SIGN_P384);
}

TEST(every_algorithm_entry_is_type_checked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *good[5];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                good[i] = key_param(COSE_ES256);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(good[0], cbor_build_bool(true))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(good[1], param(client_int(-7), NULL))),
                 CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(good[2], param(NULL, client_text("public-key")))),
                 CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(good[3], param(client_int(-7), cbor_build_bool(false)))),
                 CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(good[4], param(client_text("ES256"), client_text("public-key")))),
                 CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(f->n_asked, 0);
}

TEST(unsupported_algorithm)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(NULL, NULL)), CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(key_param(-257), key_param(69))), CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, params_of(param(client_int(-7), client_text("private-key")), NULL)),
                 CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        CHECK_EQ(f->n_asked, 0);
}

TEST(missing_parameters)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (int key = 1; key <= 4; key++)
                CHECK_EQ(send_changed(f, key, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(send_changed(f, 2, client_map()), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(send_changed(f, 3, client_map()), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(f->n_asked, 0);
}

static cbor_item_t *text_map(const char *key, cbor_item_t *value)
{
        cbor_item_t *map = client_map();

        client_set_text(map, key, value);
        return map;
}

static cbor_item_t *array_of(cbor_item_t *item)
{
        cbor_item_t *array = client_array();

        client_push(array, item);
        return array;
}

TEST(wrong_types_are_refused_before_anybody_is_asked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (int key = 1; key <= 11; key++)
                CHECK_EQ(send_changed(f, key, cbor_build_bool(true)), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 2, text_map("id", client_int(1))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 3, text_map("id", client_text("alice"))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 5, array_of(client_int(1))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 5, array_of(text_map("id", client_text("x")))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 7, text_map("rk", client_int(1))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 7, text_map("up", client_int(1))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 7, text_map("uv", client_text("y"))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(send_changed(f, 11, array_of(client_int(1))), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(f->n_asked, 0);
}

TEST(client_data_hash_has_32_bytes)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t bytes[33] = {0};

        CHECK_EQ(send_changed(f, 1, client_bytes(bytes, 31)), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(send_changed(f, 1, client_bytes(bytes, 33)), CTAP2_ERR_LIMIT_EXCEEDED);
}

TEST(rp_id_is_bounded)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        char name[AUTHENTICATOR_RP_ID_MAX + 2];

        memset(name, 'a', sizeof(name));
        name[AUTHENTICATOR_RP_ID_MAX + 1] = 0;
        CHECK_EQ(send_changed(f, 2, text_map("id", client_text(name))), CTAP2_ERR_LIMIT_EXCEEDED);
        name[AUTHENTICATOR_RP_ID_MAX] = 0;
        CHECK_EQ(send_changed(f, 2, text_map("id", client_text(name))), CTAP_OK);
        CHECK(strcmp(f->rp_id, name) == 0);
        CHECK_EQ(send_changed(f, 2, text_map("id", client_text(""))), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(send_changed(f, 2, text_map("id", cbor_build_stringn("a\0b", 3))), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(user_id_has_1_to_64_bytes)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t id[65] = {0};

        CHECK_EQ(send_changed(f, 3, text_map("id", client_bytes(id, 0))), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(send_changed(f, 3, text_map("id", client_bytes(id, 65))), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(send_changed(f, 3, text_map("id", client_bytes(id, 1))), CTAP_OK);
        CHECK_EQ(send_changed(f, 3, text_map("id", client_bytes(id, 64))), CTAP_OK);
}

TEST(option_up_must_be_true)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(send_changed(f, 7, boolean("up", false)), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->n_asked, 0);
        CHECK_EQ(send_changed(f, 7, boolean("up", true)), CTAP_OK);
}

TEST(unknown_members_options_and_extensions_are_ignored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = make_request();

        client_set(map, 6, text_map("x-unheard-of", client_int(1)));
        client_set(map, 7, text_map("plug", client_int(7)));
        client_set(map, 99, client_text("?"));
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, map, &reply), CTAP_OK);
        CHECK_EQ(auth_flags(reply), UP | AT);
}

/* An icon was part of CTAP 2.0. */
TEST(unknown_members_of_rp_and_user_are_ignored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *rp = text_map("id", client_text(RP));

        client_set_text(rp, "icon", client_text("https://example.org/icon.png"));
        CHECK_EQ(send_changed(f, 2, rp), CTAP_OK);
}

TEST(exclude_list_is_bounded)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *list = client_array(), *longer = client_array();

        for (size_t i = 0; i < CREDENTIALS_IN_LIST_MAX; i++) {
                uint8_t id[2] = {(uint8_t)i};

                client_push(list, client_descriptor(id, sizeof(id)));
                client_push(longer, client_descriptor(id, sizeof(id)));
        }
        client_push(longer, client_descriptor(client_hash, 1));
        CHECK_EQ(send_changed(f, 5, list), CTAP_OK);
        CHECK_EQ(send_changed(f, 5, longer), CTAP2_ERR_LIMIT_EXCEEDED);
}

TEST(malformed_cbor_is_refused)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send_hex(f, MAKE_CREDENTIAL, "a1", NULL), CTAP2_ERR_INVALID_CBOR);
        CHECK_EQ(fixture_send_hex(f, MAKE_CREDENTIAL, "80", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, MAKE_CREDENTIAL, "a2 02 00 01 00", NULL), CTAP2_ERR_INVALID_CBOR);
        CHECK_EQ(fixture_send_hex(f, MAKE_CREDENTIAL, "a0 00", NULL), CTAP2_ERR_INVALID_CBOR);
}

/* ---- what is stored ---- */

TEST(same_account_is_overwritten_in_one_change)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made first = make_for(f, RP, USER, true), second;
        uint32_t n = state_of(f)->n_discoverable;
        unsigned commits = f->n_commits;

        second = make_for(f, RP, USER, true);
        CHECK_EQ(f->n_commits, commits + 1);
        CHECK_EQ(state_of(f)->n_discoverable, n);
        CHECK_EQ(state_of(f)->n_credentials, n);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&first, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&second, true)), CTAP_OK);
}

TEST(other_accounts_and_listed_credentials_stay)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        (void)make_for(f, RP, USER, true);
        (void)make_for(f, RP, "bob", true);
        (void)make_for(f, "example.com", USER, true);
        (void)make_for(f, RP, USER, false);
        (void)make_for(f, RP, USER, false);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 5);
        CHECK_EQ(fixture_count(f, MARK_DISCOVERABLE, NULL), 3);
        CHECK_EQ(state_of(f)->n_discoverable, 3);
}

static void room_for_two(Fixture *f)
{
        f->config.credentials_max = 2;
}

TEST(key_store_full)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(room_for_two);

        (void)make_for(f, RP, USER, true);
        (void)make_for(f, RP, "bob", false);
        CHECK_EQ(client_make(f, RP, "carol", COSE_ES256, true, NULL), CTAP2_ERR_KEY_STORE_FULL);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 2);
        (void)make_for(f, RP, USER, true); /* in the other one's place */
}

TEST(nothing_is_stored_and_nothing_replied_when_storage_fails)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        unsigned n = 0;
        int status;

        (void)make_for(f, RP, USER, true);
        do {
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
                f->fail_at = ++n;
                status = client_make(f, RP, "bob", COSE_ES256, true, NULL);
        } while (status != CTAP_OK && n < 100);
        f->fail_at = 0;
        CHECK(n > 3 && n < 100);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 2);
}

TEST(no_random_bytes_no_credential)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        unsigned n = 0;
        int status;

        do {
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
                f->fail_random_at = ++n;
                status = client_make(f, RP, USER, COSE_ES256, true, NULL);
        } while (status != CTAP_OK && n < 100);
        CHECK(n > 3 && n < 100);
}

TEST(names_are_cut_at_a_character)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = credential_new();
        cbor_item_t *user = client_map();
        char name[100] = {0};
        uint64_t number = 0;
        size_t n = 0;

        memset(name, 'a', 63);
        strcat(name, "\xc3\xa4xyz"); /* ä crosses the 64th byte */
        client_set_text(user, "id", client_bytes("u", 1));
        client_set_text(user, "name", client_text(name));
        client_set_text(user, "displayName", client_text(name + 1));
        CHECK_EQ(send_changed(f, 3, user), CTAP_OK);
        CHECK_EQ(record_find(f->a, MARK_CREDENTIAL, NULL, UINT64_MAX, &number, 1, &n), CTAP_OK);
        CHECK_EQ(record_credential(f->a, number, credential), CTAP_OK);
        CHECK_EQ(strlen(credential->public.user_name), 63);
        CHECK_EQ(strlen(credential->public.user_display_name), 64);
        CHECK(strcmp(credential->public.rp_name, RP) == 0);
}

/* Browsers only want to see a blink. */
TEST(dummy_registrations_are_not_stored)
{
        static const char *const rp_ids[] = {".dummy", "make.me.blink"};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(rp_ids); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

                CHECK_EQ(client_make(f, rp_ids[i], USER, COSE_ES256, i, &reply), CTAP_OK);
                CHECK_EQ(made_of(reply).id_size, CREDENTIAL_ID_SIZE);
                CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_SELECT);
                CHECK(!f->asked.rp_id);
        }
        CHECK_EQ(f->n_asked, 2);
        CHECK_EQ(f->n_writes, 0);
        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(client_make(f, ".dummy", USER, COSE_ES256, false, NULL), CTAP2_ERR_OPERATION_DENIED);
}

/* ---- flags and counters ---- */

static void counting(Fixture *f)
{
        f->config.counters = true;
}

static void eligible(Fixture *f)
{
        f->config.backup_eligible = true;
}

TEST(counters_are_zero_unless_configured)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *g = fixture_new(counting);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL, *counted = NULL;

        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, &reply), CTAP_OK);
        CHECK_EQ(auth_counter(reply), 0);
        CHECK_EQ(client_make(g, RP, USER, COSE_ES256, false, &counted), CTAP_OK);
        CHECK(auth_counter(counted) > 0);
}

TEST(backup_eligible_is_the_credentials_and_backed_up_the_backups)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(eligible), *g = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL, *before = NULL, *after = NULL, *other = NULL;
        Made made;

        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, &reply), CTAP_OK);
        CHECK_EQ(auth_flags(reply), UP | BE | AT);
        made = made_of(reply);
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &before), CTAP_OK);
        CHECK_EQ(auth_flags(before), UP | BE);
        f->backed_up_until = f->clock;
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &after), CTAP_OK);
        CHECK_EQ(auth_flags(after), UP | BE | BS);
        g->backed_up_until = g->clock;
        CHECK_EQ(client_make(g, RP, USER, COSE_ES256, false, &other), CTAP_OK);
        CHECK_EQ(auth_flags(other), UP | AT); /* never BS without BE */
}

TEST_MAIN
