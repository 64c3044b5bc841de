/* authenticatorBioEnrollment: who may, and what is enrolled (CTAP 6.7). */
#include "tests/unit/bio-tools.h"

/* ---- without a token (6.7.2, 6.7.3, 6.7.5) ---- */

TEST(without_a_sensor_there_is_no_such_command)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send_hex(f, 0x09, "a1 06 f5", NULL), CTAP1_ERR_INVALID_COMMAND);
        CHECK_EQ(fixture_send_hex(f, 0x40, "a1 06 f5", NULL), CTAP1_ERR_INVALID_COMMAND);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a2 01 01 02 07", NULL), CTAP1_ERR_INVALID_COMMAND);
}

TEST(the_modality_is_told_to_everybody)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        AuthenticatorReply reply;

        f->locked = true; /* storage is not needed for it */
        CHECK_EQ(fixture_send_hex(f, 0x09, "a1 06 f5", &reply), CTAP_OK);
        CHECK(reply.size == 3 && memcmp(reply.data, "\xa1\x01\x01", 3) == 0);
        CHECK_EQ(fixture_send_hex(f, 0x40, "a1 06 f5", &reply), CTAP_OK);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a1 06 f4", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a1 06 01", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(f->n_asked, 0);
}

TEST(the_sensor_is_described_to_everybody)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        AuthenticatorReply reply;

        f->locked = true;
        CHECK_EQ(fixture_send_hex(f, 0x09, "a2 01 01 02 07", &reply), CTAP_OK);
        CHECK(reply.size == 10 && memcmp(reply.data, "\xa4\x01\x01\x02\x01\x03\x03\x08\x18\x40", 10) == 0);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a1 02 07", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a2 01 02 02 07", NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(f->n_asked, 0);
}

TEST(cancelling_nothing_is_fine_and_answers_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        AuthenticatorReply reply;

        CHECK_EQ(fixture_send_hex(f, 0x09, "a2 01 01 02 03", &reply), CTAP_OK);
        CHECK_EQ(reply.size, 0);
        CHECK_EQ(f->n_enrolments_cancelled, 0);
}

/* ---- who may (first steps of 6.7.4 to 6.7.8) ---- */

static const int with_token[] = {BEGIN, NEXT, ENUMERATE, SET_NAME, REMOVE};

TEST(a_missing_auth_parameter_is_puat_required)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);

        for (size_t i = 0; i < ELEMENTSOF(with_token); i++)
                CHECK_EQ(bio(f, NULL, with_token[i], NULL, NULL), CTAP2_ERR_PUAT_REQUIRED);
}

