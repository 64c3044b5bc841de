/* The owner's own tools: status, PINs, reset, and credentials that are listed, renamed, deleted and restored. */
#include <errno.h>

#include "tests/unit/credman-tools.h"

/* Numbers of what there is, newest first; how many. */
static size_t list(Fixture *f, AuthenticatorCredential *ret, size_t max)
{
        uint64_t before = UINT64_MAX;
        size_t n = 0;
        int r;

        while ((r = authenticator_credential_next(f->a, &before, ret + n)) == CTAP_OK) {
                CHECK_EQ(ret[n].number, before);
                n++;
                CHECK(n < max);
        }
        CHECK_EQ(r, CTAP2_ERR_NO_CREDENTIALS);
        return n;
}

static uint64_t number_of(Fixture *f, const Id *id)
{
        AuthenticatorCredential credential;

        CHECK_EQ(authenticator_credential_find(f->a, id->data, id->size, &credential), CTAP_OK);
        return credential.number;
}

static bool there(Fixture *f, const Id *id)
{
        AuthenticatorCredential credential;
        int r = authenticator_credential_find(f->a, id->data, id->size, &credential);

        CHECK(r == CTAP_OK || r == CTAP2_ERR_NO_CREDENTIALS);
        return r == CTAP_OK;
}

static void check_counts(Fixture *f)
{
        CHECK_EQ(f->a->state->n_credentials, fixture_count(f, MARK_CREDENTIAL, NULL));
        CHECK_EQ(f->a->state->n_discoverable, fixture_count(f, MARK_DISCOVERABLE, NULL));
}

/* ---- status ---- */

TEST(status_of_a_new_authenticator_is_factory_settings)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(small_store);
        AuthenticatorStatus status;

        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK(status.known && !status.pin_set && !status.pin_soft_blocked && !status.force_pin_change && !status.always_uv);
        CHECK(!status.enterprise && !status.long_touch_for_reset && !status.pin_complexity);
        CHECK_EQ(status.pin_retries, PIN_RETRIES_MAX);
        CHECK_EQ(status.min_pin_length, PIN_MIN_DEFAULT);
        CHECK_EQ(status.discoverable, 0);
        CHECK_EQ(status.discoverable_left, 10);
        CHECK_EQ(status.reset_window_ms, 0);
}

TEST(status_while_locked_comes_from_the_note)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(small_store);
        AuthenticatorStatus status;

        f->locked = true;
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK(!status.known); /* nothing was noted yet */
        CHECK_EQ(status.min_pin_length, PIN_MIN_DEFAULT);
        CHECK_EQ(status.pin_retries, UINT8_MAX);
        f->locked = false;
        make(f, "a.example", "alice");
        make_with(f, "a.example", "bob", /* rk= */ false);
        CHECK_EQ(authenticator_pin_set(f->a, PIN, 4), CTAP_OK);
        f->locked = true;
        fixture_restart(f);
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK(status.known && status.pin_set);
        CHECK_EQ(status.pin_retries, UINT8_MAX);
        CHECK_EQ(status.discoverable, 1);
        CHECK_EQ(status.discoverable_left, 8);
        CHECK_EQ(f->n_asked, 2); /* for the registrations: status asks nobody */
        f->locked = false;
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK_EQ(status.pin_retries, PIN_RETRIES_MAX);
}

TEST(status_tells_how_long_a_reset_is_allowed)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorStatus status;

        authenticator_power_cycle(f->a);
        f->now += 1000;
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK_EQ(status.reset_window_ms, RESET_WINDOW - 1000);
        f->now += RESET_WINDOW;
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK_EQ(status.reset_window_ms, 0);
}

TEST(status_passes_storage_failures_on)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorStatus status;

        f->fail_at = 1;
        CHECK_EQ(authenticator_status(f->a, &status), -EIO);
        f->locked = true;
        f->fail_at = 1;
        CHECK_EQ(authenticator_status(f->a, &status), -EIO); /* of the note */
}

