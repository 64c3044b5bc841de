/*
 * Records of classes: found by marks, counted, deleted and brought back
 */
#include "tests/unit/record-tools.h"

#define MANY 10000U

TEST(a_record_lives)
{
        const VaultMark site = mark(1, "example.org"), user = mark(2, "alice"), other = mark(2, "example.org");
        uint64_t numbers[16], a, b;
        char got[256];
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(n_records(s.vault, CLASS), 0);
        CHECK_EQ(found(s.vault, CLASS, site, numbers), 0);
        a = make(s.vault, CLASS, "first", MARKS(site, user));
        b = make(s.vault, CLASS, "second", MARKS(site));
        CHECK(b > a);
        CHECK_EQ(n_records(s.vault, CLASS), 2);
        CHECK(found(s.vault, CLASS, site, numbers) == 2 && numbers[0] == b && numbers[1] == a);
        CHECK(found(s.vault, CLASS, user, numbers) == 1 && numbers[0] == a);
        /* The kind is part of a mark, and the class is part of everything. */
        CHECK_EQ(found(s.vault, CLASS, other, numbers), 0);
        CHECK_EQ(found(s.vault, VAULT_CLASS_SSH, site, numbers), 0);
        CHECK_EQ(get(s.vault, VAULT_CLASS_SSH, a, got), VAULT_E_NOT_FOUND);

        CHECK_EQ(vault_record_update(s.vault, CLASS, a, "changed", 7), 0);
        check_text(s.vault, CLASS, a, "changed");
        CHECK(found(s.vault, CLASS, site, numbers) == 2 && numbers[1] == a);
        CHECK_EQ(n_deleted(s.vault, CLASS), 0);
        check_in_order(s.vault);

        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, CLASS));
        check_text(s.vault, CLASS, a, "changed");
        check_text(s.vault, CLASS, b, "second");
        CHECK_EQ(vault_record_delete(s.vault, CLASS, a, false), 0);
        CHECK_EQ(get(s.vault, CLASS, a, got), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_update(s.vault, CLASS, a, "x", 1), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_delete(s.vault, CLASS, a, false), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, a), VAULT_E_NOT_FOUND);
        CHECK_EQ(n_records(s.vault, CLASS), 1);
        CHECK(found(s.vault, CLASS, site, numbers) == 1 && numbers[0] == b);
        CHECK_EQ(found(s.vault, CLASS, user, numbers), 0);
        CHECK(make(s.vault, CLASS, "third", NULL, 0) > b);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* All of a class, page by page, and nobody else's. */
TEST(records_are_listed)
{
        uint64_t made[10], numbers[16], before = UINT64_MAX;
        size_t n, seen = 0;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_record_list(s.vault, CLASS, UINT64_MAX, numbers, 16, &n), 0);
        CHECK_EQ(n, 0);
        for (size_t i = 0; i < ELEMENTSOF(made); i++) {
                made[i] = make(s.vault, CLASS, "record", NULL, 0);
                (void)make(s.vault, VAULT_CLASS_SSH, "another", NULL, 0);
                (void)make(s.vault, VAULT_CLASS_OTP, "another", NULL, 0);
        }
        do {
                CHECK_EQ(vault_record_list(s.vault, CLASS, before, numbers, 3, &n), 0);
                for (size_t i = 0; i < n; i++)
                        CHECK_EQ(numbers[i], made[ELEMENTSOF(made) - ++seen]);
                before = n > 0 ? numbers[n - 1] : 0;
        } while (n > 0);
        CHECK_EQ(seen, ELEMENTSOF(made));
        CHECK_EQ(vault_record_list(s.vault, CLASS, 0, numbers, 16, &n), 0);
        CHECK_EQ(n, 0);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_record_list(s.vault, CLASS, UINT64_MAX, numbers, 16, &n), VAULT_E_LOCKED);
        scratch_done(&s);
}

