/*
 * Access entry: one line of the log, and how lines are written down
 *
 * A record of the class *log* is a chunk: a version and entries, oldest first, each with its length before it, so that
 * chunks are put together without being understood (docs/FORMAT.md, "The log").
 */
#pragma once

#include <stdbool.h>

#include "common/bytes.h"
#include "helper/protocol.h"

#define ACCESS_TEXT_MAX    512U  /* bytes of each text of an entry; longer ones are cut */
#define ACCESS_OBJECTS_MAX 4096U /* items of one entry */

typedef enum AccessKind {
        ACCESS_READ = 1,     /* a secret was given away */
        ACCESS_CREATED = 2,
        ACCESS_CHANGED = 3,  /* a secret, a label or attributes */
        ACCESS_DELETED = 4,
        ACCESS_RESTORED = 5,
        ACCESS_COLLECTION_DELETED = 6,
        ACCESS_COLLECTION_RESTORED = 7,
        ACCESS_REFUSED = 8, /* a secret was not given away: access-policy.h */
        _ACCESS_KIND_MAX,
} AccessKind;

/* "read", "created", …; NULL when there is no such kind. */
const char *access_kind_name(unsigned kind);

typedef struct AccessEntry {
        AccessKind kind;
        uint64_t first, last; /* microseconds since 1970 */
        uint32_t count;       /* how often, between them */
        uint32_t pid;         /* 0: unknown */
        HelperConfinement confinement;
        char *program, *comm, *unit, *app; /* identity.h */
        uint32_t collection;               /* its number */
        char *label, *service, *username;  /* of the one item; of a collection, its label */
        uint64_t *objects;                 /* items, by id: one, or more when there were too many for a line each */
        size_t n_objects;
} AccessEntry;

void access_entry_done(AccessEntry *entry);

/* Begins a chunk. */
void access_chunk_begin(ByteWriter *chunk);
/* Adds an entry. Texts that are NULL are "". */
void access_chunk_add(ByteWriter *chunk, const AccessEntry *entry);
/* Adds all of another one's. -EBADMSG when that is none. */
int access_chunk_join(ByteWriter *chunk, const uint8_t *data, size_t size);
/* How many there are, or -EBADMSG. */
int access_chunk_count(const uint8_t *data, size_t size, size_t *ret);

/* Begins to read one. -EBADMSG. */
int access_chunk_open(ByteReader *reader, const uint8_t *data, size_t size);
/* The next entry, which access_entry_done() frees: 1; 0 at the end; -EBADMSG; -ENOMEM. */
int access_chunk_next(ByteReader *reader, AccessEntry *ret);

/* All of a chunk, newest first, until `each` returns something else than 0, which is returned. -EBADMSG before any when it
 * is none; -ENOMEM. */
int access_chunk_walk_back(const uint8_t *data, size_t size, int (*each)(const AccessEntry *entry, void *userdata),
                           void *userdata);
