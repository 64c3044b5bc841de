/*
 * Wholeness of classes: what is removed, swapped or rolled back shows, what is damaged answers so, and both are put in
 * order by a check; new keys for all of it
 */
#include "tests/unit/record-tools.h"

#define N_RECORDS 4

typedef struct Filled {
        Scratch s;
        uint64_t number[N_RECORDS]; /* the last one is deleted and restorable */
} Filled;

static VaultMark nth_mark(unsigned i)
{
        char name[8];

        (void)snprintf(name, sizeof(name), "m%u", i);
        return mark(2, name);
}

static void fill(Filled *f)
{
        scratch_new(&f->s);
        for (unsigned i = 0; i < N_RECORDS; i++) {
                char text[16];

                (void)snprintf(text, sizeof(text), "record %u", i);
                f->number[i] = make(f->s.vault, CLASS, text, MARKS(mark(1, "all"), nth_mark(i)));
        }
        CHECK_EQ(vault_record_delete(f->s.vault, CLASS, f->number[N_RECORDS - 1], true), 0);
        (void)make(f->s.vault, VAULT_CLASS_OTP, "of another class", MARKS(mark(1, "all")));
        (void)put(f->s.vault, 1, "item", "value", false, NULL, ATTRIBUTES({"a", "b"}));
}

/* As fill() left it. */
static void check_filled(Filled *f)
{
        uint64_t numbers[16];
        char got[256];
        size_t size;

        CHECK_EQ(n_records(f->s.vault, CLASS), N_RECORDS - 1);
        CHECK_EQ(found(f->s.vault, CLASS, mark(1, "all"), numbers), N_RECORDS - 1);
        for (unsigned i = 0; i < N_RECORDS - 1; i++) {
                char text[16];

                (void)snprintf(text, sizeof(text), "record %u", i);
                check_text(f->s.vault, CLASS, f->number[i], text);
                CHECK(found(f->s.vault, CLASS, nth_mark(i), numbers) == 1 && numbers[0] == f->number[i]);
        }
        CHECK_EQ(vault_record_get_deleted(f->s.vault, CLASS, f->number[N_RECORDS - 1], got, 255, &size), 0);
        CHECK(size == 8 && memcmp(got, "record 3", 8) == 0);
        check_in_order(f->s.vault);
}

/* ---- tampering ---- */

/* SQL that finds the class's records in `old` and its number in `no`. */
static void tamper_class(Filled *f, const char *sql)
{
        char all[2048];

        (void)snprintf(all, sizeof(all),
                       "CREATE TEMP TABLE no AS SELECT %u AS n; CREATE TEMP TABLE old AS SELECT * FROM item WHERE "
                       "id>>40=(SELECT n FROM no); %s",
                       CLASS_NO(CLASS), sql);
        scratch_close(&f->s);
        tamper(&f->s, all);
        scratch_open(&f->s);
        scratch_unlock(&f->s);
}

static void check_sql(const char *sql)
{
        uint64_t number, newest;
        Filled f;

        fill(&f);
        newest = f.number[N_RECORDS - 1];
        tamper_class(&f, sql);
        CHECK(vault_class_tampered(f.s.vault, CLASS));
        CHECK(report(f.s.vault, false).collections_tampered > 0);
        /* Reading and writing go on, and do not make it fit. */
        number = make(f.s.vault, CLASS, "later", MARKS(mark(1, "later")));
        CHECK(number > newest);
        scratch_again(&f.s);
        CHECK(vault_class_tampered(f.s.vault, CLASS));
        check_text(f.s.vault, CLASS, number, "later");

        CHECK(report(f.s.vault, true).collections_tampered > 0);
        CHECK(!vault_class_tampered(f.s.vault, CLASS) && !vault_class_tampered(f.s.vault, VAULT_CLASS_OTP));
        check_in_order(f.s.vault);
        scratch_again(&f.s);
        CHECK(!vault_class_tampered(f.s.vault, CLASS) && !vault_class_tampered(f.s.vault, VAULT_CLASS_OTP));
        CHECK(!tampered(f.s.vault, 1));
        check_in_order(f.s.vault);
        check_text(f.s.vault, CLASS, number, "later");
        CHECK(make(f.s.vault, CLASS, "last", NULL, 0) > number);
        scratch_again(&f.s);
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        scratch_done(&f.s);
}

