/* The trash: what was deleted or replaced comes back, for a while. */
#include <errno.h>

#include "tests/unit/vault-tools.h"

static TrashList trash_of(Vault *vault, uint32_t collection, size_t limit)
{
        TrashList list = {0};

        CHECK_EQ(vault_trash(vault, collection, limit, &list), 0);
        return list;
}

static int64_t rows(Vault *vault, const char *sql)
{
        int64_t n = -1;

        CHECK_EQ(db_pragma(vault->db, sql, &n), 0);
        return n;
}

TEST(a_deleted_item_comes_back_under_its_id)
{
        _cleanup_(trash_list_done) TrashList list = {0}, after = {0};
        _cleanup_(item_freep) Item *item = NULL;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        id = put(s.vault, 1, "label", "value", false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        scratch_again(&s);
        list = trash_of(s.vault, 0, 0);
        CHECK_EQ(list.n, 1);
        CHECK(list.entries[0].deleted && list.entries[0].removed > 0);
        CHECK(list.entries[0].item->id == id && !list.entries[0].item->value);
        CHECK(strcmp(list.entries[0].item->label, "label") == 0);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[0].item->version + 1), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[0].item->version), 0);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[0].item->version), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_item_get(s.vault, id, true, &item), 0);
        CHECK(strcmp((char *)item->value->data, "value") == 0);
        CHECK(item->created == list.entries[0].item->created && item->version > list.entries[0].item->version);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "1"})), 1);
        after = trash_of(s.vault, 0, 0);
        CHECK_EQ(after.n, 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(replaced_values_are_kept_and_change_places)
{
        _cleanup_(trash_list_done) TrashList list = {0}, after = {0};
        Scratch s;
        ItemId id;

        scratch_new(&s);
        id = put(s.vault, 1, "x", "first", true, NULL, ATTRIBUTES({"a", "1"}));
        CHECK(put(s.vault, 1, "x", "second", true, NULL, ATTRIBUTES({"a", "1"})) == id);
        CHECK_EQ(vault_item_update(s.vault, id, &(ItemChange){.label = "only the label"}), 0);
        CHECK_EQ(change_value(s.vault, id, "second"), 0); /* no change of the value */
        list = trash_of(s.vault, 1, 0);
        CHECK_EQ(list.n, 1);
        CHECK(!list.entries[0].deleted);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[0].item->version), 0);
        check_value(s.vault, id, "first");
        after = trash_of(s.vault, 1, 0);
        CHECK_EQ(after.n, 1);
        CHECK_EQ(vault_undelete(s.vault, id, after.entries[0].item->version), 0);
        check_value(s.vault, id, "second");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(an_item_keeps_a_bounded_number_of_old_values)
{
        _cleanup_(trash_list_done) TrashList list = {0}, some = {0};
        Scratch s;
        ItemId id, other;
        char value[16];

        scratch_new(&s);
        id = put(s.vault, 1, "x", "start", false, NULL, NULL, 0);
        other = put(s.vault, 1, "x", "start", false, NULL, NULL, 0);
        CHECK_EQ(change_value(s.vault, other, "end"), 0);
        for (unsigned i = 0; i < VAULT_RETENTION_USUAL.versions + 5; i++) {
                (void)snprintf(value, sizeof(value), "%u", i);
                CHECK_EQ(change_value(s.vault, id, value), 0);
        }
        list = trash_of(s.vault, 0, 0);
        CHECK_EQ(list.n, VAULT_RETENTION_USUAL.versions + 1);
        for (size_t i = 1; i + 1 < list.n; i++) /* newest first; the last is the other item's */
                CHECK(list.entries[i].item->version < list.entries[i - 1].item->version);
        CHECK(list.entries[list.n - 1].item->id == other);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[VAULT_RETENTION_USUAL.versions - 1].item->version), 0);
        check_value(s.vault, id, "4");
        some = trash_of(s.vault, 0, 3);
        CHECK_EQ(some.n, 3);
        scratch_done(&s);
}

