/* Several accounts fit: the person is shown them, and may choose */
#include <errno.h>

#include "tests/unit/ceremony-tools.h"

#define ACCOUNTS 3U

static const char *const users[ACCOUNTS] = {"alice", "bob", "carol"};

static void make_accounts(Fixture *f, Made ret[ACCOUNTS])
{
        for (size_t i = 0; i < ACCOUNTS; i++)
                ret[i] = make_for(f, RP, users[i], true);
}

/* One that only its verified owner may see. */
static void make_protected(Fixture *f, const char *user)
{
        cbor_item_t *map = client_make_request(RP, user, COSE_ES256), *extensions = client_map(), *options = client_map();

        client_set_text(extensions, "credProtect", client_int(3));
        client_set(map, 6, extensions);
        client_set_text(options, "rk", cbor_build_bool(true));
        if (f->fingerprints)
                client_set_text(options, "uv", cbor_build_bool(true));
        client_set(map, 7, options);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP_OK);
}

/* Sends it to a person who answers later. */
static void begin(Fixture *f, cbor_item_t *map)
{
        uint8_t request[512] = {GET_ASSERTION};
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;

        cbor_decref(&map);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 7, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        f->answer = AUTHENTICATOR_YES;
}

static cbor_item_t *answer(Fixture *f, AuthenticatorAnswer answer)
{
        cbor_item_t *item = NULL;
        AuthenticatorReply reply;

        CHECK_EQ(authenticator_answer(f->host, answer, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(cbor_read(reply.data + 1, reply.size - 1, &item), CTAP_OK);
        return item;
}

static void check_selected(const cbor_item_t *reply, const Made *made)
{
        const cbor_item_t *selected = map_get(reply, 6), *user = map_get(reply, 4);

        CHECK(client_verify(reply, &made->key, client_hash));
        CHECK(selected && cbor_is_bool(selected) && cbor_get_bool(selected));
        CHECK(!map_get(reply, 5));
        CHECK(cbor_map_size(user) == 1 && map_get_text(user, "id")); /* names stay here */
}

TEST(the_chosen_account_signs_alone)
{
        for (unsigned i = 0; i < ACCOUNTS; i++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                Made made[ACCOUNTS];

                make_accounts(f, made);
                begin(f, assert_request(NULL, true));
                CHECK_EQ(authenticator_choose(f->host, i), 0);
                reply = answer(f, AUTHENTICATOR_YES);
                check_selected(reply, &made[ACCOUNTS - 1 - i]);
                CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
        }
}

TEST(the_question_names_the_accounts_newest_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made[ACCOUNTS];

        make_accounts(f, made);
        begin(f, assert_request(NULL, true));
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_PRESENCE);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS);
        CHECK(f->asked.accounts);
        for (unsigned i = 0; i < ACCOUNTS; i++) {
                CHECK(strcmp(f->accounts[i].user_name, users[ACCOUNTS - 1 - i]) == 0);
                CHECK(strcmp(f->accounts[i].user_display_name, users[ACCOUNTS - 1 - i]) == 0);
        }
        CHECK(!f->asked.user_name);
        CHECK_EQ(f->asked_channel, 7);
        CHECK_EQ(authenticator_host_channel(f->host), 7);
}

TEST(who_does_not_choose_leaves_it_to_the_client)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        Made made[ACCOUNTS];

        make_accounts(f, made);
        begin(f, assert_request(NULL, true));
        reply = answer(f, AUTHENTICATOR_YES);
        CHECK(client_verify(reply, &made[ACCOUNTS - 1].key, client_hash));
        CHECK(map_get(reply, 5) && !map_get(reply, 6));
        CHECK_EQ(authenticator_host_channel(f->host), 0);
}

TEST(only_what_was_named_can_be_chosen)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;
        Made made[ACCOUNTS];

        make_accounts(f, made);
        CHECK_EQ(authenticator_choose(f->host, 0), -EINVAL); /* nobody asks */
        begin(f, assert_request(NULL, true));
        CHECK_EQ(authenticator_choose(f->host, ACCOUNTS), -EINVAL);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(authenticator_choose(f->host, 0), -EINVAL);
        begin(f, assert_request(&made[0], true)); /* the client has chosen */
        CHECK(!f->asked.accounts);
        CHECK_EQ(authenticator_choose(f->host, 0), -EINVAL);
}

