/* Sealing against vectors that other code made (draft-irtf-cfrg-xchacha-03 A.3.1; BLAKE2b from Python's hashlib). */
#include <errno.h>

#include "common/hex.h"
#include "crypto/seal.h"
#include "tests/unit/test.h"

static Key *counting_key(uint8_t first)
{
        uint8_t bytes[32];
        Key *key;

        for (unsigned i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)(first + i);
        CHECK(arena_init() >= 0);
        key = key_new_from(bytes);
        CHECK(key);
        return key;
}

TEST(the_draft_vector_opens)
{
        static const char text[] =
                "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                "future, sunscreen would be it.";
        static const char box_hex[] = "404142434445464748494a4b4c4d4e4f5051525354555657"
                                      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                                      "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                                      "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                                      "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49";
        _cleanup_(key_freep) Key *key = counting_key(0x80);
        uint8_t box[(sizeof(box_hex) - 1) / 2], ad[12], plain[sizeof(box)];

        CHECK_EQ(hex_decode(box_hex, box, sizeof(box)), 0);
        CHECK_EQ(hex_decode("50515253c0c1c2c3c4c5c6c7", ad, sizeof(ad)), 0);
        CHECK_EQ(sizeof(box), sizeof(text) - 1 + SEAL_OVERHEAD);
        CHECK_EQ(seal_open(key, ad, sizeof(ad), box, sizeof(box), plain), 0);
        CHECK(memcmp(plain, text, sizeof(text) - 1) == 0);
}

TEST(what_is_sealed_opens_and_nothing_else_does)
{
        _cleanup_(key_freep) Key *key = counting_key(1), *other = counting_key(2);
        uint8_t box[5 + SEAL_OVERHEAD], again[sizeof(box)], plain[5];

        seal(key, "ad", 2, "hello", 5, box);
        seal(key, "ad", 2, "hello", 5, again);
        CHECK(memcmp(box, again, sizeof(box)) != 0);
        CHECK_EQ(seal_open(key, "ad", 2, box, sizeof(box), plain), 0);
        CHECK(memcmp(plain, "hello", 5) == 0);
        CHECK_EQ(seal_open(key, "ae", 2, box, sizeof(box), plain), -EBADMSG);
        CHECK_EQ(seal_open(other, "ad", 2, box, sizeof(box), plain), -EBADMSG);
        for (size_t i = 0; i < sizeof(box); i++) {
                box[i] ^= 1;
                CHECK_EQ(seal_open(key, "ad", 2, box, sizeof(box), plain), -EBADMSG);
                box[i] ^= 1;
                CHECK_EQ(seal_open(key, "ad", 2, box, i, plain), -EBADMSG);
        }
}

static void check_hex(const uint8_t *bytes, size_t size, const char *want)
{
        char text[129];

        hex_encode(bytes, size, text);
        CHECK(strcmp(text, want) == 0);
}

TEST(keyed_hashes)
{
        _cleanup_(key_freep) Key *key = counting_key(0), *derived = NULL, *other = NULL;
        uint8_t out[32];

        mac(key, "abc", 3, out, 16);
        check_hex(out, 16, "1a64be47e4729d951c302ee543f97cf3");
        mac(key, "abc", 3, out, 32);
        check_hex(out, 32, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
        digest("abc", 3, out);
        check_hex(out, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
        derived = key_derive(key, "label", "context", 7);
        CHECK(derived);
        check_hex(derived->bytes, 32, "33243bac5a0edd4db90a789a154b2ba6d1d9c36df417b2c001a25d7512fad98c");
        /* The label is framed: a byte moved from label to context gives another key. */
        other = key_derive(key, "labelc", "ontext", 6);
        CHECK(other && memcmp(other, derived, sizeof(*other)) != 0);
}

TEST(equality)
{
        CHECK(bytes_equal("abc", "abc", 3));
        CHECK(!bytes_equal("abc", "abd", 3));
        CHECK(bytes_equal("a", "b", 0));
}

TEST_MAIN
