/*
 * Wiping: nothing of what was kept is in any file, sealed or not
 *
 * What is looked for are pieces of the sealed records as they were, from all over them, since a large one lies in several pages.
 */
#include "tests/unit/wipe-tools.h"

#include <errno.h>

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

TEST(names_of_copies_that_are_none)
{
        char dir[80], link[96], pipe[96], other[96];
        unsigned copies;
        uint64_t n;
        Scratch s;

        scratch_new(&s);
        (void)snprintf(dir, sizeof(dir), "%s/snapshots", s.dir);
        CHECK_EQ(mkdir(dir, 0700), 0);
        (void)snprintf(other, sizeof(other), "%s/mine", dir);
        CHECK(close(open(other, O_WRONLY | O_CREAT, 0600)) == 0);
        (void)snprintf(link, sizeof(link), "%s/vault.db.link", dir);
        CHECK_EQ(symlink(other, link), 0);
        (void)snprintf(pipe, sizeof(pipe), "%s/vault.db.pipe", dir);
        CHECK_EQ(mkfifo(pipe, 0600), 0);
        (void)snprintf(dir, sizeof(dir), "%s/snapshots/vault.db.d", s.dir);
        CHECK_EQ(mkdir(dir, 0700), 0);
        CHECK_EQ(wipe_all(s.vault, 0, &n, &copies), 0);
        CHECK_EQ(copies, 2);
        CHECK_EQ(vault_kept_copies(s.vault), 0);
        CHECK_EQ(access(other, F_OK), 0);
        CHECK_EQ(access(dir, F_OK), 0);
        CHECK_EQ(access(pipe, F_OK), -1);
        CHECK_EQ(rmdir(dir), 0);
        scratch_done(&s);
}

/* ---- in steps ---- */

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

TEST(what_came_to_nothing_meanwhile_keeps_nothing_back)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        _cleanup_(trash_list_done) TrashList list = {0};
        ItemId a, b, c;
        unsigned copies;
        bool done = false;
        Scratch s;

        scratch_new(&s);
        a = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "a"}));
        b = put(s.vault, 1, "b", "1", false, NULL, ATTRIBUTES({"k", "b"}));
        c = put(s.vault, 1, "c", "1", false, NULL, ATTRIBUTES({"k", "c"}));
        CHECK_EQ(vault_item_delete(s.vault, c), 0);
        CHECK_EQ(vault_item_delete(s.vault, a), 0);
        CHECK_EQ(vault_history(s.vault, a, &list), 0);
        CHECK_EQ(list.n, 1);

        /* The last row of the trash comes back, the next one gets its place; and neither was done. */
        wipe = begin(s.vault, 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_undelete(s.vault, a, list.entries[0].item->version), 0);
        CHECK_EQ(vault_item_delete(s.vault, b), 0);
        vault_batch_rollback(s.vault);
        CHECK_EQ(in_trash(s.vault), 2);
        while (!done)
                CHECK_EQ(vault_wipe_step(wipe, 16, &done), 0);
        CHECK_EQ(vault_wipe_count(wipe, &copies), 2);
        CHECK_EQ(in_trash(s.vault), 0);
        wipe = vault_wipe_free(wipe);
        check_value(s.vault, b, "1");
        scratch_done(&s);
}

TEST_MAIN
