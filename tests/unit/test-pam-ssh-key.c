/* Private keys of OpenSSH's that live on a security key. */
#include "pam/ssh-key.h"

#include <errno.h>

#include "common/base64.h"
#include "tests/unit/test.h"

/* Between BEGIN and END of a file. */
static char *body(const char *name)
{
        char path[512], text[4096], *end;
        FILE *file;
        size_t n;

        (void)snprintf(path, sizeof(path), "%s/pam/%s", getenv("KEYFOB_VECTORS"), name);
        file = fopen(path, "re");
        CHECK(file);
        n = fread(text, 1, sizeof(text) - 1, file);
        (void)fclose(file);
        text[n] = 0;
        end = strstr(text, SSH_KEY_END);
        CHECK(end && strncmp(text, SSH_KEY_BEGIN, strlen(SSH_KEY_BEGIN)) == 0);
        return strndup(text + strlen(SSH_KEY_BEGIN) + 1, (size_t)(end - text) - strlen(SSH_KEY_BEGIN) - 1);
}

static void each_byte(const char *name)
{
        _cleanup_free_ char *text = body(name);
        _cleanup_free_ uint8_t *bytes = NULL;
        _cleanup_free_ char *joined = calloc(1, strlen(text) + 1);
        size_t n = 0, size, taken = 0;

        for (const char *p = text; *p; p++)
                if (*p != '\n')
                        joined[n++] = *p;
        CHECK_EQ(base64_decode(joined, n, &bytes, &size), 0);
        for (size_t i = 0; i < size; i++) {
                _cleanup_(credential_done) Credential credential = {0};
                _cleanup_free_ char *changed = NULL;
                int r;

                bytes[i] ^= 0x81;
                changed = base64_encode(bytes, size);
                bytes[i] ^= 0x81;
                r = ssh_key_read(changed, strlen(changed), &credential);
                CHECK(r == 0 || r == -EBADMSG);
                CHECK(r == 0 || (!credential.id && !credential.rp));
                taken += r == 0;
        }
        /* The public half, flags, handle, key and comment may be anything; lengths, names and padding may not. */
        CHECK(taken > 0 && taken < size);
        for (size_t i = 0; i < size; i++) {
                _cleanup_free_ char *cut = base64_encode(bytes, i);
                Credential credential = {0};

                CHECK_EQ(ssh_key_read(cut, strlen(cut), &credential), -EBADMSG);
        }
}

TEST(both_kinds)
{
        _cleanup_free_ char *ecdsa = body("ecdsa-sk"), *ed25519 = body("ed25519-sk");
        _cleanup_(credential_done) Credential a = {0}, b = {0};

        CHECK_EQ(ssh_key_read(ecdsa, strlen(ecdsa), &a), 0);
        CHECK(a.algorithm == ALGORITHM_ES256 && a.key_size == 64 && a.key[0] == 0x6b && !a.verification && a.presence);
        CHECK_EQ(ssh_key_read(ed25519, strlen(ed25519), &b), 0);
        CHECK(b.algorithm == ALGORITHM_EDDSA && b.key_size == 32 && b.key[31] == 31 && b.verification && b.presence);
}

TEST(changed_or_cut_anywhere)
{
        each_byte("ecdsa-sk");
        each_byte("ed25519-sk");
}

TEST_MAIN
