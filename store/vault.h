/*
 * Vault: the encrypted store
 *
 * One SQLite database, one connection, one thread. Everything durable goes through a transaction: a change function that
 * is called while a batch is open takes part in it (a savepoint each) and is durable when vault_batch_commit() returns 0;
 * otherwise it commits by itself before it returns. Cost of a write or a lookup does not depend on the number of items.
 *
 * Returns: 0 done; a positive VaultResult is an outcome for the caller to handle; a negative errno is fatal for the call
 * (-EIO, -ENOSPC, -ENOMEM …) and nothing of the call was done. docs/FORMAT.md describes the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/slot.h"

typedef enum VaultResult {
        VAULT_OK = 0,
        VAULT_E_NO_VAULT,     /* no file there: run keyfob init */
        VAULT_E_EXISTS,       /* vault_create(): there is one already */
        VAULT_E_BUSY,         /* another process has it open */
        VAULT_E_LOCKED,       /* needs a key that is not open */
        VAULT_E_NOT_FOUND,
        VAULT_E_WRONG_SECRET,
        VAULT_E_DAMAGED,      /* content is not authentic or not parseable */
        VAULT_E_TOO_NEW,      /* made by a later version */
        VAULT_E_UNSUPPORTED,  /* a slot kind this build cannot open */
        VAULT_E_LIMIT,        /* too large or too many */
        VAULT_E_LAST_SLOT,
        VAULT_E_INVALID,      /* an argument breaks a rule (not UTF-8, empty, …) */
        VAULT_E_UNSAFE,       /* file or directory has a wrong owner, type or mode */
        VAULT_E_DEVICE,       /* sealed by a device that has not opened it: vault_class_open() */
        VAULT_E_UNSURE,       /* the disk failed so that it is not known whether it was done; the vault is broken */
        _VAULT_RESULT_MAX,
} VaultResult;

/* One English line for a result (positive) or errno (negative), without a full stop. Static string. */
const char *vault_strerror(int result);

/* Limits */
#define VAULT_SECRET_MAX      ((size_t)4 * 1024 * 1024)
#define VAULT_MEMORY_MAX      ((size_t)64 * 1024 * 1024) /* of a vault in memory */
#define VAULT_LABEL_MAX       4096U
#define VAULT_ATTRIBUTES_MAX  64U
#define VAULT_ATTRIBUTE_MAX   8192U /* bytes of a name or of a value */
#define VAULT_CONTENT_TYPE_MAX 256U
#define VAULT_COLLECTIONS_MAX 1024U
#define VAULT_ALIASES_MAX     1024U
#define VAULT_ALIAS_MAX       256U
#define VAULT_TRASH_SECONDS   ((uint64_t)30 * 24 * 3600) /* how long deleted records of classes stay restorable */
#define VAULT_GENERIC_SCHEMA  "org.freedesktop.Secret.Generic"

typedef struct Vault Vault;

/* ---- file ---- */

/*
 * Makes a vault at `path` (its directory exists and is private) with one slot and one collection with the alias
 * "default", labelled `label` (NULL: "Default"); it is unlocked when this returns, and durable with its directory entry.
 * VAULT_E_EXISTS when there is one. A failure leaves no file behind.
 */
int vault_create(const char *path, const SlotDraft *slot, const char *label, Vault **ret);

/* Opens an existing vault, locked. Its directory must be the user's and closed to others. VAULT_E_NO_VAULT, VAULT_E_BUSY
 * (ret_pid: who has it, 0 unknown), VAULT_E_UNSAFE, VAULT_E_TOO_NEW, VAULT_E_DAMAGED. Runs migrations. */
int vault_open(const char *path, Vault **ret, pid_t *ret_pid);

/* A vault in memory only, unlocked, with no collection and no way to lock: the home of the `session` collection. It keeps
 * nothing that was deleted or replaced, and answers VAULT_E_LIMIT beyond VAULT_MEMORY_MAX. */
int vault_open_memory(Vault **ret);

/* Checkpoints, closes, wipes. An open batch is rolled back. NULL allowed. Returns NULL. */
Vault *vault_free(Vault *vault);
DEFINE_CLEANUP(Vault *, vault_free)

/* ---- batch (group commit) ---- */

/* Opens a batch unless one is open. */
int vault_batch_begin(Vault *vault);
/* The same for changes that belong together: when one fails, so do all that follow and the commit. It saves each the way back
 * of its own. In a batch that is open already they are as other changes. */
