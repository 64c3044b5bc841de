/* getNextAssertion: several accounts of one relying party, in which order, how long, for whom. */
#include "tests/unit/ceremony-tools.h"
#include "tests/unit/crypto-tools.h"

#define ACCOUNTS 3

static const char *const users[ACCOUNTS] = {"alice", "bob", "carol"};

static void make_accounts(Fixture *f, Made ret[ACCOUNTS])
{
        for (size_t i = 0; i < ACCOUNTS; i++)
                ret[i] = make_for(f, RP, users[i], true);
        (void)make_for(f, "example.com", "dave", true);
        (void)make_for(f, RP, "erin", false);
}

static int64_t number_of(const cbor_item_t *reply)
{
        int64_t n = 0;

        return map_get(reply, 5) && value_int(map_get(reply, 5), &n) == CTAP_OK ? n : -1;
}

static bool names_are(const cbor_item_t *reply, const char *expected)
{
        const cbor_item_t *user = map_get(reply, 4), *name = map_get_text(user, "name"),
                          *display_name = map_get_text(user, "displayName");
        const char *text;
        size_t size;

        if (!expected)
                return !name && !display_name && cbor_map_size(user) == 1;
        return value_text(name, 64, &text, &size) == CTAP_OK && text_is(text, size, expected) &&
               value_text(display_name, 64, &text, &size) == CTAP_OK && text_is(text, size, expected);
}

TEST(accounts_come_newest_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made[ACCOUNTS];
        unsigned asked;

        make_accounts(f, made);
        asked = f->n_asked;
        for (size_t i = 0; i < ACCOUNTS; i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                const uint8_t *id;
                size_t size;

                CHECK_EQ(client_send(f, i == 0 ? GET_ASSERTION : GET_NEXT_ASSERTION,
                                     i == 0 ? assert_request(NULL, true) : NULL, &reply),
                         CTAP_OK);
                CHECK(client_verify(reply, &made[ACCOUNTS - 1 - i].key, client_hash));
                CHECK_EQ(auth_flags(reply), UP);
                CHECK_EQ(number_of(reply), i == 0 ? ACCOUNTS : -1);
                CHECK(names_are(reply, NULL)); /* not without verification */
                CHECK(!map_get(reply, 6));     /* userSelected: nobody chose */
                CHECK_EQ(value_bytes(map_get_text(map_get(reply, 4), "id"), 1, 64, &id, &size), CTAP_OK);
                CHECK(size == strlen(users[ACCOUNTS - 1 - i]) && memcmp(id, users[ACCOUNTS - 1 - i], size) == 0);
        }
        CHECK_EQ(f->n_asked, asked + 1);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS);
        CHECK(!f->asked.user_name);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

TEST(names_are_told_after_verification)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *first = NULL, *next = NULL;
        cbor_item_t *map = assert_request(NULL, true);
        uint8_t token[32];
        Made made[ACCOUNTS];

        make_accounts(f, made);
        set_pin(f);
        get_token(f, 2, PERMISSION_GA, RP, token);
        set_auth(map, 6, 2, token);
        CHECK_EQ(client_send(f, GET_ASSERTION, map, &first), CTAP_OK);
        CHECK(names_are(first, "carol"));
        CHECK_EQ(client_send(f, GET_NEXT_ASSERTION, NULL, &next), CTAP_OK);
        CHECK(names_are(next, "bob"));
        CHECK_EQ(auth_flags(next), UP | UV);
}

/* They are read once to be counted, and each once more when it signs. */
TEST(many_accounts_cost_one_read_more_each)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = assert_request(NULL, true);
        uint8_t token[32];
        Made made[ACCOUNTS];
        unsigned gets;

        make_accounts(f, made);
        set_pin(f);
        get_token(f, 2, PERMISSION_GA, RP, token);
        set_auth(map, 6, 2, token);
        gets = f->n_gets;
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP_OK);
        CHECK_EQ(f->n_gets, gets + ACCOUNTS);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
        CHECK_EQ(f->n_gets, gets + ACCOUNTS + 1);
}

TEST(next_without_a_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

TEST(a_list_gives_one_assertion)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = client_assert_request(RP);
        Made made[ACCOUNTS];

        make_accounts(f, made);
        set_list(map, 3, made, ACCOUNTS);
        CHECK_EQ(client_send(f, GET_ASSERTION, map, &reply), CTAP_OK);
        CHECK_EQ(number_of(reply), -1);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

/* The time runs anew from each one. */
TEST(next_is_allowed_for_30_seconds)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made[ACCOUNTS];

        make_accounts(f, made);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        f->now += ENUMERATION_TIME - 1;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
        f->now += ENUMERATION_TIME - 1;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        f->now += ENUMERATION_TIME;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
        f->now -= ENUMERATION_TIME;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED); /* it is forgotten */
}

