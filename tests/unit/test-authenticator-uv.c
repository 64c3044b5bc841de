/* Built-in verification: fingers, their tries, and the tokens they give (CTAP 6.5.3.1, 6.5.5.3, 6.5.5.7.3). */
#include <errno.h>

#include "authenticator/pin.h"
#include "tests/unit/pin-tools.h"

#define RP "example.com"

static const PinCall by_finger = {6, 2, PROTOCOL | AGREEMENT | PERMISSIONS | RP_ID, .permissions = PERMISSION_MC, .rp_id = RP};

static int finger(Fixture *f, AuthenticatorAnswer answer)
{
        f->verification_answer = answer;
        return pin_call(f, &by_finger, NULL);
}

static int finger_permissions(Fixture *f, uint64_t permissions)
{
        PinCall call = by_finger;

        call.permissions = permissions;
        return pin_call(f, &call, NULL);
}

/* ---- whether there is one ---- */

TEST(without_a_sensor_there_are_no_such_subcommands)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL), *unplugged = fixture_with_pin(use_fingers);

        CHECK_EQ(pin_call(f, &by_finger, NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 07", NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK(!uv_available(f->a) && !uv_configured(f->a));
        unplugged->no_sensor = true;
        CHECK_EQ(pin_call(unplugged, &by_finger, NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK(!uv_available(unplugged->a) && !uv_configured(unplugged->a));
        CHECK_EQ(unplugged->n_asked, 0);
}

TEST(without_a_finger_it_is_not_configured)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        CHECK(uv_available(f->a) && uv_configured(f->a));
        f->enrolled = 0;
        CHECK(uv_available(f->a) && !uv_configured(f->a));
        CHECK_EQ(pin_call(f, &by_finger, NULL), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_asked, 0);
        CHECK_EQ(uv_retries(f), UV_RETRIES_MAX);
}

static int state_fails(void *userdata, bool *ret_available, unsigned *ret_enrolled)
{
        return -EIO;
}

TEST(protected_by_a_pin_or_a_finger)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(use_fingers);
        AuthenticatorFingerprints broken = *f->a->ops.fingerprints;

        f->enrolled = 0;
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        CHECK(!authenticator_protected(f->a));
        f->enrolled = 1;
        CHECK(authenticator_protected(f->a));
        f->no_sensor = true; /* unplugging it does not open the door */
        CHECK(authenticator_protected(f->a));
        f->enrolled = 0;
        broken.state = state_fails;
        f->a->ops.fingerprints = &broken;
        CHECK(authenticator_protected(f->a) && !uv_available(f->a) && !uv_configured(f->a));
        f->a->ops.fingerprints = NULL;
        CHECK(!authenticator_protected(f->a));
        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        CHECK(authenticator_protected(f->a));
}

/* ---- requests ---- */

TEST(missing_members_are_found_before_anybody_is_asked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        for (unsigned member = PROTOCOL; member <= PERMISSIONS; member <<= 1) {
                PinCall call = by_finger;

                call.members &= ~member;
                if (call.members != by_finger.members)
                        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_MISSING_PARAMETER);
        }
        CHECK_EQ(f->n_asked, 0);
}

TEST(bad_requests_are_found_before_anybody_is_asked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        PinCall call = by_finger;

        call.protocol = 3;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        call = by_finger;
        call.bad_point = true;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        call = by_finger;
        call.members &= ~(unsigned)RP_ID;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(finger_permissions(f, 0), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(finger_permissions(f, PERMISSION_PCMR | PERMISSION_CM), CTAP2_ERR_UNAUTHORIZED_PERMISSION);
        CHECK_EQ(f->n_asked, 0);
}

TEST(the_question_says_what_it_is_about)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        uint8_t hash[32];
        PinCall call = by_finger;
        char long_id[300] = "";

        CHECK_EQ(pin_call(f, &by_finger, NULL), CTAP_OK);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_PERMIT);
        CHECK(strcmp(f->asked.rp_id, RP) == 0);
        sha256(RP, strlen(RP), hash);
        CHECK(memcmp(f->asked.rp_id_hash, hash, 32) == 0);
        call.rp_id = "a\nb";
        CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
        CHECK(strcmp(f->asked.rp_id, "a b") == 0);
        memset(long_id, 'x', sizeof(long_id) - 1);
        call.rp_id = long_id;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
        CHECK_EQ(strlen(f->asked.rp_id), AUTHENTICATOR_RP_ID_MAX);
        call.members &= ~(unsigned)RP_ID;
        call.permissions = PERMISSION_CM;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
        CHECK(!f->asked.rp_id && !f->asked.rp_id_hash);
}

