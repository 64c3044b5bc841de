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
        size_t size = (size_t[]){10, 200, 1300, 400, 700, 60, 90, 15000 + n / 50 % 5000}[n % 50 == 0 ? 7 : n % 7];

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

        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), 0);
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
        CHECK_EQ(wipe_all(s.vault, ids[4], &n, &copies), 0);
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
        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), 0);
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
        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), -EBUSY);
        vault_batch_rollback(s.vault);
        vault_lock(s.vault, 0);
        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), VAULT_E_LOCKED);
        scratch_unlock(&s);
        /* Files of other names stay, and what a link leads to. */
        (void)snprintf(path, sizeof(path), "%s/snapshots", s.dir);
        CHECK_EQ(mkdir(path, 0700), 0);
        (void)snprintf(other, sizeof(other), "%s/snapshots/mine", s.dir);
        CHECK(close(open(other, O_WRONLY | O_CREAT, 0600)) == 0);
        (void)snprintf(path, sizeof(path), "%s/snapshots/vault.db.linked", s.dir);
        CHECK_EQ(link(other, path), 0);
        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), 0);
        CHECK_EQ(copies, 1);
        CHECK_EQ(access(other, F_OK), 0);
        CHECK_EQ(access(path, F_OK), -1);
        scratch_done(&s);
}

/* ---- in steps ---- */

static VaultWipe *begin(Vault *vault, ItemId id)
{
        VaultWipe *wipe = NULL;

        CHECK_EQ(vault_wipe_new(vault, id, &wipe), 0);
        return wipe;
}

static off_t size_of(const char *path)
{
        struct stat st;

        CHECK_EQ(stat(path, &st), 0);
        return st.st_size;
}

static size_t in_trash(Vault *vault)
{
        _cleanup_(trash_list_done) TrashList list = {0};

        CHECK_EQ(vault_trash(vault, 0, 0, &list), 0);
        return list.n;
}

/* What others do between two steps; how many rows of the trash that makes. */
static size_t others(Vault *vault, const ItemId ids[ITEMS], unsigned step)
{
        char number[24];

        (void)snprintf(number, sizeof(number), "new %u", step);
        (void)put(vault, 1, "x", number, false, NULL, ATTRIBUTES({"n", number}));
        if (step % 3 == 0) {
                change_numbered(vault, ids[(step * 7 % ITEMS) / 3 * 3 + 1], step);
                return 1;
        }
        if (step % 7 == 0)
                CHECK_EQ(vault_idle(vault, 1), 0);
        return 0;
}

TEST(others_go_on_meanwhile)
{
        static Wanted wanted;
        static ItemId ids[ITEMS];
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        size_t kept = 0, before;
        unsigned copies, steps = 0;
        bool done = false;
        off_t size;
        Scratch s;

        wanted.n = 0;
        live_a_little(&s, ids, &wanted);
        want(&wanted, s.vault, "SELECT box FROM trash");
        before = in_trash(s.vault);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 30, .versions = 1000}), 0);
        CHECK_EQ(vault_idle(s.vault, 0), 0);
        size = size_of(s.path);
        wipe = begin(s.vault, 0);
        for (; !done; steps++) {
                CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);
                if (!done && steps % 4 == 0)
                        kept += others(s.vault, ids, steps / 4);
        }
        CHECK(steps > 200);
        CHECK_EQ(vault_wipe_count(wipe, &copies), before);
        CHECK_EQ(copies, 1);
        CHECK(kept > 10);
        CHECK_EQ(in_trash(s.vault), kept);
        CHECK_EQ(found(&s, &wanted), 0);
        /* Not by writing it anew. */
        CHECK(size_of(s.path) >= size);
        check_in_order(s.vault);
        scratch_again(&s);
        check_in_order(s.vault);
        CHECK_EQ(in_trash(s.vault), kept);
        CHECK_EQ(found(&s, &wanted), 0);
        wipe = vault_wipe_free(wipe);
        scratch_done(&s);
}

