/*
 * The three things that OpenSSH wants of a security key
 *
 * Each answers 0 or an enum sk_error, and says what OpenSSH's own text would leave open.
 */
#pragma once

#include "ssh/options.h"

typedef struct Enrollment {
        uint32_t algorithm;
        const uint8_t *challenge;
        size_t challenge_size;
        const char *application;
        uint8_t flags;
        const char *pin; /* NULL: ssh has not asked for it */
} Enrollment;

typedef struct Signing {
        uint32_t algorithm;
        const uint8_t *data;
        size_t size;
        const char *application;
        const uint8_t *handle;
        size_t handle_size;
        uint8_t flags;
        const char *pin;
} Signing;

int call_enroll(const Enrollment *enrollment, const Options *options, struct sk_enroll_response **ret);
int call_sign(const Signing *signing, const Options *options, struct sk_sign_response **ret);
int call_load(const char *pin, const Options *options, struct sk_resident_key ***ret, size_t *ret_n);

/* The public key of a credential as OpenSSH takes it. 0, -EBADMSG, -ENOMEM; *ret is malloc()ed. */
int public_key_of(int cose, const uint8_t *key, size_t size, uint8_t **ret, size_t *ret_size);