/* ---- while storage is locked ---- */

TEST(everything_but_status_says_that_storage_is_locked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        uint64_t before = UINT64_MAX;

        f->locked = true;
        CHECK_EQ(authenticator_pin_set(f->a, PIN, 4), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, PIN, 4), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_pin_replace(f->a, PIN, 4), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_reset(f->a), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_credential_next(f->a, &before, &credential), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_credential_find(f->a, "x", 1, &credential), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_credential_rename(f->a, 1, "x", NULL), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_credential_delete(f->a, 1), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(authenticator_credential_restore(f->a, 1), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(before, UINT64_MAX);
        CHECK_EQ(f->n_asked, 0);
}

/* ---- the PIN ---- */

TEST(the_first_pin_follows_the_policy_and_is_the_only_first_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(authenticator_pin_set(f->a, "123", 3), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(authenticator_pin_set(f->a, "\xff\xff\xff\xff", 4), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK(!f->a->state->pin_set);
        CHECK_EQ(authenticator_pin_set(f->a, PIN, 4), CTAP_OK);
        CHECK_EQ(authenticator_pin_set(f->a, "5555", 4), CTAP2_ERR_NOT_ALLOWED);
        (void)get_token(f, 2, PERMISSION_CM, NULL); /* by the protocol it is the same PIN */
}

TEST(changing_the_pin_counts_tries_as_the_protocol_does)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorStatus status;

        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, "5555", 4), CTAP2_ERR_PIN_NOT_SET);
        CHECK_EQ(authenticator_pin_set(f->a, PIN, 4), CTAP_OK);
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, "123", 3), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(authenticator_pin_change(f->a, "0000", 4, "5555", 4), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(authenticator_pin_change(f->a, "0000", 4, "5555", 4), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(authenticator_pin_change(f->a, "0000", 4, "5555", 4), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, "5555", 4), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK(status.pin_soft_blocked);
        CHECK_EQ(status.pin_retries, PIN_RETRIES_MAX - 3);
        authenticator_power_cycle(f->a);
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, "5555", 4), CTAP_OK);
        CHECK_EQ(authenticator_status(f->a, &status), CTAP_OK);
        CHECK_EQ(status.pin_retries, PIN_RETRIES_MAX);
        CHECK_EQ(authenticator_pin_change(f->a, "5555", 4, PIN, 4), CTAP_OK);
}

TEST(a_pin_that_must_change_must_not_stay_the_same)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(change_donep) Change change = {0};

        CHECK_EQ(authenticator_pin_set(f->a, PIN, 4), CTAP_OK);
        CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
        change.state->force_pin_change = true;
        CHECK_EQ(change_commit(&change), CTAP_OK);
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, PIN, 4), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK(f->a->state->force_pin_change);
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, "5555", 4), CTAP_OK);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(authenticator_pin_change(f->a, "5555", 4, "5555", 4), CTAP_OK);
}

