/* While an external key works: what ends it, what becomes of failures, and that nothing is half stored */
#include <errno.h>

#include "tests/unit/crypto-tools.h"
#include "tests/unit/external-tools.h"

static const int failures[] = {CTAP2_ERR_PROCESSING, CTAP1_ERR_OTHER, CTAP2_ERR_INVALID_CREDENTIAL};

static void nothing_stored(Fixture *f)
{
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
        CHECK_EQ(state_of(f)->n_credentials, 0);
}

/* ---- results ---- */

TEST(failures_are_told_as_they_are)
{
        for (size_t i = 0; i < ELEMENTSOF(failures); i++)
                for (unsigned works = 1; works <= 2; works++) {
                        EXTERNAL_FIXTURE(f);

                        begin(f, MAKE_CREDENTIAL, make_request());
                        CHECK_EQ(ends(f, works, failures[i]), failures[i]);
                        nothing_stored(f);
                        f->keys.slow = false;
                        (void)make_for(f, RP, USER, true); /* and it can be tried again */
                }
}

TEST(a_sign_in_tells_failures_too)
{
        EXTERNAL_FIXTURE(f);
        Made made = make_for(f, RP, USER, true);

        for (size_t i = 0; i < ELEMENTSOF(failures); i++) {
                begin(f, GET_ASSERTION, assert_request(&made, true));
                CHECK_EQ(ends(f, 1, failures[i]), failures[i]);
        }
        f->keys.slow = false;
        f->keys.device++; /* the key belongs to another device */
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_INVALID_CREDENTIAL);
}

TEST(other_failures_say_nothing_in_particular)
{
        static const int others[] = {CTAP2_ERR_OPERATION_PENDING, CTAP2_ERR_NO_CREDENTIALS, 0x100, 4711, -5};

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                EXTERNAL_FIXTURE(f);

                begin(f, MAKE_CREDENTIAL, make_request());
                CHECK_EQ(ends(f, 1, others[i]), CTAP1_ERR_OTHER);
        }
}

TEST(orders_that_are_refused_at_once)
{
        EXTERNAL_FIXTURE(f);
        Made made = make_for(f, RP, USER, true);
        Registration reg = to_register("example.com", 1);

        for (size_t i = 0; i < ELEMENTSOF(failures); i++) {
                f->keys.refuse = failures[i];
                CHECK_EQ(send(f, MAKE_CREDENTIAL, make_request()), failures[i]);
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), failures[i]);
                CHECK_EQ(do_register(f, &reg), SW_FAILED);
        }
        f->keys.refuse = -EIO;
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_request()), CTAP1_ERR_OTHER);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

/* A result that no device would give. */
static void check_bad(AuthenticatorKeyResult bad, unsigned works)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorReply reply;

        begin(f, MAKE_CREDENTIAL, make_request());
        while (--works > 0)
                CHECK_EQ(fixture_key_answer(f, &reply), AUTHENTICATOR_PENDING);
        (void)fixture_key_work(f, f->host);
        CHECK_EQ(authenticator_key_answer(f->host, &bad, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP1_ERR_OTHER);
        nothing_stored(f);
}

TEST(results_of_the_wrong_size_are_failures)
{
        static const uint8_t bytes[2 * AUTHENTICATOR_KEY_MAX];
        AuthenticatorKeyResult good = {.key = bytes, .key_size = 1, .public_key = bytes, .public_key_size = 64}, bad;

        bad = good;
        bad.key = NULL;
        check_bad(bad, 1);
        bad = good;
        bad.key_size = 0;
        check_bad(bad, 1);
        bad.key_size = AUTHENTICATOR_KEY_MAX + 1;
        check_bad(bad, 1);
        bad = good;
        bad.public_key = NULL;
        check_bad(bad, 1);
        bad = good;
        bad.public_key_size = 65;
        check_bad(bad, 1);
        check_bad((AuthenticatorKeyResult){.signature = NULL, .signature_size = 70}, 2);
        check_bad((AuthenticatorKeyResult){.signature = bytes, .signature_size = 0}, 2);
        check_bad((AuthenticatorKeyResult){.signature = bytes, .signature_size = SIGN_SIGNATURE_MAX + 1}, 2);
}

