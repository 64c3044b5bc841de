/* getAssertion: form, which credential signs, silent probes, protection, what is told of the user, how much is read.
 */
#include "tests/unit/ceremony-tools.h"

static Made make_protected(Fixture *f, const char *user, int protection, bool rk)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = client_make_request(RP, user, COSE_ES256), *extensions = client_map();

        client_set_text(extensions, "credProtect", client_int(protection));
        client_set(map, 6, extensions);
        if (rk)
                client_set(map, 7, boolean("rk", true));
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, map, &reply), CTAP_OK);
        return made_of(reply);
}

static cbor_item_t *user_of(const cbor_item_t *reply)
{
        const cbor_item_t *user = map_get(reply, 4);

        return user ? cbor_incref((cbor_item_t *)(uintptr_t)user) : NULL;
}

TEST(assertion_signs_data_and_hash)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        Made made = make_for(f, RP, USER, false);
        const uint8_t *data, *id;
        const char *type;
        uint8_t hash[32];
        size_t size;

        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &reply), CTAP_OK);
        CHECK(client_verify(reply, &made.key, client_hash));
        CHECK_EQ(auth_flags(reply), UP);
        CHECK_EQ(auth_counter(reply), 0);
        data = reply_bytes(reply, 2, &size);
        CHECK_EQ(size, 37);
        sha256(RP, strlen(RP), hash);
        CHECK(memcmp(data, hash, 32) == 0);
        CHECK_EQ(value_bytes(map_get_text(map_get(reply, 1), "id"), 1, 64, &id, &size), CTAP_OK);
        CHECK(size == made.id_size && memcmp(id, made.id, size) == 0);
        CHECK_EQ(value_text(map_get_text(map_get(reply, 1), "type"), 64, &type, &size), CTAP_OK);
        CHECK(text_is(type, size, "public-key"));
        CHECK_EQ(cbor_map_size(map_get(reply, 1)), 2);
        CHECK_EQ(cbor_map_size(reply), 3); /* no user of one that is not discoverable */
}

TEST(missing_and_wrong_parameters)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(send(f, GET_ASSERTION, NULL), CTAP2_ERR_MISSING_PARAMETER);
        for (int missing = 1; missing <= 2; missing++) {
                cbor_item_t *map = client_map();

                if (missing != 1)
                        client_set(map, 1, client_text(RP));
                if (missing != 2)
                        client_set(map, 2, client_bytes(client_hash, 32));
                CHECK_EQ(send(f, GET_ASSERTION, map), CTAP2_ERR_MISSING_PARAMETER);
        }
        for (int wrong = 1; wrong <= 7; wrong++) {
                cbor_item_t *map = client_map();

                client_set(map, 1, wrong == 1 ? client_int(1) : client_text(RP));
                client_set(map, 2, wrong == 2 ? client_text("hash") : client_bytes(client_hash, 32));
                if (wrong > 2)
                        client_set(map, wrong, cbor_build_bool(true));
                CHECK_EQ(send(f, GET_ASSERTION, map), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        }
        CHECK_EQ(f->n_asked, 0);
}

TEST(allow_list_entries_are_type_checked_and_bounded)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_assert_request(RP), *list = client_array();
        cbor_item_t *other = client_assert_request(RP), *bare = client_array();

        for (unsigned i = 0; i <= CREDENTIALS_IN_LIST_MAX; i++)
                client_push(list, client_descriptor(client_hash, 4));
        client_set(map, 3, list);
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP2_ERR_LIMIT_EXCEEDED);
        client_push(bare, client_map());
        client_set(other, 3, bare);
        CHECK_EQ(send(f, GET_ASSERTION, other), CTAP2_ERR_MISSING_PARAMETER);
}

/* CTAP 2.0 clients send an empty list when they mean none. */
TEST(empty_allow_list_is_no_list)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_assert_request(RP);

        (void)make_for(f, RP, USER, true);
        client_set(map, 3, client_array());
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP_OK);
}

TEST(no_credentials_is_told_after_presence)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, "example.com", USER, true);

        f->n_asked = 0;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->asked.n_accounts, 0);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(f->n_asked, 2);
        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, false)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(f->n_asked, 3);
}

TEST(silent_probe_signs_without_the_flag_of_presence)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        Made made = make_for(f, RP, USER, false);

        f->n_asked = 0;
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, false), &reply), CTAP_OK);
        CHECK_EQ(auth_flags(reply), 0);
        CHECK(client_verify(reply, &made.key, client_hash));
        CHECK_EQ(f->n_asked, 0);
}

