/*
 * Recovery code: a key on paper, that a person types back
 *
 * 28 random symbols of 5 bits (140 bits), in seven groups of four, and after each group a symbol that checks it: so a typing
 * mistake is not only noticed but said where. The alphabet has no I, L, O and U; who writes I or L means 1, who writes O
 * means 0, and lower case is as good. Groups are parted by hyphens or blanks, or by nothing.
 *
 *   01236-4567G-…   (seven groups)
 *
 * The check symbol of group g (0 to 6) with symbols a b c d is, in GF(32) with x^5 + x^2 + 1,
 * a·x^4 + b·x^3 + c·x^2 + d·x + g: every single wrong symbol shows, every two that are exchanged, and a group at another
 * group's place.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RECOVERY_GROUPS      7U
#define RECOVERY_GROUP_SIZE  5U                                /* with its check symbol */
#define RECOVERY_KEY_SIZE    28U                               /* symbols that count, as ASCII */
#define RECOVERY_RANDOM_SIZE 28U                               /* random bytes that make one; 5 bits of each count */
#define RECOVERY_TEXT_SIZE   (RECOVERY_GROUPS * (RECOVERY_GROUP_SIZE + 1U)) /* with hyphens and NUL */

typedef enum RecoveryResult {
        RECOVERY_OK = 0,
        RECOVERY_NO_CODE, /* not the form of a code: some other secret */
        RECOVERY_TYPO,    /* the form, and one group is mistyped */
} RecoveryResult;

/* The code as it is printed. */
void recovery_code_make(const uint8_t random[RECOVERY_RANDOM_SIZE], char ret[RECOVERY_TEXT_SIZE]);

/* Reads what was typed. ret_key is what counts, in one form; ret_group is which group is mistyped first, from 1 on. */
RecoveryResult recovery_code_read(const void *text, size_t size, uint8_t ret_key[RECOVERY_KEY_SIZE],
                                  unsigned *ret_group);
