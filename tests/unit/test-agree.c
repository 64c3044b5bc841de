/* ECDH on P-256: a vector of NIST's CAVS (KAS ECC CDH, P-256, count 0), and peers that are no points. */
#include <errno.h>
#include <openssl/crypto.h>

#include "crypto/agree.h"
#include "tests/unit/crypto-tools.h"

#define PEER                                                                                                           \
        "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"                                             \
        "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
#define PRIVATE "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"
#define PUBLIC                                                                                                         \
        "ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b230"                                             \
        "28af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141"
#define BASE                                                                                                           \
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                                             \
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define SHARED "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"

static AgreeKey *key_of(const char *private_hex)
{
        uint8_t private_key[32];
        AgreeKey *key = NULL;

        CHECK(arena_init() >= 0);
        unhex(private_hex, private_key);
        CHECK_EQ(agree_key_new_from(private_key, &key), 0);
        return key;
}

TEST(the_vector)
{
        _cleanup_(agree_key_freep) AgreeKey *key = key_of(PRIVATE);
        uint8_t peer[64], out[64];

        agree_public(key, out);
        CHECK_HEX(out, PUBLIC);
        unhex(PEER, peer);
        CHECK_EQ(agree(key, peer, out), 0);
        CHECK_HEX(out, SHARED);
}

TEST(two_sides_agree_and_pairs_are_fresh)
{
        CHECK(arena_init() >= 0);
        for (unsigned i = 0; i < 20; i++) {
                _cleanup_(agree_key_freep) AgreeKey *a = NULL, *b = NULL;
                uint8_t ours[64], theirs[64], x[32], y[32];

                CHECK_EQ(agree_key_new(&a), 0);
                CHECK_EQ(agree_key_new(&b), 0);
                agree_public(a, ours);
                agree_public(b, theirs);
                CHECK(memcmp(ours, theirs, sizeof(ours)) != 0);
                memset(x, 1, sizeof(x));
                memset(y, 2, sizeof(y));
                CHECK_EQ(agree(a, theirs, x), 0);
                CHECK_EQ(agree(b, ours, y), 0);
                CHECK(memcmp(x, y, sizeof(x)) == 0);
                CHECK(memcmp(x, ours, sizeof(x)) != 0 && memcmp(x, theirs, sizeof(x)) != 0);
        }
}

TEST(one_times_a_point_is_its_x)
{
        _cleanup_(agree_key_freep) AgreeKey *key =
                key_of("0000000000000000000000000000000000000000000000000000000000000001");
        uint8_t peer[64], out[64];

        unhex(PEER, peer);
        CHECK_EQ(agree(key, peer, out), 0);
        CHECK(memcmp(out, peer, 32) == 0);
        agree_public(key, out);
        CHECK_HEX(out, BASE);
}

/* 379 times the base point, computed with Python's integers. */
TEST(a_leading_zero_is_kept)
{
        _cleanup_(agree_key_freep) AgreeKey *key =
                key_of("000000000000000000000000000000000000000000000000000000000000017b");
        uint8_t base[64], out[64];

        unhex(BASE, base);
        CHECK_EQ(agree(key, base, out), 0);
        CHECK_HEX(out, "005543894af3d00ed7d740abdbd75c96b06877b787db5f70eea78b90a8d7c00a");
        agree_public(key, out);
        CHECK_HEX(out, "005543894af3d00ed7d740abdbd75c96b06877b787db5f70eea78b90a8d7c00a");
}

static void check_refused(const AgreeKey *key, const uint8_t peer[64])
{
        uint8_t out[32], untouched[32];

        memset(out, 0x5a, sizeof(out));
        memset(untouched, 0x5a, sizeof(untouched));
        CHECK_EQ(agree(key, peer, out), -EINVAL);
        CHECK(memcmp(out, untouched, sizeof(out)) == 0);
        CHECK_NO_ERRORS();
}

TEST(peers_that_are_no_points)
{
        _cleanup_(agree_key_freep) AgreeKey *key = key_of(PRIVATE);
        uint8_t peer[64], out[32];

        for (unsigned i = 0; i < 64; i++) {
                unhex(PEER, peer);
                peer[i] ^= 1;
                check_refused(key, peer);
        }
        memset(peer, 0, sizeof(peer));
        check_refused(key, peer);
        memset(peer, 0xff, sizeof(peer));
        check_refused(key, peer);

        /* x = 5 is on the curve; 5 + p, which still fits, is the same number written in a way that is not allowed. */
        unhex("0000000000000000000000000000000000000000000000000000000000000005"
              "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc",
              peer);
        CHECK_EQ(agree(key, peer, out), 0);
        unhex("ffffffff00000001000000000000000000000001000000000000000000000004", peer);
        check_refused(key, peer);
        unhex("0000000000000000000000000000000000000000000000000000000000000005", peer);
        CHECK_EQ(agree(key, peer, out), 0);
}

TEST(private_values_out_of_range)
{
        uint8_t private_key[32] = {0};
        AgreeKey *key = NULL;

        CHECK(arena_init() >= 0);
        CHECK_EQ(agree_key_new_from(private_key, &key), -EINVAL);
        unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", private_key);
        CHECK_EQ(agree_key_new_from(private_key, &key), -EINVAL);
        private_key[31]--;
        CHECK(!key);
        CHECK_EQ(agree_key_new_from(private_key, &key), 0);
        key = agree_key_free(key);
        CHECK(!key && !agree_key_free(NULL));
}

TEST(a_full_arena_is_told_and_nothing_stays_in_it)
{
        AgreeKey *key = key_of(PRIVATE), *other = NULL;
        uint8_t peer[64], out[32];
        size_t used;
        void *all;

        /* From its first use on, OpenSSL's random generator has a place in the arena. */
        CHECK_EQ(agree_key_new(&other), 0);
        other = agree_key_free(other);
        used = CRYPTO_secure_used();
        all = arena_fill();
        unhex(PEER, peer);
        CHECK_EQ(agree(key, peer, out), -ENOMEM);
        CHECK_EQ(agree_key_new(&other), -ENOMEM);
        CHECK(!other);
        CHECK_NO_ERRORS();
        arena_drain(all);
        CHECK_EQ(agree(key, peer, out), 0);
        CHECK_HEX(out, SHARED);
        CHECK_AS_ARENA_DRAINS(agree(key, peer, out));
        CHECK_EQ(CRYPTO_secure_used(), used);
        agree_key_free(key);
        CHECK(CRYPTO_secure_used() < used);
}

TEST_MAIN
