/* Who counts the credentials: storage where it can, else the authenticator, which then writes its state each time. */
#include "tests/unit/ceremony-tools.h"

static void without_count(Fixture *f)
{
        f->counts_itself = true;
}

TEST(a_second_factor_is_one_record_more_and_nothing_else)
{
        _cleanup_(fixture_freep) Fixture *counted = fixture_new(NULL), *counting = fixture_new(without_count);

        for (unsigned i = 0; i < 2; i++) {
                static const char *const users[] = {USER, "bob", "carol"};
                Fixture *f = i == 0 ? counted : counting;

                for (unsigned n = 0; n < 3; n++) {
                        unsigned writes = f->n_writes;

                        (void)make_for(f, RP, users[n], /* rk= */ n == 0);
                        CHECK_EQ(f->n_writes - writes, n == 0 || i == 1 ? 2 : 1);
                        CHECK_EQ(f->a->state->n_credentials, n + 1);
                }
                fixture_restart(f);
                CHECK_EQ(authenticator_load(f->a), CTAP_OK);
                CHECK_EQ(f->a->state->n_credentials, 3);
                CHECK_EQ(f->a->state->n_discoverable, 1);
        }
}

TEST(a_count_that_fails_is_told)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        unsigned n = 0;
        int r;

        (void)make_for(f, RP, USER, true);
        do {
                fixture_restart(f);
                f->fail_at = ++n;
                r = authenticator_load(f->a);
        } while (r != CTAP_OK && n < 10);
        f->fail_at = 0;
        CHECK_EQ(n, 4); /* it is found, read and counted */
        CHECK_EQ(f->a->state->n_credentials, 1);
}

TEST_MAIN
