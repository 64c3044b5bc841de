/* Signature counters: they only grow, whatever happens, and a write comes once in a block. */
#include <errno.h>

#include "tests/unit/credential-tools.h"

static Credential *counting(Fixture *f, unsigned id)
{
        Credential *c = sample(id, 1, id, true);

        c->counts = true;
        CHECK_EQ(store(f, c), CTAP_OK);
        return c;
}

static uint32_t next(Fixture *f, Credential *c)
{
        uint32_t value = 0;

        CHECK_EQ(counter_next(f->a, c, &value), CTAP_OK);
        return value;
}

TEST(a_counter_grows_by_one_and_writes_once_in_a_block)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = counting(f, 1);
        unsigned commits = f->n_commits, gets = f->n_gets, n_written = 0;

        for (uint32_t i = 1; i <= 4 * COUNTER_BLOCK; i++) {
                CHECK_EQ(next(f, c), i);
                CHECK(c->reserved > i);
                if (f->n_commits != commits) {
                        CHECK_EQ(f->n_commits - commits, 1);
                        commits = f->n_commits;
                        n_written++;
                }
        }
        CHECK_EQ(n_written, 5); /* 1 … 255, and four times 256 */
        CHECK_EQ(f->n_gets - gets, n_written);
}

TEST(a_counter_goes_on_above_after_a_restart)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = counting(f, 1);
        uint32_t last = 0;

        for (unsigned i = 0; i < 20; i++) {
                for (unsigned j = 0; j < 1 + 37 * i; j++) {
                        uint32_t value = next(f, c);

                        CHECK(value > last && value <= last + COUNTER_BLOCK);
                        last = value;
                }
                if (i % 2)
                        fixture_restart(f);
                else
                        authenticator_forget(f->a);
                CHECK_EQ(record_credential(f->a, c->public.number, c), CTAP_OK);
                CHECK(c->reserved > last);
        }
}

TEST(a_new_credential_brings_its_first_block)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true);
        uint32_t first, second;

        c->counts = true;
        first = next(f, c);
        CHECK_EQ(first, 1);
        CHECK_EQ(f->n_commits, 0);
        CHECK_EQ(store(f, c), CTAP_OK);
        CHECK_EQ(f->n_commits, 1);
        second = next(f, c);
        CHECK(second > first);
        CHECK_EQ(next(f, c), second + 1);
}

TEST(one_that_does_not_count_stays_zero)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true);

        CHECK_EQ(next(f, c), 0);
        CHECK_EQ(store(f, c), CTAP_OK);
        for (unsigned i = 0; i < 3; i++)
                CHECK_EQ(next(f, c), 0);
        CHECK_EQ(f->n_commits, 1);
        CHECK_EQ(c->reserved, 0);
}

/* More credentials than places: whoever is pushed out goes on in a block of its own. */
TEST(many_counters_grow_independently)
{
        enum { N = 200 };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *read = credential_new();
        uint64_t numbers[N];
        uint32_t last[N] = {0};

        CHECK(read);
        for (unsigned i = 0; i < N; i++) {
                _cleanup_(credential_freep) Credential *c = counting(f, i);

                numbers[i] = c->public.number;
        }
        for (unsigned round = 0; round < 5; round++)
                for (unsigned i = 0; i < N; i++)
                        for (unsigned j = 0; j < 3; j++) {
                                uint32_t value;

                                CHECK_EQ(record_credential(f->a, numbers[i], read), CTAP_OK);
                                value = next(f, read);
                                CHECK(value > last[i] && value <= last[i] + COUNTER_BLOCK);
                                last[i] = value;
                        }
}

TEST(the_one_in_use_keeps_its_place)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = counting(f, 1000);
        uint32_t last = next(f, c);

        for (unsigned i = 0; i < 150; i++) {
                _cleanup_(credential_freep) Credential *other = counting(f, i);

                (void)next(f, other);
                CHECK_EQ(next(f, c), ++last);
        }
}

/* Two hosts have read the same credential; one signs past a block while the other waits for the person. */
TEST(an_old_copy_never_takes_a_counter_back)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = counting(f, 1), *old = credential_new(), *read = credential_new();
        uint32_t last = 0;

        CHECK(old && read);
        CHECK_EQ(record_credential(f->a, c->public.number, old), CTAP_OK);
        for (unsigned i = 0; i < COUNTER_BLOCK + 10; i++)
                last = next(f, c);
        /* it is renamed from the old copy, and everything is forgotten */
        strcpy(old->public.user_name, "renamed");
        old->reserved = 0;
        CHECK_EQ(store(f, old), CTAP_OK);
        fixture_restart(f);
        CHECK_EQ(record_credential(f->a, c->public.number, read), CTAP_OK);
        CHECK(strcmp(read->public.user_name, "renamed") == 0);
        CHECK(read->reserved > last);
        /* and the old copy signs */
        old->reserved = 0;
        CHECK(next(f, old) > last);
        /* a block that is reserved from an old copy does not bring its name back */
        for (unsigned i = 0; i < 2 * COUNTER_BLOCK; i++)
                (void)next(f, c);
        CHECK_EQ(record_credential(f->a, c->public.number, read), CTAP_OK);
        CHECK(strcmp(read->public.user_name, "renamed") == 0);
}

/* Each call of storage fails once: no value is given that was not reserved, and none comes twice. */
TEST(a_value_is_given_only_when_its_block_is_durable)
{
        unsigned n_failed = 0;

        for (unsigned at = 1;; at++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                _cleanup_(credential_freep) Credential *c = counting(f, 1);
                uint32_t value = 0, last;

                last = next(f, c);
                fixture_restart(f);
                CHECK_EQ(authenticator_load(f->a), CTAP_OK);
                f->fail_at = at;
                if (counter_next(f->a, c, &value) == CTAP_OK)
                        break;
                n_failed++;
                CHECK_EQ(value, 0);
                value = next(f, c);
                CHECK(value > last);
                last = value;
                fixture_restart(f);
                CHECK(next(f, c) > last);
        }
        CHECK_EQ(n_failed, 4); /* begin, get, put, commit */
}

TEST(a_locked_or_removed_one_has_no_value)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = counting(f, 1);
        _cleanup_(change_donep) Change change = {0};
        uint32_t value = 77;

        f->locked = true;
        CHECK_EQ(counter_next(f->a, c, &value), CTAP2_ERR_OPERATION_PENDING);
        f->locked = false;
        CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
        CHECK_EQ(change_remove_credential(&change, c, /* keep= */ false), CTAP_OK);
        CHECK_EQ(change_commit(&change), CTAP_OK);
        CHECK_EQ(counter_next(f->a, c, &value), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(value, 77);
}

TEST(a_counter_ends_rather_than_starts_anew)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *c = sample(1, 1, 1, true);
        uint32_t value = 0, last = 0;
        int r;

        c->counts = true;
        c->reserved = UINT32_MAX - COUNTER_BLOCK - 1;
        CHECK_EQ(store(f, c), CTAP_OK);
        while ((r = counter_next(f->a, c, &value)) == CTAP_OK) {
                CHECK(value > last);
                last = value;
        }
        CHECK_EQ(r, CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK(last > UINT32_MAX - COUNTER_BLOCK - 1);
}

TEST_MAIN