TEST(a_large_old_value_comes_back)
{
        _cleanup_free_ char *big = malloc(300001);
        _cleanup_(trash_list_done) TrashList list = {0};
        Scratch s;
        ItemId id;

        CHECK(big);
        memset(big, 'b', 300000);
        big[300000] = 0;
        scratch_new(&s);
        id = put(s.vault, 1, "x", big, false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(change_value(s.vault, id, "small"), 0);
        list = trash_of(s.vault, 0, 0);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[0].item->version), 0);
        check_value(s.vault, id, big);
        scratch_done(&s);
}

TEST(the_trash_is_emptied_when_its_time_is_over_and_only_while_unlocked)
{
        uint64_t now = vault_now();
        Scratch s;
        ItemId id;

        scratch_new(&s);
        for (unsigned i = 0; i < 300; i++) {
                id = put(s.vault, 1, "x", "v", false, NULL, NULL, 0);
                CHECK_EQ(vault_item_delete(s.vault, id), 0);
        }
        CHECK_EQ(vault_idle(s.vault, now + VAULT_TRASH_SECONDS - 100), 0);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM trash"), 300);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_idle(s.vault, now + VAULT_TRASH_SECONDS + 100), 0);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM trash"), 300);
        scratch_unlock(&s);
        CHECK_EQ(vault_idle(s.vault, now + VAULT_TRASH_SECONDS + 100), 0);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM trash"), 300 - 256);
        CHECK_EQ(vault_idle(s.vault, now + VAULT_TRASH_SECONDS + 100), 0);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM trash"), 0);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_deleted_collection_comes_back_whole)
{
        const VaultCollection *c;
        uint32_t no;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Work", NULL, &c), 0);
        no = c->no;
        CHECK_EQ(vault_alias_set(s.vault, "work", no), 0);
        id = put(s.vault, no, "x", "v", false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(vault_collection_delete(s.vault, no), 0);
        CHECK_EQ(vault_collection_delete(s.vault, no), VAULT_E_NOT_FOUND);
        for (unsigned round = 0; round < 2; round++) {
                CHECK(!vault_collection_get(s.vault, no) && !vault_collection_by_name(s.vault, "Work"));
                CHECK_EQ(vault_alias_get(s.vault, "work"), 0);
                CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "1"})), 0);
                CHECK_EQ(count(s.vault, NULL, NULL, 0), 0);
                CHECK_EQ(vault_item_get(s.vault, id, true, &(Item *){NULL}), VAULT_E_NOT_FOUND);
                CHECK_EQ(vault_item_create(s.vault, no, &(ItemChange){0}, false, &(ItemId){0}, NULL),
                         VAULT_E_NOT_FOUND);
                c = vault_collection_next_deleted(s.vault, NULL);
                CHECK(c && c->no == no && !vault_collection_next_deleted(s.vault, c));
                scratch_again(&s);
        }
        /* Its name stays taken, so that it can come back. */
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Work", NULL, &c), 0);
        CHECK(strcmp(c->name, "Work_2") == 0 && c->no > no);
        CHECK_EQ(vault_collection_undelete(s.vault, no), 0);
        CHECK_EQ(vault_collection_undelete(s.vault, no), VAULT_E_NOT_FOUND);
        check_value(s.vault, id, "v");
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "1"})), 1);
        scratch_again(&s);
        CHECK(!tampered(s.vault, no));
        scratch_done(&s);
}

TEST(a_deleted_collection_is_purged_in_slices)
{
        const VaultCollection *c;
        uint64_t later = vault_now() + VAULT_TRASH_SECONDS + 100;
        uint32_t no;
        Scratch s;
        ItemId id = 0, kept;

        scratch_new(&s);
        kept = put(s.vault, 1, "x", "kept", false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Work", NULL, &c), 0);
        no = c->no;
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        for (unsigned i = 0; i < 300; i++)
                id = put(s.vault, no, "x", "v", false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(change_value(s.vault, id, "w"), 0);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK_EQ(vault_collection_delete(s.vault, no), 0);
        CHECK_EQ(vault_idle(s.vault, later), 0);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM item"), 301 - 256);
        CHECK(vault_collection_next_deleted(s.vault, NULL));
        CHECK_EQ(vault_idle(s.vault, later), 0);
        CHECK(!vault_collection_next_deleted(s.vault, NULL));
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM item"), 1);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM attr"), 3);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM trash"), 0);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM head"), 1);
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM collection"), 1);
        CHECK_EQ(vault_collection_undelete(s.vault, no), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "New", NULL, &c), 0);
        CHECK(c->no > no);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_value(s.vault, kept, "kept");
        check_in_order(s.vault);
        scratch_done(&s);
}

