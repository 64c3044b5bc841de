/* Blinded agreement: what is carried differs each time, what comes out does not. */
#include <errno.h>

#include "crypto/agree.h"
#include "crypto/arena.h"
#include "crypto/blind.h"
#include "tests/unit/test.h"

TEST(what_comes_out_is_the_plain_agreement)
{
        _cleanup_(agree_key_freep) AgreeKey *theirs = NULL, *once = NULL;
        uint8_t point[64], their_point[64], expected[32], questions[8][64], answers[8][32];

        CHECK(arena_init() >= 0);
        CHECK_EQ(agree_key_new(&theirs), 0);
        CHECK_EQ(agree_key_new(&once), 0);
        agree_public(once, point);
        agree_public(theirs, their_point);
        CHECK_EQ(agree(once, their_point, expected), 0);
        for (unsigned i = 0; i < 8; i++) {
                _cleanup_(blind_freep) Blind *blind = NULL;
                uint8_t got[32];

                CHECK_EQ(blind_new(point, questions[i], &blind), 0);
                CHECK_EQ(agree(theirs, questions[i], answers[i]), 0);
                CHECK_EQ(blind_take_off(blind, answers[i], got), 0);
                CHECK(memcmp(got, expected, sizeof(got)) == 0);
                CHECK(memcmp(answers[i], expected, sizeof(expected)) != 0);
                for (unsigned k = 0; k < i; k++) {
                        CHECK(memcmp(questions[i], questions[k], 64) != 0);
                        CHECK(memcmp(answers[i], answers[k], 32) != 0);
                }
        }
}

TEST(what_is_no_point_is_refused)
{
        _cleanup_(agree_key_freep) AgreeKey *key = NULL;
        _cleanup_(blind_freep) Blind *blind = NULL;
        uint8_t point[64], question[64], x[32], got[32];
        unsigned refused = 0;
        Blind *none = NULL;

        CHECK(arena_init() >= 0);
        CHECK_EQ(agree_key_new(&key), 0);
        agree_public(key, point);
        CHECK_EQ(blind_new(point, question, &blind), 0);
        point[63] ^= 1;
        CHECK_EQ(blind_new(point, question, &none), -EINVAL);
        CHECK(!none);
        memset(x, 0xff, sizeof(x));
        CHECK_EQ(blind_take_off(blind, x, got), -EINVAL);
        /* About every other number is the coordinate of no point. */
        memset(x, 0, sizeof(x));
        for (unsigned i = 0; i < 32; i++) {
                x[31] = (uint8_t)i;
                refused += blind_take_off(blind, x, got) == -EINVAL;
        }
        CHECK(refused > 4 && refused < 28);
}

TEST_MAIN