#define OF_CLASS "id>>40=(SELECT n FROM no)"

TEST(records_taken_away)
{
        check_sql("DELETE FROM item WHERE id=(SELECT min(id) FROM old)");
        check_sql("DELETE FROM attr WHERE item>>40=(SELECT n FROM no); DELETE FROM item WHERE " OF_CLASS);
}

/* Without its records and its head it looks like a class that never had any, but the manifest knows. */
TEST(a_whole_class_taken_away)
{
#define ALL_OF_IT "DELETE FROM item WHERE " OF_CLASS "; DELETE FROM head WHERE collection=(SELECT n FROM no);"
        check_sql(ALL_OF_IT);
        check_sql(ALL_OF_IT "PRAGMA user_version=1");
        check_sql(ALL_OF_IT "DELETE FROM attr; UPDATE manifest SET mac=zeroblob(32)");
}

TEST(records_moved_about)
{
        check_sql("UPDATE item SET id=id+100 WHERE id=(SELECT max(id) FROM old)");
        check_sql("INSERT INTO item SELECT id+100,version,key,tag,box FROM old LIMIT 1");
        check_sql("UPDATE item SET version=version+1 WHERE id=(SELECT max(id) FROM old)");
        check_sql("UPDATE item SET tag=(SELECT tag FROM old WHERE old.id=item.id+1),"
                  "box=(SELECT box FROM old WHERE old.id=item.id+1) WHERE id=(SELECT min(id) FROM old)");
        /* A deleted one is authentic, and not what is there. */
        check_sql("INSERT INTO item SELECT item,version,key,tag,box FROM trash");
}

TEST(heads_that_are_not_theirs)
{
        check_sql("UPDATE head SET sealed=zeroblob(89) WHERE collection=(SELECT n FROM no)");
        check_sql("UPDATE head SET sealed=(SELECT sealed FROM head WHERE collection=1) WHERE collection=(SELECT n "
                  "FROM no)");
        check_sql("DELETE FROM head WHERE collection=(SELECT n FROM no)");
        check_sql("INSERT INTO head SELECT collection+1,modified,n,sealed FROM head WHERE collection=(SELECT n FROM "
                  "no)");
}

TEST(a_lost_head_hides_nothing)
{
        Filled f;

        fill(&f);
        tamper_class(&f, "UPDATE head SET sealed=zeroblob(89) WHERE collection=(SELECT n FROM no)");
        CHECK(vault_class_tampered(f.s.vault, CLASS) && !vault_class_tampered(f.s.vault, VAULT_CLASS_OTP));
        CHECK_EQ(report(f.s.vault, true).damaged, 0);
        check_filled(&f);
        scratch_done(&f.s);

        fill(&f);
        tamper_class(&f, "UPDATE head SET sealed=zeroblob(89) WHERE collection=(SELECT n FROM no)");
        CHECK_EQ(n_records(f.s.vault, CLASS), N_RECORDS - 1);
        scratch_done(&f.s);
}

TEST(a_record_of_before_put_back)
{
        Filled f;

        fill(&f);
        /* A copy of the row from before a change, as in an old copy of the file. */
        tamper_class(&f,
                     "DELETE FROM trash; INSERT INTO trash SELECT NULL,id,version,1,1,key,tag,box FROM old LIMIT 1");
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        CHECK_EQ(vault_record_update(f.s.vault, CLASS, f.number[0], "new content", 11), 0);
        tamper_class(&f, "REPLACE INTO item SELECT item,version,key,tag,box FROM trash");
        CHECK(vault_class_tampered(f.s.vault, CLASS) && !vault_class_tampered(f.s.vault, VAULT_CLASS_OTP));
        CHECK(!tampered(f.s.vault, 1));
        check_text(f.s.vault, CLASS, f.number[0], "record 0"); /* what it is, it was: reading goes on */
        scratch_done(&f.s);
}

/* ---- damage ---- */

static void count_found(void *userdata, ItemId id)
{
        unsigned *n = userdata;

        *n += VAULT_ID_CLASS(id) == CLASS;
}

