/* Records: what is stored is read back, damage is noticed, and credentials, counts and state change together or not at all. */
#include <errno.h>

#include "tests/unit/credential-tools.h"

/* ---- samples ---- */

static void fill(uint8_t *ret, size_t size, uint8_t first)
{
        for (size_t i = 0; i < size; i++)
                ret[i] = (uint8_t)(first + i);
}

/* Everything as large as it may be. */
static void enlarge(Credential *c)
{
        fill(c->public.id, AUTHENTICATOR_ID_MAX, 1);
        c->public.id_size = AUTHENTICATOR_ID_MAX;
        memset(c->public.rp_id, 'r', AUTHENTICATOR_RP_ID_MAX);
        memset(c->public.rp_name, 'n', AUTHENTICATOR_NAME_MAX);
        fill(c->public.user_id, AUTHENTICATOR_USER_ID_MAX, 9);
        c->public.user_id_size = AUTHENTICATOR_USER_ID_MAX;
        memset(c->public.user_name, 'u', AUTHENTICATOR_NAME_MAX);
        memset(c->public.user_display_name, 'd', AUTHENTICATOR_NAME_MAX);
        c->public.protection = 3;
        c->public.discoverable = c->public.u2f = c->public.backup_eligible = true;
        c->public.created = UINT64_MAX;
        fill(c->hmac_uv, sizeof(c->hmac_uv), 3);
        fill(c->hmac_no_uv, sizeof(c->hmac_no_uv), 4);
        c->hmac = c->has_large_blob_key = c->has_blob = c->third_party_payment = c->counts = true;
        fill(c->large_blob_key, sizeof(c->large_blob_key), 5);
        fill(c->blob, sizeof(c->blob), 6);
        c->blob_size = sizeof(c->blob);
        c->reserved = UINT32_MAX;
}

static State sample_state(void)
{
        State state = {
                .pin_set = true,
                .pin_length = 6,
                .pin_retries = 7,
                .uv_retries = 3,
                .always_uv = true,
                .long_touch = true,
                .min_pin_length = 5,
                .n_min_pin_rps = 2,
                .has_persistent_token = true,
                .n_discoverable = 10,
                .n_credentials = 12,
                .uv_since_pin = 44,
                .blob_number = UINT64_C(0x0102030405060708),
        };

        policy_default(&state.policy);
        fill(state.pin_hash, sizeof(state.pin_hash), 1);
        fill(state.min_pin_rps[0], 32, 2);
        fill(state.min_pin_rps[1], 32, 3);
        fill(state.persistent_token, 32, 4);
        fill(state.device_id, 16, 5);
        fill(state.store_id, 16, 6);
        return state;
}

/* ---- encodings ---- */

static void round_trip(const Credential *c)
{
        _cleanup_(credential_freep) Credential *read = credential_new();
        uint8_t record[CREDENTIAL_RECORD_MAX];
        size_t size;

        CHECK(read);
        memset(read, 0x55, sizeof(*read)); /* nothing of what was there may stay */
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), 0);
        CHECK(memcmp(read, c, sizeof(*c)) == 0);
        for (size_t cut = 0; cut < size; cut++)
                CHECK_EQ(credential_decode(record, cut, read), AUTHENTICATOR_E_DAMAGED);
        record[size] = 0;
        CHECK_EQ(credential_decode(record, size + 1, read), AUTHENTICATOR_E_DAMAGED);
}

TEST(a_credential_is_read_back)
{
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true);

        round_trip(c);
        enlarge(c);
        round_trip(c);
        /* by U2F: a hash is all that is known of the RP, and there is no user */
        memset(c, 0, sizeof(*c));
        c->public.id_size = c->public.protection = 1;
        c->public.u2f = true;
        c->public.algorithm = COSE_ES256;
        c->key.kind = SIGN_P256;
        round_trip(c);
}

TEST(a_credential_of_each_algorithm_is_read_back)
{
        static const int32_t algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_ES384, COSE_ESP256, COSE_ED25519, COSE_ESP384};

        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++) {
                _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, false);

                c->public.algorithm = algorithms[i];
                explicit_bzero(&c->key, sizeof(c->key));
                CHECK_EQ(sign_generate(algorithm_find(algorithms[i])->kind, &c->key), 0);
                round_trip(c);
        }
}