/* Nothing that takes items or collections reaches a class. */
TEST(the_secret_service_sees_nothing)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0}, ids = {0};
        _cleanup_(trash_list_done) TrashList trash = {0};
        _cleanup_(item_freep) Item *item = NULL;
        uint64_t number;
        ItemId id;
        Scratch s;

        scratch_new(&s);
        number = make(s.vault, CLASS, "secret", MARKS(mark(1, "x")));
        CHECK_EQ(vault_record_delete(s.vault, CLASS, make(s.vault, CLASS, "gone", NULL, 0), true), 0);
        id = ITEM_ID(CLASS_NO(CLASS), number);
        CHECK_EQ(vault_search(s.vault, 0, NULL, 0, 0, &open, &closed), 0);
        CHECK_EQ(open.n + closed.n, 0);
        CHECK_EQ(vault_trash(s.vault, 0, 0, &trash), 0);
        CHECK_EQ(trash.n, 0);
        CHECK(!vault_collection_get(s.vault, CLASS_NO(CLASS)));
        CHECK_EQ(vault_items(s.vault, CLASS_NO(CLASS), &ids), VAULT_E_NOT_FOUND);
        CHECK(!vault_item_exists(s.vault, id));
        CHECK_EQ(vault_item_get(s.vault, id, true, &item), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_item_delete(s.vault, id), VAULT_E_NOT_FOUND);
        CHECK_EQ(change_value(s.vault, id, "x"), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_undelete(s.vault, id + 1, number + 1), VAULT_E_NOT_FOUND);
        check_text(s.vault, CLASS, number, "secret");
        scratch_done(&s);
}

TEST(limits)
{
        VaultMark marks[VAULT_MARKS_MAX + 1];
        _cleanup_free_ uint8_t *large = calloc(1, VAULT_RECORD_MAX + 1), *back = calloc(1, VAULT_RECORD_MAX);
        uint64_t number = 77, n;
        size_t size = 0;
        Scratch s;

        scratch_new(&s);
        CHECK(large && back);
        memset(large, 'L', VAULT_RECORD_MAX);
        for (size_t i = 0; i < ELEMENTSOF(marks); i++)
                marks[i] = mark((uint8_t)i, "same");
        CHECK_EQ(vault_record_create(s.vault, CLASS, marks, VAULT_MARKS_MAX + 1, "x", 1, &number), VAULT_E_LIMIT);
        CHECK_EQ(vault_record_create(s.vault, CLASS, marks, 1, large, VAULT_RECORD_MAX + 1, &number), VAULT_E_LIMIT);
        CHECK_EQ(vault_record_create(s.vault, CLASS, MARKS(marks[0], marks[1], marks[0]), "x", 1, &number),
                 VAULT_E_INVALID);
        CHECK_EQ(vault_record_create(s.vault, 0, NULL, 0, "x", 1, &number), VAULT_E_INVALID);
        CHECK_EQ(vault_record_create(s.vault, _VAULT_CLASS_MAX, NULL, 0, "x", 1, &number), VAULT_E_INVALID);
        CHECK_EQ(vault_record_count(s.vault, (VaultClass)-1, &n), VAULT_E_INVALID);
        CHECK_EQ(number, 77);

        CHECK_EQ(vault_record_create(s.vault, CLASS, marks, VAULT_MARKS_MAX, large, VAULT_RECORD_MAX, &number), 0);
        CHECK_EQ(vault_record_get(s.vault, CLASS, number, back, VAULT_RECORD_MAX - 1, &size), VAULT_E_LIMIT);
        CHECK_EQ(size, 0);
        CHECK_EQ(vault_record_get(s.vault, CLASS, number, back, VAULT_RECORD_MAX, &size), 0);
        CHECK(size == VAULT_RECORD_MAX && memcmp(large, back, size) == 0);
        CHECK_EQ(vault_record_update(s.vault, CLASS, number, large, VAULT_RECORD_MAX + 1), VAULT_E_LIMIT);
        CHECK_EQ(vault_record_update(s.vault, CLASS, number, NULL, 0), 0);
        CHECK_EQ(vault_record_get(s.vault, CLASS, number, NULL, 0, &size), 0);
        CHECK_EQ(size, 0);

        CHECK_EQ(vault_record_get(s.vault, CLASS, 0, back, 1, &size), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_get(s.vault, CLASS, UINT64_MAX, back, 1, &size), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_get(s.vault, CLASS, ITEM_NUMBER_MAX + 2, back, 1, &size), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_delete(s.vault, CLASS, 0, true), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, UINT64_MAX), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_record_get_deleted(s.vault, CLASS, 0, back, 1, &size), VAULT_E_NOT_FOUND);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_deleted_record_comes_back)
{
        const VaultMark site = mark(1, "example.org");
        VaultDeleted deleted[4];
        uint64_t numbers[16], a, b, before = vault_now();
        char got[256] = {0};
        size_t n, size;
        Scratch s;

        scratch_new(&s);
        a = make(s.vault, CLASS, "first", MARKS(site));
        b = make(s.vault, CLASS, "second", MARKS(site));
        CHECK_EQ(vault_record_delete(s.vault, CLASS, b, true), 0);
        CHECK_EQ(vault_record_delete(s.vault, CLASS, a, true), 0);
        CHECK_EQ(n_records(s.vault, CLASS), 0);
        CHECK_EQ(found(s.vault, CLASS, site, numbers), 0);
        CHECK_EQ(vault_record_deleted(s.vault, CLASS, UINT64_MAX, deleted, 4, &n), 0);
        CHECK(n == 2 && deleted[0].number == b && deleted[1].number == a && deleted[0].removed >= before);
        CHECK_EQ(vault_record_deleted(s.vault, CLASS, UINT64_MAX, deleted, 1, &n), 0);
        CHECK(n == 1 && deleted[0].number == b);
        CHECK_EQ(vault_record_deleted(s.vault, CLASS, b, deleted, 4, &n), 0);
        CHECK(n == 1 && deleted[0].number == a);
        CHECK_EQ(vault_record_deleted(s.vault, VAULT_CLASS_SSH, UINT64_MAX, deleted, 4, &n), 0);
        CHECK_EQ(n, 0);
        CHECK_EQ(vault_record_get_deleted(s.vault, CLASS, b, got, 5, &size), VAULT_E_LIMIT);
        CHECK_EQ(vault_record_get_deleted(s.vault, CLASS, b, got, 255, &size), 0);
        CHECK(size == 6 && memcmp(got, "second", 6) == 0);

        scratch_again(&s);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, b), 0);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, b), VAULT_E_NOT_FOUND);
        check_text(s.vault, CLASS, b, "second");
        CHECK(found(s.vault, CLASS, site, numbers) == 1 && numbers[0] == b);
        CHECK_EQ(n_records(s.vault, CLASS), 1);
        CHECK_EQ(n_deleted(s.vault, CLASS), 1);
        check_in_order(s.vault);

        /* Twice, and it is the last content that comes back. */
        CHECK_EQ(vault_record_update(s.vault, CLASS, b, "later", 5), 0);
        CHECK_EQ(vault_record_delete(s.vault, CLASS, b, true), 0);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, b), 0);
        check_text(s.vault, CLASS, b, "later");
        scratch_done(&s);
}

