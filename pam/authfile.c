/*
 * Authfile
 *
 * Nothing is guessed. A line that ends early could have demanded more than what is left of it says, so a credential has all its
 * fields or none counts. What other users have is not looked at: their mistakes are theirs.
 */
#include "pam/authfile.h"

#include <errno.h>
#include <string.h>

#include "common/base64.h"
#include "common/hex.h"
#include "pam/ssh-key.h"

#define RESIDENT        "*"
#define FIELDS_MAX      4U
#define FIELDS_OF_U2F   2U
#define U2F_KEY_SIZE    65U

typedef struct Text {
        const char *at;
        size_t size;
} Text;

static bool text_is(Text text, const char *word)
{
        return text.size == strlen(word) && memcmp(text.at, word, text.size) == 0;
}

/* Cuts off what stands before `separator`. False: there is none, and all of it is returned. */
static bool cut(Text *text, char separator, Text *ret)
{
        const char *end = text->size > 0 ? memchr(text->at, separator, text->size) : NULL;

        *ret = (Text){text->at, end ? (size_t)(end - text->at) : text->size};
        text->at += ret->size + (end != NULL);
        text->size -= ret->size + (end != NULL);
        return end;
}

/* ---- fields ---- */

/* Web-safe and without padding, as U2F has it, or the usual way. */
static int read_id(Text text, bool of_u2f, Credential *credential)
{
        _cleanup_free_ char *digits = malloc(text.size + 4);
        size_t n = text.size;
        int r;

        if (!digits)
                return -ENOMEM;
        memcpy(digits, text.at, n);
        for (size_t i = 0; of_u2f && i < n; i++)
                digits[i] = digits[i] == '-' ? '+' : digits[i] == '_' ? '/' : digits[i];
        while (of_u2f && n % 4 != 0)
                digits[n++] = '=';
        r = base64_decode(digits, n, &credential->id, &credential->id_size);
        if (r == -ENOMEM)
                return r;
        return r < 0 || credential->id_size == 0 || credential->id_size > CREDENTIAL_ID_MAX ? AUTHFILE_WRONG : 0;
}

static int read_u2f_key(Text text, Credential *credential)
{
        char digits[2 * U2F_KEY_SIZE + 1];
        uint8_t key[U2F_KEY_SIZE];

        if (text.size != 2 * U2F_KEY_SIZE)
                return AUTHFILE_WRONG;
        memcpy(digits, text.at, text.size);
        digits[text.size] = 0;
        if (hex_decode(digits, key, sizeof(key)) < 0 || credential_set_key(credential, ALGORITHM_ES256, key, sizeof(key)) < 0)
                return AUTHFILE_WRONG;
        return 0;
}

static int read_key(Text text, Text algorithm, Credential *credential)
{
        static const struct {
                const char *name;
                Algorithm algorithm;
        } algorithms[] = {{"es256", ALGORITHM_ES256}, {"eddsa", ALGORITHM_EDDSA}, {"rs256", ALGORITHM_RS256}};
        _cleanup_free_ uint8_t *key = NULL;
        size_t size;
        int r;

        r = base64_decode(text.at, text.size, &key, &size);
        if (r < 0)
                return r == -ENOMEM ? r : AUTHFILE_WRONG;
        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++)
                if (text_is(algorithm, algorithms[i].name))
                        return size > 0 && credential_set_key(credential, algorithms[i].algorithm, key, size) == 0 ?
                                       0 :
                                       AUTHFILE_WRONG;
        return AUTHFILE_WRONG;
}

static int read_options(Text text, Credential *credential)
{
        while (text.size > 0) {
                Text option;

                if (text.at[0] != '+')
                        return AUTHFILE_WRONG;
                text.at++;
                text.size--;
                option = (Text){text.at, 0};
                while (option.size < text.size && text.at[option.size] != '+')
                        option.size++;
                text.at += option.size;
                text.size -= option.size;
                if (text_is(option, "presence"))
                        credential->presence = true;
                else if (text_is(option, "verification"))
                        credential->verification = true;
                else if (text_is(option, "pin"))
                        credential->pin = true;
                else
                        return AUTHFILE_WRONG;
        }
        return 0;
}