static size_t n_versions(Vault *vault, ItemId id)
{
        _cleanup_(trash_list_done) TrashList list = {0};

        CHECK_EQ(vault_history(vault, id, &list), 0);
        return list.n;
}

TEST(history_has_the_values_of_one_item)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        uint64_t used;
        Scratch s;
        ItemId id, other;
        char value[16];

        scratch_new(&s);
        id = put(s.vault, 1, "x", "0", true, NULL, ATTRIBUTES({"a", "1"}));
        other = put(s.vault, 1, "y", "other", true, NULL, ATTRIBUTES({"a", "2"}));
        CHECK_EQ(change_value(s.vault, other, "changed"), 0);
        for (unsigned i = 1; i < 4; i++) {
                (void)snprintf(value, sizeof(value), "%u", i);
                CHECK_EQ(change_value(s.vault, id, value), 0);
        }
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        CHECK_EQ(vault_history(s.vault, id, &list), 0);
        CHECK_EQ(list.n, 4);
        used = vault_used(s.vault);
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_(item_freep) Item *item = NULL;

                CHECK(list.entries[i].deleted == (i == 0));
                CHECK_EQ(vault_history_get(s.vault, id, list.entries[i].item->version, &item), 0);
                CHECK_EQ(item->value->data[0], (unsigned char)('3' - i));
                CHECK_EQ(item->version, list.entries[i].item->version);
        }
        CHECK(vault_used(s.vault) > used); /* a value was read */
        {
                Item *item = NULL;

                CHECK_EQ(vault_history_get(s.vault, id, 9999, &item), VAULT_E_NOT_FOUND);
                vault_lock(s.vault, 0);
                CHECK_EQ(vault_history_get(s.vault, id, 1, &item), VAULT_E_LOCKED);
                CHECK_EQ(vault_history(s.vault, id, &list), VAULT_E_LOCKED);
        }
        scratch_done(&s);
}

/* As many are kept as fit, and what comes back makes room for what it takes the place of. */
TEST(bringing_a_value_back_costs_none_of_the_others)
{
        _cleanup_(trash_list_done) TrashList list = {0}, after = {0};
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 30, .versions = 2}), 0);
        id = put(s.vault, 1, "x", "first", false, NULL, NULL, 0);
        CHECK_EQ(change_value(s.vault, id, "second"), 0);
        CHECK_EQ(change_value(s.vault, id, "third"), 0);
        list = trash_of(s.vault, 1, 0);
        CHECK_EQ(list.n, 2);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[0].item->version), 0);
        check_value(s.vault, id, "second");
        after = trash_of(s.vault, 1, 0);
        CHECK_EQ(after.n, 2);
        CHECK_EQ(vault_undelete(s.vault, id, list.entries[1].item->version), 0);
        check_value(s.vault, id, "first");
        check_in_order(s.vault);
        scratch_done(&s);
}