TEST(a_damaged_record)
{
        uint64_t numbers[16];
        unsigned seen = 0;
        VaultReport got;
        char text[256];
        Filled f;

        fill(&f);
        tamper_class(&f, "UPDATE item SET box=zeroblob(length(box)) WHERE id=(SELECT min(id) FROM old)");
        CHECK(!vault_class_tampered(f.s.vault, CLASS)); /* the sum reads no box */
        CHECK_EQ(get(f.s.vault, CLASS, f.number[0], text), VAULT_E_DAMAGED);
        CHECK_EQ(vault_record_update(f.s.vault, CLASS, f.number[0], "x", 1), VAULT_E_DAMAGED);
        CHECK_EQ(vault_record_delete(f.s.vault, CLASS, f.number[0], true), VAULT_E_DAMAGED);
        check_text(f.s.vault, CLASS, f.number[1], "record 1");
        CHECK_EQ(found(f.s.vault, CLASS, mark(1, "all"), numbers), N_RECORDS - 1);

        CHECK_EQ(vault_check(f.s.vault, false, count_found, &seen, &got), 0);
        CHECK(got.damaged == 1 && got.records == N_RECORDS + 1 && got.collections_tampered == 0);
        CHECK_EQ(vault_check(f.s.vault, true, count_found, &seen, &got), 0);
        CHECK(got.damaged == 1 && seen == 2);
        CHECK_EQ(get(f.s.vault, CLASS, f.number[0], text), VAULT_E_NOT_FOUND);
        CHECK_EQ(n_records(f.s.vault, CLASS), N_RECORDS - 2);
        CHECK_EQ(n_deleted(f.s.vault, CLASS), 2);
        CHECK_EQ(vault_record_undelete(f.s.vault, CLASS, f.number[0]), VAULT_E_DAMAGED);
        scratch_again(&f.s);
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        CHECK_EQ(report(f.s.vault, false).damaged, 0);
        scratch_done(&f.s);
}

TEST(columns_of_another_type)
{
        static const char *const changes[] = {"tag='x'",    "tag=NULL", "box=5",     "box=NULL", "version='one'",
                                              "version=-1", "key=NULL", "key=key+1", "box=x''",  "tag=zeroblob(17)"};

        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                char sql[256], text[256];
                Filled f;

                fill(&f);
                (void)snprintf(sql, sizeof(sql), "UPDATE item SET %s WHERE id=(SELECT min(id) FROM old)", changes[i]);
                tamper_class(&f, sql);
                CHECK_EQ(get(f.s.vault, CLASS, f.number[0], text), VAULT_E_DAMAGED);
                check_text(f.s.vault, CLASS, f.number[1], "record 1");
                CHECK_EQ(report(f.s.vault, true).damaged, 1);
                check_in_order(f.s.vault);
                scratch_done(&f.s);
        }
}

TEST(marks_that_were_changed)
{
        uint64_t numbers[16];
        VaultReport got;
        Filled f;

        fill(&f);
        tamper_class(&f, "DELETE FROM attr WHERE item=(SELECT min(id) FROM old);"
                         "INSERT INTO attr SELECT token,item+50 FROM attr WHERE item=(SELECT max(id) FROM old);"
                         "INSERT INTO attr VALUES(randomblob(16),(SELECT max(id) FROM old))");
        got = report(f.s.vault, false);
        CHECK_EQ(got.index_missing, 2);
        CHECK_EQ(got.index_extra, 3);
        got = report(f.s.vault, true);
        CHECK_EQ(got.index_missing, 2);
        CHECK_EQ(got.index_extra, 3);
        check_filled(&f);
        CHECK_EQ(found(f.s.vault, VAULT_CLASS_OTP, mark(1, "all"), numbers), 1);
        scratch_done(&f.s);
}

/* ---- the key of a class ---- */

static SlotDraft *again(Vault *vault)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        SlotRequest request = {.kind = SLOT_NONE};
        SlotDraft *draft = NULL;

        CHECK_EQ(vault_slots(vault, &list), 0);
        CHECK_EQ(list.n, 1);
        CHECK_EQ(slot_prepare_again(list.slots[0], &request, &draft), 0);
        return draft;
}

