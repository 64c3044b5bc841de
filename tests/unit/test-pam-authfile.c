/* Authfiles: what counts, and what makes all of a user's credentials void. */
#include "pam/authfile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "pam/file.h"
#include "tests/unit/test.h"

#define ID  "AAECAwQFBgcICQoLDA0ODw=="
#define ES  "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
#define ED  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OLD "AAECAwQFBgcICQoLDA0ODw"
#define HEX                                                                                                            \
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                                           \
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static int read_with(const char *text, const AuthfileRules *rules, Credentials *ret)
{
        *ret = CREDENTIALS_NULL;
        return authfile_read(text, strlen(text), rules, ret);
}

static int read_for_alice(const char *text, Credentials *ret)
{
        return read_with(text, &(AuthfileRules){.user = "alice", .max = 24, .ssh_keys = true}, ret);
}

static void wrong(const char *text)
{
        _cleanup_(credentials_done) Credentials credentials = CREDENTIALS_NULL;

        if (read_for_alice(text, &credentials) != AUTHFILE_WRONG) {
                fprintf(stderr, "taken: %s\n", text);
                exit(1);
        }
        CHECK_EQ(credentials.n, 0);
}

static char *vector(const char *name)
{
        char path[512], *text = calloc(1, 4096);
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/pam/%s", getenv("KEYFOB_VECTORS"), name);
        file = fopen(path, "re");
        CHECK(file && text && fread(text, 1, 4095, file) > 0);
        (void)fclose(file);
        return text;
}

TEST(native)
{
        _cleanup_(credentials_done) Credentials c = CREDENTIALS_NULL;

        CHECK_EQ(read_for_alice("bob:x\nalice:" ID "," ES ",es256,+presence:" ID "," ED ",eddsa,+presence+verification+pin:*," ES
                                ",es256,\ncarol:y",
                                &c),
                 0);
        CHECK_EQ(c.n, 3);
        CHECK(c.list[0].presence && !c.list[0].verification && !c.list[0].pin && !c.list[0].of_u2f && !c.list[0].rp);
        CHECK(c.list[0].id_size == 16 && c.list[0].id[15] == 15 && c.list[0].algorithm == ALGORITHM_ES256);
        CHECK(c.list[1].presence && c.list[1].verification && c.list[1].pin && c.list[1].algorithm == ALGORITHM_EDDSA);
        CHECK(c.list[2].id_size == 0 && !c.list[2].presence);
}

TEST(of_u2f)
{
        _cleanup_(credentials_done) Credentials c = CREDENTIALS_NULL;

        CHECK_EQ(read_for_alice("alice:" OLD "," HEX "\n", &c), 0);
        CHECK(c.n == 1 && c.list[0].of_u2f && c.list[0].presence && c.list[0].id_size == 16 && c.list[0].key_size == 64);
        CHECK_EQ(c.list[0].key[0], 0x6b);
}

TEST(the_last_line_of_a_user_counts)
{
        _cleanup_(credentials_done) Credentials c = CREDENTIALS_NULL;

        CHECK_EQ(read_for_alice("alice:" ID "," ES ",es256,+presence\nalice:*," ED ",eddsa,+pin", &c), 0);
        CHECK(c.n == 1 && c.list[0].pin && c.list[0].algorithm == ALGORITHM_EDDSA);
}

TEST(more_than_allowed_are_left_out)
{
        _cleanup_(credentials_done) Credentials c = CREDENTIALS_NULL;

        CHECK_EQ(read_with("alice:" ID "," ES ",es256,:" ID "," ES ",es256,+pin:" ID "," ES ",es256,",
                           &(AuthfileRules){.user = "alice", .max = 2}, &c),
                 0);
        CHECK(c.n == 2 && c.n_left_out == 1);
}

TEST(nobody)
{
        _cleanup_(credentials_done) Credentials c = CREDENTIALS_NULL;

        CHECK_EQ(read_for_alice("", &c), AUTHFILE_NOBODY);
        CHECK_EQ(read_for_alice("\n\n", &c), AUTHFILE_NOBODY);
        CHECK_EQ(read_for_alice("bob:" ID "," ES ",es256,+presence\n", &c), AUTHFILE_NOBODY);
        CHECK_EQ(read_for_alice("alice2:" ID "," ES ",es256,\nalic:" ID "," ES ",es256,\n", &c), AUTHFILE_NOBODY);
        CHECK_EQ(read_for_alice("Alice:" ID "," ES ",es256,\n alice:" ID "," ES ",es256,", &c), AUTHFILE_NOBODY);
}

TEST(what_is_cut_off_is_void)
{
        static const char whole[] = "alice:" ID "," ES ",es256,+presence+verification";

        /* But where an option ends: then it is a line with fewer of them, which nothing can tell. */
        for (size_t i = strlen("alice"); i < strlen(whole); i++) {
                char line[sizeof(whole)];

                if (i == strlen("alice:" ID "," ES ",es256,") || i == strlen("alice:" ID "," ES ",es256,+presence"))
                        continue;
                memcpy(line, whole, i);
                line[i] = 0;
                wrong(line);
        }
}