/* Whatever is accepted has one encoding, so nothing in a record is without meaning. */
TEST(a_changed_credential_is_damaged_or_another)
{
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true), *read = credential_new();
        uint8_t record[CREDENTIAL_RECORD_MAX], again[CREDENTIAL_RECORD_MAX];
        size_t size, again_size;
        unsigned n_damaged = 0, n_accepted = 0;

        CHECK(read);
        enlarge(c);
        CHECK_EQ(credential_encode(c, record, &size), 0);
        for (size_t at = 0; at < size; at++)
                for (unsigned flip = 1; flip <= 0xff; flip += flip < 16 ? 1 : 30) {
                        record[at] ^= (uint8_t)flip;
                        if (credential_decode(record, size, read) != 0) {
                                n_damaged++;
                        } else {
                                n_accepted++;
                                CHECK(read->public.id_size <= AUTHENTICATOR_ID_MAX);
                                CHECK(read->blob_size <= CRED_BLOB_MAX);
                                CHECK_EQ(credential_encode(read, again, &again_size), 0);
                                CHECK(again_size == size && memcmp(again, record, size) == 0);
                        }
                        record[at] ^= (uint8_t)flip;
                }
        CHECK(n_damaged > 1000 && n_accepted > 1000);
}

TEST(a_credential_beyond_limits_is_damaged)
{
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true), *read = credential_new();
        uint8_t record[CREDENTIAL_RECORD_MAX];
        size_t size;

        CHECK(read);
        c->public.protection = 0;
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
        c->public.protection = 4;
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
        c->public.protection = 1;
        c->public.id_size = 0;
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
        c->public.id_size = 1;
        c->public.algorithm = -257;
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
        c->public.algorithm = COSE_ES256;
        strcpy(c->public.user_name, "\xff");
        CHECK_EQ(credential_encode(c, record, &size), 0);
        CHECK_EQ(credential_decode(record, size, read), AUTHENTICATOR_E_DAMAGED);
        for (size_t i = 0; i < sizeof(*read); i++) /* no half of it is left */
                CHECK_EQ(((const uint8_t *)read)[i], 0);
}

TEST(a_state_is_read_back)
{
        State state = sample_state(), read;
        uint8_t record[STATE_RECORD_MAX], again[STATE_RECORD_MAX];
        size_t size, again_size;

        memset(&read, 0x55, sizeof(read));
        CHECK_EQ(state_encode(&state, record, &size), 0);
        CHECK_EQ(state_decode(record, size, &read), 0);
        CHECK(read.pin_set && read.always_uv && read.long_touch && read.has_persistent_token);
        CHECK(!read.force_pin_change && !read.enterprise && !read.pin_complexity);
        CHECK(read.pin_length == 6 && read.pin_retries == 7 && read.uv_retries == 3 && read.min_pin_length == 5);
        CHECK(read.n_min_pin_rps == 2 && memcmp(read.min_pin_rps, state.min_pin_rps, sizeof(state.min_pin_rps)) == 0);
        CHECK(memcmp(read.pin_hash, state.pin_hash, 16) == 0 && memcmp(read.device_id, state.device_id, 16) == 0);
        CHECK(memcmp(read.persistent_token, state.persistent_token, 32) == 0);
        CHECK(memcmp(read.store_id, state.store_id, 16) == 0);
        CHECK(read.n_discoverable == 10 && read.n_credentials == 12 && read.uv_since_pin == 44);
        CHECK(read.blob_number == state.blob_number && read.number == 0);

        for (size_t cut = 0; cut < size; cut++)
                CHECK_EQ(state_decode(record, cut, &read), AUTHENTICATOR_E_DAMAGED);
        record[size] = 0;
        CHECK_EQ(state_decode(record, size + 1, &read), AUTHENTICATOR_E_DAMAGED);
        for (size_t at = 0; at < size; at++)
                for (unsigned flip = 1; flip <= 0xff; flip++) {
                        record[at] ^= (uint8_t)flip;
                        if (state_decode(record, size, &read) == 0) {
                                CHECK(read.n_min_pin_rps <= MIN_PIN_RP_IDS_MAX && read.pin_retries <= PIN_RETRIES_MAX);
                                CHECK(read.min_pin_length >= PIN_MIN_DEFAULT);
                                CHECK_EQ(state_encode(&read, again, &again_size), 0);
                                CHECK(again_size == size && memcmp(again, record, size) == 0);
                        }
                        record[at] ^= (uint8_t)flip;
                }
}

