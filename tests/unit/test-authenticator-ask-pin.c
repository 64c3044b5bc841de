/* Hosts whose person the owner asks for the PIN: built-in verification without a sensor, or after a finger. */
#include <errno.h>

#include "authenticator/pin.h"
#include "tests/unit/ceremony-tools.h"
#include "tests/unit/pin-tools.h"

#define WRONG    "1111"

static const PinCall by_uv = {6, 2, PROTOCOL | AGREEMENT | PERMISSIONS | RP_ID, .permissions = PERMISSION_GA, .rp_id = RP};

/* With a PIN, and whoever is asked answers later. */
static Fixture *asking(void (*adjust)(Fixture *f))
{
        Fixture *f = fixture_with_pin(adjust);

        authenticator_host_ask_pin(f->host);
        f->answer = AUTHENTICATOR_LATER;
        return f;
}

static int verify(Fixture *f, const char *pin)
{
        return authenticator_pin_verify(f->host, pin, strlen(pin));
}

static int answer(Fixture *f, AuthenticatorAnswer what)
{
        AuthenticatorReply reply = {0};

        CHECK_EQ(authenticator_answer(f->host, what, &reply), 0);
        return reply.data[0];
}

/* A request that waits for a question, or has a status at once: then it is returned. */
static int begin(Fixture *f, uint8_t command, cbor_item_t *map)
{
        uint8_t request[2048] = {command};
        size_t size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;
        int r;

        cbor_decref(&map);
        r = authenticator_request(f->host, f->channel, request, size, &reply);
        CHECK(r >= 0);
        return r == AUTHENTICATOR_PENDING ? -1 : reply.data[0];
}

static int begin_token(Fixture *f)
{
        ClientPin pin;

        client_pin_begin(f, 2, &pin);
        return begin(f, CLIENT_PIN, pin_call_map(&by_uv, &pin));
}

static int begin_option(Fixture *f)
{
        cbor_item_t *map = make_request();

        client_set(map, 7, boolean("uv", true));
        return begin(f, MAKE_CREDENTIAL, map);
}

static void check_question(const Fixture *f, bool by_pin, unsigned n_asked)
{
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
        CHECK(f->asked.by_pin == by_pin);
        CHECK_EQ(f->n_asked, n_asked);
}

/* ---- what is said of it ---- */

/* 1 true, 0 false, -1 absent. */
static int option_of(Fixture *f, AuthenticatorHost *host, const char *name)
{
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;
        AuthenticatorReply reply;
        const cbor_item_t *item;
        bool value;

        CHECK_EQ(authenticator_request(host, 1, (uint8_t[]){GET_INFO}, 1, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(cbor_read(reply.data + 1, reply.size - 1, &info), CTAP_OK);
        item = map_get_text(map_get(info, 4), name);
        if (!item)
                return -1;
        CHECK_EQ(value_bool(item, &value), CTAP_OK);
        return value;
}

TEST(it_is_built_in_verification_of_this_host_once_there_is_a_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorHost *other;

        CHECK_EQ(authenticator_host_new(f->a, f, &other), 0);
        CHECK_EQ(option_of(f, f->host, "uv"), -1);
        authenticator_host_ask_pin(f->host);
        CHECK_EQ(option_of(f, f->host, "uv"), 0);
        set_pin(f);
        CHECK_EQ(option_of(f, f->host, "uv"), 1);
        CHECK_EQ(option_of(f, f->host, "bioEnroll"), -1); /* there is no finger to enroll for that */
        CHECK_EQ(option_of(f, other, "uv"), -1);
        authenticator_forget(f->a);
        f->locked = true;
        CHECK_EQ(option_of(f, f->host, "uv"), 1);
        authenticator_host_free(other);
}

TEST(what_verifies_is_named)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL), *g = asking(use_fingers);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL, *other = NULL;

        CHECK_EQ(client_send(f, GET_INFO, NULL, &info), CTAP_OK);
        CHECK_EQ(reply_number(info, 0x12), 4);
        CHECK_EQ(client_send(g, GET_INFO, NULL, &other), CTAP_OK);
        CHECK_EQ(reply_number(other, 0x12), 6);
}

TEST(a_pin_that_must_be_changed_verifies_nobody)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        state_of(f)->force_pin_change = true;
        CHECK_EQ(option_of(f, f->host, "uv"), 0);
        CHECK_EQ(begin_option(f), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(begin_token(f), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_asked, 0);
}

TEST(tries_are_told_as_those_of_verification)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL), *g = asking(use_fingers);

        CHECK_EQ(uv_retries(f), UV_RETRIES_MAX);
        state_of(f)->pin_retries = 2;
        CHECK_EQ(uv_retries(f), 2);
        f->a->pin_soft_blocked = true;
        CHECK_EQ(uv_retries(f), 0);
        state_of(g)->uv_retries = 1;
        CHECK_EQ(uv_retries(g), UV_RETRIES_MAX);
        g->a->pin_soft_blocked = true;
        CHECK_EQ(uv_retries(g), 1);
}

