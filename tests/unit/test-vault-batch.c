/* Batches: what commits, what is undone in the file and in memory, and collections and aliases in them. */
#include <errno.h>

#include "tests/unit/vault-tools.h"

TEST(a_commit_makes_all_of_it_durable)
{
        Scratch s;
        ItemId a, b;

        scratch_new(&s);
        CHECK(!vault_batch_is_open(s.vault));
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK(vault_batch_is_open(s.vault));
        a = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "v"}));
        b = put(s.vault, 1, "b", "2", false, NULL, ATTRIBUTES({"k", "v"}));
        CHECK_EQ(vault_item_delete(s.vault, b), 0);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK(!vault_batch_is_open(s.vault));
        scratch_again(&s);
        check_value(s.vault, a, "1");
        CHECK(!vault_item_exists(s.vault, b));
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

/* As SQLite does when a read in the batch fails for want of memory, or finds a page that can't be read. */
TEST(a_batch_that_sqlite_threw_away_takes_nothing_more)
{
        Scratch s;
        ItemId kept, id;

        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "v"}));
        for (unsigned round = 0; round < 3; round++) {
                CHECK_EQ(vault_batch_begin(s.vault), 0);
                id = put(s.vault, 1, "b", "2", false, NULL, ATTRIBUTES({"k", "w"}));
                CHECK_EQ(sqlite3_exec(s.vault->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
                if (round == 1)
                        vault_lock(s.vault, 1);
                else if (round == 2)
                        CHECK_EQ(vault_item_delete(s.vault, kept), -EIO);
                CHECK_EQ(vault_batch_commit(s.vault), -EIO);
                scratch_again(&s);
                check_value(s.vault, kept, "1");
                CHECK(!vault_item_exists(s.vault, id));
                check_in_order(s.vault);
        }
        scratch_done(&s);
}

TEST(a_rollback_undoes_file_and_memory)
{
        const VaultCollection *c;
        Scratch s;
        ItemId kept, id;
        uint32_t no;

        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "v"}));
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        id = put(s.vault, 1, "b", "2", false, NULL, ATTRIBUTES({"k", "v"}));
        CHECK_EQ(change_value(s.vault, kept, "changed"), 0);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "New", NULL, &c), 0);
        no = c->no;
        put(s.vault, no, "c", "3", false, NULL, NULL, 0);
        CHECK_EQ(vault_alias_set(s.vault, "work", no), 0);
        CHECK_EQ(vault_alias_set(s.vault, "default", no), 0);
        CHECK_EQ(vault_collection_set_label(s.vault, 1, "Renamed"), 0);
        CHECK_EQ(vault_collection_delete(s.vault, 1), 0);
        vault_batch_rollback(s.vault);

        for (unsigned round = 0; round < 2; round++) {
                CHECK(!vault_collection_get(s.vault, no));
                c = vault_collection_get(s.vault, 1);
                CHECK(c && strcmp(c->label, "Default") == 0 && c->n_items == 1);
                CHECK_EQ(vault_alias_get(s.vault, "default"), 1);
                CHECK_EQ(vault_alias_get(s.vault, "work"), 0);
                CHECK(!vault_item_exists(s.vault, id));
                check_value(s.vault, kept, "1");
                CHECK(!tampered(s.vault, 1));
                check_in_order(s.vault);
                /* The counter went back too, and the number may be used: nothing durable ever had it. */
                if (round == 0) {
                        CHECK(put(s.vault, 1, "d", "4", false, NULL, NULL, 0) == id);
                        CHECK_EQ(vault_item_delete(s.vault, id), 0);
                }
                scratch_again(&s);
        }
        scratch_done(&s);
}

