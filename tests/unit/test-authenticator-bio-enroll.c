/* authenticatorBioEnrollment: a finger is enrolled sample by sample (CTAP 6.7.4, 6.7.5). */
#include <errno.h>

#include "tests/unit/bio-tools.h"

TEST(an_enrolment_goes_from_sample_to_sample)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        _cleanup_reply_ cbor_item_t *first = NULL, *second = NULL, *third = NULL;
        Token token = set_pin(f, PERMISSION_BE);
        Id id;

        CHECK_EQ(bio(f, &token, BEGIN, NULL, &first), CTAP_OK);
        CHECK_EQ(cbor_map_size(first), 3);
        id = template_of(first);
        CHECK_EQ(get_int(first, 5), 0);
        CHECK_EQ(get_int(first, 6), 2);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_SAMPLE);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_ENROLL);
        CHECK(f->asked.enrollment_size == id.size && memcmp(f->asked.enrollment, id.data, id.size) == 0);
        CHECK_EQ(bio(f, &token, NEXT, params_of(id.data, id.size, NULL), &second), CTAP_OK);
        CHECK_EQ(cbor_map_size(second), 2);
        CHECK_EQ(get_int(second, 5), 0);
        CHECK_EQ(get_int(second, 6), 1);
        CHECK_EQ(f->enrolled, 0);
        CHECK_EQ(bio(f, &token, NEXT, params_of(id.data, id.size, NULL), &third), CTAP_OK);
        CHECK_EQ(get_int(third, 6), 0);
        CHECK_EQ(f->enrolled, 1);
        CHECK_EQ(f->n_enrolments_cancelled, 0);
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION); /* it is enrolled */
        CHECK_EQ(f->n_asked, 3);
}

TEST(a_bad_sample_is_an_answer_and_not_an_error)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        Id id = begin(f, &token);

        for (unsigned status = 1; status <= 14; status++) {
                _cleanup_reply_ cbor_item_t *reply = NULL;

                f->sample_status = status;
                CHECK_EQ(bio(f, &token, NEXT, params_of(id.data, id.size, NULL), &reply), CTAP_OK);
                CHECK_EQ(get_int(reply, 5), status);
                CHECK_EQ(get_int(reply, 6), 2);
        }
        CHECK_EQ(f->n_enrolments_cancelled, 0);
}

TEST(nobody_at_the_sensor_is_no_user_activity_and_the_enrolment_goes_on)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        _cleanup_reply_ cbor_item_t *reply = NULL, *again = NULL;
        Token token = set_pin(f, PERMISSION_BE);
        Id id;

        f->sample_answer = AUTHENTICATOR_TIMED_OUT;
        CHECK_EQ(bio(f, &token, BEGIN, NULL, &reply), CTAP_OK);
        id = template_of(reply);
        CHECK_EQ(get_int(reply, 5), 0x0d);
        CHECK_EQ(get_int(reply, 6), 3);
        f->sample_answer = AUTHENTICATOR_YES;
        CHECK_EQ(bio(f, &token, NEXT, params_of(id.data, id.size, NULL), &again), CTAP_OK);
        CHECK_EQ(get_int(again, 5), 0);
        CHECK_EQ(get_int(again, 6), 2);
}

TEST(a_refusal_ends_the_enrolment)
{
        static const struct {
                AuthenticatorAnswer answer;
                int status;
        } ends[] = {{AUTHENTICATOR_NO, CTAP2_ERR_OPERATION_DENIED},
                    {AUTHENTICATOR_NOBODY, CTAP2_ERR_OPERATION_DENIED},
                    {AUTHENTICATOR_BLOCKED, CTAP2_ERR_NOT_ALLOWED}};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);

        for (unsigned i = 0; i < ELEMENTSOF(ends); i++) {
                Id id;

                f->sample_answer = AUTHENTICATOR_YES;
                id = begin(f, &token);
                f->sample_answer = ends[i].answer;
                CHECK_EQ(next(f, &token, &id), ends[i].status);
                CHECK_EQ(f->n_enrolments_cancelled, i + 1);
                f->sample_answer = AUTHENTICATOR_YES;
                CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        }
}

TEST(cancelling_a_sample_ends_the_enrolment)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        uint8_t request[256] = {0x09};
        AuthenticatorReply reply;
        cbor_item_t *map;
        size_t size;
        Id id;

        id = begin(f, &token);
        map = bio_request(&token, 1, NEXT, params_of(id.data, id.size, NULL));
        size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);
        cbor_decref(&map);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, f->channel, request, size, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->n_enrolments_cancelled, 0);
        CHECK_EQ(authenticator_cancel(f->host, f->channel, &reply), 0);
        CHECK(reply.size == 1 && reply.data[0] == CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
}