TEST(the_largest_key_is_stored)
{
        EXTERNAL_FIXTURE(f);
        Made made;

        f->keys.key_size = AUTHENTICATOR_KEY_MAX;
        made = make_for(f, RP, USER, true);
        fixture_restart(f);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
}

TEST(a_result_for_nobody_changes_nothing)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorKeyResult result = {.status = CTAP_OK};
        AuthenticatorReply reply;

        CHECK_EQ(authenticator_key_answer(f->host, &result, &reply), AUTHENTICATOR_PENDING);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, "\x0b", 1, &reply), AUTHENTICATOR_PENDING); /* selection */
        CHECK_EQ(authenticator_key_answer(f->host, &result, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
}

TEST(an_answer_is_no_work)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorReply reply;

        begin(f, MAKE_CREDENTIAL, make_request());
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(ends(f, 2, CTAP_OK), CTAP_OK);
}

/* ---- what ends it ---- */

TEST(cancelling_withdraws_the_work)
{
        for (unsigned works = 1; works <= 2; works++) {
                EXTERNAL_FIXTURE(f);
                AuthenticatorReply reply;

                begin(f, MAKE_CREDENTIAL, make_request());
                if (works == 2)
                        CHECK_EQ(fixture_key_answer(f, &reply), AUTHENTICATOR_PENDING);
                CHECK_EQ(authenticator_cancel(f->host, 2, &reply), AUTHENTICATOR_PENDING); /* another channel */
                CHECK_EQ(authenticator_cancel(f->host, 1, &reply), 0);
                CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
                CHECK_EQ(f->keys.n_withdrawn, 1);
                CHECK_EQ(f->n_withdrawn, 0);
                nothing_stored(f);
        }
}

TEST(work_that_takes_too_long_is_withdrawn)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorReply reply;

        begin(f, MAKE_CREDENTIAL, make_request());
        CHECK_EQ(authenticator_host_deadline(f->host), f->now + KEY_TIME);
        f->now += KEY_TIME - 1;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
        f->now++;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP1_ERR_OTHER);
        CHECK_EQ(f->keys.n_withdrawn, 1);
        CHECK_EQ(authenticator_host_deadline(f->host), UINT64_MAX);
        nothing_stored(f);
}

TEST(a_host_that_goes_takes_its_work_with_it)
{
        EXTERNAL_FIXTURE(f);

        begin(f, MAKE_CREDENTIAL, make_request());
        fixture_restart(f);
        CHECK_EQ(f->keys.n_withdrawn, 1);
        nothing_stored(f);
}

/* Ended at the next tick, or by the result, whichever comes first. */
static void check_ended(Fixture *f, bool by_result)
{
        AuthenticatorReply reply;

        CHECK_EQ(authenticator_host_deadline(f->host), 0);
        if (by_result)
                CHECK_EQ(fixture_key_answer(f, &reply), 0);
        else
                CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(f->keys.n_withdrawn, !by_result);
        CHECK(!fixture_key_works(f, f->host));
}

TEST(reset_power_cycle_and_lock_end_it)
{
        for (unsigned i = 0; i < 6; i++) {
                EXTERNAL_FIXTURE(f);

                begin(f, MAKE_CREDENTIAL, make_request());
                switch (i / 2) {
                case 0:
                        authenticator_power_cycle(f->a);
                        break;
                case 1:
                        CHECK_EQ(authenticator_reset(f->a), CTAP_OK);
                        break;
                default:
                        authenticator_forget(f->a);
                        f->locked = true;
                        break;
                }
                check_ended(f, i % 2);
                f->locked = false;
                nothing_stored(f);
        }
}

