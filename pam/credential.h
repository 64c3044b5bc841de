/*
 * Credentials: which security keys a user has, and what each must prove
 *
 * What an authfile says, checked as far as that goes without a security key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define CREDENTIAL_ID_MAX  1023U /* bytes */
#define CREDENTIAL_KEY_MAX 259U

/* How libfido2 names algorithms (COSE). */
typedef enum Algorithm { ALGORITHM_ES256 = -7, ALGORITHM_EDDSA = -8, ALGORITHM_RS256 = -257 } Algorithm;

typedef struct Credential {
        uint8_t *id;    /* no bytes: the security key knows which (a resident one) */
        size_t id_size;
        uint8_t key[CREDENTIAL_KEY_MAX]; /* public, as libfido2 takes it */
        size_t key_size;
        Algorithm algorithm;
        char *rp;       /* whom it was made for; NULL: the module's origin */
        bool presence, verification, pin; /* what must be proven */
        bool of_u2f;    /* made for U2F, whose name is the appid */
} Credential;

typedef struct Credentials {
        Credential *list;
        size_t n, n_left_out; /* more than max_devices */
} Credentials;

#define CREDENTIALS_NULL ((Credentials){0})

void credential_done(Credential *credential);
void credentials_done(Credentials *credentials);

/* Takes the credential over, whatever happens. 0, -ENOMEM. */
int credentials_add(Credentials *credentials, Credential *credential);

/* Bytes of a public key, and whether there can be one of this size. 0, -EBADMSG. */
int credential_set_key(Credential *credential, Algorithm algorithm, const uint8_t *key, size_t size);