/* ---- tokens ---- */

TEST(a_finger_gives_a_token_that_remembers_presence)
{
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
                const PinToken *token = &f->host->pin[protocol - 1].token;
                PinCall call = by_finger;

                call.protocol = protocol;
                CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
                CHECK(token->in_use && token->user_present && token->user_verified && token->bound);
                CHECK_EQ(token->permissions, PERMISSION_MC);
        }
}

TEST(a_finger_gives_every_permission)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        for (unsigned permission = PERMISSION_MC; permission <= PERMISSION_ACFG; permission <<= 1) {
                CHECK_EQ(finger_permissions(f, permission | 0x80), CTAP_OK);
                CHECK_EQ(f->host->pin[1].token.permissions, permission);
        }
}

TEST(a_finger_gives_the_persistent_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        CHECK_EQ(finger_permissions(f, PERMISSION_PCMR), CTAP_OK);
        CHECK(f->a->state->has_persistent_token && !f->host->pin[1].token.in_use);
}

TEST(a_finger_needs_no_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(use_fingers);

        CHECK_EQ(pin_call(f, &by_finger, NULL), CTAP_OK);
}

/* ---- tries ---- */

TEST(three_fingers_may_fail_in_one_request)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        CHECK_EQ(uv_retries(f), 5);
        CHECK_EQ(finger(f, AUTHENTICATOR_NO_MATCH), CTAP2_ERR_UV_INVALID);
        CHECK_EQ(f->n_asked, UV_TRIES_AT_ONCE);
        CHECK_EQ(uv_retries(f), 2);
        CHECK(!f->host->pin[1].token.in_use);
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK_EQ(uv_retries(f), 5);
}

TEST(no_tries_left_is_uv_blocked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        CHECK_EQ(finger(f, AUTHENTICATOR_NO_MATCH), CTAP2_ERR_UV_INVALID);
        CHECK_EQ(finger(f, AUTHENTICATOR_NO_MATCH), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(f->n_asked, 5);
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(f->n_asked, 5); /* nobody is asked in vain */
        authenticator_power_cycle(f->a);
        fixture_restart(f);
        CHECK_EQ(uv_retries(f), 0);
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(try_token(f, PIN), CTAP_OK); /* the PIN gives them back */
        CHECK_EQ(uv_retries(f), 5);
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP_OK);
}

TEST(a_refusal_leads_on_to_the_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        for (unsigned left = UV_RETRIES_MAX - 1; left > 0; left--) {
                CHECK_EQ(finger(f, AUTHENTICATOR_NO), CTAP2_ERR_UV_INVALID);
                CHECK_EQ(uv_retries(f), left);
        }
        CHECK_EQ(finger(f, AUTHENTICATOR_NO), CTAP2_ERR_UV_BLOCKED); /* a client that insists comes to an end */
        CHECK_EQ(f->n_asked, UV_RETRIES_MAX);
}

TEST(who_cannot_be_asked_is_uv_blocked_and_loses_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        CHECK_EQ(finger(f, AUTHENTICATOR_BLOCKED), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(finger(f, AUTHENTICATOR_NOBODY), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(finger(f, AUTHENTICATOR_TIMED_OUT), CTAP2_ERR_USER_ACTION_TIMEOUT);
        CHECK_EQ(uv_retries(f), 5);
}

TEST(a_blocked_pin_blocks_fingers)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        f->a->state->pin_retries = 0;
        CHECK_EQ(uv_retries(f), 0);
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(f->n_asked, 0);
}

TEST(fingers_since_the_last_pin_are_counted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);

        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK_EQ(finger(f, AUTHENTICATOR_NO), CTAP2_ERR_UV_INVALID);
        fixture_restart(f);
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        CHECK_EQ(f->a->state->uv_since_pin, 2);
        f->a->state->uv_since_pin = UINT32_MAX;
        CHECK_EQ(finger(f, AUTHENTICATOR_YES), CTAP_OK);
        CHECK_EQ(f->a->state->uv_since_pin, UINT32_MAX);
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
        CHECK_EQ(f->a->state->uv_since_pin, 0);
}

