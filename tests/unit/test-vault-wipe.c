/*
 * Wiping: nothing of what was kept is in any file, sealed or not
 *
 * What is looked for are pieces of the sealed records as they were, from all over them, since a large one lies in several pages.
 */
#include <dirent.h>
#include <errno.h>

#include "tests/unit/vault-tools.h"

#define ITEMS  700U
#define PIECE  24U
#define PIECES 200000U
#define ROUNDS 30U

typedef struct Wanted {
        uint8_t piece[PIECES][PIECE];
        size_t n;
} Wanted;

static void want_box(Wanted *wanted, const uint8_t *box, size_t size)
{
        for (size_t at = 0; at + PIECE <= size && wanted->n < PIECES; at += size > 4096 ? 1500 : 96)
                memcpy(wanted->piece[wanted->n++], box + at, PIECE);
}

static void want(Wanted *wanted, Vault *vault, const char *sql)
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
static size_t found_in(const char *path, const Wanted *wanted)
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

static size_t found(const Scratch *scratch, const Wanted *wanted)
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

static void change_numbered(Vault *vault, ItemId id, unsigned n)
{
        _cleanup_free_ char *value = malloc(20001);
        size_t size = (size_t[]){10, 200, 1300, 400, 700, 60, 90, 20000}[n % (n % 50 == 0 ? 8 : 7)];

        CHECK(value);
        memset(value, 'a' + (int)(n % 26), size);
        value[size] = 0;
        CHECK_EQ(change_value(vault, id, value), 0);
}

/* Records of all sizes that grow and shrink, so that pages are split and merged; and a copy of the vault. */
static void live_a_little(Scratch *scratch, ItemId ids[ITEMS], Wanted *wanted)
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

TEST(everything_that_was_kept_is_gone)
{
        static Wanted wanted, current;
        static ItemId ids[ITEMS];
        const VaultMark mark = {.kind = 1};
        uint64_t n, number;
        unsigned copies;
        Scratch s;

        live_a_little(&s, ids, &wanted);
        CHECK_EQ(vault_record_create(s.vault, VAULT_CLASS_PASSKEYS, &mark, 1, "a key that was", 14, &number), 0);
        CHECK_EQ(vault_record_delete(s.vault, VAULT_CLASS_PASSKEYS, number, true), 0);
        want(&wanted, s.vault, "SELECT box FROM trash");
        want(&current, s.vault, "SELECT box FROM item");
        CHECK(wanted.n > 10000 && wanted.n < PIECES);
        CHECK(found(&s, &wanted) > 1000);
        CHECK(found(&s, &current) >= current.n);
        CHECK_EQ(vault_kept_copies(s.vault), 1);

        CHECK_EQ(vault_wipe(s.vault, 0, &n, &copies), 0);
        CHECK(n > ITEMS * 8);
        CHECK_EQ(copies, 1);
        CHECK_EQ(vault_kept_copies(s.vault), 0);
        CHECK_EQ(found(&s, &wanted), 0);
        CHECK(found(&s, &current) >= current.n);
        check_in_order(s.vault);

        /* It goes on, and so it does after opening it again. */
        CHECK_EQ(change_value(s.vault, ids[1], "after"), 0);
        scratch_again(&s);
        check_value(s.vault, ids[1], "after");
        check_in_order(s.vault);
        CHECK_EQ(found(&s, &wanted), 0);
        scratch_done(&s);
}

TEST(of_one_item)
{
        static Wanted wanted, others;
        static ItemId ids[ITEMS];
        uint64_t n;
        unsigned copies;
        char sql[128];
        Scratch s;

        live_a_little(&s, ids, &wanted);
        wanted.n = others.n = 0;
        (void)snprintf(sql, sizeof(sql), "SELECT box FROM trash WHERE item=%llu", (unsigned long long)ids[4]);
        want(&wanted, s.vault, sql);
        (void)snprintf(sql, sizeof(sql), "SELECT box FROM trash WHERE item=%llu", (unsigned long long)ids[5]);
        want(&others, s.vault, sql);
        CHECK(wanted.n > 3 && others.n > 3);
        CHECK_EQ(vault_wipe(s.vault, ids[4], &n, &copies), 0);
        CHECK_EQ(n, 8);
        CHECK_EQ(found(&s, &wanted), 0);
        CHECK_EQ(found(&s, &others), others.n);
        CHECK(vault_item_exists(s.vault, ids[4]));
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(of_a_deleted_collection)
{
        static Wanted wanted;
        const VaultCollection *c;
        uint64_t n;
        unsigned copies;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        for (unsigned i = 0; i < 600; i++) {
                char number[16];

                (void)snprintf(number, sizeof(number), "%u", i);
                (void)put(s.vault, c->no, "x", "value", false, NULL, ATTRIBUTES({"n", number}));
        }
        wanted.n = 0;
        want(&wanted, s.vault, "SELECT box FROM item");
        CHECK_EQ(vault_collection_delete(s.vault, c->no), 0);
        CHECK_EQ(vault_wipe(s.vault, 0, &n, &copies), 0);
        CHECK(!vault_collection_next_deleted(s.vault, NULL));
        CHECK_EQ(found(&s, &wanted), 0);
        check_in_order(s.vault);
        scratch_again(&s);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(not_locked_not_in_a_batch_and_nothing_of_others)
{
        uint64_t n;
        unsigned copies;
        char path[80], other[80];
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_wipe(s.vault, 0, &n, &copies), -EBUSY);
        vault_batch_rollback(s.vault);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_wipe(s.vault, 0, &n, &copies), VAULT_E_LOCKED);
        scratch_unlock(&s);
        /* Files of other names stay, and what a link leads to. */
        (void)snprintf(path, sizeof(path), "%s/snapshots", s.dir);
        CHECK_EQ(mkdir(path, 0700), 0);
        (void)snprintf(other, sizeof(other), "%s/snapshots/mine", s.dir);
        CHECK(close(open(other, O_WRONLY | O_CREAT, 0600)) == 0);
        (void)snprintf(path, sizeof(path), "%s/snapshots/vault.db.linked", s.dir);
        CHECK_EQ(link(other, path), 0);
        CHECK_EQ(vault_wipe(s.vault, 0, &n, &copies), 0);
        CHECK_EQ(copies, 1);
        CHECK_EQ(access(other, F_OK), 0);
        CHECK_EQ(access(path, F_OK), -1);
        scratch_done(&s);
}

TEST_MAIN
