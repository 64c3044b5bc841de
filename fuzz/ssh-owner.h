/*
 * The surroundings of an ssh-agent that is fuzzed: the tests' fixture for storage and time, and an owner who watches
 *
 * The owner's functions are run without failures in them. He counts what he agreed to, and is never asked for two things at once.
 */
#pragma once

#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "tests/unit/ssh-agent-fixture.h"

#define CLIENTS 3U
#define WORKS   4U

/* What all keys are like, and the owner. */
enum {
        CONFIRMED = 1 << 0,
        RESTRICTED = 1 << 1,
        KEEPS = 1 << 2,
        LOCKED = 1 << 3,
        SLOW = 1 << 4,
};

typedef struct Run {
        Fixture *f;
        uint8_t config;
        SshClient *clients[CLIENTS];
        unsigned agreed[CLIENTS];
        SshQuestionKind asked[CLIENTS];
        SshWork *works[CLIENTS], *orphans[WORKS];
        bool device[CLIENTS]; /* is to sign */
        SshAnswer answer;
        Host hosts[2];
        SignKey keys[4];
        Span blobs[4];
        uint8_t blob_bytes[4][128];
} Run;

#define CALL(expression)                                                                                              \
        ({                                                                                                            \
                fail_enter();                                                                                         \
                __auto_type _result_ = (expression);                                                                  \
                fail_leave();                                                                                         \
                _result_;                                                                                             \
        })
#define CALL_VOID(statement) (void)CALL(((statement), 0))

extern const SshAgentOps owner_ops;