int vault_batch_begin_whole(Vault *vault);
/* Commits it, durably. When it fails, everything since begin is undone, in the file and in memory. */
int vault_batch_commit(Vault *vault);
void vault_batch_rollback(Vault *vault);
bool vault_batch_is_open(const Vault *vault);

/* The disk failed so that what is in memory cannot be made to follow the file: every call gets an error from now on, and only
 * opening anew shows what the file holds. */
bool vault_is_broken(const Vault *vault);

/* Housekeeping for an idle moment: passive checkpoint; `now` (seconds) decides what the trash has outlived. Cheap when
 * there is nothing to do. vault_wants_checkpoint(): the WAL has grown past 1,000 frames. vault_wants_purge(): the last idle moment
 * was too short for all that the trash has outlived. */
int vault_idle(Vault *vault, uint64_t now);
bool vault_wants_purge(const Vault *vault);
bool vault_wants_checkpoint(const Vault *vault);

/* ---- locks and slots ---- */

/* All slots (of the vault and of collections with their own). */
int vault_slots(Vault *vault, SlotList *ret);

/* Opens what this root opens: every collection under it and the class keys, or with `collection` != 0 that one only.
 * Checks the manifest and each collection's sum (see VaultCollection.tampered). VAULT_E_DAMAGED when the root does not fit.
 * In a batch that has failed: what that failed with. */
int vault_unlock(Vault *vault, const Root *root, uint32_t collection);

/* Wipes keys: of one collection, or (0) everything. The token index key stays. */
void vault_lock(Vault *vault, uint32_t collection);

/* When a secret was last used: a value or a record (but of the log) read or written, the vault unlocked. Microseconds of
 * CLOCK_BOOTTIME, which goes on while the machine sleeps. vault_use() says so of one that is kept elsewhere. */
uint64_t vault_used(const Vault *vault);
void vault_use(Vault *vault);

/* Whether the vault's own keys (manifest, classes) are open. */
bool vault_is_unlocked(const Vault *vault);

/* A slot of kind SLOT_NONE opens the vault. */
bool vault_is_unprotected(Vault *vault);

/* root says which scope the slot is added to. VAULT_E_LIMIT. */
int vault_slot_add(Vault *vault, const Root *root, const SlotDraft *draft);
/* Replaces the slot of the same id (password change). VAULT_E_NOT_FOUND. This, exchanging and removing also overwrite the log,
 * where the old wrap would stay for a while; in a batch they cannot. */
int vault_slot_replace(Vault *vault, const Root *root, const SlotDraft *draft);
/* Puts the slot in the place of the one of this id, of the same scope, which may be of another kind: a password where none was
 * wanted. Both or neither is done. If it is the slot of the draft, the same as vault_slot_replace(). VAULT_E_NOT_FOUND. */
int vault_slot_exchange(Vault *vault, const Root *root, const SlotDraft *draft, const uint8_t id[SLOT_ID_SIZE]);
/* VAULT_E_LAST_SLOT, VAULT_E_NOT_FOUND. Needs the vault unlocked (or the root that the slot opens). */
int vault_slot_remove(Vault *vault, const Root *root, const uint8_t id[SLOT_ID_SIZE]);
/* The slot gets another label. VAULT_E_NOT_FOUND, VAULT_E_INVALID; needs what vault_slot_remove() needs. */
int vault_slot_rename(Vault *vault, const Root *root, const uint8_t id[SLOT_ID_SIZE], const char *label);
/* The salt that security keys are asked with, for all slots of the kind: one question then serves all keys. Not secret. */
void vault_hmac_salt(const Vault *vault, uint8_t ret[SLOT_SALT_SIZE]);
/* The vault's id, 16 bytes. */
const uint8_t *vault_id(const Vault *vault);
/* Records that the slot opened the vault at `now`. */
int vault_slot_used(Vault *vault, const uint8_t id[SLOT_ID_SIZE], uint64_t now);

/*
 * New root, collection, class and index keys; every record is sealed anew, in one transaction. `drafts` has one draft for
 * each slot of the vault (from slot_prepare_again()); a slot without one is refused with VAULT_E_INVALID. Collections with
 * a root of their own are left alone, but their index tokens are made anew: VAULT_E_LOCKED when one is not unlocked. A vault
 * that is not in order (tampered, a damaged record) is refused with VAULT_E_DAMAGED: check first.
 * -EBUSY inside a batch. vault_rekey_drop() removes the slots without a draft in the same transaction.
 */
