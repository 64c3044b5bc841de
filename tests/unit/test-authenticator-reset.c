/* reset and selection: when, who is asked, what goes, in one change. */
#include "authenticator/commands.h"
#include "tests/unit/ceremony-tools.h"

/* A PIN, settings and three credentials, just powered up. */
static Fixture *used(void)
{
        Fixture *f = fixture_new(NULL);

        (void)make_for(f, RP, "alice", true);
        (void)make_for(f, RP, "bob", true);
        (void)make_for(f, RP, "carol", false);
        set_pin(f);
        authenticator_power_cycle(f->a);
        f->n_asked = 0;
        return f;
}

static void reset_by_owner(Authenticator *a)
{
        CHECK_EQ(authenticator_reset(a), CTAP_OK);
}

TEST(reset_removes_everything_in_one_change)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        uint8_t device_id[16], store_id[16];
        unsigned commits = f->n_commits;

        memcpy(device_id, state_of(f)->device_id, sizeof(device_id));
        memcpy(store_id, state_of(f)->store_id, sizeof(store_id));
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK_EQ(f->n_commits, commits + 1);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_RESET);
        CHECK(!f->asked.long_touch);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
        CHECK_EQ(fixture_count(f, MARK_STATE, NULL), 1);
        for (int i = 0; i < 2; i++) {
                CHECK(!state_of(f)->pin_set);
                CHECK_EQ(state_of(f)->n_credentials, 0);
                CHECK_EQ(state_of(f)->n_discoverable, 0);
                CHECK_EQ(state_of(f)->pin_retries, PIN_RETRIES_MAX);
                CHECK(memcmp(device_id, state_of(f)->device_id, 16) != 0);
                CHECK(memcmp(store_id, state_of(f)->store_id, 16) != 0);
                fixture_restart(f);
        }
}

TEST(reset_needs_a_power_cycle)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(reset_window(f->a), 0);
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_asked, 0);
        authenticator_power_cycle(f->a);
        CHECK_EQ(reset_window(f->a), RESET_WINDOW);
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
}

TEST(reset_is_allowed_for_ten_seconds)
{
        _cleanup_(fixture_freep) Fixture *f = used();

        f->now += RESET_WINDOW - 1;
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        f->now += 1;
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_NOT_ALLOWED);
        authenticator_power_cycle(f->a);
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
}

/* Only the request must come in time; the person may take longer. */
TEST(reset_waits_for_the_person)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        static const uint8_t request = RESET;
        AuthenticatorReply reply;

        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, &request, 1, &reply), AUTHENTICATOR_PENDING);
        f->now += RESET_WINDOW;
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
}

TEST(reset_refused_or_left_alone)
{
        _cleanup_(fixture_freep) Fixture *f = used();

        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_OPERATION_DENIED);
        f->answer = AUTHENTICATOR_TIMED_OUT;
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_USER_ACTION_TIMEOUT);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 3);
        CHECK(state_of(f)->pin_set);
}

TEST(long_touch_for_reset)
{
        _cleanup_(fixture_freep) Fixture *f = used();

        state_of(f)->long_touch = true;
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK(f->asked.long_touch);
        CHECK(!state_of(f)->long_touch);
}

TEST(reset_ends_tokens_and_blocks)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        cbor_item_t *map = make_request();
        uint8_t token[32];

        get_token(f, 2, PERMISSION_MC, RP, token);
        f->a->pin_soft_blocked = true;
        f->a->pin_wrong = PIN_SOFT_TRIES;
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        set_auth(map, 8, 2, token);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK(!f->a->pin_soft_blocked);
        CHECK_EQ(f->a->pin_wrong, 0);
}

TEST(reset_ends_what_other_hosts_are_in_the_middle_of)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        AuthenticatorHost *mine = f->host, *other = NULL;
        uint8_t request[512] = {MAKE_CREDENTIAL};
        cbor_item_t *map = make_request();
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);
        AuthenticatorReply reply;

        cbor_decref(&map);
        CHECK_EQ(authenticator_host_new(f->a, f, &other), 0);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(other, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        f->answer = AUTHENTICATOR_YES;
        f->host = mine;
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK_EQ(authenticator_host_tick(other, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
        (void)authenticator_host_free(other);
}

/* A request that has ended but has not been told so yet is not brought back by an answer. */
TEST(what_a_reset_a_power_cycle_or_a_lock_has_ended_stays_over_when_it_is_answered)
{
        static void (*const ends[])(Authenticator *a) = {reset_by_owner, authenticator_power_cycle, authenticator_forget};

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                _cleanup_(fixture_freep) Fixture *f = used();
                cbor_item_t *map = client_make_request(RP, "dave", COSE_ES256);
                uint8_t request[1024] = {MAKE_CREDENTIAL}, token[32];
                AuthenticatorReply reply = {0};
                size_t size;

                get_token(f, 2, PERMISSION_MC, RP, token);
                set_auth(map, 8, 2, token);
                size = client_serialize(map, request + 1, sizeof(request) - 1);
                cbor_decref(&map);
                f->answer = AUTHENTICATOR_LATER;
                CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
                ends[i](f->a);
                f->answer = AUTHENTICATOR_YES;
                CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
                CHECK_EQ(reply.size, 1);
                CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), i == 0 ? 0 : 3);
                CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING);
                CHECK_EQ(send(f, SELECTION, NULL), CTAP_OK);
        }
}

