/*
 * The fixture, overheard
 *
 * An instance keeps a copy of its owner's operations; those that have to be heard, or that use memory of the fixture's own
 * and therefore must not be made to fail, are replaced in that copy.
 */
#include "fuzz/world.h"

#include <errno.h>
#include <string.h>

/* Made for this purpose, of no use for any other. */
static const char enterprise_pem[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7Ex1zpbxZemYqnhf\n"
        "Pr7hzXE+GbUZvjlN/1F/EcpEksKhRANCAARHoLUkW0dFFCTCk83fC1lZOU89SgUA\n"
        "3gu5ufPVObANbf+uQdNvzw9Fs2n16M7oWrxucmxq+IdI5k7VoiCVDmDV\n"
        "-----END PRIVATE KEY-----\n"
        "-----BEGIN CERTIFICATE-----\n"
        "MIIB8TCCAZigAwIBAgIUPuT8lnV36myObikI3G9IL5wxuCowCgYIKoZIzj0EAwIw\n"
        "TzELMAkGA1UEBhMCWFgxDTALBgNVBAoMBEZ1enoxIjAgBgNVBAsMGUF1dGhlbnRp\n"
        "Y2F0b3IgQXR0ZXN0YXRpb24xDTALBgNVBAMMBEZ1enowIBcNMjYxMTIyMTk1NDQ2\n"
        "WhgPMjEyNjEwMjkxOTU0NDZaME8xCzAJBgNVBAYTAlhYMQ0wCwYDVQQKDARGdXp6\n"
        "MSIwIAYDVQQLDBlBdXRoZW50aWNhdG9yIEF0dGVzdGF0aW9uMQ0wCwYDVQQDDARG\n"
        "dXp6MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAER6C1JFtHRRQkwpPN3wtZWTlP\n"
        "PUoFAN4Lubnz1TmwDW3/rkHTb88PRbNp9ejO6Fq8bnJsaviHSOZO1aIglQ5g1aNQ\n"
        "ME4wHQYDVR0OBBYEFFgn9PZupi3CuSykXmGhgaS0Jh/iMB8GA1UdIwQYMBaAFFgn\n"
        "9PZupi3CuSykXmGhgaS0Jh/iMAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDRwAw\n"
        "RAIgaJfxIYo1hNEYMP5glrO+zJfnlvJ+AozN7OcJp3YGIa0CIHjZLqfZ0JZGtuMr\n"
        "rkpHgfUEusixthmVpocBMI91WUax\n"
        "-----END CERTIFICATE-----\n";

static World *the_world;
static uint8_t the_config;
static uint64_t the_seed;

unsigned world_host(const World *world, const AuthenticatorHost *host)
{
        for (unsigned i = 0; i < WORLD_HOSTS; i++)
                if (world->hosts[i] == host)
                        return i;
        abort();
}

static void count(World *world, unsigned host, AuthenticatorQuestionKind kind, AuthenticatorAnswer answer)
{
        if (answer != AUTHENTICATOR_YES || (world->by_pin[host] && !world->pin_right[host]))
                return;
        world->agreed[host] += kind == AUTHENTICATOR_ASK_PRESENCE || kind == AUTHENTICATOR_ASK_VERIFICATION;
        world->verified[host] += kind == AUTHENTICATOR_ASK_VERIFICATION;
}

/* ---- operations ---- */

static int op_ask(void *userdata, AuthenticatorHost *host, const AuthenticatorQuestion *question)
{
        World *world = the_world;
        unsigned i = world_host(world, host);
        int r;

        world->by_pin[i] = question->by_pin;
        world->pin_right[i] = false;
        PROMISE(!question->by_pin || question->kind == AUTHENTICATOR_ASK_VERIFICATION);
        PROMISE(!world->asked[i]); /* one question at a time for each host */
        PROMISE(question->timeout_ms > 0);
        PROMISE(question->kind >= AUTHENTICATOR_ASK_STORAGE && question->kind <= AUTHENTICATOR_ASK_SAMPLE);
        r = world->ops.ask(userdata, host, question);
        if (r == AUTHENTICATOR_LATER)
                world->asked[i] = question->kind;
        else
                count(world, i, question->kind, (AuthenticatorAnswer)r);
        return r;
}

static void op_withdraw(void *userdata, AuthenticatorHost *host)
{
        unsigned i = world_host(the_world, host);

        PROMISE(the_world->asked[i]); /* only what was asked and not answered */
        the_world->asked[i] = 0;
        the_world->ops.withdraw(userdata, host);
}

/* Somebody else locks it at this very moment. */
static void may_lock(void)
{
        if (the_world->lock_at > 0 && --the_world->lock_at == 0)
                the_world->f->locked = true;
}

static int op_begin(void *userdata)
{
        may_lock();
        return the_world->ops.begin(userdata);
}

static int op_get(void *userdata, uint64_t number, void *ret, size_t capacity, size_t *ret_size)
{
        may_lock();
        return the_world->ops.get(userdata, number, ret, capacity, ret_size);
}

static int op_put(void *userdata, uint64_t *number, const AuthenticatorMark *marks, size_t n_marks, const void *data,
                  size_t size)
{
        int r;

        fail_leave();
        r = the_world->ops.put(userdata, number, marks, n_marks, data, size);
        fail_enter();
        return r;
}

static int op_remove(void *userdata, uint64_t number, bool keep)
{
        int r;

        fail_leave();
        r = the_world->ops.remove(userdata, number, keep);
        fail_enter();
        return r;
}

static int op_restore(void *userdata, uint64_t number)
{
        int r;

        fail_leave();
        r = the_world->ops.restore(userdata, number);
        fail_enter();
        return r;
}

void world_answered(World *world, unsigned host, AuthenticatorAnswer answer, bool open)
{
        if (answer == AUTHENTICATOR_LATER || !world->asked[host])
                return;
        if (world->asked[host] == AUTHENTICATOR_ASK_STORAGE && answer == AUTHENTICATOR_YES && open)
                world->f->locked = false;
        count(world, host, world->asked[host], answer);
        world->asked[host] = 0;
}

/* ---- fingers: each host its own enrolment, one sensor for the last who began ---- */

static int finger_begin(void *userdata, AuthenticatorHost *host, uint8_t ret_id[32], size_t *ret_id_size)
{
        unsigned i = world_host(the_world, host);
        int r;

        PROMISE(!the_world->enrolls[i]);
        r = the_world->ops.fingerprints->begin(userdata, host, ret_id, ret_id_size);
        if (r != 0)
                return r;
        the_world->enrolls[i] = true;
        the_world->enrolling = host;
        return 0;
}

static int finger_sample(void *userdata, AuthenticatorHost *host, unsigned *ret_status, unsigned *ret_left)
{
        unsigned i = world_host(the_world, host);
        int r;

        PROMISE(the_world->enrolls[i]);
        if (the_world->enrolling != host)
                return -EIO;
        r = the_world->ops.fingerprints->sample(userdata, host, ret_status, ret_left);
        if (r == 0 && *ret_left == 0) {
                the_world->enrolls[i] = false;
                the_world->enrolling = NULL;
        }
        return r;
}

static void finger_cancel(void *userdata, AuthenticatorHost *host)
{
        unsigned i = world_host(the_world, host);

        PROMISE(the_world->enrolls[i]);
        the_world->enrolls[i] = false;
        if (the_world->enrolling != host)
                return;
        the_world->enrolling = NULL;
        the_world->ops.fingerprints->cancel(userdata, host);
}

/* ---- external keys ---- */

AuthenticatorKeyResult world_key_result(World *world, AuthenticatorHost *host, uint8_t how)
{
        static const int statuses[] = {CTAP2_ERR_PROCESSING, CTAP1_ERR_OTHER, CTAP2_ERR_INVALID_CREDENTIAL,
                                       CTAP2_ERR_OPERATION_PENDING, -EIO, 0x1234, CTAP2_ERR_NO_CREDENTIALS, 1};
        AuthenticatorKeyResult result = {.status = how};

        if (!fixture_key_works(world->f, host))
                return result;
        result = fixture_key_work(world->f, host);
        switch (how & 7) {
        case 0:
                result.status = statuses[how >> 3 & 7];
                break;
        case 1:
                result.key_size = (size_t)how << 3;
                break;
        case 2:
                result.public_key_size = how >> 1;
                break;
        case 3:
                result.signature_size = how;
                break;
        case 4:
                result.key = result.public_key = result.signature = NULL;
                break;
        default:
                break;
        }
        return result;
}

void world_key_mood(World *world, uint8_t how)
{
        static const int refusals[] = {0, 0, 0, CTAP2_ERR_PROCESSING, CTAP1_ERR_OTHER, 0x100, -EIO, CTAP2_ERR_OPERATION_PENDING};
        FixtureKeys *keys = &world->f->keys;

        keys->refuse = refusals[how & 7];
        keys->device = how >> 3 & 1;
        keys->key_size = how >> 4 & 1 ? AUTHENTICATOR_KEY_MAX : 0;
        keys->status = how >> 5 & 1 ? CTAP2_ERR_PROCESSING : CTAP_OK;
}

int world_set_policy(World *world, uint8_t how)
{
        static const int32_t lists[][3] = {{COSE_ES256, COSE_EDDSA, COSE_ES384}, {COSE_ES384, COSE_ES256},
                                           {COSE_ED25519, COSE_ES256},           {COSE_ESP256, COSE_ESP384},
                                           {COSE_EDDSA},                         {COSE_ES256, COSE_ES256},
                                           {-257},                               {0}};
        AuthenticatorPolicy policy = {
                .external_keys = how & 1,
                .always_uv = (how & 6) == 6,
                .attestation = (AuthenticatorAttestation)(how >> 3 & 1),
                .enterprise = how >> 4 & 1,
        };

        for (size_t i = 0; i < 3 && lists[how >> 5][i] != 0; i++)
                policy.algorithms[policy.n_algorithms++] = lists[how >> 5][i];
        return CALL(authenticator_set_policy(world->f->a, &policy));
}

/* ---- life ---- */

static void adjust(Fixture *f)
{
        static const char *const enterprise_rps[] = {"example.com", NULL};

        f->random = the_seed | 1;
        f->config.counters = the_config & WORLD_COUNTERS;
        f->config.backup_eligible = !(the_config & WORLD_COUNTERS);
        f->config.credentials_max = the_config & WORLD_SMALL ? 3 : 0;
        f->fingerprints = the_config & WORLD_FINGERPRINTS;
        f->enrolled = the_config & WORLD_FINGER ? 1 : 0;
        f->keys.there = f->keys.slow = true; /* used when a policy says so */
        f->no_wink = f->no_backups = the_config & WORLD_BARE;
        f->locked = the_config & WORLD_LOCKED;
        if (the_config & WORLD_SLOW)
                f->answer = AUTHENTICATOR_LATER;
        if (the_config & WORLD_LOCKED)
                f->storage_answer = AUTHENTICATOR_LATER;
        if ((the_config & WORLD_ENTERPRISE) == WORLD_ENTERPRISE) {
                f->config.enterprise_pem = enterprise_pem;
                f->config.enterprise_pem_size = sizeof(enterprise_pem) - 1;
                f->config.enterprise_rp_ids = enterprise_rps;
        }
}

static void overhear(World *world)
{
        AuthenticatorOps *ops = &world->f->a->ops;

        world->ops = *ops;
        ops->ask = op_ask;
        ops->withdraw = op_withdraw;
        ops->begin = op_begin;
        ops->get = op_get;
        ops->put = op_put;
        ops->remove = op_remove;
        ops->restore = op_restore;
        if (ops->fingerprints) {
                world->fingerprints = *ops->fingerprints;
                world->fingerprints.begin = finger_begin;
                world->fingerprints.sample = finger_sample;
                world->fingerprints.cancel = finger_cancel;
                ops->fingerprints = &world->fingerprints;
        }
        world->hosts[0] = world->f->host;
        for (unsigned i = 1; i < WORLD_HOSTS; i++)
                PROMISE(authenticator_host_new(world->f->a, world->f, &world->hosts[i]) == 0);
}

static void leave(World *world)
{
        for (unsigned i = 1; i < WORLD_HOSTS; i++)
                world->hosts[i] = authenticator_host_free(world->hosts[i]);
}

/* Of sanitizers, where they are. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* OpenSSL makes its generators with the first key and keeps them where a leak checker doesn't look: in locked memory. */
static void warm_up(void)
{
        static bool warm;
        SignKey key;

        if (warm)
                return;
        if (__lsan_disable)
                __lsan_disable();
        PROMISE(arena_init() >= 0 && sign_generate(SIGN_P256, &key) == 0);
        if (__lsan_enable)
                __lsan_enable();
        warm = true;
}

World *world_new(uint8_t config, uint64_t seed, bool real)
{
        World *world = calloc(1, sizeof(*world));

        PROMISE(world);
        fail_stand_in(false);
        warm_up();
        fail_stand_in(!real);
        fail_at(0);
        the_world = world;
        the_config = config;
        the_seed = seed;
        world->f = fixture_new(adjust);
        overhear(world);
        return world;
}

void world_restart(World *world)
{
        leave(world);
        fixture_restart(world->f);
        for (unsigned i = 0; i < WORLD_HOSTS; i++)
                PROMISE(!world->asked[i] && !world->enrolls[i]); /* questions and enrolments went with their hosts */
        overhear(world);
}

void world_free(World *world)
{
        fail_at(0);
        leave(world);
        (void)fixture_free(world->f);
        for (unsigned i = 0; i < WORLD_HOSTS; i++)
                PROMISE(!world->asked[i]);
        free(world);
        the_world = NULL;
}

bool world_status_known(int status)
{
        static const uint8_t known[] = {
                CTAP_OK, CTAP1_ERR_INVALID_COMMAND, CTAP1_ERR_INVALID_PARAMETER, CTAP1_ERR_INVALID_LENGTH,
                CTAP2_ERR_CBOR_UNEXPECTED_TYPE, CTAP2_ERR_INVALID_CBOR, CTAP2_ERR_MISSING_PARAMETER,
                CTAP2_ERR_LIMIT_EXCEEDED, CTAP2_ERR_FP_DATABASE_FULL, CTAP2_ERR_LARGE_BLOB_STORAGE_FULL,
                CTAP2_ERR_CREDENTIAL_EXCLUDED, CTAP2_ERR_INVALID_CREDENTIAL, CTAP2_ERR_UNSUPPORTED_ALGORITHM,
                CTAP2_ERR_OPERATION_DENIED, CTAP2_ERR_KEY_STORE_FULL, CTAP2_ERR_UNSUPPORTED_OPTION,
                CTAP2_ERR_INVALID_OPTION, CTAP2_ERR_KEEPALIVE_CANCEL, CTAP2_ERR_NO_CREDENTIALS,
                CTAP2_ERR_USER_ACTION_TIMEOUT, CTAP2_ERR_NOT_ALLOWED, CTAP2_ERR_PIN_INVALID, CTAP2_ERR_PIN_BLOCKED,
                CTAP2_ERR_PIN_AUTH_INVALID, CTAP2_ERR_PIN_AUTH_BLOCKED, CTAP2_ERR_PIN_NOT_SET,
                CTAP2_ERR_PUAT_REQUIRED, CTAP2_ERR_PIN_POLICY_VIOLATION, CTAP2_ERR_REQUEST_TOO_LARGE,
                CTAP2_ERR_ACTION_TIMEOUT, CTAP2_ERR_UP_REQUIRED, CTAP2_ERR_UV_BLOCKED, CTAP2_ERR_INTEGRITY_FAILURE,
                CTAP2_ERR_INVALID_SUBCOMMAND, CTAP2_ERR_UV_INVALID, CTAP2_ERR_UNAUTHORIZED_PERMISSION, CTAP1_ERR_OTHER,
                CTAP1_ERR_INVALID_SEQ, CTAP1_ERR_CHANNEL_BUSY, CTAP2_ERR_PROCESSING,
        };

        return status >= 0 && status <= UINT8_MAX && memchr(known, status, sizeof(known));
}
