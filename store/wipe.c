/*
 * Wiping: what was kept is gone, from every file
 *
 * Deleting a row does not do. SQLite overwrites the cell it frees (secure_delete), but when pages are split and merged, copies of
 * cells stay behind in what is not used of a page; frames stay in the log until others are written over them; and kept copies
 * of the vault have it all. So after the rows are gone the whole file is written anew, the log is moved into it and
 * overwritten, and the copies in snapshots/ are overwritten and removed. What the disk itself keeps of what was
 * overwritten is beyond the reach of a program (docs/THREATS.md).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

/* ---- rows ---- */

static int count_and_remove(Vault *vault, ItemId from, ItemId last, uint64_t *ret_n)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_REMOVE_RANGE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, from);
        db_bind_u64(s, 2, last);
        r = db_run(s);
        if (r == 0)
                *ret_n = (uint64_t)sqlite3_changes(vault->db);
        return r;
}

static int remove_rows(Vault *vault, ItemId id, uint64_t *ret_n)
{
        Op op;
        int r;

        r = op_begin(&op, vault, NULL, /* structure= */ false);
        if (r != 0)
                return r;
        return op_end(&op, count_and_remove(vault, id ? id : 0, id ? id : INT64_MAX, ret_n));
}

/* Collections that were deleted, with all that is in them. */
static int remove_collections(Vault *vault)
{
        bool more = true;
        int r = 0;

        while (r == 0 && more)
                r = purge_deleted(vault, INT64_MAX, &more);
        return r;
}

/* ---- files ---- */

/* VACUUM needs a second database, which is in memory. */
static int write_anew(Vault *vault)
{
        int r;

        (void)sqlite3_limit(vault->db, SQLITE_LIMIT_ATTACHED, 1);
        r = db_exec(vault->db, "VACUUM");
        (void)sqlite3_limit(vault->db, SQLITE_LIMIT_ATTACHED, 0);
        return r;
}

static int overwrite(int dir, const char *name)
{
        static const uint8_t zeros[4096];
        _cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        /* Another name of it is somebody else's. */
        if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
                return 0;
        for (off_t at = 0; at < st.st_size;) {
                size_t size = st.st_size - at < (off_t)sizeof(zeros) ? (size_t)(st.st_size - at) : sizeof(zeros);
                ssize_t n = pwrite(fd, zeros, size, at);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        at += n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static bool is_copy(const char *name, const char *vault)
{
        size_t size = strlen(vault);

        return (strncmp(name, vault, size) == 0 && name[size] == '.') || strcmp(name, RESTORE_PARTIAL) == 0;
}

/* Names of copies; each is given to `each`, if there is one. */
static int for_copies(const char *path, int (*each)(int dir, const char *name), unsigned *ret_n)
{
        const char *name = strrchr(path, '/') + 1;
        _cleanup_free_ char *dir = NULL;
        const struct dirent *entry;
        DIR *list;
        int fd, r = 0;

        *ret_n = 0;
        if (asprintf(&dir, "%.*s/snapshots", (int)(name - 1 - path), path) < 0)
                return -ENOMEM;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        list = fdopendir(fd);
        if (!list) {
                (void)close(fd);
                return -ENOMEM;
        }
        while (r == 0 && (entry = readdir(list))) {
                if (!is_copy(entry->d_name, name))
                        continue;
                ++*ret_n;
                if (each)
                        r = each(dirfd(list), entry->d_name);
        }
        if (r == 0 && each && *ret_n > 0 && fsync(dirfd(list)) < 0)
                r = -errno;
        (void)closedir(list);
        return r;
}

static int remove_copy(int dir, const char *name)
{
        int r = overwrite(dir, name);

        if (r < 0)
                return r;
        return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

unsigned vault_kept_copies(const Vault *vault)
{
        unsigned n = 0;

        return vault->path && for_copies(vault->path, NULL, &n) == 0 ? n : 0;
}

int vault_wipe(Vault *vault, ItemId id, uint64_t *ret_n, unsigned *ret_copies)
{
        unsigned copies = 0;
        uint64_t n = 0;
        int r;

        if (!vault->path)
                return VAULT_E_INVALID;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        if (vault->in_batch || vault->copy)
                return -EBUSY;
        r = remove_rows(vault, id, &n);
        if (r == 0 && id == 0)
                r = remove_collections(vault);
        /* First where it was, then what lies elsewhere in the pages: the file may get shorter. */
        if (r == 0)
                r = vault_wipe_log(vault);
        if (r == 0)
                r = write_anew(vault);
        if (r == 0)
                r = vault_wipe_log(vault);
        if (r == 0)
                r = for_copies(vault->path, remove_copy, &copies);
        if (r != 0)
                return r;
        *ret_n = n;
        *ret_copies = copies;
        return 0;
}
