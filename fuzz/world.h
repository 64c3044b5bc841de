/*
 * The surroundings of an authenticator that is fuzzed: the tests' fixture, with an ear at the person
 *
 * One at a time. What the person agreed to is counted for each host, so that a target can tell whether a reply claims a
 * presence or a verification that nobody gave.
 */
#pragma once

#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "tests/unit/authenticator-fixture-keys.h"

#define WORLD_HOSTS 2U

/* Bits of the byte that chooses what the authenticator is like. */
enum {
        WORLD_COUNTERS = 1 << 0,
        WORLD_FINGERPRINTS = 1 << 1,
        WORLD_SMALL = 1 << 2,  /* room for three credentials */
        WORLD_SLOW = 1 << 3,   /* the person answers later */
        WORLD_LOCKED = 1 << 4, /* storage is closed at first, and asks later */
        WORLD_BARE = 1 << 5,   /* no wink, no backups */
        WORLD_ENTERPRISE = WORLD_BARE | WORLD_COUNTERS | 1 << 6, /* rare: reading a certificate takes long */
        WORLD_FINGER = 1 << 7, /* one is enrolled */
};

typedef struct World {
        Fixture *f;
        AuthenticatorOps ops; /* the fixture's own */
        AuthenticatorHost *hosts[WORLD_HOSTS]; /* the fixture's is the first */
        unsigned agreed[WORLD_HOSTS];   /* how often the person has said yes to being there or to being the owner, */
        unsigned verified[WORLD_HOSTS]; /* and how often only to the latter */
        AuthenticatorQuestionKind asked[WORLD_HOSTS]; /* the question that is out; 0 none */
        bool by_pin[WORLD_HOSTS], pin_right[WORLD_HOSTS]; /* the last one is for the PIN, and it was right */
        AuthenticatorFingerprints fingerprints;
        bool enrolls[WORLD_HOSTS];    /* between begin() and its end */
        AuthenticatorHost *enrolling; /* who has the fixture's one sensor */
        unsigned lock_at; /* the n-th read or begin of a change from now finds storage locked; 0 none */
} World;

/* `real`: with real cryptography, which takes several times as long. */
World *world_new(uint8_t config, uint64_t seed, bool real);
void world_free(World *world);
/* The daemon ends and starts again. Hosts are new. */
void world_restart(World *world);
/* What authenticator_answer() will be told: to be called before it. `open` whether storage opens when that was the question. */
void world_answered(World *world, unsigned host, AuthenticatorAnswer answer, bool open);
/* The external key's work of a host, `how` it comes back: failed, of wrong sizes, or well; a result without work, when there is none. */
AuthenticatorKeyResult world_key_result(World *world, AuthenticatorHost *host, uint8_t how);
/* What such keys are like from now on: busy, of another device, large. */
void world_key_mood(World *world, uint8_t how);
/* A policy out of one byte: external keys, alwaysUv, attestation, algorithms. The result of authenticator_set_policy(). */
int world_set_policy(World *world, uint8_t how);
unsigned world_host(const World *world, const AuthenticatorHost *host);

/* An authenticator's function is called with failures allowed. */
#define CALL(expression)                                                                                               \
        ({                                                                                                             \
                fail_enter();                                                                                          \
                __auto_type _result_ = (expression);                                                                   \
                fail_leave();                                                                                          \
                _result_;                                                                                              \
        })

/* A status byte that there is (section 8.2). */
bool world_status_known(int status);