TEST(the_trash_is_emptied)
{
        uint64_t a;
        Scratch s;

        scratch_new(&s);
        a = make(s.vault, CLASS, "first", MARKS(mark(1, "a")));
        CHECK_EQ(vault_record_delete(s.vault, CLASS, a, true), 0);
        CHECK_EQ(vault_idle(s.vault, vault_now() + VAULT_TRASH_SECONDS - 60), 0);
        CHECK_EQ(n_deleted(s.vault, CLASS), 1);
        CHECK_EQ(vault_idle(s.vault, vault_now() + VAULT_TRASH_SECONDS + 60), 0);
        CHECK_EQ(n_deleted(s.vault, CLASS), 0);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, a), VAULT_E_NOT_FOUND);
        CHECK(make(s.vault, CLASS, "second", NULL, 0) > a);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* Steps of SQLite's machine for one page of what a mark finds. */
static long page(Vault *vault, VaultMark by, uint64_t before, uint64_t ret[100], size_t *ret_n)
{
        sqlite3_stmt *s = vault->statements[STATEMENT_ATTR_DOWN];

        if (s)
                (void)sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, true);
        CHECK_EQ(vault_record_find(vault, CLASS, &by, before, ret, 100, ret_n), 0);
        return sqlite3_stmt_status(vault->statements[STATEMENT_ATTR_DOWN], SQLITE_STMTSTATUS_VM_STEP, true);
}

