/* Keys and signatures: known answers (RFC 6979 A.2.5 and A.2.6, RFC 8032 7.1), round trips, and what is refused. */
#include <errno.h>
#include <openssl/crypto.h>

#include "crypto/sign.h"
#include "tests/unit/crypto-tools.h"

typedef struct Vector {
        SignKind kind;
        const char *private_key, *public_key, *data, *signature;
} Vector;

static const Vector vectors[] = {
        {SIGN_P256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
         "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
         "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
         "73616d706c65",
         "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
         "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
        {SIGN_P384,
         "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
         "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
         "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
         "73616d706c65",
         "306602310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
         "02310099ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
        {SIGN_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {SIGN_ED25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static const SignKind kinds[] = {SIGN_P256, SIGN_P384, SIGN_P521, SIGN_ED25519};

static SignKey generate(SignKind kind)
{
        SignKey key;

        CHECK(arena_init() >= 0);
        CHECK_EQ(sign_generate(kind, &key), 0);
        CHECK_EQ(key.kind, kind);
        return key;
}

TEST(sizes)
{
        CHECK_EQ(sign_private_size(SIGN_P256), 32);
        CHECK_EQ(sign_private_size(SIGN_P384), 48);
        CHECK_EQ(sign_private_size(SIGN_ED25519), 32);
        CHECK_EQ(sign_private_size(0), 0);
        CHECK_EQ(sign_public_size(SIGN_P256), 64);
        CHECK_EQ(sign_public_size(SIGN_P384), 96);
        CHECK_EQ(sign_public_size(SIGN_ED25519), 32);
        CHECK_EQ(sign_private_size(SIGN_P521), 66);
        CHECK_EQ(sign_public_size(SIGN_P521), 132);
        CHECK_EQ(sign_public_size(5), 0);
}

TEST(known_answers)
{
        CHECK(arena_init() >= 0);
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                const Vector *vector = &vectors[i];
                uint8_t data[16], signature[SIGN_SIGNATURE_MAX], public_key[SIGN_PUBLIC_MAX], out[SIGN_SIGNATURE_MAX];
                size_t data_size = unhex(vector->data, data), size = unhex(vector->signature, signature), out_size;
                SignKey key = {.kind = vector->kind};

                CHECK_EQ(unhex(vector->private_key, key.private_key), sign_private_size(key.kind));
                CHECK_EQ(unhex(vector->public_key, public_key), sign_public_size(key.kind));
                CHECK_EQ(sign_complete(&key), 0);
                CHECK(memcmp(key.public_key, public_key, sign_public_size(key.kind)) == 0);
                CHECK_EQ(sign_verify(&key, data, data_size, signature, size), 0);
                if (key.kind != SIGN_ED25519)
                        continue;
                /* The kind whose signatures have no random part. */
                CHECK_EQ(sign(&key, data, data_size, out, &out_size), 0);
                CHECK_EQ(out_size, size);
                CHECK(memcmp(out, signature, size) == 0);
        }
}

TEST(round_trips_and_tampering)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                SignKey key = generate(kinds[k]), other = generate(kinds[k]), public_only = {.kind = kinds[k]};
                uint8_t data[100], signature[SIGN_SIGNATURE_MAX];
                size_t size;

                memset(data, (int)k, sizeof(data));
                memcpy(public_only.public_key, key.public_key, sizeof(key.public_key));
                CHECK_EQ(sign(&key, data, sizeof(data), signature, &size), 0);
                CHECK(size > 0 && size <= SIGN_SIGNATURE_MAX);
                CHECK_EQ(sign_verify(&public_only, data, sizeof(data), signature, size), 0);
                CHECK_EQ(sign_verify(&other, data, sizeof(data), signature, size), -EBADMSG);
                CHECK_EQ(sign_verify(&key, data, sizeof(data) - 1, signature, size), -EBADMSG);
                data[99] ^= 0x80;
                CHECK_EQ(sign_verify(&key, data, sizeof(data), signature, size), -EBADMSG);
                data[99] ^= 0x80;
                for (size_t i = 0; i < size; i++) {
                        signature[i] ^= 1;
                        CHECK_EQ(sign_verify(&key, data, sizeof(data), signature, size), -EBADMSG);
                        signature[i] ^= 1;
                        if (i % 8 == 0)
                                CHECK_EQ(sign_verify(&key, data, sizeof(data), signature, i), -EBADMSG);
                }
                CHECK_EQ(sign_verify(&key, data, sizeof(data), signature, size), 0);
                CHECK_NO_ERRORS();
        }
}

TEST(keys_are_fresh_and_complete)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                SignKey key = generate(kinds[k]), other = generate(kinds[k]), again = {.kind = kinds[k]};

                CHECK(memcmp(key.private_key, other.private_key, sizeof(key.private_key)) != 0);
                memcpy(again.private_key, key.private_key, sizeof(key.private_key));
                CHECK_EQ(sign_complete(&again), 0);
                CHECK(memcmp(again.public_key, key.public_key, sizeof(key.public_key)) == 0);
        }
}

