/* The vault: making and opening it, items, limits. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/vault-tools.h"

TEST(a_new_vault_is_usable_at_once_and_after_reopening)
{
        Scratch s;
        const VaultCollection *c;
        struct stat st;
        ItemId id;

        scratch_new(&s);
        c = vault_collection_next(s.vault, NULL);
        CHECK(c && !vault_collection_next(s.vault, c));
        CHECK(strcmp(c->label, "Default") == 0 && strcmp(c->name, "Default") == 0);
        CHECK(!c->locked && !c->tampered && c->n_items == 0);
        CHECK_EQ(vault_alias_get(s.vault, "default"), c->no);
        CHECK(vault_is_unlocked(s.vault) && vault_is_unprotected(s.vault));
        CHECK_EQ(stat(s.path, &st), 0);
        CHECK_EQ(st.st_mode & 07777, 0600);
        id = put(s.vault, c->no, "label", "value", false, NULL, ATTRIBUTES({"a", "1"}));

        scratch_close(&s);
        scratch_open(&s);
        CHECK(!vault_is_unlocked(s.vault));
        c = vault_collection_get(s.vault, 1);
        CHECK(c->locked && c->n_items == 1);
        CHECK(vault_item_exists(s.vault, id));
        CHECK_EQ(vault_item_get(s.vault, id, true, &(Item *){NULL}), VAULT_E_LOCKED);
        CHECK_EQ(vault_item_get(s.vault, id + 1, true, &(Item *){NULL}), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_item_delete(s.vault, id), VAULT_E_LOCKED);
        CHECK_EQ(change_value(s.vault, id, "x"), VAULT_E_LOCKED);
        scratch_unlock(&s);
        check_value(s.vault, id, "value");
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(creating_and_opening_refuse_by_name)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();
        char other[80];
        Scratch s;
        Vault *vault = NULL;

        scratch_dir(&s);
        CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_NO_VAULT);
        CHECK_EQ(vault_create(s.path, draft, "Mine", &vault), 0);
        CHECK(strcmp(vault_collection_next(vault, NULL)->label, "Mine") == 0);
        vault = vault_free(vault);
        CHECK_EQ(vault_create(s.path, draft, NULL, &vault), VAULT_E_EXISTS);

        (void)snprintf(other, sizeof(other), "%s/link.db", s.dir);
        CHECK_EQ(symlink("vault.db", other), 0);
        CHECK_EQ(vault_open(other, &vault, NULL), VAULT_E_UNSAFE);
        CHECK_EQ(chmod(s.path, 0640), 0);
        CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_UNSAFE);
        CHECK_EQ(chmod(s.path, 0600), 0);
        CHECK_EQ(chmod(s.dir, 0755), 0);
        CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_UNSAFE);
        CHECK_EQ(chmod(s.dir, 0700), 0);
        (void)snprintf(other, sizeof(other), "%s/vault.db-wal", s.dir);
        CHECK_EQ(chmod(other, 0644), 0);
        CHECK_EQ(vault_open(s.path, &vault, NULL), VAULT_E_UNSAFE);
        CHECK_EQ(chmod(other, 0600), 0);
        CHECK_EQ(vault_open(s.path, &s.vault, NULL), 0);
        (void)snprintf(other, sizeof(other), "%s/missing/vault.db", s.dir);
        CHECK_EQ(vault_open(other, &vault, NULL), VAULT_E_NO_VAULT);
        scratch_done(&s);
}

/* Opened anew, it is locked for good at once: no second connection, no shared memory file. */
/* Of one whose file somebody took away after a crash. */
TEST(a_log_of_another_vault_is_not_taken_for_the_new_ones)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();
        char command[256];
        Scratch s;
        ItemId id;

        scratch_new(&s);
        id = put(s.vault, 1, "old", "old value", false, NULL, ATTRIBUTES({"a", "1"}));
        (void)snprintf(command, sizeof(command), "cp -p %s-wal %s/log", s.path, s.dir);
        CHECK_EQ(system(command), 0);
        scratch_close(&s);
        (void)snprintf(command, sizeof(command), "cd %s && rm vault.db && mv log vault.db-wal", s.dir);
        CHECK_EQ(system(command), 0);
        s.root = root_free(s.root);

        CHECK_EQ(vault_create(s.path, draft, NULL, &s.vault), 0);
        s.root = root_of(s.vault, 0);
        CHECK(!tampered(s.vault, 1) && !vault_item_exists(s.vault, id));
        CHECK_EQ(put(s.vault, 1, "new", "new value", false, NULL, ATTRIBUTES({"a", "1"})), id);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_value(s.vault, id, "new value");
        check_in_order(s.vault);
        /* Nothing may be lost: it may be wanted by who has the file elsewhere. */
        (void)snprintf(command, sizeof(command), "ls %s/snapshots/vault.db.*-wal > /dev/null", s.dir);
        CHECK_EQ(system(command), 0);
        scratch_done(&s);
}

