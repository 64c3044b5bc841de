/* Wholeness: what somebody with the file can do to a vault shows when it is unlocked, until the user accepts it. */
#include "tests/unit/vault-tools.h"

/* Three items, n_items and attributes as below. */
static void scratch_filled(Scratch *s, ItemId ret[3])
{
        scratch_new(s);
        ret[0] = put(s->vault, 1, "zero", "0", false, NULL, ATTRIBUTES({"k", "0"}, {"all", "x"}));
        ret[1] = put(s->vault, 1, "one", "1", false, NULL, ATTRIBUTES({"k", "1"}, {"all", "x"}));
        ret[2] = put(s->vault, 1, "two", "2", false, NULL, ATTRIBUTES({"k", "2"}, {"all", "x"}));
}

/* The collection stays tampered over writes and restarts, until accepted; then all is in order. */
static void check_tampered_until_accepted(Scratch *s)
{
        ItemId id;

        scratch_open(s);
        scratch_unlock(s);
        CHECK(tampered(s->vault, 1));
        CHECK(report(s->vault, false).collections_tampered > 0);
        id = put(s->vault, 1, "later", "l", false, NULL, ATTRIBUTES({"later", "1"}));
        CHECK_EQ(vault_alias_set(s->vault, "later", 1), 0);
        scratch_again(s);
        CHECK(tampered(s->vault, 1));
        check_value(s->vault, id, "l");
        CHECK(report(s->vault, true).collections_tampered > 0);
        CHECK(!tampered(s->vault, 1));
        check_in_order(s->vault);
        scratch_again(s);
        CHECK(!tampered(s->vault, 1));
        check_in_order(s->vault);
        check_value(s->vault, id, "l");
        CHECK(put(s->vault, 1, "x", "x", false, NULL, NULL, 0) > id);
        scratch_again(s);
        CHECK(!tampered(s->vault, 1));
}

static void check_sql(const char *sql)
{
        ItemId ids[3];
        Scratch s;

        scratch_filled(&s, ids);
        scratch_close(&s);
        tamper(&s, sql);
        check_tampered_until_accepted(&s);
        scratch_done(&s);
}

TEST(a_deleted_row)
{
        check_sql("DELETE FROM item WHERE id=(SELECT min(id) FROM item)");
}

TEST(every_row_deleted_with_its_index)
{
        check_sql("DELETE FROM item; DELETE FROM attr");
}

TEST(swapped_boxes)
{
        check_sql("CREATE TEMP TABLE t AS SELECT * FROM item;"
                  "UPDATE item SET tag=(SELECT tag FROM t WHERE t.id=item.id+1),box=(SELECT box FROM t WHERE "
                  "t.id=item.id+1) "
                  "WHERE id=(SELECT min(id) FROM t)");
}

TEST(a_row_under_another_id)
{
        check_sql("UPDATE item SET id=id+100 WHERE id=(SELECT max(id) FROM item)");
}

TEST(a_copied_row)
{
        check_sql("INSERT INTO item SELECT id+100,version,key,tag,box FROM item LIMIT 1");
}

TEST(another_version)
{
        check_sql("UPDATE item SET version=version+1 WHERE id=(SELECT max(id) FROM item)");
}

TEST(a_head_that_is_not_one)
{
        check_sql("UPDATE head SET sealed=zeroblob(89)");
        check_sql("UPDATE head SET sealed='short'");
        check_sql("DELETE FROM head");
}

TEST(labels_aliases_and_names)
{
        check_sql("UPDATE collection SET label='Evil'");
        check_sql("UPDATE collection SET name='Evil'");
        check_sql("UPDATE collection SET name='not/a/name', label=x'ff'");
        check_sql("UPDATE collection SET created=created+1");
        check_sql("INSERT INTO alias VALUES('evil',1)");
        check_sql("DELETE FROM alias");
        check_sql("UPDATE slot SET label='Evil'");
        check_sql("UPDATE meta SET value=x'09000000' WHERE name='next-collection'");
        check_sql("DELETE FROM manifest");
        check_sql("UPDATE manifest SET mac=zeroblob(32)");
        check_sql("INSERT INTO collection VALUES(9,'Fake','Fake',1,0,0)");
        check_sql("INSERT INTO slot SELECT randomblob(16),scope,kind,label,created,used,params,wrapped FROM slot");
}

TEST(the_index_key)
{
        check_sql("UPDATE meta SET value=zeroblob(32) WHERE name='index-key'");
}

TEST(the_manifest_key)
{
        check_sql("UPDATE key SET sealed=zeroblob(72) WHERE purpose=3");
        check_sql("DELETE FROM key WHERE purpose=3");
}

