/*
 * Wiping: what was kept is gone, from every file
 *
 * Deleting a row does not do. SQLite overwrites the cell it frees (secure_delete), but when pages are split and merged, copies of
 * cells stay behind in what is not used of a page; frames stay in the log until others are written over them; and kept copies
 * of the vault have it all. So the rows go; then every byte of the file that belongs to no row is overwritten (scrub.c); then the
 * log, from its end to its beginning; then the copies in snapshots/, which are removed. What the disk itself keeps of what was
 * overwritten is beyond the reach of a program (docs/THREATS.md).
 *
 * All of it is done in steps, between which the vault goes on. What is written meanwhile can't bring anything back: it is made of
 * rows, and those are gone first. What comes to the trash meanwhile is none of what was to be wiped, and stays.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

#define PIECE_PAGES 4U /* of a log or a copy are overwritten for each page of a step */

typedef enum WipePhase {
        WIPE_ROWS,
        WIPE_COLLECTIONS,
        WIPE_PAGES,
        WIPE_LOG,
        WIPE_COPIES,
        WIPE_DONE,
} WipePhase;

struct VaultWipe {
        Vault *vault; /* NULL: it went */
        WipePhase phase;
        ItemId id;         /* 0: all */
        uint64_t last;     /* seq of the trash: what is behind it came later */
        uint32_t *deleted; /* collections, when it began */
        size_t n_deleted;
        Scrub *scrub;
        LogWipe log;
        int snapshots, copy; /* the directory, and what is overwritten of it; or -1 */
        char copy_name[256];
        off_t copy_at;
        uint64_t n;
        unsigned copies;
};

VaultWipe *vault_wipe_free(VaultWipe *wipe)
{
        if (!wipe)
                return NULL;
        wipe_abandon(wipe->vault);
        free(wipe->deleted);
        (void)scrub_free(wipe->scrub);
        closep(&wipe->snapshots);
        closep(&wipe->copy);
        free(wipe);
        return NULL;
}

void wipe_abandon(Vault *vault)
{
        if (!vault || !vault->wipe)
                return;
        vault->wipe->vault = NULL;
        vault->wipe = NULL;
}

/* ---- what others do meanwhile ---- */

int wipe_before_checkpoint(const Vault *vault)
{
        return vault->wipe && vault->wipe->scrub ? scrub_note_log(vault->wipe->scrub) : 0;
}

bool wipe_has_collection(const Vault *vault, uint32_t no)
{
        for (size_t i = 0; vault->wipe && i < vault->wipe->n_deleted; i++)
                if (vault->wipe->deleted[i] == no)
                        return true;
        return false;
}

/* ---- rows ---- */

static int last_of_trash(Vault *vault, uint64_t *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_LAST, &s);
        if (r == 0)
                r = db_step(s, &there);
        if (r == 0 && (!there || !db_column_u64(s, 0, ret)))
                *ret = 0;
        return r;
}

/* Numbers are given again when the last rows went, and what gets one of those came later all the same. */
int wipe_next_seq(Vault *vault, uint64_t *ret)
{
        uint64_t last = 0;
        int r;

        *ret = 0;
        if (!vault->wipe)
                return 0;
        r = last_of_trash(vault, &last);
        if (last < vault->wipe->last)
                last = vault->wipe->last;
        if (r == 0 && last < INT64_MAX)
                *ret = last + 1;
        return r;
}

static int remove_some(VaultWipe *wipe, unsigned rows, uint64_t *ret_n)
{
        Vault *vault = wipe->vault;
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, wipe->id ? STATEMENT_TRASH_WIPE_ITEM : STATEMENT_TRASH_WIPE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, wipe->last);
        db_bind_u64(s, 2, rows);
        if (wipe->id)
                db_bind_u64(s, 3, wipe->id);
        r = db_run(s);
        if (r == 0)
                *ret_n = (uint64_t)sqlite3_changes(vault->db);
        return r;
}

static int remove_rows(VaultWipe *wipe, unsigned rows)
{
        uint64_t n = 0;
        Op op;
        int r;

        r = op_begin(&op, wipe->vault, NULL, /* structure= */ false);
        if (r == 0)
                r = op_end(&op, remove_some(wipe, rows, &n));
        if (r != 0)
                return r;
        wipe->n += n;
        if (n < rows)
                wipe->phase = WIPE_COLLECTIONS;
        return 0;
}

