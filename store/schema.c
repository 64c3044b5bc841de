/*
 * The tables
 *
 * docs/FORMAT.md explains every column. The text of each table is compared with what the file says when a vault is
 * opened: a schema that somebody rewrote (another collation, an index on an expression) is refused before any
 * statement runs on it.
 */
#include <string.h>

#include "store/internal.h"

#define META "CREATE TABLE meta(name TEXT PRIMARY KEY,value) WITHOUT ROWID"
#define SLOT                                                                                                          \
        "CREATE TABLE slot(id BLOB PRIMARY KEY,scope INTEGER,kind INTEGER,label TEXT,created INTEGER,used INTEGER,"   \
        "params BLOB,wrapped BLOB) WITHOUT ROWID"
#define KEY                                                                                                           \
        "CREATE TABLE key(scope INTEGER,purpose INTEGER,owner INTEGER,id INTEGER,sealed BLOB,"                        \
        "PRIMARY KEY(scope,purpose,owner)) WITHOUT ROWID"
#define MANIFEST "CREATE TABLE manifest(scope INTEGER PRIMARY KEY,mac BLOB)"
#define COLLECTION                                                                                                    \
        "CREATE TABLE collection(no INTEGER PRIMARY KEY,name TEXT,label TEXT,created INTEGER,own INTEGER,"            \
        "deleted INTEGER)"
#define HEAD  "CREATE TABLE head(collection INTEGER PRIMARY KEY,modified INTEGER,n INTEGER,sealed BLOB)"
#define ALIAS "CREATE TABLE alias(name TEXT PRIMARY KEY,collection INTEGER) WITHOUT ROWID"
#define ITEM  "CREATE TABLE item(id INTEGER PRIMARY KEY,version INTEGER,key INTEGER,tag BLOB,box BLOB)"
#define ATTR  "CREATE TABLE attr(token BLOB,item INTEGER,PRIMARY KEY(token,item)) WITHOUT ROWID"
#define TRASH                                                                                                         \
        "CREATE TABLE trash(seq INTEGER PRIMARY KEY,item INTEGER,version INTEGER,removed INTEGER,deleted INTEGER,"    \
        "key INTEGER,tag BLOB,box BLOB)"
#define HINT_TABLE "hint(item INTEGER PRIMARY KEY,sealed BLOB)"
#define HINT       "CREATE TABLE " HINT_TABLE
#define TRASH_ITEM "CREATE INDEX trash_item ON trash(item,deleted,version)"

const MigrationStep schema_steps[] = {
        {META ";" SLOT ";" KEY ";" MANIFEST ";" COLLECTION ";" HEAD ";" ALIAS ";" ITEM ";" ATTR ";" TRASH
              ";" TRASH_ITEM},
        /* Records of classes are kept in the same tables. A build that does not know them must not write here. */
        {""},
        /* Keys of classes that a device seals are kept in the same table. */
        {""},
        /* What can be told of a class's records while the vault is locked. A file whose version somebody set back has it. */
        {"CREATE TABLE IF NOT EXISTS " HINT_TABLE},
};
const unsigned schema_version = ELEMENTSOF(schema_steps);

/* In order of name. */
static const char *const tables[][2] = {
        {"alias", ALIAS}, {"attr", ATTR},   {"collection", COLLECTION}, {"head", HEAD},
        {"hint", HINT},   {"item", ITEM},   {"key", KEY},               {"manifest", MANIFEST},
        {"meta", META},   {"slot", SLOT},   {"trash", TRASH},           {"trash_item", TRASH_ITEM},
};

int schema_check(sqlite3 *db)
{
        sqlite3_stmt *s = NULL;
        size_t i = 0;
        int rc;

        rc = sqlite3_prepare_v2(db, "SELECT name,sql FROM sqlite_schema ORDER BY name", -1, &s, NULL);
        while (rc == SQLITE_OK || rc == SQLITE_ROW) {
                const char *name, *sql;

                rc = sqlite3_step(s);
                if (rc != SQLITE_ROW)
                        break;
                name = (const char *)sqlite3_column_text(s, 0);
                sql = (const char *)sqlite3_column_text(s, 1);
                if (i >= ELEMENTSOF(tables) || !name || !sql || strcmp(name, tables[i][0]) != 0 ||
                    strcmp(sql, tables[i][1]) != 0) {
                        rc = SQLITE_CORRUPT;
                        break;
                }
                i++;
        }
        sqlite3_finalize(s);
        if (rc != SQLITE_DONE)
                return db_result(rc);
        return i == ELEMENTSOF(tables) ? 0 : VAULT_E_DAMAGED;
}