TEST(storage_that_closes_unheard_begins_anew)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorReply reply;
        unsigned asked;

        begin(f, MAKE_CREDENTIAL, make_request());
        asked = f->n_asked;
        f->locked = true;
        f->storage_answer = AUTHENTICATOR_LATER;
        CHECK_EQ(fixture_key_answer(f, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_STORAGE);
        f->locked = false;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->n_asked, asked + 2); /* storage, and whether somebody is there */
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_KEY);
        CHECK_EQ(ends(f, 2, CTAP_OK), CTAP_OK);
        CHECK_EQ(f->keys.n_makes, 2);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(a_full_store_keeps_nothing_of_it)
{
        EXTERNAL_FIXTURE(f);

        begin(f, MAKE_CREDENTIAL, make_request());
        f->a->config.credentials_max = 0;
        CHECK_EQ(ends(f, 2, CTAP_OK), CTAP2_ERR_KEY_STORE_FULL);
        nothing_stored(f);
}

TEST(storage_that_fails_keeps_nothing_of_it)
{
        for (unsigned at = 1; at < 12; at++) {
                EXTERNAL_FIXTURE(f);
                int r;

                begin(f, MAKE_CREDENTIAL, make_request());
                f->fail_at = at;
                r = ends(f, 2, CTAP_OK);
                f->fail_at = 0;
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), r == CTAP_OK);
        }
}

/* ---- getNextAssertion, U2F ---- */

TEST(next_waits_and_ends_like_the_first)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorReply reply;

        (void)make_for(f, RP, "alice", true);
        (void)make_for(f, RP, "bob", true);
        (void)make_for(f, RP, "carol", true);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        begin(f, GET_NEXT_ASSERTION, NULL);
        CHECK_EQ(ends(f, 1, CTAP_OK), CTAP_OK);
        begin(f, GET_NEXT_ASSERTION, NULL);
        CHECK_EQ(ends(f, 1, CTAP2_ERR_PROCESSING), CTAP2_ERR_PROCESSING);
        CHECK_EQ(authenticator_request(f->host, 1, "\x08", 1, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_NOT_ALLOWED);
}