int vault_rekey(Vault *vault, const Root *root, SlotDraft *const *drafts, size_t n);
int vault_rekey_drop(Vault *vault, const Root *root, SlotDraft *const *drafts, size_t n);

/* ---- collections and aliases ---- */

typedef struct VaultCollection {
        uint32_t no;          /* never reused; item ids carry it */
        char name[64];        /* last element of its object path: [A-Za-z0-9_]+ , unique */
        char *label;
        uint64_t created, modified; /* seconds; readable while locked */
        bool locked;
        bool tampered;        /* records were removed, swapped or rolled back since the last sum */
        bool own_slots;
        uint64_t n_items;     /* from the index while locked: rows present; 0 damaged ones included */
        uint64_t n_damaged;   /* records found damaged since it was unlocked */
} VaultCollection;

/* Iterates in order of number: prev NULL begins, NULL ends. Deleted ones are left out. The pointer is good until that
 * collection is purged, the batch that made it is rolled back, or the vault goes. */
const VaultCollection *vault_collection_next(const Vault *vault, const VaultCollection *prev);
const VaultCollection *vault_collection_get(const Vault *vault, uint32_t no);
const VaultCollection *vault_collection_by_name(const Vault *vault, const char *name);

/*
 * Makes a collection. `root` is the vault's (NULL for a memory vault), or with `own` != NULL still the vault's while the
 * new collection gets a root and this slot of its own. The name is made from the label ("My work" -> "My_work", with a
 * number when taken). It is unlocked.
 */
int vault_collection_create(Vault *vault, const Root *root, const char *label, const SlotDraft *own,
                            const VaultCollection **ret);
int vault_collection_set_label(Vault *vault, uint32_t no, const char *label); /* VAULT_E_LOCKED */
/* It stays restorable with all its items (vault_retention()). Its aliases go. Needs the vault unlocked. */
int vault_collection_delete(Vault *vault, uint32_t no);
int vault_collection_undelete(Vault *vault, uint32_t no);
/* Deleted ones that can be restored, same iteration. */
const VaultCollection *vault_collection_next_deleted(const Vault *vault, const VaultCollection *prev);

/* Collection number of an alias, 0 when there is none. */
uint32_t vault_alias_get(const Vault *vault, const char *alias);
/* no 0 removes it. Needs the vault unlocked (the manifest is authenticated): VAULT_E_LOCKED. */
int vault_alias_set(Vault *vault, const char *alias, uint32_t no);
/* The i-th alias in order of name, or NULL. */
const char *vault_alias_nth(const Vault *vault, size_t i, uint32_t *ret_no);

/* ---- items ---- */

typedef uint64_t ItemId; /* collection number << 40 | number within it (never reused); 0 is no item */
#define ITEM_ID_NUMBER(id)     ((id) & ((UINT64_C(1) << 40) - 1))
#define ITEM_ID_COLLECTION(id) ((uint32_t)((id) >> 40))
#define ITEM_ID(no, number)    ((uint64_t)(no) << 40 | (number))
/* 0 of an item; of the id of a class's record, as vault_check() finds them, which class it is. */
#define VAULT_ID_CLASS(id)     ((id) >> 62 ? (unsigned)(ITEM_ID_COLLECTION(id) & 0x3fffff) : 0U)

typedef struct VaultAttribute {
        const char *name;
        const char *value;
} VaultAttribute;

typedef struct Item {
        ItemId id;
        uint64_t version;
        char *label;
        VaultAttribute *attributes; /* sorted by name; the strings are the item's */
        size_t n_attributes;
        char *content_type;
        uint64_t created, modified; /* seconds */
        Secret *value;              /* NULL when not asked for */
} Item;
Item *item_free(Item *item); /* wipes label, attributes and value */
DEFINE_CLEANUP(Item *, item_free)

typedef struct ItemIds {
        ItemId *ids;
        size_t n;
        bool damaged; /* vault_search(), unlocked: it left out a damaged item that may have matched */
} ItemIds;
void item_ids_done(ItemIds *ids);

/* Whether the item is there; works while locked. */
bool vault_item_exists(Vault *vault, ItemId id);

/* VAULT_E_LOCKED, VAULT_E_NOT_FOUND, VAULT_E_DAMAGED. */
int vault_item_get(Vault *vault, ItemId id, bool with_value, Item **ret);

