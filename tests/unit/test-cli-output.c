/* Generated passwords are even; JSON and base64 around a secret are right; managed files come and go. */
#include "cli/managed.h"
#include "cli/output.h"
#include "cli/password-make.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/test.h"

/* ---- passwords ---- */

/* Bytes 0, 1, 2, … 255, 0, … */
static uint8_t counter;

static int counting(void *buffer, size_t size)
{
        for (size_t i = 0; i < size; i++)
                ((uint8_t *)buffer)[i] = counter++;
        return 0;
}

static int failing(void *buffer, size_t size)
{
        return -EIO;
}

TEST(make_rejects_the_uneven_rest)
{
        _cleanup_(secret_freep) Secret *password = NULL;
        unsigned counts[256] = {0};

        /* 256 = 4 × 62 + 8: in each round of byte values the last 8 must be thrown away */
        counter = 0;
        CHECK_EQ(password_make(password_letters_and_digits, 62, 62UL * 8, counting, &password), 0);
        CHECK_EQ(password->size, 62UL * 8);
        for (size_t i = 0; i < password->size; i++)
                counts[password->data[i]]++;
        for (size_t i = 0; i < 62; i++)
                CHECK_EQ(counts[(uint8_t)password_letters_and_digits[i]], 8);
}

TEST(make_lengths_and_sets)
{
        for (size_t length = 1; length <= 200; length += 13) {
                _cleanup_(secret_freep) Secret *password = NULL;

                CHECK_EQ(password_make("ab", 2, length, random_from_kernel, &password), 0);
                CHECK_EQ(password->size, length);
                for (size_t i = 0; i < length; i++)
                        CHECK(password->data[i] == 'a' || password->data[i] == 'b');
        }
}

TEST(make_is_random_and_roughly_even)
{
        _cleanup_(secret_freep) Secret *a = NULL, *b = NULL;
        unsigned counts[256] = {0};

        CHECK_EQ(password_make("0123456789", 10, 4096, random_from_kernel, &a), 0);
        CHECK_EQ(password_make("0123456789", 10, 4096, random_from_kernel, &b), 0);
        CHECK(!secret_equal(a, b));
        /* 409.6 expected, standard deviation 19: ten of them away happens to nobody */
        for (size_t i = 0; i < a->size; i++)
                counts[a->data[i]]++;
        for (int c = '0'; c <= '9'; c++)
                CHECK(counts[c] > 219 && counts[c] < 600);
}

TEST(make_refuses)
{
        Secret *password = NULL;

        CHECK_EQ(password_make("a", 1, 8, random_from_kernel, &password), -EINVAL);
        CHECK_EQ(password_make("ab", 2, PASSWORD_MAKE_MAX + 1, random_from_kernel, &password), -EINVAL);
        CHECK_EQ(password_make("ab", 2, 8, failing, &password), -EIO);
        CHECK(!password);
        CHECK_EQ(password_set_check("ab"), 0);
        CHECK_EQ(password_set_check("a"), -EINVAL);
        CHECK_EQ(password_set_check(""), -EINVAL);
        CHECK_EQ(password_set_check("aba"), -EINVAL);
        CHECK_EQ(password_set_check("a\n"), -EINVAL);
        CHECK_EQ(password_set_check(password_letters_and_digits), 0);
        CHECK_EQ(password_set_check(password_symbols), 0);
}

/* ---- JSON and base64 ---- */

static void check_json(const void *data, size_t size, const char *expected)
{
        _cleanup_(secret_freep) Secret *text = NULL;

        CHECK_EQ(secret_new(&text, 8), 0);
        CHECK_EQ(output_json_string(text, data, size), 0);
        CHECK(strcmp((const char *)text->data, expected) == 0);
}

TEST(json_string)
{
        _cleanup_(secret_freep) Secret *text = NULL;

        check_json("", 0, "\"\"");
        check_json("plain", 5, "\"plain\"");
        check_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
        check_json("a\nb\x7f", 4, "\"a\\u000ab\\u007f\"");
        check_json("\xc3\xa4", 2, "\"\xc3\xa4\"");
        CHECK_EQ(secret_new(&text, 8), 0);
        CHECK_EQ(output_json_string(text, "\xff", 1), -EILSEQ);
        CHECK_EQ(output_json_string(text, "a\0b", 3), -EILSEQ);
        CHECK_EQ(text->size, 0);
}

static void check_base64(const char *data, size_t size, const char *expected)
{
        _cleanup_(secret_freep) Secret *text = NULL;

        CHECK_EQ(secret_new(&text, 8), 0);
        CHECK_EQ(output_base64(text, data, size), 0);
        CHECK(strcmp((const char *)text->data, expected) == 0);
}

TEST(base64)
{
        /* RFC 4648, section 10 */
        check_base64("", 0, "");
        check_base64("f", 1, "Zg==");
        check_base64("fo", 2, "Zm8=");
        check_base64("foo", 3, "Zm9v");
        check_base64("foob", 4, "Zm9vYg==");
        check_base64("fooba", 5, "Zm9vYmE=");
        check_base64("foobar", 6, "Zm9vYmFy");
        check_base64("\xff\xfe\xfd", 3, "//79");
}

/* ---- managed files ---- */

static void put(const char *path, const char *text)
{
        FILE *file = fopen(path, "w");

        CHECK(file);
        CHECK(fputs(text, file) >= 0);
        CHECK(fclose(file) == 0);
}

static bool has(const char *path, const char *text)
{
        char content[4096];
        FILE *file = fopen(path, "r");
        size_t n;

        if (!file)
                return false;
        n = fread(content, 1, sizeof(content) - 1, file);
        content[n] = 0;
        fclose(file);
        return strcmp(content, text) == 0;
}

TEST(managed_files)
{
        char directory[] = "/tmp/keyfob-test-XXXXXX", path[128], aside[160], command[160];
        bool changed;

        CHECK(mkdtemp(directory));
        (void)snprintf(path, sizeof(path), "%s/a/b/file.service", directory);
        (void)snprintf(aside, sizeof(aside), "%s.before-keyfob", path);

        /* nothing there */
        CHECK_EQ(managed_remove(path, &changed), 0);
        CHECK(!changed);
        CHECK_EQ(managed_write(path, "one\n", &changed), 0);
        CHECK(changed);
        CHECK(has(path, MANAGED_MARK "one\n"));
        /* again, and another text */
        CHECK_EQ(managed_write(path, "one\n", &changed), 0);
        CHECK(!changed);
        CHECK_EQ(managed_write(path, "two\n", &changed), 0);
        CHECK(changed);
        CHECK(has(path, MANAGED_MARK "two\n"));
        CHECK(access(aside, F_OK) < 0);
        CHECK_EQ(managed_remove(path, &changed), 0);
        CHECK(changed);
        CHECK(access(path, F_OK) < 0);

        /* somebody else's */
        put(path, "theirs\n");
        CHECK_EQ(managed_remove(path, &changed), 0);
        CHECK(!changed);
        CHECK(has(path, "theirs\n"));
        CHECK_EQ(managed_write(path, "one\n", &changed), 0);
        CHECK(changed);
        CHECK(has(aside, "theirs\n"));
        CHECK_EQ(managed_write(path, "two\n", &changed), 0);
        CHECK(has(aside, "theirs\n"));
        CHECK_EQ(managed_remove(path, &changed), 0);
        CHECK(changed);
        CHECK(has(path, "theirs\n"));
        CHECK(access(aside, F_OK) < 0);

        (void)snprintf(command, sizeof(command), "rm -r %s", directory);
        CHECK_EQ(system(command), 0);
}

TEST_MAIN