TEST(an_enumeration_that_ends_under_the_key)
{
        EXTERNAL_FIXTURE(f);
        AuthenticatorReply reply;

        (void)make_for(f, RP, "alice", true);
        (void)make_for(f, RP, "bob", true);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        begin(f, GET_NEXT_ASSERTION, NULL);
        channel_clear(host_channel(f->host, 1));
        CHECK_EQ(fixture_key_answer(f, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
}

static void begin_u2f(Fixture *f, const void *apdu, size_t size)
{
        AuthenticatorReply reply;

        f->keys.slow = true;
        CHECK_EQ(authenticator_u2f_request(f->host, 1, apdu, size, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_KEY);
}

static unsigned word(const AuthenticatorReply *reply)
{
        return (unsigned)reply->data[reply->size - 2] << 8 | reply->data[reply->size - 1];
}

TEST(u2f_waits_for_the_key)
{
        EXTERNAL_FIXTURE(f);
        Registration reg = to_register("example.com", 1);
        AuthenticatorReply reply;
        uint8_t apdu_[512];
        size_t size = register_apdu(&reg, apdu_);

        begin_u2f(f, apdu_, size);
        CHECK_EQ(authenticator_u2f_request(f->host, 1, apdu_, size, &reply), -EBUSY);
        f->keys.status = CTAP2_ERR_PROCESSING;
        CHECK_EQ(fixture_key_answer(f, &reply), 0);
        CHECK_EQ(word(&reply), SW_FAILED);
        f->keys.status = CTAP_OK;
        begin_u2f(f, apdu_, size);
        CHECK_EQ(authenticator_cancel(f->host, 1, &reply), 0);
        CHECK(reply.size == 2 && f->keys.n_withdrawn == 1);
        begin_u2f(f, apdu_, size);
        f->now += KEY_TIME;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(word(&reply), SW_FAILED);
        nothing_stored(f);
        begin_u2f(f, apdu_, size);
        CHECK_EQ(fixture_key_answer(f, &reply), 0);
        CHECK_EQ(word(&reply), SW_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(u2f_begins_anew_when_storage_closes_under_the_key)
{
        EXTERNAL_FIXTURE(f);
        Registration reg = to_register("example.com", 1);
        AuthenticatorReply reply;
        uint8_t apdu_[512];

        begin_u2f(f, apdu_, register_apdu(&reg, apdu_));
        f->locked = true;
        f->storage_answer = AUTHENTICATOR_LATER;
        CHECK_EQ(fixture_key_answer(f, &reply), AUTHENTICATOR_PENDING);
        f->locked = false;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_KEY);
        CHECK_EQ(fixture_key_answer(f, &reply), 0);
        CHECK_EQ(word(&reply), SW_OK);
        CHECK_EQ(f->keys.n_makes, 2);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

/* One client's question and another one's key are two things. */
TEST(a_u2f_question_outlives_the_work_of_another_channel)
{
        EXTERNAL_FIXTURE(f);
        Registration reg = to_register("example.com", 1), other = to_register("other.example", 1);
        uint8_t apdu_[512], challenge[32] = {3};
        AuthenticatorReply reply;
        size_t size;

        CHECK_EQ(fixture_u2f(f, apdu_, register_apdu(&reg, apdu_), &reply), SW_OK);
        reg.handle_size = CREDENTIAL_ID_SIZE;
        memcpy(reg.handle, reply.data + 67, CREDENTIAL_ID_SIZE);
        f->answer = AUTHENTICATOR_LATER;
        f->channel = 2;
        CHECK_EQ(do_register(f, &other), SW_NOT_YET);
        size = authenticate_apdu(&reg, DONT_ENFORCE, challenge, apdu_);
        for (unsigned i = 0; i < 2; i++) {
                begin_u2f(f, apdu_, size);
                CHECK_EQ(i == 0 ? authenticator_cancel(f->host, 1, &reply) : fixture_key_answer(f, &reply), 0);
                CHECK_EQ(f->n_withdrawn, 0);
                CHECK_EQ(authenticator_host_channel(f->host), 2);
        }
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        f->keys.slow = false;
        CHECK_EQ(fixture_u2f(f, apdu_, register_apdu(&other, apdu_), &reply), SW_OK);
}

TEST(an_instance_wants_all_operations_of_keys)
{
        EXTERNAL_FIXTURE(f);

        for (unsigned i = 0; i < 4; i++) {
                AuthenticatorOps ops = f->a->ops;
                AuthenticatorKeys keys = *ops.keys;
                Authenticator *a;

                ops.keys = &keys;
                switch (i) {
                case 0:
                        keys.algorithms = NULL;
                        break;
                case 1:
                        keys.make = NULL;
                        break;
                case 2:
                        keys.sign = NULL;
                        break;
                default:
                        keys.withdraw = NULL;
                        break;
                }
                CHECK_EQ(authenticator_new(&f->config, &ops, f, &a), -EINVAL);
        }
}

/* With little room for keys: an error or the reply, and nothing half done. */
TEST(little_room_for_keys)
{
        EXTERNAL_FIXTURE(f);
        void *last = arena_fill();
        unsigned before = 0;
        int make;

        do {
                make = client_make(f, RP, USER, COSE_ES256, true, NULL);
                CHECK(make == CTAP_OK || make == CTAP1_ERR_OTHER);
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), before + (make == CTAP_OK));
        } while (make != CTAP_OK && arena_drain_one(&last));
        CHECK_EQ(make, CTAP_OK);
        arena_drain(last);
}

TEST_MAIN
