/* AES-CBC against the vectors of NIST SP 800-38A (F.2.1, F.2.2, F.2.5, F.2.6), and sizes that are none. */
#include <errno.h>

#include "crypto/cbc.h"
#include "tests/unit/crypto-tools.h"

#define IV "000102030405060708090a0b0c0d0e0f"
#define PLAIN                                                                                                          \
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                                             \
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define CIPHER_128                                                                                                     \
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"                                             \
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
#define KEY_256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define CIPHER_256                                                                                                     \
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"                                             \
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"

static void check(const char *key_hex, const char *cipher_hex)
{
        uint8_t key[32], iv[16], plain[64], cipher[64], out[64];
        size_t key_size = unhex(key_hex, key);

        unhex(IV, iv);
        CHECK_EQ(unhex(PLAIN, plain), sizeof(plain));
        CHECK_EQ(unhex(cipher_hex, cipher), sizeof(cipher));
        CHECK_EQ(cbc_encrypt(key, key_size, iv, plain, sizeof(plain), out), 0);
        CHECK(memcmp(out, cipher, sizeof(out)) == 0);
        CHECK_EQ(cbc_decrypt(key, key_size, iv, cipher, sizeof(cipher), out), 0);
        CHECK(memcmp(out, plain, sizeof(out)) == 0);
        /* In place, which is how a PIN is decrypted. */
        CHECK_EQ(cbc_encrypt(key, key_size, iv, out, sizeof(out), out), 0);
        CHECK(memcmp(out, cipher, sizeof(out)) == 0);
        CHECK_EQ(cbc_decrypt(key, key_size, iv, out, 16, out), 0);
        CHECK(memcmp(out, plain, 16) == 0 && memcmp(out + 16, cipher + 16, 48) == 0);
}

TEST(vectors)
{
        check(KEY_128, CIPHER_128);
        check(KEY_256, CIPHER_256);
}

TEST(wrong_sizes_are_refused)
{
        uint8_t key[64] = {0}, iv[16] = {0}, data[64] = {0}, out[64], untouched[64];

        memset(out, 0x5a, sizeof(out));
        memset(untouched, 0x5a, sizeof(untouched));
        for (size_t size = 0; size <= sizeof(data); size++) {
                if (size % CBC_BLOCK_SIZE == 0)
                        continue;
                CHECK_EQ(cbc_encrypt(key, 32, iv, data, size, out), -EINVAL);
                CHECK_EQ(cbc_decrypt(key, 32, iv, data, size, out), -EINVAL);
        }
        for (size_t size = 0; size <= sizeof(key); size++) {
                if (size == 16 || size == 32)
                        continue;
                CHECK_EQ(cbc_encrypt(key, size, iv, data, sizeof(data), out), -EINVAL);
                CHECK_EQ(cbc_decrypt(key, size, iv, data, sizeof(data), out), -EINVAL);
        }
        CHECK_EQ(cbc_encrypt(key, 32, iv, data, (size_t)1 << 31, out), -EINVAL);
        CHECK_EQ(cbc_decrypt(key, 32, iv, data, SIZE_MAX - 15, out), -EINVAL);
        CHECK_EQ(cbc_encrypt(key, 32, iv, NULL, 0, out), 0);
        CHECK_EQ(cbc_decrypt(key, 16, iv, NULL, 0, out), 0);
        CHECK(memcmp(out, untouched, sizeof(out)) == 0);
        CHECK_NO_ERRORS();
}

TEST_MAIN
