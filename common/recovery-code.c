/*
 * Recovery codes
 *
 * What a person types is read in two steps: it is cut into groups, which tells a code from any other secret, and then
 * each group is checked. All of it happens in memory of the caller's or on the stack, which is wiped.
 */
#include "common/recovery-code.h"

#include <string.h>

#define DATA_SIZE (RECOVERY_GROUP_SIZE - 1U)
#define NO_SYMBOL 0xffU

static const char alphabet[32] = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
                                  'G', 'H', 'J', 'K', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z'};

/* Multiplies by x in GF(32). */
static uint8_t times_x(uint8_t a)
{
        return (uint8_t)((a << 1 ^ (a & 0x10 ? 0x25 : 0)) & 0x1f);
}

static uint8_t check_symbol(const uint8_t symbols[DATA_SIZE], unsigned group)
{
        uint8_t sum = 0;

        for (unsigned i = 0; i < DATA_SIZE; i++)
                sum = times_x(sum ^ symbols[i]);
        return sum ^ (uint8_t)group;
}

void recovery_code_make(const uint8_t random[RECOVERY_RANDOM_SIZE], char ret[RECOVERY_TEXT_SIZE])
{
        uint8_t symbols[DATA_SIZE];

        for (unsigned group = 0; group < RECOVERY_GROUPS; group++) {
                for (unsigned i = 0; i < DATA_SIZE; i++) {
                        symbols[i] = random[group * DATA_SIZE + i] & 0x1f;
                        *ret++ = alphabet[symbols[i]];
                }
                *ret++ = alphabet[check_symbol(symbols, group)];
                *ret++ = group + 1 < RECOVERY_GROUPS ? '-' : 0;
        }
        explicit_bzero(symbols, sizeof(symbols));
}

/* The value of what was typed. */
static uint8_t symbol_of(uint8_t c)
{
        if (c >= 'a' && c <= 'z')
                c = (uint8_t)(c - 'a' + 'A');
        if (c == 'I' || c == 'L')
                return 1;
        if (c == 'O')
                return 0;
        for (uint8_t i = 0; i < sizeof(alphabet); i++)
                if (alphabet[i] == (char)c)
                        return i;
        return NO_SYMBOL;
}

static int is_separator(uint8_t c)
{
        return c == '-' || c == ' ';
}

static int is_letter_or_digit(uint8_t c)
{
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

typedef struct Groups {
        uint8_t text[RECOVERY_GROUPS][RECOVERY_GROUP_SIZE];
        size_t sizes[RECOVERY_GROUPS]; /* more than RECOVERY_GROUP_SIZE: too long */
} Groups;

/* Cuts at separators, or where there are none every five. */
static RecoveryResult cut(const uint8_t *text, size_t size, Groups *ret)
{
        size_t group = 0, separators = 0, symbols = 0;

        *ret = (Groups){0};
        while (size > 0 && is_separator(text[0])) {
                text++;
                size--;
        }
        while (size > 0 && is_separator(text[size - 1]))
                size--;
        for (size_t i = 0; i < size; i++) {
                if (!is_letter_or_digit(text[i]) && !is_separator(text[i]))
                        return RECOVERY_NO_CODE;
                separators += is_separator(text[i]) != 0;
                symbols += !is_separator(text[i]);
        }
        if (separators == 0 && symbols != RECOVERY_GROUPS * RECOVERY_GROUP_SIZE)
                return RECOVERY_NO_CODE;

        for (size_t i = 0; i < size; i++) {
                if (is_separator(text[i])) {
                        group += !is_separator(text[i - 1]);
                        continue;
                }
                if (separators == 0 && ret->sizes[group] == RECOVERY_GROUP_SIZE)
                        group++;
                if (group >= RECOVERY_GROUPS)
                        return RECOVERY_NO_CODE;
                if (ret->sizes[group] < RECOVERY_GROUP_SIZE)
                        ret->text[group][ret->sizes[group]] = text[i];
                ret->sizes[group]++;
        }
        /* A word that someone chose may have seven parts; a code's are about five long. */
        for (size_t i = 0; i < RECOVERY_GROUPS; i++)
                if (ret->sizes[i] < RECOVERY_GROUP_SIZE - 1 || ret->sizes[i] > RECOVERY_GROUP_SIZE + 1)
                        return RECOVERY_NO_CODE;
        return RECOVERY_OK;
}

static RecoveryResult read_groups(const Groups *groups, uint8_t ret_key[RECOVERY_KEY_SIZE], unsigned *ret_group)
{
        uint8_t symbols[RECOVERY_GROUP_SIZE], key[RECOVERY_KEY_SIZE];
        RecoveryResult result = RECOVERY_OK;

        for (unsigned group = 0; result == RECOVERY_OK && group < RECOVERY_GROUPS; group++) {
                uint8_t worst = 0;

                for (unsigned i = 0; i < RECOVERY_GROUP_SIZE; i++) {
                        symbols[i] = symbol_of(groups->text[group][i]);
                        worst |= symbols[i];
                        if (i < DATA_SIZE)
                                key[group * DATA_SIZE + i] = (uint8_t)alphabet[symbols[i] & 0x1f];
                }
                if (groups->sizes[group] != RECOVERY_GROUP_SIZE || worst > 0x1f ||
                    symbols[DATA_SIZE] != check_symbol(symbols, group)) {
                        *ret_group = group + 1;
                        result = RECOVERY_TYPO;
                }
        }
        if (result == RECOVERY_OK)
                memcpy(ret_key, key, sizeof(key));
        explicit_bzero(symbols, sizeof(symbols));
        explicit_bzero(key, sizeof(key));
        return result;
}

RecoveryResult recovery_code_read(const void *text, size_t size, uint8_t ret_key[RECOVERY_KEY_SIZE],
                                  unsigned *ret_group)
{
        RecoveryResult result;
        Groups groups;

        result = cut(text, size, &groups);
        if (result == RECOVERY_OK)
                result = read_groups(&groups, ret_key, ret_group);
        explicit_bzero(&groups, sizeof(groups));
        return result;
}