/* Its records are lost, which is said; the rest works, and there is a way on. */
TEST(a_lost_key)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        VaultMark by = mark(1, "all");
        uint64_t number;
        char text[256];
        Filled f;

        fill(&f);
        tamper_class(&f, "UPDATE key SET sealed=zeroblob(72) WHERE purpose=2 AND owner=1");
        CHECK(vault_class_tampered(f.s.vault, CLASS));
        CHECK_EQ(get(f.s.vault, CLASS, f.number[0], text), VAULT_E_DAMAGED);
        CHECK_EQ(vault_record_create(f.s.vault, CLASS, &by, 1, "x", 1, &number), VAULT_E_DAMAGED);
        CHECK_EQ(n_records(f.s.vault, VAULT_CLASS_OTP), 1);
        draft = again(f.s.vault);
        CHECK_EQ(vault_rekey(f.s.vault, f.s.root, &draft, 1), VAULT_E_DAMAGED);
        CHECK_EQ(report(f.s.vault, true).damaged, N_RECORDS - 1);
        CHECK_EQ(vault_rekey(f.s.vault, f.s.root, &draft, 1), 0);
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        check_in_order(f.s.vault);
        CHECK(make(f.s.vault, CLASS, "new", MARKS(by)) > 0);
        (void)root_free(f.s.root);
        f.s.root = root_of(f.s.vault, 0);
        scratch_again(&f.s);
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        CHECK_EQ(n_records(f.s.vault, VAULT_CLASS_OTP), 1);
        scratch_done(&f.s);
}

TEST(rekeying)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        uint64_t numbers[16];
        uint8_t old[32], token[TOKEN_SIZE], new_token[TOKEN_SIZE];
        const VaultMark by = mark(1, "all");
        Filled f;

        fill(&f);
        memcpy(old, vault_class_key(f.s.vault, CLASS)->bytes, sizeof(old));
        mark_token(f.s.vault->classes + CLASS, &by, token);
        draft = again(f.s.vault);
        CHECK_EQ(vault_rekey(f.s.vault, f.s.root, &draft, 1), 0);
        CHECK(memcmp(old, vault_class_key(f.s.vault, CLASS)->bytes, sizeof(old)) != 0);
        mark_token(f.s.vault->classes + CLASS, &by, new_token);
        CHECK(memcmp(token, new_token, sizeof(token)) != 0);
        check_filled(&f);

        scratch_close(&f.s);
        scratch_open(&f.s);
        CHECK_EQ(vault_unlock(f.s.vault, f.s.root, 0), VAULT_E_DAMAGED);
        (void)root_free(f.s.root);
        f.s.root = root_of(f.s.vault, 0);
        scratch_unlock(&f.s);
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        check_filled(&f);
        CHECK_EQ(vault_record_undelete(f.s.vault, CLASS, f.number[N_RECORDS - 1]), 0);
        CHECK(found(f.s.vault, CLASS, by, numbers) == N_RECORDS && numbers[0] == f.number[N_RECORDS - 1]);
        CHECK(make(f.s.vault, CLASS, "later", NULL, 0) > f.number[N_RECORDS - 1]);
        scratch_again(&f.s);
        CHECK(!vault_class_tampered(f.s.vault, CLASS));
        check_in_order(f.s.vault);
        scratch_done(&f.s);
}

static int stop_once(void *userdata)
{
        int *left = userdata;

        return --*left == 0;
}

/* Wherever it stops, all is as it was: in memory, and in the file. */
TEST(rekeying_that_fails_midway)
{
        bool done = false;
        unsigned stopped = 0;
        Filled f;

        fill(&f);
        for (int at = 1; !done; at += 3) {
                _cleanup_(slot_draft_freep) SlotDraft *draft = again(f.s.vault);
                int left = at, r;

                sqlite3_progress_handler(f.s.vault->db, 20, stop_once, &left);
                r = vault_rekey(f.s.vault, f.s.root, &draft, 1);
                sqlite3_progress_handler(f.s.vault->db, 0, NULL, NULL);
                done = r == 0;
                if (!done) {
                        stopped++;
                        CHECK(!vault_batch_is_open(f.s.vault));
                        check_filled(&f);
                        scratch_again(&f.s);
                        CHECK(!vault_class_tampered(f.s.vault, CLASS));
                }
                if (!done)
                        check_filled(&f);
        }
        CHECK(stopped > 5);
        check_filled(&f);
        scratch_done(&f.s);
}

TEST_MAIN