static unsigned asked_for(Fixture *f, const Token *token, int64_t timeout)
{
        cbor_item_t *params = client_map();

        client_set(params, 3, client_int(timeout));
        CHECK_EQ(bio(f, token, BEGIN, params, NULL), CTAP_OK);
        return f->asked.timeout_ms;
}

TEST(the_clients_timeout_is_bounded)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        cbor_item_t *params = client_map();

        CHECK_EQ(asked_for(f, &token, 2000), 2000);
        CHECK_EQ(asked_for(f, &token, 0), PRESENCE_TIME);
        CHECK_EQ(asked_for(f, &token, PRESENCE_TIME + 1), PRESENCE_TIME);
        CHECK_EQ(asked_for(f, &token, INT64_MAX), PRESENCE_TIME);
        client_set(params, 3, client_text("soon"));
        CHECK_EQ(bio(f, &token, BEGIN, params, NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
}

TEST(no_room_for_another_finger_is_fp_database_full)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);

        f->enrolled = FIXTURE_FINGERS_MAX;
        CHECK_EQ(bio(f, &token, BEGIN, NULL, NULL), CTAP2_ERR_FP_DATABASE_FULL);
        CHECK_EQ(f->n_asked, 0);
        CHECK_EQ(f->n_enrolments_cancelled, 0);
}

TEST(a_template_that_is_not_being_enrolled_is_an_invalid_option)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        Id id = {UNKNOWN, sizeof(UNKNOWN)};

        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id = begin(f, &token);
        id.data[0] ^= 1;
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id.data[0] ^= 1;
        id.size--;
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id.size += 2;
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id.size--;
        CHECK_EQ(next(f, &token, &id), CTAP_OK);
}

TEST(a_second_enrolment_cancels_the_first_also_on_another_channel)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        Id first = begin(f, &token), second;

        second = begin(f, &token);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        CHECK_EQ(next(f, &token, &first), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(next(f, &token, &second), CTAP_OK);
        f->channel = 2;
        first = begin(f, &token);
        CHECK_EQ(f->n_enrolments_cancelled, 2);
        f->channel = 1;
        CHECK_EQ(next(f, &token, &second), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(next(f, &token, &first), CTAP2_ERR_INVALID_OPTION); /* it is the other channel's */
        f->channel = 2;
        CHECK_EQ(next(f, &token, &first), CTAP_OK);
        CHECK_EQ(f->n_enrolments_cancelled, 2);
}

TEST(cancelling_and_any_other_command_end_the_enrolment)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        Id id = begin(f, &token);

        CHECK_EQ(bio(f, NULL, CANCEL, NULL, NULL), CTAP_OK);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id = begin(f, &token);
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, NULL), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->n_enrolments_cancelled, 2);
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id = begin(f, &token);
        CHECK_EQ(fixture_send(f, "\x04", 1, NULL), CTAP_OK);
        CHECK_EQ(f->n_enrolments_cancelled, 3);
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        id = begin(f, &token);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a1 01 03", NULL), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_enrolments_cancelled, 4);
}

TEST(an_enrolment_that_nobody_goes_on_with_ends)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        AuthenticatorReply reply;
        Id id = begin(f, &token);

        f->now += ENUMERATION_TIME - 1;
        CHECK_EQ(next(f, &token, &id), CTAP_OK);
        CHECK_EQ(authenticator_host_deadline(f->host), f->now + ENUMERATION_TIME);
        f->now += ENUMERATION_TIME;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        id = begin(f, &token);
        f->now += ENUMERATION_TIME; /* without a tick */
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->n_enrolments_cancelled, 2);
}

TEST(who_leaves_while_enrolling_cancels)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);

        (void)begin(f, &token);
        authenticator_host_drop_channel(f->host, f->channel);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        (void)begin(f, &token);
        f->host = authenticator_host_free(f->host);
        CHECK_EQ(f->n_enrolments_cancelled, 2);
        CHECK_EQ(authenticator_host_new(f->a, f, &f->host), 0);
        token = get_token(f, 2, PERMISSION_BE, NULL);
        (void)begin(f, &token);
        authenticator_power_cycle(f->a);
        CHECK_EQ(f->n_enrolments_cancelled, 3);
}

/* Sends a request that waits for the finger. */
static void send_waiting(Fixture *f, cbor_item_t *map)
{
        uint8_t request[512] = {0x09};
        size_t size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;

        cbor_decref(&map);
        f->sample_answer = AUTHENTICATOR_LATER;
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, f->channel, request, size, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_SAMPLE);
}

