/*
 * Fprint words: what fprintd calls fingers, and what happens to them
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FINGERS_MAX 10U

/* The i-th finger, in the order in which they are offered for enrolment: "right-index-finger". NULL past the last. */
const char *finger_word(unsigned i);
/* The same for a person: "Right index finger". */
const char *finger_title(unsigned i);
/* The number of a finger by its word, which need not end with NUL. -ENOENT. */
int finger_find(const void *word, size_t size);

typedef enum FprintEvent {
        /* it goes on */
        FPRINT_WAITS, /* the reader waits for a finger */
        FPRINT_AGAIN, /* that scan was no good: a FprintSample says why */
        FPRINT_STAGE, /* enrolment: one good scan more */
        /* it has ended */
        FPRINT_DONE, /* the finger matched, is enrolled, is deleted */
        FPRINT_NO_MATCH,
        FPRINT_DUPLICATE,   /* enrolled already */
        FPRINT_FULL,        /* no room in the reader */
        FPRINT_UNAVAILABLE, /* no reader, or not for us now */
} FprintEvent;

/* How a scan was: lastEnrollSampleStatus of CTAP (section 6.7.1). */
typedef enum FprintSample {
        SAMPLE_GOOD = 0x00,
        SAMPLE_TOO_FAST = 0x05,
        SAMPLE_POOR = 0x07,
        SAMPLE_SKEWED = 0x08,
        SAMPLE_TOO_SHORT = 0x09,
        SAMPLE_EXISTS = 0x0b,
        SAMPLE_NOT_LIFTED = 0x0e,
} FprintSample;

/* What a status of fprintd means. One that is not known ends what is `done` and is another try in what is not. */
FprintEvent fprint_verify_event(const char *status, bool done, FprintSample *ret_sample);
FprintEvent fprint_enroll_event(const char *status, bool done, FprintSample *ret_sample);

/* The same in short: "good", "too short". */
const char *fprint_sample_word(FprintSample sample);
/* What to tell the person about a sample that was no good. */
const char *fprint_sample_advice(FprintSample sample);
