/*
 * Inside of the vault
 *
 * What the files of store/ share. The layers, lowest first: db (connection), file (the file system), migrate and
 * schema, slot (pure), box (sealed bytes of a row), record and mark (what is in them), index (tokens), head (a
 * collection's sum), row (all of these together), keys and manifest (what the root wraps and signs), batch
 * (transactions and what memory must undo with them); above them one file per noun of vault.h.
 */
#pragma once

#include <time.h>

#include "common/bytes.h"
#include "crypto/seal.h"
#include "store/db.h"
#include "store/scrub.h"
#include "store/vault.h"

#define VAULT_ID_SIZE     16U
#define TOKEN_SIZE        16U
#define MANIFEST_SIZE     32U
#define SUM_SIZE          32U
#define SLOT_WRAPPED_SIZE (32U + 32U + SEAL_OVERHEAD)
#define KEY_SEALED_SIZE   (32U + SEAL_OVERHEAD)
#define HEAD_PLAIN_SIZE   (1U + SUM_SIZE + 8U + 8U)
#define HEAD_SEALED_SIZE  (HEAD_PLAIN_SIZE + SEAL_OVERHEAD)
#define ITEM_NUMBER_MAX   ((UINT64_C(1) << 40) - 1)
#define COLLECTION_NO_MAX ((UINT32_C(1) << 22) - 1)
#define ITEM_ID_LAST      ITEM_ID(COLLECTION_NO_MAX, ITEM_NUMBER_MAX)
#define NOTE_MAX          1024U
#define FREQUENT_MAX      64U

/* A class keeps its records as a collection keeps items, under a number that no collection gets. Ids stay positive. */
#define CLASS_NO(class) (COLLECTION_NO_MAX + 1 + (uint32_t)(class))

/* A writer on memory of the caller's that is known to be large enough: it never grows, and is not to be freed. */
#define BYTE_WRITER_ON(memory) ((ByteWriter){.data = (memory), .capacity = sizeof(memory)})

/* Text without a NUL byte at its end, of somebody else's memory. */
typedef struct Text {
        const char *data;
        size_t size;
} Text;

/* ---- slots (pure) ---- */

struct Slot {
        uint8_t id[SLOT_ID_SIZE];
        uint32_t scope;
        uint32_t kind; /* as stored: may be one that this build does not know */
        char *label;
        uint64_t created, used;
        uint8_t *params;
        size_t params_size;
        uint8_t wrapped[SLOT_WRAPPED_SIZE];
        char *path; /* decoded from params, or NULL */
};

struct Root {
        Key *key;
        uint32_t scope;
        uint8_t slot_id[SLOT_ID_SIZE];
};

struct SlotDraft {
        uint8_t id[SLOT_ID_SIZE];
        SlotKind kind;
        char *label;
        uint64_t created;
        uint8_t *params;
        size_t params_size;
        Key *kek;
};

#define SLOT_PARAMS_MAX 8192U

/* What a kind's parameters say; pointers go into them. */
typedef struct SlotParams {
        KdfParams kdf;       /* password, login */
        const uint8_t *salt; /* SLOT_SALT_SIZE bytes. credential, recovery; none: the key itself */
        Text path;           /* credential; or empty */
        SlotFido2 fido2;
        SlotTpm2 tpm2;
} SlotParams;

/* 0, VAULT_E_UNSUPPORTED, VAULT_E_DAMAGED. */
int slot_params_read(uint32_t kind, const uint8_t *data, size_t size, SlotParams *ret);
void slot_params_write(SlotKind kind, const SlotParams *params, ByteWriter *ret);
/* The KEK that a secret gives. VAULT_E_WRONG_SECRET when it can't be one of that kind, VAULT_E_UNSUPPORTED, -ENOMEM. */
int slot_kek(uint32_t kind, const uint8_t id[SLOT_ID_SIZE], const SlotParams *params, const Secret *secret, Key **ret);