/* A change that fails in a batch leaves what was done before it, and no trace of its own. */
TEST(a_failing_change_undoes_itself_only)
{
        const VaultAttribute attributes[] = {{"k", "v"}};
        ItemChange change = {.attributes = attributes, .n_attributes = 1, .value = "x", .value_size = 1};
        Scratch s;
        ItemId before, id = 0;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        before = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        /* A row in the way of the index, of a kind that makes the statement fail in the middle of the change. */
        CHECK_EQ(db_exec(s.vault->db,
                         "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.attr BEGIN SELECT raise(ABORT,'no'); END"),
                 0);
        CHECK_EQ(sqlite3_db_config(s.vault->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, (int *)NULL), SQLITE_OK);
        CHECK(vault_item_create(s.vault, 1, &change, false, &id, NULL) != 0);
        CHECK_EQ(id, 0);
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 1);
        CHECK_EQ(db_exec(s.vault->db, "DROP TRIGGER temp.stop"), 0);
        CHECK_EQ(vault_item_create(s.vault, 1, &change, false, &id, NULL), 0);
        CHECK(id == before + 1); /* the counter went back */
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 2);
        check_value(s.vault, before, "1");
        check_value(s.vault, id, "x");
        check_in_order(s.vault);
        scratch_done(&s);
}

/* A full disk: SQLite throws the transaction away, and the commit says so instead of succeeding with nothing. */
/* One that is whole has no way back for a single change: nothing of it stays, and nothing of it is taken for done. */
TEST(a_failing_change_fails_a_batch_that_is_whole)
{
        const VaultAttribute attributes[] = {{"k", "v"}};
        ItemChange change = {.attributes = attributes, .n_attributes = 1, .value = "x", .value_size = 1};
        const VaultCollection *c;
        Scratch s;
        ItemId kept, id = 0;

        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(vault_batch_begin_whole(s.vault), 0);
        put(s.vault, 1, "b", "2", false, NULL, NULL, 0);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "New", NULL, &c), 0);
        CHECK_EQ(db_exec(s.vault->db,
                         "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.attr BEGIN SELECT raise(ABORT,'no'); END"),
                 0);
        CHECK_EQ(sqlite3_db_config(s.vault->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, (int *)NULL), SQLITE_OK);
        CHECK(vault_item_create(s.vault, 1, &change, false, &id, NULL) != 0);
        CHECK_EQ(db_exec(s.vault->db, "DROP TRIGGER temp.stop"), 0);
        CHECK(change_value(s.vault, kept, "changed") != 0); /* refused */
        CHECK(vault_batch_commit(s.vault) != 0);
        CHECK(!vault_batch_is_open(s.vault));
        for (unsigned round = 0; round < 2; round++) {
                CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 1);
                CHECK(!vault_collection_by_name(s.vault, "New"));
                check_value(s.vault, kept, "1");
                check_in_order(s.vault);
                scratch_again(&s);
        }
        /* It is whole only where it began, and the next one is not. */
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_batch_begin_whole(s.vault), 0);
        CHECK(!s.vault->whole);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK_EQ(vault_batch_begin_whole(s.vault), 0);
        id = put(s.vault, 1, "c", "3", false, NULL, NULL, 0);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        check_value(s.vault, id, "3");
        check_in_order(s.vault);
        scratch_done(&s);
}

/* What such a batch has left in the file fits no manifest: whoever unlocked by it would take the vault for tampered with, and say so
 * in the next manifest, for good. */
TEST(nothing_is_unlocked_by_a_batch_that_has_failed)
{
        const VaultCollection *c;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "New", NULL, &c), 0);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_unlock(s.vault, s.root, 1), 0);
        CHECK_EQ(vault_batch_begin_whole(s.vault), 0);
        CHECK_EQ(db_exec(s.vault->db,
                         "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.attr BEGIN SELECT raise(ABORT,'no'); END"),
                 0);
        CHECK_EQ(sqlite3_db_config(s.vault->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, (int *)NULL), SQLITE_OK);
        CHECK_EQ(db_exec(s.vault->db, "UPDATE slot SET label='half a change'"), 0);
        CHECK(vault_item_create(s.vault, 1,
                                &(ItemChange){.attributes = (const VaultAttribute[]){{"k", "v"}}, .n_attributes = 1,
                                              .value = "x", .value_size = 1},
                                false, &(ItemId){0}, NULL) != 0);
        CHECK_EQ(db_exec(s.vault->db, "DROP TRIGGER temp.stop"), 0);
        CHECK(vault_unlock(s.vault, s.root, 0) != 0);
        CHECK(vault_unlock(s.vault, s.root, c->no) != 0);
        CHECK(!vault_is_unlocked(s.vault));
        vault_batch_rollback(s.vault);
        CHECK_EQ(vault_unlock(s.vault, s.root, 0), 0);
        CHECK(!tampered(s.vault, 1) && !tampered(s.vault, c->no));
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Another", NULL, &c), 0);
        scratch_again(&s);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* It has failed, and then SQLite throws its transaction away: a head that is written now would be in the file for good, without the
 * items that it counts. */
