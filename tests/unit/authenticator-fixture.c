/*
 * The authenticator's surroundings in memory
 *
 * Everything that an instance asks of its owner is answered as the test says: the time, random bytes, the person, fingers.
 * Storage is in authenticator-fixture-store.c, the client in authenticator-client.c.
 */
#include "tests/unit/authenticator-fixture.h"

#include <errno.h>
#include <string.h>

#include "crypto/seal.h"
#include "tests/unit/authenticator-fixture-keys.h"
#include "tests/unit/authenticator-fixture-store.h"
#include "tests/unit/test.h"

/* ---- time, randomness, the person ---- */

static int op_random(void *userdata, void *ret, size_t size)
{
        Fixture *f = userdata;
        uint8_t *bytes = ret;

        if (fixture_fails(&f->fail_random_at))
                return -EIO;
        if (f->random == 0) {
                random_bytes(ret, size);
                return 0;
        }
        for (size_t i = 0; i < size; i++) { /* SplitMix64 */
                uint64_t z = f->random += UINT64_C(0x9e3779b97f4a7c15);

                z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
                z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
                bytes[i] = (uint8_t)(z ^ (z >> 31));
        }
        return 0;
}

static uint64_t op_now(void *userdata)
{
        Fixture *f = userdata;

        return f->now += f->step;
}

static uint64_t op_clock(void *userdata)
{
        return ((Fixture *)userdata)->clock;
}

static const char *copy_text(char *ret, size_t size, const char *text)
{
        if (!text)
                return NULL;
        CHECK(strlen(text) < size);
        return strcpy(ret, text);
}

static void copy_accounts(Fixture *f, const AuthenticatorQuestion *q)
{
        for (unsigned i = 0; i < q->n_accounts; i++) {
                CHECK(i < AUTHENTICATOR_ACCOUNTS_MAX);
                f->accounts[i].user_name =
                        copy_text(f->account_names[i][0], sizeof(f->account_names[i][0]), q->accounts[i].user_name);
                f->accounts[i].user_display_name = copy_text(f->account_names[i][1], sizeof(f->account_names[i][1]),
                                                             q->accounts[i].user_display_name);
        }
        f->asked.accounts = f->accounts;
}

static int op_ask(void *userdata, AuthenticatorHost *host, const AuthenticatorQuestion *q)
{
        Fixture *f = userdata;

        f->n_asked++;
        f->asked = *q;
        f->asked_channel = authenticator_host_channel(host);
        if (q->accounts)
                copy_accounts(f, q);
        f->asked.rp_id = copy_text(f->rp_id, sizeof(f->rp_id), q->rp_id);
        f->asked.user_name = copy_text(f->user_name, sizeof(f->user_name), q->user_name);
        f->asked.user_display_name =
                copy_text(f->user_display_name, sizeof(f->user_display_name), q->user_display_name);
        if (q->rp_id_hash)
                f->asked.rp_id_hash = memcpy(f->rp_id_hash, q->rp_id_hash, sizeof(f->rp_id_hash));
        if (q->enrollment) {
                CHECK(q->enrollment_size <= sizeof(f->enrollment));
                f->asked.enrollment = memcpy(f->enrollment, q->enrollment, q->enrollment_size);
        }
        switch (q->kind) {
        case AUTHENTICATOR_ASK_STORAGE:
                if (f->storage_answer == AUTHENTICATOR_YES)
                        f->locked = false;
                return f->storage_answer;
        case AUTHENTICATOR_ASK_VERIFICATION:
                return f->verification_answer ? f->verification_answer : f->answer;
        case AUTHENTICATOR_ASK_SAMPLE:
                return f->sample_answer ? f->sample_answer : f->answer;
        default:
                return f->answer;
        }
}

static void op_withdraw(void *userdata, AuthenticatorHost *host)
{
        ((Fixture *)userdata)->n_withdrawn++;
}

static bool op_backed_up(void *userdata, uint64_t created)
{
        return created <= ((Fixture *)userdata)->backed_up_until;
}

static void op_wink(void *userdata, AuthenticatorHost *host)
{
        ((Fixture *)userdata)->n_winks++;
}

/* ---- fingers ---- */

static size_t finger_id(const Fixture *f, size_t i, uint8_t ret[32])
{
        const FixtureFinger *finger = f->fingers + i;

        if (finger->id_size == 0) {
                ret[0] = (uint8_t)(0xf0 + i);
                return 1;
        }
        memcpy(ret, finger->id, finger->id_size);
        return finger->id_size;
}

/* Default ids are those of places: before anything moves or gets a name, they become the fingers' own. */
static void fix_ids(Fixture *f)
{
        for (size_t i = 0; i < f->enrolled; i++)
                if (f->fingers[i].id_size == 0)
                        f->fingers[i].id_size = finger_id(f, i, f->fingers[i].id);
}

static FixtureFinger *find_finger(Fixture *f, const uint8_t *id, size_t id_size)
{
        uint8_t other[32];

        for (size_t i = 0; i < f->enrolled; i++)
                if (finger_id(f, i, other) == id_size && memcmp(other, id, id_size) == 0)
                        return f->fingers + i;
        return NULL;
}