static State sample_with_policy(void)
{
        State state = sample_state();

        state.policy = (Policy){.external_keys = true,
                                .attestation = AUTHENTICATOR_ATTEST_NONE,
                                .algorithms = {COSE_ESP384, COSE_ES256},
                                .n_algorithms = 2};
        return state;
}

/* Whatever is accepted has one encoding, and factory settings have the one of old. */
TEST(a_policy_is_read_back_from_record_and_note)
{
        State state = sample_with_policy(), read;
        uint8_t record[STATE_RECORD_MAX], note[STATE_NOTE_MAX], again[STATE_RECORD_MAX];
        size_t size, note_size, again_size;

        CHECK_EQ(state_encode(&state, record, &size), 0);
        CHECK_EQ(state_note_encode(&state, note, &note_size), 0);
        CHECK(record[0] == 2 && note[0] == 2);
        CHECK_EQ(state_decode(record, size, &read), 0);
        CHECK(memcmp(&read.policy, &state.policy, sizeof(read.policy)) == 0);
        CHECK_EQ(state_note_decode(note, note_size, &read), 0);
        CHECK(memcmp(&read.policy, &state.policy, sizeof(read.policy)) == 0);
        for (size_t cut = 0; cut < note_size; cut++)
                CHECK_EQ(state_note_decode(note, cut, &read), AUTHENTICATOR_E_DAMAGED);
        for (size_t at = size - 20; at < size; at++)
                for (unsigned flip = 1; flip <= 0xff; flip++) {
                        record[at] ^= (uint8_t)flip;
                        if (state_decode(record, size, &read) == 0) {
                                CHECK_EQ(state_encode(&read, again, &again_size), 0);
                                CHECK(again_size == size && memcmp(again, record, size) == 0);
                        }
                        record[at] ^= (uint8_t)flip;
                }
        policy_default(&state.policy);
        CHECK_EQ(state_encode(&state, record, &size), 0);
        CHECK_EQ(record[0], 1);
        record[0] = 2;
        CHECK_EQ(state_decode(record, size, &read), AUTHENTICATOR_E_DAMAGED);
}

TEST(a_policy_beyond_limits_is_damaged)
{
        static const Policy bad[] = {
                {.n_algorithms = 0},
                {.algorithms = {COSE_ES256, -257}, .n_algorithms = 2},
                {.algorithms = {COSE_ES384}, .n_algorithms = 1, .attestation = 3},
                {.algorithms = {COSE_ES256, COSE_EDDSA, COSE_ES384}, .n_algorithms = 3, .attestation = 7},
        };
        uint8_t record[STATE_RECORD_MAX];
        size_t size;
        State read;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                State state = sample_state();

                state.policy = bad[i];
                CHECK_EQ(state_encode(&state, record, &size), 0);
                CHECK_EQ(state_decode(record, size, &read), AUTHENTICATOR_E_DAMAGED);
        }
}

TEST(each_setting_is_a_setting_of_its_own)
{
        for (unsigned i = 0; i < 6; i++) {
                State state = sample_state(), read, noted;
                uint8_t record[STATE_RECORD_MAX], note[STATE_NOTE_MAX];
                size_t size;

                state.pin_set = i == 0;
                state.force_pin_change = i == 1;
                state.always_uv = i == 2;
                state.enterprise = i == 3;
                state.long_touch = i == 4;
                state.pin_complexity = i == 5;
                CHECK_EQ(state_encode(&state, record, &size), 0);
                CHECK_EQ(state_decode(record, size, &read), 0);
                CHECK_EQ(state_note_encode(&state, note, &size), 0);
                CHECK_EQ(state_note_decode(note, size, &noted), 0);
                CHECK(read.pin_set == (i == 0) && noted.pin_set == (i == 0));
                CHECK(read.force_pin_change == (i == 1) && noted.force_pin_change == (i == 1));
                CHECK(read.always_uv == (i == 2) && noted.always_uv == (i == 2));
                CHECK(read.enterprise == (i == 3) && noted.enterprise == (i == 3));
                CHECK(read.long_touch == (i == 4) && noted.long_touch == (i == 4));
                CHECK(read.pin_complexity == (i == 5) && noted.pin_complexity == (i == 5));
        }
}

