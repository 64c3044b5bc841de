/*
 * Arena: locked memory for keys
 *
 * A fixed block of memory that is locked and left out of core dumps (OpenSSL's secure heap: it belongs to the process,
 * not to an instance, because libcrypto has one). Vault keys, derived keys and session keys live here and nowhere else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define ARENA_SIZE ((size_t)256 * 1024)

/* Sets the arena up; once per process, before the first key. 0 when locked, 1 when the memory could not be locked
 * (usable all the same), -ENOMEM. Calling it again is harmless. */
int arena_init(void);

/* Whether the arena is locked in memory. */
bool arena_locked(void);

/* `size` zeroed bytes of the arena, or NULL when it is full: there is no silent fall-back to the heap. */
void *arena_alloc(size_t size);

/* Wipes and frees. NULL is allowed. Returns NULL. */
void *arena_free(void *p);

/* A 256-bit key in the arena. */
typedef struct Key {
        uint8_t bytes[32];
} Key;

/* NULL when the arena is full. */
Key *key_new(void);
Key *key_new_random(void);
Key *key_new_from(const uint8_t bytes[32]);
Key *key_free(Key *key);
DEFINE_CLEANUP(Key *, key_free)
