/*
 * Copies of a vault
 *
 * A copy is made page by page on the vault's own connection, which has the file locked, a few pages at a time. What is
 * committed between two steps goes into the pages that were copied already as well (that is how SQLite's backups work
 * when both are one connection), so the copy is the vault as it is when the last step is done, whatever was written
 * meanwhile. It is as sealed as the vault: no key is needed for it, and none is in it that is not in the vault.
 *
 * A copy is one file without a log: its header says the rollback journal, and opening a vault sets it back to its log. It is
 * opened from a descriptor (fd-vfs.c), for looking at it and for checking it, with a root or with keys that are lent by the
 * vault that it was made of.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

#define HEADER_SIZE   100U /* of an SQLite file */
#define AT_PAGE_SIZE  16
#define AT_VERSIONS   18 /* write and read version: 1 rollback journal, 2 write-ahead log */

struct VaultCopy {
        Vault *vault; /* NULL: it went */
        FdVfs *vfs;
        sqlite3 *to;
        sqlite3_backup *backup;
        int fd;
};

/* ---- making one ---- */

static void copy_end(VaultCopy *copy)
{
        if (copy->backup)
                (void)sqlite3_backup_finish(copy->backup);
        copy->backup = NULL;
        if (copy->vault)
                copy->vault->copy = NULL;
        copy->vault = NULL;
}

VaultCopy *vault_copy_free(VaultCopy *copy)
{
        if (!copy)
                return NULL;
        copy_end(copy);
        (void)sqlite3_close(copy->to);
        (void)db_fd_free(copy->vfs);
        free(copy);
        return NULL;
}

void copy_abandon(Vault *vault)
{
        if (vault->copy)
                copy_end(vault->copy);
}

int vault_copy_new(Vault *vault, int fd, VaultCopy **ret)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        int r;

        if (vault->broken)
                return vault->broken;
        if (vault->copy || vault->wipe)
                return -EBUSY;
        if (vault->ephemeral)
                return VAULT_E_INVALID;
        copy = calloc(1, sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        copy->fd = fd;
        r = db_open_fd(fd, &copy->vfs, &copy->to);
        if (r == 0)
                r = db_exec(copy->to, "PRAGMA journal_mode=OFF");
        if (r != 0)
                return r;
        copy->backup = sqlite3_backup_init(copy->to, "main", vault->db, "main");
        if (!copy->backup)
                return db_result(sqlite3_errcode(copy->to));
        copy->vault = vault;
        vault->copy = copy;
        *ret = TAKE_PTR(copy);
        return 0;
}

/* So that it needs no log, and nobody who opens it makes one. */
static int without_log(int fd)
{
        static const uint8_t rollback[2] = {1, 1};

        return pwrite(fd, rollback, sizeof(rollback), AT_VERSIONS) == sizeof(rollback) ? 0 : -EIO;
}

int vault_copy_step(VaultCopy *copy, unsigned pages, bool *ret_done)
{
        Vault *vault = copy->vault;
        int rc, r;

        if (!vault)
                return -ECANCELED;
        if (vault->broken)
                return vault->broken;
        if (vault->in_batch)
                return VAULT_E_BUSY;
        rc = sqlite3_backup_step(copy->backup, (int)pages);
        *ret_done = rc == SQLITE_DONE;
        if (rc == SQLITE_OK)
                return 0;
        if (rc != SQLITE_DONE)
                return db_result(rc);
        rc = sqlite3_backup_finish(copy->backup);
        copy->backup = NULL;
        copy_end(copy);
        r = db_result(rc);
        if (r != 0)
                return r;
        rc = sqlite3_close(copy->to);
        copy->to = NULL;
        return rc == SQLITE_OK ? without_log(copy->fd) : db_result(rc);
}

/* ---- opening one ---- */

static int read_header(int fd, uint8_t header[static HEADER_SIZE])
{
        static const char magic[16] = "SQLite format 3";
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return VAULT_E_UNSAFE;
        if ((uint64_t)st.st_size > VAULT_COPY_MAX)
                return VAULT_E_LIMIT;
        if (pread(fd, header, HEADER_SIZE, 0) != (ssize_t)HEADER_SIZE || memcmp(header, magic, sizeof(magic)) != 0)
                return VAULT_E_DAMAGED;
        if ((header[AT_PAGE_SIZE] << 8 | header[AT_PAGE_SIZE + 1]) != 4096 || st.st_size % 4096 != 0)
                return VAULT_E_DAMAGED;
        return 0;
}