/* An item without a copy of it. All that this points to lies in the vault's own locked pages: the next call for this vault
 * takes them, so each is given back first. */
typedef struct ItemValue {
        ItemId id;
        uint64_t modified; /* seconds */
        const char *label, *content_type;
        VaultAttribute attributes[VAULT_ATTRIBUTES_MAX]; /* sorted by name */
        size_t n_attributes;
        const uint8_t *value; /* NULL when not asked for */
        size_t size;
} ItemValue;

/* As vault_item_get(), without making a copy. Give it back with vault_value_done(). */
int vault_value_open(Vault *vault, ItemId id, ItemValue *ret);
void vault_value_done(Vault *vault, ItemValue *value);

typedef struct ItemChange {
        const char *label;                /* NULL: keep (new item: "") */
        const VaultAttribute *attributes; /* NULL: keep (new item: none); names unique */
        size_t n_attributes;
        const void *value;                /* NULL with value_set false: keep (new item: empty) */
        size_t value_size;
        bool value_set;
        const char *content_type;         /* NULL: keep (new item: "text/plain") */
} ItemChange;

/*
 * Makes an item; with `replace`, an item of this collection whose whole attribute set is the same (an absent xdg:schema
 * equals VAULT_GENERIC_SCHEMA) gets the new label, value and content type instead, keeps its id and creation time, and its
 * old value goes to the trash. VAULT_E_LOCKED, VAULT_E_NOT_FOUND (collection), VAULT_E_LIMIT, VAULT_E_INVALID (not UTF-8).
 */
int vault_item_create(Vault *vault, uint32_t collection, const ItemChange *item, bool replace, ItemId *ret_id,
                      bool *ret_replaced);
/* Changes what `change` sets. The old record goes to the trash when the value changes. */
int vault_item_update(Vault *vault, ItemId id, const ItemChange *change);
/* The record goes to the trash. */
int vault_item_delete(Vault *vault, ItemId id);

/* All items of a collection, oldest first; works while locked. */
int vault_items(Vault *vault, uint32_t collection, ItemIds *ret);

/*
 * Items that have all the given attributes (none given: every item), in `collection` or (0) in all. Those in unlocked
 * collections are checked against their sealed attributes and go to ret_unlocked (most recently modified first is NOT
 * promised: ids ascend); those in locked collections, found by token alone, to ret_locked. A query for xdg:schema =
 * VAULT_GENERIC_SCHEMA also finds items without one. Damaged ones are left out. `limit` 0: no limit; else at most that
 * many in all.
 */
int vault_search(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n, size_t limit,
                 ItemIds *ret_unlocked, ItemIds *ret_locked);
/* The same, from the item *from on (0: the first), which is where the next call goes on; 0: there are no more. */
int vault_search_next(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n, ItemId *from,
                      size_t limit, ItemIds *ret_unlocked, ItemIds *ret_locked);

/*
 * The item that vault_search() would find, and that was modified last; with its value when asked for. 0: give it back with
 * vault_value_done(). VAULT_E_NOT_FOUND. `*ret_locked`: locked items match by token. `*ret_damaged`: a damaged item may have
 * matched. Both are set then, too.
 */
int vault_lookup(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n, bool with_value,
                 ItemValue *ret, bool *ret_locked, bool *ret_damaged);

/* ---- trash ---- */

typedef struct TrashEntry {
        Item *item;        /* label and attributes as they were; no value */
        uint64_t removed;  /* seconds: when it was deleted or replaced */
        bool deleted;      /* false: an older value of an item that is still there */
} TrashEntry;
typedef struct TrashList {
        TrashEntry *entries; /* newest first */
        size_t n;
} TrashList;
void trash_list_done(TrashList *list);

/* The same for one item, the newest first, with those that were deleted. VAULT_E_NOT_FOUND (its collection), VAULT_E_LOCKED. */
int vault_history(Vault *vault, ItemId id, TrashList *ret);
/* One of these, with its value. VAULT_E_NOT_FOUND, VAULT_E_LOCKED, VAULT_E_DAMAGED. */
int vault_history_get(Vault *vault, ItemId id, uint64_t version, Item **ret);

/*
 * How long deleted and replaced values of items, and deleted collections, stay restorable, and how many replaced values of one
 * item. 0 days: nothing is kept; 0 versions: no replaced value is.
 */
