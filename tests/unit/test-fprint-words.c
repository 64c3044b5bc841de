/* The words of fprintd, and what they mean to a security key. */
#include "daemon/fprint-words.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/test.h"

TEST(ten_fingers_each_with_a_word_and_a_title)
{
        for (unsigned i = 0; i < FINGERS_MAX; i++) {
                CHECK(finger_title(i));
                CHECK_EQ(finger_find(finger_word(i), strlen(finger_word(i))), (int)i);
                CHECK(strlen(finger_word(i)) <= 32); /* it is a template's id */
        }
        CHECK(!finger_word(FINGERS_MAX) && !finger_title(FINGERS_MAX));
}

TEST(what_is_no_finger_is_not_found)
{
        CHECK_EQ(finger_find("any", 3), -ENOENT);
        CHECK_EQ(finger_find("", 0), -ENOENT);
        CHECK_EQ(finger_find("right-thumb", 10), -ENOENT);
        CHECK_EQ(finger_find("right-thumb!", 12), -ENOENT);
        CHECK_EQ(finger_find("right-thumb!", 11), finger_find("right-thumb", 11));
}

typedef struct Case {
        const char *status;
        bool done;
        FprintEvent event;
        FprintSample sample;
} Case;

TEST(statuses_of_a_verification)
{
        static const Case cases[] = {
                {"verify-match", true, FPRINT_DONE, SAMPLE_GOOD},
                {"verify-no-match", true, FPRINT_NO_MATCH, SAMPLE_GOOD},
                {"verify-retry-scan", false, FPRINT_AGAIN, SAMPLE_POOR},
                {"verify-swipe-too-short", false, FPRINT_AGAIN, SAMPLE_TOO_SHORT},
                {"verify-finger-not-centered", false, FPRINT_AGAIN, SAMPLE_SKEWED},
                {"verify-remove-and-retry", false, FPRINT_AGAIN, SAMPLE_NOT_LIFTED},
                {"verify-too-fast", false, FPRINT_AGAIN, SAMPLE_TOO_FAST},
                {"verify-disconnected", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"verify-unknown-error", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"verify-of-the-future", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"verify-of-the-future", false, FPRINT_AGAIN, SAMPLE_POOR},
                {"verify-retry-scan", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                /* Nothing but its own word is a match. */
                {"match", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"verify-match-", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"enroll-completed", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"verify-completed", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"", false, FPRINT_AGAIN, SAMPLE_POOR},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                FprintSample sample;

                CHECK_EQ(fprint_verify_event(cases[i].status, cases[i].done, &sample), cases[i].event);
                CHECK_EQ(sample, cases[i].sample);
        }
}

TEST(statuses_of_an_enrolment)
{
        static const Case cases[] = {
                {"enroll-completed", true, FPRINT_DONE, SAMPLE_GOOD},
                {"enroll-stage-passed", false, FPRINT_STAGE, SAMPLE_GOOD},
                {"enroll-retry-scan", false, FPRINT_AGAIN, SAMPLE_POOR},
                {"enroll-swipe-too-short", false, FPRINT_AGAIN, SAMPLE_TOO_SHORT},
                {"enroll-finger-not-centered", false, FPRINT_AGAIN, SAMPLE_SKEWED},
                {"enroll-remove-and-retry", false, FPRINT_AGAIN, SAMPLE_NOT_LIFTED},
                {"enroll-duplicate", true, FPRINT_DUPLICATE, SAMPLE_EXISTS},
                {"enroll-data-full", true, FPRINT_FULL, SAMPLE_GOOD},
                {"enroll-disconnected", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"enroll-failed", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"enroll-unknown-error", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
                {"verify-match", true, FPRINT_UNAVAILABLE, SAMPLE_GOOD},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                FprintSample sample;

                CHECK_EQ(fprint_enroll_event(cases[i].status, cases[i].done, &sample), cases[i].event);
                CHECK_EQ(sample, cases[i].sample);
        }
}

TEST(every_bad_sample_has_its_advice)
{
        static const FprintSample samples[] = {SAMPLE_TOO_FAST,  SAMPLE_POOR,   SAMPLE_SKEWED,
                                               SAMPLE_TOO_SHORT, SAMPLE_EXISTS, SAMPLE_NOT_LIFTED};

        for (size_t i = 0; i < ELEMENTSOF(samples); i++)
                for (size_t k = 0; k < i; k++)
                        CHECK(strcmp(fprint_sample_advice(samples[i]), fprint_sample_advice(samples[k])) != 0);
}

TEST_MAIN
