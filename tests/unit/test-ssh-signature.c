/* Signatures of security keys, taken apart for OpenSSH. */
#include <errno.h>

#include "common/cleanup.h"
#include "ssh/signature.h"
#include "tests/unit/test.h"

/* SEQUENCE of two INTEGERs of these bytes. */
static size_t der(const uint8_t *r, size_t r_size, const uint8_t *s, size_t s_size, uint8_t ret[256])
{
        size_t n = 0;

        ret[n++] = 0x30;
        ret[n++] = (uint8_t)(4 + r_size + s_size);
        ret[n++] = 0x02;
        ret[n++] = (uint8_t)r_size;
        memcpy(ret + n, r, r_size);
        n += r_size;
        ret[n++] = 0x02;
        ret[n++] = (uint8_t)s_size;
        memcpy(ret + n, s, s_size);
        return n + s_size;
}

static void response_done(struct sk_sign_response *response)
{
        free(response->sig_r);
        free(response->sig_s);
}

TEST(numbers_lose_their_leading_zeros)
{
        static const uint8_t high[33] = {0x00, 0x80, 1, 2, 3}, small[] = {0x00, 0x00, 0x7f, 5};
        _cleanup_(response_done) struct sk_sign_response response = {0};
        uint8_t data[256];
        size_t size = der(high, sizeof(high), small, sizeof(small), data);

        CHECK_EQ(signature_read(SK_ECDSA, data, size, &response), 0);
        CHECK(response.sig_r_len == 32 && memcmp(response.sig_r, high + 1, 32) == 0);
        CHECK(response.sig_s_len == 2 && memcmp(response.sig_s, small + 2, 2) == 0);
}

TEST(ed25519_is_one_piece)
{
        _cleanup_(response_done) struct sk_sign_response response = {0};
        uint8_t data[65];

        memset(data, 0x5a, sizeof(data));
        CHECK_EQ(signature_read(SK_ED25519, data, 64, &response), 0);
        CHECK(response.sig_r_len == 64 && memcmp(response.sig_r, data, 64) == 0);
        CHECK(!response.sig_s && response.sig_s_len == 0);
        CHECK_EQ(signature_read(SK_ED25519, data, 63, &response), -EBADMSG);
        CHECK_EQ(signature_read(SK_ED25519, data, 65, &response), -EBADMSG);
        CHECK_EQ(signature_read(SK_ED25519, NULL, 64, &response), -EBADMSG);
}

static void refused(const uint8_t *data, size_t size)
{
        struct sk_sign_response response = {0};
        uint8_t *exact = malloc(size ? size : 1); /* so that a step beyond it is seen */

        CHECK(exact);
        memcpy(exact, data, size);
        CHECK_EQ(signature_read(SK_ECDSA, exact, size, &response), -EBADMSG);
        CHECK(!response.sig_r && !response.sig_s);
        free(exact);
}

TEST(what_is_no_signature_is_refused)
{
        static const uint8_t one[] = {1}, zero[] = {0}, negative[] = {0x80}, wide[34] = {0, 1};
        uint8_t data[256];
        size_t size = der(one, 1, one, 1, data);

        for (size_t n = 0; n < size; n++)
                refused(data, n);
        refused(data, size + 1);
        for (size_t i = 0; i < size; i++) {
                data[i] ^= 0xff;
                refused(data, size);
                data[i] ^= 0xff;
        }
        refused(data, der(zero, 1, one, 1, data));
        refused(data, der(one, 0, one, 1, data));
        refused(data, der(negative, 1, one, 1, data));
        refused(data, der(one, 1, wide, sizeof(wide), data));
        size = der(one, 1, one, 1, data);
        data[1]++; /* something after the numbers */
        refused(data, size + 1);
}

TEST(copies)
{
        static const uint8_t bytes[] = {1, 2, 3};
        uint8_t *copy = NULL;
        size_t size = 9;

        CHECK_EQ(signature_copy(bytes, sizeof(bytes), &copy, &size), 0);
        CHECK(copy != bytes && size == 3 && memcmp(copy, bytes, 3) == 0);
        free(copy);
        CHECK_EQ(signature_copy(NULL, 0, &copy, &size), 0);
        CHECK(!copy && size == 0);
}

TEST_MAIN
