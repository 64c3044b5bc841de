/* The session exchange against a vector computed by tests/vectors/exchange.py, and weak keys. */
#include <errno.h>

#include "common/hex.h"
#include "crypto/exchange.h"
#include "tests/unit/test.h"

#define PRIME                                                                                                         \
        "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3" \
        "a"                                                                                                           \
        "431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f241" \
        "1"                                                                                                           \
        "7c4b1fe649286651ece65381ffffffffffffffff"
#define PRIVATE                                                                                                       \
        "1e6d3fc3091cb9156f4c83b0904b129a5ad6ddc0852d15ae2cfad3ecdf20e5332089f1e7bb85397527557e7637b040facdffea02a97" \
        "1"                                                                                                           \
        "fcbcd6d5ba4ad64192d79e6d3fc3091cb9156f4c83b0904b129a5ad6ddc0852d15ae2cfad3ecdf20e5332089f1e7bb85397527557e7" \
        "6"                                                                                                           \
        "37b040facdffea02a971fcbcd6d5ba4ad64192d7"
#define THEIRS                                                                                                        \
        "100a862037710493f18adacb53b534d0dd11081adbcf29e893309b2d47e1cd5df9a84a98785b6e107dc623f7c8cacd8e45f014fa44d" \
        "0"                                                                                                           \
        "4ba635debe4b1153130175662991e286cb876d5c1b3f1d076e7b68b6f9153639fe11a8fe08e693db974da8e784ffd5c701961cfb4b5" \
        "5"                                                                                                           \
        "838afd557354e1f8ae809c852534309228d56116"
#define PUBLIC                                                                                                        \
        "1e3ff5301578e0f607e6965ed5cb1e961c7ee8aaa02ee808193bf7b5655d0fd9353aae40486ba02c49e3047adcf5dbfded4b73d6e5e" \
        "d"                                                                                                           \
        "adbf2796c3604fbf1670e91b03af744d8da7f1db4abf3b3778de74186618c288310b600a3d571eb29d111e48d32327349406f3c7c53" \
        "7"                                                                                                           \
        "a08610527700bb7949ff3d4f81ca03d774dbb1b0"
#define CIPHER       "427e8cb68a6186ad46b423b1d748231b809e04f1e97a95a9fb383e506cf767ba"
#define CIPHER_SHORT "94d6136748fb2b2fa5e321c9ab03cdb644cd9a91d5a847031476aabb7de92d9a"
#define PLAIN        "correct horse battery staple"

static void unhex(const char *text, uint8_t *ret, size_t size)
{
        CHECK_EQ(hex_decode(text, ret, size), 0);
}

static void check_cipher(const ExchangeKey *key, const char *cipher_hex)
{
        _cleanup_(secret_freep) Secret *plain = NULL;
        uint8_t cipher[32], iv[16];

        unhex(cipher_hex, cipher, sizeof(cipher));
        for (unsigned i = 0; i < sizeof(iv); i++)
                iv[i] = (uint8_t)i;
        CHECK_EQ(exchange_decrypt(key, iv, sizeof(iv), cipher, sizeof(cipher), &plain), 0);
        CHECK_EQ(plain->size, strlen(PLAIN));
        CHECK(memcmp(plain->data, PLAIN, plain->size) == 0);
}

TEST(the_vector)
{
        uint8_t private[128], theirs[128], public[128], got[128];
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;

        CHECK(arena_init() >= 0);
        unhex(PRIVATE, private, sizeof(private));
        unhex(THEIRS, theirs, sizeof(theirs));
        unhex(PUBLIC, public, sizeof(public));
        CHECK_EQ(exchange_answer_with(private, sizeof(private), theirs, sizeof(theirs), got, &key), 0);
        CHECK(memcmp(got, public, sizeof(public)) == 0);
        check_cipher(key, CIPHER);
}

/* 2^1000 as 126 bytes, and the same number padded to 127 and 128. */
TEST(short_and_padded_keys_are_the_same_key)
{
        uint8_t private[128], theirs[128] = {0}, got[128];

        CHECK(arena_init() >= 0);
        unhex(PRIVATE, private, sizeof(private));
        theirs[2] = 1;
        for (size_t skip = 0; skip <= 2; skip++) {
                _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;

                CHECK_EQ(exchange_answer_with(private, sizeof(private), theirs + skip, sizeof(theirs) - skip, got,
                                              &key),
                         0);
                check_cipher(key, CIPHER_SHORT);
        }
}