int slot_new(const uint8_t id[SLOT_ID_SIZE], uint32_t scope, uint32_t kind, const char *label, uint64_t created,
             uint64_t used, const void *params, size_t params_size, const uint8_t wrapped[SLOT_WRAPPED_SIZE],
             Slot **ret);
/* Wraps a root under the draft's KEK for a scope. */
void slot_wrap(const SlotDraft *draft, uint32_t scope, const Key *root, uint8_t ret[SLOT_WRAPPED_SIZE]);
/* A new random root; `slot_id` is the slot that will open it. */
Root *root_new(uint32_t scope, const uint8_t slot_id[SLOT_ID_SIZE]);

/* ---- keys ---- */

typedef enum KeyPurpose {
        KEY_COLLECTION = 1,
        KEY_CLASS = 2,
        KEY_MANIFEST = 3,
        KEY_CLASS_SEALED = 4, /* in the place of KEY_CLASS */
        KEY_SEAL_PARAMS = 5,  /* not a key: how to get the device's secret */
} KeyPurpose;

/* Of a class that a device seals, while the vault is open. */
typedef struct ClassSeal {
        Key *key;       /* of the root: with the device's secret it gives what wraps the class's key */
        Key *device;    /* NULL: the class is closed */
        Secret *params;
} ClassSeal;
ClassSeal *class_seal_free(ClassSeal *seal);

/* ---- collections ---- */

typedef struct Head {
        uint8_t sum[SUM_SIZE];
        uint64_t n;       /* records */
        uint64_t counter; /* the last number given to an item or a version */
        uint64_t modified;
} Head;

/* What keeps sealed rows: a collection, or a class, of which vault.h shows nothing and which has no row in clear. */
typedef struct Collection {
        VaultCollection public; /* first: the pointers of vault.h point here */
        uint64_t deleted;       /* when; 0: it is not */
        uint32_t key_id;
        Key *key, *sum_key; /* NULL: locked */
        Key *mark_key;      /* of a class: makes tokens of marks */
        ClassSeal *seal;    /* of a class, or NULL */
        Head head;
        Head committed;  /* the head before the open batch changed it */
        bool dirty;      /* the head must be written before the commit; `committed` is set */
        bool early;      /* the head was read in the open batch, which may be undone */
        bool sum_bad;    /* records do not fit the sum */
        bool scope_bad;  /* its own slots do not fit their manifest */
        bool seen;       /* for reading the list anew */
        ItemId *damaged; /* found since it was unlocked, sorted */
        size_t n_damaged;
} Collection;

typedef struct Alias {
        char *name;
        uint32_t no;
} Alias;

struct Vault {
        sqlite3 *db;
        FdVfs *vfs; /* of one in a descriptor */
        sqlite3_stmt *statements[_STATEMENT_MAX];
        char *path;     /* NULL: in memory */
        bool ephemeral; /* vault_open_memory(): no slots, no manifest, no locks */
        uint8_t id[VAULT_ID_SIZE];
        Key *index_key;
        Key *manifest_key;
        Collection classes[_VAULT_CLASS_MAX];
        bool unlocked;
        uint64_t used; /* vault_used() */
        bool manifest_bad; /* clear rows do not fit the manifest: it is kept unfit until the user accepts */
        uint32_t next_collection, next_key;
        Collection **collections; /* sorted by number; deleted ones too */
        size_t n_collections;
        uint8_t frequent[FREQUENT_MAX][TOKEN_SIZE]; /* tokens that many items were seen to have, each in its place */
        ItemId seen; /* an item that is there, unless something was begun since; 0: none */
        Alias *aliases; /* sorted by name */
        size_t n_aliases;
        Secret *in, *out; /* locked pages that plaintext of records passes through */
        bool in_batch;
        bool whole; /* the batch: its changes have no savepoints */
        bool structure_dirty; /* the batch changed more than heads */
        int batch_error;      /* the batch is lost and its commit will say so */
        int broken;           /* memory could not follow a rollback: nothing works any more */
        unsigned wal_frames;  /* in the log, as of the last commit */
        bool log_unproven;    /* what it had when the vault was opened may not be on the disk */
        bool wal_pending;     /* commits since the last whole checkpoint */
        bool wipe_due;        /* the log has something that was to be overwritten */
        VaultCopy *copy;      /* that is being made */
        VaultWipe *wipe;      /* that is under way */
        VaultRetention retention;
        uint64_t purge_after; /* there is nothing to purge before */
        bool purge_more;      /* when it was looked at last, not all that was due went */
};

