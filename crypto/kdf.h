/*
 * KDF: Argon2id (RFC 9106, libsodium, one lane) from a password to a key
 *
 * Memory is raised before passes, because memory is what an attacker pays for. Parameters that come from a file are
 * checked against these limits before anything is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/arena.h"

#define KDF_SALT_SIZE      16U
#define KDF_MEMORY_MIN_KIB (64U * 1024U)
#define KDF_MEMORY_MAX_KIB (4U * 1024U * 1024U)
#define KDF_PASSES_MIN     3U
#define KDF_PASSES_MAX     1000U
#define KDF_TARGET_MS      500U

typedef struct KdfParams {
        uint32_t memory_kib;
        uint32_t passes;
        uint8_t salt[KDF_SALT_SIZE];
} KdfParams;

/* Whether memory and passes are within the limits. */
bool kdf_params_valid(const KdfParams *params);

/* Derives the key; takes the time the parameters ask for, so it belongs on a thread. 0, -EINVAL for parameters out of
 * limits, -ENOMEM. */
int kdf_derive(const KdfParams *params, const void *password, size_t size, Key **ret);

/*
 * Finds memory and passes that take about `target_ms` on this machine (0: KDF_TARGET_MS) by running the KDF, never below
 * the minimum, memory at most 256 MiB and at most a quarter of the machine's. Fills the salt with fresh random bytes.
 */
int kdf_calibrate(unsigned target_ms, KdfParams *ret);