TEST(what_is_missing_comes_before_the_protocol_and_the_proof)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        Token token = set_pin(f, PERMISSION_BE), bad = token;
        cbor_item_t *map;

        bad.protocol = 3;
        for (size_t i = 0; i < ELEMENTSOF(with_token); i++)
                CHECK_EQ(client_send(f, 0x09, bio_request(&bad, 0, with_token[i], params_of("\xf0", 1, "x")), NULL),
                         CTAP2_ERR_MISSING_PARAMETER); /* no modality */
        CHECK_EQ(client_send(f, 0x09, bio_request(&bad, 2, BEGIN, NULL), NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(bio(f, &bad, NEXT, NULL, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(bio(f, &bad, NEXT, client_map(), NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(bio(f, &bad, SET_NAME, params_of("\xf0", 1, NULL), NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(bio(f, &bad, REMOVE, client_map(), NULL), CTAP2_ERR_MISSING_PARAMETER);
        for (size_t i = 0; i < ELEMENTSOF(with_token); i++)
                CHECK_EQ(bio(f, &bad, with_token[i], params_of("\xf0", 1, "x"), NULL), CTAP1_ERR_INVALID_PARAMETER);
        map = client_map(); /* no protocol */
        client_set(map, 1, client_int(1));
        client_set(map, 2, client_int(ENUMERATE));
        client_set(map, 5, client_bytes("0123456789abcdef", 16));
        CHECK_EQ(client_send(f, 0x09, map, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a0", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a3 01 01 02 01 03 01", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
}

TEST(an_unknown_subcommand_is_invalid_subcommand)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);

        CHECK_EQ(bio(f, NULL, 0, NULL, NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(bio(f, NULL, 8, NULL, NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(fixture_send_hex(f, 0x09, "a2 01 01 02 19 0107", NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
}

TEST(the_token_must_have_be_and_its_proof_covers_modality_subcommand_and_parameters)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        cbor_item_t *map = client_map(), *other = params_of("\xf0", 1, "other");
        const uint8_t prefix[2] = {1, SET_NAME}, enumerate[2] = {1, ENUMERATE};
        Token token, wrong;

        token = set_pin(f, PERMISSION_CM | PERMISSION_ACFG);
        for (size_t i = 0; i < ELEMENTSOF(with_token); i++)
                CHECK_EQ(bio(f, &token, with_token[i], params_of("\xf0", 1, "x"), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        token = wrong = get_token(f, 2, PERMISSION_BE | PERMISSION_CM, "a.example"); /* the RP does not matter */
        wrong.bytes[0] ^= 1;
        CHECK_EQ(bio(f, &wrong, ENUMERATE, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, NULL), CTAP_OK);
        client_set(map, 1, client_int(1));
        client_set(map, 2, client_int(SET_NAME));
        client_set(map, 3, params_of("\xf0", 1, "one"));
        client_set(map, 4, client_int(2));
        client_set(map, 5, subcommand_auth(&token, prefix, 2, other));
        CHECK_EQ(client_send(f, 0x09, map, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        cbor_decref(&other);
        map = client_map();
        client_set(map, 1, client_int(1));
        client_set(map, 2, client_int(BEGIN));
        client_set(map, 4, client_int(2));
        client_set(map, 5, subcommand_auth(&token, enumerate, 2, NULL));
        CHECK_EQ(client_send(f, 0x09, map, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(f->enrolled, 1);
        CHECK_EQ(f->n_asked, 0);
}

TEST(the_prototype_does_the_same_and_takes_a_token_from_before_permissions)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        Token token = set_pin(f, PERMISSION_BE);

        CHECK_EQ(client_send(f, 0x40, bio_request(&token, 1, ENUMERATE, NULL), NULL), CTAP_OK);
        token = get_token(f, 1, /* legacy */ 0, NULL);
        CHECK_EQ(client_send(f, 0x40, bio_request(&token, 1, ENUMERATE, NULL), NULL), CTAP_OK);
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        token = get_token(f, 1, PERMISSION_MC | PERMISSION_GA, "a.example");
        CHECK_EQ(client_send(f, 0x40, bio_request(&token, 1, ENUMERATE, NULL), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

/* ---- what is enrolled (6.7.6 to 6.7.8) ---- */

TEST(no_finger_to_list_is_an_invalid_option)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(sensor);
        Token token = set_pin(f, PERMISSION_BE);

        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, NULL), CTAP2_ERR_INVALID_OPTION);
}

TEST(fingers_are_listed_renamed_and_removed)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        _cleanup_reply_ cbor_item_t *before = NULL, *after = NULL, *none = NULL;
        const cbor_item_t *list;
        Token token = set_pin(f, PERMISSION_BE);

        f->enrolled = 2;
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, &before), CTAP_OK);
        CHECK_EQ(cbor_map_size(before), 1);
        list = map_get(before, 7);
        CHECK_EQ(cbor_array_size(list), 2);
        CHECK(bytes_are(map_get(array_get(list, 0), 1), "\xf0", 1));
        CHECK(bytes_are(map_get(array_get(list, 1), 1), "\xf1", 1));
        CHECK(text_equals(map_get(array_get(list, 1), 2), ""));
        CHECK_EQ(bio(f, &token, SET_NAME, params_of("\xf1", 1, "left thumb"), &none), CTAP_OK);
        CHECK(!none);
        CHECK_EQ(bio(f, &token, REMOVE, params_of("\xf0", 1, NULL), &none), CTAP_OK);
        CHECK(!none);
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, &after), CTAP_OK);
        list = map_get(after, 7);
        CHECK_EQ(cbor_array_size(list), 1);
        CHECK(bytes_are(map_get(array_get(list, 0), 1), "\xf1", 1));
        CHECK(text_equals(map_get(array_get(list, 0), 2), "left thumb"));
        CHECK_EQ(bio(f, &token, REMOVE, params_of("\xf1", 1, NULL), NULL), CTAP_OK);
        CHECK_EQ(bio(f, &token, ENUMERATE, NULL, NULL), CTAP2_ERR_INVALID_OPTION);
}

TEST(a_removal_that_takes_its_time_ends_with_the_sensor_s_answer)
{
        static const struct {
                AuthenticatorAnswer answer;
                int status;
        } ends[] = {{AUTHENTICATOR_YES, CTAP_OK},
                    {AUTHENTICATOR_BLOCKED, CTAP2_ERR_NOT_ALLOWED},
                    {AUTHENTICATOR_TIMED_OUT, CTAP2_ERR_USER_ACTION_TIMEOUT}};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        Token token = set_pin(f, PERMISSION_BE);
        unsigned asked = f->n_asked;

        f->slow_removal = true;
        CHECK_EQ(bio(f, &token, REMOVE, params_of("\xf9", 1, NULL), NULL), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->n_asked, asked);
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                cbor_item_t *map = bio_request(&token, 1, REMOVE, params_of("\xf0", 1, NULL));
                uint8_t request[256] = {0x09};
                size_t size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);
                AuthenticatorReply reply;

                cbor_decref(&map);
                f->answer = ends[i].answer;
                CHECK_EQ(bio(f, &token, REMOVE, params_of("\xf0", 1, NULL), NULL), ends[i].status);
                CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_REMOVAL);
                CHECK(f->asked.enrollment_size == 1 && f->enrollment[0] == 0xf0);

                f->answer = AUTHENTICATOR_LATER;
                CHECK_EQ(authenticator_request(f->host, 1, request, size, &reply), AUTHENTICATOR_PENDING);
                CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_REMOVAL);
                CHECK_EQ(authenticator_answer(f->host, ends[i].answer, &reply), 0);
                CHECK(reply.size == 1 && reply.data[0] == ends[i].status);
        }
}

TEST(an_unknown_template_is_an_invalid_option)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        Token token = set_pin(f, PERMISSION_BE);

        CHECK_EQ(bio(f, &token, SET_NAME, params_of(UNKNOWN, 8, "x"), NULL), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(bio(f, &token, REMOVE, params_of(UNKNOWN, 8, NULL), NULL), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(bio(f, &token, REMOVE, params_of("", 0, NULL), NULL), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->enrolled, 1);
}

TEST(a_name_that_is_too_long_is_an_invalid_length)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(one_finger);
        char name[FRIENDLY_NAME_MAX + 2];
        Token token = set_pin(f, PERMISSION_BE);

        memset(name, 'x', sizeof(name));
        name[FRIENDLY_NAME_MAX + 1] = 0;
        CHECK_EQ(bio(f, &token, SET_NAME, params_of("\xf0", 1, name), NULL), CTAP1_ERR_INVALID_LENGTH);
        name[FRIENDLY_NAME_MAX] = 0;
        CHECK_EQ(bio(f, &token, SET_NAME, params_of("\xf0", 1, name), NULL), CTAP_OK);
        CHECK(strcmp(f->fingers[0].name, name) == 0);
        CHECK_EQ(bio(f, &token, SET_NAME, params_of("\xf0", 1, ""), NULL), CTAP_OK);
}

TEST_MAIN
