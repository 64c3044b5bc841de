/*
 * A vault that has lived a little, and what is found in its files
 */
#pragma once

#include <dirent.h>

#include "tests/unit/vault-tools.h"

#define ITEMS  700U
#define PIECE  24U
#define PIECES 200000U
#define ROUNDS 30U

typedef struct Wanted {
        uint8_t piece[PIECES][PIECE];
        size_t n;
} Wanted;

static inline void want_box(Wanted *wanted, const uint8_t *box, size_t size)
{
        for (size_t at = 0; at + PIECE <= size && wanted->n < PIECES; at += size > 4096 ? 1500 : 96)
                memcpy(wanted->piece[wanted->n++], box + at, PIECE);
}

static inline void want(Wanted *wanted, Vault *vault, const char *sql)
{
        sqlite3_stmt *s = NULL;

        CHECK_EQ(sqlite3_prepare_v2(vault->db, sql, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
                want_box(wanted, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        sqlite3_finalize(s);
}

static uint8_t *content(const char *path, size_t *ret_size)
{
        struct stat st;
        uint8_t *data;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        CHECK(fd >= 0);
        CHECK_EQ(fstat(fd, &st), 0);
        data = malloc((size_t)st.st_size + 1);
        CHECK(data);
        CHECK_EQ(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
        *ret_size = (size_t)st.st_size;
        return data;
}

/* By the first two bytes, in lists: many pieces in megabytes. */
static inline size_t found_in(const char *path, const Wanted *wanted)
{
        size_t size, found = 0;
        _cleanup_free_ uint8_t *data = content(path, &size);
        static uint32_t first[65536], next[PIECES + 1]; /* numbers from 1 on; 0 ends */

        memset(first, 0, sizeof(first));
        for (uint32_t i = 0; i < wanted->n; i++) {
                uint32_t *list = first + ((unsigned)wanted->piece[i][0] << 8 | wanted->piece[i][1]);

                next[i + 1] = *list;
                *list = i + 1;
        }
        for (size_t at = 0; at + PIECE <= size; at++)
                for (uint32_t i = first[(unsigned)data[at] << 8 | data[at + 1]]; i; i = next[i])
                        if (memcmp(data + at, wanted->piece[i - 1], PIECE) == 0)
                                found++;
        return found;
}

static inline size_t found(const Scratch *scratch, const Wanted *wanted)
{
        char path[400];
        const struct dirent *entry;
        size_t n = 0;
        DIR *dir;

        n += found_in(scratch->path, wanted);
        (void)snprintf(path, sizeof(path), "%s-wal", scratch->path);
        n += found_in(path, wanted);
        (void)snprintf(path, sizeof(path), "%s/snapshots", scratch->dir);
        dir = opendir(path);
        while (dir && (entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        (void)snprintf(path, sizeof(path), "%s/snapshots/%s", scratch->dir, entry->d_name);
                        n += found_in(path, wanted);
                }
        if (dir)
                (void)closedir(dir);
        return n;
}

static inline void change_numbered(Vault *vault, ItemId id, unsigned n)
{
        _cleanup_free_ char *value = malloc(20001);
        size_t size = (size_t[]){10, 200, 1300, 400, 700, 60, 90, 15000 + n / 50 % 5000}[n % 50 == 0 ? 7 : n % 7];

        CHECK(value);
        memset(value, 'a' + (int)(n % 26), size);
        value[size] = 0;
        CHECK_EQ(change_value(vault, id, value), 0);
}

/* Records of all sizes that grow and shrink, so that pages are split and merged; and a copy of the vault. */
static inline void live_a_little(Scratch *scratch, ItemId ids[ITEMS], Wanted *wanted)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        _cleanup_close_ int fd = -1;
        char path[80];
        bool done = false;

        scratch_new(scratch);
        srand(1);
        for (unsigned round = 0; round < ROUNDS; round++) {
                CHECK_EQ(vault_batch_begin(scratch->vault), 0);
                for (unsigned i = 0; i < ITEMS; i++) {
                        char number[16];

                        (void)snprintf(number, sizeof(number), "%u", i);
                        if (round == 0)
                                ids[i] = put(scratch->vault, 1, "x", number, true, NULL, ATTRIBUTES({"n", number}));
                        else if (rand() % 3 == 0 || round == ROUNDS - 1)
                                change_numbered(scratch->vault, ids[i], (unsigned)rand());
                }
                CHECK_EQ(vault_batch_commit(scratch->vault), 0);
                if (round < ROUNDS - 1)
                        want(wanted, scratch->vault, "SELECT box FROM item");
                CHECK_EQ(vault_idle(scratch->vault, 0), 0);
        }
        for (unsigned i = 0; i < ITEMS; i += 3)
                CHECK_EQ(vault_item_delete(scratch->vault, ids[i]), 0);

        (void)snprintf(path, sizeof(path), "%s/snapshots", scratch->dir);
        CHECK_EQ(mkdir(path, 0700), 0);
        (void)snprintf(path, sizeof(path), "%s/snapshots/vault.db.20200101T000000Z", scratch->dir);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        CHECK_EQ(vault_copy_new(scratch->vault, fd, &copy), 0);
        while (!done)
                CHECK_EQ(vault_copy_step(copy, 100, &done), 0);
}

static inline VaultWipe *begin(Vault *vault, ItemId id)
{
        VaultWipe *wipe = NULL;

        CHECK_EQ(vault_wipe_new(vault, id, &wipe), 0);
        return wipe;
}

static inline off_t size_of(const char *path)
{
        struct stat st;

        CHECK_EQ(stat(path, &st), 0);
        return st.st_size;
}
