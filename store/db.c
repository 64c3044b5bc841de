/*
 * The connection
 *
 * Settings come from measurements: write-ahead log with one fdatasync a commit, an exclusive lock so that no lock call
 * is made again (and no shared-memory file exists), a small page cache. Checkpoints are never made by a commit: the
 * vault asks for them in idle moments. A file may come from an enemy, so the schema is not trusted: no triggers, no
 * views, no functions beyond the built-in ones, every cell's size checked, limits close to what the vault needs.
 */
#include "store/db.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "store/vault.h"

static const char *const statements[_STATEMENT_MAX] = {
        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_ROLLBACK] = "ROLLBACK",
        [STATEMENT_SAVEPOINT] = "SAVEPOINT op",
        [STATEMENT_RELEASE] = "RELEASE op",
        [STATEMENT_ROLLBACK_TO] = "ROLLBACK TO op",

        [STATEMENT_META_GET] = "SELECT value FROM meta WHERE name=?1",
        [STATEMENT_META_PUT] = "INSERT OR REPLACE INTO meta(name,value) VALUES(?1,?2)",
        [STATEMENT_META_REMOVE] = "DELETE FROM meta WHERE name=?1",

        [STATEMENT_SLOT_LIST] = "SELECT id,scope,kind,label,created,used,params,wrapped FROM slot ORDER BY created,id",
        [STATEMENT_SLOT_MANIFEST] =
                "SELECT id,scope,kind,label,created,params,wrapped FROM slot WHERE scope=?1 ORDER BY id",
        [STATEMENT_SLOT_PUT] = "INSERT INTO slot(id,scope,kind,label,created,used,params,wrapped) "
                               "VALUES(?1,?2,?3,?4,?5,0,?6,?7)",
        [STATEMENT_SLOT_UPDATE] =
                "UPDATE slot SET scope=?2,kind=?3,label=?4,created=?5,params=?6,wrapped=?7 WHERE id=?1",
        [STATEMENT_SLOT_GET_SCOPE] = "SELECT scope FROM slot WHERE id=?1",
        [STATEMENT_SLOT_COUNT] = "SELECT count(*) FROM slot WHERE scope=?1",
        [STATEMENT_SLOT_COUNT_KIND] = "SELECT count(*) FROM slot WHERE scope=?1 AND kind=?2",
        [STATEMENT_SLOT_REMOVE] = "DELETE FROM slot WHERE id=?1",
        [STATEMENT_SLOT_REMOVE_SCOPE] = "DELETE FROM slot WHERE scope=?1",
        [STATEMENT_SLOT_USED] = "UPDATE slot SET used=?2 WHERE id=?1",
        [STATEMENT_SLOT_RENAME] = "UPDATE slot SET label=?2 WHERE id=?1",

        [STATEMENT_KEY_GET] = "SELECT id,sealed FROM key WHERE scope=?1 AND purpose=?2 AND owner=?3",
        [STATEMENT_KEY_PUT] = "INSERT OR REPLACE INTO key(scope,purpose,owner,id,sealed) VALUES(?1,?2,?3,?4,?5)",
        [STATEMENT_KEY_REMOVE] = "DELETE FROM key WHERE scope=?1 AND purpose=?2 AND owner=?3",
        [STATEMENT_KEY_MANIFEST] =
                "SELECT scope,purpose,owner,id,sealed FROM key WHERE scope=?1 ORDER BY purpose,owner",

        [STATEMENT_MANIFEST_GET] = "SELECT mac FROM manifest WHERE scope=?1",
        [STATEMENT_MANIFEST_PUT] = "INSERT OR REPLACE INTO manifest(scope,mac) VALUES(?1,?2)",
        [STATEMENT_MANIFEST_REMOVE] = "DELETE FROM manifest WHERE scope=?1",

        [STATEMENT_COLLECTION_LIST] = "SELECT collection.no,name,label,created,own,deleted,head.modified,head.n "
                                      "FROM collection LEFT JOIN head ON head.collection=collection.no ORDER BY no",
        [STATEMENT_COLLECTION_MANIFEST] = "SELECT no,name,label,created,own,deleted FROM collection ORDER BY no",
        [STATEMENT_COLLECTION_PUT] = "INSERT OR REPLACE INTO collection(no,name,label,created,own,deleted) "
                                     "VALUES(?1,?2,?3,?4,?5,?6)",
        [STATEMENT_COLLECTION_REMOVE] = "DELETE FROM collection WHERE no=?1",

        [STATEMENT_HEAD_GET] = "SELECT modified,sealed FROM head WHERE collection=?1",
        [STATEMENT_HEAD_PUT] = "INSERT OR REPLACE INTO head(collection,modified,n,sealed) VALUES(?1,?2,?3,?4)",
        [STATEMENT_HEAD_REMOVE] = "DELETE FROM head WHERE collection=?1",
        [STATEMENT_HEAD_MANIFEST] = "SELECT collection FROM head WHERE collection>?1 ORDER BY collection",

        [STATEMENT_ALIAS_LIST] = "SELECT name,collection FROM alias ORDER BY name",
        [STATEMENT_ALIAS_PUT] = "INSERT OR REPLACE INTO alias(name,collection) VALUES(?1,?2)",
        [STATEMENT_ALIAS_REMOVE] = "DELETE FROM alias WHERE name=?1",
        [STATEMENT_ALIAS_REMOVE_ALL] = "DELETE FROM alias WHERE collection=?1",

        [STATEMENT_ITEM_GET] = "SELECT id,version,key,tag,box FROM item WHERE id=?1",
        [STATEMENT_ITEM_EXISTS] = "SELECT 1 FROM item WHERE id=?1",
        [STATEMENT_ITEM_NEXT] = "SELECT id,version,key,tag,box FROM item WHERE id>=?1 AND id<=?2 ORDER BY id LIMIT 1",
        [STATEMENT_ITEM_IDS] = "SELECT id FROM item WHERE id>=?1 AND id<=?2 ORDER BY id",
        [STATEMENT_ITEM_DOWN] = "SELECT id FROM item WHERE id>=?1 AND id<?2 ORDER BY id DESC",
        [STATEMENT_ITEM_TAGS] = "SELECT id,version,tag FROM item WHERE id>=?1 AND id<=?2 ORDER BY id",
        [STATEMENT_ITEM_PUT] = "INSERT INTO item(id,version,key,tag,box) VALUES(?1,?2,?3,?4,?5)",
        [STATEMENT_ITEM_UPDATE] = "UPDATE item SET version=?2,key=?3,tag=?4,box=?5 WHERE id=?1",
        [STATEMENT_ITEM_REMOVE] = "DELETE FROM item WHERE id=?1",
        [STATEMENT_ITEM_REMOVE_RANGE] = "DELETE FROM item WHERE id>=?1 AND id<=?2",

        [STATEMENT_ATTR_PUT] = "INSERT OR IGNORE INTO attr(token,item) VALUES(?1,?2)",
        [STATEMENT_ATTR_REMOVE] = "DELETE FROM attr WHERE token=?1 AND item=?2",
        [STATEMENT_ATTR_REMOVE_RANGE] = "DELETE FROM attr WHERE item>=?1 AND item<=?2",
        [STATEMENT_ATTR_HAS] = "SELECT 1 FROM attr WHERE token=?1 AND item=?2",
        [STATEMENT_ATTR_PROBE] =
                "SELECT item FROM attr WHERE token=?1 AND item>=?2 AND item<=?3 ORDER BY item LIMIT ?4",
        [STATEMENT_ATTR_SEEK] = "SELECT item FROM attr WHERE token=?1 AND item>=?2 AND item<=?3 ORDER BY item LIMIT 1",
        [STATEMENT_ATTR_DOWN] = "SELECT item FROM attr WHERE token=?1 AND item>=?2 AND item<?3 ORDER BY item DESC",
        [STATEMENT_ATTR_WALK] = "SELECT token,item FROM attr WHERE (token,item)>(?1,?2) ORDER BY token,item LIMIT ?3",
        [STATEMENT_ATTR_CLEAR] = "DELETE FROM attr",

        [STATEMENT_HINT_GET] = "SELECT sealed FROM hint WHERE item=?1",
        [STATEMENT_HINT_NEXT] = "SELECT hint.item,item.version,hint.sealed FROM hint CROSS JOIN item "
                                "ON item.id=hint.item WHERE hint.item>?1 AND hint.item<=?2 ORDER BY hint.item LIMIT 1",
        [STATEMENT_HINT_PUT] = "INSERT OR REPLACE INTO hint(item,sealed) VALUES(?1,?2)",
        [STATEMENT_HINT_REMOVE] = "DELETE FROM hint WHERE item=?1",
        [STATEMENT_HINT_REMOVE_RANGE] = "DELETE FROM hint WHERE item>=?1 AND item<=?2",
        [STATEMENT_HINT_COUNT_ORPHANS] =
                "SELECT count(*) FROM hint WHERE item<=?1 OR NOT EXISTS(SELECT 1 FROM item WHERE id=hint.item)",
        [STATEMENT_HINT_REMOVE_ORPHANS] =
                "DELETE FROM hint WHERE item<=?1 OR NOT EXISTS(SELECT 1 FROM item WHERE id=hint.item)",
        [STATEMENT_HINT_CLEAR] = "DELETE FROM hint",

        [STATEMENT_TRASH_KEEP] = "INSERT INTO trash(seq,item,version,removed,deleted,key,tag,box) "
                                 "SELECT nullif(?4,0),id,version,?2,?3,key,tag,box FROM item WHERE id=?1",
        [STATEMENT_TRASH_TRIM] = "DELETE FROM trash WHERE seq IN (SELECT seq FROM trash WHERE item=?1 AND deleted=0 "
                                 "ORDER BY version DESC LIMIT -1 OFFSET ?2)",
        [STATEMENT_TRASH_GET] = "SELECT item,version,key,tag,box,seq,removed,deleted FROM trash "
                                "WHERE item=?1 AND deleted IN (0,1) AND version=?2 ORDER BY seq DESC LIMIT 1",
        [STATEMENT_TRASH_DELETED] = "SELECT item,version,key,tag,box,seq FROM trash "
                                    "WHERE item=?1 AND deleted=1 ORDER BY version DESC LIMIT 1",
        [STATEMENT_TRASH_DOWN] = "SELECT item,removed FROM trash INDEXED BY trash_item "
                                 "WHERE item>=?1 AND item<?2 AND deleted=1 ORDER BY item DESC",
        [STATEMENT_TRASH_REMOVE] = "DELETE FROM trash WHERE seq=?1",
        [STATEMENT_TRASH_REMOVE_RANGE] = "DELETE FROM trash WHERE item>=?1 AND item<=?2",
        [STATEMENT_TRASH_LIST] = "SELECT item,version,key,tag,box,seq,removed,deleted FROM trash "
                                 "WHERE +item>=?1 AND +item<=?2 AND seq<?3 ORDER BY seq DESC",
        [STATEMENT_TRASH_NEXT] = "SELECT item,version,key,tag,box,seq,removed,deleted FROM trash "
                                 "WHERE seq>?1 ORDER BY seq LIMIT 1",
        [STATEMENT_TRASH_UPDATE] = "UPDATE trash SET key=?2,tag=?3,box=?4 WHERE seq=?1",
        [STATEMENT_TRASH_OLDEST] =
                "SELECT removed FROM trash WHERE +item>=?1 AND +item<=?2 AND removed<=?3 ORDER BY seq LIMIT 1",
        [STATEMENT_TRASH_PURGE] = "DELETE FROM trash WHERE seq IN (SELECT seq FROM trash WHERE +item>=?3 AND +item<=?4 "
                                  "AND removed<=?5 ORDER BY seq LIMIT ?2) AND removed<?1",
        [STATEMENT_TRASH_TRIM_ALL] =
                "DELETE FROM trash WHERE seq IN (SELECT seq FROM (SELECT seq,row_number() OVER (PARTITION BY item "
                "ORDER BY version DESC) AS n FROM trash WHERE deleted=0 AND item<=?2) WHERE n>?1)",
        [STATEMENT_TRASH_OF_ITEM] = "SELECT item,version,key,tag,box,seq,removed,deleted FROM trash "
                                    "WHERE item=?1 ORDER BY version DESC",
        [STATEMENT_TRASH_PURGE_ITEM] = "DELETE FROM trash WHERE item=?1",
        [STATEMENT_TRASH_MAX] = "SELECT max(version) FROM trash INDEXED BY trash_item WHERE item>=?1 AND item<=?2",
        [STATEMENT_TRASH_LAST] = "SELECT max(seq) FROM trash",
        [STATEMENT_TRASH_WIPE] =
                "DELETE FROM trash WHERE seq IN (SELECT seq FROM trash WHERE seq<=?1 ORDER BY seq LIMIT ?2)",
        [STATEMENT_TRASH_WIPE_ITEM] = "DELETE FROM trash WHERE seq IN (SELECT seq FROM trash INDEXED BY trash_item "
                                      "WHERE item=?3 AND +seq<=?1 LIMIT ?2)",
};