TEST(a_one_byte_key_is_accepted)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        uint8_t got[128];

        CHECK(arena_init() >= 0);
        CHECK_EQ(exchange_answer("\x02", 1, got, &key), 0);
}

TEST(weak_keys_are_refused)
{
        uint8_t prime[128], last[128], zero[128] = {0}, one[128] = {0}, above[128], got[129];
        ExchangeKey *key = NULL;

        CHECK(arena_init() >= 0);
        unhex(PRIME, prime, sizeof(prime));
        memcpy(last, prime, sizeof(last));
        last[127]--;
        memset(above, 0xff, sizeof(above));
        one[127] = 1;
        CHECK_EQ(exchange_answer(zero, 128, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(zero, 1, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(one, 128, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(one + 127, 1, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(last, 128, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(prime, 128, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(above, 128, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(above, 0, got, &key), -EINVAL);
        CHECK_EQ(exchange_answer(got, 129, got, &key), -EINVAL);
        CHECK(!key);
}

TEST(two_sides_agree_and_pairs_are_fresh)
{
        uint8_t private[128], ours[128], theirs[128], again[128];
        _cleanup_(exchange_key_freep) ExchangeKey *a = NULL, *b = NULL, *c = NULL;
        _cleanup_(secret_freep) Secret *plain = NULL;
        uint8_t iv[16], cipher[64];
        size_t size;

        CHECK(arena_init() >= 0);
        unhex(PRIVATE, private, sizeof(private));
        unhex(PUBLIC, theirs, sizeof(theirs));
        CHECK_EQ(exchange_answer(theirs, sizeof(theirs), ours, &a), 0);
        CHECK_EQ(exchange_answer_with(private, sizeof(private), ours, sizeof(ours), again, &b), 0);
        CHECK_EQ(exchange_encrypt(a, PLAIN, strlen(PLAIN), iv, cipher, &size), 0);
        CHECK_EQ(size, 32);
        CHECK_EQ(exchange_decrypt(b, iv, sizeof(iv), cipher, size, &plain), 0);
        CHECK(memcmp(plain->data, PLAIN, strlen(PLAIN)) == 0);
        CHECK_EQ(exchange_answer(theirs, sizeof(theirs), again, &c), 0);
        CHECK(memcmp(again, ours, sizeof(ours)) != 0);
}

TEST(empty_and_full_blocks_and_bad_ciphertext)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        uint8_t public[128], iv[16], cipher[64];
        size_t size;

        CHECK(arena_init() >= 0);
        CHECK_EQ(exchange_answer("\x05", 1, public, &key), 0);
        for (size_t n = 0; n <= 33; n++) {
                _cleanup_(secret_freep) Secret *plain = NULL;
                uint8_t text[33];

                memset(text, (int)n, sizeof(text));
                CHECK_EQ(exchange_encrypt(key, text, n, iv, cipher, &size), 0);
                CHECK_EQ(size, n / 16 * 16 + 16);
                CHECK_EQ(exchange_decrypt(key, iv, 16, cipher, size, &plain), 0);
                CHECK_EQ(plain->size, n);
                CHECK(memcmp(plain->data, text, n) == 0);
        }
        {
                Secret *plain = NULL;
                int refused = 0;

                CHECK_EQ(exchange_decrypt(key, iv, 15, cipher, size, &plain), -EINVAL);
                CHECK_EQ(exchange_decrypt(key, iv, 16, cipher, size - 1, &plain), -EINVAL);
                CHECK_EQ(exchange_decrypt(key, iv, 16, cipher, 0, &plain), -EINVAL);
                /* There is no MAC: most changed last blocks, not all, have bad padding. */
                for (unsigned i = 0; i < 16; i++) {
                        cipher[size - 1] = (uint8_t)(cipher[size - 1] + 1);
                        if (exchange_decrypt(key, iv, 16, cipher, size, &plain) == -EBADMSG)
                                refused++;
                        plain = secret_free(plain);
                }
                CHECK(refused > 8);
        }
}

TEST_MAIN
