/* Recovery codes: every typing mistake is found, and said where. */
#include <ctype.h>

#include "common/recovery-code.h"
#include "tests/unit/test.h"

static const char symbols[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void make(uint8_t first, char ret[RECOVERY_TEXT_SIZE])
{
        uint8_t random[RECOVERY_RANDOM_SIZE];

        for (unsigned i = 0; i < sizeof(random); i++)
                random[i] = (uint8_t)(first + 37 * i);
        recovery_code_make(random, ret);
}

static RecoveryResult read_text(const char *text, unsigned *ret_group)
{
        uint8_t key[RECOVERY_KEY_SIZE];

        *ret_group = 0;
        return recovery_code_read(text, strlen(text), key, ret_group);
}

TEST(a_code_is_read_as_it_was_printed)
{
        uint8_t key[RECOVERY_KEY_SIZE];
        char text[RECOVERY_TEXT_SIZE];
        unsigned group;

        make(200, text);
        CHECK_EQ(strlen(text), 41);
        CHECK_EQ(recovery_code_read(text, strlen(text), key, &group), RECOVERY_OK);
        for (unsigned i = 0; i < RECOVERY_KEY_SIZE; i++)
                CHECK(key[i] == (uint8_t)text[i / 4 * 6 + i % 4]);
}

/* Computed by another program; the vectors of the vault have one more. */
TEST(a_code_of_a_known_key)
{
        uint8_t random[RECOVERY_RANDOM_SIZE];
        char text[RECOVERY_TEXT_SIZE];

        for (unsigned i = 0; i < sizeof(random); i++)
                random[i] = (uint8_t)(0xe0 | i); /* only five bits count */
        recovery_code_make(random, text);
        CHECK(strcmp(text, "01236-4567G-89ABF-CDEFS-GHJKM-MNPQ2-RSTVX") == 0);
}

TEST(case_blanks_and_letters_that_look_alike_do_not_matter)
{
        char text[RECOVERY_TEXT_SIZE], other[2 * RECOVERY_TEXT_SIZE];
        uint8_t key[RECOVERY_KEY_SIZE], again[RECOVERY_KEY_SIZE];
        unsigned group, n = 0;

        make(0, text);
        CHECK(strchr(text, '0') && strchr(text, '1'));
        CHECK_EQ(recovery_code_read(text, strlen(text), key, &group), RECOVERY_OK);

        other[n++] = ' ';
        for (const char *c = text; *c; c++) {
                other[n++] = (char)(*c == '0' ? 'o' : *c == '1' ? 'l' : *c == '-' ? ' ' : tolower(*c));
                if (*c == '-')
                        other[n++] = '-';
        }
        CHECK_EQ(recovery_code_read(other, n, again, &group), RECOVERY_OK);
        CHECK(memcmp(key, again, sizeof(key)) == 0);

        n = 0;
        for (const char *c = text; *c; c++)
                if (*c != '-')
                        other[n++] = (char)(*c == '1' ? 'I' : *c);
        CHECK_EQ(n, 35);
        CHECK_EQ(recovery_code_read(other, n, again, &group), RECOVERY_OK);
        CHECK(memcmp(key, again, sizeof(key)) == 0);
}

TEST(every_wrong_symbol_is_found_in_its_group)
{
        char text[RECOVERY_TEXT_SIZE];
        unsigned group;

        make(77, text);
        for (unsigned i = 0; text[i]; i++) {
                char right = text[i];

                for (const char *c = symbols; right != '-' && *c; c++) {
                        if (*c == right)
                                continue;
                        text[i] = *c;
                        CHECK_EQ(read_text(text, &group), RECOVERY_TYPO);
                        CHECK_EQ(group, i / 6 + 1);
                }
                if (right != '-') {
                        text[i] = 'U'; /* in no code */
                        CHECK_EQ(read_text(text, &group), RECOVERY_TYPO);
                        CHECK_EQ(group, i / 6 + 1);
                }
                text[i] = right;
        }
}

TEST(every_exchange_within_a_group_is_found)
{
        unsigned group, tried = 0;
        char text[RECOVERY_TEXT_SIZE];

        for (unsigned seed = 0; seed < 256; seed++) {
                make((uint8_t)seed, text);
                for (unsigned i = 0; i < strlen(text); i++)
                        for (unsigned k = i + 1; k / 6 == i / 6 && text[k] && text[k] != '-'; k++) {
                                char c = text[i];

                                if (c == text[k])
                                        continue;
                                text[i] = text[k];
                                text[k] = c;
                                CHECK_EQ(read_text(text, &group), RECOVERY_TYPO);
                                CHECK_EQ(group, i / 6 + 1);
                                text[k] = text[i];
                                text[i] = c;
                                tried++;
                        }
        }
        CHECK(tried > 10000);
}

TEST(groups_at_the_wrong_place_are_found)
{
        char text[RECOVERY_TEXT_SIZE], other[RECOVERY_TEXT_SIZE];
        unsigned group;

        make(5, text);
        for (unsigned a = 0; a < RECOVERY_GROUPS; a++)
                for (unsigned b = a + 1; b < RECOVERY_GROUPS; b++) {
                        memcpy(other, text, sizeof(other));
                        memcpy(other + 6 * (size_t)a, text + 6 * (size_t)b, RECOVERY_GROUP_SIZE);
                        memcpy(other + 6 * (size_t)b, text + 6 * (size_t)a, RECOVERY_GROUP_SIZE);
                        CHECK_EQ(read_text(other, &group), RECOVERY_TYPO);
                        CHECK_EQ(group, a + 1);
                }
}

TEST(a_symbol_too_few_or_too_many_is_said_where)
{
        char text[RECOVERY_TEXT_SIZE], other[RECOVERY_TEXT_SIZE + 1];
        unsigned group;

        make(9, text);
        for (unsigned i = 0; text[i]; i++) {
                if (text[i] == '-')
                        continue;
                memcpy(other, text, i);
                memcpy(other + i, text + i + 1, strlen(text + i + 1) + 1);
                CHECK_EQ(read_text(other, &group), RECOVERY_TYPO);
                CHECK_EQ(group, i / 6 + 1);
                memcpy(other, text, i + 1);
                memcpy(other + i + 1, text + i, strlen(text + i) + 1);
                CHECK_EQ(read_text(other, &group), RECOVERY_TYPO);
                CHECK_EQ(group, i / 6 + 1);
        }
}

TEST(other_secrets_are_no_codes)
{
        static const char *const others[] = {
                "",
                "-",
                "------",
                "hunter2",
                "correct horse battery staple",
                "one two three four five six seven",
                "a-b-c-d-e-f-g",
                "0000R-1111S",
                "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE-FFFFF-GGGGG-HHHHH",
                "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE-FFFFF-GG.GG",
                "12345678901234567890123456789012345\n",
        };
        char text[RECOVERY_TEXT_SIZE];
        unsigned group;

        for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                CHECK_EQ(read_text(others[i], &group), RECOVERY_NO_CODE);
        make(1, text);
        text[35] = 0; /* the last group and its hyphen are missing */
        CHECK_EQ(read_text(text, &group), RECOVERY_NO_CODE);
}

TEST_MAIN