const char *db_sql(Statement statement)
{
        return statements[statement];
}

int db_result(int rc)
{
        switch (rc & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return VAULT_E_BUSY;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_TOOBIG:
                return VAULT_E_LIMIT;
        case SQLITE_IOERR:
                if (rc == SQLITE_IOERR_NOMEM)
                        return -ENOMEM;
                return rc == SQLITE_IOERR_CORRUPTFS ? VAULT_E_DAMAGED : -EIO;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_CANTOPEN:
                return rc == SQLITE_CANTOPEN_SYMLINK ? VAULT_E_UNSAFE : -EIO;
        case SQLITE_MISUSE:
                return -EINVAL;
        default:
                /* What is left (CORRUPT, NOTADB, CONSTRAINT, MISMATCH, or ERROR from a schema that is not ours) means
                 * that the file does not hold what we wrote. */
                return VAULT_E_DAMAGED;
        }
}

int db_exec(sqlite3 *db, const char *sql)
{
        return db_result(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int db_pragma(sqlite3 *db, const char *sql, int64_t *ret)
{
        sqlite3_stmt *s = NULL;
        int rc;

        rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
                *ret = sqlite3_column_int64(s, 0);
                rc = SQLITE_OK;
        }
        sqlite3_finalize(s);
        return db_result(rc);
}

static void harden(sqlite3 *db)
{
        static const int limits[][2] = {
                {SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024},
                {SQLITE_LIMIT_SQL_LENGTH, 64 * 1024},
                {SQLITE_LIMIT_COLUMN, 32},
                {SQLITE_LIMIT_EXPR_DEPTH, 32},
                {SQLITE_LIMIT_COMPOUND_SELECT, 4},
                {SQLITE_LIMIT_VDBE_OP, 10000},
                {SQLITE_LIMIT_FUNCTION_ARG, 8},
                {SQLITE_LIMIT_ATTACHED, 0},
                {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64},
                {SQLITE_LIMIT_VARIABLE_NUMBER, 16},
                {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                {SQLITE_LIMIT_WORKER_THREADS, 0},
        };

        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                (void)sqlite3_limit(db, limits[i][0], limits[i][1]);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
}

int db_open(const char *path, sqlite3 **ret)
{
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                    (path ? SQLITE_OPEN_NOFOLLOW : SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
        sqlite3 *db = NULL;
        int r;

        r = db_result(sqlite3_open_v2(path ? path : ":memory:", &db, flags, NULL));
        if (r == 0) {
                harden(db);
                /* The lock's kind first: others read the file, and what is read before it is read under a shared lock.
                 */
                r = db_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096; PRAGMA temp_store=MEMORY;"
                                "PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON; PRAGMA cache_size=-1024;"
                                "PRAGMA foreign_keys=OFF; PRAGMA synchronous=FULL");
        }
        if (r != 0) {
                (void)sqlite3_close(db);
                return r;
        }
        *ret = db;
        return 0;
}

int db_open_with(const char *vfs, sqlite3 **ret)
{
        sqlite3 *db = NULL;
        int r;

        r = db_result(sqlite3_open_v2("copy", &db,
                                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                                              SQLITE_OPEN_EXRESCODE,
                                      vfs));
        if (r == 0) {
                harden(db);
                r = db_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096; PRAGMA temp_store=MEMORY;"
                                "PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON; PRAGMA cache_size=-1024;"
                                "PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY");
        }
        if (r != 0) {
                (void)sqlite3_close(db);
                return r;
        }
        *ret = db;
        return 0;
}

int db_start_wal(sqlite3 *db)
{
        sqlite3_stmt *s = NULL;
        int on = 1, rc;
        bool wal = false;

        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
        rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &s, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
                const char *mode = (const char *)sqlite3_column_text(s, 0);

                wal = mode && strcmp(mode, "wal") == 0;
                rc = SQLITE_OK;
        }
        /* A file that was of another mode is changed only now. */
        if (rc == SQLITE_OK)
                rc = sqlite3_finalize(s);
        else
                (void)sqlite3_finalize(s);
        if (rc != SQLITE_OK)
                return db_result(rc);
        /* Any other answer would take the durability away that the vault promises. */
        if (!wal)
                return -EIO;
        return db_exec(db, "PRAGMA wal_autocheckpoint=0");
}