TEST(any_other_command_ends_it)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made[ACCOUNTS];

        make_accounts(f, made);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        CHECK_EQ(send(f, GET_INFO, NULL), CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

TEST(it_belongs_to_its_channel)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made[ACCOUNTS];

        make_accounts(f, made);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        f->channel = 2;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
        f->channel = 1;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
}

TEST(storage_that_closes_ends_it)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made[ACCOUNTS];

        make_accounts(f, made);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        authenticator_forget(f->a);
        f->locked = true;
        f->n_asked = 0;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_asked, 0);
}

TEST(deleted_accounts_are_passed_over)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        _cleanup_(credential_freep) Credential *credential = credential_new();
        _cleanup_(change_donep) Change change = {0};
        Made made[ACCOUNTS];

        make_accounts(f, made);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        CHECK_EQ(record_credential_by_id(f->a, made[1].id, made[1].id_size, NULL, credential), CTAP_OK);
        CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
        CHECK_EQ(change_remove_credential(&change, credential, true), CTAP_OK);
        CHECK_EQ(change_commit(&change), CTAP_OK);
        CHECK_EQ(client_send(f, GET_NEXT_ASSERTION, NULL, &reply), CTAP_OK);
        CHECK(client_verify(reply, &made[0].key, client_hash));
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

/* Clients fail when there are fewer than they were told. */
TEST(a_damaged_account_is_not_counted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = assert_request(NULL, true);
        uint8_t token[32], *record;
        AuthenticatorCredential found;
        Made made[ACCOUNTS];
        size_t size;

        make_accounts(f, made);
        CHECK_EQ(authenticator_credential_find(f->a, made[0].id, made[0].id_size, &found), CTAP_OK);
        record = fixture_record(f, found.number, &size);
        record[0] ^= 0xff;
        set_pin(f);
        get_token(f, 2, PERMISSION_GA, RP, token);
        set_auth(map, 6, 2, token);
        CHECK_EQ(client_send(f, GET_ASSERTION, map, &reply), CTAP_OK);
        CHECK_EQ(number_of(reply), ACCOUNTS - 1);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

TEST(silent_enumeration)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *first = NULL, *next = NULL;
        Made made[ACCOUNTS];

        make_accounts(f, made);
        f->n_asked = 0;
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(NULL, false), &first), CTAP_OK);
        CHECK_EQ(number_of(first), ACCOUNTS);
        CHECK_EQ(client_send(f, GET_NEXT_ASSERTION, NULL, &next), CTAP_OK);
        CHECK_EQ(auth_flags(next), 0);
        CHECK_EQ(f->n_asked, 0);
}

/* After a wait everything is looked up anew. */
TEST(accounts_after_a_wait)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t request[256] = {GET_ASSERTION};
        cbor_item_t *map = assert_request(NULL, true);
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;
        Made made[ACCOUNTS];

        cbor_decref(&map);
        make_accounts(f, made);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

/* With little room for keys, and more each time: an error or the reply, and nothing half done. */
TEST(little_room_for_keys)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        int make, assert, next, worst = 0;
        Made made[ACCOUNTS];
        unsigned before;
        void *last;

        make_accounts(f, made);
        before = fixture_count(f, MARK_CREDENTIAL, NULL);
        last = arena_fill();
        do {
                make = client_make(f, "example.net", USER, COSE_ES256, true, NULL);
                assert = send(f, GET_ASSERTION, assert_request(NULL, true));
                next = send(f, GET_NEXT_ASSERTION, NULL);
                CHECK(make == CTAP_OK || make == CTAP1_ERR_OTHER);
                CHECK(assert == CTAP_OK || assert == CTAP1_ERR_OTHER);
                CHECK(next == CTAP_OK || next == CTAP1_ERR_OTHER || next == CTAP2_ERR_NOT_ALLOWED);
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), before + (make == CTAP_OK));
                worst = assert > worst ? assert : worst;
        } while (make != CTAP_OK && arena_drain_one(&last));
        CHECK_EQ(worst, CTAP1_ERR_OTHER);
        CHECK_EQ(make, CTAP_OK);
        arena_drain(last);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
}

TEST(accounts_are_bounded)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        char user[16];

        for (unsigned i = 0; i < ASSERTIONS_MAX + 2; i++) {
                (void)snprintf(user, sizeof(user), "user%u", i);
                (void)make_for(f, RP, user, true);
        }
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(NULL, true), &reply), CTAP_OK);
        CHECK_EQ(number_of(reply), ASSERTIONS_MAX);
}

TEST_MAIN
