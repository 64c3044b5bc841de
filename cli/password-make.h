/* Making passwords: characters drawn evenly from a set. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"

#define PASSWORD_MAKE_MAX ((size_t)4096)

extern const char password_letters_and_digits[], password_symbols[];

/* Fills a buffer with random bytes. 0 or negative errno. */
typedef int (*RandomBytes)(void *buffer, size_t size);
int random_from_kernel(void *buffer, size_t size);

/* `length` characters, each one of the `n` (2 to 256) of the set with the same probability. 0 or negative errno. */
int password_make(const char *set, size_t n, size_t length, RandomBytes random, Secret **ret);

/* Whether a set is printable ASCII without a character twice, at least two of them. */
int password_set_check(const char *set);
