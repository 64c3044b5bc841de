/* Requests at the edges: of no size or too large, storage that does not open or closes in the middle, records that are damaged
 * or gone when they are wanted; and instances that cannot be made. */
#include <errno.h>

#include "tests/unit/ceremony-tools.h"
#include "tests/unit/u2f-tools.h"

/* ---- sizes ---- */

TEST(a_request_of_no_size_has_an_invalid_length)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send(f, "", 0, NULL), CTAP1_ERR_INVALID_LENGTH);
}

TEST(a_request_beyond_what_reports_carry_is_too_large)
{
        static uint8_t request[AUTHENTICATOR_MESSAGE_MAX + 1] = {GET_INFO};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send(f, request, sizeof(request), NULL), CTAP2_ERR_REQUEST_TOO_LARGE);
        CHECK_EQ(fixture_send(f, request, sizeof(request) - 1, NULL), CTAP_OK);
}

TEST(a_u2f_message_of_no_size_or_too_large_has_the_wrong_length)
{
        static uint8_t message[AUTHENTICATOR_MESSAGE_MAX + 1];
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_u2f(f, message, 0, NULL), 0x6700);
        CHECK_EQ(fixture_u2f(f, message, sizeof(message), NULL), 0x6700);
}

TEST(unknown_commands_are_invalid_and_the_body_is_wanted)
{
        static const uint8_t unknown[] = {0x00, 0x03, 0x05, 0x0e, 0x42, 0xff};
        static const uint8_t with_body[] = {0x01, 0x02, 0x06, 0x0a, 0x0c, 0x0d, 0x41};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < sizeof(unknown); i++)
                CHECK_EQ(fixture_send(f, unknown + i, 1, NULL), CTAP1_ERR_INVALID_COMMAND);
        for (size_t i = 0; i < sizeof(with_body); i++)
                CHECK_EQ(fixture_send(f, with_body + i, 1, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(f->n_asked, 0);
}

TEST(a_second_request_waits_for_the_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;

        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, "\x0b", 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_request(f->host, 2, "\x04", 1, &reply), -EBUSY);
        CHECK_EQ(authenticator_u2f_request(f->host, 2, "\x04", 1, &reply), -EBUSY);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
}

/* As many as the daemon has, and more: what is waited with must not be memory that keys need. */
TEST(requests_that_wait_leave_the_arena_to_keys)
{
        enum { HOSTS = 400 };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        static AuthenticatorHost *hosts[HOSTS];
        cbor_item_t *map = make_request();
        uint8_t request[512] = {MAKE_CREDENTIAL};
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;

        cbor_decref(&map);
        f->answer = AUTHENTICATOR_LATER;
        for (size_t i = 0; i < HOSTS; i++) {
                CHECK_EQ(authenticator_host_new(f->a, f, &hosts[i]), 0);
                CHECK_EQ(authenticator_request(hosts[i], 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        }
        f->answer = AUTHENTICATOR_YES;
        (void)make_for(f, RP, USER, /* rk= */ true);
        for (size_t i = 0; i < HOSTS; i++)
                (void)authenticator_host_free(hosts[i]);
}

/* ---- storage ---- */

static bool never_open(void *userdata)
{
        return false;
}

static int always_locked(void *userdata, uint64_t number, void *ret, size_t capacity, size_t *ret_size)
{
        return AUTHENTICATOR_E_LOCKED;
}

TEST(whether_storage_opens_is_told_by_the_answer)
{
        static const struct {
                AuthenticatorAnswer answer;
                int status;
        } cases[] = {
                {AUTHENTICATOR_NO, CTAP2_ERR_OPERATION_DENIED},
                {AUTHENTICATOR_TIMED_OUT, CTAP2_ERR_USER_ACTION_TIMEOUT},
                {AUTHENTICATOR_NOBODY, CTAP2_ERR_NOT_ALLOWED},
                {AUTHENTICATOR_YES, CTAP2_ERR_NO_CREDENTIALS},
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                f->locked = true;
                f->storage_answer = cases[i].answer;
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), cases[i].status);
        }
}

TEST(storage_that_stays_closed_is_asked_for_a_few_times)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        f->a->ops.is_open = never_open;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP2_ERR_NOT_ALLOWED);
        CHECK(f->n_asked > 0 && f->n_asked <= 3);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_STORAGE);
}

TEST(storage_that_closes_under_each_attempt_is_given_up)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        f->a->ops.get = always_locked;
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NOT_ALLOWED);
}

