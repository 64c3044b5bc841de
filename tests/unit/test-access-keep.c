/* The log is kept within its bound: small records become chunks, old ones go, the order stays. */
#include "daemon/access-internal.h"
#include "daemon/access-log.h"
#include "tests/unit/vault-tools.h"

#define ROUNDS 200U

static uint64_t add(Vault *vault, AccessKeep *keep, uint32_t pid)
{
        _cleanup_(byte_writer_done) ByteWriter chunk = BYTE_WRITER_NULL;
        AccessEntry entry = {.kind = ACCESS_CHANGED, .count = 1, .pid = pid};
        uint64_t number;

        access_chunk_begin(&chunk);
        access_chunk_add(&chunk, &entry);
        CHECK_EQ(vault_record_create(vault, VAULT_CLASS_LOG, NULL, 0, chunk.data, chunk.size, &number), 0);
        access_keep_added(keep);
        return number;
}

static uint64_t n_kept(Vault *vault)
{
        uint64_t n;

        CHECK_EQ(vault_record_count(vault, VAULT_CLASS_LOG, &n), 0);
        return n;
}

typedef struct Seen {
        uint32_t newest, last;
        size_t n;
        bool gaps;
} Seen;

static int see(const AccessEntry *entry, void *userdata)
{
        Seen *seen = userdata;

        if (seen->n == 0)
                seen->newest = entry->pid;
        else if (entry->pid != seen->last - 1)
                seen->gaps = true;
        seen->last = entry->pid;
        seen->n++;
        return 0;
}

static Seen look(Vault *vault)
{
        Daemon daemon = {.vault = vault};
        uint64_t before = UINT64_MAX;
        Seen seen = {0}, parts = {0};

        CHECK_EQ(access_log_walk(&daemon, &before, SIZE_MAX, see, &seen), 0);
        CHECK_EQ(before, 0);
        /* The same in parts. */
        for (before = UINT64_MAX; before > 0;)
                CHECK_EQ(access_log_walk(&daemon, &before, 3, see, &parts), 0);
        CHECK(parts.n == seen.n && parts.newest == seen.newest && parts.last == seen.last && parts.gaps == seen.gaps);
        return seen;
}

TEST(an_empty_log)
{
        AccessKeep keep = {0};
        Scratch s;

        scratch_new(&s);
        access_keep_tidy(&keep, s.vault);
        CHECK(keep.known && keep.n_loose == 0);
        CHECK_EQ(look(s.vault).n, 0);
        scratch_done(&s);
}

TEST(small_records_become_chunks)
{
        AccessKeep keep = {0};
        Scratch s;
        Seen seen;

        scratch_new(&s);
        for (uint32_t i = 1; i <= 63; i++)
                add(s.vault, &keep, i);
        access_keep_tidy(&keep, s.vault);
        CHECK_EQ(n_kept(s.vault), 63);
        for (uint32_t i = 64; i <= 200; i++)
                add(s.vault, &keep, i);
        access_keep_tidy(&keep, s.vault);
        /* Three chunks of 64 and what is left. */
        CHECK_EQ(n_kept(s.vault), 3 + 200 - 192);
        CHECK_EQ(keep.n_loose, 200 - 192);
        seen = look(s.vault);
        CHECK(seen.n == 200 && seen.newest == 200 && seen.last == 1 && !seen.gaps);

        /* Somebody else finds out the same. */
        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, VAULT_CLASS_LOG));
        keep = (AccessKeep){0};
        access_keep_tidy(&keep, s.vault);
        CHECK(keep.known && keep.n_loose == 200 - 192);
        for (uint32_t i = 201; i <= 256; i++)
                add(s.vault, &keep, i);
        access_keep_tidy(&keep, s.vault);
        CHECK_EQ(n_kept(s.vault), 4);
        seen = look(s.vault);
        CHECK(seen.n == 256 && seen.newest == 256 && !seen.gaps);
        scratch_done(&s);
}

TEST(old_ones_go)
{
        AccessKeep keep = {0};
        uint32_t pid = 0;
        Scratch s;
        Seen seen;

        scratch_new(&s);
        for (unsigned round = 0; round < ROUNDS; round++) {
                CHECK_EQ(vault_batch_begin(s.vault), 0);
                for (unsigned i = 0; i < ACCESS_CHUNK_ENTRIES; i++)
                        add(s.vault, &keep, ++pid);
                /* Never in another's batch. */
                access_keep_tidy(&keep, s.vault);
                CHECK(vault_batch_is_open(s.vault));
                CHECK_EQ(vault_batch_commit(s.vault), 0);
                access_keep_tidy(&keep, s.vault);
                CHECK(n_kept(s.vault) <= ACCESS_CHUNKS_MAX);
        }
        CHECK_EQ(n_kept(s.vault), ACCESS_CHUNKS_MAX);
        seen = look(s.vault);
        CHECK(seen.newest == pid && !seen.gaps);
        CHECK(seen.n >= ACCESS_LOG_ENTRIES && seen.n < pid);
        scratch_done(&s);
}

/* Its entries are lost, not those around it. */
TEST(a_damaged_record_is_passed_over)
{
        AccessKeep keep = {0};
        uint64_t numbers[256], n_left;
        Scratch s;
        size_t n;

        scratch_new(&s);
        for (uint32_t i = 1; i <= 100; i++)
                add(s.vault, &keep, i);
        CHECK_EQ(vault_record_list(s.vault, VAULT_CLASS_LOG, UINT64_MAX, numbers, 256, &n), 0);
        CHECK_EQ(n, 100);
        scratch_close(&s);
        {
                sqlite3 *db = NULL;
                char sql[128];

                CHECK_EQ(sqlite3_open(s.path, &db), SQLITE_OK);
                (void)snprintf(sql, sizeof(sql), "UPDATE item SET tag=zeroblob(16) WHERE id=%llu",
                               (unsigned long long)ITEM_ID(CLASS_NO(VAULT_CLASS_LOG), numbers[89]));
                CHECK_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
                CHECK_EQ(sqlite3_changes(db), 1);
                (void)sqlite3_close(db);
        }
        scratch_open(&s);
        scratch_unlock(&s);
        keep = (AccessKeep){0};
        access_keep_tidy(&keep, s.vault);
        n_left = look(s.vault).n;
        CHECK_EQ(n_left, 99);
        access_keep_tidy(&keep, s.vault);
        CHECK_EQ(look(s.vault).n, 99);
        scratch_done(&s);
}

TEST(nothing_while_locked)
{
        AccessKeep keep = {0};
        Scratch s;

        scratch_new(&s);
        for (uint32_t i = 1; i <= 100; i++)
                add(s.vault, &keep, i);
        vault_lock(s.vault, 0);
        access_keep_tidy(&keep, s.vault);
        CHECK_EQ(keep.n_loose, 100);
        scratch_unlock(&s);
        access_keep_tidy(&keep, s.vault);
        CHECK(keep.n_loose < ACCESS_LOOSE_MAX);
        scratch_done(&s);
}

TEST_MAIN