/* ---- classes ---- */

static inline bool is_class(const Collection *c)
{
        return c->public.no > COLLECTION_NO_MAX;
}

/* The open key of a class, or NULL while the vault is locked (or when it is damaged). The vault's; do not free. */
const Key *vault_class_key(const Vault *vault, VaultClass class);
/* An open class. VAULT_E_LOCKED, VAULT_E_DAMAGED (its key), VAULT_E_INVALID. */
int class_open(Vault *vault, VaultClass class, Collection **ret);
/* All that keeps rows, for loops: first collections in order, then classes. NULL ends. */
Collection *keeper_nth(Vault *vault, size_t i);
Collection *keeper_find(Vault *vault, uint32_t no);
/* Writes the head; the first one of a class is entered in the manifest. */
int keeper_store(Vault *vault, Collection *c);

/* ---- db (vault's statements) ---- */

int vault_statement(Vault *vault, Statement statement, sqlite3_stmt **ret);
/* Runs a statement that has no bindings. */
int vault_run(Vault *vault, Statement statement);
int vault_meta_get(Vault *vault, const char *name, void *ret, size_t size);
int vault_meta_put(Vault *vault, const char *name, const void *data, size_t size);
uint64_t vault_now(void);

/* ---- file ---- */

/* Checks directory, file and what may lie beside it, and gives the path with links of its directories resolved.
 * VAULT_E_NO_VAULT, VAULT_E_UNSAFE, -errno. With `missing_ok` the file need not be there. */
int file_check(const char *path, bool missing_ok, char **ret_real);
/* Makes `path` with this content, all or nothing, durable. VAULT_E_EXISTS. */
int file_publish(const char *path, const void *data, size_t size);
int file_sync_dir(const char *path);
/* Gives a file of vault_private_file() a name. -EEXIST, and other -errno where one without a name can't have one. */
int file_name(int fd, const char *path);
#define RESTORE_PARTIAL "restore.partial" /* there: what is about to take a vault's place */
/* The directory snapshots/ beside `path`, made if it is not there, durably. VAULT_E_UNSAFE, -errno. */
int file_snapshots(const char *path, char **ret);
/* The process that holds a lock on the file, or 0. */
pid_t file_lock_holder(const char *path);
/* Fills `path`-wal to its working size with zeros unless it has it. With `wipe` all of it is overwritten. */
int file_grow_wal(const char *path, bool wipe);
/* Writes what is in `path`-wal once more, durably. Only by who has the vault locked and has not written yet. */
int file_renew_wal(const char *path);
/* Where there is no vault: a log that is left of one goes to snapshots/, durably, or it would be taken for that of the next vault there. */
int file_set_log_aside(const char *path);
/* Makes the log an empty one, after all of it was moved into the file and while we still hold the lock. */
void file_forget_wal(const char *path);

/* ---- schema ---- */

#define SCHEMA_APPLICATION_ID 0x4b464f42 /* "KFOB" */

typedef struct MigrationStep {
        const char *sql; /* one or more statements */
} MigrationStep;

/* Brings a database from its user_version to `n`, one transaction a step; `path` (NULL: none) is copied to snapshots/
 * beside it before a file that had a version is changed. VAULT_E_TOO_NEW, VAULT_E_DAMAGED. */
int migrate(sqlite3 *db, const char *path, const MigrationStep *steps, unsigned n);
/* Removes the copies of versions older than `n`. */
void migrate_forget(const char *path, unsigned n);