TEST(a_note_says_what_get_info_says_and_no_more)
{
        State state = sample_state(), other = state, read;
        uint8_t note[STATE_NOTE_MAX + 1], other_note[STATE_NOTE_MAX];
        size_t size, other_size;

        CHECK_EQ(state_note_encode(&state, note, &size), 0);
        CHECK_EQ(state_note_decode(note, size, &read), 0);
        CHECK(read.pin_set && read.always_uv && read.long_touch && read.min_pin_length == 5);
        CHECK(read.n_discoverable == 10 && read.n_credentials == 12 && read.uv_since_pin == 44);
        CHECK(read.pin_retries == UINT8_MAX && read.number == 0 && !read.has_persistent_token);

        memset(other.pin_hash, 0xff, sizeof(other.pin_hash));
        memset(other.persistent_token, 0xff, sizeof(other.persistent_token));
        memset(other.device_id, 0xff, sizeof(other.device_id));
        memset(other.store_id, 0xff, sizeof(other.store_id));
        memset(other.min_pin_rps, 0xff, sizeof(other.min_pin_rps));
        other.pin_retries = other.uv_retries = 1;
        other.pin_length = 60;
        other.has_persistent_token = false;
        CHECK_EQ(state_note_encode(&other, other_note, &other_size), 0);
        CHECK(other_size == size && memcmp(note, other_note, size) == 0);

        for (size_t cut = 0; cut < size; cut++)
                CHECK_EQ(state_note_decode(note, cut, &read), AUTHENTICATOR_E_DAMAGED);
        CHECK_EQ(state_note_decode(note, size + 1, &read), AUTHENTICATOR_E_DAMAGED);
        note[0]++;
        CHECK_EQ(state_note_decode(note, size, &read), AUTHENTICATOR_E_DAMAGED);
}

/* ---- storage ---- */

static int take_away(Fixture *f, const Credential *c, bool keep)
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(f->a, &change);
        if (r == CTAP_OK)
                r = change_remove_credential(&change, c, keep);
        return r == CTAP_OK ? change_commit(&change) : r;
}

/* The counts are what is there, in memory and after a restart. */
static void counts_are(Fixture *f, unsigned n_credentials, unsigned n_discoverable)
{
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        CHECK_EQ(f->a->state->n_credentials, n_credentials);
        CHECK_EQ(f->a->state->n_discoverable, n_discoverable);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), n_credentials);
        CHECK_EQ(fixture_count(f, MARK_DISCOVERABLE, NULL), n_discoverable);
        CHECK(fixture_count(f, MARK_STATE, NULL) <= 1);
}