#define VAULT_RETENTION_DAYS_MAX     36525U
#define VAULT_RETENTION_VERSIONS_MAX 1000U
typedef struct VaultRetention {
        uint32_t days, versions;
} VaultRetention;
#define VAULT_RETENTION_USUAL ((VaultRetention){.days = 30, .versions = 8})
VaultRetention vault_retention(const Vault *vault);
/* What it does not cover any more goes at once, or when that fails, in idle moments. VAULT_E_LOCKED, VAULT_E_INVALID; -EBUSY in a batch. */
int vault_set_retention(Vault *vault, VaultRetention retention);

/*
 * Removes what the trash has of an item, or (0) all that was deleted or replaced, of items, collections and classes, and leaves
 * nothing of it in the vault's file, in its log, or in copies in snapshots/: those are removed, all of them. Each step does about as
 * much as overwriting `pages` pages takes, outside of a batch (VAULT_E_BUSY); between the steps the vault can be used and
 * changed, and what is deleted or replaced by then is not wiped. VAULT_E_LOCKED; -EBUSY in a batch, while a copy is made, or
 * another wipe is under way; -ECANCELED: the vault went. When it fails or is freed before it is done, what was to go
 * can't be had back any more, or can still, and may be in a file.
 */
typedef struct VaultWipe VaultWipe;
int vault_wipe_new(Vault *vault, ItemId id, VaultWipe **ret);
int vault_wipe_step(VaultWipe *wipe, unsigned pages, bool *ret_done);
/* How many records went, of the trash; and how many copies. */
uint64_t vault_wipe_count(const VaultWipe *wipe, unsigned *ret_copies);
VaultWipe *vault_wipe_free(VaultWipe *wipe);
DEFINE_CLEANUP(VaultWipe *, vault_wipe_free)
/* How many copies there are in snapshots/. */
unsigned vault_kept_copies(const Vault *vault);

/* What can be restored in unlocked collections; collection 0: all. At most `limit` entries (0: no limit). */
int vault_trash(Vault *vault, uint32_t collection, size_t limit, TrashList *ret);
/* The same, those before *before (UINT64_MAX: from the newest on), which is where the next call goes on; 0: there are no more. */
int vault_trash_next(Vault *vault, uint32_t collection, uint64_t *before, size_t limit, TrashList *ret);
/* Brings an entry back: a deleted item under its old id, an old value as the item's current one (which goes to the trash in
 * turn). VAULT_E_NOT_FOUND, VAULT_E_LOCKED, VAULT_E_DAMAGED. */
int vault_undelete(Vault *vault, ItemId id, uint64_t version);

/* ---- class records ---- */

/* Kinds of secrets beside the items that the Secret Service shows. Their keys are made with the vault and open with it.
 * Numbers are part of the file format. */
typedef enum VaultClass {
        VAULT_CLASS_PASSKEYS = 1,
        VAULT_CLASS_SSH = 2,
        VAULT_CLASS_OTP = 3,
        VAULT_CLASS_LOG = 4,
        VAULT_CLASS_POLICY = 5,
        _VAULT_CLASS_MAX,
} VaultClass;

/*
 * A record of a class: bytes that mean nothing to the vault, sealed under the class's key, and marks by which it is found.
 * Numbers ascend in the order of making, from 1, and are never given again within a class. A mark is a kind and 32 bytes
 * (usually a hash); the file holds only a token of it, keyed with the class's key, so that a locked or stolen vault answers
 * no guess. All functions answer VAULT_E_LOCKED unless the vault is open (one in memory never is for these) and
 * VAULT_E_DAMAGED when the key of the class is lost, and take part in an open batch like every other change.
 */
#define VAULT_MARKS_MAX  8U
#define VAULT_MARK_SIZE  32U
#define VAULT_RECORD_MAX ((size_t)256 * 1024)
#define VAULT_HINT_MAX   ((size_t)64 * 1024)

typedef struct VaultMark {
        uint8_t kind;
        uint8_t value[VAULT_MARK_SIZE];
} VaultMark;

/* Makes a record. VAULT_E_LIMIT, VAULT_E_INVALID (a mark twice). */
int vault_record_create(Vault *vault, VaultClass class, const VaultMark *marks, size_t n, const void *data, size_t size,
                        uint64_t *ret_number);
/* New content under the same marks and with the same hint; the old content is gone. VAULT_E_NOT_FOUND, VAULT_E_DAMAGED, VAULT_E_LIMIT. */
int vault_record_update(Vault *vault, VaultClass class, uint64_t number, const void *data, size_t size);
/* With `keep` it stays restorable for VAULT_TRASH_SECONDS, else it is gone. VAULT_E_NOT_FOUND, VAULT_E_DAMAGED (vault_check()
 * can set it aside). */