TEST(samples_are_waited_for)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        AuthenticatorReply reply;
        Id id;

        send_waiting(f, bio_request(&token, 1, BEGIN, NULL));
        f->now += 20000;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        memcpy(id.data, f->asked.enrollment, f->asked.enrollment_size);
        id.size = f->asked.enrollment_size;
        /* Nobody comes: */
        send_waiting(f, bio_request(&token, 1, NEXT, params_of(id.data, id.size, NULL)));
        f->now += PRESENCE_TIME;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK(reply.size == 6 && memcmp(reply.data, "\x00\xa2\x05\x0d\x06\x02", 6) == 0);
        CHECK_EQ(f->n_withdrawn, 1);
        CHECK_EQ(f->n_enrolments_cancelled, 0);
        /* The client may go on, for a while: */
        f->now += ENUMERATION_TIME;
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
}

TEST(a_power_cycle_while_a_sample_is_waited_for_ends_everything)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);
        AuthenticatorReply reply;

        send_waiting(f, bio_request(&token, 1, BEGIN, NULL));
        authenticator_power_cycle(f->a);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK(reply.size == 1 && reply.data[0] != CTAP_OK);
        CHECK_EQ(f->enrolled, 0);
}

TEST(the_token_outlives_an_enrolment)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE | PERMISSION_CM);
        const uint8_t metadata = 1;
        cbor_item_t *map = client_map();
        Id id = begin(f, &token);

        CHECK_EQ(next(f, &token, &id), CTAP_OK);
        CHECK_EQ(next(f, &token, &id), CTAP_OK);
        client_set(map, 1, client_int(1));
        client_set(map, 3, client_int(2));
        client_set(map, 4, subcommand_auth(&token, &metadata, 1, NULL));
        CHECK_EQ(client_send(f, 0x0a, map, NULL), CTAP_OK);
}

/* ---- failures ---- */

static int failing_sensor(void *userdata, unsigned *ret_kind, unsigned *ret_samples, unsigned *ret_name_max)
{
        return -EIO;
}

static int failing_get(void *userdata, unsigned i, uint8_t ret_id[32], size_t *ret_id_size, char ret_name[65])
{
        return i == 0 ? -EIO : AUTHENTICATOR_E_NOT_FOUND;
}

static int failing_begin(void *userdata, AuthenticatorHost *host, uint8_t ret_id[32], size_t *ret_id_size)
{
        return AUTHENTICATOR_E_DAMAGED; /* not an outcome that it has */
}

static int failing_sample(void *userdata, AuthenticatorHost *host, unsigned *ret_status, unsigned *ret_left)
{
        return -EIO;
}

static int failing_ask(void *userdata, AuthenticatorHost *host, const AuthenticatorQuestion *question)
{
        return -EIO;
}

TEST(a_sensor_that_fails_is_an_error_and_ends_the_enrolment)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        AuthenticatorFingerprints failing, working = *f->a->ops.fingerprints;
        Token token = set_pin(f, PERMISSION_BE);
        Id id;

        f->a->ops.fingerprints = &failing;
        failing = working;
        failing.sensor = failing_sensor;
        CHECK_EQ(bio(f, NULL, SENSOR, NULL, NULL), CTAP1_ERR_OTHER);
        CHECK_EQ(bio(f, &token, BEGIN, NULL, NULL), CTAP1_ERR_OTHER);
        CHECK_EQ(bio(f, &token, SET_NAME, params_of("\xf0", 1, "x"), NULL), CTAP1_ERR_OTHER);
        failing = working;
        failing.get = failing_get;
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, NULL), CTAP1_ERR_OTHER);
        failing = working;
        failing.begin = failing_begin;
        CHECK_EQ(bio(f, &token, BEGIN, NULL, NULL), CTAP1_ERR_OTHER);
        CHECK_EQ(f->n_enrolments_cancelled, 0);
        failing = working;
        failing.sample = failing_sample;
        CHECK_EQ(bio(f, &token, BEGIN, NULL, NULL), CTAP1_ERR_OTHER);
        CHECK_EQ(f->n_enrolments_cancelled, 1);
        failing = working;
        id = begin(f, &token);
        f->a->ops.ask = failing_ask;
        CHECK_EQ(next(f, &token, &id), CTAP1_ERR_OTHER);
        CHECK_EQ(f->n_enrolments_cancelled, 2);
        CHECK_EQ(next(f, &token, &id), CTAP2_ERR_INVALID_OPTION);
        f->a->ops.fingerprints = &working;
        fixture_restart(f);
}

TEST_MAIN
