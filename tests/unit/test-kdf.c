/* Argon2id against libargon2 (argon2id_hash_raw, one lane), its limits, and the calibration's promises. */
#include <errno.h>

#include "common/hex.h"
#include "crypto/kdf.h"
#include "tests/unit/test.h"

TEST(the_minimum_against_another_implementation)
{
        KdfParams params = {.memory_kib = KDF_MEMORY_MIN_KIB, .passes = KDF_PASSES_MIN};
        _cleanup_(key_freep) Key *key = NULL;
        char text[65];

        CHECK(arena_init() >= 0);
        for (unsigned i = 0; i < KDF_SALT_SIZE; i++)
                params.salt[i] = (uint8_t)i;
        CHECK_EQ(kdf_derive(&params, "correct horse", 13, &key), 0);
        hex_encode(key->bytes, sizeof(key->bytes), text);
        CHECK(strcmp(text, "e3c889ca40ed01e6b6771fc8a5bf16e35ad60b41c9bd5d7e6d63adf51e50b0fd") == 0);
}

TEST(parameters_out_of_limits_are_refused)
{
        static const uint32_t bad[][2] = {
                {KDF_MEMORY_MIN_KIB - 1, KDF_PASSES_MIN},
                {KDF_MEMORY_MIN_KIB, KDF_PASSES_MIN - 1},
                {KDF_MEMORY_MAX_KIB + 1, KDF_PASSES_MIN},
                {KDF_MEMORY_MIN_KIB, KDF_PASSES_MAX + 1},
                {0, 0},
                {UINT32_MAX, UINT32_MAX},
        };

        CHECK(arena_init() >= 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                KdfParams params = {.memory_kib = bad[i][0], .passes = bad[i][1]};
                Key *key = NULL;

                CHECK(!kdf_params_valid(&params));
                CHECK_EQ(kdf_derive(&params, "x", 1, &key), -EINVAL);
                CHECK(!key);
        }
}

TEST(calibration_stays_within_the_limits)
{
        KdfParams params = {0}, again = {0};

        CHECK(arena_init() >= 0);
        CHECK_EQ(kdf_calibrate(1, &params), 0);
        CHECK(kdf_params_valid(&params));
        CHECK_EQ(params.memory_kib, KDF_MEMORY_MIN_KIB);
        CHECK_EQ(params.passes, KDF_PASSES_MIN);
        CHECK_EQ(kdf_calibrate(1, &again), 0);
        CHECK(memcmp(params.salt, again.salt, sizeof(params.salt)) != 0);
}

TEST_MAIN