int vault_record_delete(Vault *vault, VaultClass class, uint64_t number, bool keep);
/* Reads into `ret` (capacity bytes). VAULT_E_NOT_FOUND, VAULT_E_DAMAGED, VAULT_E_LIMIT when it is larger. */
int vault_record_get(Vault *vault, VaultClass class, uint64_t number, void *ret, size_t capacity, size_t *ret_size);
/* Up to `max` numbers below `before` (UINT64_MAX: from the newest) that have the mark, descending. The cost depends on what is
 * returned, not on how many records there are. The index only proposes: in a file that something else changed, a number may
 * have no record, or one that lost this mark. */
int vault_record_find(Vault *vault, VaultClass class, const VaultMark *mark, uint64_t before, uint64_t *ret, size_t max,
                      size_t *ret_n);
/* The same of all records, whatever their marks. */
int vault_record_list(Vault *vault, VaultClass class, uint64_t before, uint64_t *ret, size_t max, size_t *ret_n);
/* How many there are. */
int vault_record_count(Vault *vault, VaultClass class, uint64_t *ret);
/* Whether there ever was one; known while locked, too. */
bool vault_class_is_used(Vault *vault, VaultClass class);
/* Records were removed, swapped or rolled back, or the key is lost; false while locked. Reading goes on. */
bool vault_class_tampered(const Vault *vault, VaultClass class);

/* Deleted records that can be restored, by descending number: up to `max` with a `removed` time and the number; iterates by
 * `before` as vault_record_find() does. vault_record_get_deleted() reads one. */
typedef struct VaultDeleted {
        uint64_t number;
        uint64_t removed; /* seconds */
} VaultDeleted;
int vault_record_deleted(Vault *vault, VaultClass class, uint64_t before, VaultDeleted *ret, size_t max, size_t *ret_n);
int vault_record_get_deleted(Vault *vault, VaultClass class, uint64_t number, void *ret, size_t capacity,
                             size_t *ret_size);
/* Brings a deleted record back under its old number, with its marks. VAULT_E_NOT_FOUND, VAULT_E_DAMAGED. */
int vault_record_undelete(Vault *vault, VaultClass class, uint64_t number);

/*
 * A class can be sealed by a device, as a TPM: then its key opens only with the vault's root and a secret that the device
 * alone computes, and vault_unlock() leaves the class closed. Its functions answer VAULT_E_DEVICE until vault_class_open().
 * Slots, other classes and collections know nothing of it. `params` is what it takes to have the secret computed: bytes that
 * mean nothing to the vault, which shows them to who has unlocked it.
 *
 * Sealing and unsealing give the class another key and seal its records anew, in one transaction, so that no older copy of the
 * key opens what is written from then on. Both need the class open and in order (VAULT_E_DEVICE, VAULT_E_DAMAGED) and the
 * vault's root; -EBUSY in a batch. vault_rekey() keeps a class sealed and needs it open, too.
 */
#define VAULT_DEVICE_SIZE     32U
#define VAULT_SEAL_PARAMS_MAX 2048U

/* VAULT_E_EXISTS when it is sealed already; VAULT_E_LIMIT. */
int vault_class_seal(Vault *vault, const Root *root, VaultClass class, const void *params, size_t size,
                     const uint8_t device[VAULT_DEVICE_SIZE]);
/* VAULT_E_NOT_FOUND when it is not sealed. */
int vault_class_unseal(Vault *vault, const Root *root, VaultClass class);
/* Whether it is; works while locked. */
bool vault_class_is_sealed(Vault *vault, VaultClass class);
/* NULL while the vault is locked, and when the class is not sealed. The vault's. */
const Secret *vault_class_params(const Vault *vault, VaultClass class);
bool vault_class_is_open(const Vault *vault, VaultClass class);
/* Opens a sealed class. VAULT_E_LOCKED, VAULT_E_WRONG_SECRET (not the device's secret, or a damaged key), VAULT_E_NOT_FOUND when it
 * is not sealed. */
int vault_class_open(Vault *vault, VaultClass class, const uint8_t device[VAULT_DEVICE_SIZE]);
/* Gives up a class that no device opens any more: its records and what was deleted of it go for good, and it gets a new key
 * without a seal. VAULT_E_INVALID when it is open. */