/* ---- storage ---- */

TEST(a_failed_finger_is_stored_before_it_is_told)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        PinCall call = by_finger;

        f->verification_answer = AUTHENTICATOR_NO;
        for (call.fail_at = 1; call.fail_at <= 3; call.fail_at++) {
                CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_OTHER);
                CHECK_EQ(uv_retries(f), 5);
        }
        CHECK_EQ(finger(f, AUTHENTICATOR_NO), CTAP2_ERR_UV_INVALID);
        fixture_restart(f);
        CHECK_EQ(uv_retries(f), 4);
}

TEST(a_right_finger_counts_when_its_tries_are_stored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        PinCall call = by_finger;

        CHECK_EQ(finger(f, AUTHENTICATOR_NO), CTAP2_ERR_UV_INVALID);
        f->verification_answer = AUTHENTICATOR_YES;
        for (call.fail_at = 1; call.fail_at <= 3; call.fail_at++) {
                CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_OTHER);
                CHECK(!f->host->pin[1].token.in_use);
                CHECK_EQ(uv_retries(f), 4);
        }
}

/* ---- waiting ---- */

static size_t late_request(Fixture *f, uint8_t ret[1024])
{
        cbor_item_t *map;
        ClientPin pin;
        size_t size;

        f->answer = AUTHENTICATOR_LATER;
        client_pin_begin(f, 2, &pin);
        map = pin_call_map(&by_finger, &pin);
        ret[0] = CLIENT_PIN;
        size = 1 + client_serialize(map, ret + 1, 1023);
        cbor_decref(&map);
        return size;
}

static void begin_late(Fixture *f, uint32_t channel)
{
        uint8_t request[1024];
        size_t size = late_request(f, request);
        AuthenticatorReply reply;

        CHECK_EQ(authenticator_request(f->host, channel, request, size, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_VERIFICATION);
}

TEST(the_request_waits_for_the_finger)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        AuthenticatorReply reply;

        begin_late(f, 1);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->a->state->uv_retries, 4);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(f->n_asked, 3);
        CHECK(f->host->pin[1].token.in_use && f->host->pin[1].token.user_present);
        CHECK_EQ(f->a->state->uv_retries, 5);
}

TEST(three_fingers_may_fail_in_one_request_that_waits)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        AuthenticatorReply reply;

        begin_late(f, 1);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_NO_MATCH, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_UV_INVALID);
        CHECK_EQ(f->a->state->uv_retries, 2);
}

TEST(cancelling_and_time_cost_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        AuthenticatorReply reply;

        begin_late(f, 7);
        CHECK_EQ(authenticator_cancel(f->host, 7, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(f->n_withdrawn, 1);
        begin_late(f, 7);
        f->now = authenticator_host_deadline(f->host);
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_USER_ACTION_TIMEOUT);
        CHECK_EQ(f->a->state->uv_retries, 5);
        CHECK(!f->host->pin[1].token.in_use);
}

TEST(tries_used_up_meanwhile_count)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        AuthenticatorReply reply;

        begin_late(f, 1);
        f->a->state->uv_retries = 0; /* by another host */
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_UV_BLOCKED);
        CHECK(!f->host->pin[1].token.in_use);
}

TEST(a_sensor_that_goes_while_it_waits)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        AuthenticatorReply reply;

        begin_late(f, 1);
        f->enrolled = 0;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_NOT_ALLOWED);
        CHECK(!f->host->pin[1].token.in_use);
}

TEST(a_sensor_that_is_pulled_out_sends_clients_to_the_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(use_fingers);
        AuthenticatorReply reply;

        begin_late(f, 1);
        f->no_sensor = true;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_BLOCKED, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_UV_BLOCKED);
        CHECK_EQ(f->a->state->uv_retries, UV_RETRIES_MAX);
}

TEST_MAIN
