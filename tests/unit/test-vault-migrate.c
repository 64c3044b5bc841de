/* Migrations: each step whole or not at all, the old file kept beside until it is not needed. */
#include "tests/unit/vault-tools.h"

static const MigrationStep steps[] = {
        {"CREATE TABLE one(x); INSERT INTO one VALUES('first')"},
        {"CREATE TABLE two(x); INSERT INTO two SELECT x||'!' FROM one"},
        {"ALTER TABLE two ADD COLUMN y; UPDATE two SET y=1"},
};

static int64_t number(sqlite3 *db, const char *sql)
{
        int64_t n = -1;

        CHECK_EQ(db_pragma(db, sql, &n), 0);
        return n;
}

static sqlite3 *open_file(const char *path)
{
        sqlite3 *db = NULL;

        CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
        return db;
}

TEST(steps_run_in_order_and_once)
{
        char snapshot[80];
        sqlite3 *db, *old;
        struct stat st;
        Scratch s;

        scratch_dir(&s);
        db = open_file(s.path);
        CHECK_EQ(migrate(db, s.path, steps, 1), 0);
        CHECK_EQ(number(db, "PRAGMA user_version"), 1);
        (void)snprintf(snapshot, sizeof(snapshot), "%s/snapshots", s.dir);
        CHECK(stat(snapshot, &st) < 0); /* making a file is no migration */

        CHECK_EQ(migrate(db, s.path, steps, 3), 0);
        CHECK_EQ(number(db, "PRAGMA user_version"), 3);
        CHECK_EQ(number(db, "SELECT count(*) FROM two WHERE x='first!' AND y=1"), 1);
        CHECK_EQ(stat(snapshot, &st), 0);
        CHECK_EQ(st.st_mode & 0777, 0700);
        (void)snprintf(snapshot, sizeof(snapshot), "%s/snapshots/vault.db.v1", s.dir);
        CHECK_EQ(stat(snapshot, &st), 0);
        CHECK_EQ(st.st_mode & 0777, 0600);
        old = open_file(snapshot);
        CHECK_EQ(number(old, "PRAGMA user_version"), 1);
        CHECK_EQ(number(old, "SELECT count(*) FROM one"), 1);
        CHECK_EQ(number(old, "SELECT count(*) FROM sqlite_schema"), 1);
        CHECK_EQ(sqlite3_close(old), SQLITE_OK);

        CHECK_EQ(migrate(db, s.path, steps, 3), 0);
        CHECK_EQ(number(db, "SELECT count(*) FROM two"), 1);
        CHECK_EQ(migrate(db, s.path, steps, 2), VAULT_E_TOO_NEW);
        migrate_forget(s.path, 3);
        CHECK(stat(snapshot, &st) < 0);
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
        scratch_done(&s);
}

TEST(a_step_that_fails_leaves_the_version_before_it)
{
        static const MigrationStep broken[] = {
                {"CREATE TABLE one(x)"},
                {"CREATE TABLE two(x)"},
                {"CREATE TABLE three(x); INSERT INTO missing VALUES(1)"},
        };
        sqlite3 *db;
        Scratch s;

        scratch_dir(&s);
        db = open_file(s.path);
        CHECK_EQ(migrate(db, s.path, broken, 1), 0);
        CHECK(migrate(db, s.path, broken, 3) != 0);
        CHECK_EQ(number(db, "PRAGMA user_version"), 2);
        CHECK_EQ(number(db, "SELECT count(*) FROM sqlite_schema"), 2);
        CHECK(sqlite3_get_autocommit(db));
        CHECK_EQ(migrate(db, s.path, steps, 0), VAULT_E_TOO_NEW);
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
        scratch_done(&s);
}

TEST(an_unsafe_snapshot_directory_stops_it)
{
        char directory[80];
        sqlite3 *db;
        Scratch s;

        scratch_dir(&s);
        db = open_file(s.path);
        CHECK_EQ(migrate(db, s.path, steps, 1), 0);
        (void)snprintf(directory, sizeof(directory), "%s/snapshots", s.dir);
        CHECK_EQ(mkdir(directory, 0700), 0);
        CHECK_EQ(chmod(directory, 0777), 0);
        CHECK_EQ(migrate(db, s.path, steps, 2), VAULT_E_UNSAFE);
        CHECK_EQ(number(db, "PRAGMA user_version"), 1);
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
        scratch_done(&s);
}

TEST_MAIN