int vault_class_abandon(Vault *vault, const Root *root, VaultClass class);

/*
 * A hint is what can be told of a record while the vault is locked: bytes beside the content, at most VAULT_HINT_MAX. Who
 * has the file and no secret can read it (it is sealed under a key that lies in the file), but nobody without
 * writing to the file can make it another's: it goes with one version of its record, through deleting, bringing back and
 * new keys. What counts is in the record.
 */

/* With *number 0 makes a record that has no marks, and sets it; else replaces the content and the hint. */
int vault_record_put(Vault *vault, VaultClass class, uint64_t *number, const void *data, size_t size, const void *hint,
                     size_t hint_size);
/* The next hint by number, from *number 0 on; works while locked. VAULT_E_NOT_FOUND at the end, VAULT_E_DAMAGED and
 * VAULT_E_LIMIT (larger than `capacity`) of one, after which *number goes on; -EIO: the file can't be read any further. */
int vault_hint_next(Vault *vault, VaultClass class, uint64_t *number, void *ret, size_t capacity, size_t *ret_size);
/* Of a deleted record that can be restored. VAULT_E_NOT_FOUND: no such record, or it has no hint. */
int vault_hint_get_deleted(Vault *vault, VaultClass class, uint64_t number, void *ret, size_t capacity,
                           size_t *ret_size);

/* A note that is readable while locked: not secret, and authenticated by nothing (who reads it treats it as a hint). NULL data
 * removes it, if it is there. `name` [a-z-]{1,32}, else VAULT_E_INVALID; at most 1024 bytes, else VAULT_E_LIMIT. Takes part in a
 * batch. Getting: VAULT_E_NOT_FOUND, VAULT_E_LIMIT when it is larger than `capacity`. */
int vault_note_put(Vault *vault, const char *name, const void *data, size_t size);
int vault_note_get(Vault *vault, const char *name, void *ret, size_t capacity, size_t *ret_size);

/* ---- check ---- */

typedef struct VaultReport {
        uint64_t records, damaged, index_missing, index_extra; /* of collections and classes */
        uint64_t collections_tampered;                         /* and classes whose own sum does not fit */
        uint64_t collections_locked;
} VaultReport;
/* Verifies every record, sum and index row of the unlocked collections and of the classes; calls found() for each damaged
 * item or record (VAULT_ID_CLASS()). With `accept`, damaged records are moved out of the way (kept in the trash table),
 * the index is repaired, and the sums are made anew, so that a tampered collection is in order again. A class
 * whose key is lost gets a new one from vault_rekey(), after its records were set aside. -EBUSY in a batch. */
int vault_check(Vault *vault, bool accept, void (*found)(void *userdata, ItemId id), void *userdata, VaultReport *ret);

/* ---- copies ---- */

#define VAULT_COPY_MAX ((uint64_t)16 * 1024 * 1024 * 1024)

/*
 * Makes a sealed copy of the vault in `fd`, an empty regular file that is open for both ways and stays the caller's. Needs
 * no key. Each step copies up to that many pages, outside of a batch (VAULT_E_BUSY); between the steps the vault can be
 * changed, and what is committed by then is in the copy when it is done. Nothing is synced. -EBUSY: there is one being
 * made, or a wipe is under way; -ECANCELED: the vault went.
 */
typedef struct VaultCopy VaultCopy;
int vault_copy_new(Vault *vault, int fd, VaultCopy **ret);
int vault_copy_step(VaultCopy *copy, unsigned pages, bool *ret_done);
VaultCopy *vault_copy_free(VaultCopy *copy);
DEFINE_CLEANUP(VaultCopy *, vault_copy_free)

/*
 * Opens a copy, locked, from a descriptor that nobody else writes to and that stays the caller's. It may be anything. One of an
 * earlier version is migrated, in place and without a copy. VAULT_E_DAMAGED, VAULT_E_TOO_NEW, VAULT_E_LIMIT (VAULT_COPY_MAX),
 * VAULT_E_UNSAFE (not a regular file).
 */
int vault_open_copy(int fd, Vault **ret);
/* Gives a copy, before anything else is done with it, the keys that are open in the vault that it was made of. */
int vault_lend(Vault *from, Vault *to);
/* Every page of a copy, and then what vault_check() does, for what is open in it. Takes a while: a copy may be used by another
 * thread, one at a time. VAULT_E_DAMAGED: pages are damaged. */
