/* The passkey that a person means by the beginning of its id. */
#include "cli/cli.h"
#include "cli/passkeys.h"

#include <sys/mman.h>

#include "tests/unit/test.h"

static const keyfob_passkey some[] = {
        {.id = (const uint8_t[]){0xab, 0xcd, 0x01, 0x23}, .id_size = 4, .rp_id = "one.example", .user_name = "alice"},
        {.id = (const uint8_t[]){0xab, 0xcd, 0x0f, 0xff},
         .id_size = 4,
         .rp_id = "two\033.example",
         .user_name = "",
         .user_display_name = "Bob"},
        {.id = (const uint8_t[]){0xab, 0xcd, 0x0f, 0xff, 0x77},
         .id_size = 5,
         .rp_id = "",
         .user_name = "",
         .user_display_name = ""},
        {.id = (const uint8_t[]){0x10}, .id_size = 1, .rp_id = "short.example", .user_name = "carol"},
};

static const keyfob_passkeys list = {.passkeys = some, .n = ELEMENTSOF(some)};

/* The exit code; what was said on stderr. */
static int find(const keyfob_passkeys *in, const char *digits, const keyfob_passkey **ret, char said[4096])
{
        int fd = memfd_create("said", MFD_CLOEXEC), before = dup(STDERR_FILENO), r;
        ssize_t n;

        CHECK(fd >= 0 && before >= 0);
        CHECK(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
        r = passkeys_find(in, digits, ret);
        CHECK(dup2(before, STDERR_FILENO) == STDERR_FILENO);
        n = pread(fd, said, 4095, 0);
        CHECK(n >= 0);
        said[n] = 0;
        close(before);
        close(fd);
        return r;
}

TEST(the_one_that_is_meant)
{
        const struct {
                const char *digits;
                size_t which;
        } good[] = {{"abcd01", 0},   {"ABCD012", 0},   {"abcd0123", 0},
                    {"abcd0fff", 1}, {"abcd0fff7", 2}, {"abcd0fff77", 2}};
        const keyfob_passkey *found = NULL;
        char said[4096];

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                CHECK_EQ(find(&list, good[i].digits, &found, said), 0);
                CHECK(found == &some[good[i].which]);
                CHECK(said[0] == 0);
        }
}

TEST(none)
{
        static const char *const absent[] = {"abce", "abcd0fff78", "abcd0fff7700", "1000", "0000"};
        static const char *const no_ids[] = {"", "abc", "10", "abcg", "abcd ", "0xabcd", "ab cd", "\xc3\xa4\xc3\xa4"};
        const keyfob_passkey *found = NULL;
        char said[4096];

        for (size_t i = 0; i < ELEMENTSOF(absent); i++)
                CHECK_EQ(find(&list, absent[i], &found, said), EXIT_NOT_FOUND);
        for (size_t i = 0; i < ELEMENTSOF(no_ids); i++)
                CHECK_EQ(find(&list, no_ids[i], &found, said), EXIT_USAGE);
        CHECK_EQ(find(&(keyfob_passkeys){0}, "abcd", &found, said), EXIT_NOT_FOUND);
        CHECK(!found);
}

TEST(several)
{
        const keyfob_passkey *found = NULL;
        char said[4096];

        CHECK_EQ(find(&list, "abcd", &found, said), EXIT_USAGE);
        CHECK(!found);
        CHECK(strstr(said, "abcd0123 (one.example, alice)"));
        CHECK(strstr(said, "abcd0fff (two?.example, Bob)"));
        CHECK(strstr(said, "abcd0fff77 (U2F)"));
        CHECK(!strchr(said, '\033'));
        CHECK(strchr(said, '\n') == said + strlen(said) - 1);
}

TEST(many)
{
        keyfob_passkey same[100];
        const keyfob_passkey *found = NULL;
        char said[4096];

        for (size_t i = 0; i < ELEMENTSOF(same); i++)
                same[i] = some[0];
        CHECK_EQ(find(&(keyfob_passkeys){.passkeys = same, .n = ELEMENTSOF(same)}, "abcd", &found, said), EXIT_USAGE);
        CHECK(strstr(said, "; 92 more"));
}

TEST_MAIN
