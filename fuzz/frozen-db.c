/*
 * A file of ours has the first page that the kept one had, where SQLite keeps the schema, but for four numbers in its
 * header; these have to be right. SQLite's pager is kept between two transactions, with no page: at the next one it
 * looks at the file.
 *
 * A connection is closed for real where that may change the file. Any other one is forgotten.
 */
#include "fuzz/frozen-db.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"
#include "fuzz/sqlite-memory.h"
#include "store/internal.h"

#define PAGE           4096U
#define STATEMENTS_MAX 256U
#define PLACES         1024U /* of a table with open addressing */

typedef struct Frozen {
        sqlite3 *db;
        bool given; /* once since it was put back, */
        bool used;  /* and still */
        bool blank; /* a vault in memory that migrate() has not been called for */
} Frozen;

typedef struct FrozenStatement {
        sqlite3_stmt *s;
        const char *sql;
        Frozen *of;
        bool given;
} FrozenStatement;

enum { OF_FILE, OF_MEMORY, FROZEN_MAX };

static Frozen frozen[FROZEN_MAX];
static FrozenStatement statements[STATEMENTS_MAX];
static unsigned n_statements;
static FrozenStatement *by_text[PLACES], *by_pointer[PLACES];
static uint8_t first_page[PAGE];
static unsigned n_open;  /* connections that are in use */
static bool changed;     /* what was kept is not what there is */
static unsigned written; /* when the file's was given out */

static unsigned place_of_text(const char *sql)
{
        uint32_t h = 2166136261U;

        for (; *sql; sql++)
                h = (h ^ (uint8_t)*sql) * 16777619U;
        return (h ^ h >> 16) % PLACES;
}

static unsigned place_of_pointer(const void *p)
{
        return (unsigned)((uint64_t)(uintptr_t)p * UINT64_C(0x9e3779b97f4a7c15) >> 32) % PLACES;
}

static void enter(FrozenStatement *table[PLACES], unsigned place, FrozenStatement *statement)
{
        while (table[place])
                place = (place + 1) % PLACES;
        table[place] = statement;
}

/* ---- SQLite's own ---- */

int __real_sqlite3_open_v2(const char *name, sqlite3 **ret, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *name, sqlite3 **ret, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *name, sqlite3 **ret, int flags, const char *vfs)
{
        int rc = __real_sqlite3_open_v2(name, ret, flags, vfs);

        changed = true;
        n_open += *ret != NULL;
        return rc;
}

static Frozen *frozen_of(const sqlite3 *db)
{
        for (unsigned i = 0; i < FROZEN_MAX; i++)
                if (db && frozen[i].db == db && frozen[i].used)
                        return frozen + i;
        return NULL;
}

int __real_sqlite3_finalize(sqlite3_stmt *s);
int __real_sqlite3_close(sqlite3 *db);

static void forget_statements(const Frozen *of)
{
        for (unsigned i = 0; i < n_statements; i++)
                if (statements[i].of == of) {
                        PROMISE(!statements[i].given);
                        (void)__real_sqlite3_finalize(statements[i].s);
                }
}

/* What closing would still do to the file: a checkpoint, and where the log is not to stay, its end. */
static bool nothing_left(sqlite3 *db)
{
        int persist = -1, log = -1, done = -1;

        if (fail_ordered() || !sqlite3_get_autocommit(db) ||
            sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist) != SQLITE_OK || persist != 1)
                return false;
        return memory_vfs_written() == written ||
               (sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &done) == SQLITE_OK &&
                log == done);
}

int __wrap_sqlite3_close(sqlite3 *db);
int __wrap_sqlite3_close(sqlite3 *db)
{
        Frozen *of = frozen_of(db);
        int rc;

        if (!db)
                return SQLITE_OK;
        if (of == frozen + OF_FILE) {
                if (nothing_left(db))
                        db = NULL;
                else
                        forget_statements(of);
        } else if (of) {
                db = NULL;
        }
        rc = db ? __real_sqlite3_close(db) : SQLITE_OK;
        if (of)
                of->used = false;
        n_open -= rc == SQLITE_OK;
        return rc;
}

static bool give(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
        const Frozen *of = fail_ordered() ? NULL : frozen_of(db);
        FrozenStatement *statement;

        if (!of)
                return false;
        for (unsigned i = place_of_text(sql); by_text[i]; i = (i + 1) % PLACES) {
                statement = by_text[i];
                if (statement->of != of || strcmp(statement->sql, sql) != 0)
                        continue;
                if (statement->given)
                        return false;
                statement->given = true;
                *ret = statement->s;
                return true;
        }
        return false;
}

int __real_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **ret, const char **ret_rest);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **ret, const char **ret_rest);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **ret, const char **ret_rest)
{
        return give(db, sql, ret) ? SQLITE_OK : __real_sqlite3_prepare_v2(db, sql, size, ret, ret_rest);
}

int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **ret,
                              const char **ret_rest);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **ret,
                              const char **ret_rest);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **ret,
                              const char **ret_rest)
{
        return give(db, sql, ret) ? SQLITE_OK : __real_sqlite3_prepare_v3(db, sql, size, flags, ret, ret_rest);
}

int __wrap_sqlite3_finalize(sqlite3_stmt *s);
int __wrap_sqlite3_finalize(sqlite3_stmt *s)
{
        for (unsigned i = place_of_pointer(s); s && by_pointer[i]; i = (i + 1) % PLACES)
                if (by_pointer[i]->s == s && by_pointer[i]->given) {
                        int rc = sqlite3_reset(s);

                        (void)sqlite3_clear_bindings(s);
                        by_pointer[i]->given = false;
                        return rc;
                }
        return __real_sqlite3_finalize(s);
}