TEST(one_at_a_time_and_no_copy_beside_it)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        _cleanup_close_ int fd = -1;
        VaultWipe *other = NULL;
        VaultCopy *copy = NULL;
        bool done = false;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_private_file(s.path, &fd), 0);
        wipe = begin(s.vault, 0);
        CHECK_EQ(vault_wipe_new(s.vault, 0, &other), -EBUSY);
        CHECK_EQ(vault_copy_new(s.vault, fd, &copy), -EBUSY);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_wipe_step(wipe, 16, &done), VAULT_E_BUSY);
        vault_batch_rollback(s.vault);
        CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);

        /* One that is given up is no more in the way. */
        wipe = vault_wipe_free(wipe);
        CHECK_EQ(vault_copy_new(s.vault, fd, &copy), 0);
        CHECK_EQ(vault_wipe_new(s.vault, 0, &other), -EBUSY);
        copy = vault_copy_free(copy);
        wipe = begin(s.vault, 0);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_wipe_step(wipe, 16, &done), VAULT_E_LOCKED);
        scratch_close(&s);
        CHECK_EQ(vault_wipe_step(wipe, 16, &done), -ECANCELED);
        scratch_open(&s);
        scratch_done(&s);
}

/* Once the rows are gone it needs no key. */
TEST(locked_on_the_way)
{
        static Wanted wanted;
        static ItemId ids[ITEMS];
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        unsigned copies;
        bool done = false;
        Scratch s;

        wanted.n = 0;
        live_a_little(&s, ids, &wanted);
        wipe = begin(s.vault, 0);
        while (in_trash(s.vault) > 0)
                CHECK_EQ(vault_wipe_step(wipe, 100, &done), 0);
        CHECK_EQ(vault_wipe_step(wipe, 100, &done), 0);
        CHECK_EQ(vault_wipe_step(wipe, 100, &done), 0);
        vault_lock(s.vault, 0);
        while (!done)
                CHECK_EQ(vault_wipe_step(wipe, 100, &done), 0);
        CHECK(vault_wipe_count(wipe, &copies) > ITEMS && copies == 1);
        CHECK_EQ(found(&s, &wanted), 0);
        wipe = vault_wipe_free(wipe);
        scratch_done(&s);
}

TEST(what_comes_back_or_comes_later_stays)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        const VaultCollection *c;
        ItemId a, b, in_other;
        uint64_t version;
        unsigned copies;
        uint32_t no;
        bool done = false;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        no = c->no;
        for (unsigned i = 0; i < 40; i++) {
                char number[16];

                (void)snprintf(number, sizeof(number), "%u", i);
                in_other = put(s.vault, no, "x", "value", false, NULL, ATTRIBUTES({"n", number}));
        }
        CHECK(vault_item_exists(s.vault, in_other));
        a = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "a"}));
        b = put(s.vault, 1, "b", "1", false, NULL, ATTRIBUTES({"k", "b"}));
        CHECK_EQ(vault_collection_delete(s.vault, no), 0);
        CHECK_EQ(vault_item_delete(s.vault, a), 0);
        {
                _cleanup_(trash_list_done) TrashList list = {0};

                CHECK_EQ(vault_history(s.vault, a, &list), 0);
                CHECK_EQ(list.n, 1);
                version = list.entries[0].item->version;
        }

        /* The only row of the trash comes back, and the next one gets its number: it came later. */
        wipe = begin(s.vault, 0);
        CHECK_EQ(vault_undelete(s.vault, a, version), 0);
        CHECK_EQ(vault_item_delete(s.vault, b), 0);
        for (unsigned i = 0; i < 3; i++)
                CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);
        /* Half of it is gone. */
        CHECK_EQ(vault_collection_undelete(s.vault, no), VAULT_E_NOT_FOUND);
        while (!done)
                CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);
        CHECK_EQ(vault_wipe_count(wipe, &copies), 0);
        wipe = vault_wipe_free(wipe);
        CHECK(!vault_collection_next_deleted(s.vault, NULL));
        check_value(s.vault, a, "1");
        CHECK_EQ(in_trash(s.vault), 1);
        check_in_order(s.vault);

        CHECK_EQ(change_value(s.vault, a, "2"), 0);
        wipe = begin(s.vault, a);
        CHECK_EQ(change_value(s.vault, a, "3"), 0);
        for (done = false; !done;)
                CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);
        CHECK_EQ(vault_wipe_count(wipe, &copies), 1);
        CHECK_EQ(in_trash(s.vault), 2);
        wipe = vault_wipe_free(wipe);
        scratch_done(&s);
}