extern const MigrationStep schema_steps[];
extern const unsigned schema_version;
/* Whether the tables are exactly ours. */
int schema_check(sqlite3 *db);

/* ---- batch ---- */

typedef struct Op {
        Vault *vault;
        Collection *collection;
        Head head;
        bool dirty;
        bool own; /* it opened the batch itself */
        bool structure;
} Op;

/* Begins one change: a savepoint in the open batch, or a batch of its own. `collection` is the one whose head it
 * changes, or NULL; `structure` says that it changes slots, collections or aliases. */
int op_begin(Op *op, Vault *vault, Collection *collection, bool structure);
/* Ends it: r 0 keeps (commits) it, anything else undoes it. Returns the result of all. */
int op_end(Op *op, int r);
/* Why the open batch is lost, or 0: to be asked before anything is written in it. */
int batch_lost(Vault *vault);
void batch_wal_hook(Vault *vault);

/* ---- boxes and rows ---- */

typedef struct Row {
        ItemId id;
        uint64_t version;
        uint32_t key_id;
        uint8_t tag[SEAL_TAG_SIZE];
} Row;

typedef struct Boxed {
        uint8_t *data; /* nonce, ciphertext, tag */
        size_t size;
} Boxed;

static inline void boxed_done(Boxed *box)
{
        free(box->data);
}

typedef struct Tokens {
        uint8_t token[VAULT_ATTRIBUTES_MAX + 2][TOKEN_SIZE]; /* of an item, first the whole set's */
        size_t n;
} Tokens;

/* Room for a plaintext of exactly `size` bytes in locked pages, until box_seal() or box_drop(). */
int box_write(Vault *vault, size_t size, ByteWriter *ret);
/* The same, filled with what is open for reading. */
int box_copy(Vault *vault);
void box_drop(Vault *vault);
/* Seals what was written as row->id, row->version under the collection's key, and wipes it; sets row->key_id,
 * row->tag. */
int box_seal(Vault *vault, const Collection *c, Row *row, Boxed *ret);
/* Opens the row whose columns id, version, key, tag, box begin at `column`; `ret_row` is set as far as it could be
 * read. The plaintext stays readable until box_done(). VAULT_E_DAMAGED. */
int box_open(Vault *vault, const Collection *c, sqlite3_stmt *s, int column, Row *ret_row, const Secret **ret);
void box_done(Vault *vault);

/* Opens a row of the item table by id; box_done() when 0. Notes damage. */
int row_open(Vault *vault, Collection *c, ItemId id, Row *ret_row, const Secret **ret);
/* Opens it only to check it and to know its tokens. */
int row_check(Vault *vault, Collection *c, ItemId id, Row *ret_row, Tokens *ret);
/* Seals what was written for box_seal() as a new version of a row that is there (`old`), or (id 0) as a new one. */
int row_write(Vault *vault, Collection *c, ItemId id, const Row *old, const Tokens *old_tokens, const Tokens *tokens,
              Row *ret);
/* Takes a row out with its tokens; with `keep` it goes to the trash. */
int row_delete(Vault *vault, Collection *c, ItemId id, bool keep);

/* ---- records ---- */

typedef struct Pair {
        Text name, value;
} Pair;

/* A record's plaintext, taken apart; everything points into the vault's locked pages or the caller's memory. */
typedef struct Record {
        uint64_t created, modified;
        Text label, content_type;
        Pair attributes[VAULT_ATTRIBUTES_MAX]; /* sorted by name */
        size_t n_attributes;
        const uint8_t *value;
        size_t value_size;
} Record;

#define TEXT(string) ((Text){(string), strlen(string)})
int text_compare(Text a, Text b);