TEST(a_blocked_pin_can_be_replaced_and_that_ends_tokens)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token, persistent;

        make(f, "a.example", "alice");
        set_pin(f, PERMISSION_CM);
        persistent = get_token(f, 2, PERMISSION_PCMR, NULL);
        token = get_token(f, 2, PERMISSION_CM, NULL);
        for (unsigned i = 0; i < PIN_RETRIES_MAX; i++) {
                (void)authenticator_pin_change(f->a, "0000", 4, "5555", 4);
                if (i % PIN_SOFT_TRIES == PIN_SOFT_TRIES - 1)
                        authenticator_power_cycle(f->a);
        }
        CHECK_EQ(authenticator_pin_change(f->a, PIN, 4, "5555", 4), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(authenticator_pin_replace(f->a, "12", 2), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(authenticator_pin_replace(f->a, PIN, 4), CTAP_OK);
        CHECK_EQ(f->a->state->pin_retries, PIN_RETRIES_MAX);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &persistent, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
        (void)get_token(f, 2, PERMISSION_CM, NULL);
}

/* ---- reset ---- */

TEST(the_owners_reset_asks_nobody_and_credentials_can_be_restored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint64_t number;
        Id id;

        id = make(f, "a.example", "alice");
        number = number_of(f, &id);
        CHECK_EQ(authenticator_pin_set(f->a, PIN, 4), CTAP_OK);
        f->n_asked = 0;
        CHECK_EQ(authenticator_reset(f->a), CTAP_OK); /* no power cycle was before */
        CHECK_EQ(f->n_asked, 0);
        CHECK(!f->a->state->pin_set && !there(f, &id));
        CHECK_EQ(authenticator_credential_restore(f->a, number), CTAP_OK);
        CHECK(there(f, &id));
        check_counts(f);
}

/* ---- credentials ---- */

TEST(credentials_are_listed_newest_first_with_all_they_say)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential all[8];
        uint8_t hash[SHA256_SIZE];
        Id alice, bob;

        CHECK_EQ(list(f, all, 8), 0);
        alice = make(f, "a.example", "alice");
        f->clock += 100;
        bob = make_with(f, "b.example", "bob", /* rk= */ false);
        CHECK_EQ(list(f, all, 8), 2);
        CHECK(all[0].id_size == bob.size && memcmp(all[0].id, bob.data, bob.size) == 0);
        CHECK(all[1].id_size == alice.size && memcmp(all[1].id, alice.data, alice.size) == 0);
        CHECK(!all[0].discoverable && all[1].discoverable && !all[0].u2f && !all[1].u2f);
        CHECK(strcmp(all[1].rp_id, "a.example") == 0 && strcmp(all[1].rp_name, "a.example") == 0);
        CHECK(strcmp(all[1].user_name, "alice") == 0 && strcmp(all[1].user_display_name, "alice") == 0);
        CHECK(all[1].user_id_size == 5 && memcmp(all[1].user_id, "alice", 5) == 0);
        sha256("a.example", 9, hash);
        CHECK(memcmp(all[1].rp_id_hash, hash, sizeof(hash)) == 0);
        CHECK_EQ(all[1].algorithm, COSE_ES256);
        CHECK_EQ(all[1].protection, 1);
        CHECK_EQ(all[0].created, all[1].created + 100);
}

TEST(a_damaged_credential_does_not_hide_the_others)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential all[8];
        size_t size;
        Id id;

        make(f, "a.example", "alice");
        id = make(f, "a.example", "bob");
        make(f, "a.example", "carol");
        fixture_record(f, number_of(f, &id), &size)[0] ^= 0xff;
        CHECK_EQ(list(f, all, 8), 2);
        CHECK(strcmp(all[0].user_name, "carol") == 0 && strcmp(all[1].user_name, "alice") == 0);
        CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, all), CTAP2_ERR_INVALID_CREDENTIAL);
}