TEST(what_is_not_known_is_void)
{
        wrong("alice:" ID "," ES ",es256");
        wrong("alice:" ID "," ES ",es384,+presence");
        wrong("alice:" ID "," ES ",ES256,+presence");
        wrong("alice:" ID "," ES ",es256,presence");
        wrong("alice:" ID "," ES ",es256,+presence+touch");
        wrong("alice:" ID "," ES ",es256,+presence ");
        wrong("alice:" ID "," ES ",es256,+presence,x");
        wrong("alice:" ID "," ES ",es256,+presence:");
        wrong("alice:" ID "," ES ",es256,+presence\nalice:");
        wrong("alice::" ID "," ES ",es256,+presence");
        wrong("alice:" ID "," ED ",es256,+presence");
        wrong("alice:" ID "," ES ",eddsa,+presence");
        wrong("alice:," ES ",es256,+presence");
        wrong("alice:" ID ",,es256,+presence");
        wrong("alice:" ID "=," ES ",es256,+presence");
        wrong("alice:*," HEX);
        wrong("alice:" OLD ",05" HEX);
        wrong("alice:" OLD "," ES);
}

TEST(keys_of_openssh)
{
        _cleanup_(credentials_done) Credentials c = CREDENTIALS_NULL, none = CREDENTIALS_NULL;
        _cleanup_free_ char *ecdsa = vector("ecdsa-sk"), *ed25519 = vector("ed25519-sk"), *both = NULL;

        CHECK(asprintf(&both, "%salice:" ID "," ES ",es256,+pin\n%sbob:x\n", ecdsa, ed25519) > 0);
        CHECK_EQ(read_for_alice(both, &c), 0);
        CHECK_EQ(c.n, 3);
        CHECK(c.list[0].pin && !c.list[0].rp);
        CHECK(c.list[1].algorithm == ALGORITHM_ES256 && strcmp(c.list[1].rp, "ssh:") == 0 && c.list[1].presence);
        CHECK(c.list[2].algorithm == ALGORITHM_EDDSA && strcmp(c.list[2].rp, "ssh:work") == 0 && c.list[2].verification);
        CHECK(c.list[1].id_size == 64 && c.list[1].id[63] == 63);

        /* A key has no user's name on it, so it says nothing in a file for several. */
        CHECK_EQ(read_with(both, &(AuthfileRules){.user = "alice", .max = 24}, &none), AUTHFILE_WRONG);
        CHECK_EQ(read_with(ecdsa, &(AuthfileRules){.user = "alice", .max = 24}, &none), AUTHFILE_WRONG);
}

TEST(keys_of_openssh_cut_off)
{
        _cleanup_free_ char *ecdsa = vector("ecdsa-sk");

        for (size_t i = strlen("-----BEGIN OPENSSH PRIVATE KEY-----\n"); i < strlen(ecdsa) - 1; i += 7) {
                _cleanup_free_ char *cut = strndup(ecdsa, i);

                wrong(cut);
        }
}

TEST(too_large_or_no_text)
{
        static char large[AUTHFILE_MAX + 2];
        Credentials c = CREDENTIALS_NULL;
        AuthfileRules rules = {.user = "alice", .max = 24};

        memset(large, '\n', sizeof(large));
        CHECK_EQ(authfile_read(large, AUTHFILE_MAX, &rules, &c), AUTHFILE_NOBODY);
        CHECK_EQ(authfile_read(large, AUTHFILE_MAX + 1, &rules, &c), AUTHFILE_WRONG);
        CHECK_EQ(authfile_read("bob:x\0\n", 7, &rules, &c), AUTHFILE_WRONG);
}

/* ---- files ---- */

TEST(only_a_group_of_ones_own_may_write)
{
        static char name[] = "daemon", home[] = "/";
        char path[] = "/tmp/keyfob-group-XXXXXX";
        User user = {.name = name, .home = home, .uid = 1, .gid = 1};
        int fd = mkostemp(path, O_CLOEXEC);
        Secret *text = NULL;

        CHECK(fd >= 0);
        if (geteuid() == 0) { /* nobody else can give files away */
                CHECK_EQ(fchown(fd, user.uid, user.gid), 0);
                CHECK_EQ(fchmod(fd, 0664), 0);
                CHECK_EQ(file_read_of_user(&user, path, /* as_user= */ true, 10, &text), 0);
                text = secret_free(text);

                /* One that has everybody in it, as "users" has. */
                user.gid = 100;
                CHECK_EQ(fchown(fd, user.uid, user.gid), 0);
                CHECK_EQ(fchmod(fd, 0664), 0);
                CHECK_EQ(file_read_of_user(&user, path, true, 10, &text), FILE_UNSAFE);
                text = secret_free(text);
                CHECK_EQ(fchmod(fd, 0644), 0);
                CHECK_EQ(file_read_of_user(&user, path, true, 10, &text), 0);
                text = secret_free(text);
        }
        CHECK_EQ(unlink(path), 0);
        CHECK_EQ(close(fd), 0);
}

TEST_MAIN
