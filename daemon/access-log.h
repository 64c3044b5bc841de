/*
 * Access log: who read or changed which item, and when
 *
 * What changes an item is written down in the transaction that changes it. What is read is gathered in memory and written
 * within five seconds, by itself or with the next change, so no call waits for it; the same caller reading the same item
 * again meanwhile only counts. A caller that reads many different items in that time gets a few lines of their own and one
 * for the rest. Entries wait in memory while the vault is locked. Of the collection in memory nothing is written.
 */
#pragma once

#include "daemon/access-entry.h"
#include "daemon/identity.h"

#define ACCESS_LOG_ENTRIES 10000U /* that are kept at least, the newest ones */

typedef struct AccessLog AccessLog;

/* What is told of an item. Nothing is kept of it. */
typedef struct AccessObject {
        ItemRef item;
        const char *label; /* NULL: it is looked up, if it is wanted and the item is there */
        const VaultAttribute *attributes;
        size_t n_attributes;
} AccessObject;

#define ACCESS_OBJECT(ref, content)                                                                                   \
        ((AccessObject){.item = (ref),                                                                                \
                        .label = (content)->label,                                                                    \
                        .attributes = (content)->attributes,                                                          \
                        .n_attributes = (content)->n_attributes})

/* A secret is given to `who` (NULL: unknown). */
void access_log_read(Daemon *daemon, Identity *who, const AccessObject *object);

/* The same, and it is not given. */
void access_log_refused(Daemon *daemon, Identity *who, const AccessObject *object);

/* An item was changed, in the open batch. `kind` is none of the collections'. */
void access_log_wrote(Daemon *daemon, AccessKind kind, Identity *who, const AccessObject *object);
/* A collection was deleted or restored, in the open batch. */
void access_log_wrote_collection(Daemon *daemon, AccessKind kind, Identity *who, CollectionRef collection,
                                 const char *label);

/* Has what is still in memory written now: before the vault is locked or closed. */
void access_log_settle(Daemon *daemon);

/* Gives up what is in memory: another vault is opened. */
void access_log_forget(Daemon *daemon);

/* Reads the entries of that many records, newest first, of those with lower numbers than *before (UINT64_MAX: all), and says in *before
 * where it goes on; 0: that was the last. It ends where `each` returns something else than 0, which is returned; else 0, a vault
 * result or a negative errno. What can't be read is passed over. What is in memory is not among them. */
int access_log_walk(Daemon *daemon, uint64_t *before, size_t records, int (*each)(const AccessEntry *entry, void *userdata),
                    void *userdata);

/* While somebody reads, records stay what they are, unless too many new ones have come: then access_log_tidied() has another value than
 * it had, and what was read may come again. */
void access_log_hold(Daemon *daemon);
void access_log_release(Daemon *daemon);
uint64_t access_log_tidied(const Daemon *daemon);

/* ---- for the batch ---- */

/* Before a commit: adds what there is to write. */
void access_log_join(Daemon *daemon);
/* The commit's result: forgets what was written, or what was not done. */
void access_log_committed(Daemon *daemon, int result);
/* When nothing else is to be done: puts small records together, gives up old ones. */
void access_log_tidy(Daemon *daemon);

/* ---- life ---- */

int access_log_new(Daemon *daemon, AccessLog **ret);
AccessLog *access_log_free(AccessLog *log);
DEFINE_CLEANUP(AccessLog *, access_log_free)