/* A clock that was far ahead for a while, as one without a battery may be, must not keep what went by a right one. */
TEST(what_went_by_a_clock_that_was_ahead_holds_up_nothing)
{
        uint64_t now = vault_now();
        Scratch s;
        ItemId early, late;

        scratch_new(&s);
        early = put(s.vault, 1, "x", "v", false, NULL, NULL, 0);
        late = put(s.vault, 1, "y", "v", false, NULL, NULL, 0);
        CHECK_EQ(vault_item_delete(s.vault, early), 0);
        for (unsigned i = 0; i < 300; i++) {
                ItemId id = put(s.vault, 1, "x", "v", false, NULL, NULL, 0);

                CHECK_EQ(vault_item_delete(s.vault, id), 0);
        }
        scratch_close(&s);
        tamper(&s, "UPDATE trash SET removed=removed+3000000000");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(vault_item_delete(s.vault, late), 0);
        CHECK_EQ(n_versions(s.vault, late), 1);
        CHECK_EQ(vault_idle(s.vault, now + VAULT_TRASH_SECONDS + 100), 0);
        CHECK_EQ(n_versions(s.vault, late), 0);
        CHECK_EQ(n_versions(s.vault, early), 1);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(retention_is_the_owners)
{
        const VaultMark mark = {.kind = 1};
        VaultDeleted deleted[4];
        uint64_t number;
        size_t n;
        Scratch s;
        ItemId id, gone;
        char value[16];

        scratch_new(&s);
        CHECK_EQ(vault_retention(s.vault).days, 30);
        CHECK_EQ(vault_retention(s.vault).versions, 8);
        CHECK_EQ(vault_record_create(s.vault, VAULT_CLASS_PASSKEYS, &mark, 1, "key", 3, &number), 0);
        CHECK_EQ(vault_record_delete(s.vault, VAULT_CLASS_PASSKEYS, number, true), 0);
        id = put(s.vault, 1, "x", "first", true, NULL, ATTRIBUTES({"a", "1"}));
        gone = put(s.vault, 1, "y", "gone", true, NULL, ATTRIBUTES({"a", "2"}));
        CHECK_EQ(vault_item_delete(s.vault, gone), 0);

        /* More of them; and after opening it again, too. */
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 400, .versions = 20}), 0);
        scratch_again(&s);
        CHECK_EQ(vault_retention(s.vault).days, 400);
        for (unsigned i = 0; i < 30; i++) {
                (void)snprintf(value, sizeof(value), "%u", i);
                CHECK_EQ(change_value(s.vault, id, value), 0);
        }
        CHECK_EQ(n_versions(s.vault, id), 20);
        CHECK_EQ(vault_idle(s.vault, vault_now() + 399 * 86400), 0);
        CHECK_EQ(n_versions(s.vault, id), 20);
        CHECK_EQ(n_versions(s.vault, gone), 1);

        /* A class's records have their own time, whatever lies before them. */
        CHECK_EQ(vault_record_deleted(s.vault, VAULT_CLASS_PASSKEYS, UINT64_MAX, deleted, 4, &n), 0);
        CHECK_EQ(n, 0);

        /* Fewer, at once: the newest stay. */
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 400, .versions = 3}), 0);
        CHECK_EQ(n_versions(s.vault, id), 3);
        CHECK_EQ(n_versions(s.vault, gone), 1);
        check_value(s.vault, id, "29");
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 400, .versions = 0}), 0);
        CHECK_EQ(n_versions(s.vault, id), 0);
        CHECK_EQ(change_value(s.vault, id, "another"), 0);
        CHECK_EQ(n_versions(s.vault, id), 0);
        CHECK_EQ(n_versions(s.vault, gone), 1);
        CHECK_EQ(vault_record_create(s.vault, VAULT_CLASS_PASSKEYS, &mark, 1, "key", 3, &number), 0);
        CHECK_EQ(vault_record_delete(s.vault, VAULT_CLASS_PASSKEYS, number, true), 0);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 0, .versions = 8}), 0);
        CHECK_EQ(n_versions(s.vault, gone), 0);
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        CHECK_EQ(n_versions(s.vault, id), 0);
        CHECK_EQ(vault_record_deleted(s.vault, VAULT_CLASS_PASSKEYS, UINT64_MAX, deleted, 4, &n), 0);
        CHECK_EQ(n, 1);

        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 36526, .versions = 8}), VAULT_E_INVALID);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 1, .versions = 1001}), VAULT_E_INVALID);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_set_retention(s.vault, VAULT_RETENTION_USUAL), -EBUSY);
        vault_batch_rollback(s.vault);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_set_retention(s.vault, VAULT_RETENTION_USUAL), VAULT_E_LOCKED);
        scratch_close(&s);
        tamper(&s, "UPDATE meta SET value=x'FFFFFFFFFFFFFFFF' WHERE name='retention'");
        scratch_open(&s);
        CHECK_EQ(vault_retention(s.vault).days, 30);
        scratch_done(&s);
}

