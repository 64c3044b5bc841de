/*
 * Keeping the log: records that were written, until they are given up
 *
 * Each commit makes a small record. When there are some of them they become one chunk, in the place of the first, and when
 * there are enough chunks the oldest goes. So the log has a bound, and a change costs one small row.
 */
#pragma once

#include <stdbool.h>

#include "store/vault.h"

#define ACCESS_CHUNK_ENTRIES 64U                       /* of a chunk, at least, */
#define ACCESS_CHUNK_SIZE    ((size_t)32 * 1024)       /* or bytes */
#define ACCESS_CHUNKS_MAX    160U                      /* that are kept, and fewer than LOOSE_MAX small records */
#define ACCESS_LOOSE_MAX     64U

typedef struct AccessKeep {
        bool known;         /* whether the rest is */
        uint64_t full;      /* number of the newest chunk; what is newer is loose */
        size_t n_loose;
} AccessKeep;

/* A record was written. */
void access_keep_added(AccessKeep *keep);
/* What is known of the records may not be so. */
void access_keep_forget(AccessKeep *keep);
/* Makes chunks, in a batch of its own. Cheap when there is nothing to do; nothing in an open batch or while locked. */
void access_keep_tidy(AccessKeep *keep, Vault *vault);