/* ---- every byte ---- */

/* Whatever SQLite's own table of pages says that is not used, and nothing else, is what we think so of; and things are put there. */
static const uint8_t junk_byte = 0xa5;

static uint32_t fill_tree_page(int fd, uint32_t no, uint32_t *ret_free_blocks)
{
        uint8_t data[PAGE_SIZE], used[PAGE_SIZE];
        TreePage page;
        uint32_t n = 0;

        CHECK_EQ(pread(fd, data, sizeof(data), (off_t)(no - 1) * PAGE_SIZE), sizeof(data));
        CHECK(tree_page_read(data, no, &page));
        CHECK(tree_page_used(&page, used));
        *ret_free_blocks = 0;
        for (uint32_t at = page.first_free; at != 0; at = (uint32_t)data[at] << 8 | data[at + 1])
                ++*ret_free_blocks;
        for (uint32_t i = 0; i < PAGE_SIZE; i++)
                if (!used[i]) {
                        data[i] = junk_byte;
                        n++;
                }
        CHECK_EQ(pwrite(fd, data, sizeof(data), (off_t)(no - 1) * PAGE_SIZE), sizeof(data));
        return n;
}

static void fill(int fd, uint32_t no, uint32_t from)
{
        uint8_t junk[PAGE_SIZE];

        memset(junk, junk_byte, sizeof(junk));
        CHECK_EQ(pwrite(fd, junk, PAGE_SIZE - from, (off_t)(no - 1) * PAGE_SIZE + from), PAGE_SIZE - from);
}

static unsigned fill_free_pages(int fd)
{
        uint8_t head[FILE_HEAD_SIZE], data[PAGE_SIZE];
        uint32_t trunk;
        unsigned n = 0;

        CHECK_EQ(pread(fd, head, sizeof(head), 0), sizeof(head));
        for (trunk = page_u32(head + 32); trunk != 0; trunk = page_u32(data)) {
                CHECK_EQ(pread(fd, data, sizeof(data), (off_t)(trunk - 1) * PAGE_SIZE), sizeof(data));
                for (uint32_t i = 0; i < page_u32(data + 4); i++, n++)
                        fill(fd, page_u32(data + 8 + 4 * i), 0);
                fill(fd, trunk, 8 + 4 * page_u32(data + 4));
        }
        return n;
}

static bool is_sound(sqlite3 *db)
{
        sqlite3_stmt *s = NULL;
        bool sound;

        CHECK_EQ(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL), SQLITE_OK);
        sound = sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
        sqlite3_finalize(s);
        return sound;
}

static size_t count_junk(const char *path)
{
        size_t size, n = 0;
        _cleanup_free_ uint8_t *data = content(path, &size);

        for (size_t i = 0; i + 8 <= size; i++) {
                size_t k = 0;

                while (k < 8 && data[i + k] == junk_byte)
                        k++;
                n += k == 8;
        }
        return n;
}

typedef struct Filled {
        unsigned interior, leaf, overflow, free;
} Filled;

/* False: this SQLite was built without that table. */
static bool fill_unused(const char *path, Filled *ret)
{
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
        sqlite3_stmt *s = NULL;
        sqlite3 *db = NULL;
        bool ours = true;

        *ret = (Filled){0};
        CHECK(fd >= 0);
        CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_prepare_v2(db, "SELECT pageno,pagetype,unused FROM dbstat", -1, &s, NULL) != SQLITE_OK)
                ours = false;
        while (ours && sqlite3_step(s) == SQLITE_ROW) {
                const uint32_t no = (uint32_t)sqlite3_column_int64(s, 0), unused = (uint32_t)sqlite3_column_int64(s, 2);
                const char *kind = (const char *)sqlite3_column_text(s, 1);
                uint32_t blocks;

                if (strcmp(kind, "overflow") == 0) {
                        ret->overflow += unused > 0;
                        fill(fd, no, PAGE_SIZE - unused);
                        continue;
                }
                ret->interior += strcmp(kind, "internal") == 0;
                ret->leaf += strcmp(kind, "leaf") == 0;
                CHECK_EQ(fill_tree_page(fd, no, &blocks) + 4 * blocks, unused);
        }
        sqlite3_finalize(s);
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
        ret->free = fill_free_pages(fd);
        return ours;
}