TEST(nobody_shares_it)
{
        Vault *vault = NULL;
        pid_t holder = 0;
        char shm[80];
        Scratch s;

        scratch_new(&s);
        for (unsigned i = 0; i < 2; i++) {
                (void)snprintf(shm, sizeof(shm), "%s-shm", s.path);
                CHECK(access(shm, F_OK) < 0);
                CHECK_EQ(vault_open(s.path, &vault, &holder), VAULT_E_BUSY);
                CHECK_EQ(holder, getpid());
                scratch_again(&s);
        }
        scratch_done(&s);
}

TEST(a_vault_has_one_user_and_its_pid_is_told)
{
        Scratch s;
        Vault *vault = NULL;
        pid_t child, holder = 0;
        int ready[2], status;
        char byte;

        scratch_new(&s);
        scratch_close(&s);
        CHECK_EQ(pipe(ready), 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
                CHECK_EQ(vault_open(s.path, &vault, NULL), 0);
                CHECK_EQ(write(ready[1], "x", 1), 1);
                pause();
                _exit(0);
        }
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        CHECK_EQ(vault_open(s.path, &vault, &holder), VAULT_E_BUSY);
        CHECK_EQ(holder, child);
        CHECK_EQ(kill(child, SIGKILL), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        scratch_open(&s);
        close(ready[0]);
        close(ready[1]);
        scratch_done(&s);
}

/* What was acknowledged is there after a process died without closing. */
TEST(a_killed_process_loses_nothing_acknowledged)
{
        Scratch s;
        int progress[2], status;
        uint32_t n = 0, got;
        pid_t child;

        scratch_new(&s);
        scratch_close(&s);
        CHECK_EQ(pipe(progress), 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
                close(progress[0]);
                scratch_open(&s);
                scratch_unlock(&s);
                for (uint32_t i = 1;; i++) {
                        put(s.vault, 1, "x", "v", false, NULL, ATTRIBUTES({"a", "1"}));
                        if (write(progress[1], &i, sizeof(i)) != sizeof(i))
                                _exit(0);
                }
        }
        close(progress[1]);
        while (n < 200)
                CHECK_EQ(read(progress[0], &n, sizeof(n)), sizeof(n));
        CHECK_EQ(kill(child, SIGKILL), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        while (read(progress[0], &got, sizeof(got)) == sizeof(got))
                n = got;
        close(progress[0]);
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1));
        got = (uint32_t)count(s.vault, NULL, ATTRIBUTES({"a", "1"}));
        CHECK(got == n || got == n + 1);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(an_item_keeps_what_it_was_given)
{
        _cleanup_(item_freep) Item *item = NULL, *bare = NULL;
        static const char binary[] = "a\0b\nc\xff";
        ItemChange change = {
                .label = "Mail \xe2\x9c\x89", .content_type = "application/x", .value = binary, .value_size = 6};
        const VaultAttribute attributes[] = {{"z", ""}, {"a", "1"}, {"m", "\xc3\xa9"}};
        ItemId id, empty;
        Scratch s;

        scratch_new(&s);
        change.attributes = attributes;
        change.n_attributes = 3;
        CHECK_EQ(vault_item_create(s.vault, 1, &change, false, &id, NULL), 0);
        CHECK_EQ(vault_item_create(s.vault, 1, &(ItemChange){0}, false, &empty, NULL), 0);
        scratch_again(&s);

        CHECK_EQ(vault_item_get(s.vault, id, true, &item), 0);
        CHECK(strcmp(item->label, change.label) == 0 && strcmp(item->content_type, "application/x") == 0);
        CHECK_EQ(item->n_attributes, 3);
        CHECK(strcmp(item->attributes[0].name, "a") == 0 && strcmp(item->attributes[0].value, "1") == 0);
        CHECK(strcmp(item->attributes[1].name, "m") == 0 && strcmp(item->attributes[1].value, "\xc3\xa9") == 0);
        CHECK(strcmp(item->attributes[2].name, "z") == 0 && strcmp(item->attributes[2].value, "") == 0);
        CHECK_EQ(item->value->size, 6);
        CHECK(memcmp(item->value->data, binary, 6) == 0);
        CHECK(item->created > 0 && item->modified == item->created);
        CHECK_EQ(ITEM_ID_COLLECTION(item->id), 1);

        CHECK_EQ(vault_item_get(s.vault, empty, true, &bare), 0);
        CHECK(bare->label[0] == 0 && bare->n_attributes == 0 && bare->value->size == 0);
        CHECK(strcmp(bare->content_type, "text/plain") == 0);
        item = item_free(item);
        CHECK_EQ(vault_item_get(s.vault, id, false, &item), 0);
        CHECK(!item->value);
        scratch_done(&s);
}

TEST(an_update_changes_what_it_says)
{
        Scratch s;
        ItemId id;
        uint64_t version;

        scratch_new(&s);
        id = put(s.vault, 1, "one", "value", false, NULL, ATTRIBUTES({"a", "1"}, {"b", "2"}));
        CHECK_EQ(vault_item_update(s.vault, id, &(ItemChange){.label = "two"}), 0);
        {
                _cleanup_(item_freep) Item *item = NULL;

                CHECK_EQ(vault_item_get(s.vault, id, true, &item), 0);
                CHECK(strcmp(item->label, "two") == 0 && item->n_attributes == 2);
                CHECK(strcmp((char *)item->value->data, "value") == 0);
                version = item->version;
        }
        {
                _cleanup_(item_freep) Item *item = NULL;
                const VaultAttribute attributes[] = {{"a", "1"}, {"c", "3"}};

                CHECK_EQ(vault_item_update(s.vault, id, &(ItemChange){.attributes = attributes, .n_attributes = 2}),
                         0);
                CHECK_EQ(vault_item_get(s.vault, id, true, &item), 0);
                CHECK(item->version > version && item->n_attributes == 2 &&
                      strcmp(item->attributes[1].name, "c") == 0);
        }
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"b", "2"})), 0);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"c", "3"}, {"a", "1"})), 1);
        CHECK_EQ(change_value(s.vault, id, ""), 0);
        check_value(s.vault, id, "");
        {
                const VaultAttribute none[1] = {{"", ""}};

                CHECK_EQ(vault_item_update(s.vault, id, &(ItemChange){.attributes = none, .n_attributes = 0}), 0);
        }
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "1"})), 0);
        CHECK_EQ(vault_item_update(s.vault, id + 5, &(ItemChange){.label = "x"}), VAULT_E_NOT_FOUND);
        scratch_again(&s);
        check_in_order(s.vault);
        check_value(s.vault, id, "");
        scratch_done(&s);
}