TEST(storage_results_are_statuses)
{
        CHECK_EQ(record_status(0), CTAP_OK);
        CHECK_EQ(record_status(AUTHENTICATOR_E_NOT_FOUND), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(record_status(AUTHENTICATOR_E_LOCKED), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(record_status(AUTHENTICATOR_E_FULL), CTAP2_ERR_KEY_STORE_FULL);
        CHECK_EQ(record_status(AUTHENTICATOR_E_DAMAGED), CTAP2_ERR_INVALID_CREDENTIAL);
        CHECK_EQ(record_status(-ENOMEM), -ENOMEM);
        CHECK_EQ(record_status(99), -EIO);
}

TEST(credentials_are_found_by_their_marks)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *a = sample(1, 1, 1, true), *b = sample(2, 1, 2, false),
                                               *c = sample(3, 2, 1, true), *read = credential_new();
        uint8_t account[32];
        uint64_t numbers[4], number;
        size_t n;

        CHECK(read);
        CHECK_EQ(store(f, a), CTAP_OK);
        CHECK_EQ(store(f, b), CTAP_OK);
        CHECK_EQ(store(f, c), CTAP_OK);
        CHECK(a->public.number > 0 && b->public.number > a->public.number && c->public.number > b->public.number);
        counts_are(f, 3, 2);

        CHECK_EQ(record_find(f->a, MARK_CREDENTIAL, NULL, UINT64_MAX, numbers, 4, &n), CTAP_OK);
        CHECK(n == 3 && numbers[0] == c->public.number && numbers[2] == a->public.number);
        CHECK_EQ(record_find(f->a, MARK_RP, a->public.rp_id_hash, UINT64_MAX, numbers, 4, &n), CTAP_OK);
        CHECK(n == 2 && numbers[0] == b->public.number && numbers[1] == a->public.number);
        CHECK_EQ(record_find(f->a, MARK_RP_DISCOVERABLE, a->public.rp_id_hash, UINT64_MAX, numbers, 4, &n), CTAP_OK);
        CHECK(n == 1 && numbers[0] == a->public.number);
        CHECK_EQ(record_find(f->a, MARK_DISCOVERABLE, NULL, c->public.number, numbers, 4, &n), CTAP_OK);
        CHECK(n == 1 && numbers[0] == a->public.number);
        sha256_two(c->public.rp_id_hash, 32, c->public.user_id, c->public.user_id_size, account);
        CHECK_EQ(record_find(f->a, MARK_ACCOUNT, account, UINT64_MAX, numbers, 4, &n), CTAP_OK);
        CHECK(n == 1 && numbers[0] == c->public.number);
        sha256_two(b->public.rp_id_hash, 32, b->public.user_id, b->public.user_id_size, account);
        CHECK_EQ(fixture_count(f, MARK_ACCOUNT, account), 0); /* not discoverable */

        CHECK_EQ(record_has_id(f->a, b->public.id, b->public.id_size, &number), CTAP_OK);
        CHECK(number == b->public.number);
        CHECK_EQ(record_has_id(f->a, b->public.id, b->public.id_size - 1, &number), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(record_credential_by_id(f->a, b->public.id, b->public.id_size, b->public.rp_id_hash, read), CTAP_OK);
        CHECK(memcmp(read, b, sizeof(*b)) == 0);
        CHECK_EQ(record_credential_by_id(f->a, b->public.id, b->public.id_size, NULL, read), CTAP_OK);
        CHECK_EQ(record_credential_by_id(f->a, b->public.id, b->public.id_size, c->public.rp_id_hash, read),
                 CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(read->key.private_key[0] | read->public.id_size, 0); /* another RP's is not left behind */
        CHECK_EQ(record_credential(f->a, 99, read), CTAP2_ERR_NO_CREDENTIALS);
}

TEST(a_stored_credential_is_replaced)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true), *read = credential_new();
        uint64_t number;
        uint8_t id[16];

        CHECK(read);
        CHECK_EQ(store(f, c), CTAP_OK);
        number = c->public.number;
        memcpy(id, f->a->state->store_id, sizeof(id));
        strcpy(c->public.user_name, "renamed");
        CHECK_EQ(store(f, c), CTAP_OK);
        CHECK(c->public.number == number && memcmp(id, f->a->state->store_id, sizeof(id)) != 0);
        counts_are(f, 1, 1);
        fixture_restart(f);
        CHECK_EQ(record_credential_by_id(f->a, c->public.id, c->public.id_size, NULL, read), CTAP_OK);
        CHECK(strcmp(read->public.user_name, "renamed") == 0 && read->public.number == number);
        counts_are(f, 1, 1);
}

TEST(removed_credentials_come_back)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *a = sample(1, 1, 1, true), *b = sample(2, 1, 2, false),
                                               *read = credential_new();

        CHECK(read);
        CHECK_EQ(store(f, a), CTAP_OK);
        CHECK_EQ(store(f, b), CTAP_OK);
        CHECK_EQ(take_away(f, a, /* keep= */ true), CTAP_OK);
        CHECK_EQ(take_away(f, b, /* keep= */ false), CTAP_OK);
        CHECK_EQ(take_away(f, a, /* keep= */ true), CTAP2_ERR_NO_CREDENTIALS);
        counts_are(f, 0, 0);
        fixture_restart(f);
        counts_are(f, 0, 0);
        {
                _cleanup_(change_donep) Change change = {0};

                CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
                CHECK_EQ(change_restore_credential(&change, b->public.number, read), CTAP2_ERR_NO_CREDENTIALS);
                CHECK_EQ(change_restore_credential(&change, a->public.number, read), CTAP_OK);
                CHECK_EQ(change_commit(&change), CTAP_OK);
        }
        CHECK(memcmp(read, a, sizeof(*a)) == 0);
        counts_are(f, 1, 1);
}

static void three_at_most(Fixture *f)
{
        f->config.credentials_max = 3;
}

