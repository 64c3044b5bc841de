/*
 * Fprint words
 *
 * fprintd knows ten fingers by name and tells what happens in words, one set for verifying and one for enrolling, which
 * differ in their first part only. What a later fprintd says and is not in these tables is taken for what its flag
 * "done" says: the end, or one more try.
 */
#include "daemon/fprint-words.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

static const struct {
        const char *word, *title;
} fingers[FINGERS_MAX] = {
        {"right-index-finger", "Right index finger"},   {"left-index-finger", "Left index finger"},
        {"right-thumb", "Right thumb"},                 {"left-thumb", "Left thumb"},
        {"right-middle-finger", "Right middle finger"}, {"left-middle-finger", "Left middle finger"},
        {"right-ring-finger", "Right ring finger"},     {"left-ring-finger", "Left ring finger"},
        {"right-little-finger", "Right little finger"}, {"left-little-finger", "Left little finger"},
};

const char *finger_word(unsigned i)
{
        return i < FINGERS_MAX ? fingers[i].word : NULL;
}

const char *finger_title(unsigned i)
{
        return i < FINGERS_MAX ? fingers[i].title : NULL;
}

int finger_find(const void *word, size_t size)
{
        for (unsigned i = 0; i < FINGERS_MAX; i++)
                if (strlen(fingers[i].word) == size && memcmp(fingers[i].word, word, size) == 0)
                        return (int)i;
        return -ENOENT;
}

typedef struct Status {
        const char *word; /* without "verify-" or "enroll-" */
        FprintEvent event;
        FprintSample sample;
} Status;

static const Status verify_statuses[] = {
        {"match", FPRINT_DONE, SAMPLE_GOOD},
        {"no-match", FPRINT_NO_MATCH, SAMPLE_GOOD},
};

static const Status enroll_statuses[] = {
        {"completed", FPRINT_DONE, SAMPLE_GOOD},
        {"stage-passed", FPRINT_STAGE, SAMPLE_GOOD},
        {"duplicate", FPRINT_DUPLICATE, SAMPLE_EXISTS},
        {"data-full", FPRINT_FULL, SAMPLE_GOOD},
};

static const Status common_statuses[] = {
        {"retry-scan", FPRINT_AGAIN, SAMPLE_POOR},
        {"swipe-too-short", FPRINT_AGAIN, SAMPLE_TOO_SHORT},
        {"finger-not-centered", FPRINT_AGAIN, SAMPLE_SKEWED},
        {"remove-and-retry", FPRINT_AGAIN, SAMPLE_NOT_LIFTED},
        {"too-fast", FPRINT_AGAIN, SAMPLE_TOO_FAST},
        {"disconnected", FPRINT_UNAVAILABLE, SAMPLE_GOOD},
};

static const Status *find_status(const Status *statuses, size_t n, const char *word)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(statuses[i].word, word) == 0)
                        return &statuses[i];
        return NULL;
}

static FprintEvent event_of(const char *prefix, const Status *own, size_t n_own, const char *status, bool done,
                            FprintSample *ret_sample)
{
        const Status *found = NULL;
        size_t size = strlen(prefix);

        if (strncmp(status, prefix, size) == 0) {
                found = find_status(own, n_own, status + size);
                if (!found)
                        found = find_status(common_statuses, ELEMENTSOF(common_statuses), status + size);
        }
        /* The flag has the last word on what goes on. */
        if (!found || (found->event == FPRINT_AGAIN && done)) {
                *ret_sample = done ? SAMPLE_GOOD : SAMPLE_POOR;
                return done ? FPRINT_UNAVAILABLE : FPRINT_AGAIN;
        }
        *ret_sample = found->sample;
        return found->event;
}

FprintEvent fprint_verify_event(const char *status, bool done, FprintSample *ret_sample)
{
        return event_of("verify-", verify_statuses, ELEMENTSOF(verify_statuses), status, done, ret_sample);
}

FprintEvent fprint_enroll_event(const char *status, bool done, FprintSample *ret_sample)
{
        return event_of("enroll-", enroll_statuses, ELEMENTSOF(enroll_statuses), status, done, ret_sample);
}

const char *fprint_sample_word(FprintSample sample)
{
        switch (sample) {
        case SAMPLE_GOOD:
                return "good";
        case SAMPLE_TOO_FAST:
                return "too fast";
        case SAMPLE_TOO_SHORT:
                return "too short";
        case SAMPLE_SKEWED:
                return "not in the middle";
        case SAMPLE_NOT_LIFTED:
                return "not lifted";
        case SAMPLE_EXISTS:
                return "enrolled already";
        default:
                return "not readable";
        }
}

const char *fprint_sample_advice(FprintSample sample)
{
        switch (sample) {
        case SAMPLE_TOO_FAST:
                return "That was too fast. Try again.";
        case SAMPLE_TOO_SHORT:
                return "That was too short. Try again.";
        case SAMPLE_SKEWED:
                return "Put the finger in the middle of the reader.";
        case SAMPLE_NOT_LIFTED:
                return "Lift the finger, then try again.";
        case SAMPLE_EXISTS:
                return "That finger is enrolled already. Use another one.";
        default:
                return "That could not be read. Try again.";
        }
}