/* Parses a plaintext. 0, or VAULT_E_DAMAGED. */
int record_decode(const uint8_t *data, size_t size, Record *ret);
/* Puts a record where box_seal() takes it. */
int record_encode(Vault *vault, const Record *record);
/* box_open() of an item. */
int record_open(Vault *vault, const Collection *c, sqlite3_stmt *s, int column, Row *ret_row, Record *ret);
/* The item of vault.h from a record. */
int record_item(const Record *record, const Row *row, bool with_value, Item **ret);
/* What is open for reading, as vault.h shows it; box_done() takes it away. `record` is of it, and not to be used any more. */
void record_show(const Record *record, const Row *row, bool with_value, ItemValue *ret);
bool record_has(const Record *record, const Pair *pair);
/* Whether two attribute sets, sorted by name, are the same when an absent schema is the generic one. */
bool pairs_same(const Pair *a, size_t n_a, const Pair *b, size_t n_b);
/* Checks attributes of a caller and sorts them. VAULT_E_INVALID, VAULT_E_LIMIT. */
int pairs_from(const VaultAttribute *attributes, size_t n, Pair ret[VAULT_ATTRIBUTES_MAX]);

/* A record of a class, taken apart; everything points into the plaintext or the caller's memory. */
typedef struct Marked {
        const VaultMark *marks;
        size_t n_marks;
        const uint8_t *data;
        size_t size;
        const uint8_t *hint; /* NULL: it has none */
        size_t hint_size;
} Marked;

/* Parses a plaintext. 0, or VAULT_E_DAMAGED. */
int marked_decode(const Secret *plain, Marked *ret);
/* Puts it where box_seal() takes it. */
int marked_encode(Vault *vault, const Marked *marked);
/* Checks marks of a caller. VAULT_E_LIMIT, VAULT_E_INVALID (one twice). */
int marks_check(const VaultMark *marks, size_t n);
void mark_token(const Collection *c, const VaultMark *mark, uint8_t ret[TOKEN_SIZE]);
void mark_tokens(const Collection *c, const VaultMark *marks, size_t n, Tokens *ret);

/* ---- hints ---- */

typedef enum HintState {
        HINT_FITS,
        HINT_MISSING, /* or another's, or of an older version */
        HINT_EXTRA,   /* of a record that has none */
} HintState;

/* Makes the row of a record's hint, or takes it away when the record has none. */
int hint_put(Vault *vault, const Key *index_key, const Row *row, const Marked *marked);
int hint_remove(Vault *vault, ItemId id);
int hint_check(Vault *vault, const Row *row, const Marked *marked, HintState *ret);
/* Counts rows that no record of a class stands beside, and removes them. */
int hint_orphans(Vault *vault, bool remove, uint64_t *ret);

/* ---- index ---- */

/* Tokens of an item with these attributes (sorted). */
int index_tokens(const Key *index_key, const Pair *pairs, size_t n, Tokens *ret);
/* Tokens of what is in a box of this collection or class. VAULT_E_DAMAGED when it cannot be parsed. */
int index_tokens_of(const Key *index_key, const Collection *c, const Secret *plain, Tokens *ret);
/* The token of one attribute, as a search asks for it. */
int index_token(const Key *index_key, const Pair *pair, uint8_t ret[TOKEN_SIZE]);
/* Takes the tokens in `old` (or NULL) out and puts those in `new` (or NULL) in, touching only what differs. */
int index_change(Vault *vault, ItemId id, const Tokens *old, const Tokens *new);
/* The first item in [from, last] that has the token. VAULT_E_NOT_FOUND. */
int index_seek(Vault *vault, const uint8_t token[TOKEN_SIZE], ItemId from, ItemId last, ItemId *ret);
int index_has(Vault *vault, const uint8_t token[TOKEN_SIZE], ItemId id, bool *ret);

/* ---- heads ---- */

void head_add(Collection *c, const Row *row);
void head_remove(Collection *c, const Row *row);
/* Says that the head of this collection is about to change. */
void head_touch(Collection *c);
/* Gives the next number; VAULT_E_LIMIT at the end. */
int head_next(Collection *c, uint64_t *ret);
int head_store(Vault *vault, Collection *c);
/* Reads the head and compares it with the records: sets head and sum_bad. */
int head_load(Vault *vault, Collection *c);
/* Computes sum, number and the least possible counter from the records. */
int head_scan(Vault *vault, const Collection *c, Head *ret);