/* ---- the right PIN ---- */

TEST(the_option_is_answered_by_the_pin)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *made = NULL;
        AuthenticatorReply reply;

        CHECK_EQ(begin_option(f), -1);
        check_question(f, /* by_pin= */ true, 1);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_REGISTER);
        CHECK(strcmp(f->asked.rp_id, RP) == 0);
        CHECK_EQ(f->asked.timeout_ms, STORAGE_TIME); /* somebody types */
        CHECK_EQ(verify(f, PIN), CTAP_OK);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(cbor_read(reply.data + 1, reply.size - 1, &made), CTAP_OK);
        CHECK_EQ(auth_flags(made), UP | UV | AT);
        CHECK_EQ(f->n_asked, 1); /* and is presence */
}

TEST(the_token_is_verified_and_present_after_a_wrong_one_too)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);
        const PinToken *token = &f->host->pin[1].token;

        CHECK_EQ(begin_token(f), -1);
        check_question(f, /* by_pin= */ true, 1);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_PERMIT);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_INVALID);
        CHECK(!token->in_use);
        CHECK_EQ(verify(f, PIN), CTAP_OK); /* the question stood */
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK(token->in_use && token->user_present && token->user_verified && token->bound);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
        CHECK_EQ(f->n_asked, 1);
}

TEST(always_uv_asks_for_the_pin_unasked)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        state_of(f)->always_uv = true;
        CHECK_EQ(begin(f, MAKE_CREDENTIAL, make_request()), -1);
        check_question(f, /* by_pin= */ true, 1);
}

TEST(yes_without_the_right_pin_is_worth_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(verify(f, PIN), CTAP_OK);
        CHECK_EQ(verify(f, ""), CTAP2_ERR_PIN_POLICY_VIOLATION); /* the last one counts */
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        CHECK(!f->host->pin[1].token.in_use);
        /* and what was right for one request is not for the next */
        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(verify(f, PIN), CTAP_OK);
        CHECK_EQ(answer(f, AUTHENTICATOR_NO), CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        f->verification_answer = AUTHENTICATOR_YES;
        CHECK_EQ(begin_option(f), CTAP2_ERR_PUAT_REQUIRED);
}

/* ---- wrong ones ---- */

TEST(three_wrong_pins_block_it_until_a_power_cycle)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(verify(f, PIN), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(answer(f, AUTHENTICATOR_BLOCKED), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX - 3);
        CHECK_EQ(f->a->state->uv_retries, UV_RETRIES_MAX); /* no finger was wrong */
        CHECK_EQ(begin_token(f), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(begin_option(f), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(f->n_asked, 1); /* nobody is asked in vain */
        authenticator_power_cycle(f->a);
        CHECK_EQ(begin_token(f), -1);
}

TEST(eight_wrong_pins_block_it)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        state_of(f)->pin_retries = 1;
        CHECK_EQ(begin_option(f), -1);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(answer(f, AUTHENTICATOR_BLOCKED), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(begin_token(f), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(f->n_asked, 1);
}

TEST(a_try_is_used_up_before_the_comparison)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        CHECK_EQ(begin_token(f), -1);
        for (unsigned at = 1; at <= 3; at++) {
                f->fail_at = at;
                CHECK_EQ(verify(f, PIN), -EIO);
                f->fail_at = 0;
                CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX);
        }
        f->fail_at = 4; /* a right one counts when its tries are given back */
        CHECK_EQ(verify(f, PIN), -EIO);
        f->fail_at = 0;
        CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX - 1);
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
}

TEST(what_can_be_no_pin_costs_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);
        char longest[AUTHENTICATOR_PIN_MAX + 2] = "";

        memset(longest, 'x', sizeof(longest) - 1);
        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(verify(f, ""), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(verify(f, "123"), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(verify(f, "\xc3\xa4\xc3\xa4"), CTAP2_ERR_PIN_POLICY_VIOLATION); /* two characters */
        CHECK_EQ(verify(f, "\xff\xff\xff\xff"), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(verify(f, longest), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX);
        longest[AUTHENTICATOR_PIN_MAX] = 0;
        CHECK_EQ(verify(f, longest), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX - 1);
}

/* ---- other answers ---- */

TEST(who_refuses_is_not_asked_by_the_client_again)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(answer(f, AUTHENTICATOR_NO), CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(begin_option(f), -1);
        CHECK_EQ(answer(f, AUTHENTICATOR_NO), CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(uv_retries(f), UV_RETRIES_MAX);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(with_nobody_to_ask_the_client_may_ask_itself)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);
        uint8_t token[32];

        f->verification_answer = AUTHENTICATOR_NOBODY;
        CHECK_EQ(begin_token(f), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(begin_option(f), CTAP2_ERR_PUAT_REQUIRED);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_GA, RP, token), CTAP_OK);
}

TEST(time_costs_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        CHECK_EQ(begin_token(f), -1);
        CHECK_EQ(answer(f, AUTHENTICATOR_TIMED_OUT), CTAP2_ERR_USER_ACTION_TIMEOUT);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(a_lock_or_a_power_cycle_ends_the_question)
{
        _cleanup_(fixture_freep) Fixture *f = asking(NULL);

        CHECK_EQ(begin_token(f), -1);
        authenticator_forget(f->a);
        CHECK_EQ(verify(f, PIN), -EINVAL);
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(begin_token(f), -1);
        f->locked = true; /* without a word */
        CHECK_EQ(verify(f, PIN), CTAP2_ERR_OPERATION_PENDING);
        f->locked = false;
        CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX);
}

TEST(there_must_be_such_a_question)
{
        _cleanup_(fixture_freep) Fixture *f = asking(use_fingers);
        Made made;

        CHECK_EQ(verify(f, PIN), -EINVAL);
        CHECK_EQ(begin_option(f), -1);
        check_question(f, /* by_pin= */ false, 1);
        CHECK_EQ(verify(f, PIN), -EINVAL); /* a finger's */
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK_EQ(verify(f, PIN), -EINVAL);
        f->answer = AUTHENTICATOR_YES;
        made = make_for(f, RP, "bob", /* rk= */ false);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(begin(f, GET_ASSERTION, assert_request(&made, /* up= */ true)), -1);
        CHECK_EQ(verify(f, PIN), -EINVAL); /* presence */
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP_OK);
        f->locked = true;
        f->storage_answer = AUTHENTICATOR_LATER;
        authenticator_forget(f->a);
        CHECK_EQ(begin_option(f), -1);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_STORAGE);
        CHECK_EQ(verify(f, PIN), -EINVAL);
}