/* An old record with its tag is authentic, and still not the current one. */
TEST(an_old_record_put_back)
{
        ItemId ids[3];
        Scratch s;

        scratch_filled(&s, ids);
        scratch_close(&s);
        tamper(&s, "CREATE TABLE old AS SELECT * FROM item");
        /* The extra table is noticed by itself; it must be gone before the vault is opened. */
        {
                Vault *vault = NULL;

                CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_DAMAGED);
        }
        {
                char copy[80], command[200];

                (void)snprintf(copy, sizeof(copy), "%s/old.db", s.dir);
                (void)snprintf(command, sizeof(command), "cp %s %s", s.path, copy);
                CHECK_EQ(system(command), 0);
                tamper(&s, "DROP TABLE old");
                scratch_open(&s);
                scratch_unlock(&s);
                CHECK_EQ(change_value(s.vault, ids[1], "new"), 0);
                scratch_close(&s);
                (void)snprintf(command, sizeof(command),
                               "ATTACH '%s' AS o; REPLACE INTO item SELECT * FROM o.old WHERE id=%llu", copy,
                               (unsigned long long)ids[1]);
                tamper(&s, command);
                (void)unlink(copy);
        }
        check_tampered_until_accepted(&s);
        check_value(s.vault, ids[1], "1");
        scratch_done(&s);
}

static ItemId found_id;
static unsigned found_n;

static void note(void *userdata, ItemId id)
{
        CHECK(userdata == &found_id);
        found_id = id;
        found_n++;
}

TEST(one_damaged_record_costs_that_record)
{
        VaultReport got;
        ItemId ids[3];
        Scratch s;

        scratch_filled(&s, ids);
        scratch_close(&s);
        tamper(&s, "UPDATE item SET box=zeroblob(length(box)) WHERE id=(1<<40|2)");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1)); /* its tag is there; the content is not */
        check_value(s.vault, ids[0], "0");
        check_value(s.vault, ids[2], "2");
        CHECK_EQ(vault_item_get(s.vault, ids[1], true, &(Item *){NULL}), VAULT_E_DAMAGED);
        CHECK_EQ(vault_item_get(s.vault, ids[1], true, &(Item *){NULL}), VAULT_E_DAMAGED);
        CHECK_EQ(change_value(s.vault, ids[1], "x"), VAULT_E_DAMAGED);
        CHECK_EQ(vault_item_delete(s.vault, ids[1]), VAULT_E_DAMAGED);
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_damaged, 1);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"all", "x"})), 2);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"k", "1"})), 0);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0};

                /* A miss because of damage does not look like one that is none. */
                CHECK_EQ(vault_search(s.vault, 0, ATTRIBUTES({"k", i ? "1" : "0"}), 0, &open, &closed), 0);
                CHECK(open.damaged == (i == 1) && open.n == (i == 0));
        }

        CHECK_EQ(vault_check(s.vault, false, note, &found_id, &got), 0);
        CHECK_EQ(got.records, 3);
        CHECK_EQ(got.damaged, 1);
        CHECK(found_n == 1 && found_id == ids[1]);
        CHECK_EQ(vault_check(s.vault, true, note, &found_id, &got), 0);
        CHECK(found_n == 2);
        CHECK_EQ(vault_item_get(s.vault, ids[1], true, &(Item *){NULL}), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 2);
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_damaged, 0);
        check_in_order(s.vault);
        {
                _cleanup_(trash_list_done) TrashList trash = {0};

                CHECK_EQ(vault_trash(s.vault, 0, 0, &trash), 0);
                CHECK_EQ(trash.n, 0); /* kept, but there is nothing to show */
        }
        CHECK_EQ(vault_undelete(s.vault, ids[1], 2), VAULT_E_DAMAGED);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(a_missing_index_row_is_put_back)
{
        ItemId ids[3];
        Scratch s;

        scratch_filled(&s, ids);
        scratch_close(&s);
        tamper(&s, "DELETE FROM attr WHERE item=(1<<40|2)");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"k", "1"})), 0);
        CHECK_EQ(report(s.vault, false).index_missing, 4);
        CHECK_EQ(report(s.vault, true).index_missing, 4);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"k", "1"})), 1);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_damaged_collection_key_leaves_the_others)
{
        const VaultCollection *c;
        ItemId ids[3], other;
        Scratch s;

        scratch_filled(&s, ids);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Other", NULL, &c), 0);
        other = put(s.vault, c->no, "x", "v", false, NULL, NULL, 0);
        scratch_close(&s);
        tamper(&s, "UPDATE key SET sealed=zeroblob(72) WHERE purpose=1 AND owner=1");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK(vault_collection_get(s.vault, 1)->locked && tampered(s.vault, 1));
        CHECK_EQ(vault_unlock(s.vault, s.root, 1), VAULT_E_DAMAGED);
        check_value(s.vault, other, "v");
        scratch_done(&s);
}

TEST(a_schema_that_is_not_ours_is_refused)
{
        static const char *const cases[] = {
                "CREATE TABLE extra(x)",
                "CREATE INDEX extra ON item(version)",
                "CREATE TRIGGER t AFTER INSERT ON item BEGIN DELETE FROM item; END",
                "CREATE VIEW v AS SELECT * FROM item",
                "DROP TABLE trash",
                "PRAGMA application_id=1",
                "PRAGMA user_version=0",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Vault *vault = NULL;
                Scratch s;

                scratch_new(&s);
                scratch_close(&s);
                tamper(&s, cases[i]);
                CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_DAMAGED);
                CHECK(!vault);
                tamper(&s, "PRAGMA user_version=1000; PRAGMA application_id=0x4b464f42");
                CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_TOO_NEW);
                scratch_done(&s);
        }
}

TEST_MAIN
