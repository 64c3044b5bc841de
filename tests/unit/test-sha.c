/* SHA-256, HMAC and HKDF against the vectors of FIPS 180-4, RFC 4231 and RFC 5869. */
#include "crypto/sha.h"
#include "tests/unit/crypto-tools.h"

TEST(sha256_vectors)
{
        static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        uint8_t out[SHA256_SIZE], *million = malloc(1000000);

        CHECK(million);
        sha256(NULL, 0, out);
        CHECK_HEX(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        sha256("abc", 3, out);
        CHECK_HEX(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        sha256(two_blocks, strlen(two_blocks), out);
        CHECK_HEX(out, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        memset(million, 'a', 1000000);
        sha256(million, 1000000, out);
        CHECK_HEX(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
        free(million);
}

TEST(two_pieces_are_hashed_as_one)
{
        uint8_t data[130], whole[SHA256_SIZE], out[SHA256_SIZE];

        for (unsigned i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)i;
        sha256(data, sizeof(data), whole);
        for (size_t cut = 0; cut <= sizeof(data); cut++) {
                sha256_two(data, cut, data + cut, sizeof(data) - cut, out);
                CHECK(memcmp(out, whole, sizeof(out)) == 0);
        }
        sha256_two(data, sizeof(data), NULL, 0, out);
        CHECK(memcmp(out, whole, sizeof(out)) == 0);
        sha256_two(NULL, 0, data, sizeof(data), out);
        CHECK(memcmp(out, whole, sizeof(out)) == 0);
}

TEST(hmac_vectors)
{
        static const char fits[] = "Test Using Larger Than Block-Size Key - Hash Key First";
        static const char long_data[] =
                "This is a test using a larger than block-size key and a larger than block-size data. The key needs "
                "to be hashed before being used by the HMAC algorithm.";
        uint8_t key[131], data[50], out[SHA256_SIZE];

        memset(key, 0x0b, 20);
        hmac_sha256(key, 20, "Hi There", 8, out);
        CHECK_HEX(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
        CHECK_HEX(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        memset(key, 0xaa, sizeof(key));
        memset(data, 0xdd, sizeof(data));
        hmac_sha256(key, 20, data, sizeof(data), out);
        CHECK_HEX(out, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
        hmac_sha256(key, sizeof(key), fits, strlen(fits), out);
        CHECK_HEX(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        hmac_sha256(key, sizeof(key), long_data, strlen(long_data), out);
        CHECK_HEX(out, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
        hmac_sha256(NULL, 0, NULL, 0, out);
        CHECK_HEX(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(hkdf_vectors)
{
        uint8_t key[22], salt[13], info[10], out[42];

        memset(key, 0x0b, sizeof(key));
        CHECK_EQ(unhex("000102030405060708090a0b0c", salt), sizeof(salt));
        CHECK_EQ(unhex("f0f1f2f3f4f5f6f7f8f9", info), sizeof(info));
        hkdf_sha256(salt, sizeof(salt), key, sizeof(key), info, sizeof(info), out, sizeof(out));
        CHECK_HEX(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
        hkdf_sha256(NULL, 0, key, sizeof(key), NULL, 0, out, sizeof(out));
        CHECK_HEX(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(hkdf_of_longer_inputs_and_the_longest_output)
{
        static uint8_t longest[255 * SHA256_SIZE + 1];
        uint8_t key[80], salt[80], info[80], out[82], zeros[32] = {0};

        for (unsigned i = 0; i < 80; i++) {
                key[i] = (uint8_t)i;
                salt[i] = (uint8_t)(0x60 + i);
                info[i] = (uint8_t)(0xb0 + i);
        }
        hkdf_sha256(salt, 80, key, 80, info, 80, out, sizeof(out));
        CHECK_HEX(out, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                       "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                       "cc30c58179ec3e87c14c01d5c1f3434f1d87");

        longest[sizeof(longest) - 1] = 0x5a;
        hkdf_sha256(salt, 80, key, 80, info, 80, longest, sizeof(longest) - 1);
        CHECK(memcmp(longest, out, sizeof(out)) == 0);
        CHECK_EQ(longest[sizeof(longest) - 1], 0x5a);
        CHECK(memcmp(longest + sizeof(longest) - 1 - SHA256_SIZE, zeros, sizeof(zeros)) != 0);

        /* No salt and 32 zeros are the same. */
        hkdf_sha256(NULL, 0, key, 80, info, 80, out, 32);
        hkdf_sha256(zeros, 32, key, 80, info, 80, out + 32, 32);
        CHECK(memcmp(out, out + 32, 32) == 0);
}

TEST_MAIN