TEST(pages_of_many)
{
        const VaultMark all = mark(1, "all");
        uint64_t numbers[100], before = UINT64_MAX, last = UINT64_MAX, first_number = 0;
        long most = 0, least = 0;
        size_t n, total = 0;
        Scratch s;

        scratch_new(&s);
        for (unsigned i = 0; i < MANY; i++) {
                uint64_t number;
                char name[16];

                if (i % 256 == 0)
                        CHECK_EQ(vault_batch_commit(s.vault), 0);
                CHECK_EQ(vault_batch_begin(s.vault), 0);
                (void)snprintf(name, sizeof(name), "%u", i);
                number = make(s.vault, CLASS, name, MARKS(all, mark(2, name)));
                if (i == 0)
                        first_number = number;
        }
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK_EQ(n_records(s.vault, CLASS), MANY);
        do {
                long steps = page(s.vault, all, before, numbers, &n);

                if (n == 100) {
                        most = steps > most ? steps : most;
                        least = least == 0 || steps < least ? steps : least;
                }
                for (size_t i = 0; i < n; i++) {
                        CHECK(numbers[i] < last);
                        last = numbers[i];
                }
                total += n;
                before = last;
        } while (n > 0);
        CHECK_EQ(total, MANY);
        CHECK_EQ(last, first_number);
        CHECK(least > 0 && most <= least + 10);
        /* And one that few have costs what few cost. */
        CHECK(page(s.vault, mark(2, "5000"), UINT64_MAX, numbers, &n) < 40);
        CHECK_EQ(n, 1);
        check_text(s.vault, CLASS, numbers[0], "5000");
        CHECK_EQ(vault_record_find(s.vault, CLASS, &all, first_number, numbers, 100, &n), 0);
        CHECK_EQ(n, 0);
        CHECK_EQ(vault_record_find(s.vault, CLASS, &all, 0, numbers, 100, &n), 0);
        CHECK_EQ(n, 0);
        CHECK_EQ(vault_record_find(s.vault, CLASS, &all, UINT64_MAX, numbers, 0, &n), 0);
        CHECK_EQ(n, 0);
        scratch_done(&s);
}

TEST(a_batch_that_is_undone)
{
        const VaultMark site = mark(1, "example.org");
        uint64_t numbers[16], a, b, c;
        char got[256];
        Scratch s;

        scratch_new(&s);
        a = make(s.vault, CLASS, "first", MARKS(site));
        b = make(s.vault, CLASS, "second", MARKS(site));
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        c = make(s.vault, CLASS, "third", MARKS(site));
        CHECK_EQ(vault_record_update(s.vault, CLASS, a, "changed", 7), 0);
        CHECK_EQ(vault_record_delete(s.vault, CLASS, b, true), 0);
        CHECK_EQ(vault_record_delete(s.vault, CLASS, 999, true), VAULT_E_NOT_FOUND); /* undone alone */
        (void)make(s.vault, VAULT_CLASS_OTP, "its first", NULL, 0);
        CHECK_EQ(n_records(s.vault, CLASS), 2);
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_OTP), 1);
        vault_batch_rollback(s.vault);

        CHECK_EQ(n_records(s.vault, CLASS), 2);
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_OTP), 0);
        CHECK_EQ(n_deleted(s.vault, CLASS), 0);
        check_text(s.vault, CLASS, a, "first");
        CHECK_EQ(get(s.vault, CLASS, c, got), VAULT_E_NOT_FOUND);
        CHECK(found(s.vault, CLASS, site, numbers) == 2 && numbers[0] == b && numbers[1] == a);
        check_in_order(s.vault);
        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, CLASS) && !vault_class_tampered(s.vault, VAULT_CLASS_OTP));
        CHECK(!tampered(s.vault, 1));

        /* The same, kept. */
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        c = make(s.vault, CLASS, "third", MARKS(site));
        CHECK_EQ(vault_record_delete(s.vault, CLASS, b, false), 0);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, CLASS));
        CHECK(found(s.vault, CLASS, site, numbers) == 2 && numbers[0] == c && numbers[1] == a);
        scratch_done(&s);
}

/* Every function, while there is no key. */
static void check_locked(Vault *vault)
{
        const VaultMark by = mark(1, "x");
        VaultDeleted deleted[1];
        uint64_t number = 0;
        size_t n = 0;
        char got[8];

        CHECK_EQ(vault_record_create(vault, CLASS, &by, 1, "x", 1, &number), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_update(vault, CLASS, 1, "x", 1), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_delete(vault, CLASS, 1, true), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_get(vault, CLASS, 1, got, sizeof(got), &n), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_find(vault, CLASS, &by, 1, &number, 1, &n), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_count(vault, CLASS, &number), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_deleted(vault, CLASS, 1, deleted, 1, &n), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_get_deleted(vault, CLASS, 1, got, sizeof(got), &n), VAULT_E_LOCKED);
        CHECK_EQ(vault_record_undelete(vault, CLASS, 1), VAULT_E_LOCKED);
        CHECK(!vault_class_tampered(vault, CLASS));
        for (size_t i = 0; i < _VAULT_CLASS_MAX; i++)
                CHECK(!vault->classes[i].key && !vault->classes[i].sum_key && !vault->classes[i].mark_key);
}