TEST(replace_is_exact)
{
        Scratch s;
        ItemId alice, host, empty;
        bool replaced;

        scratch_new(&s);
        host = put(s.vault, 1, "host", "h", true, &replaced, ATTRIBUTES({"user", "alice"}, {"host", "h"}));
        CHECK(!replaced);
        /* A smaller set, and an empty one, must not overwrite what they find. */
        alice = put(s.vault, 1, "alice", "a", true, &replaced, ATTRIBUTES({"user", "alice"}));
        CHECK(!replaced && alice != host);
        empty = put(s.vault, 1, "empty", "e", true, &replaced, NULL, 0);
        CHECK(!replaced && empty != host && empty != alice);
        check_value(s.vault, host, "h");

        CHECK(put(s.vault, 1, "host2", "h2", true, &replaced, ATTRIBUTES({"host", "h"}, {"user", "alice"})) == host);
        CHECK(replaced);
        check_value(s.vault, host, "h2");
        check_value(s.vault, alice, "a");
        check_value(s.vault, empty, "e");
        CHECK(put(s.vault, 1, "alice", "a2", false, &replaced, ATTRIBUTES({"user", "alice"})) != alice);
        CHECK(!replaced);
        check_value(s.vault, alice, "a");

        {
                _cleanup_(item_freep) Item *item = NULL;

                CHECK_EQ(vault_item_get(s.vault, host, false, &item), 0);
                CHECK(strcmp(item->label, "host2") == 0);
        }
        scratch_done(&s);
}