int vault_verify(Vault *vault, VaultReport *ret);
/* The second alone, as vault_check() tells it. */
int vault_verify_records(Vault *vault, void (*found)(void *userdata, ItemId id), void *userdata, VaultReport *ret);

/* An empty file for one, without a name, where the vault of that path lies or would lie. */
int vault_private_file(const char *path, int *ret_fd);
/* Whether a file begins as a vault does and is not too large, before it is copied. 0, VAULT_E_DAMAGED, VAULT_E_LIMIT, VAULT_E_UNSAFE for
 * what is no file, or a negative errno. */
int vault_copy_look(int fd);
/* Copies what is in a file into an empty one, durably. -EFBIG beyond `max` bytes, else what the system said. */
int vault_copy_file(int from, int to, uint64_t max, uint64_t *ret_size);
/* Reads both: -EIO when they differ. */
int vault_same_files(int a, int b);

/*
 * Puts the file of `fd`, a copy that is closed, in the place of the vault of that path, which is closed, too: durably and in one step.
 * What is there goes to snapshots/ beside it, in any case: ret_kept is its new path, NULL when there was none. VAULT_E_UNSAFE,
 * -errno: what was there is there. VAULT_E_UNSURE: one or the other is, and what was there is in snapshots/.
 */
int vault_replace(const char *path, int fd, char **ret_kept);

/* Number of items, and when one was changed last; for showing, also while locked. */
uint64_t vault_items_total(const Vault *vault);
uint64_t vault_modified(const Vault *vault);

/* ---- epoch: noticing an old copy of the file ---- */

#define VAULT_EPOCH_MAX ((size_t)64 * 1024) /* bytes of a word */

typedef enum VaultEpochState {
        VAULT_EPOCH_CLOSED,  /* not looked at: the vault's own keys are not open */
        VAULT_EPOCH_NONE,    /* nothing was kept */
        VAULT_EPOCH_CURRENT, /* as far as what was kept, or farther */
        VAULT_EPOCH_OLD,     /* the vault, or a part of it, had come farther */
        VAULT_EPOCH_FOREIGN, /* what was kept is not of this vault's present keys: they are older ones, or it is spoilt */
} VaultEpochState;

#define VAULT_EPOCH_SECRET_SIZE 32U
#define VAULT_EPOCH_TPM_MAX     66U

/* What a word has to do with a counter outside of all files, which only goes up. All zeros: nothing. */
typedef struct VaultEpochCounter {
        uint32_t handle; /* where it is; 0: there is none, and the next four mean nothing */
        uint64_t count;  /* what it comes to by this word */
        bool behind;     /* and by another one before this */
        uint64_t spent;  /* seconds: when it may move as often as ever again */
        size_t tpm_size; /* name of the storage root key of the TPM that it is in; 0: unknown */
        uint8_t tpm[VAULT_EPOCH_TPM_MAX];
        uint32_t stale;  /* one that is to be removed; 0: none */
        uint8_t stale_tag[VAULT_EPOCH_SECRET_SIZE];
} VaultEpochCounter;

typedef struct VaultEpoch {
        VaultEpochState state;
        uint64_t recorded; /* seconds: when it was kept; 0: unknown */
        uint64_t found;    /* seconds: when what is here was changed last */
        bool moved;        /* it is farther than what was kept */
        bool structure;    /* by slots, keys or collections */
        VaultEpochCounter counter; /* of the word, when that is the vault's */
} VaultEpoch;

/* Goes up with every change of slots, keys, collections and aliases. */
uint32_t vault_structure(const Vault *vault);
/* Holds the open vault against the word that was kept of it (NULL: none). VAULT_E_LOCKED; -EBUSY in a batch. */
int vault_epoch_compare(Vault *vault, const void *data, size_t size, VaultEpoch *ret);
/* A word to keep in place of the previous one (NULL: none), from which what is closed now is taken. `counter` NULL: it has none. */
int vault_epoch_make(Vault *vault, const void *previous, size_t size, uint64_t now, const VaultEpochCounter *counter,
                     Secret **ret);
/* What makes the open vault's counter known, which anybody may see, and what it is moved by, for a user. Other keys make others.
 * VAULT_E_LOCKED, -ENOMEM. */
int vault_epoch_secrets(const Vault *vault, uint32_t user, uint8_t ret_tag[VAULT_EPOCH_SECRET_SIZE],
                        uint8_t ret_auth[VAULT_EPOCH_SECRET_SIZE]);
