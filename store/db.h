/*
 * Db: the SQLite connection of a vault
 *
 * Every statement is compiled once, at its first use, and kept. Callers hold one for the length of a scope:
 * `_cleanup_(statement_donep) sqlite3_stmt *s = NULL;` resets it and forgets its bindings when the scope ends.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum Statement {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,
        STATEMENT_SAVEPOINT,
        STATEMENT_RELEASE,
        STATEMENT_ROLLBACK_TO,
        STATEMENT_META_GET,
        STATEMENT_META_PUT,
        STATEMENT_META_REMOVE,
        STATEMENT_SLOT_LIST,
        STATEMENT_SLOT_MANIFEST,
        STATEMENT_SLOT_PUT,
        STATEMENT_SLOT_UPDATE,
        STATEMENT_SLOT_GET_SCOPE,
        STATEMENT_SLOT_COUNT,
        STATEMENT_SLOT_COUNT_KIND,
        STATEMENT_SLOT_REMOVE,
        STATEMENT_SLOT_REMOVE_SCOPE,
        STATEMENT_SLOT_USED,
        STATEMENT_SLOT_RENAME,
        STATEMENT_KEY_GET,
        STATEMENT_KEY_PUT,
        STATEMENT_KEY_REMOVE,
        STATEMENT_KEY_MANIFEST,
        STATEMENT_MANIFEST_GET,
        STATEMENT_MANIFEST_PUT,
        STATEMENT_MANIFEST_REMOVE,
        STATEMENT_COLLECTION_LIST,
        STATEMENT_COLLECTION_MANIFEST,
        STATEMENT_COLLECTION_PUT,
        STATEMENT_COLLECTION_REMOVE,
        STATEMENT_HEAD_GET,
        STATEMENT_HEAD_PUT,
        STATEMENT_HEAD_REMOVE,
        STATEMENT_HEAD_MANIFEST,
        STATEMENT_ALIAS_LIST,
        STATEMENT_ALIAS_PUT,
        STATEMENT_ALIAS_REMOVE,
        STATEMENT_ALIAS_REMOVE_ALL,
        STATEMENT_ITEM_GET,
        STATEMENT_ITEM_EXISTS,
        STATEMENT_ITEM_NEXT,
        STATEMENT_ITEM_IDS,
        STATEMENT_ITEM_DOWN,
        STATEMENT_ITEM_TAGS,
        STATEMENT_ITEM_PUT,
        STATEMENT_ITEM_UPDATE,
        STATEMENT_ITEM_REMOVE,
        STATEMENT_ITEM_REMOVE_RANGE,
        STATEMENT_ATTR_PUT,
        STATEMENT_ATTR_REMOVE,
        STATEMENT_ATTR_REMOVE_RANGE,
        STATEMENT_ATTR_HAS,
        STATEMENT_ATTR_PROBE,
        STATEMENT_ATTR_SEEK,
        STATEMENT_ATTR_DOWN,
        STATEMENT_ATTR_WALK,
        STATEMENT_ATTR_CLEAR,
        STATEMENT_HINT_GET,
        STATEMENT_HINT_NEXT,
        STATEMENT_HINT_PUT,
        STATEMENT_HINT_REMOVE,
        STATEMENT_HINT_REMOVE_RANGE,
        STATEMENT_HINT_COUNT_ORPHANS,
        STATEMENT_HINT_REMOVE_ORPHANS,
        STATEMENT_HINT_CLEAR,
        STATEMENT_TRASH_KEEP,
        STATEMENT_TRASH_TRIM,
        STATEMENT_TRASH_GET,
        STATEMENT_TRASH_DELETED,
        STATEMENT_TRASH_DOWN,
        STATEMENT_TRASH_REMOVE,
        STATEMENT_TRASH_REMOVE_RANGE,
        STATEMENT_TRASH_LIST,
        STATEMENT_TRASH_NEXT,
        STATEMENT_TRASH_UPDATE,
        STATEMENT_TRASH_OLDEST,
        STATEMENT_TRASH_PURGE,
        STATEMENT_TRASH_TRIM_ALL,
        STATEMENT_TRASH_OF_ITEM,
        STATEMENT_TRASH_PURGE_ITEM,
        STATEMENT_TRASH_MAX,
        STATEMENT_TRASH_LAST,
        STATEMENT_TRASH_WIPE,
        STATEMENT_TRASH_WIPE_ITEM,
        _STATEMENT_MAX,
} Statement;

/* SQLite's result as ours: 0, a VaultResult, or a negative errno. */
int db_result(int rc);

/* Opens the file (an absolute path without symbolic links) or, with NULL, memory; and sets all that belongs to a
 * connection of ours. VAULT_E_BUSY when another process has it. */
int db_open(const char *path, sqlite3 **ret);

/*
 * The same for what is in a descriptor, which stays the caller's and must be readable, and writable if anything is changed. Changes
 * can be undone, but are neither durable nor safe from a crash. The Vfs goes after the connection; NULL is allowed, and returned.
 */
typedef struct FdVfs FdVfs;
int db_open_fd(int fd, FdVfs **ret_vfs, sqlite3 **ret);
FdVfs *db_fd_free(FdVfs *vfs);
/* What it is made of: by the VFS of that name. */
int db_open_with(const char *vfs, sqlite3 **ret);

/* Write-ahead logging, durable commits; after application id and version were looked at. */
int db_start_wal(sqlite3 *db);

int db_exec(sqlite3 *db, const char *sql);
int db_pragma(sqlite3 *db, const char *sql, int64_t *ret);

/* The SQL text of a statement. */
const char *db_sql(Statement statement);

/* 0 and whether there is a row; or db_result(). */
int db_step(sqlite3_stmt *s, bool *ret_row);
/* Runs a statement that gives no rows, and resets it. */
int db_run(sqlite3_stmt *s);

void db_bind_u64(sqlite3_stmt *s, int i, uint64_t value);
void db_bind_blob(sqlite3_stmt *s, int i, const void *data,
                  size_t size); /* kept by pointer until the statement is done */
void db_bind_text(sqlite3_stmt *s, int i, const char *text);

/* Columns of the current row. False when type, sign or size are not what they must be. */
bool db_column_u64(sqlite3_stmt *s, int i, uint64_t *ret);
bool db_column_u32(sqlite3_stmt *s, int i, uint32_t *ret);
bool db_column_blob(sqlite3_stmt *s, int i, size_t min, size_t max, const uint8_t **ret, size_t *ret_size);

static inline void statement_donep(sqlite3_stmt **s)
{
        if (*s) {
                (void)sqlite3_reset(*s);
                (void)sqlite3_clear_bindings(*s);
        }
}