TEST(an_absent_schema_is_the_generic_one)
{
        Scratch s;
        ItemId id, other;
        bool replaced;

        scratch_new(&s);
        id = put(s.vault, 1, "x", "1", true, NULL, ATTRIBUTES({"user", "a"}));
        other = put(s.vault, 1, "x", "2", true, &replaced, ATTRIBUTES({"user", "a"}, {"xdg:schema", "org.other"}));
        CHECK(!replaced && other != id);
        CHECK(put(s.vault, 1, "x", "3", true, &replaced,
                  ATTRIBUTES({"xdg:schema", VAULT_GENERIC_SCHEMA}, {"user", "a"})) == id);
        CHECK(replaced);
        {
                _cleanup_(item_freep) Item *item = NULL;

                CHECK_EQ(vault_item_get(s.vault, id, true, &item), 0);
                CHECK_EQ(item->n_attributes, 1); /* stored as it was given first */
                CHECK(strcmp((char *)item->value->data, "3") == 0);
        }
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"user", "a"})), 2);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"xdg:schema", VAULT_GENERIC_SCHEMA})), 1);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"user", "a"}, {"xdg:schema", VAULT_GENERIC_SCHEMA})), 1);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"user", "a"}, {"xdg:schema", "org.other"})), 1);
        scratch_done(&s);
}

TEST(deleting_takes_index_and_sum_along)
{
        Scratch s;
        ItemId id, kept;

        scratch_new(&s);
        kept = put(s.vault, 1, "x", "1", false, NULL, ATTRIBUTES({"user", "a"}));
        id = put(s.vault, 1, "x", "2", false, NULL, ATTRIBUTES({"user", "a"}));
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        CHECK_EQ(vault_item_delete(s.vault, id), VAULT_E_NOT_FOUND);
        CHECK(!vault_item_exists(s.vault, id));
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"user", "a"})), 1);
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 1);
        /* Numbers are not given again. */
        CHECK(put(s.vault, 1, "x", "3", false, NULL, ATTRIBUTES({"user", "a"})) > id);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        check_value(s.vault, kept, "1");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_secret_of_4_mib_and_not_a_byte_more)
{
        _cleanup_free_ char *big = malloc(VAULT_SECRET_MAX + 1);
        _cleanup_(item_freep) Item *item = NULL;
        ItemChange change = {.value = big, .value_size = VAULT_SECRET_MAX, .value_set = true};
        Scratch s;
        ItemId id;

        CHECK(big);
        for (size_t i = 0; i <= VAULT_SECRET_MAX; i++)
                big[i] = (char)(i * 31 >> 3);
        scratch_new(&s);
        CHECK_EQ(vault_item_create(s.vault, 1, &change, false, &id, NULL), 0);
        change.value_size++;
        CHECK_EQ(vault_item_create(s.vault, 1, &change, false, &(ItemId){0}, NULL), VAULT_E_LIMIT);
        CHECK_EQ(vault_item_update(s.vault, id, &change), VAULT_E_LIMIT);
        CHECK_EQ(change_value(s.vault, put(s.vault, 1, "", "", false, NULL, NULL, 0), "small"), 0);
        scratch_again(&s);
        CHECK_EQ(vault_item_get(s.vault, id, true, &item), 0);
        CHECK_EQ(item->value->size, VAULT_SECRET_MAX);
        CHECK(memcmp(item->value->data, big, VAULT_SECRET_MAX) == 0);
        scratch_done(&s);
}