TEST(silent_probe_of_a_long_list_reads_no_record)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_assert_request(RP), *list = client_array();
        unsigned gets, finds;

        (void)make_for(f, RP, USER, true);
        for (uint8_t i = 0; i < 100; i++) {
                uint8_t id[32] = {i};

                client_push(list, client_descriptor(id, sizeof(id)));
        }
        client_set(map, 3, list);
        client_set(map, 5, boolean("up", false));
        gets = f->n_gets;
        finds = f->n_finds;
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(f->n_gets, gets);
        CHECK_EQ(f->n_finds, finds + 100);
        CHECK_EQ(f->n_asked, 1); /* of makeCredential */
}

TEST(one_record_is_read_to_sign)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);
        unsigned gets = f->n_gets, finds = f->n_finds, commits = f->n_commits;

        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
        CHECK_EQ(f->n_gets, gets + 1);
        CHECK_EQ(f->n_finds, finds + 1);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        CHECK_EQ(f->n_gets, gets + 2);
        CHECK_EQ(f->n_finds, finds + 2);
        CHECK_EQ(f->n_commits, commits);
}

TEST(what_signs_often_is_read_once_until_it_is_written_or_gone)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);
        AuthenticatorCredential credential;
        uint64_t number = UINT64_MAX;
        unsigned gets;

        for (unsigned i = 0; i < 4; i++) {
                gets = f->n_gets;
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
                CHECK_EQ(f->n_gets - gets, i < 2);
        }
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK_EQ(authenticator_credential_rename(f->a, number, "renamed", NULL), CTAP_OK);
        gets = f->n_gets;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
        CHECK_EQ(f->n_gets - gets, 1);
        CHECK_EQ(authenticator_credential_find(f->a, credential.id, credential.id_size, &credential), CTAP_OK);
        CHECK(strcmp(credential.user_name, "renamed") == 0);

        f->locked = true;
        f->storage_answer = AUTHENTICATOR_NOBODY;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NOT_ALLOWED);
        f->locked = false;
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NO_CREDENTIALS);
        authenticator_forget(f->a);
        CHECK(!signers_credential(f->a, number));
}

TEST(first_listed_credential_that_applies_signs)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = client_assert_request(RP);
        Made made[3] = {make_for(f, "example.com", USER, false), make_for(f, RP, USER, false),
                        make_for(f, RP, "bob", true)};

        set_list(map, 3, made, 3);
        CHECK_EQ(client_send(f, GET_ASSERTION, map, &reply), CTAP_OK);
        CHECK(client_verify(reply, &made[1].key, client_hash));
        CHECK(!map_get(reply, 5));
}

TEST(listed_credential_of_another_type_is_no_match)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);
        cbor_item_t *map = client_assert_request(RP), *list = client_array(), *entry = client_map();

        client_set_text(entry, "id", client_bytes(made.id, made.id_size));
        client_set_text(entry, "type", client_text("private-key"));
        client_push(list, entry);
        client_set(map, 3, list);
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP2_ERR_NO_CREDENTIALS);
}

/* ---- credProtect ---- */

static int try(Fixture *f, const Made *made, bool up, bool verified)
{
        cbor_item_t *map = assert_request(made, up);
        uint8_t token[32];

        if (verified) {
                get_token(f, 2, PERMISSION_GA, RP, token);
                set_auth(map, 6, 2, token);
        }
        return send(f, GET_ASSERTION, map);
}

TEST(protection_decides_what_is_found)
{
        /* by protection: with a list, without one */
        static const bool unverified[4][2] = {{0}, {true, true}, {true, false}, {false, false}};

        for (int protection = 1; protection <= 3; protection++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                Made made = make_protected(f, USER, protection, true);

                set_pin(f);
                for (int up = 0; up < 2; up++) {
                        CHECK_EQ(try(f, &made, up, false) == CTAP_OK, unverified[protection][0]);
                        CHECK_EQ(try(f, NULL, up, false) == CTAP_OK, unverified[protection][1]);
                        CHECK_EQ(try(f, &made, up, true), CTAP_OK);
                        CHECK_EQ(try(f, NULL, up, true), CTAP_OK);
                }
                CHECK(protection == 1 || try(f, NULL, true, false) == CTAP2_ERR_NO_CREDENTIALS);
        }
}