/* ---- keys and manifest ---- */

/* The key that wraps what this root opens in this vault. */
int keys_wrapping(const Vault *vault, const Root *root, Key **ret);
int keys_put(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, const Key *key,
             uint32_t *ret_id);
/* VAULT_E_NOT_FOUND, VAULT_E_DAMAGED. */
int keys_get(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, Key **ret,
             uint32_t *ret_id);
/* Whether this root is the one of its scope: 0 or VAULT_E_DAMAGED; gives the key that wraps. */
int keys_check_root(Vault *vault, const Root *root, Key **ret_wrap);
/* The same for bytes that are not a key. Getting: as a new secret. */
int keys_put_bytes(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, const void *data,
                   size_t size, uint32_t *ret_id);
int keys_get_bytes(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, size_t max,
                   Secret **ret, uint32_t *ret_id);
int keys_remove(Vault *vault, uint32_t scope, KeyPurpose purpose, uint32_t owner);
/* Gives a collection its keys (the key is taken over). */
int collection_set_key(Collection *c, Key *key, uint32_t key_id);
void collection_forget_keys(Collection *c);
/* Its seal, too. */
void collection_forget_all(Collection *c);

/* Reads the seal of a class from what the root wraps. VAULT_E_NOT_FOUND when there is none, VAULT_E_DAMAGED. */
int class_seal_read(Vault *vault, const Key *wrap, Collection *c);
/* Its rows. */
int class_seal_remove(Vault *vault, uint32_t class);
/* Puts a class's key under the same device's secret as `old`, and under a root of its own. */
int class_seal_again(Vault *vault, const Key *wrap, const Collection *old, Collection *new, const Key *key,
                     uint32_t *ret_id);

/* ---- sealing anew ---- */

/* New keys for what keeps rows: records, trash and index follow, in the caller's transaction. */
typedef struct Reseal {
        Vault *vault;
        const Key *index_key;  /* the one that tokens are made with from now on */
        Collection **keepers;  /* by keeper_nth(): shadows with new keys and heads; NULL: stays as it is */
        size_t n;
        bool all; /* the index was emptied and is made of these */
} Reseal;

#define SWAP(a, b)                                                                                                    \
        do {                                                                                                          \
                __typeof__(a) swap_ = (a);                                                                            \
                (a) = (b);                                                                                            \
                (b) = swap_;                                                                                          \
        } while (0)

int reseal(Reseal *reseal);
/* Puts the new keys into the vault and the old ones into the shadows, or the other way round. */
void reseal_swap(Reseal *reseal);
void reseal_done(Reseal *reseal);

int manifest_compute(Vault *vault, const Key *key, uint32_t scope, uint8_t ret[MANIFEST_SIZE]);

/* What it takes to write a scope's manifest: made before the change, so that it knows whether the old one fitted. */
typedef struct Pen {
        Key *key;
        uint32_t scope;
        bool bad;
} Pen;

static inline void pen_done(Pen *pen)
{
        (void)key_free(pen->key);
}

/* From the open keys, or else from the scope's root (which may be NULL). VAULT_E_LOCKED. */
int manifest_pen(Vault *vault, const Root *root, uint32_t scope, Pen *ret);
/* Writes the manifest; one that was found unfit stays so. */
int manifest_write(Vault *vault, const Pen *pen);
/* Both, for a scope that is open. */
int manifest_update(Vault *vault, uint32_t scope);
/* Compares: 0 fits, VAULT_E_DAMAGED not. */
int manifest_check(Vault *vault, const Key *key, uint32_t scope);
/* The key of a scope's manifest: the vault's own, or one derived from the collection's. */
int manifest_key(const Vault *vault, uint32_t scope, Key **ret);

/* ---- structure ---- */