/* What lies there with a time that is to come, too: the clock may have been ahead when it was deleted. */
TEST(what_is_not_covered_any_more_goes_at_once)
{
        const VaultCollection *c;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        for (unsigned i = 0; i < 600; i++)
                (void)put(s.vault, c->no, "x", "value", false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK_EQ(vault_collection_delete(s.vault, c->no), 0);
        id = put(s.vault, 1, "y", "gone", true, NULL, ATTRIBUTES({"a", "2"}));
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        scratch_close(&s);
        tamper(&s, "UPDATE trash SET removed=removed+86400");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 1, .versions = 8}), 0);
        CHECK(vault_collection_next_deleted(s.vault, NULL));
        CHECK_EQ(n_versions(s.vault, id), 1);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 0, .versions = 8}), 0);
        CHECK(!vault_collection_next_deleted(s.vault, NULL));
        CHECK_EQ(n_versions(s.vault, id), 0);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_damaged_record_is_set_aside_whatever_is_kept)
{
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){0}), 0);
        id = put(s.vault, 1, "x", "first", true, NULL, ATTRIBUTES({"a", "1"}));
        scratch_close(&s);
        tamper(&s, "UPDATE item SET box=zeroblob(length(box))");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(report(s.vault, true).damaged, 1);
        CHECK(!vault_item_exists(s.vault, id));
        CHECK_EQ(rows(s.vault, "SELECT count(*) FROM trash"), 1);
        scratch_done(&s);
}

/* The list of collections, and it alone, asks for this column. */
static int no_list(void *userdata, int what, const char *a, const char *b, const char *c, const char *d)
{
        return what == SQLITE_READ && strcmp(a, "head") == 0 && strcmp(b, "n") == 0 ? SQLITE_DENY : SQLITE_OK;
}

