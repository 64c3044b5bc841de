/*
 * Secret: a buffer for a password, a PIN or an item's value
 *
 * Its pages are its own: locked in memory where the limit allows, left out of core dumps, zero in a forked child, and
 * wiped before they go back. Keys do not live here but in the arena (crypto/arena.h); this is for what people and
 * programs hand in and take out, whatever its size.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

typedef struct Secret {
        uint8_t *data;   /* always followed by a NUL byte that size does not count */
        size_t size;     /* bytes in use */
        size_t capacity; /* bytes that fit */
        bool locked;     /* false: the memlock limit was reached, the pages may be swapped */
} Secret;

/* Makes an empty secret that can take `capacity` bytes. 0, or -ENOMEM. Free with secret_free(). */
int secret_new(Secret **ret, size_t capacity);

/* Makes a secret with a copy of `size` bytes at `data` (NULL allowed when size is 0). */
int secret_new_from(Secret **ret, const void *data, size_t size);

/* Wipes and frees. NULL is allowed. Returns NULL. */
Secret *secret_free(Secret *secret);
DEFINE_CLEANUP(Secret *, secret_free)

/* Appends bytes, moving to larger pages where needed; the old ones are wiped. */
int secret_append(Secret *secret, const void *data, size_t size);

/* Reads from `fd` until the end of file. -EFBIG beyond `max` bytes. A trailing newline is kept. */
int secret_read(int fd, size_t max, Secret **ret);

/* Removes one trailing "\n" (or "\r\n"), if there is one. */
void secret_chomp(Secret *secret);

/* Equal length and content, in time that depends on the lengths only. */
bool secret_equal(const Secret *a, const Secret *b);

/* Wipes what calls that have returned left behind in this thread: on its stack, as far down as ours go, and in its vector
 * registers, through which whatever is copied or ciphered goes, and which a core image has, too. */
void traces_wipe(void);

/* A copy on the ordinary heap, and its wiping destructor, for APIs that want a string. */
char *secret_strdup(const Secret *secret);
char *string_wipe_free(char *string);
DEFINE_CLEANUP(char *, string_wipe_free)
