/* The prompter's exchange: messages that are well-formed and those that are not. libgcr itself answers in
 * tests/integration/test_prompts_desktop.py. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "crypto/prompt-exchange.h"
#include "tests/unit/test.h"

#define PUBLIC "[sx-aes-1]\npublic=BQ==\n" /* 5 */

static int answer(const char *message)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        _cleanup_free_ char *ours = NULL;

        CHECK(arena_init() >= 0);
        return prompt_exchange_answer(message, &ours, &key);
}

TEST(beginnings)
{
        CHECK_EQ(answer(PUBLIC), 0);
        CHECK_EQ(answer("# comment\n[other]\npublic=AA==\n[sx-aes-1]\nx=y\npublic=BQ=="), 0);
        CHECK_EQ(answer(""), -EBADMSG);
        CHECK_EQ(answer("public=BQ==\n"), -EBADMSG);
        CHECK_EQ(answer("[sx-aes-10]\npublic=BQ==\n"), -EBADMSG);
        CHECK_EQ(answer("[sx-aes-1]\n[other]\npublic=BQ==\n"), -EBADMSG);
        CHECK_EQ(answer("[sx-aes-1]\npublic=\n"), -EBADMSG);
        CHECK_EQ(answer("[sx-aes-1]\npublic=BQ=\n"), -EBADMSG);
        CHECK_EQ(answer("[sx-aes-1]\npublic=B!==\n"), -EBADMSG);
        CHECK_EQ(answer("[sx-aes-1]\npublic=AA==\n"), -EBADMSG); /* 0 and 1 would tell the secret to anyone */
        CHECK_EQ(answer("[sx-aes-1]\npublic=AQ==\n"), -EBADMSG);
}

TEST(sizes)
{
        _cleanup_free_ char *large = NULL;
        char text[400];

        /* 192 bytes that are less than the prime, 195 */
        (void)snprintf(text, sizeof(text), "[sx-aes-1]\npublic=%0*d\n", 256, 0);
        text[sizeof("[sx-aes-1]\npublic=") - 1] = 'B';
        CHECK_EQ(answer(text), 0);
        (void)snprintf(text, sizeof(text), "[sx-aes-1]\npublic=%0*d\n", 260, 0);
        CHECK_EQ(answer(text), -EBADMSG);
        CHECK(asprintf(&large, "%*s\n" PUBLIC, (int)PROMPT_EXCHANGE_MAX, "") > 0);
        CHECK_EQ(answer(large), -EBADMSG);
}

static void open_message(const ExchangeKey *key, const char *extra, int expected)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_free_ char *message = NULL;

        CHECK(asprintf(&message, PUBLIC "%s", extra) > 0);
        CHECK_EQ(prompt_exchange_open(key, message, &secret), expected);
}

TEST(secrets)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_free_ char *ours = NULL, *message = NULL;
        uint8_t iv[EXCHANGE_IV_SIZE], cipher[32];
        char iv_text[32], text[64];
        size_t size;

        CHECK(arena_init() >= 0);
        CHECK_EQ(prompt_exchange_answer(PUBLIC, &ours, &key), 0);
        CHECK(strncmp(ours, "[sx-aes-1]\npublic=", strlen("[sx-aes-1]\npublic=")) == 0);
        CHECK_EQ(exchange_encrypt(key, "correct horse", 13, iv, cipher, &size), 0);
        (void)EVP_EncodeBlock((unsigned char *)iv_text, iv, sizeof(iv));
        (void)EVP_EncodeBlock((unsigned char *)text, cipher, (int)size);
        CHECK(asprintf(&message, PUBLIC "secret=%s\niv=%s\n", text, iv_text) > 0);
        CHECK_EQ(prompt_exchange_open(key, message, &secret), 0);
        CHECK(secret->size == 13 && memcmp(secret->data, "correct horse", 13) == 0);

        open_message(key, "", -ENOENT);
        open_message(key, "iv=AAAAAAAAAAAAAAAAAAAAAA==\n", -ENOENT);
        open_message(key, "secret=AAAAAAAAAAAAAAAAAAAAAA==\n", -EBADMSG);
        open_message(key, "secret=AAAAAAAAAAAAAAAAAAAAAA==\niv=AAAA\n", -EBADMSG);
        open_message(key, "secret=AAAA\niv=AAAAAAAAAAAAAAAAAAAAAA==\n", -EBADMSG);
        open_message(key, "secret=!\niv=AAAAAAAAAAAAAAAAAAAAAA==\n", -EBADMSG);
}

TEST_MAIN