TEST(a_full_store_is_told)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(three_at_most);
        _cleanup_(credential_freep) Credential *read = credential_new();

        uint64_t removed = 0;

        CHECK(read);
        for (unsigned i = 1; i <= 3; i++) {
                _cleanup_(credential_freep) Credential *c = sample(i, 1, i, /* discoverable= */ i % 2);

                CHECK_EQ(store(f, c), CTAP_OK);
                if (i == 2) {
                        removed = c->public.number;
                        CHECK_EQ(take_away(f, c, /* keep= */ true), CTAP_OK);
                }
        }
        for (unsigned i = 4; i <= 5; i++) {
                _cleanup_(credential_freep) Credential *c = sample(i, 1, i, true);

                CHECK_EQ(store(f, c), i == 4 ? CTAP_OK : CTAP2_ERR_KEY_STORE_FULL);
        }
        counts_are(f, 3, 3);
        {
                _cleanup_(change_donep) Change change = {0};

                CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
                CHECK_EQ(change_restore_credential(&change, removed, read), CTAP2_ERR_KEY_STORE_FULL);
        }
        counts_are(f, 3, 3);
}

TEST(what_is_not_committed_never_was)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true);
        State before;

        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        before = *f->a->state;
        {
                _cleanup_(change_donep) Change change = {0};

                CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
                change.state->always_uv = true;
                CHECK_EQ(change_put_credential(&change, c), CTAP_OK);
        }
        CHECK(memcmp(&before, f->a->state, sizeof(before)) == 0);
        counts_are(f, 0, 0);
        CHECK_EQ(fixture_count(f, MARK_STATE, NULL), 0);
}

/* Each call of storage, or of the generator, fails once: all of it is undone, and the next try succeeds. */
static unsigned fail_each(bool random)
{
        for (unsigned at = 1;; at++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                _cleanup_(credential_freep) Credential *a = sample(1, 1, 1, true), *b = sample(2, 1, 2, true);
                int r;

                CHECK_EQ(store(f, a), CTAP_OK);
                *(random ? &f->fail_random_at : &f->fail_at) = at;
                r = store(f, b);
                if (r == CTAP_OK)
                        return at - 1;
                CHECK_EQ(r, -EIO);
                counts_are(f, 1, 1);
                b->public.number = 0;
                CHECK_EQ(store(f, b), CTAP_OK);
                counts_are(f, 2, 2);
        }
}

TEST(a_change_is_whole_or_nothing)
{
        CHECK_EQ(fail_each(/* random= */ false), 5); /* begin, the credential, the state, the note, commit */
        CHECK_EQ(fail_each(/* random= */ true), 1);  /* the new store_id */
}

TEST(a_change_of_nothing_writes_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true);
        unsigned writes;

        CHECK_EQ(store(f, c), CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_STATE, NULL), 1);
        writes = f->n_writes;
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(change_donep) Change change = {0};

                CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
                change.state->force_pin_change = i == 1;
                CHECK_EQ(change_commit(&change), CTAP_OK);
                CHECK_EQ(f->n_writes - writes, i);
        }
        fixture_restart(f);
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        CHECK(f->a->state->force_pin_change);
        CHECK_EQ(fixture_count(f, MARK_STATE, NULL), 1);
}

TEST(a_locked_storage_is_pending)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true), *read = credential_new();
        uint64_t number;

        CHECK(read);
        CHECK_EQ(store(f, c), CTAP_OK);
        f->locked = true;
        CHECK_EQ(record_credential(f->a, c->public.number, read), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(record_has_id(f->a, c->public.id, c->public.id_size, &number), CTAP2_ERR_OPERATION_PENDING);
        CHECK_EQ(store(f, c), CTAP2_ERR_OPERATION_PENDING);
        authenticator_forget(f->a);
        CHECK_EQ(store(f, c), CTAP2_ERR_OPERATION_PENDING);
        f->locked = false;
        CHECK_EQ(store(f, c), CTAP_OK);
}

TEST(damage_is_told)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true), *read = credential_new();
        size_t size;

        CHECK(read);
        CHECK_EQ(store(f, c), CTAP_OK);
        fixture_record(f, c->public.number, &size)[0] ^= 0xff;
        CHECK_EQ(record_credential_by_id(f->a, c->public.id, c->public.id_size, NULL, read),
                 CTAP2_ERR_INVALID_CREDENTIAL);
        /* a damaged state is not taken for none */
        fixture_record(f, f->a->state->number, &size)[0] ^= 0xff;
        fixture_restart(f);
        CHECK_EQ(authenticator_load(f->a), CTAP2_ERR_INTEGRITY_FAILURE);
}

TEST_MAIN
