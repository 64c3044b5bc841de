/*
 * Copies of a vault: consistent while it is written to, sealed, and never believed
 */
#include <errno.h>

#include "tests/unit/vault-tools.h"

#define ITEMS 600U

static int private_file(void)
{
        char path[] = "/tmp/keyfob-copy-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        CHECK(fd >= 0);
        CHECK_EQ(unlink(path), 0);
        return fd;
}

static uint32_t default_collection(Vault *vault)
{
        return vault_alias_get(vault, "default");
}

static ItemId put_numbered(Vault *vault, unsigned n, const char *value)
{
        char number[16];

        (void)snprintf(number, sizeof(number), "%u", n);
        return put(vault, default_collection(vault), "label", value, true, NULL, ATTRIBUTES({"number", number}));
}

static void fill(Scratch *scratch)
{
        CHECK_EQ(vault_batch_begin(scratch->vault), 0);
        for (unsigned i = 0; i < ITEMS; i++)
                (void)put_numbered(scratch->vault, i, "a value that is there from the beginning");
        CHECK_EQ(vault_batch_commit(scratch->vault), 0);
}

static void finish(VaultCopy *copy)
{
        bool done = false;

        while (!done)
                CHECK_EQ(vault_copy_step(copy, 7, &done), 0);
}

TEST(is_what_the_vault_is_when_it_is_done)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_(vault_freep) Vault *opened = NULL;
        _cleanup_close_ int fd = private_file();
        VaultReport got;
        Scratch scratch;
        bool done = false;
        unsigned n = 0;

        scratch_new(&scratch);
        fill(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        /* Changed at both ends while it is made, old items and new ones, deleted and put off; and undone. */
        while (!done) {
                CHECK_EQ(vault_copy_step(copy, 2, &done), 0);
                if (done || n == 200)
                        continue;
                (void)put_numbered(scratch.vault, n, "replaced");
                (void)put_numbered(scratch.vault, ITEMS + n, "new");
                CHECK_EQ(vault_batch_begin(scratch.vault), 0);
                CHECK_EQ(vault_copy_step(copy, 2, &done), VAULT_E_BUSY);
                (void)put_numbered(scratch.vault, ITEMS - 1 - n, "never");
                vault_batch_rollback(scratch.vault);
                if (n % 16 == 0)
                        CHECK_EQ(vault_idle(scratch.vault, 0), 0);
                n++;
        }
        CHECK(n > 20);

        CHECK_EQ(vault_open_copy(fd, &opened), 0);
        CHECK(!vault_is_unlocked(opened));
        CHECK_EQ(vault_lend(scratch.vault, opened), 0);
        CHECK_EQ(vault_verify(opened, &got), 0);
        CHECK_EQ(got.records, ITEMS + n);
        CHECK_EQ(got.damaged + got.index_missing + got.index_extra + got.collections_tampered, 0);
        CHECK_EQ(got.collections_locked, 0);
        CHECK_EQ(vault_items_total(opened), ITEMS + n);
        for (unsigned i = 0; i < n; i++) {
                char number[16];
                _cleanup_(item_ids_done) ItemIds ids = {0}, locked = {0};

                (void)snprintf(number, sizeof(number), "%u", i);
                CHECK_EQ(vault_search(opened, 0, ATTRIBUTES({"number", number}), 0, &ids, &locked), 0);
                CHECK_EQ(ids.n, 1);
                check_value(opened, ids.ids[0], "replaced");
        }
        opened = vault_free(opened);

        /* By a slot of its own, too. */
        CHECK_EQ(vault_open_copy(fd, &opened), 0);
        CHECK_EQ(vault_unlock(opened, scratch.root, 0), 0);
        check_in_order(opened);
        check_in_order(scratch.vault);
        scratch_done(&scratch);
}

TEST(of_a_locked_vault)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_(vault_freep) Vault *opened = NULL;
        _cleanup_close_ int fd = private_file();
        VaultReport got;
        Scratch scratch;

        scratch_new(&scratch);
        fill(&scratch);
        vault_lock(scratch.vault, 0);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        finish(copy);
        CHECK_EQ(vault_open_copy(fd, &opened), 0);
        CHECK_EQ(vault_lend(scratch.vault, opened), 0);
        CHECK_EQ(vault_verify(opened, &got), 0);
        CHECK_EQ(got.records, 0);
        CHECK(got.collections_locked > 0);
        CHECK_EQ(vault_items_total(opened), ITEMS);
        CHECK(vault_modified(opened) > 0);
        scratch_done(&scratch);
}

TEST(one_at_a_time_and_not_without_its_vault)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL, *second = NULL;
        _cleanup_close_ int fd = private_file();
        Scratch scratch;
        bool done;

        scratch_new(&scratch);
        fill(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &second), -EBUSY);
        CHECK_EQ(vault_copy_step(copy, 2, &done), 0);
        CHECK(!done);
        scratch_close(&scratch);
        CHECK_EQ(vault_copy_step(copy, 2, &done), -ECANCELED);
        copy = vault_copy_free(copy);
        scratch_open(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &second), 0);
        scratch_done(&scratch);
}

