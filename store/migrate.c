/*
 * Migrations
 *
 * The version of a file is SQLite's user_version: the number of steps it has been through. Making a new file is step
 * 0. Each step is one transaction together with its new version, so a file is always at one version whole. Before a
 * file that has a version is changed, a copy goes to snapshots/ beside it; it is kept until the new one was opened
 * with a root key.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

static int snapshot_path(const char *path, int64_t version, char **ret_dir, char **ret)
{
        _cleanup_free_ char *dir = NULL;
        const char *slash = strrchr(path, '/');

        if (asprintf(&dir, "%.*s/snapshots", (int)(slash - path), path) < 0)
                return -ENOMEM;
        if (asprintf(ret, "%s/%s.v%lld", dir, slash + 1, (long long)version) < 0)
                return -ENOMEM;
        *ret_dir = TAKE_PTR(dir);
        return 0;
}

int file_snapshots(const char *path, char **ret)
{
        _cleanup_free_ char *dir = NULL;
        struct stat st;
        int r;

        if (asprintf(&dir, "%.*s/snapshots", (int)(strrchr(path, '/') - path), path) < 0)
                return -ENOMEM;
        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return -errno;
        if (lstat(dir, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
                return VAULT_E_UNSAFE;
        /* Also of one that was there: who made it may not have come so far. What it keeps is relied on. */
        r = file_sync_dir(dir);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(dir);
        return 0;
}

static int copy_into(sqlite3 *db, const char *copy)
{
        sqlite3_backup *backup;
        sqlite3 *to = NULL;
        int rc;

        rc = sqlite3_open_v2(copy, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
        if (rc == SQLITE_OK) {
                backup = sqlite3_backup_init(to, "main", db, "main");
                if (backup) {
                        (void)sqlite3_backup_step(backup, -1);
                        rc = sqlite3_backup_finish(backup);
                } else
                        rc = sqlite3_errcode(to);
        }
        (void)sqlite3_close(to);
        return db_result(rc);
}

static int snapshot(sqlite3 *db, const char *path, int64_t version)
{
        _cleanup_free_ char *dir = NULL, *made = NULL, *copy = NULL, *partial = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        r = snapshot_path(path, version, &dir, &copy);
        if (r < 0)
                return r;
        if (asprintf(&partial, "%s.partial", copy) < 0)
                return -ENOMEM;
        r = file_snapshots(path, &made);
        if (r != 0)
                return r;
        if (lstat(copy, &st) == 0)
                return file_sync_dir(copy); /* of an attempt that was cut short after it; the file has not changed since */

        (void)unlink(partial);
        fd = open(partial, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 || fchmod(fd, 0600) < 0)
                return -errno;
        r = copy_into(db, partial);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && rename(partial, copy) < 0)
                r = -errno;
        if (r != 0) {
                (void)unlink(partial);
                return r;
        }
        return file_sync_dir(copy);
}

static int run_step(sqlite3 *db, const MigrationStep *step, unsigned version)
{
        char set_version[64];
        int r;

        (void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%u", version);
        r = db_exec(db, "BEGIN IMMEDIATE");
        if (r == 0)
                r = db_exec(db, step->sql);
        if (r == 0)
                r = db_exec(db, set_version);
        if (r == 0)
                r = db_exec(db, "COMMIT");
        if (r != 0 && !sqlite3_get_autocommit(db))
                (void)db_exec(db, "ROLLBACK");
        return r;
}

int migrate(sqlite3 *db, const char *path, const MigrationStep *steps, unsigned n)
{
        int64_t version = 0;
        int r;

        r = db_pragma(db, "PRAGMA user_version", &version);
        if (r != 0)
                return r;
        if (version < 0)
                return VAULT_E_DAMAGED;
        if (version > n)
                return VAULT_E_TOO_NEW;
        if (version > 0 && version < n && path) {
                r = snapshot(db, path, version);
                if (r != 0)
                        return r;
        }
        for (; version < n; version++) {
                r = run_step(db, steps + version, (unsigned)version + 1);
                if (r != 0)
                        return r;
        }
        return 0;
}

void migrate_forget(const char *path, unsigned n)
{
        for (unsigned version = 1; version < n; version++) {
                _cleanup_free_ char *dir = NULL, *copy = NULL;

                if (snapshot_path(path, version, &dir, &copy) == 0)
                        (void)unlink(copy);
        }
}