TEST(only_credentials_are_found)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        Id id;

        id = make(f, "a.example", "alice");
        CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size - 1, &credential), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(authenticator_credential_find(f->a, "", 0, &credential), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(authenticator_credential_rename(f->a, 999, "x", NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(authenticator_credential_delete(f->a, 999), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(authenticator_credential_restore(f->a, 999), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(authenticator_credential_restore(f->a, number_of(f, &id)), CTAP2_ERR_NO_CREDENTIALS); /* it is there */
        /* The state is a record as well, and none of these. */
        CHECK_EQ(authenticator_credential_rename(f->a, f->a->state->number, "x", NULL), CTAP2_ERR_INVALID_CREDENTIAL);
        CHECK_EQ(authenticator_credential_delete(f->a, f->a->state->number), CTAP2_ERR_INVALID_CREDENTIAL);
        CHECK_EQ(fixture_count(f, MARK_STATE, NULL), 1);
}

TEST(names_that_are_given_change_and_the_others_stay)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        uint8_t store_id[16];
        uint64_t number;
        char name[100];
        Id id;

        id = make(f, "a.example", "alice");
        number = number_of(f, &id);
        memcpy(store_id, f->a->state->store_id, sizeof(store_id));
        CHECK_EQ(authenticator_credential_rename(f->a, number, NULL, "Alice at work"), CTAP_OK);
        CHECK(memcmp(store_id, f->a->state->store_id, sizeof(store_id)) != 0);
        CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, &credential), CTAP_OK);
        CHECK(strcmp(credential.user_name, "alice") == 0 && strcmp(credential.user_display_name, "Alice at work") == 0);
        CHECK_EQ(authenticator_credential_rename(f->a, number, "", NULL), CTAP_OK);
        CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, &credential), CTAP_OK);
        CHECK(strcmp(credential.user_name, "") == 0 && strcmp(credential.user_display_name, "Alice at work") == 0);
        CHECK_EQ(authenticator_credential_rename(f->a, number, "\xff", NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(authenticator_credential_rename(f->a, number, NULL, "a\xc3"), CTAP1_ERR_INVALID_PARAMETER);
        memset(name, 'x', sizeof(name));
        name[99] = 0;
        CHECK_EQ(authenticator_credential_rename(f->a, number, name, NULL), CTAP_OK);
        CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, &credential), CTAP_OK);
        CHECK_EQ(strlen(credential.user_name), AUTHENTICATOR_NAME_MAX);
        check_counts(f);
}

TEST(a_deleted_credential_is_gone_until_it_is_restored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Id id, hidden;
        uint64_t number, hidden_number;

        id = make(f, "a.example", "alice");
        hidden = make_with(f, "a.example", "bob", /* rk= */ false);
        number = number_of(f, &id);
        hidden_number = number_of(f, &hidden);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        CHECK_EQ(authenticator_credential_delete(f->a, hidden_number), CTAP_OK);
        CHECK(!there(f, &id) && !there(f, &hidden));
        check_counts(f);
        CHECK_EQ(f->a->state->n_credentials, 0);
        fixture_restart(f);
        CHECK_EQ(authenticator_credential_restore(f->a, number), CTAP_OK);
        CHECK_EQ(authenticator_credential_restore(f->a, hidden_number), CTAP_OK);
        CHECK(there(f, &id) && there(f, &hidden));
        check_counts(f);
        CHECK_EQ(f->a->state->n_credentials, 2);
        CHECK_EQ(client_send(f, 0x02, client_assert_request("a.example"), NULL), CTAP_OK);
}

TEST(restoring_gives_the_store_a_new_state_id)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t store_id[16];
        uint64_t number;
        Id id;

        id = make(f, "a.example", "alice");
        number = number_of(f, &id);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        memcpy(store_id, f->a->state->store_id, sizeof(store_id));
        CHECK_EQ(authenticator_credential_restore(f->a, number), CTAP_OK);
        CHECK(memcmp(store_id, f->a->state->store_id, sizeof(store_id)) != 0);
}

TEST(restoring_changes_places_with_another_credential_of_the_account)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint64_t old_number, new_number;
        Id old, new, other;

        old = make(f, "a.example", "alice");
        old_number = number_of(f, &old);
        other = make(f, "a.example", "bob");
        CHECK_EQ(authenticator_credential_delete(f->a, old_number), CTAP_OK);
        new = make(f, "a.example", "alice");
        new_number = number_of(f, &new);
        CHECK_EQ(authenticator_credential_restore(f->a, old_number), CTAP_OK);
        CHECK(there(f, &old) && !there(f, &new) && there(f, &other));
        check_counts(f);
        CHECK_EQ(authenticator_credential_restore(f->a, new_number), CTAP_OK); /* and back: the older one goes */
        CHECK(!there(f, &old) && there(f, &new) && there(f, &other));
        check_counts(f);
        CHECK_EQ(f->a->state->n_discoverable, 2);
}

TEST(restoring_needs_room)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(small_store);
        uint64_t number;
        Id id;

        id = make(f, "a.example", "alice");
        number = number_of(f, &id);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        for (char user[2] = "a"; user[0] <= 'j'; user[0]++)
                make(f, "b.example", user);
        CHECK_EQ(authenticator_credential_restore(f->a, number), CTAP2_ERR_KEY_STORE_FULL);
        CHECK(!there(f, &id));
        check_counts(f);
}

