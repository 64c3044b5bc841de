/* What the scenarios of a client share: a key on the socket, credentials and assertions with the usual members. */
#pragma once

#include <fido.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "tests/unit/test.h"

#define PIN     "24681357"
#define NEW_PIN "97531864"
#define RP      "example.org"

/* A connection of its own. */
fido_dev_t *open_key(void);
void close_key(fido_dev_t **dev);
/* Sets PIN, if there is none yet. */
void set_pin(fido_dev_t *dev);

fido_cred_t *new_cred_of(int type, const char *rp_id, const unsigned char *id, size_t id_size);
fido_cred_t *new_cred(int type, bool resident); /* of RP, for alice */
/* Self attestation verifies under the new key; a certificate under its own. */
void verify_cred(const fido_cred_t *cred);

/* allowed NULL: any of the relying party */
fido_assert_t *new_assert_of(const char *rp_id, const fido_cred_t *allowed);
fido_assert_t *new_assert(const fido_cred_t *allowed);
int verify_assert(const fido_assert_t *assert, size_t i, const fido_cred_t *cred);

#define _key_    __attribute__((cleanup(close_key))) fido_dev_t
#define _cred_   __attribute__((cleanup(fido_cred_free))) fido_cred_t
#define _assert_ __attribute__((cleanup(fido_assert_free))) fido_assert_t