TEST(limits_and_text_rules)
{
        static char text[VAULT_ATTRIBUTE_MAX + 2];
        static char names[VAULT_ATTRIBUTES_MAX + 1][16];
        VaultAttribute many[VAULT_ATTRIBUTES_MAX + 1], same[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
        ItemId id = 0;
        Scratch s;

        scratch_new(&s);
        memset(text, 'x', sizeof(text) - 1);
        for (size_t i = 0; i <= VAULT_ATTRIBUTES_MAX; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "name%zu", i);
                many[i] = (VaultAttribute){names[i], "v"};
        }
        {
                const struct {
                        ItemChange change;
                        int result;
                } cases[] = {
                        {{.label = text}, VAULT_E_LIMIT},
                        {{.content_type = text}, VAULT_E_LIMIT},
                        {{.label = "\xff"}, VAULT_E_INVALID},
                        {{.content_type = "\xc3"}, VAULT_E_INVALID},
                        {{.attributes = many, .n_attributes = VAULT_ATTRIBUTES_MAX + 1}, VAULT_E_LIMIT},
                        {{.attributes = many, .n_attributes = VAULT_ATTRIBUTES_MAX}, 0},
                        {{.attributes = same, .n_attributes = 3}, VAULT_E_INVALID},
                        {{.attributes = &(VaultAttribute){text, "v"}, .n_attributes = 1}, VAULT_E_LIMIT},
                        {{.attributes = &(VaultAttribute){"n", text}, .n_attributes = 1}, VAULT_E_LIMIT},
                        {{.attributes = &(VaultAttribute){"n", text + 1}, .n_attributes = 1}, 0},
                        {{.attributes = &(VaultAttribute){"n", "\xed\xa0\x80"}, .n_attributes = 1}, VAULT_E_INVALID},
                };

                for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                        CHECK_EQ(vault_item_create(s.vault, 1, &cases[i].change, false, &id, NULL), cases[i].result);
        }
        CHECK_EQ(vault_collection_get(s.vault, 1)->n_items, 2);
        CHECK_EQ(count(s.vault, NULL, many, VAULT_ATTRIBUTES_MAX), 1);
        CHECK_EQ(vault_item_create(s.vault, 9, &(ItemChange){0}, false, &id, NULL), VAULT_E_NOT_FOUND);
        scratch_done(&s);
}

TEST(a_memory_vault_has_no_file_and_no_locks)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        const VaultCollection *c;
        ItemId id;

        CHECK(arena_init() >= 0);
        CHECK_EQ(vault_open_memory(&vault), 0);
        CHECK(!vault_collection_next(vault, NULL));
        CHECK_EQ(vault_collection_create(vault, NULL, "session", NULL, &c), 0);
        CHECK(strcmp(c->name, "session") == 0 && !c->locked);
        id = put(vault, c->no, "x", "1", true, NULL, ATTRIBUTES({"a", "1"}));
        CHECK(put(vault, c->no, "x", "2", true, NULL, ATTRIBUTES({"a", "1"})) == id);
        vault_lock(vault, 0);
        CHECK(vault_is_unlocked(vault));
        check_value(vault, id, "2");
        CHECK_EQ(vault_alias_set(vault, "session", c->no), 0);
        CHECK_EQ(vault_batch_begin(vault), 0);
        CHECK_EQ(vault_item_delete(vault, id), 0);
        vault_batch_rollback(vault);
        check_value(vault, id, "2");
        CHECK_EQ(vault_item_delete(vault, id), 0);
        CHECK_EQ(vault_idle(vault, vault_now()), 0);
        check_in_order(vault);
}