/* What opens it says. */
static int opens(int fd)
{
        _cleanup_(vault_freep) Vault *opened = NULL;
        VaultReport got;
        int r;

        r = vault_open_copy(fd, &opened);
        return r == 0 ? vault_verify(opened, &got) : r;
}

TEST(of_anything_else)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_close_ int fd = private_file(), other = private_file(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
        static const char text[8192] = "SQLite format 3";
        uint8_t page[4096];
        Scratch scratch;
        struct stat st;
        sqlite3 *db;

        CHECK_EQ(opens(null), VAULT_E_UNSAFE);
        CHECK_EQ(opens(other), VAULT_E_DAMAGED);
        CHECK_EQ(pwrite(other, text, sizeof(text), 0), (ssize_t)sizeof(text));
        CHECK_EQ(opens(other), VAULT_E_DAMAGED);

        scratch_new(&scratch);
        fill(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        finish(copy);
        CHECK_EQ(opens(fd), 0);
        CHECK_EQ(fstat(fd, &st), 0);

        /* Cut short, at a page and within one. */
        for (off_t size = st.st_size - 4096; size > 0; size -= 4096 * 9 + 1) {
                CHECK_EQ(ftruncate(other, 0), 0);
                for (off_t at = 0; at < size; at += (off_t)sizeof(page)) {
                        size_t part = size - at < (off_t)sizeof(page) ? (size_t)(size - at) : sizeof(page);

                        CHECK_EQ(pread(fd, page, part, at), (ssize_t)part);
                        CHECK_EQ(pwrite(other, page, part, at), (ssize_t)part);
                }
                CHECK_EQ(opens(other), VAULT_E_DAMAGED);
        }

        /* Larger than one may be, without being there. */
        CHECK_EQ(ftruncate(other, (off_t)VAULT_COPY_MAX + 4096), 0);
        CHECK_EQ(opens(other), VAULT_E_LIMIT);

        /* Another application's, another version's, and one with something that acts by itself. */
        scratch_close(&scratch);
        CHECK_EQ(ftruncate(other, 0), 0);
        {
                static const char *const spoils[] = {"PRAGMA application_id=1", "PRAGMA user_version=99",
                                                     "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM item; END",
                                                     "CREATE VIEW v AS SELECT 1"};
                static const int want[] = {VAULT_E_DAMAGED, VAULT_E_TOO_NEW, VAULT_E_DAMAGED, VAULT_E_DAMAGED};

                for (size_t i = 0; i < ELEMENTSOF(spoils); i++) {
                        _cleanup_close_ int file = -1;
                        char path[80];

                        (void)snprintf(path, sizeof(path), "%s/spoilt.db", scratch.dir);
                        file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                        for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(page)) {
                                CHECK_EQ(pread(fd, page, sizeof(page), at), (ssize_t)sizeof(page));
                                CHECK_EQ(pwrite(file, page, sizeof(page), at), (ssize_t)sizeof(page));
                        }
                        CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
                        CHECK_EQ(sqlite3_exec(db, spoils[i], NULL, NULL, NULL), SQLITE_OK);
                        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
                        CHECK_EQ(opens(file), want[i]);
                }
        }
        scratch_done(&scratch);
}

/* A byte of every page is flipped in turn: it shows, in the pages, in a record or in a sum. */
TEST(of_a_damaged_file)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_close_ int fd = private_file();
        unsigned silent = 0, tried = 0;
        Scratch scratch;
        struct stat st;

        scratch_new(&scratch);
        fill(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        finish(copy);
        CHECK_EQ(fstat(fd, &st), 0);
        for (off_t at = 3001; at < st.st_size; at += 4096) {
                _cleanup_(vault_freep) Vault *opened = NULL;
                VaultReport got = {0};
                uint8_t byte, flipped;
                int r;

                CHECK_EQ(pread(fd, &byte, 1, at), 1);
                flipped = byte ^ 0x55;
                CHECK_EQ(pwrite(fd, &flipped, 1, at), 1);
                r = vault_open_copy(fd, &opened);
                if (r == 0)
                        r = vault_unlock(opened, scratch.root, 0);
                if (r == 0)
                        r = vault_verify(opened, &got);
                CHECK(r == 0 || r == VAULT_E_DAMAGED);
                tried++;
                if (r == 0 && got.damaged + got.index_missing + got.index_extra + got.collections_tampered == 0)
                        silent++;
                opened = vault_free(opened);
                CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
        }
        /* Only in what is not in use. */
        printf("%u of %u flips show\n", tried - silent, tried);
        CHECK(tried > 30);
        CHECK(silent < tried / 2);
        CHECK_EQ(opens(fd), 0);
        scratch_done(&scratch);
}

static void copy_path(const char *from, const char *to)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        uint64_t size;

        (void)unlink(to);
        out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        CHECK(in >= 0 && out >= 0);
        CHECK_EQ(vault_copy_file(in, out, UINT64_MAX, &size), 0);
}