int vault_new(sqlite3 *db, Vault **ret);
/* Whether the database is a vault of a version that this build knows. VAULT_E_DAMAGED, VAULT_E_TOO_NEW. */
int vault_begin(Vault *vault);
int vault_prove_log(Vault *vault, const char *path);
/* Reads what is in memory of an open vault. */
int vault_load(Vault *vault);
/* The copy that is being made will not be. */
void copy_abandon(Vault *vault);
/* The same of a wipe. NULL is allowed. */
void wipe_abandon(Vault *vault);
/* Tells a wipe what it must know: the log is about to be moved into the file. */
int wipe_before_checkpoint(const Vault *vault);
/* The number that the next row of the trash must have, which is none of those to be wiped; 0: any. */
int wipe_next_seq(Vault *vault, uint64_t *ret);
/* Whether it removes a collection, of which only a part may be left. */
bool wipe_has_collection(const Vault *vault, uint32_t no);
/* Reads it from its row. */
int retention_load(Vault *vault);
/* A slice of what the retention does not cover, of the trash or of a deleted collection; whether there is more. */
int purge_due(Vault *vault, uint64_t now, bool *ret_more);
/* Up to so many items of a collection that was deleted, and it when none is left (or when it isn't there, or was brought back). */
int purge_deleted_one(Vault *vault, uint32_t no, unsigned items, bool *ret_gone);
/* Removes what the trash has outlived, a bounded number per call. */
int vault_purge(Vault *vault, uint64_t now);
/* Moves the log into the file and overwrites it, so that no old wrapped key stays in it. What fails, as it does in a batch
 * (VAULT_E_BUSY), vault_idle() tries again. */
int vault_wipe_log(Vault *vault);
/* Reads id, index key, collections and aliases; brings what is in memory in line with the file. */
int vault_reload(Vault *vault);
Collection *collection_find(const Vault *vault, uint32_t no); /* deleted ones too */
void collection_refresh(Vault *vault, Collection *c);         /* sets the public fields that follow from others */
void collection_note_damaged(Collection *c, ItemId id);
int collection_put(Vault *vault, const Collection *c);
Collection *collection_free(Collection *c);
void collection_drop(Vault *vault, Collection *c); /* takes it out of the list and frees it */
/* One that exists and is open. VAULT_E_NOT_FOUND, VAULT_E_LOCKED. */
int collection_open(const Vault *vault, uint32_t no, Collection **ret);
int collection_make(Vault *vault, const Root *root, const char *label, const SlotDraft *own, Collection **ret);
int slot_count(Vault *vault, uint32_t scope, uint64_t *ret);
int slot_scope(Vault *vault, const uint8_t id[SLOT_ID_SIZE], uint32_t *ret);
int slot_put(Vault *vault, const SlotDraft *draft, uint32_t scope, const Key *root, bool replace);
int slot_remove(Vault *vault, const uint8_t id[SLOT_ID_SIZE]); /* its row only */
void aliases_clear(Vault *vault);
int aliases_reload(Vault *vault);
/* Those of one collection. */
int aliases_remove(Vault *vault, uint32_t no);

/* row_open() of an item. */
int item_open(Vault *vault, Collection *c, ItemId id, Row *ret_row, Record *ret);
/* Writes `record` as a new version of an existing item (old != NULL), or as an item that is not there. */
int item_write(Vault *vault, Collection *c, ItemId id, const Row *old, const Tokens *old_tokens, const Record *record);
/* vault_item_exists() for who is going to write: what could not be read may have cost the batch. */
int item_there(Vault *vault, ItemId id, bool *ret);
int item_remove(Vault *vault, ItemId id);
/* All ids of a collection, deleted or not. */
int item_ids(Vault *vault, uint32_t collection, ItemIds *ret);
/* Copies the row of an item to the trash, as it is, if such a thing is to be kept. */
int trash_keep(Vault *vault, ItemId id, bool deleted);
/* In any case. */
int trash_set_aside(Vault *vault, ItemId id);
int trash_remove(Vault *vault, uint64_t seq);
