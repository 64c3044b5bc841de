/* CTAP1/U2F: the touch that waits for its client, whose it is and how long it lasts; and storage that must be opened first */
#include <errno.h>

#include "tests/unit/u2f-tools.h"

/* A fixture with a person who answers later. */
static void slow(Fixture *f)
{
        f->answer = AUTHENTICATOR_LATER;
}
#define SLOW_FIXTURE(f) _cleanup_(fixture_freep) Fixture *f = fixture_new(slow)

/* The person's answer, which is no reply to anybody. */
static void answer(Fixture *f, AuthenticatorAnswer a)
{
        AuthenticatorReply reply;

        CHECK_EQ(authenticator_answer(f->host, a, &reply), AUTHENTICATOR_PENDING);
}

static void tick(Fixture *f)
{
        AuthenticatorReply reply;

        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
}

/* ---- asked, given, used up ---- */

TEST(presence_is_asked_for_once_while_the_client_polls)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        for (unsigned i = 0; i < 10; i++) {
                CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
                CHECK_EQ(f->n_asked, 1);
                f->now += 200;
        }
        CHECK_EQ(authenticator_host_waits_for(f->host), 0); /* no transaction waits */
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_register(f, &reg), SW_OK);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->n_withdrawn, 0);
}

TEST(a_touch_is_good_for_one_request)
{
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com");
        unsigned asked = f->n_asked;

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(f->n_asked, asked + 2);
}

TEST(a_touch_is_for_the_request_that_asked)
{
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com"), other = registered(f, "other.example");

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_authenticate(f, &other, ENFORCE, 2, NULL, NULL), SW_NOT_YET); /* another key */
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_authenticate(f, &other, ENFORCE, 3, NULL, NULL), SW_NOT_YET); /* another challenge */
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_register(f, &other), SW_NOT_YET); /* another command */
}

TEST(a_touch_is_for_the_channel_that_asked)
{
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com");

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        f->channel = 2;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        f->channel = 1;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
}

TEST(a_touch_waits_ten_seconds)
{
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com");
        unsigned asked;

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        f->now += U2F_PRESENCE_TIME - 1;
        tick(f);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        asked = f->n_asked;
        f->now += U2F_PRESENCE_TIME;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(f->n_asked, asked + 1);
}

/* ---- refused ---- */

TEST(a_refused_request_is_not_asked_for_again)
{
        static const AuthenticatorAnswer no[] = {AUTHENTICATOR_NO, AUTHENTICATOR_TIMED_OUT, AUTHENTICATOR_NOBODY};
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com");

        for (size_t i = 0; i < ELEMENTSOF(no); i++) {
                unsigned asked = f->n_asked;

                CHECK_EQ(do_authenticate(f, &reg, ENFORCE, (uint8_t)i, NULL, NULL), SW_NOT_YET);
                answer(f, no[i]);
                for (unsigned j = 0; j < 100; j++) { /* for as long as it is repeated */
                        f->now += PRESENCE_TIME - 1;
                        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, (uint8_t)i, NULL, NULL), SW_NOT_YET);
                }
                CHECK_EQ(f->n_asked, asked + 1);
                f->now += PRESENCE_TIME;
                CHECK_EQ(do_authenticate(f, &reg, ENFORCE, (uint8_t)i, NULL, NULL), SW_NOT_YET);
                CHECK_EQ(f->n_asked, asked + 2);
        }
}

TEST(an_answer_at_once_needs_no_second_request)
{
        FIXTURE(f);
        Registration reg = registered(f, "example.com");

        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET); /* the refusal lasts */
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 3, NULL, NULL), SW_OK);      /* a new request is a new question */
}

/* ---- withdrawn ---- */

TEST(a_client_that_stops_asking_takes_its_question_with_it)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        tick(f); /* a key is made in advance */
        CHECK_EQ(authenticator_host_deadline(f->host), f->now + U2F_POLL_TIME);
        f->now += U2F_POLL_TIME - 1;
        tick(f);
        CHECK_EQ(f->n_withdrawn, 0);
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        f->now += U2F_POLL_TIME;
        tick(f);
        CHECK_EQ(f->n_withdrawn, 1);
        CHECK_EQ(authenticator_host_deadline(f->host), UINT64_MAX);
        answer(f, AUTHENTICATOR_YES); /* too late */
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        CHECK_EQ(f->n_asked, 2);
}

TEST(a_question_nobody_answers_ends)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        for (unsigned i = 0; i < PRESENCE_TIME / 1000; i++) {
                CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
                CHECK(authenticator_host_deadline(f->host) <= f->now + U2F_POLL_TIME);
                tick(f);
                CHECK_EQ(f->n_withdrawn, 0);
                f->now += 1000;
        }
        CHECK_EQ(authenticator_host_deadline(f->host), f->now);
        tick(f);
        CHECK_EQ(f->n_withdrawn, 1);
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        CHECK_EQ(f->n_asked, 1); /* as if refused */
}

TEST(another_request_of_the_client_replaces_its_question)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1), other = to_register("example.com", 2);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        CHECK_EQ(do_register(f, &other), SW_NOT_YET);
        CHECK_EQ(f->n_asked, 2);
        CHECK_EQ(f->n_withdrawn, 1);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_register(f, &other), SW_OK);
}

TEST(another_client_waits_for_its_turn)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1), other = to_register("other.example", 2);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        f->channel = 2;
        CHECK_EQ(do_register(f, &other), SW_NOT_YET);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->n_withdrawn, 0);
        f->channel = 1;
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_register(f, &reg), SW_OK);
        f->channel = 2;
        CHECK_EQ(do_register(f, &other), SW_NOT_YET);
        CHECK_EQ(f->n_asked, 2);
}