/* 0, the order and what is above it are no private values; 1 and the order less one are. */
static void check_range(SignKind kind, const char *order)
{
        SignKey key = {.kind = kind}, first;
        size_t size = sign_private_size(kind), n;
        uint8_t signature[SIGN_SIGNATURE_MAX];

        CHECK_EQ(sign_complete(&key), -EINVAL);
        CHECK_EQ(unhex(order, key.private_key), size);
        CHECK_EQ(sign_complete(&key), -EINVAL);
        key.private_key[size - 1]++;
        CHECK_EQ(sign_complete(&key), -EINVAL);
        memset(key.private_key, 0xff, size);
        CHECK_EQ(sign_complete(&key), -EINVAL);

        memset(key.private_key, 0, size);
        key.private_key[size - 1] = 1;
        CHECK_EQ(sign_complete(&key), 0);
        first = key;
        unhex(order, key.private_key);
        key.private_key[size - 1]--;
        CHECK_EQ(sign_complete(&key), 0);
        /* The last point is the first one's mirror image. */
        CHECK(memcmp(key.public_key, first.public_key, size) == 0);
        CHECK(memcmp(key.public_key + size, first.public_key + size, size) != 0);
        CHECK_EQ(sign(&key, "x", 1, signature, &n), 0);
        CHECK_EQ(sign_verify(&key, "x", 1, signature, n), 0);

        unhex(order, key.private_key);
        CHECK_EQ(sign(&key, "x", 1, signature, &n), -EINVAL);
        memset(key.private_key, 0, size);
        CHECK_EQ(sign(&key, "x", 1, signature, &n), -EINVAL);
        CHECK_NO_ERRORS();
}

TEST(private_values_out_of_range)
{
        CHECK(arena_init() >= 0);
        check_range(SIGN_P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        check_range(SIGN_P384, "ffffffffffffffffffffffffffffffffffffffffffffffff"
                               "c7634d81f4372ddf581a0db248b0a77aecec196accc52973");
        check_range(SIGN_P521, "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                               "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409");
}

TEST(points_that_are_none)
{
        for (size_t k = 0; k < 3; k++) {
                SignKey key = generate(kinds[k]);
                uint8_t signature[SIGN_SIGNATURE_MAX];
                size_t size;

                CHECK_EQ(sign(&key, "x", 1, signature, &size), 0);
                key.public_key[0] ^= 1;
                CHECK_EQ(sign_verify(&key, "x", 1, signature, size), -EINVAL);
                CHECK_EQ(sign(&key, "x", 1, signature, &size), -EINVAL);
                memset(key.public_key, 0, sizeof(key.public_key));
                CHECK_EQ(sign_verify(&key, "x", 1, signature, size), -EINVAL);
                CHECK_NO_ERRORS();
        }
}

TEST(kinds_that_are_none)
{
        SignKey key = {.kind = 6}, untouched = {.kind = 5};
        uint8_t signature[SIGN_SIGNATURE_MAX] = {0};
        size_t size;

        CHECK_EQ(sign_generate(0, &untouched), -EINVAL);
        CHECK_EQ(untouched.kind, 5);
        CHECK_EQ(sign_complete(&key), -EINVAL);
        CHECK_EQ(sign(&key, "x", 1, signature, &size), -EINVAL);
        CHECK_EQ(sign_verify(&key, "x", 1, signature, 64), -EINVAL);
}

TEST(a_signer_signs_again_and_again_and_leaves_nothing_in_the_arena)
{
        size_t used;

        CHECK(arena_init() >= 0);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                uint8_t signature[SIGN_SIGNATURE_MAX], message[] = {1, 2, 3};
                SignKey key, none = {.kind = kinds[i]};
                Signer *signer;
                size_t size;

                CHECK_EQ(sign_generate(kinds[i], &key), 0);
                used = CRYPTO_secure_used();
                CHECK_EQ(signer_new(&key, &signer), 0);
                for (unsigned round = 0; round < 3; round++) {
                        message[0]++;
                        CHECK_EQ(signer_sign(signer, message, sizeof(message), signature, &size), 0);
                        CHECK_EQ(sign_verify(&key, message, sizeof(message), signature, size), 0);
                        message[1]++;
                        CHECK_EQ(sign_verify(&key, message, sizeof(message), signature, size), -EBADMSG);
                }
                CHECK(CRYPTO_secure_used() > used);
                CHECK(!signer_free(signer));
                CHECK_EQ(CRYPTO_secure_used(), used);
                if (kinds[i] != SIGN_ED25519) /* there every seed is a key */
                        CHECK_EQ(signer_new(&none, &signer), -EINVAL);
        }
}

TEST(nothing_to_sign)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                SignKey key = generate(kinds[k]);
                uint8_t signature[SIGN_SIGNATURE_MAX];
                size_t size;

                CHECK_EQ(sign(&key, NULL, 0, signature, &size), 0);
                CHECK_EQ(sign_verify(&key, NULL, 0, signature, size), 0);
                CHECK_EQ(sign_verify(&key, "", 1, signature, size), -EBADMSG);
        }
}

TEST(a_full_arena_is_told_and_nothing_stays_in_it)
{
        SignKey key = generate(SIGN_P256), unused = {.kind = 5};
        uint8_t signature[SIGN_SIGNATURE_MAX];
        size_t size, used = CRYPTO_secure_used();
        void *all = arena_fill();

        CHECK_EQ(sign(&key, "x", 1, signature, &size), -ENOMEM);
        CHECK_EQ(sign_complete(&key), -ENOMEM);
        CHECK_EQ(sign_generate(SIGN_P256, &unused), -ENOMEM);
        CHECK_EQ(unused.kind, 5);
        CHECK_NO_ERRORS();
        arena_drain(all);
        CHECK_EQ(sign(&key, "x", 1, signature, &size), 0);
        CHECK_EQ(sign_generate(SIGN_P256, &unused), 0);
        CHECK_AS_ARENA_DRAINS(sign(&key, "x", 1, signature, &size));
        CHECK_AS_ARENA_DRAINS(sign_complete(&key));
        CHECK_EQ(CRYPTO_secure_used(), used);
}

TEST_MAIN
