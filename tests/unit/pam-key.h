/*
 * A security key in memory, plugged in for libfido2
 *
 * What answers is an authenticator of the fixture's: someone else's security key, by its AAGUID. Link with
 * --wrap=fido_dev_info_manifest and --wrap=fido_dev_open.
 */
#pragma once

#include "tests/unit/authenticator-fixture.h"

/* The core and libfido2 have the same names for the same numbers. */
#undef COSE_ES256
#undef COSE_EDDSA
#undef COSE_ED25519
#undef COSE_ES384
#include <fido.h>

#define PAM_KEYS_MAX 4U

typedef struct PamKey {
        Fixture *fixture;
        bool plugged, u2f_only;
        bool silent;         /* it greets, and then answers nothing */
        unsigned n_unbounded; /* answers that somebody was ready to wait for without an end */
        char path[16];
        unsigned n_requests; /* of any kind; n_asserts: getAssertion with user presence */
        uint8_t greeting[17];
        bool greets;
        uint8_t reply[8192];
        size_t size;
        /* Changes a reply to getAssertion: NULL or a test's. */
        void (*tamper)(struct PamKey *key, uint8_t *reply, size_t *size);
} PamKey;

extern PamKey pam_keys[PAM_KEYS_MAX];

/* Called around everything that is not the module's. */
extern void (*pam_key_enter)(void), (*pam_key_leave)(void);

void pam_key_plug(unsigned i, void (*adjust)(Fixture *fixture));
void pam_key_unplug_all(void);

/* Makes a credential by libfido2 and writes "id,key,es256" to `ret`. */
void pam_key_enrol(unsigned i, const char *rp, int algorithm, bool resident, const char *pin, char *ret, size_t size);
/* FIDO_OK, or libfido2's error. */
int pam_key_set_pin(unsigned i, const char *pin);
/* What hmac-secret answers, by libfido2 alone. */
void pam_key_secret(unsigned i, const char *rp, const uint8_t *id, size_t id_size, const char *pin, const uint8_t salt[32],
                    uint8_t ret[32]);
