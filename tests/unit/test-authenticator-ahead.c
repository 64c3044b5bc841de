/* What is done while the person is asked, or when nobody waits, and that nothing of it shows unless he agrees. */
#include "tests/unit/ceremony-tools.h"

/* A registration that waits for its person. */
static void ask(Fixture *f)
{
        uint8_t request[256] = {MAKE_CREDENTIAL};
        cbor_item_t *map = make_request();
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;

        cbor_decref(&map);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_deadline(f->host), 0);
}

/* The host has ticked, too, so what could be done ahead is done. */
static void begin(Fixture *f)
{
        AuthenticatorReply reply;

        ask(f);
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
        CHECK(authenticator_host_deadline(f->host) > f->now);
}

static Made finish(Fixture *f)
{
        _cleanup_(cbor_item_donep) cbor_item_t *item = NULL;
        uint8_t message[1024];
        const uint8_t *data, *signature;
        AuthenticatorReply reply;
        size_t size, signature_size;
        Made made;

        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(cbor_read(reply.data + 1, reply.size - 1, &item), CTAP_OK);
        made = made_of(item);
        data = reply_bytes(item, 2, &size);
        memcpy(message, data, size);
        memcpy(message + size, client_hash, sizeof(client_hash));
        CHECK_EQ(value_bytes(map_get_text(map_get(item, 3), "sig"), 1, 128, &signature, &signature_size), CTAP_OK);
        CHECK_EQ(sign_verify(&made.key, message, size + 32, signature, signature_size), 0);
        CHECK(auth_flags(item) & UP);
        return made;
}

TEST(a_credential_is_made_while_the_person_is_asked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made first, second;

        begin(f);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0); /* and is stored only then */
        first = finish(f);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
        begin(f);
        second = finish(f);
        CHECK(memcmp(first.key.public_key, second.key.public_key, 64) != 0);
        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&second, true)), CTAP_OK);
}

TEST(an_answer_that_comes_before_the_work_is_as_good)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        ask(f);
        (void)finish(f);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(work_done_ahead_goes_when_the_person_refuses)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;

        begin(f);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(reply.size, 1);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
        begin(f);
        (void)finish(f);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(work_that_fails_ahead_is_done_again)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (unsigned n = 1; n < 3; n++) {
                AuthenticatorReply reply;

                ask(f);
                f->fail_random_at = n;
                CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
                CHECK_EQ(f->fail_random_at, 0); /* it did */
                (void)finish(f);
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), n);
        }
}

TEST(a_key_is_made_in_advance_for_the_next_registration)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;

        begin(f);
        CHECK(!f->a->spares[SIGN_P256]); /* each is used once */
        (void)finish(f);
        CHECK_EQ(authenticator_host_deadline(f->host), 0);
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
        CHECK(f->a->spares[SIGN_P256]);
        CHECK(authenticator_host_deadline(f->host) > f->now);
        begin(f);
        CHECK(!f->a->spares[SIGN_P256]);
        (void)finish(f);
        (void)authenticator_host_tick(f->host, &reply);
        authenticator_forget(f->a); /* it goes with what storage had */
        CHECK(!f->a->spares[SIGN_P256]);
}

TEST(nothing_is_left_to_do_for_clients_that_have_gone)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        ask(f);
        host_reset(f->host);
        CHECK_EQ(authenticator_host_deadline(f->host), UINT64_MAX);
        begin(f);
        (void)finish(f);
        host_reset(f->host);
        CHECK_EQ(authenticator_host_deadline(f->host), UINT64_MAX);
}

TEST(no_work_is_done_ahead_for_what_a_lock_has_ended)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;

        ask(f);
        authenticator_forget(f->a);
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK(!f->a->spares[SIGN_P256]);
        begin(f);
        authenticator_forget(f->a); /* after the work: it ends all the same */
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK(!f->a->spares[SIGN_P256]);
}

TEST_MAIN