TEST(restoring_what_is_damaged_changes_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint64_t number, other_number;
        Id id, other;
        size_t size;

        id = make(f, "a.example", "alice");
        number = number_of(f, &id);
        fixture_record(f, number, &size)[0] ^= 0xff;
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP2_ERR_INVALID_CREDENTIAL);
        fixture_record(f, number, &size)[0] ^= 0xff;
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        other = make(f, "a.example", "alice");
        other_number = number_of(f, &other);
        /* One in the way that is damaged goes all the same. */
        fixture_record(f, other_number, &size)[0] ^= 0xff;
        CHECK_EQ(authenticator_credential_restore(f->a, number), CTAP_OK);
        CHECK(there(f, &id));
        check_counts(f);
        CHECK_EQ(authenticator_credential_restore(f->a, other_number), CTAP2_ERR_INVALID_CREDENTIAL);
        CHECK(there(f, &id));
        check_counts(f);
}

TEST(records_are_told_apart_without_storage)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        size_t size = 0;
        uint8_t *record;
        Id id;

        id = make(f, "a.example", "alice");
        record = fixture_record(f, number_of(f, &id), &size);
        CHECK_EQ(authenticator_credential_decode(record, size, &credential), CTAP_OK);
        CHECK(strcmp(credential.rp_id, "a.example") == 0 && strcmp(credential.user_name, "alice") == 0);
        CHECK_EQ(credential.number, 0);
        CHECK_EQ(authenticator_credential_decode(record, size - 1, &credential), CTAP2_ERR_INVALID_CREDENTIAL);
        record = fixture_record(f, f->a->state->number, &size);
        CHECK_EQ(authenticator_credential_decode(record, size, &credential), CTAP2_ERR_INVALID_CREDENTIAL);
        CHECK_EQ(authenticator_credential_decode("", 0, &credential), CTAP2_ERR_INVALID_CREDENTIAL);
}

/* ---- failures ---- */

typedef struct Case {
        int (*run)(Fixture *f, uint64_t number);
        bool deleted; /* before it */
} Case;

static int run_rename(Fixture *f, uint64_t number)
{
        return authenticator_credential_rename(f->a, number, "renamed", NULL);
}

static int run_delete(Fixture *f, uint64_t number)
{
        return authenticator_credential_delete(f->a, number);
}

static int run_restore(Fixture *f, uint64_t number)
{
        return authenticator_credential_restore(f->a, number);
}

TEST(a_storage_failure_anywhere_leaves_nothing_half_done)
{
        static const Case cases[] = {{run_rename, false}, {run_delete, false}, {run_restore, true}};

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                AuthenticatorCredential before[8], after[8];
                int r = -EIO;
                uint64_t number;
                Id id;

                id = make(f, "a.example", "alice");
                number = number_of(f, &id);
                if (cases[i].deleted) {
                        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
                        make(f, "a.example", "alice"); /* in the way */
                }
                for (unsigned at = 1;; at++) {
                        State state = *f->a->state;
                        size_t n = list(f, before, 8);

                        CHECK(at < 30);
                        f->fail_at = at;
                        r = cases[i].run(f, number);
                        if (r == CTAP_OK)
                                break;
                        f->fail_at = 0;
                        CHECK_EQ(r, -EIO);
                        CHECK(memcmp(&state, f->a->state, sizeof(state)) == 0);
                        CHECK_EQ(list(f, after, 8), n);
                        for (size_t k = 0; k < n; k++)
                                CHECK(memcmp(&before[k], &after[k], sizeof(before[k])) == 0);
                        check_counts(f);
                        fixture_restart(f);
                        CHECK_EQ(list(f, after, 8), n);
                }
                f->fail_at = 0;
                check_counts(f);
        }
}

TEST_MAIN