int vault_copy_look(int fd)
{
        uint8_t header[HEADER_SIZE];

        return read_header(fd, header);
}

/* Before SQLite sees the file: it is of a kind that is worth looking at. */
static int check_header(int fd)
{
        uint8_t header[HEADER_SIZE];
        int r;

        r = read_header(fd, header);
        if (r != 0)
                return r;
        /* One that was taken from where a vault lay, without its log. */
        if (header[AT_VERSIONS] == 2 && header[AT_VERSIONS + 1] == 2)
                return without_log(fd);
        return header[AT_VERSIONS] == 1 && header[AT_VERSIONS + 1] == 1 ? 0 : VAULT_E_DAMAGED;
}

int vault_open_copy(int fd, Vault **ret)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        FdVfs *vfs = NULL;
        sqlite3 *db;
        int r;

        r = check_header(fd);
        if (r == 0)
                r = db_open_fd(fd, &vfs, &db);
        if (r != 0)
                return r;
        r = vault_new(db, &vault);
        if (r != 0) {
                (void)db_fd_free(vfs);
                return r;
        }
        vault->vfs = vfs;
        r = vault_begin(vault);
        if (r == 0)
                r = migrate(db, /* path= */ NULL, schema_steps, schema_version);
        if (r == 0)
                r = schema_check(db);
        if (r == 0)
                r = vault_load(vault);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(vault);
        return 0;
}

static Key *copy_key(const Key *key, int *result)
{
        Key *copy = key ? key_new_from(key->bytes) : NULL;

        if (key && !copy)
                *result = -ENOMEM;
        return copy;
}

int vault_lend(Vault *from, Vault *to)
{
        Collection *source, *c;
        int r = 0;

        to->manifest_key = copy_key(from->manifest_key, &r);
        to->unlocked = from->unlocked && to->manifest_key;
        for (size_t i = 0; r == 0 && (source = keeper_nth(from, i)); i++) {
                c = keeper_find(to, source->public.no);
                if (!c)
                        continue;
                if (source->key) {
                        Key *key = copy_key(source->key, &r);

                        if (r == 0)
                                r = collection_set_key(c, key, source->key_id);
                } else if (source->seal) {
                        c->seal = calloc(1, sizeof(*c->seal));
                        if (!c->seal)
                                r = -ENOMEM;
                }
        }
        return r;
}

/* ---- checking one ---- */

static int check_pages(Vault *vault)
{
        sqlite3_stmt *s = NULL;
        const char *text;
        int rc, r;

        rc = sqlite3_prepare_v2(vault->db, "PRAGMA integrity_check(1)", -1, &s, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(s);
        text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
        r = rc != SQLITE_ROW ? db_result(rc) : text && strcmp(text, "ok") == 0 ? 0 : VAULT_E_DAMAGED;
        sqlite3_finalize(s);
        return r;
}

/* Keys that were lent have not yet been held against what they open. */
static int settle(Vault *vault)
{
        Collection *c;
        int r = 0;

        if (vault->manifest_key) {
                r = manifest_check(vault, vault->manifest_key, 0);
                if (r < 0)
                        return r;
                vault->manifest_bad = r != 0;
                r = 0;
        }
        for (size_t i = 0; r == 0 && (c = keeper_nth(vault, i)); i++) {
                if (!c->key)
                        continue;
                r = head_load(vault, c);
                if (r == 0 && c->public.own_slots && !is_class(c)) {
                        _cleanup_(key_freep) Key *key = NULL;

                        r = manifest_key(vault, c->public.no, &key);
                        if (r == 0)
                                r = manifest_check(vault, key, c->public.no);
                        c->scope_bad = r > 0;
                        r = r < 0 ? r : 0;
                }
        }
        return r;
}

int vault_verify_records(Vault *vault, void (*found)(void *userdata, ItemId id), void *userdata, VaultReport *ret)
{
        int r;

        r = settle(vault);
        return r == 0 ? vault_check(vault, /* accept= */ false, found, userdata, ret) : r;
}

int vault_verify(Vault *vault, VaultReport *ret)
{
        int r;

        r = check_pages(vault);
        return r == 0 ? vault_verify_records(vault, NULL, NULL, ret) : r;
}

uint64_t vault_items_total(const Vault *vault)
{
        uint64_t n = 0;

        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));)
                n += c->n_items;
        return n;
}

uint64_t vault_modified(const Vault *vault)
{
        uint64_t last = 0;

        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));)
                if (c->modified > last)
                        last = c->modified;
        return last;
}