static int read_credential(Text text, Credential *credential)
{
        Text fields[FIELDS_MAX] = {0};
        size_t n = 0;
        bool more = true;
        int r;

        while (more) {
                if (n == FIELDS_MAX)
                        return AUTHFILE_WRONG;
                more = cut(&text, ',', fields + n++);
        }
        if (n != FIELDS_MAX && n != FIELDS_OF_U2F)
                return AUTHFILE_WRONG;
        credential->of_u2f = n == FIELDS_OF_U2F;
        if (!text_is(fields[0], RESIDENT) || credential->of_u2f) {
                r = read_id(fields[0], credential->of_u2f, credential);
                if (r != 0)
                        return r;
        }
        if (credential->of_u2f) {
                credential->presence = true;
                return read_u2f_key(fields[1], credential);
        }
        r = read_key(fields[1], fields[2], credential);
        return r == 0 ? read_options(fields[3], credential) : r;
}

/* ---- lines ---- */

static int add(const AuthfileRules *rules, Credentials *credentials, Credential *credential)
{
        if (credentials->n < rules->max)
                return credentials_add(credentials, credential);
        credential_done(credential);
        credentials->n_left_out++;
        return 0;
}

/* What follows the name of the user. */
static int read_line(Text text, const AuthfileRules *rules, Credentials *ret)
{
        _cleanup_(credentials_done) Credentials credentials = CREDENTIALS_NULL;
        bool more = true;
        int r;

        while (more) {
                _cleanup_(credential_done) Credential credential = {0};
                Text one;

                more = cut(&text, ':', &one);
                r = read_credential(one, &credential);
                if (r == 0)
                        r = add(rules, &credentials, &credential);
                if (r != 0)
                        return r;
        }
        credentials_done(ret);
        *ret = credentials;
        credentials = CREDENTIALS_NULL;
        return 0;
}

/* `text` is at the line after BEGIN. */
static int read_ssh_key(Text *text, const AuthfileRules *rules, Credentials *ret)
{
        _cleanup_(credential_done) Credential credential = {0};
        const char *begin = text->at;
        Text line;
        int r;

        if (!rules->ssh_keys)
                return AUTHFILE_WRONG;
        do {
                if (text->size == 0)
                        return AUTHFILE_WRONG;
                (void)cut(text, '\n', &line);
                if (line.size > 0 && line.at[line.size - 1] == '\r')
                        line.size--;
        } while (!text_is(line, SSH_KEY_END));
        r = ssh_key_read(begin, (size_t)(line.at - begin), &credential);
        if (r < 0)
                return r == -ENOMEM ? r : AUTHFILE_WRONG;
        return add(rules, ret, &credential);
}

static int merge(const AuthfileRules *rules, Credentials *into, Credentials *from)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->n; i++)
                r = add(rules, into, from->list + i);
        into->n_left_out += from->n_left_out;
        return r;
}

int authfile_read(const char *data, size_t size, const AuthfileRules *rules, Credentials *ret)
{
        _cleanup_(credentials_done) Credentials of_lines = CREDENTIALS_NULL, of_ssh = CREDENTIALS_NULL;
        Text text = {data, size}, line, user;
        int r = 0;

        if (size > AUTHFILE_MAX || (size > 0 && memchr(data, 0, size)))
                return AUTHFILE_WRONG;
        while (r == 0 && text.size > 0) {
                (void)cut(&text, '\n', &line);
                if (line.size > 0 && line.at[line.size - 1] == '\r')
                        line.size--;
                if (text_is(line, SSH_KEY_BEGIN)) {
                        r = read_ssh_key(&text, rules, &of_ssh);
                        continue;
                }
                (void)cut(&line, ':', &user);
                if (text_is(user, rules->user))
                        r = read_line(line, rules, &of_lines);
        }
        if (r == 0)
                r = merge(rules, &of_lines, &of_ssh);
        if (r != 0)
                return r;
        if (of_lines.n == 0)
                return AUTHFILE_NOBODY;
        *ret = of_lines;
        of_lines = CREDENTIALS_NULL;
        return 0;
}