TEST(version_and_check_only_leave_a_question_alone)
{
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com");

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(fixture_u2f(f, "\0\3\0\0", 4, NULL), SW_OK);
        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(f->n_withdrawn, 0);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
}

TEST(a_ctap2_request_withdraws_the_question)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        CHECK_EQ(fixture_send(f, "\4", 1, NULL), CTAP_OK);
        CHECK_EQ(f->n_withdrawn, 1);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(fixture_send(f, "\4", 1, NULL), CTAP_OK); /* what was given goes, too */
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        CHECK_EQ(f->n_withdrawn, 1);
}

TEST(a_power_cycle_and_a_lock_withdraw_the_question)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        authenticator_power_cycle(f->a);
        CHECK_EQ(f->n_withdrawn, 1);
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        authenticator_forget(f->a);
        CHECK_EQ(f->n_withdrawn, 2);
        CHECK_EQ(f->n_asked, 2);
}

TEST(a_host_that_goes_takes_its_question_with_it)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        fixture_restart(f);
        CHECK_EQ(f->n_withdrawn, 1);
}

/* ---- several programs on one device ---- */

static int request(Fixture *f, uint32_t channel, uint8_t command)
{
        AuthenticatorReply reply;
        int r = authenticator_request(f->host, channel, &command, 1, &reply);

        return r == 0 ? reply.data[0] : -r;
}

TEST(a_ctap2_request_of_another_channel_waits_for_its_turn)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        CHECK_EQ(request(f, 2, 0x0b), CTAP1_ERR_CHANNEL_BUSY); /* selection */
        CHECK_EQ(request(f, 2, 0x04), CTAP_OK);                /* getInfo asks nobody */
        CHECK_EQ(request(f, 2, 0x08), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_withdrawn, 0);
        CHECK_EQ(authenticator_host_channel(f->host), 1);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_register(f, &reg), SW_OK);
        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(request(f, 2, 0x0b), CTAP_OK);
}

TEST(a_client_that_stopped_asking_makes_nobody_wait)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        f->now += U2F_POLL_TIME - 1;
        CHECK_EQ(request(f, 2, 0x0b), CTAP1_ERR_CHANNEL_BUSY);
        f->now++;
        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(request(f, 2, 0x0b), CTAP_OK);
        CHECK_EQ(f->n_withdrawn, 1);
}

TEST(a_touch_that_was_given_outlives_another_channels_request)
{
        SLOW_FIXTURE(f);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(request(f, 2, 0x0b), CTAP_OK);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(do_register(f, &reg), SW_OK);
}

TEST(a_reset_ends_questions_and_touches)
{
        for (unsigned given = 0; given < 2; given++) {
                SLOW_FIXTURE(f);
                Registration reg = to_register("example.com", 1);
                unsigned asked;

                CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
                if (given)
                        answer(f, AUTHENTICATOR_YES);
                CHECK_EQ(authenticator_reset(f->a), CTAP_OK);
                CHECK_EQ(f->n_withdrawn, !given);
                asked = f->n_asked;
                CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
                CHECK_EQ(f->n_asked, asked + 1);
        }
}

/* ---- storage ---- */

static int begin(Fixture *f, const Registration *reg, AuthenticatorReply *ret)
{
        uint8_t request[512];

        return authenticator_u2f_request(f->host, 1, request, register_apdu(reg, request), ret);
}

static unsigned word(const AuthenticatorReply *reply)
{
        CHECK(reply->size >= 2);
        return (unsigned)reply->data[reply->size - 2] << 8 | reply->data[reply->size - 1];
}

TEST(locked_storage_is_opened_within_the_request)
{
        FIXTURE(f);
        Registration reg = to_register("example.com", 1);
        AuthenticatorReply reply;

        f->locked = true;
        f->storage_answer = AUTHENTICATOR_LATER;
        CHECK_EQ(begin(f, &reg, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_STORAGE);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_OPEN);
        CHECK_EQ(begin(f, &reg, &reply), -EBUSY);
        f->locked = false;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(word(&reply), SW_OK);
        check_registration(&reg, reply.data, reply.size - 2);
}

TEST(storage_that_stays_locked_is_not_yet)
{
        FIXTURE(f);
        Registration reg = to_register("example.com", 1);
        AuthenticatorReply reply;

        f->locked = true;
        f->storage_answer = AUTHENTICATOR_NO;
        CHECK_EQ(do_register(f, &reg), SW_NOT_YET);
        f->storage_answer = AUTHENTICATOR_LATER;
        CHECK_EQ(begin(f, &reg, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO, &reply), 0);
        CHECK_EQ(word(&reply), SW_NOT_YET);
        CHECK_EQ(begin(f, &reg, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_cancel(f->host, 1, &reply), 0);
        CHECK_EQ(word(&reply), SW_NOT_YET);
        CHECK_EQ(f->n_withdrawn, 1);
}

TEST(storage_is_opened_only_for_what_needs_it)
{
        static const char *const others[] = {"00030000", "01010000", "00040000", "00010000", "00020700 01 aa"};
        FIXTURE(f);

        f->locked = true;
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                uint8_t bytes[16];

                (void)fixture_u2f(f, bytes, fixture_hex(others[i], bytes, sizeof(bytes)), NULL);
                CHECK_EQ(f->n_asked, 0);
        }
}

TEST(storage_locked_in_the_middle_asks_for_nothing_else)
{
        SLOW_FIXTURE(f);
        Registration reg = registered(f, "example.com");

        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        f->locked = true; /* and nobody has said so */
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(f->n_withdrawn, 1);
        f->locked = false;
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET);
        answer(f, AUTHENTICATOR_YES);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_OK);
}

TEST_MAIN