static int finger_state(void *userdata, bool *ret_available, unsigned *ret_enrolled)
{
        Fixture *f = userdata;

        *ret_available = !f->no_sensor;
        *ret_enrolled = f->enrolled;
        return 0;
}

static int finger_sensor(void *userdata, unsigned *ret_kind, unsigned *ret_samples, unsigned *ret_name_max)
{
        *ret_kind = 1;
        *ret_samples = ((Fixture *)userdata)->samples;
        *ret_name_max = FRIENDLY_NAME_MAX;
        return 0;
}

static int finger_get(void *userdata, unsigned i, uint8_t ret_id[32], size_t *ret_id_size, char ret_name[65])
{
        Fixture *f = userdata;

        if (i >= f->enrolled)
                return AUTHENTICATOR_E_NOT_FOUND;
        *ret_id_size = finger_id(f, i, ret_id);
        strcpy(ret_name, f->fingers[i].name);
        return 0;
}

static int finger_begin(void *userdata, AuthenticatorHost *host, uint8_t ret_id[32], size_t *ret_id_size)
{
        Fixture *f = userdata;
        FixtureFinger *finger = &f->enrolling;

        if (f->enrolled >= FIXTURE_FINGERS_MAX)
                return AUTHENTICATOR_E_FULL;
        *finger = (FixtureFinger){.id_size = 16};
        random_bytes(finger->id, finger->id_size);
        memcpy(ret_id, finger->id, finger->id_size);
        *ret_id_size = finger->id_size;
        f->samples_left = f->samples;
        return 0;
}

static int finger_sample(void *userdata, AuthenticatorHost *host, unsigned *ret_status, unsigned *ret_left)
{
        Fixture *f = userdata;

        CHECK(f->samples_left > 0);
        if (f->sample_status == 0 && --f->samples_left == 0)
                f->fingers[f->enrolled++] = f->enrolling;
        *ret_status = f->sample_status;
        *ret_left = f->samples_left;
        return 0;
}

static void finger_cancel(void *userdata, AuthenticatorHost *host)
{
        ((Fixture *)userdata)->n_enrolments_cancelled++;
        ((Fixture *)userdata)->samples_left = 0;
}

static int finger_rename(void *userdata, const uint8_t *id, size_t id_size, const char *name)
{
        FixtureFinger *finger = find_finger(userdata, id, id_size);

        if (!finger)
                return AUTHENTICATOR_E_NOT_FOUND;
        CHECK(strlen(name) < sizeof(finger->name));
        fix_ids(userdata);
        strcpy(finger->name, name);
        return 0;
}

static int finger_remove(void *userdata, const uint8_t *id, size_t id_size)
{
        Fixture *f = userdata;
        FixtureFinger *finger = find_finger(f, id, id_size);

        if (!finger)
                return AUTHENTICATOR_E_NOT_FOUND;
        if (f->slow_removal)
                return AUTHENTICATOR_E_LATER;
        fix_ids(f);
        for (f->enrolled--; finger < f->fingers + f->enrolled; finger++)
                *finger = finger[1];
        *finger = (FixtureFinger){0};
        return 0;
}

static const AuthenticatorFingerprints fingerprints = {
        .state = finger_state,   .sensor = finger_sensor, .get = finger_get,       .begin = finger_begin,
        .sample = finger_sample, .cancel = finger_cancel, .rename = finger_rename, .remove = finger_remove,
};

/* ---- life ---- */

static void start(Fixture *f)
{
        AuthenticatorOps ops = {
                .random = op_random,
                .now = op_now,
                .clock = op_clock,
                .ask = op_ask,
                .withdraw = op_withdraw,
                .backed_up = f->no_backups ? NULL : op_backed_up,
                .wink = f->no_wink ? NULL : op_wink,
                .fingerprints = f->fingerprints ? &fingerprints : NULL,
        };

        fixture_store_ops(&ops);
        if (f->counts_itself)
                ops.count = NULL;
        fixture_keys_start(f, &ops);
        CHECK_EQ(authenticator_new(&f->config, &ops, f, &f->a), 0);
        CHECK_EQ(authenticator_host_new(f->a, f, &f->host), 0);
}

static void stop(Fixture *f)
{
        f->host = authenticator_host_free(f->host);
        f->a = authenticator_free(f->a);
        fixture_keys_stop(f);
        CHECK(!fixture_store_changing(f->store));
}

Fixture *fixture_new(void (*adjust)(Fixture *fixture))
{
        static const char *const transports[] = {"internal", NULL};
        Fixture *f = calloc(1, sizeof(*f));

        CHECK(f);
        CHECK(arena_init() >= 0);
        f->store = fixture_store_new();
        f->now = 1000000;
        f->clock = 1700000000;
        f->answer = f->storage_answer = AUTHENTICATOR_YES;
        f->samples = 3;
        f->channel = 1;
        memset(f->config.aaguid, 0xaa, sizeof(f->config.aaguid));
        f->config.firmware_version = 1;
        f->config.transports = transports;
        if (adjust)
                adjust(f);
        start(f);
        return f;
}

void fixture_restart(Fixture *f)
{
        stop(f);
        start(f);
}

Fixture *fixture_free(Fixture *f)
{
        if (!f)
                return NULL;
        stop(f);
        (void)fixture_store_free(f->store);
        free(f);
        return NULL;
}
