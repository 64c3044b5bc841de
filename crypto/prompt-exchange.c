/*
 * Texts of the prompt exchange
 *
 * They come from whoever owns the prompter's name on the bus. Of a message only its section and the three names in it
 * matter; a value is decoded as a whole or not at all.
 */
#include "crypto/prompt-exchange.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SECTION "[sx-aes-1]"

/* The value of a name, up to the end of its line. */
static bool find_value(const char *message, const char *name, const char **ret, size_t *ret_size)
{
        bool inside = false;
        size_t n = strlen(name);

        if (strnlen(message, PROMPT_EXCHANGE_MAX + 1) > PROMPT_EXCHANGE_MAX)
                return false;
        for (const char *line = message; *line;) {
                const char *end = strchrnul(line, '\n');

                if (line[0] == '[')
                        inside = (size_t)(end - line) == strlen(SECTION) && strncmp(line, SECTION, strlen(SECTION)) == 0;
                else if (inside && (size_t)(end - line) > n && strncmp(line, name, n) == 0 && line[n] == '=') {
                        *ret = line + n + 1;
                        *ret_size = (size_t)(end - *ret);
                        return true;
                }
                line = *end ? end + 1 : end;
        }
        return false;
}

/* Base64 with its padding. -ENOENT when there is no such name. */
static int read_value(const char *message, const char *name, Secret **ret)
{
        _cleanup_(secret_freep) Secret *value = NULL;
        const char *text;
        size_t size;
        int n, r;

        if (!find_value(message, name, &text, &size))
                return -ENOENT;
        if (size == 0 || size % 4 != 0)
                return -EBADMSG;
        r = secret_new(&value, size);
        if (r < 0)
                return r;
        n = EVP_DecodeBlock(value->data, (const unsigned char *)text, (int)size);
        if (n < 0)
                return -EBADMSG;
        for (size_t i = 1; i <= 2 && text[size - i] == '='; i++)
                n--;
        value->size = (size_t)n;
        *ret = TAKE_PTR(value);
        return 0;
}

int prompt_exchange_answer(const char *theirs, char **ret_ours, ExchangeKey **ret)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        _cleanup_(secret_freep) Secret *public = NULL;
        uint8_t ours[EXCHANGE_PUBLIC_MAX];
        char text[EXCHANGE_PUBLIC_MAX / 3 * 4 + 1];
        int r;

        r = read_value(theirs, "public", &public);
        if (r >= 0)
                r = exchange_answer_in(EXCHANGE_1536, public->data, public->size, ours, &key);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        (void)EVP_EncodeBlock((unsigned char *)text, ours, sizeof(ours));
        if (asprintf(ret_ours, SECTION "\npublic=%s\n", text) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(key);
        return 0;
}

int prompt_exchange_open(const ExchangeKey *key, const char *message, Secret **ret)
{
        _cleanup_(secret_freep) Secret *cipher = NULL, *iv = NULL;
        int r;

        r = read_value(message, "secret", &cipher);
        if (r < 0)
                return r;
        r = read_value(message, "iv", &iv);
        if (r >= 0)
                r = exchange_decrypt(key, iv->data, iv->size, cipher->data, cipher->size, ret);
        return r == -ENOENT || r == -EINVAL ? -EBADMSG : r;
}