TEST(locking_writes_nothing_of_a_batch_that_has_failed)
{
        Scratch s;
        ItemId kept;

        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(vault_batch_begin_whole(s.vault), 0);
        CHECK_EQ(change_value(s.vault, kept, "2"), 0);
        CHECK_EQ(vault_record_undelete(s.vault, VAULT_CLASS_PASSKEYS, 1), VAULT_E_NOT_FOUND);
        CHECK(s.vault->batch_error != 0);
        CHECK_EQ(sqlite3_exec(s.vault->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        vault_lock(s.vault, 0);
        CHECK(vault_batch_commit(s.vault) != 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_value(s.vault, kept, "1");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_batch_that_sqlite_gave_up_fails_at_its_commit)
{
        _cleanup_free_ char *big = calloc(1, 1000000);
        ItemChange change = {.value = big, .value_size = 1000000, .value_set = true};
        int64_t pages = 0;
        char limit[64];
        Scratch s;
        ItemId kept, id;
        int r;

        CHECK(big);
        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(db_pragma(s.vault->db, "PRAGMA page_count", &pages), 0);
        (void)snprintf(limit, sizeof(limit), "PRAGMA max_page_count=%lld", (long long)pages + 20);
        CHECK_EQ(db_exec(s.vault->db, limit), 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        id = put(s.vault, 1, "b", "2", false, NULL, NULL, 0);
        r = vault_item_create(s.vault, 1, &change, false, &(ItemId){0}, NULL);
        CHECK_EQ(r, -ENOSPC);
        /* Either the batch lives on without the failed change, or its commit fails. */
        if (vault_batch_commit(s.vault) == 0)
                check_value(s.vault, id, "2");
        else
                CHECK(!vault_item_exists(s.vault, id));
        check_value(s.vault, kept, "1");
        CHECK(!vault_batch_is_open(s.vault));
        CHECK_EQ(db_exec(s.vault->db, "PRAGMA max_page_count=1000000"), 0);
        CHECK_EQ(vault_item_create(s.vault, 1, &change, false, &id, NULL), 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_in_order(s.vault);
        scratch_done(&s);
}

/* The transaction disappears under the batch. */
TEST(a_lost_batch_is_said_at_its_commit)
{
        Scratch s;
        ItemId kept, id;

        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        id = put(s.vault, 1, "b", "2", false, NULL, NULL, 0);
        CHECK_EQ(db_exec(s.vault->db, "ROLLBACK"), 0);
        CHECK(vault_batch_commit(s.vault) != 0);
        CHECK(!vault_batch_is_open(s.vault));
        CHECK(!vault_item_exists(s.vault, id));
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 1);
        check_value(s.vault, kept, "1");
        check_in_order(s.vault);
        scratch_done(&s);
}

/* One change of it fails in a way that takes all of the transaction along. */
TEST(a_change_that_loses_the_batch_makes_its_commit_fail)
{
        Scratch s;
        ItemId kept, id, later = 0;

        scratch_new(&s);
        kept = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        id = put(s.vault, 1, "b", "2", false, NULL, NULL, 0);
        CHECK_EQ(db_exec(s.vault->db,
                         "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.attr BEGIN SELECT raise(ROLLBACK,'no'); END"),
                 0);
        CHECK_EQ(sqlite3_db_config(s.vault->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, (int *)NULL), SQLITE_OK);
        CHECK(vault_item_create(s.vault, 1, &(ItemChange){0}, false, &later, NULL) != 0);
        CHECK_EQ(sqlite3_db_config(s.vault->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL), SQLITE_OK);
        CHECK(sqlite3_get_autocommit(s.vault->db));
        /* Nothing more goes into it, and it does not end well. */
        CHECK(vault_item_create(s.vault, 1, &(ItemChange){0}, false, &later, NULL) != 0);
        CHECK(vault_batch_is_open(s.vault));
        CHECK(vault_batch_commit(s.vault) != 0);
        CHECK(!vault_item_exists(s.vault, id));
        check_value(s.vault, kept, "1");
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 1);
        CHECK_EQ(vault_item_create(s.vault, 1, &(ItemChange){0}, false, &later, NULL), 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(locking_in_a_batch_keeps_its_writes)
{
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        id = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1));
        check_value(s.vault, id, "1");
        scratch_done(&s);
}

TEST(closing_rolls_back)
{
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        id = put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        scratch_again(&s);
        CHECK(!vault_item_exists(s.vault, id));
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(names_are_made_from_labels)
{
        static const char *const cases[][2] = {
                {"My work", "My_work"}, {"My work", "My_work_2"}, {"Mes cl\xc3\xa9s", "Mes_cl_s"},
                {"", "collection"},     {"***", "collection_2"},  {"session", "session_2"},
                {"  a  b  ", "a_b"},
        };
        Scratch s;

        scratch_new(&s);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const VaultCollection *c;

                CHECK_EQ(vault_collection_create(s.vault, s.root, cases[i][0], NULL, &c), 0);
                CHECK(strcmp(c->name, cases[i][1]) == 0);
                CHECK(strcmp(c->label, cases[i][0]) == 0);
                CHECK(vault_collection_by_name(s.vault, cases[i][1]) == c);
        }
        CHECK_EQ(vault_collection_create(s.vault, s.root, "\xff", NULL, &(const VaultCollection *){NULL}),
                 VAULT_E_INVALID);
        CHECK_EQ(vault_collection_create(s.vault, NULL, "x", NULL, &(const VaultCollection *){NULL}), VAULT_E_LOCKED);
        scratch_again(&s);
        CHECK(vault_collection_by_name(s.vault, "Mes_cl_s") && !tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(aliases)
{
        static char long_name[VAULT_ALIAS_MAX + 2];
        const VaultCollection *c;
        uint32_t no = 0;
        Scratch s;

        scratch_new(&s);
        memset(long_name, 'x', sizeof(long_name) - 1);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Other", NULL, &c), 0);
        CHECK_EQ(vault_alias_set(s.vault, "work", c->no), 0);
        CHECK_EQ(vault_alias_set(s.vault, "", c->no), VAULT_E_INVALID);
        CHECK_EQ(vault_alias_set(s.vault, "\xff", c->no), VAULT_E_INVALID);
        CHECK_EQ(vault_alias_set(s.vault, long_name, c->no), VAULT_E_LIMIT);
        CHECK_EQ(vault_alias_set(s.vault, "x", 99), VAULT_E_NOT_FOUND);
        CHECK(strcmp(vault_alias_nth(s.vault, 0, &no), "default") == 0 && no == 1);
        CHECK(strcmp(vault_alias_nth(s.vault, 1, &no), "work") == 0 && no == c->no);
        CHECK(!vault_alias_nth(s.vault, 2, &no));
        scratch_again(&s);
        CHECK_EQ(vault_alias_get(s.vault, "work"), no);
        CHECK_EQ(vault_alias_set(s.vault, "work", 0), 0);
        CHECK_EQ(vault_alias_get(s.vault, "work"), 0);
        CHECK_EQ(vault_alias_set(s.vault, "never", 0), 0);
        scratch_again(&s);
        CHECK_EQ(vault_alias_get(s.vault, "work"), 0);
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(the_log_is_checkpointed_when_idle)
{
        Scratch s;

        scratch_new(&s);
        CHECK(!vault_wants_checkpoint(s.vault));
        for (unsigned i = 0; i < 400 && !vault_wants_checkpoint(s.vault); i++)
                put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"a", "1"}, {"b", "2"}));
        CHECK(vault_wants_checkpoint(s.vault));
        CHECK_EQ(vault_idle(s.vault, vault_now()), 0);
        CHECK(!vault_wants_checkpoint(s.vault));
        put(s.vault, 1, "a", "1", false, NULL, NULL, 0);
        CHECK(s.vault->wal_frames < 50);
        scratch_done(&s);
}

TEST_MAIN