int db_step(sqlite3_stmt *s, bool *ret_row)
{
        int rc = sqlite3_step(s);

        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
                return db_result(rc);
        *ret_row = rc == SQLITE_ROW;
        return 0;
}

int db_run(sqlite3_stmt *s)
{
        int rc = sqlite3_step(s);

        (void)sqlite3_reset(s);
        return db_result(rc);
}

void db_bind_u64(sqlite3_stmt *s, int i, uint64_t value)
{
        (void)sqlite3_bind_int64(s, i, (sqlite3_int64)value);
}

void db_bind_blob(sqlite3_stmt *s, int i, const void *data, size_t size)
{
        (void)sqlite3_bind_blob64(s, i, size > 0 ? data : "", size, SQLITE_STATIC);
}

void db_bind_text(sqlite3_stmt *s, int i, const char *text)
{
        (void)sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

bool db_column_u64(sqlite3_stmt *s, int i, uint64_t *ret)
{
        sqlite3_int64 value;

        if (sqlite3_column_type(s, i) != SQLITE_INTEGER)
                return false;
        value = sqlite3_column_int64(s, i);
        if (value < 0)
                return false;
        *ret = (uint64_t)value;
        return true;
}

bool db_column_u32(sqlite3_stmt *s, int i, uint32_t *ret)
{
        uint64_t value;

        if (!db_column_u64(s, i, &value) || value > UINT32_MAX)
                return false;
        *ret = (uint32_t)value;
        return true;
}

bool db_column_blob(sqlite3_stmt *s, int i, size_t min, size_t max, const uint8_t **ret, size_t *ret_size)
{
        int type = sqlite3_column_type(s, i), size;
        const void *data;

        if (type != SQLITE_BLOB && type != SQLITE_TEXT)
                return false;
        data = sqlite3_column_blob(s, i);
        size = sqlite3_column_bytes(s, i);
        if (size < 0 || (size_t)size < min || (size_t)size > max || (!data && size > 0))
                return false;
        *ret = data ? data : (const uint8_t *)""; /* SQLite gives no pointer to nothing */
        *ret_size = (size_t)size;
        return true;
}