TEST(protected_credentials_are_not_counted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        Made made;

        (void)make_protected(f, "old", 3, true);
        made = make_protected(f, "middle", 1, true);
        (void)make_protected(f, "new", 2, true);
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(NULL, true), &reply), CTAP_OK);
        CHECK(client_verify(reply, &made.key, client_hash));
        CHECK(!map_get(reply, 5));
        CHECK_EQ(f->asked.n_accounts, 1);
}

/* ---- the user ---- */

TEST(user_of_one_account_is_an_id_only)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        const Made made = make_for(f, RP, USER, true);

        set_pin(f);
        for (int verified = 0; verified < 2; verified++)
                for (int listed = 0; listed < 2; listed++) {
                        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL, *user = NULL;
                        cbor_item_t *map = assert_request(listed ? &made : NULL, true);
                        uint8_t token[32];
                        const uint8_t *id;
                        size_t size;

                        if (verified) {
                                get_token(f, 2, PERMISSION_GA, RP, token);
                                set_auth(map, 6, 2, token);
                        }
                        CHECK_EQ(client_send(f, GET_ASSERTION, map, &reply), CTAP_OK);
                        user = user_of(reply);
                        CHECK(user);
                        CHECK_EQ(cbor_map_size(user), 1);
                        CHECK_EQ(value_bytes(map_get_text(user, "id"), 1, 64, &id, &size), CTAP_OK);
                        CHECK(size == strlen(USER) && memcmp(id, USER, size) == 0);
                }
}

/* ---- while somebody is waited for ---- */

static int begin_pending(Fixture *f, cbor_item_t *map, AuthenticatorReply *reply)
{
        uint8_t request[1024] = {GET_ASSERTION};
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);

        cbor_decref(&map);
        f->answer = AUTHENTICATOR_LATER;
        return authenticator_request(f->host, 1, request, size + 1, reply);
}

TEST(deleted_while_somebody_was_asked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);
        _cleanup_(credential_freep) Credential *credential = credential_new();
        _cleanup_(change_donep) Change change = {0};
        AuthenticatorReply reply;

        CHECK_EQ(begin_pending(f, assert_request(&made, true), &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(record_credential_by_id(f->a, made.id, made.id_size, NULL, credential), CTAP_OK);
        CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
        CHECK_EQ(change_remove_credential(&change, credential, true), CTAP_OK);
        CHECK_EQ(change_commit(&change), CTAP_OK);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_NO_CREDENTIALS);
}

TEST(signs_after_a_wait)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *assertion = NULL;
        Made made = make_for(f, RP, USER, true);
        AuthenticatorReply reply;

        CHECK_EQ(begin_pending(f, assert_request(NULL, true), &reply), AUTHENTICATOR_PENDING);
        CHECK(strcmp(f->user_name, USER) == 0);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(cbor_read(reply.data + 1, reply.size - 1, &assertion), CTAP_OK);
        CHECK(client_verify(assertion, &made.key, client_hash));
}

/* A locked storage is opened in the same request, and never answers "no credentials". */
TEST(locked_storage_is_opened_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        authenticator_forget(f->a);
        f->locked = true;
        f->storage_answer = AUTHENTICATOR_NO;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, false)), CTAP2_ERR_OPERATION_DENIED);
        f->storage_answer = AUTHENTICATOR_YES;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, false)), CTAP_OK);
}

/* ---- failures, counters ---- */

TEST(damaged_record_is_no_credential)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);
        uint64_t number = 0;
        size_t size;

        CHECK_EQ(record_has_id(f->a, made.id, made.id_size, &number), CTAP_OK);
        fixture_record(f, number, &size)[0] ^= 0xff;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP2_ERR_NO_CREDENTIALS);
}

TEST(failing_storage_is_an_error)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        for (unsigned at = 1; at <= 2; at++) {
                f->fail_at = at;
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP1_ERR_OTHER);
                f->fail_at = at;
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP1_ERR_OTHER);
        }
}

static void counting(Fixture *f)
{
        f->config.counters = true;
}

TEST(counter_grows_and_writes_rarely)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(counting);
        Made made = make_for(f, RP, USER, true);
        uint32_t last = 0;
        unsigned commits = f->n_commits;

        for (unsigned i = 0; i < 300; i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

                if (i == 100)
                        fixture_restart(f);
                CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, i % 2), &reply), CTAP_OK);
                CHECK(auth_counter(reply) > last);
                CHECK(client_verify(reply, &made.key, client_hash));
                last = auth_counter(reply);
        }
        CHECK(f->n_commits - commits <= 3);
}

TEST_MAIN