/* What was read before somebody was asked may not be so any more: everything begins again, with the question. */
TEST(storage_that_closes_while_somebody_is_asked_makes_it_begin_anew)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = make_request();
        uint8_t request[1024] = {MAKE_CREDENTIAL};
        AuthenticatorReply reply;
        size_t size;

        f->answer = f->storage_answer = AUTHENTICATOR_LATER;
        size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);
        cbor_decref(&map);
        CHECK_EQ(authenticator_request(f->host, 1, request, size, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_PRESENCE);

        f->locked = true;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_STORAGE);
        f->locked = false;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_PRESENCE);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
        CHECK_EQ(f->n_asked, 3);
}

/* ---- records ---- */

static void damage(Fixture *f, const Made *made)
{
        uint64_t number;
        size_t size;

        CHECK_EQ(record_has_id(f->a, made->id, made->id_size, &number), CTAP_OK);
        fixture_record(f, number, &size)[0] ^= 0xff;
}

TEST(a_damaged_credential_excludes_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);
        cbor_item_t *map = make_request();

        damage(f, &made);
        set_list(map, 5, &made, 1);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP_OK);
}

TEST(a_damaged_credential_stays_when_its_account_gets_another)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true), again;

        damage(f, &made);
        again = make_for(f, RP, USER, true);
        CHECK_EQ(fixture_count(f, MARK_DISCOVERABLE, NULL), 2); /* for who can still mend it */
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&again, true)), CTAP_OK);
}

TEST(no_account_is_left_after_the_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made first = make_for(f, RP, "alice", true);

        (void)make_for(f, RP, "bob", true);
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(NULL, true)), CTAP_OK);
        damage(f, &first);
        CHECK_EQ(send(f, GET_NEXT_ASSERTION, NULL), CTAP2_ERR_NOT_ALLOWED);
}

/* ---- U2F ---- */

static int no_note(void *userdata, void *ret, size_t capacity, size_t *ret_size)
{
        return AUTHENTICATOR_E_NOT_FOUND;
}

TEST(u2f_is_off_when_storage_says_so_and_the_note_is_lost)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Registration reg = to_register("example.com", 1);

        CHECK_EQ(fixture_send_hex(f, 0x0d, "a1 01 02", NULL), CTAP_OK); /* toggleAlwaysUv */
        fixture_restart(f);
        f->a->ops.note_get = no_note;
        f->locked = true;
        CHECK_EQ(do_register(f, &reg), SW_OFF);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_STORAGE);
}

TEST(u2f_does_not_answer_wrongly_when_storage_closes_under_it)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Registration reg = registered(f, "example.com");

        f->a->ops.get = always_locked;
        CHECK_EQ(do_authenticate(f, &reg, CHECK_ONLY, 2, NULL, NULL), SW_NOT_YET);
        CHECK_EQ(do_authenticate(f, &reg, ENFORCE, 2, NULL, NULL), SW_NOT_YET); /* not "wrong data": it may be ours */
}

/* ---- instances ---- */

TEST(an_instance_wants_all_operations)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_fingers);
        AuthenticatorFingerprints fingers = *f->a->ops.fingerprints;
        AuthenticatorOps ops = f->a->ops;
        Authenticator *a = NULL;

        ops.restore = NULL;
        CHECK_EQ(authenticator_new(&f->config, &ops, f, &a), -EINVAL);
        ops = f->a->ops;
        ops.fingerprints = &fingers;
        fingers.rename = NULL;
        CHECK_EQ(authenticator_new(&f->config, &ops, f, &a), -EINVAL);
        fingers = *f->a->ops.fingerprints;
        CHECK_EQ(authenticator_new(&f->config, &ops, f, &a), 0);
        a = authenticator_free(a);
        CHECK(!authenticator_free(NULL));
        CHECK(!authenticator_host_free(NULL));
        CHECK(!authenticator_port_free(NULL));
}

TEST(an_instance_with_an_unfit_certificate_is_not_made)
{
        static const char pem[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorConfig config = f->config;
        Authenticator *a = NULL;

        config.enterprise_pem = pem;
        config.enterprise_pem_size = strlen(pem);
        CHECK_EQ(authenticator_new(&config, &f->a->ops, f, &a), -EINVAL);
        CHECK(!a);
}

TEST(two_instances_know_nothing_of_each_other)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *g = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        set_pin(f);
        CHECK_EQ(send(g, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_NO_CREDENTIALS);
        CHECK(!state_of(g)->pin_set && state_of(f)->pin_set);
        f->locked = true;
        authenticator_forget(f->a);
        (void)make_for(g, RP, USER, true);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST_MAIN
