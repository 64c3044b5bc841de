/*
 * Keys outside of the authenticator
 *
 * A stand-in for a device that makes and uses keys: what stands for a key is the key itself, in a wrapping that only the same
 * device knows. Orders lie there until the test has them done, one for each host.
 */
#include "tests/unit/authenticator-fixture-keys.h"

#include <stddef.h>
#include <string.h>

#include "crypto/sha.h"
#include "tests/unit/test.h"

#define MAGIC "stand-in"

typedef struct Wrapped {
        char magic[sizeof(MAGIC)];
        uint8_t device;
        SignKey key;
        uint8_t sum[SHA256_SIZE]; /* of the rest: damage is noticed, as a TPM notices it */
} Wrapped;

static void sum_of(const Wrapped *wrapped, uint8_t ret[SHA256_SIZE])
{
        sha256(wrapped, offsetof(Wrapped, sum), ret);
}

static SignKind kind_of(int32_t algorithm)
{
        const Algorithm *found = algorithm_find(algorithm);

        CHECK(found);
        return found->kind;
}

static FixtureWork *find(FixtureKeys *keys, const AuthenticatorHost *host)
{
        for (size_t i = 0; i < ELEMENTSOF(keys->works); i++)
                if (keys->works[i].host == host)
                        return &keys->works[i];
        return NULL;
}

static FixtureKeys *keys_of(void *userdata)
{
        return &((Fixture *)userdata)->keys;
}

/* A status at once, or LATER and a place for the order. */
static int accept(FixtureKeys *keys, AuthenticatorHost *host, int32_t algorithm, FixtureWork **ret)
{
        FixtureWork *work;

        CHECK(!find(keys, host)); /* one at a time for each host */
        if (keys->refuse != 0)
                return keys->refuse;
        work = find(keys, NULL);
        CHECK(work);
        *work = (FixtureWork){.host = host, .algorithm = algorithm};
        *ret = work;
        return AUTHENTICATOR_LATER;
}

static int key_make(void *userdata, AuthenticatorHost *host, int32_t algorithm)
{
        FixtureKeys *keys = keys_of(userdata);
        FixtureWork *work;

        keys->n_makes++;
        return accept(keys, host, algorithm, &work);
}

static int key_sign(void *userdata, AuthenticatorHost *host, int32_t algorithm, const void *key, size_t key_size,
                    const void *message, size_t size)
{
        FixtureKeys *keys = keys_of(userdata);
        FixtureWork *work;
        int r;

        CHECK(key_size > 0 && key_size <= sizeof(work->key) && size <= sizeof(work->message));
        keys->n_signs++;
        r = accept(keys, host, algorithm, &work);
        if (r != AUTHENTICATOR_LATER)
                return r;
        work->signs = true;
        memcpy(work->key, key, key_size);
        memcpy(work->message, message, size);
        work->size = size;
        return r;
}

static void key_withdraw(void *userdata, AuthenticatorHost *host)
{
        FixtureKeys *keys = keys_of(userdata);
        FixtureWork *work = find(keys, host);

        CHECK(work);
        *work = (FixtureWork){0};
        keys->n_withdrawn++;
}

void fixture_keys_start(Fixture *f, AuthenticatorOps *ops)
{
        static const int32_t algorithms[] = {COSE_ES256, COSE_ES384, 0};

        if (!f->keys.there)
                return;
        f->keys.ops = (AuthenticatorKeys){
                .algorithms = f->keys.algorithms ? f->keys.algorithms : algorithms,
                .make = key_make,
                .sign = key_sign,
                .withdraw = key_withdraw,
        };
        ops->keys = &f->keys.ops;
}

void fixture_keys_stop(Fixture *f)
{
        for (size_t i = 0; i < ELEMENTSOF(f->keys.works); i++)
                CHECK(!f->keys.works[i].host); /* orders go with who gave them */
}

bool fixture_key_works(Fixture *f, const AuthenticatorHost *host)
{
        return find(&f->keys, host) != NULL;
}

static void do_make(FixtureKeys *keys, const FixtureWork *work, AuthenticatorKeyResult *ret)
{
        Wrapped wrapped;

        memset(&wrapped, 0, sizeof(wrapped)); /* the gaps, too */
        memcpy(wrapped.magic, MAGIC, sizeof(MAGIC));
        wrapped.device = keys->device;
        if (sign_generate(kind_of(work->algorithm), &wrapped.key) < 0) { /* there may be little room for keys */
                ret->status = CTAP1_ERR_OTHER;
                return;
        }
        sum_of(&wrapped, wrapped.sum);
        memset(keys->key, 0, sizeof(keys->key));
        memcpy(keys->key, &wrapped, sizeof(wrapped));
        memcpy(keys->public_key, wrapped.key.public_key, sizeof(keys->public_key));
        ret->key = keys->key;
        ret->key_size = keys->key_size > 0 ? keys->key_size : sizeof(wrapped);
        ret->public_key = keys->public_key;
        ret->public_key_size = sign_public_size(wrapped.key.kind);
}

static void do_sign(FixtureKeys *keys, const FixtureWork *work, AuthenticatorKeyResult *ret)
{
        uint8_t sum[SHA256_SIZE];
        Wrapped wrapped;

        memcpy(&wrapped, work->key, sizeof(wrapped));
        sum_of(&wrapped, sum);
        if (memcmp(wrapped.magic, MAGIC, sizeof(MAGIC)) != 0 || wrapped.device != keys->device ||
            memcmp(wrapped.sum, sum, sizeof(sum)) != 0) {
                ret->status = CTAP2_ERR_INVALID_CREDENTIAL;
                return;
        }
        CHECK_EQ(wrapped.key.kind, kind_of(work->algorithm));
        if (sign(&wrapped.key, work->message, work->size, keys->signature, &ret->signature_size) < 0)
                ret->status = CTAP1_ERR_OTHER;
        ret->signature = keys->signature;
}

AuthenticatorKeyResult fixture_key_work(Fixture *f, const AuthenticatorHost *host)
{
        AuthenticatorKeyResult result = {.status = f->keys.status};
        FixtureWork *work = find(&f->keys, host);

        CHECK(work);
        if (result.status == CTAP_OK && work->signs)
                do_sign(&f->keys, work, &result);
        else if (result.status == CTAP_OK)
                do_make(&f->keys, work, &result);
        *work = (FixtureWork){0};
        return result;
}

int fixture_key_answer(Fixture *f, AuthenticatorReply *ret)
{
        AuthenticatorKeyResult result = fixture_key_work(f, f->host);

        return authenticator_key_answer(f->host, &result, ret);
}