TEST(every_byte_that_nothing_is_in)
{
        static Wanted wanted;
        static ItemId ids[ITEMS];
        sqlite3 *db = NULL;
        unsigned copies;
        Filled filled;
        uint64_t n;
        off_t size;
        Scratch s;

        wanted.n = 0;
        live_a_little(&s, ids, &wanted);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 30, .versions = 6}), 0);
        scratch_close(&s);
        if (!fill_unused(s.path, &filled)) {
                puts("  SQLite has no dbstat here");
                scratch_open(&s);
                scratch_done(&s);
                return;
        }
        CHECK(filled.interior > 3 && filled.leaf > 100 && filled.overflow > 3 && filled.free > 10);
        CHECK(count_junk(s.path) > 100000);
        size = size_of(s.path);
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(wipe_all(s.vault, ids[1], &n, &copies), 0);
        check_in_order(s.vault);
        /* Nor does memory bring it back. */
        for (unsigned i = 0; i < ITEMS; i++)
                if (vault_item_exists(s.vault, ids[i]))
                        CHECK_EQ(change_value(s.vault, ids[i], "after"), 0);
        scratch_close(&s);
        CHECK_EQ(count_junk(s.path), 0);
        CHECK(size_of(s.path) >= size);
        CHECK_EQ(sqlite3_open(s.path, &db), SQLITE_OK);
        CHECK(is_sound(db));
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
        scratch_open(&s);
        scratch_unlock(&s);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* As a later SQLite might, which keeps more of what it moves: on a page that was looked at already. */
TEST(what_was_written_to_meanwhile_is_looked_at_again)
{
        static Wanted wanted;
        static ItemId ids[ITEMS];
        uint8_t junk[1000];
        unsigned steps = 0, total = 0;
        Scratch s;

        memset(junk, junk_byte, sizeof(junk));
        wanted.n = 0;
        live_a_little(&s, ids, &wanted);
        CHECK_EQ(sqlite3_exec(s.vault->db, "PRAGMA secure_delete=OFF", NULL, NULL, NULL), SQLITE_OK);
        for (unsigned round = 0; round < 2; round++, total = steps) {
                VaultWipe *wipe = begin(s.vault, ids[1]);

                steps = 0;
                for (bool done = false; !done; steps++) {
                        CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);
                        if (round == 0 || steps < 10 || steps > total / 2)
                                continue;
                        CHECK_EQ(vault_note_put(s.vault, "junk", junk, sizeof(junk)), 0);
                        CHECK_EQ(vault_note_put(s.vault, "junk", NULL, 0), 0);
                        CHECK_EQ(vault_idle(s.vault, 1), 0);
                        CHECK(count_junk(s.path) > 100);
                }
                wipe = vault_wipe_free(wipe);
        }
        CHECK(total > 50);
        CHECK_EQ(count_junk(s.path), 0);
        scratch_done(&s);
}

/* A page that nothing leads to: SQLite's check would call it never used. The whole is written anew. */
TEST(a_file_that_is_not_quite_as_it_should_be)
{
        uint8_t head[FILE_HEAD_SIZE];
        _cleanup_close_ int fd = -1;
        uint32_t pages;
        unsigned copies;
        uint64_t n;
        ItemId id;
        Scratch s;

        scratch_new(&s);
        id = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "a"}));
        CHECK_EQ(change_value(s.vault, id, "2"), 0);
        scratch_close(&s);
        fd = open(s.path, O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK_EQ(pread(fd, head, sizeof(head), 0), sizeof(head));
        pages = page_u32(head + 28) + 1;
        for (unsigned i = 0; i < 4; i++)
                head[28 + i] = (uint8_t)(pages >> (24 - 8 * i));
        CHECK_EQ(pwrite(fd, head, sizeof(head), 0), sizeof(head));
        fill(fd, pages, 0);
        CHECK(count_junk(s.path) > 4000);

        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), 0);
        CHECK_EQ(n, 1);
        CHECK_EQ(count_junk(s.path), 0);
        check_value(s.vault, id, "2");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST_MAIN
