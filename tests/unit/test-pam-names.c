/* What security keys are called: which names there can be, and that no file of them is more than a help. */
#include "pam/names.h"

#include <errno.h>

#include "tests/unit/test.h"

#define HASH "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"

static Credential credential(uint8_t byte)
{
        Credential c = {.algorithm = ALGORITHM_EDDSA, .key_size = 32};

        memset(c.key, byte, c.key_size);
        return c;
}

static const char *called(const char *text, uint8_t byte)
{
        static char name[NAMES_NAME_SIZE];
        Credential c = credential(byte);

        CHECK(names_find(text, strlen(text), &c, name) == (name[0] != 0));
        return name;
}

/* The text with this entry, as a string of the caller's. */
static char *set(const char *text, uint8_t byte, const NamesEntry *entry)
{
        ByteWriter data = BYTE_WRITER_NULL;
        Credential c = credential(byte);
        char *ret;

        CHECK_EQ(names_set(text, strlen(text), &c, entry, &data), 0);
        ret = strndup((const char *)data.data ? (const char *)data.data : "", data.size);
        byte_writer_done(&data);
        return ret;
}

static char *set_name(const char *text, uint8_t byte, const char *name)
{
        return set(text, byte, &(NamesEntry){.name = name});
}

TEST(names_there_can_be)
{
        static const char *const good[] = {"blue", "the blue one", "Schlüssel №2", "2nd", "钥匙", "a:b,c\"",
                                           "0123456789012345678901234567890123456789012345678901234567890abc"};
        static const char *const bad[] = {"", " ", " a", "a ", "7", "123", "a\nb", "a\tb", "\x1b[2J", "a\x7f", "a\xc2\x85", "\xff", "a\xc3",
                                          "a\xe2\x80\xae" "b", "a\xe2\x80\xa8" "b", "a\xe2\x81\xa6" "b", "a\xe2\x80\x8f" "b",
                                          "a\xd8\x9c" "b", /* Arabic letter mark */
                                          "0123456789012345678901234567890123456789012345678901234567890abcd"};

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                CHECK(names_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (names_valid(bad[i])) {
                        fprintf(stderr, "taken: %zu\n", i);
                        exit(1);
                }
}

TEST(each_has_its_own)
{
        _cleanup_free_ char *one = set_name("", 1, "blue"), *two = set_name(one, 2, "the red one"), *three = set_name(two, 1, "green"),
                            *four = set(three, 2, NULL), *none = set(four, 1, NULL);

        CHECK(strcmp(called(one, 1), "blue") == 0);
        CHECK(strcmp(called(one, 2), "") == 0);
        CHECK(strcmp(called(two, 1), "blue") == 0 && strcmp(called(two, 2), "the red one") == 0);
        CHECK(strcmp(called(three, 1), "green") == 0 && strcmp(called(three, 2), "the red one") == 0);
        CHECK(strcmp(called(four, 1), "green") == 0 && strcmp(called(four, 2), "") == 0);
        CHECK(strcmp(none, "") == 0);
}

TEST(ids_of_resident_ones)
{
        const uint8_t id[] = {1, 2, 3, 4};
        _cleanup_free_ char *text = set("", 1, &(NamesEntry){.id = id, .id_size = sizeof(id)}),
                            *named = set(text, 1, &(NamesEntry){.name = "red", .id = id, .id_size = sizeof(id)});
        _cleanup_free_ uint8_t *got = NULL, *other = NULL, *not_needed = NULL;
        Credential c = credential(1), with_id = credential(1);
        size_t size;

        CHECK(strcmp(called(text, 1), "") == 0);
        CHECK(strcmp(called(named, 1), "red") == 0);
        CHECK_EQ(names_find_id(named, strlen(named), &c, &got, &size), 0);
        CHECK(size == sizeof(id) && memcmp(got, id, size) == 0);
        c = credential(2);
        CHECK_EQ(names_find_id(named, strlen(named), &c, &other, &size), 0);
        CHECK(!other && size == 0);
        with_id.id_size = 4; /* the authfile says it */
        CHECK_EQ(names_find_id(named, strlen(named), &with_id, &not_needed, &size), 0);
        CHECK(!not_needed);
}

TEST(lines_of_another_form_are_passed_over_and_stay)
{
        _cleanup_free_ char *line = set_name("", 1, "blue"), *id = NULL, *more = NULL, *kept = NULL;
        char text[1024], broken[1024];
        _cleanup_free_ uint8_t *got = NULL;
        Credential c = credential(1);
        size_t size;

        (void)snprintf(text, sizeof(text), "# mine\n\n" HASH " - other\n%s" HASH "\n" HASH " !!!! x\n\xff", line);
        CHECK(strcmp(called(text, 1), "blue") == 0);
        more = set_name(text, 1, "red");
        CHECK(strcmp(called(more, 1), "red") == 0);
        CHECK(strncmp(more, "# mine\n\n" HASH " - other\n" HASH "\n" HASH " !!!! x\n\xff\n", strlen(text) - strlen(line) + 1) == 0);

        /* Of a line cut at any place, and of each changed byte, comes this name, another that there can be, or none. */
        for (size_t n = 0; n < strlen(line); n++) {
                char name[NAMES_NAME_SIZE];

                (void)snprintf(broken, sizeof(broken), "%.*s", (int)n, line);
                if (names_find(broken, n, &c, name))
                        CHECK(names_valid(name) && strncmp(name, "blue", strlen(name)) == 0);
                (void)snprintf(broken, sizeof(broken), "%s", line);
                broken[n] ^= 0x80;
                CHECK(names_find(broken, strlen(line), &c, name) == (line[n] == '-')); /* no matter what the id is */
        }
        id = strdup(line);
        memcpy(strchr(id, '-'), "!", 1);
        CHECK_EQ(names_find_id(id, strlen(id), &c, &got, &size), 0);
        CHECK(!got);
        kept = set(text, 1, NULL);
        CHECK(strstr(kept, "other") && !strstr(kept, "blue"));
}

TEST(as_a_shell_computes_it)
{
        _cleanup_free_ char *text = set_name("", 0, "zero");

        /* sha256sum of 32 bytes 0 */
        CHECK(strcmp(text, "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925 - zero\n") == 0);
}

TEST_MAIN