/* ---- the store's ---- */

static uint32_t number_at(const uint8_t *page, size_t at)
{
        return (uint32_t)page[at] << 24 | (uint32_t)page[at + 1] << 16 | (uint32_t)page[at + 2] << 8 | page[at + 3];
}

/* SQLite's "Database File Format", section 1.3: the change counter, the size in pages, the list of free pages, and
 * what counter the size is valid for. */
static bool fits(const char *path)
{
        const uint8_t *page, *log;
        size_t size, log_size;

        if (strcmp(path, memory_vfs_vault()) != 0 || memory_vfs_has(path, "-journal"))
                return false;
        page = memory_vfs_get(path, &size);
        if (!page || size < PAGE || size % PAGE != 0 || number_at(page, 28) != size / PAGE ||
            number_at(page, 24) != number_at(page, 92) || number_at(page, 32) > size / PAGE ||
            memcmp(page, first_page, 24) != 0 || memcmp(page + 40, first_page + 40, 92 - 40) != 0 ||
            memcmp(page + 96, first_page + 96, PAGE - 96) != 0)
                return false;
        log = memory_vfs_log(&log_size);
        return log_size == 0 || (log_size >= 4 && number_at(log, 0) == 0);
}

int __real_db_open(const char *path, sqlite3 **ret);
int __wrap_db_open(const char *path, sqlite3 **ret);
int __wrap_db_open(const char *path, sqlite3 **ret)
{
        Frozen *of = frozen + (path ? OF_FILE : OF_MEMORY);

        if (n_open == 0 && changed && frozen[0].db) {
                sqlite_memory_put_back();
                for (unsigned i = 0; i < FROZEN_MAX; i++)
                        frozen[i].given = false;
                for (unsigned i = 0; i < n_statements; i++)
                        statements[i].given = false;
                changed = false;
        }
        if (!of->db || of->given || fail_ordered() || (path && !fits(path)))
                return __real_db_open(path, ret);
        if (path) {
                memory_vfs_make_log();
                written = memory_vfs_written();
        }
        of->given = of->used = of->blank = changed = true;
        n_open++;
        *ret = of->db;
        return 0;
}

int __real_migrate(sqlite3 *db, const char *path, const MigrationStep *steps, unsigned n);
int __wrap_migrate(sqlite3 *db, const char *path, const MigrationStep *steps, unsigned n);
int __wrap_migrate(sqlite3 *db, const char *path, const MigrationStep *steps, unsigned n)
{
        Frozen *of = frozen_of(db);

        if (of == frozen + OF_MEMORY && of->blank) {
                of->blank = false;
                return 0;
        }
        return __real_migrate(db, path, steps, n);
}

/* ---- once ---- */

static void freeze_statement(Frozen *of, const char *sql)
{
        FrozenStatement *statement = statements + n_statements++;

        PROMISE(n_statements <= STATEMENTS_MAX);
        *statement = (FrozenStatement){.sql = sql, .of = of};
        PROMISE(__real_sqlite3_prepare_v3(of->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->s, NULL) ==
                SQLITE_OK);
        enter(by_text, place_of_text(sql), statement);
        enter(by_pointer, place_of_pointer(statement->s), statement);
}

void frozen_db_make(const uint8_t *image, size_t size)
{
        static const char *const beside[] = {"PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode=WAL",
                                             "PRAGMA integrity_check(1)",
                                             "SELECT name,sql FROM sqlite_schema ORDER BY name"};
        static const Statement of_memory[] = {
                STATEMENT_BEGIN,          STATEMENT_COMMIT,     STATEMENT_META_GET,
                STATEMENT_META_PUT,       STATEMENT_ALIAS_LIST, STATEMENT_COLLECTION_LIST,
                STATEMENT_COLLECTION_PUT, STATEMENT_HEAD_PUT}; /* what the first collection takes */
        Frozen *of = frozen + OF_FILE;

        PROMISE(!of->db && size >= PAGE && image[100] == 0x0d); /* the schema is all on this page */
        memcpy(first_page, image, PAGE);
        memory_vfs_put(memory_vfs_vault(), image, size);
        PROMISE(fits(memory_vfs_vault()) && __real_db_open(memory_vfs_vault(), &of->db) == 0);
        for (unsigned i = 0; i < ELEMENTSOF(beside); i++)
                freeze_statement(of, beside[i]);
        for (unsigned i = 0; i < _STATEMENT_MAX; i++)
                freeze_statement(of, db_sql((Statement)i));
        PROMISE(sqlite3_file_control(of->db, "main", SQLITE_FCNTL_RESET_CACHE, NULL) == SQLITE_OK);

        of = frozen + OF_MEMORY;
        PROMISE(__real_db_open(NULL, &of->db) == 0 && __real_migrate(of->db, NULL, schema_steps, schema_version) == 0);
        for (unsigned i = 0; i < ELEMENTSOF(of_memory); i++)
                freeze_statement(of, db_sql(of_memory[i]));
        n_open = 0;
        changed = false;
        if (!sqlite_memory_keep()) {
                /* They are never given out. */
                for (unsigned i = 0; i < n_statements; i++)
                        (void)__real_sqlite3_finalize(statements[i].s);
                for (unsigned i = 0; i < FROZEN_MAX; i++) {
                        (void)__real_sqlite3_close(frozen[i].db);
                        frozen[i].db = NULL;
                }
                n_statements = 0;
        }
}
