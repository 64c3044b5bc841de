/* RSA: what is made and signed fits, and numbers that don't belong together are refused */
#include <errno.h>

#include "crypto/rsa.h"
#include "tests/unit/crypto-tools.h"

static RsaPrivate generate(unsigned bits, uint8_t **ret_memory)
{
        RsaPrivate key;

        CHECK(arena_init() >= 0);
        CHECK_EQ(rsa_generate(bits, &key, ret_memory), 0);
        CHECK_EQ(rsa_bits(&key.public), bits);
        CHECK_EQ(rsa_check(&key), 0);
        return key;
}

static int sign_once(const RsaPrivate *key, RsaHash hash, const void *data, size_t size, uint8_t *ret)
{
        _cleanup_(rsa_signer_freep) RsaSigner *signer = NULL;
        int r;

        r = rsa_signer_new(key, &signer);
        return r < 0 ? r : rsa_signer_sign(signer, hash, data, size, ret);
}

TEST(signatures_of_all_hashes_fit)
{
        static const unsigned bits[] = {1024, 2048, 3072};

        for (size_t i = 0; i < ELEMENTSOF(bits); i++) {
                uint8_t *memory, signature[RSA_SIZE_MAX];
                RsaPrivate key = generate(bits[i], &memory);
                size_t n = bits[i] / 8;

                for (RsaHash hash = RSA_WITH_SHA1; hash <= RSA_WITH_SHA512; hash++) {
                        CHECK_EQ(sign_once(&key, hash, "message", 7, signature), 0);
                        CHECK_EQ(rsa_verify(&key.public, hash, "message", 7, signature, n), 0);
                        CHECK_EQ(rsa_verify(&key.public, hash, "massage", 7, signature, n), -EBADMSG);
                        CHECK_EQ(rsa_verify(&key.public, hash, "message", 7, signature, n - 1), -EBADMSG);
                        CHECK_EQ(rsa_verify(&key.public, hash == RSA_WITH_SHA512 ? RSA_WITH_SHA1 : hash + 1, "message", 7,
                                            signature, n), -EBADMSG);
                        signature[n / 2] ^= 1;
                        CHECK_EQ(rsa_verify(&key.public, hash, "message", 7, signature, n), -EBADMSG);
                }
                CHECK_EQ(sign_once(&key, (RsaHash)0, "x", 1, signature), -EINVAL);
                CHECK_EQ(rsa_verify(&key.public, (RsaHash)4, "x", 1, signature, n), -EINVAL);
                CHECK_NO_ERRORS();
                arena_free(memory);
        }
}

TEST(numbers_that_do_not_belong_together)
{
        uint8_t *memory, *other_memory;
        RsaPrivate key = generate(1024, &memory), other = generate(1024, &other_memory), bad;
        RsaNumber *numbers[] = {&bad.public.n, &bad.public.e, &bad.d, &bad.p, &bad.q, &bad.iqmp};
        RsaNumber *others[] = {&other.public.n, NULL, &other.d, &other.p, &other.q, &other.iqmp};
        static const uint8_t three = 3, one = 1, zero = 0;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                if (others[i]) {
                        bad = key;
                        *numbers[i] = *others[i];
                        CHECK_EQ(rsa_check(&bad), -EINVAL);
                }
                for (size_t k = 0; k < 4; k++) {
                        bad = key;
                        *numbers[i] = (RsaNumber[]){{&three, 1}, {&one, 1}, {&zero, 1}, {&one, 0}}[k];
                        CHECK_EQ(rsa_check(&bad), -EINVAL);
                }
        }
        bad = key;
        bad.p = key.q;
        bad.q = key.p;
        CHECK_EQ(rsa_check(&bad), -EINVAL); /* the coefficient is the other one's */
        CHECK_NO_ERRORS();
        arena_free(memory);
        arena_free(other_memory);
}

TEST(public_keys_within_limits)
{
        uint8_t n[RSA_SIZE_MAX + 1], e[RSA_EXPONENT_MAX + 1];
        RsaPublic key = {{n, sizeof(n) - 1}, {e, sizeof(e) - 1}};

        memset(n, 0xff, sizeof(n));
        memset(e, 0xff, sizeof(e));
        CHECK_EQ(rsa_bits(&key), RSA_BITS_MAX);
        key.n.size++;
        CHECK_EQ(rsa_bits(&key), 0);
        key.n.size = RSA_BITS_MIN / 8;
        CHECK_EQ(rsa_bits(&key), RSA_BITS_MIN);
        n[0] = 0x7f;
        CHECK_EQ(rsa_bits(&key), 0);
        key.n.size++;
        CHECK_EQ(rsa_bits(&key), RSA_BITS_MIN + 7);
        key.e.size++;
        CHECK_EQ(rsa_bits(&key), 0);
        key.e.size = 1;
        e[0] = 1;
        CHECK_EQ(rsa_bits(&key), 0);
        e[0] = 3;
        CHECK_EQ(rsa_bits(&key), RSA_BITS_MIN + 7);
        n[key.n.size - 1] = 2;
        CHECK_EQ(rsa_bits(&key), 0);
        CHECK_EQ(rsa_verify(&key, RSA_WITH_SHA256, "x", 1, n, key.n.size), -EINVAL);
}

TEST(sizes_that_are_not_made)
{
        RsaPrivate key;
        uint8_t *memory;

        CHECK_EQ(rsa_generate(RSA_BITS_MIN - 1, &key, &memory), -EINVAL);
        CHECK_EQ(rsa_generate(RSA_BITS_MAX + 1, &key, &memory), -EINVAL);
}

TEST(a_full_arena_is_told)
{
        uint8_t *memory, signature[RSA_SIZE_MAX];
        RsaPrivate key = generate(1024, &memory), none;
        size_t used = CRYPTO_secure_used();
        void *all = arena_fill();
        uint8_t *no_memory;

        CHECK_EQ(sign_once(&key, RSA_WITH_SHA256, "x", 1, signature), -ENOMEM);
        CHECK_EQ(rsa_check(&key), -ENOMEM);
        CHECK_EQ(rsa_generate(1024, &none, &no_memory), -ENOMEM);
        CHECK_NO_ERRORS();
        arena_drain(all);
        CHECK_EQ(CRYPTO_secure_used(), used);
        CHECK_AS_ARENA_DRAINS(rsa_check(&key));
        CHECK_AS_ARENA_DRAINS(sign_once(&key, RSA_WITH_SHA256, "x", 1, signature));
        arena_free(memory);
}

TEST_MAIN