TEST(one_account_and_too_many_are_no_choice)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        char user[16];

        (void)make_for(f, RP, "alice", true);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        CHECK(!f->asked.accounts && strcmp(f->asked.user_name, "alice") == 0);
        for (unsigned i = 1; i <= AUTHENTICATOR_ACCOUNTS_MAX; i++) {
                (void)snprintf(user, sizeof(user), "user%u", i);
                (void)make_for(f, RP, user, true);
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
                CHECK_EQ(f->asked.n_accounts, i + 1);
                CHECK((f->asked.accounts != NULL) == (i < AUTHENTICATOR_ACCOUNTS_MAX));
        }
}

TEST(accounts_that_need_verification_are_not_named_without)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = assert_request(NULL, true);
        uint8_t token[32];
        Made made[ACCOUNTS];

        make_accounts(f, made);
        make_protected(f, "dave");
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS);
        CHECK(strcmp(f->accounts[0].user_name, "carol") == 0);
        set_pin(f);
        get_token(f, 2, PERMISSION_GA, RP, token);
        set_auth(map, 6, 2, token);
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP_OK);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS + 1);
        CHECK(strcmp(f->accounts[0].user_name, "dave") == 0);
}

TEST(the_choice_goes_with_the_finger)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_fingers);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = assert_request(NULL, true);
        AuthenticatorReply pending;
        unsigned asked;

        CHECK_EQ(f->answer, AUTHENTICATOR_YES);
        for (size_t i = 0; i < ACCOUNTS; i++) {
                cbor_item_t *make = client_make_request(RP, users[i], COSE_ES256), *options = client_map();

                client_set_text(options, "rk", cbor_build_bool(true));
                client_set_text(options, "uv", cbor_build_bool(true));
                client_set(make, 7, options);
                CHECK_EQ(send(f, MAKE_CREDENTIAL, make), CTAP_OK);
        }
        client_set(map, 5, boolean("uv", true));
        asked = f->n_asked;
        begin(f, map);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS);
        CHECK(f->asked.accounts);
        CHECK_EQ(authenticator_choose(f->host, 2), 0);
        f->answer = AUTHENTICATOR_LATER; /* a wrong finger: a choice is of the question that was answered */
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &pending), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS);
        CHECK_EQ(authenticator_choose(f->host, 1), 0);
        reply = answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(auth_flags(reply), UP | UV);
        CHECK(map_get(reply, 6) && !map_get(reply, 5));
        CHECK(text_is((const char *)cbor_bytestring_handle(map_get_text(map_get(reply, 4), "id")),
                      cbor_bytestring_length(map_get_text(map_get(reply, 4), "id")), "bob"));
        CHECK_EQ(f->n_asked, asked + 2);
}

/* The name of an account that wants verification is not shown to whoever comes along. */
TEST(a_protected_account_keeps_the_choice_from_the_finger)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_fingers);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = assert_request(NULL, true);
        int64_t n;

        make_protected(f, "alice");
        make_protected(f, "bob");
        client_set(map, 5, boolean("uv", true));
        begin(f, map);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
        CHECK(!f->asked.accounts);
        reply = answer(f, AUTHENTICATOR_YES);
        CHECK(map_get(reply, 5) && value_int(map_get(reply, 5), &n) == CTAP_OK && n == 2);
}

TEST(a_chosen_account_that_has_gone_is_no_other)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential found;
        AuthenticatorReply reply;
        Made made[ACCOUNTS];

        make_accounts(f, made);
        begin(f, assert_request(NULL, true));
        CHECK_EQ(authenticator_choose(f->host, 0), 0);
        CHECK_EQ(authenticator_credential_find(f->a, made[2].id, made[2].id_size, &found), CTAP_OK);
        CHECK_EQ(authenticator_credential_delete(f->a, found.number), CTAP_OK);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_NO_CREDENTIALS);
}

TEST(storage_that_closes_under_the_question_forgets_the_choice)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;
        Made made[ACCOUNTS];

        make_accounts(f, made);
        begin(f, assert_request(NULL, true));
        CHECK_EQ(authenticator_choose(f->host, 1), 0);
        f->locked = true;
        f->storage_answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_choose(f->host, 0), -EINVAL); /* it asks for the storage */
        f->locked = false;
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->asked.n_accounts, ACCOUNTS);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED); /* of another channel */
        f->channel = 7;
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP_OK);
}

TEST_MAIN