/* Collections that were deleted, with all that is in them. */
static int remove_collection(VaultWipe *wipe, unsigned items)
{
        if (wipe->n_deleted > 0) {
                bool gone = false;
                int r = purge_deleted_one(wipe->vault, wipe->deleted[wipe->n_deleted - 1], items, &gone);

                if (r == 0 && gone)
                        wipe->n_deleted--;
                return r;
        }
        wipe->phase = WIPE_PAGES;
        return scrub_new(wipe->vault, &wipe->scrub);
}

static int note_deleted(VaultWipe *wipe)
{
        const VaultCollection *c = NULL;
        size_t n = 0;

        while ((c = vault_collection_next_deleted(wipe->vault, c)))
                n++;
        wipe->deleted = calloc(n + 1, sizeof(*wipe->deleted));
        if (!wipe->deleted)
                return -ENOMEM;
        while ((c = vault_collection_next_deleted(wipe->vault, c)))
                wipe->deleted[wipe->n_deleted++] = c->no;
        return 0;
}

/* ---- the file ---- */

/* VACUUM needs a second database, which is in memory. */
static int write_anew(Vault *vault)
{
        int r;

        (void)sqlite3_limit(vault->db, SQLITE_LIMIT_ATTACHED, 1);
        r = db_exec(vault->db, "VACUUM");
        (void)sqlite3_limit(vault->db, SQLITE_LIMIT_ATTACHED, 0);
        return r;
}

/* A file that another program made or mended may have pages of which we don't know what they are for: then all that is
 * in it is written anew, at once. */
static int scrub_pages(VaultWipe *wipe, unsigned pages)
{
        bool done = false;
        int r;

        r = scrub_step(wipe->scrub, pages, &done);
        if (r == VAULT_E_UNSUPPORTED) {
                done = true;
                /* First where it was, then what lies elsewhere in the pages: the file may get shorter. */
                r = vault_wipe_log(wipe->vault);
                if (r == 0)
                        r = write_anew(wipe->vault);
        }
        if (r != 0 || !done)
                return r;
        wipe->scrub = scrub_free(wipe->scrub);
        wipe->phase = WIPE_LOG;
        return 0;
}

static int wipe_log(VaultWipe *wipe, unsigned pages)
{
        bool done = false;
        int r;

        r = log_wipe_step(wipe->vault, &wipe->log, (size_t)pages * PIECE_PAGES * PAGE_SIZE, &done);
        if (r == 0 && done)
                wipe->phase = WIPE_COPIES;
        return r;
}

/* ---- copies ---- */

static bool is_copy(const char *name, const char *vault)
{
        size_t size = strlen(vault);

        return (strncmp(name, vault, size) == 0 && name[size] == '.') || strcmp(name, RESTORE_PARTIAL) == 0;
}

