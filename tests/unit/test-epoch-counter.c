/*
 * How often the epoch's counter moves, and what a word has of it
 */
#include "daemon/epoch-internal.h"
#include "tests/unit/test.h"

#define HOUR UINT64_C(3600)
#define DAY  (24 * HOUR)

/* One that the TPM has told to be as the word says. */
static Epoch told(uint64_t count)
{
        return (Epoch){
                .directory = -1,
                .known = true,
                .word = {.handle = TPM_COUNTER_FIRST, .count = count},
                .told = {.handle = TPM_COUNTER_FIRST, .count = count},
        };
}

/* A word is written; whether the counter moves by it. */
static bool keep(Epoch *epoch, uint64_t now)
{
        VaultEpochCounter before = epoch->word;

        epoch->word = epoch_counter_next(epoch, now);
        CHECK(epoch->word.handle == before.handle);
        CHECK(epoch->word.count - before.count <= 1);
        CHECK(epoch->word.behind == (epoch->word.count == before.count));
        epoch->told.count = epoch->word.count; /* and the TPM has moved it */
        return epoch->word.count != before.count;
}

TEST(moves_with_the_word)
{
        Epoch epoch = told(7);

        CHECK(!epoch_counter_wants(&epoch, 1000000));
        CHECK(keep(&epoch, 1000000));
        CHECK(epoch.word.count == 8 && !epoch.word.behind);
        CHECK(!epoch_counter_wants(&epoch, 1000000));
}

TEST(does_not_move_while_anything_is_unknown)
{
        Epoch epoch = told(7);

        epoch.known = false;
        CHECK(!keep(&epoch, 1000000) && epoch.word.count == 7);
        CHECK(!epoch_counter_wants(&epoch, 1000000));
        epoch.known = true;
        CHECK(epoch_counter_wants(&epoch, 1000000));
        /* It has not come to what the word says yet. */
        epoch = told(7);
        epoch.told.count = 6;
        CHECK(!epoch_counter_wants(&epoch, 1000000));
        epoch.word = epoch_counter_next(&epoch, 1000000);
        CHECK(epoch.word.count == 7 && epoch.word.behind);
        /* The TPM is at it. */
        epoch = told(7);
        epoch.call = (TpmCall *)&epoch;
        CHECK(!keep(&epoch, 1000000));
        /* There is none. */
        epoch = (Epoch){.directory = -1, .known = true};
        epoch.word = epoch_counter_next(&epoch, 1000000);
        CHECK(epoch.word.handle == 0 && epoch.word.count == 0 && !epoch.word.behind);
}

TEST(hourly_always)
{
        Epoch epoch = told(1);

        for (uint64_t hour = 0; hour < 10000; hour++)
                CHECK(keep(&epoch, 1000000 + hour * HOUR));
}

/* However often words are written. */
TEST(so_many_a_day)
{
        static const uint64_t steps[] = {0, 1, 60, 61, 1799, 3599};
        const uint64_t first = 1000000;

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                Epoch epoch = told(1);
                unsigned n = 0;

                for (uint64_t at = 0, k = 0; at < DAY && k < 100000; at += steps[i], k++)
                        n += keep(&epoch, first + at);
                CHECK(n >= 24 && n <= 48);
                /* The days after it have no more than they should. */
                n = 0;
                for (uint64_t at = DAY; at < 11 * DAY; at += steps[i] ?: 60)
                        n += keep(&epoch, first + at);
                CHECK(n >= 239 && n <= (steps[i] ? 241 : 264));
        }
}

TEST(a_clock_that_is_set_back)
{
        Epoch epoch = told(1);

        for (unsigned i = 0; i < 100; i++)
                (void)keep(&epoch, 100 * DAY);
        CHECK(!keep(&epoch, 100 * DAY));
        /* It does not wait for a hundred days. */
        CHECK(keep(&epoch, DAY));
        /* Nor is anything amiss with times that can't be. */
        epoch.word.spent = UINT64_MAX;
        CHECK(keep(&epoch, DAY));
        CHECK(epoch.word.spent == DAY + HOUR);
        CHECK(keep(&epoch, 0));
        epoch = told(UINT64_MAX - 1);
        CHECK(!keep(&epoch, DAY));
}

TEST_MAIN