/* ---- fingers first ---- */

TEST(a_finger_comes_first)
{
        _cleanup_(fixture_freep) Fixture *f = asking(use_fingers);

        CHECK_EQ(begin_token(f), -1);
        check_question(f, /* by_pin= */ false, 1);
        CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK_EQ(f->a->state->uv_since_pin, 1);
}

TEST(whatever_ends_with_fingers_leads_to_the_pin)
{
        static const AuthenticatorAnswer answers[] = {AUTHENTICATOR_NO, AUTHENTICATOR_BLOCKED, AUTHENTICATOR_NOBODY};
        AuthenticatorReply reply;

        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                _cleanup_(fixture_freep) Fixture *f = asking(use_fingers);

                CHECK_EQ(begin_option(f), -1);
                CHECK_EQ(authenticator_answer(f->host, answers[i], &reply), AUTHENTICATOR_PENDING);
                check_question(f, /* by_pin= */ true, 2);
                CHECK_EQ(verify(f, PIN), CTAP_OK);
                CHECK_EQ(answer(f, AUTHENTICATOR_YES), CTAP_OK);
                CHECK_EQ(uv_retries(f), UV_RETRIES_MAX);
                CHECK_EQ(f->a->state->uv_since_pin, 0);
        }
}

TEST(wrong_fingers_lead_to_the_pin)
{
        _cleanup_(fixture_freep) Fixture *f = asking(use_fingers);
        AuthenticatorReply reply;

        CHECK_EQ(begin_token(f), -1);
        for (unsigned i = 1; i < UV_TRIES_AT_ONCE; i++) {
                CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), AUTHENTICATOR_PENDING);
                check_question(f, /* by_pin= */ false, i + 1);
        }
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), AUTHENTICATOR_PENDING);
        check_question(f, /* by_pin= */ true, UV_TRIES_AT_ONCE + 1);
        CHECK_EQ(verify(f, WRONG), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(f->a->state->uv_retries, UV_RETRIES_MAX - UV_TRIES_AT_ONCE); /* the PIN's tries are others */
        CHECK_EQ(answer(f, AUTHENTICATOR_NO), CTAP2_ERR_OPERATION_DENIED);
}

TEST(without_tries_or_sensor_the_pin_is_asked_for_at_once)
{
        _cleanup_(fixture_freep) Fixture *f = asking(use_fingers);

        state_of(f)->uv_retries = 0;
        CHECK_EQ(begin_token(f), -1);
        check_question(f, /* by_pin= */ true, 1);
        CHECK_EQ(answer(f, AUTHENTICATOR_NO), CTAP2_ERR_OPERATION_DENIED);
        state_of(f)->uv_retries = UV_RETRIES_MAX;
        f->no_sensor = true;
        CHECK_EQ(begin_token(f), -1);
        check_question(f, /* by_pin= */ true, 2);
}

TEST(fingers_do_without_a_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(use_fingers);

        authenticator_host_ask_pin(f->host);
        f->verification_answer = AUTHENTICATOR_BLOCKED;
        CHECK_EQ(begin_token(f), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(f->n_asked, 1);
}

TEST_MAIN