/* What is in the file no more must not be in memory: undeleted from there, it would be a collection without a key. */
TEST(a_purged_collection_is_gone_though_the_list_cannot_be_read)
{
        const VaultCollection *c;
        Scratch s;
        uint32_t no;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Old", NULL, &c), 0);
        no = c->no;
        put(s.vault, no, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(vault_collection_delete(s.vault, no), 0);
        CHECK_EQ(sqlite3_set_authorizer(s.vault->db, no_list, NULL), SQLITE_OK);
        (void)vault_idle(s.vault, vault_now() + 10 * (uint64_t)365 * 24 * 3600);
        CHECK_EQ(sqlite3_set_authorizer(s.vault->db, NULL, NULL), SQLITE_OK);
        CHECK_EQ(vault_collection_undelete(s.vault, no), VAULT_E_NOT_FOUND);
        scratch_again(&s);
        check_in_order(s.vault);
        scratch_done(&s);
}

static int no_head_goes(void *userdata, int what, const char *a, const char *b, const char *c, const char *d)
{
        return what == SQLITE_DELETE && strcmp(a, "head") == 0 ? SQLITE_DENY : SQLITE_OK;
}

/* All but the first statement that takes rows from the trash: that is setting the retention, and then comes purging. */
static int no_purge(void *userdata, int what, const char *a, const char *b, const char *c, const char *d)
{
        unsigned *n = userdata;

        return what == SQLITE_DELETE && strcmp(a, "trash") == 0 && (*n)++ > 0 ? SQLITE_DENY : SQLITE_OK;
}

TEST(a_retention_that_is_set_is_set_though_purging_fails)
{
        unsigned n = 0;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        id = put(s.vault, 1, "x", "v", false, NULL, NULL, 0);
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        CHECK_EQ(sqlite3_set_authorizer(s.vault->db, no_purge, &n), SQLITE_OK);
        CHECK_EQ(vault_set_retention(s.vault, (VaultRetention){.days = 0, .versions = 8}), 0);
        CHECK(n > 1);
        CHECK_EQ(vault_retention(s.vault).days, 0);
        CHECK_EQ(n_versions(s.vault, id), 1);
        CHECK_EQ(sqlite3_set_authorizer(s.vault->db, NULL, NULL), SQLITE_OK);
        CHECK_EQ(vault_idle(s.vault, vault_now()), 0);
        CHECK_EQ(n_versions(s.vault, id), 0);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_purge_that_fails_leaves_the_collection_as_it_was)
{
        const VaultCollection *c;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Old", NULL, &c), 0);
        id = put(s.vault, c->no, "a", "1", false, NULL, NULL, 0);
        CHECK_EQ(vault_collection_delete(s.vault, c->no), 0);
        CHECK_EQ(sqlite3_set_authorizer(s.vault->db, no_head_goes, NULL), SQLITE_OK);
        CHECK(vault_idle(s.vault, vault_now() + 10 * (uint64_t)365 * 24 * 3600) != 0);
        CHECK_EQ(sqlite3_set_authorizer(s.vault->db, NULL, NULL), SQLITE_OK);
        CHECK_EQ(vault_collection_undelete(s.vault, ITEM_ID_COLLECTION(id)), 0);
        CHECK_EQ(c->n_items, 1);
        put(s.vault, c->no, "b", "2", false, NULL, NULL, 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, ITEM_ID_COLLECTION(id)));
        check_value(s.vault, id, "1");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_purged_collection_leaves_no_index_behind)
{
        const char *ways[] = {NULL, "UPDATE item SET box=x'00' WHERE id>>40=2"};

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                _cleanup_(slot_draft_freep) SlotDraft *own = draft_none();
                const VaultCollection *c;
                Scratch s;

                scratch_new(&s);
                put(s.vault, 1, "x", "kept", false, NULL, ATTRIBUTES({"a", "1"}));
                CHECK_EQ(vault_collection_create(s.vault, s.root, "Work", ways[i] ? NULL : own, &c), 0);
                put(s.vault, c->no, "x", "v", false, NULL, ATTRIBUTES({"a", "1"}));
                CHECK_EQ(vault_collection_delete(s.vault, c->no), 0);
                scratch_close(&s);
                if (ways[i])
                        tamper(&s, ways[i]);
                scratch_open(&s);
                scratch_unlock(&s);
                CHECK_EQ(vault_idle(s.vault, vault_now() + VAULT_TRASH_SECONDS + 100), 0);
                CHECK(!vault_collection_next_deleted(s.vault, NULL));
                CHECK_EQ(rows(s.vault, "SELECT count(*) FROM attr"), 3);
                check_in_order(s.vault);
                scratch_done(&s);
        }
}

TEST(lists_come_in_pieces)
{
        _cleanup_(trash_list_done) TrashList all = {0};
        Scratch s;

        scratch_new(&s);
        for (unsigned i = 0; i < 20; i++) {
                char number[16];
                ItemId id;

                (void)snprintf(number, sizeof(number), "%u", i);
                id = put(s.vault, 1, number, "v", false, NULL, ATTRIBUTES({"n", number}));
                CHECK_EQ(vault_item_delete(s.vault, id), 0);
        }
        CHECK_EQ(vault_trash(s.vault, 0, 0, &all), 0);
        CHECK_EQ(all.n, 20);
        for (size_t limit = 1; limit < 22; limit++) {
                uint64_t before = UINT64_MAX;
                size_t found = 0;

                while (before != 0) {
                        _cleanup_(trash_list_done) TrashList some = {0};

                        CHECK_EQ(vault_trash_next(s.vault, limit % 2, &before, limit, &some), 0);
                        CHECK(some.n == limit || before == 0);
                        for (size_t i = 0; i < some.n; i++, found++)
                                CHECK(found < all.n && some.entries[i].item->id == all.entries[found].item->id);
                }
                CHECK_EQ(found, 20);
        }
        scratch_done(&s);
}

TEST_MAIN
