/*
 * Argon2id with a calibrated cost
 *
 * Calibration measures instead of extrapolating: a guess from few passes to many comes out a quarter short, because
 * the first pass pays for the page faults. It takes about three times the target, once per slot.
 */
#include "crypto/kdf.h"

#include <errno.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

#define CALIBRATE_MEMORY_MAX_KIB (256U * 1024U)

bool kdf_params_valid(const KdfParams *params)
{
        return params->memory_kib >= KDF_MEMORY_MIN_KIB && params->memory_kib <= KDF_MEMORY_MAX_KIB &&
               params->passes >= KDF_PASSES_MIN && params->passes <= KDF_PASSES_MAX;
}

int kdf_derive(const KdfParams *params, const void *password, size_t size, Key **ret)
{
        _cleanup_(key_freep) Key *key = NULL;

        _Static_assert(KDF_SALT_SIZE == crypto_pwhash_argon2id_SALTBYTES, "salt size of Argon2id");

        if (!kdf_params_valid(params))
                return -EINVAL;
        key = key_new();
        if (!key)
                return -ENOMEM;
        if (crypto_pwhash_argon2id(key->bytes, sizeof(key->bytes), password, size, params->salt, params->passes,
                                   (size_t)params->memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(key);
        return 0;
}

static uint64_t now_ms(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int measure(const KdfParams *params, uint64_t *ret_ms)
{
        _cleanup_(key_freep) Key *key = NULL;
        uint64_t begin = now_ms();
        int r;

        r = kdf_derive(params, "calibration", 11, &key);
        if (r < 0)
                return r;
        *ret_ms = now_ms() - begin;
        return 0;
}

int kdf_calibrate(unsigned target_ms, KdfParams *ret)
{
        KdfParams params = {.memory_kib = KDF_MEMORY_MIN_KIB, .passes = KDF_PASSES_MIN};
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        uint64_t quarter_kib = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 4096 : KDF_MEMORY_MIN_KIB;
        uint64_t ms;
        int r;

        if (target_ms == 0)
                target_ms = KDF_TARGET_MS;

        r = measure(&params, &ms);
        if (r < 0)
                return r;

        while (ms * 2 <= target_ms && params.memory_kib * 2 <= CALIBRATE_MEMORY_MAX_KIB &&
               params.memory_kib * 2 <= quarter_kib) {
                params.memory_kib *= 2;
                r = measure(&params, &ms);
                if (r == -ENOMEM) {
                        params.memory_kib /= 2;
                        break;
                }
                if (r < 0)
                        return r;
        }

        /* The rest by passes. The first guess is measured, too, and mended once. */
        for (unsigned i = 0; i < 2 && ms > 0 && ms < target_ms; i++) {
                uint64_t passes = params.passes * (uint64_t)target_ms / ms;

                if (passes <= params.passes)
                        break;
                params.passes = passes > KDF_PASSES_MAX ? KDF_PASSES_MAX : (uint32_t)passes;
                if (i == 0) {
                        r = measure(&params, &ms);
                        if (r < 0)
                                return r;
                }
        }

        randombytes_buf(params.salt, sizeof(params.salt));
        *ret = params;
        return 0;
}
