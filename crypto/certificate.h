/*
 * Certificates of attestation (OpenSSL X.509)
 *
 * Two uses: U2F's messages must carry one, so a credential gets a self-signed certificate of its own key, which says
 * nothing that its public key does not; and an administrator may provide a chain with a key for enterprise attestation.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "crypto/sign.h"

#define CERTIFICATE_SELF_MAX  512U
#define CERTIFICATE_CHAIN_MAX 4U
#define CERTIFICATE_DER_MAX   4096U
#define ATTESTER_PEM_MAX      ((size_t)64 * 1024)

/* A self-signed X.509 v3 certificate (subject = issuer = CN `name`, 1..64 bytes of printable ASCII) of a P-256 key;
 * validity 1 January 2000 to the end of 9999, serial 1, not a CA. 0, -EINVAL, -ENOMEM. */
int certificate_self(const SignKey *key, const char *name, uint8_t ret[CERTIFICATE_SELF_MAX], size_t *ret_size);

typedef struct Attester Attester;

/* From PEM text: one private key (P-256, not encrypted) and one to CERTIFICATE_CHAIN_MAX certificates, leaf first, each
 * signed by the next. The leaf's key must be the private key's; it must be of version 3 and say that it is not a CA, and
 * where it has the extension 1.3.6.1.4.1.45724.1.1.4 that must be `aaguid`. 0, -EINVAL (ret_why: a static English phrase
 * about the text; may be NULL), -ENOMEM. */
int attester_new(const void *pem, size_t size, const uint8_t aaguid[16], Attester **ret, const char **ret_why);
Attester *attester_free(Attester *attester);
DEFINE_CLEANUP(Attester *, attester_free)

/* The signing key, and the i-th certificate (DER; NULL past the end); both stay the attester's. */
const SignKey *attester_key(const Attester *attester);
const uint8_t *attester_certificate(const Attester *attester, size_t i, size_t *ret_size);
