/* Signatures that are made elsewhere: r ‖ s as DER, and the digest that goes with a curve */
#include <errno.h>

#include "crypto/arena.h"
#include "crypto/sign.h"
#include "tests/unit/test.h"

/* Takes DER apart into two numbers of `size` bytes. */
static void decode(const uint8_t *der, size_t n, size_t size, uint8_t *ret)
{
        size_t head = der[1] == 0x81 ? 3 : 2;
        const uint8_t *p = der + head;

        CHECK(der[0] == 0x30 && der[head - 1] == n - head);
        CHECK((n - head > 127) == (head == 3));
        memset(ret, 0, 2 * size);
        for (size_t i = 0; i < 2; i++) {
                size_t length = p[1];

                CHECK(p[0] == 0x02 && length > 0 && p + 2 + length <= der + n);
                CHECK(!(p[2] & 0x80));                          /* it would be negative */
                CHECK(length == 1 || p[2] != 0 || p[3] & 0x80); /* the shortest */
                if (p[2] == 0 && length > 1) {
                        p++;
                        length--;
                }
                CHECK(length <= size);
                memcpy(ret + i * size + size - length, p + 2, length);
                p += 2 + length;
        }
        CHECK(p == der + n);
}

TEST(numbers_of_all_lengths)
{
        static const SignKind kinds[] = {SIGN_P256, SIGN_P384, SIGN_P521};

        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                size_t size = sign_private_size(kinds[k]);

                for (size_t zeros = 0; zeros <= size; zeros++)
                        for (unsigned first = 1; first < 256; first += 127) {
                                uint8_t pair[2 * SIGN_PRIVATE_MAX] = {0}, der[SIGN_SIGNATURE_MAX], got[sizeof(pair)];
                                size_t n = 0;

                                for (size_t i = zeros; i < size; i++)
                                        pair[i] = pair[2 * size - 1 - (i - zeros)] = (uint8_t)(i == zeros ? first : i);
                                CHECK_EQ(signature_encode(kinds[k], pair, 2 * size, der, &n), 0);
                                CHECK(n <= SIGN_SIGNATURE_MAX);
                                decode(der, n, size, got);
                                CHECK(memcmp(got, pair, 2 * size) == 0);
                                memset(got, 0, sizeof(got));
                                CHECK_EQ(signature_decode(kinds[k], der, n, got), 0);
                                CHECK(memcmp(got, pair, 2 * size) == 0);
                                for (size_t cut = 0; cut < n; cut++)
                                        CHECK_EQ(signature_decode(kinds[k], der, cut, got), -EBADMSG);
                        }
        }
}

TEST(what_we_sign_survives_both_ways)
{
        static const SignKind kinds[] = {SIGN_P256, SIGN_P384, SIGN_P521};

        CHECK(arena_init() >= 0);
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (unsigned i = 0; i < 50; i++) {
                        uint8_t der[SIGN_SIGNATURE_MAX], again[SIGN_SIGNATURE_MAX], pair[2 * SIGN_PRIVATE_MAX];
                        size_t size, n, half = sign_private_size(kinds[k]);
                        SignKey key;

                        CHECK_EQ(sign_generate(kinds[k], &key), 0);
                        CHECK_EQ(sign(&key, "message", 7, der, &size), 0);
                        decode(der, size, half, pair);
                        CHECK_EQ(signature_encode(kinds[k], pair, 2 * half, again, &n), 0);
                        CHECK(n == size && memcmp(der, again, n) == 0);
                        CHECK_EQ(sign_verify(&key, "message", 7, again, n), 0);
                }
}

TEST(digests)
{
        /* FIPS 180-4, of "abc" */
        static const uint8_t sha256_abc[] = {0xba, 0x78, 0x16, 0xbf}, sha384_abc[] = {0xcb, 0x00, 0x75, 0x3f},
                             sha512_abc[] = {0xdd, 0xaf, 0x35, 0xa1};
        uint8_t digest[SIGN_DIGEST_MAX];
        size_t size;

        CHECK_EQ(sign_digest(SIGN_P256, "abc", 3, digest, &size), 0);
        CHECK(size == 32 && memcmp(digest, sha256_abc, sizeof(sha256_abc)) == 0);
        CHECK_EQ(sign_digest(SIGN_P384, "abc", 3, digest, &size), 0);
        CHECK(size == 48 && memcmp(digest, sha384_abc, sizeof(sha384_abc)) == 0);
        CHECK_EQ(sign_digest(SIGN_P521, "abc", 3, digest, &size), 0);
        CHECK(size == 64 && memcmp(digest, sha512_abc, sizeof(sha512_abc)) == 0);
        CHECK_EQ(sign_digest(SIGN_ED25519, "abc", 3, digest, &size), -EINVAL);
}

TEST(other_kinds_and_sizes)
{
        uint8_t pair[96] = {1}, der[SIGN_SIGNATURE_MAX];
        size_t n;

        CHECK_EQ(signature_encode(SIGN_ED25519, pair, 64, der, &n), -EINVAL);
        CHECK_EQ(signature_encode(SIGN_P256, pair, 63, der, &n), -EINVAL);
        CHECK_EQ(signature_encode(SIGN_P256, pair, 96, der, &n), -EINVAL);
        CHECK_EQ(signature_encode(SIGN_P384, pair, 64, der, &n), -EINVAL);
}

TEST_MAIN
