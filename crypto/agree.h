/*
 * Agree: ephemeral ECDH on P-256 (OpenSSL), for CTAP's PIN protocols and hmac-secret
 */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"

typedef struct AgreeKey AgreeKey;

/* A fresh key pair. 0, -ENOMEM, -EIO. */
int agree_key_new(AgreeKey **ret);
/* The same from a given private value (big-endian), for test vectors. -EINVAL when out of range. */
int agree_key_new_from(const uint8_t private_key[32], AgreeKey **ret);
AgreeKey *agree_key_free(AgreeKey *key);
DEFINE_CLEANUP(AgreeKey *, agree_key_free)

/* x ‖ y of our public point. */
void agree_public(const AgreeKey *key, uint8_t ret[64]);

/* The x coordinate of the shared point. -EINVAL when `peer` (x ‖ y) is not a point of the curve, -ENOMEM. */
int agree(const AgreeKey *key, const uint8_t peer[64], uint8_t ret[32]);