TEST(a_memory_vault_is_bounded_and_keeps_no_trash)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        _cleanup_(trash_list_done) TrashList trash = {0};
        size_t size = (size_t)1024 * 1024;
        _cleanup_free_ uint8_t *value = calloc(1, size);
        ItemChange change = {.value = value, .value_size = size, .value_set = true};
        const VaultCollection *c;
        ItemId id = 0;
        unsigned n = 0;
        int r;

        CHECK(value);
        CHECK(arena_init() >= 0);
        CHECK_EQ(vault_open_memory(&vault), 0);
        CHECK_EQ(vault_collection_create(vault, NULL, "session", NULL, &c), 0);

        /* What comes and goes leaves nothing, however often. */
        for (unsigned i = 0; i < 2 * VAULT_MEMORY_MAX / size; i++) {
                CHECK_EQ(vault_item_create(vault, c->no, &change, false, &id, NULL), 0);
                CHECK_EQ(vault_item_update(vault, id, &change), 0);
                CHECK_EQ(vault_item_delete(vault, id), 0);
        }
        CHECK_EQ(vault_trash(vault, 0, 0, &trash), 0);
        CHECK_EQ(trash.n, 0);

        while ((r = vault_item_create(vault, c->no, &change, false, &id, NULL)) == 0)
                n++;
        CHECK_EQ(r, VAULT_E_LIMIT);
        CHECK(n >= VAULT_MEMORY_MAX / size / 2 && n <= VAULT_MEMORY_MAX / size);
        CHECK_EQ(vault_item_delete(vault, id), 0);
        CHECK_EQ(vault_item_create(vault, c->no, &change, false, &id, NULL), 0);
        check_in_order(vault);
}

TEST(results_have_texts)
{
        for (int r = 0; r < _VAULT_RESULT_MAX; r++)
                CHECK(vault_strerror(r) && vault_strerror(r)[0]);
        CHECK(strcmp(vault_strerror(-ENOSPC), "No space left on device") == 0);
        CHECK(vault_strerror(_VAULT_RESULT_MAX));
        CHECK(vault_strerror(-100000));
}

/* Values that are asked for one after the other pass through the same memory, and none stays in it. */
TEST(values_leave_nothing_behind)
{
        static const uint8_t zeros[64];
        ItemValue value;
        ItemId id[2];
        Scratch s;

        scratch_new(&s);
        for (int i = 0; i < 2; i++) {
                ItemChange change = {.value = i == 0 ? "the first" : "", .value_size = i == 0 ? 9 : 0, .value_set = true};

                CHECK_EQ(vault_item_create(s.vault, 1, &change, false, &id[i], NULL), 0);
        }

        for (int i = 0; i < 2; i++) {
                CHECK_EQ(vault_value_open(s.vault, id[i], &value), 0);
                CHECK_EQ(value.size, i == 0 ? 9 : 0);
                CHECK(memcmp(value.value, "the first", value.size) == 0);
                CHECK(strcmp(value.content_type, "text/plain") == 0);
                vault_value_done(s.vault, &value);
                CHECK(s.vault->in->size == 0 && memcmp(s.vault->in->data, zeros, sizeof(zeros)) == 0);
        }
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_value_open(s.vault, id[0], &value), VAULT_E_LOCKED);
        CHECK_EQ(vault_value_open(s.vault, id[1] + 1, &value), VAULT_E_NOT_FOUND);
        scratch_done(&s);
}

TEST_MAIN
