/*
 * Where the file says nothing, there is nothing: of every byte that SQLite does not use
 */
#include "tests/unit/wipe-tools.h"

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