/* A vault of a daemon that was killed has its last writes in the log: they are not the new file's, and are not lost. */
TEST(takes_the_place_of_one_that_was_not_closed)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_close_ int fd = private_file();
        _cleanup_free_ char *kept = NULL;
        char wal[80], aside[80], aside_wal[80], kept_wal[200];
        Scratch scratch;

        scratch_new(&scratch);
        fill(&scratch);
        (void)snprintf(wal, sizeof(wal), "%s-wal", scratch.path);
        (void)snprintf(aside, sizeof(aside), "%s/aside", scratch.dir);
        (void)snprintf(aside_wal, sizeof(aside_wal), "%s/aside-wal", scratch.dir);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        finish(copy);
        CHECK_EQ(vault_idle(scratch.vault, 0), 0);
        (void)put_numbered(scratch.vault, ITEMS, "only in the log");
        /* Through other descriptors than SQLite's, so while it is open: this process's locks on it go, which nobody misses. */
        copy_path(scratch.path, aside);
        copy_path(wal, aside_wal);
        scratch_close(&scratch);
        CHECK_EQ(rename(aside, scratch.path), 0);
        CHECK_EQ(rename(aside_wal, wal), 0);

        CHECK_EQ(vault_replace(scratch.path, fd, &kept), 0);
        CHECK(kept);
        scratch_open(&scratch);
        scratch_unlock(&scratch);
        CHECK_EQ(vault_items_total(scratch.vault), ITEMS);
        check_in_order(scratch.vault);
        scratch_close(&scratch);

        /* What is kept, with its log, is all that there was. */
        (void)snprintf(kept_wal, sizeof(kept_wal), "%s-wal", kept);
        CHECK_EQ(rename(kept, scratch.path), 0);
        CHECK_EQ(rename(kept_wal, wal), 0);
        scratch_open(&scratch);
        scratch_unlock(&scratch);
        CHECK_EQ(vault_items_total(scratch.vault), ITEMS + 1);
        CHECK_EQ(count(scratch.vault, NULL, ATTRIBUTES({"number", "600"})), 1);
        check_in_order(scratch.vault);
        scratch_done(&scratch);
}

TEST(keeps_a_log_whose_file_is_gone)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_close_ int fd = private_file();
        _cleanup_free_ char *kept = NULL;
        char command[200];
        Scratch scratch;

        scratch_new(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        finish(copy);
        (void)put_numbered(scratch.vault, 0, "only in the log");
        (void)snprintf(command, sizeof(command), "cp %s-wal %s/log", scratch.path, scratch.dir);
        CHECK_EQ(system(command), 0);
        scratch_close(&scratch);
        (void)snprintf(command, sizeof(command), "cd %s && rm vault.db && chmod 600 log && mv log vault.db-wal", scratch.dir);
        CHECK_EQ(system(command), 0);

        CHECK_EQ(vault_replace(scratch.path, fd, &kept), 0);
        CHECK(!kept);
        scratch_open(&scratch);
        scratch_unlock(&scratch);
        CHECK_EQ(vault_items_total(scratch.vault), 0);
        check_in_order(scratch.vault);
        (void)snprintf(command, sizeof(command), "ls %s/snapshots/vault.db.*-wal > /dev/null", scratch.dir);
        CHECK_EQ(system(command), 0);
        scratch_done(&scratch);
}

TEST(takes_a_place_that_is_free_and_none_that_is_not_safe)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_close_ int fd = private_file();
        _cleanup_free_ char *kept = NULL, *second = NULL, *third = NULL;
        char path[80];
        Scratch scratch;

        scratch_new(&scratch);
        CHECK_EQ(vault_copy_new(scratch.vault, fd, &copy), 0);
        finish(copy);
        scratch_close(&scratch);
        (void)snprintf(path, sizeof(path), "%s/other.db", scratch.dir);
        CHECK_EQ(vault_replace(path, fd, &kept), 0);
        CHECK(!kept);
        /* Twice in a second: both are kept. */
        CHECK_EQ(vault_replace(scratch.path, fd, &kept), 0);
        CHECK_EQ(vault_replace(scratch.path, fd, &second), 0);
        CHECK(kept && second && strcmp(kept, second) != 0);
        CHECK(access(kept, F_OK) == 0 && access(second, F_OK) == 0);

        CHECK_EQ(chmod(scratch.dir, 0755), 0);
        CHECK_EQ(vault_replace(scratch.path, fd, &third), VAULT_E_UNSAFE);
        CHECK_EQ(chmod(scratch.dir, 0700), 0);
        CHECK_EQ(unlink(path), 0);
        CHECK_EQ(symlink(scratch.path, path), 0);
        CHECK_EQ(vault_replace(path, fd, &third), VAULT_E_UNSAFE);
        scratch_open(&scratch);
        scratch_done(&scratch);
}

TEST_MAIN