TEST(reset_of_many_credentials)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        char user[16];

        for (unsigned i = 0; i < 150; i++) {
                (void)snprintf(user, sizeof(user), "user%u", i);
                (void)make_for(f, RP, user, i % 2);
        }
        authenticator_power_cycle(f->a);
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
}

TEST(reset_removes_large_blobs)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        const AuthenticatorMark mark = {.kind = MARK_BLOB};
        _cleanup_(change_donep) Change change = {0};

        CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
        CHECK_EQ(f->a->ops.put(f->a->userdata, &change.state->blob_number, &mark, 1, "blobs", 5), 0);
        CHECK_EQ(change_commit(&change), CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_BLOB, NULL), 1);
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_BLOB, NULL), 0);
        CHECK_EQ(state_of(f)->blob_number, 0);
}

TEST(reset_that_fails_changes_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        unsigned at = 0;
        int status;

        do {
                CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 3);
                CHECK(state_of(f)->pin_set);
                f->fail_at = ++at;
                status = send(f, RESET, NULL);
        } while (status != CTAP_OK && at < 100);
        CHECK(at > 3 && at < 100);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
}

TEST(locked_storage_is_opened_for_a_reset_in_time)
{
        _cleanup_(fixture_freep) Fixture *f = used();

        authenticator_forget(f->a);
        f->locked = true;
        f->storage_answer = AUTHENTICATOR_NO;
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_OPERATION_DENIED);
        f->storage_answer = AUTHENTICATOR_NOBODY;
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_NOT_ALLOWED);
        f->n_asked = 0;
        f->storage_answer = AUTHENTICATOR_YES;
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK_EQ(f->n_asked, 2); /* storage, presence */
        authenticator_forget(f->a);
        f->locked = true;
        f->n_asked = 0;
        f->now += RESET_WINDOW;
        CHECK_EQ(send(f, RESET, NULL), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(f->n_asked, 0);
}

/* What can't be read is no reason to keep it. */
TEST(damaged_state_can_be_reset)
{
        _cleanup_(fixture_freep) Fixture *f = used();
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;
        uint64_t number = state_of(f)->number;
        bool pin = true;
        size_t size;

        fixture_record(f, number, &size)[0] ^= 0xff;
        authenticator_forget(f->a);
        CHECK_EQ(send(f, GET_ASSERTION, client_assert_request(RP)), CTAP2_ERR_INTEGRITY_FAILURE);
        f->fail_at = 5;
        CHECK(send(f, RESET, NULL) != CTAP_OK);
        f->fail_at = 0;
        CHECK(!f->a->state); /* nothing stands in for it */
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 0);
        authenticator_forget(f->a);
        f->locked = true; /* the note is new, too */
        CHECK_EQ(client_send(f, GET_INFO, NULL, &info), CTAP_OK);
        CHECK_EQ(value_bool(map_get_text(map_get(info, 4), "clientPin"), &pin), CTAP_OK);
        CHECK(!pin);
}

/* ---- selection ---- */

TEST(selection_asks_for_presence)
{
        static const struct {
                AuthenticatorAnswer answer;
                int status;
        } cases[] = {
                {AUTHENTICATOR_YES, CTAP_OK},
                {AUTHENTICATOR_NO, CTAP2_ERR_OPERATION_DENIED},
                {AUTHENTICATOR_TIMED_OUT, CTAP2_ERR_USER_ACTION_TIMEOUT},
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        f->locked = true; /* is no reason to open it */
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                f->answer = cases[i].answer;
                CHECK_EQ(send(f, SELECTION, NULL), cases[i].status);
                CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_PRESENCE);
                CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_SELECT);
        }
        CHECK_EQ(f->n_asked, 3);
}

TEST(selection_can_be_cancelled)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        static const uint8_t request = SELECTION;
        AuthenticatorReply reply;

        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, &request, 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_cancel(f->host, 1, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(f->n_withdrawn, 1);
}

TEST_MAIN