/* The directory of the copies of a vault. -ENOENT: there is none. */
static int open_snapshots(const char *path, int *ret)
{
        _cleanup_free_ char *dir = NULL;

        if (asprintf(&dir, "%.*s/snapshots", (int)(strrchr(path, '/') - path), path) < 0)
                return -ENOMEM;
        *ret = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

/* No directory is: what somebody keeps in one is their own. */
static bool is_directory(int snapshots, const struct dirent *entry)
{
        struct stat st;

        if (entry->d_type != DT_UNKNOWN)
                return entry->d_type == DT_DIR;
        return fstatat(snapshots, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* How many copies there are, and the name of one. */
static int find_copies(int snapshots, const char *path, char ret_name[256], unsigned *ret_n)
{
        const char *vault = strrchr(path, '/') + 1;
        const struct dirent *entry;
        int fd = openat(snapshots, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *list = fd >= 0 ? fdopendir(fd) : NULL;

        *ret_n = 0;
        if (!list) {
                if (fd >= 0)
                        (void)close(fd);
                return fd < 0 ? -errno : -ENOMEM;
        }
        while ((entry = readdir(list)))
                if (is_copy(entry->d_name, vault) && !is_directory(snapshots, entry) && (*ret_n)++ == 0 && ret_name)
                        (void)snprintf(ret_name, 256, "%s", entry->d_name);
        (void)closedir(list);
        return 0;
}

unsigned vault_kept_copies(const Vault *vault)
{
        _cleanup_close_ int snapshots = -1;
        unsigned n = 0;

        return vault->path && open_snapshots(vault->path, &snapshots) == 0 &&
                               find_copies(snapshots, vault->path, NULL, &n) == 0
                       ? n
                       : 0;
}

/* Some of the copy that is open; whether that was its end. */
static int overwrite(VaultWipe *wipe, size_t size, bool *ret_done)
{
        static const uint8_t zeros[PAGE_SIZE];
        struct stat st;

        if (fstat(wipe->copy, &st) < 0)
                return -errno;
        /* Another name of it is somebody else's. */
        if (!S_ISREG(st.st_mode) || st.st_nlink > 1) {
                *ret_done = true;
                return 0;
        }
        for (size_t done = 0; done < size && wipe->copy_at < st.st_size;) {
                off_t left = st.st_size - wipe->copy_at;
                ssize_t n = pwrite(wipe->copy, zeros, left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros), wipe->copy_at);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        wipe->copy_at += n;
                        done += (size_t)n;
                }
        }
        *ret_done = wipe->copy_at >= st.st_size;
        return fdatasync(wipe->copy) < 0 ? -errno : 0;
}

static int remove_copy(VaultWipe *wipe)
{
        if (unlinkat(wipe->snapshots, wipe->copy_name, 0) < 0)
                return -errno;
        wipe->copies++;
        return 0;
}

/* One after the other; the directory is synced when none is left. */
static int next_copy(VaultWipe *wipe)
{
        unsigned n = 0;
        int r;

        if (wipe->snapshots < 0) {
                r = open_snapshots(wipe->vault->path, &wipe->snapshots);
                if (r == -ENOENT) {
                        wipe->phase = WIPE_DONE;
                        return 0;
                }
                if (r < 0)
                        return r;
        }
        r = find_copies(wipe->snapshots, wipe->vault->path, wipe->copy_name, &n);
        if (r < 0)
                return r;
        if (n == 0) {
                wipe->phase = WIPE_DONE;
                return wipe->copies > 0 && fsync(wipe->snapshots) < 0 ? -errno : 0;
        }
        wipe->copy_at = 0;
        wipe->copy = openat(wipe->snapshots, wipe->copy_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (wipe->copy >= 0)
                return 0;
        /* A link, or a pipe, has nothing of ours in it. */
        return errno == ELOOP || errno == ENXIO ? remove_copy(wipe) : -errno;
}

static int wipe_copies(VaultWipe *wipe, unsigned pages)
{
        bool done = false;
        int r;

        if (wipe->copy < 0)
                return next_copy(wipe);
        r = overwrite(wipe, (size_t)pages * PIECE_PAGES * PAGE_SIZE, &done);
        if (r < 0 || !done)
                return r;
        closep(&wipe->copy);
        wipe->copy = -1;
        return remove_copy(wipe);
}

/* ---- all of it ---- */

int vault_wipe_new(Vault *vault, ItemId id, VaultWipe **ret)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        int r;

        if (!vault->path)
                return VAULT_E_INVALID;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        if (vault->in_batch || vault->copy || vault->wipe)
                return -EBUSY;
        wipe = calloc(1, sizeof(*wipe));
        if (!wipe)
                return -ENOMEM;
        *wipe = (VaultWipe){.id = id, .snapshots = -1, .copy = -1};
        r = last_of_trash(vault, &wipe->last);
        if (r != 0)
                return r;
        wipe->vault = vault;
        r = id == 0 ? note_deleted(wipe) : 0;
        if (r != 0) {
                wipe->vault = NULL;
                return r;
        }
        vault->wipe = wipe;
        *ret = TAKE_PTR(wipe);
        return 0;
}

int vault_wipe_step(VaultWipe *wipe, unsigned pages, bool *ret_done)
{
        static int (*const phases[])(VaultWipe *wipe, unsigned pages) = {
                [WIPE_ROWS] = remove_rows, [WIPE_COLLECTIONS] = remove_collection, [WIPE_PAGES] = scrub_pages,
                [WIPE_LOG] = wipe_log,     [WIPE_COPIES] = wipe_copies,
        };
        int r;

        if (!wipe->vault)
                return -ECANCELED;
        if (wipe->vault->broken)
                return wipe->vault->broken;
        if (wipe->vault->in_batch)
                return VAULT_E_BUSY;
        if (wipe->phase <= WIPE_COLLECTIONS && !wipe->vault->unlocked)
                return VAULT_E_LOCKED;
        r = wipe->phase < WIPE_DONE ? phases[wipe->phase](wipe, pages) : 0;
        *ret_done = r == 0 && wipe->phase == WIPE_DONE;
        return r;
}

uint64_t vault_wipe_count(const VaultWipe *wipe, unsigned *ret_copies)
{
        *ret_copies = wipe->copies;
        return wipe->n;
}