TEST(locked)
{
        _cleanup_(vault_freep) Vault *memory = NULL;
        uint64_t a, b;
        Scratch s;

        scratch_new(&s);
        a = make(s.vault, CLASS, "first", MARKS(mark(1, "x")));
        vault_lock(s.vault, 1); /* of one collection: classes stay */
        check_text(s.vault, CLASS, a, "first");
        vault_lock(s.vault, 0);
        check_locked(s.vault);
        CHECK_EQ(vault_unlock(s.vault, s.root, 1), 0); /* one collection alone opens no class */
        check_locked(s.vault);
        check_in_order(s.vault);
        scratch_unlock(&s);
        check_text(s.vault, CLASS, a, "first");

        /* In a batch: what was done before the lock is committed whole, the first head of a class too. */
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_record_update(s.vault, CLASS, a, "changed", 7), 0);
        b = make(s.vault, VAULT_CLASS_LOG, "entry", NULL, 0);
        vault_lock(s.vault, 0);
        check_locked(s.vault);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, CLASS) && !vault_class_tampered(s.vault, VAULT_CLASS_LOG));
        check_text(s.vault, CLASS, a, "changed");
        check_text(s.vault, VAULT_CLASS_LOG, b, "entry");

        /* Locked and unlocked in a batch that is undone: heads are those of the file again. */
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        (void)make(s.vault, VAULT_CLASS_LOG, "undone", NULL, 0);
        (void)make(s.vault, VAULT_CLASS_SSH, "undone", NULL, 0);
        (void)put(s.vault, 1, "undone", "x", false, NULL, NULL, 0);
        vault_lock(s.vault, 0);
        scratch_unlock(&s);
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_LOG), 2);
        vault_batch_rollback(s.vault);
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_LOG), 1);
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_SSH), 0);
        (void)make(s.vault, VAULT_CLASS_LOG, "kept", NULL, 0);
        (void)put(s.vault, 1, "kept", "x", false, NULL, NULL, 0);
        check_in_order(s.vault);
        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, VAULT_CLASS_LOG) && !tampered(s.vault, 1));
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_LOG), 2);
        scratch_done(&s);

        CHECK_EQ(vault_open_memory(&memory), 0);
        check_locked(memory);
        CHECK_EQ(vault_note_put(memory, "note", "x", 1), 0);
}

TEST(notes)
{
        uint8_t large[NOTE_MAX + 1] = {1, 2, 3}, back[NOTE_MAX];
        const char *const wrong[] = {"", "Upper", "a:b", "under_score", "0", "a-name-of-thirty-three-characters"};
        size_t size = 0;
        Scratch s;

        scratch_new(&s);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                CHECK_EQ(vault_note_put(s.vault, wrong[i], "x", 1), VAULT_E_INVALID);
                CHECK_EQ(vault_note_get(s.vault, wrong[i], back, 1, &size), VAULT_E_INVALID);
        }
        CHECK_EQ(vault_note_put(s.vault, "large", large, NOTE_MAX + 1), VAULT_E_LIMIT);
        CHECK_EQ(vault_note_get(s.vault, "large", back, sizeof(back), &size), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_note_put(s.vault, "large", large, NOTE_MAX), 0);
        CHECK_EQ(vault_note_put(s.vault, "empty", large, 0), 0);
        CHECK_EQ(vault_note_put(s.vault, "gone", "x", 1), 0);
        CHECK_EQ(vault_note_put(s.vault, "gone", NULL, 0), 0);
        CHECK_EQ(vault_note_put(s.vault, "gone", NULL, 0), 0);

        /* Readable and writable while locked. */
        scratch_close(&s);
        scratch_open(&s);
        CHECK_EQ(vault_note_get(s.vault, "large", back, NOTE_MAX - 1, &size), VAULT_E_LIMIT);
        CHECK_EQ(vault_note_get(s.vault, "large", back, NOTE_MAX, &size), 0);
        CHECK(size == NOTE_MAX && memcmp(back, large, size) == 0);
        CHECK_EQ(vault_note_get(s.vault, "empty", NULL, 0, &size), 0);
        CHECK_EQ(size, 0);
        CHECK_EQ(vault_note_get(s.vault, "gone", back, 1, &size), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_note_put(s.vault, "empty", "full", 4), 0);
        vault_batch_rollback(s.vault);
        CHECK_EQ(vault_note_get(s.vault, "empty", back, 4, &size), 0);
        CHECK_EQ(size, 0);
        scratch_unlock(&s);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST_MAIN
