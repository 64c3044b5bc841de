/* Locks, slots, collections with slots of their own, rekeying. */
#include <errno.h>

#include "tests/unit/vault-tools.h"

static Secret *secret_of(const char *text)
{
        Secret *secret = NULL;

        CHECK_EQ(secret_new_from(&secret, text, strlen(text)), 0);
        return secret;
}

static SlotDraft *draft_credential(const char *key)
{
        _cleanup_(secret_freep) Secret *secret = secret_of(key);
        SlotRequest request = {.kind = SLOT_CREDENTIAL, .secret = secret, .label = "file"};
        SlotDraft *draft = NULL;

        CHECK_EQ(slot_prepare(&request, &draft), 0);
        return draft;
}

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What opening the slot with this id and key says; the root when it works. */
static int try_slot(Vault *vault, const uint8_t id[SLOT_ID_SIZE], const char *key, Root **ret)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(secret_freep) Secret *secret = key ? secret_of(key) : NULL;

        CHECK_EQ(vault_slots(vault, &list), 0);
        for (size_t i = 0; i < list.n; i++)
                if (memcmp(slot_id(list.slots[i]), id, SLOT_ID_SIZE) == 0)
                        return slot_open(list.slots[i], secret, ret);
        return VAULT_E_NOT_FOUND;
}

static void copy_id(const SlotDraft *draft, uint8_t ret[SLOT_ID_SIZE])
{
        memcpy(ret, slot_draft_id(draft), SLOT_ID_SIZE);
}

static const Slot *slot_at(const SlotList *list, const uint8_t id[SLOT_ID_SIZE])
{
        for (size_t i = 0; i < list->n; i++)
                if (memcmp(slot_id(list->slots[i]), id, SLOT_ID_SIZE) == 0)
                        return list->slots[i];
        return NULL;
}

TEST(locking_takes_the_keys_and_unlocking_brings_them)
{
        const VaultCollection *other;
        ItemId id;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Other", NULL, &other), 0);
        id = put(s.vault, 1, "x", "v", false, NULL, NULL, 0);
        CHECK(vault_class_key(s.vault, VAULT_CLASS_SSH));
        vault_lock(s.vault, 1);
        CHECK(vault_collection_get(s.vault, 1)->locked && !other->locked && vault_is_unlocked(s.vault));
        CHECK_EQ(vault_unlock(s.vault, s.root, 1), 0);
        check_value(s.vault, id, "v");
        vault_lock(s.vault, 0);
        CHECK(other->locked && !vault_is_unlocked(s.vault) && !vault_class_key(s.vault, VAULT_CLASS_SSH));
        CHECK_EQ(vault_alias_set(s.vault, "x", 1), VAULT_E_LOCKED);
        CHECK_EQ(vault_collection_delete(s.vault, 1), VAULT_E_LOCKED);
        CHECK_EQ(vault_collection_set_label(s.vault, 1, "x"), VAULT_E_LOCKED);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "y", NULL, &other), VAULT_E_LOCKED);
        /* One alone: the vault's own keys stay closed. */
        CHECK_EQ(vault_unlock(s.vault, s.root, 1), 0);
        CHECK(!vault_is_unlocked(s.vault));
        check_value(s.vault, id, "v");
        CHECK(vault_collection_get(s.vault, 2)->locked && !tampered(s.vault, 1));
        CHECK_EQ(vault_unlock(s.vault, s.root, 77), VAULT_E_NOT_FOUND);
        scratch_unlock(&s);
        CHECK(!vault_collection_get(s.vault, 2)->locked);
        scratch_done(&s);
}

/* Set back, so that a clock that stands still would show. */
static bool was_used(Vault *vault)
{
        bool used = vault_used(vault) > 0;

        vault->used = 0;
        return used;
}

TEST(what_counts_as_a_use)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, locked = {0};
        const VaultMark mark = {.kind = 1};
        uint8_t data[16];
        ItemValue value;
        uint64_t number;
        size_t size;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        id = put(s.vault, 1, "x", "v", false, NULL, NULL, 0);
        CHECK(was_used(s.vault));
        for (int with_value = 0; with_value < 2; with_value++) {
                _cleanup_(item_freep) Item *item = NULL;

                CHECK_EQ(vault_item_get(s.vault, id, with_value, &item), 0);
                CHECK_EQ(was_used(s.vault), with_value);
        }
        for (int with_value = 0; with_value < 2; with_value++) {
                bool some_locked, damaged;

                CHECK_EQ(vault_lookup(s.vault, 0, NULL, 0, with_value, &value, &some_locked, &damaged), 0);
                CHECK(!value.value == !with_value);
                vault_value_done(s.vault, &value);
                CHECK_EQ(was_used(s.vault), with_value);
        }
        CHECK_EQ(vault_value_open(s.vault, id, &value), 0);
        vault_value_done(s.vault, &value);
        CHECK(was_used(s.vault));
        CHECK_EQ(vault_search(s.vault, 0, NULL, 0, 0, &open, &locked), 0);
        CHECK(!was_used(s.vault));
        CHECK_EQ(vault_record_create(s.vault, VAULT_CLASS_SSH, &mark, 1, "x", 1, &number), 0);
        CHECK(was_used(s.vault));
        CHECK_EQ(vault_record_get(s.vault, VAULT_CLASS_SSH, number, data, sizeof(data), &size), 0);
        CHECK(was_used(s.vault));
        /* What is written down of who was refused, and reading that, must not keep the vault open. */
        CHECK_EQ(vault_record_create(s.vault, VAULT_CLASS_LOG, &mark, 1, "x", 1, &number), 0);
        CHECK_EQ(vault_record_get(s.vault, VAULT_CLASS_LOG, number, data, sizeof(data), &size), 0);
        CHECK_EQ(vault_record_update(s.vault, VAULT_CLASS_LOG, number, "y", 1), 0);
        CHECK(!was_used(s.vault));
        vault_lock(s.vault, 0);
        CHECK(!was_used(s.vault));
        CHECK_EQ(vault_unlock(s.vault, s.root, 0), 0);
        CHECK(was_used(s.vault));
        scratch_done(&s);
}

TEST(the_root_of_another_vault_opens_nothing)
{
        Scratch s, other;

        scratch_new(&s);
        scratch_new(&other);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_unlock(s.vault, other.root, 0), VAULT_E_DAMAGED);
        CHECK_EQ(vault_unlock(s.vault, other.root, 1), VAULT_E_DAMAGED);
        CHECK(!vault_is_unlocked(s.vault) && vault_collection_get(s.vault, 1)->locked);
        scratch_unlock(&s);
        {
                _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();

                CHECK_EQ(vault_slot_add(s.vault, other.root, draft), VAULT_E_DAMAGED);
        }
        scratch_done(&other);
        scratch_done(&s);
}

static size_t slots_number(Vault *vault)
{
        _cleanup_(slot_list_done) SlotList list = {0};

        CHECK_EQ(vault_slots(vault, &list), 0);
        return list.n;
}

TEST(slots_are_added_replaced_used_and_removed)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_credential(KEY_A), *again = NULL;
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(secret_freep) Secret *new = secret_of(KEY_B);
        uint8_t id[SLOT_ID_SIZE], first[SLOT_ID_SIZE];
        Root *root = NULL;
        Scratch s;

        scratch_new(&s);
        memcpy(first, root_slot_id(s.root), sizeof(first));
        CHECK_EQ(vault_slot_remove(s.vault, s.root, first), VAULT_E_LAST_SLOT);
        copy_id(draft, id);
        CHECK_EQ(vault_slot_replace(s.vault, s.root, draft), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_slot_add(s.vault, s.root, draft), 0);
        CHECK_EQ(vault_slot_add(s.vault, s.root, draft), VAULT_E_INVALID);
        CHECK_EQ(try_slot(s.vault, id, KEY_B, &root), VAULT_E_WRONG_SECRET);
        CHECK_EQ(try_slot(s.vault, id, KEY_A, &root), 0);
        CHECK(memcmp(root->key, s.root->key, sizeof(Key)) == 0);
        root = root_free(root);

        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(list.n, 2);
        CHECK_EQ(slot_prepare_again(slot_at(&list, id), &(SlotRequest){.secret = new}, &again), 0);
        CHECK_EQ(vault_slot_replace(s.vault, s.root, again), 0);
        CHECK_EQ(try_slot(s.vault, id, KEY_A, &root), VAULT_E_WRONG_SECRET);
        CHECK_EQ(try_slot(s.vault, id, KEY_B, &root), 0);
        root = root_free(root);

        CHECK_EQ(vault_slot_used(s.vault, id, 12345), 0);
        CHECK_EQ(vault_slot_used(s.vault, (const uint8_t *)"0123456789abcdef", 1), VAULT_E_NOT_FOUND);
        slot_list_done(&list);
        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(slot_used(slot_at(&list, id)), 12345);
        CHECK_EQ(slot_used(slot_at(&list, first)), 0);
        CHECK(strcmp(slot_label(slot_at(&list, id)), "file") == 0);

        CHECK_EQ(vault_slot_remove(s.vault, NULL, first), 0);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, first), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, id), VAULT_E_LAST_SLOT);
        CHECK(!vault_is_unprotected(s.vault));
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(a_slot_takes_anothers_place)
{
        _cleanup_(slot_draft_freep) SlotDraft *password = draft_credential(KEY_A), *other = draft_credential(KEY_B);
        uint8_t id[SLOT_ID_SIZE], first[SLOT_ID_SIZE];
        Root *root = NULL;
        Scratch s;

        scratch_new(&s);
        memcpy(first, root_slot_id(s.root), sizeof(first));
        copy_id(password, id);
        CHECK_EQ(vault_slot_exchange(s.vault, s.root, password, id), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_slot_exchange(s.vault, s.root, password, (const uint8_t *)"0123456789abcdef"), VAULT_E_NOT_FOUND);
        CHECK_EQ(slots_number(s.vault), 1);
        /* The only one may, and where there is no room for another. */
        CHECK(vault_is_unprotected(s.vault));
        CHECK_EQ(vault_slot_exchange(s.vault, s.root, password, first), 0);
        CHECK(!vault_is_unprotected(s.vault));
        CHECK_EQ(slots_number(s.vault), 1);
        CHECK_EQ(try_slot(s.vault, id, KEY_A, &root), 0);
        root = root_free(root);
        CHECK_EQ(vault_slot_exchange(s.vault, s.root, password, id), 0);
        CHECK_EQ(vault_slot_exchange(s.vault, s.root, password, first), VAULT_E_INVALID);
        for (unsigned i = 1; i < SLOTS_MAX; i++) {
                _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();

                CHECK_EQ(vault_slot_add(s.vault, s.root, draft), 0);
        }
        CHECK_EQ(vault_slot_add(s.vault, s.root, other), VAULT_E_LIMIT);
        CHECK_EQ(vault_slot_exchange(s.vault, s.root, other, id), 0);
        CHECK_EQ(slots_number(s.vault), SLOTS_MAX);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

/* With the root at hand, slots can be changed while the vault is locked, and the manifest still fits. */
TEST(slots_change_while_locked)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_credential(KEY_A);
        uint8_t id[SLOT_ID_SIZE];
        Scratch s;

        scratch_new(&s);
        copy_id(draft, id);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, root_slot_id(s.root)), VAULT_E_LAST_SLOT);
        CHECK_EQ(vault_slot_add(s.vault, s.root, draft), 0);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, id), VAULT_E_LOCKED);
        CHECK(!vault_is_unlocked(s.vault) && vault_collection_get(s.vault, 1)->locked);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_slot_remove(s.vault, s.root, id), 0);
        scratch_again(&s);
        CHECK(!tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(the_number_of_slots_is_bounded)
{
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        for (unsigned i = 1; i < SLOTS_MAX; i++) {
                _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();

                CHECK_EQ(vault_slot_add(s.vault, s.root, draft), 0);
        }
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        {
                _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();

                CHECK_EQ(vault_slot_add(s.vault, s.root, draft), VAULT_E_LIMIT);
        }
        scratch_done(&s);
}

TEST(an_unknown_slot_row_does_not_stop_the_others)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        Scratch s;
        Root *root;

        scratch_new(&s);
        scratch_close(&s);
        tamper(&s, "INSERT INTO slot SELECT "
                   "x'00112233445566778899aabbccddeeff',0,99,label,created,used,params,wrapped FROM slot;"
                   "INSERT INTO slot VALUES(x'01',0,1,'short id',0,0,x'',x'')");
        scratch_open(&s);
        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(list.n, 2);
        root = NULL;
        CHECK_EQ(try_slot(s.vault, root_slot_id(s.root), NULL, &root), 0);
        (void)root_free(root);
        scratch_unlock(&s);
        CHECK(tampered(s.vault, 1));
        scratch_done(&s);
}

TEST(a_collection_with_slots_of_its_own)
{
        _cleanup_(slot_draft_freep) SlotDraft *own = draft_none(), *more = draft_none(), *third = draft_none();
        _cleanup_(root_freep) Root *root = NULL;
        uint8_t id[SLOT_ID_SIZE];
        const VaultCollection *c;
        uint32_t no;
        ItemId item;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Private", own, &c), 0);
        no = c->no;
        CHECK(c->own_slots && !c->locked);
        item = put(s.vault, no, "x", "mine", false, NULL, ATTRIBUTES({"a", "1"}));
        scratch_again(&s);
        c = vault_collection_get(s.vault, no);
        CHECK(c->own_slots && c->locked && !vault_collection_get(s.vault, 1)->locked);
        CHECK_EQ(vault_unlock(s.vault, s.root, no), VAULT_E_LOCKED);
        CHECK_EQ(vault_item_get(s.vault, item, true, &(Item *){NULL}), VAULT_E_LOCKED);

        root = root_of(s.vault, no);
        CHECK_EQ(root_collection(root), no);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_unlock(s.vault, root, 0), 0);
        CHECK(!vault_is_unlocked(s.vault) && vault_collection_get(s.vault, 1)->locked && !c->locked);
        check_value(s.vault, item, "mine");
        CHECK_EQ(change_value(s.vault, item, "mine2"), 0);

        /* Its slots, with the vault locked: by root while closed, by nothing while open. */
        CHECK_EQ(vault_slot_add(s.vault, root, more), 0);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, slot_draft_id(own)), 0);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, slot_draft_id(more)), VAULT_E_LAST_SLOT);
        vault_lock(s.vault, no);
        CHECK_EQ(vault_slot_add(s.vault, root, third), 0);
        copy_id(third, id);
        CHECK_EQ(vault_slot_remove(s.vault, NULL, id), VAULT_E_LOCKED);
        scratch_again(&s);
        CHECK_EQ(vault_unlock(s.vault, root, no), 0);
        CHECK(!tampered(s.vault, no) && !tampered(s.vault, 1));
        check_value(s.vault, item, "mine2");
        check_in_order(s.vault);

        /* A slot moved into its scope shows. */
        scratch_close(&s);
        tamper(&s, "UPDATE slot SET label='other' WHERE scope<>0");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(vault_unlock(s.vault, root, no), 0);
        CHECK(tampered(s.vault, no) && !tampered(s.vault, 1));
        (void)report(s.vault, true);
        CHECK(!tampered(s.vault, no));
        scratch_again(&s);
        CHECK_EQ(vault_unlock(s.vault, root, no), 0);
        CHECK(!tampered(s.vault, no));
        scratch_done(&s);
}

static size_t drafts_for(Vault *vault, const char *key, SlotDraft *ret[4])
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(secret_freep) Secret *secret = secret_of(key);
        size_t n = 0;

        CHECK_EQ(vault_slots(vault, &list), 0);
        for (size_t i = 0; i < list.n; i++)
                if (slot_collection(list.slots[i]) == 0)
                        CHECK_EQ(slot_prepare_again(list.slots[i], &(SlotRequest){.secret = secret}, ret + n++), 0);
        return n;
}

TEST(rekeying_makes_old_copies_useless)
{
        _cleanup_(slot_draft_freep) SlotDraft *credential = draft_credential(KEY_A), *own = draft_none();
        _cleanup_(root_freep) Root *root = NULL;
        SlotDraft *drafts[4] = {NULL};
        _cleanup_(slot_list_done) SlotList old = {0};
        const VaultCollection *private;
        uint8_t index_key[32];
        uint32_t no;
        ItemId id, gone, mine;
        Scratch s;
        size_t n;

        scratch_new(&s);
        CHECK_EQ(vault_slot_add(s.vault, s.root, credential), 0);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Private", own, &private), 0);
        no = private->no;
        id = put(s.vault, 1, "x", "one", false, NULL, ATTRIBUTES({"a", "1"}));
        CHECK_EQ(change_value(s.vault, id, "two"), 0);
        gone = put(s.vault, 1, "y", "gone", false, NULL, ATTRIBUTES({"a", "2"}));
        CHECK_EQ(vault_item_delete(s.vault, gone), 0);
        mine = put(s.vault, no, "z", "mine", false, NULL, ATTRIBUTES({"a", "3"}));
        CHECK_EQ(vault_slots(s.vault, &old), 0);
        memcpy(index_key, s.vault->index_key, sizeof(index_key));

        n = drafts_for(s.vault, KEY_B, drafts);
        CHECK_EQ(n, 2);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, 1), VAULT_E_INVALID);
        CHECK_EQ(vault_rekey(s.vault, s.root, (SlotDraft *[]){drafts[0], drafts[0]}, 2), VAULT_E_INVALID);
        CHECK_EQ(vault_rekey(s.vault, s.root, (SlotDraft *[]){drafts[0], own}, 2), VAULT_E_INVALID);
        vault_lock(s.vault, no);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, n), VAULT_E_LOCKED);
        root = root_of(s.vault, no);
        CHECK_EQ(vault_unlock(s.vault, root, no), 0);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, n), 0);

        check_value(s.vault, id, "two");
        check_value(s.vault, mine, "mine");
        check_in_order(s.vault);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "1"})), 1);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "3"})), 1);
        CHECK(memcmp(index_key, s.vault->index_key, sizeof(index_key)) != 0);

        scratch_close(&s);
        scratch_open(&s);
        /* The old root opens nothing, and the old copies of the slots only the old root. */
        CHECK_EQ(vault_unlock(s.vault, s.root, 0), VAULT_E_DAMAGED);
        s.root = root_free(s.root);
        CHECK_EQ(try_slot(s.vault, slot_draft_id(credential), KEY_A, &s.root), VAULT_E_WRONG_SECRET);
        CHECK_EQ(try_slot(s.vault, slot_draft_id(credential), KEY_B, &s.root), 0);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1));
        CHECK_EQ(vault_unlock(s.vault, root, no), 0);
        check_value(s.vault, id, "two");
        check_value(s.vault, mine, "mine");
        check_in_order(s.vault);
        {
                _cleanup_(trash_list_done) TrashList trash = {0};

                CHECK_EQ(vault_trash(s.vault, 1, 0, &trash), 0);
                CHECK_EQ(trash.n, 2);
                CHECK_EQ(vault_undelete(s.vault, gone, trash.entries[0].item->version), 0);
                check_value(s.vault, gone, "gone");
                CHECK_EQ(vault_undelete(s.vault, id, trash.entries[1].item->version), 0);
                check_value(s.vault, id, "one");
        }
        for (size_t i = 0; i < n; i++)
                (void)slot_draft_free(drafts[i]);
        scratch_done(&s);
}

/* Neither file nor log may still hold what the old slots were. */
TEST(old_wraps_leave_the_files)
{
        static const char *const suffixes[] = {"", "-wal"};
        _cleanup_(slot_list_done) SlotList old = {0};
        SlotDraft *drafts[4] = {NULL};
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_slots(s.vault, &old), 0);
        CHECK_EQ(drafts_for(s.vault, KEY_A, drafts), 1);
        CHECK_EQ(vault_slot_replace(s.vault, s.root, drafts[0]), 0);
        for (size_t i = 0; i < 2; i++) {
                char path[80];
                FILE *file;
                struct stat st;
                uint8_t *data;

                (void)snprintf(path, sizeof(path), "%s%s", s.path, suffixes[i]);
                CHECK_EQ(stat(path, &st), 0);
                data = malloc((size_t)st.st_size);
                /* Reading the database drops this process's locks on it, which does not matter here any more. */
                file = fopen(path, "re");
                CHECK(data && file);
                CHECK_EQ(fread(data, 1, (size_t)st.st_size, file), st.st_size);
                CHECK(!memmem(data, (size_t)st.st_size, old.slots[0]->wrapped, SLOT_WRAPPED_SIZE));
                CHECK(!memmem(data, (size_t)st.st_size, old.slots[0]->params, old.slots[0]->params_size));
                (void)fclose(file);
                free(data);
        }
        (void)slot_draft_free(drafts[0]);
        scratch_done(&s);
}

TEST(rekeying_may_drop_slots)
{
        _cleanup_(slot_draft_freep) SlotDraft *credential = draft_credential(KEY_A), *own = draft_none();
        _cleanup_(slot_list_done) SlotList list = {0};
        SlotDraft *drafts[4] = {NULL};
        const VaultCollection *c;
        Scratch s;
        size_t kept;

        scratch_new(&s);
        CHECK_EQ(vault_slot_add(s.vault, s.root, credential), 0);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Private", own, &c), 0);
        CHECK_EQ(drafts_for(s.vault, KEY_B, drafts), 2);
        kept = memcmp(slot_draft_id(drafts[0]), slot_draft_id(credential), SLOT_ID_SIZE) == 0 ? 0 : 1;
        CHECK_EQ(vault_rekey_drop(s.vault, s.root, drafts, 0), VAULT_E_INVALID);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts + kept, 1), VAULT_E_INVALID);
        CHECK_EQ(vault_rekey_drop(s.vault, s.root, drafts + kept, 1), 0);
        /* The one that was kept, and the collection's own. */
        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(list.n, 2);
        CHECK(slot_at(&list, slot_draft_id(credential)) && slot_at(&list, slot_draft_id(own)));
        scratch_close(&s);
        scratch_open(&s);
        s.root = root_free(s.root);
        CHECK_EQ(try_slot(s.vault, slot_draft_id(credential), KEY_B, &s.root), 0);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1));
        for (size_t i = 0; i < 2; i++)
                (void)slot_draft_free(drafts[i]);
        scratch_done(&s);
}

TEST(rekeying_refuses_what_is_not_in_order)
{
        SlotDraft *drafts[4] = {NULL};
        Scratch s;

        scratch_new(&s);
        put(s.vault, 1, "x", "v", false, NULL, NULL, 0);
        CHECK_EQ(drafts_for(s.vault, KEY_B, drafts), 1);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, 1), -EBUSY);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, 1), VAULT_E_LOCKED);
        scratch_close(&s);
        tamper(&s, "DELETE FROM item");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, 1), VAULT_E_DAMAGED);
        (void)report(s.vault, true);
        CHECK_EQ(vault_rekey(s.vault, s.root, drafts, 1), 0);
        (void)slot_draft_free(drafts[0]);
        scratch_done(&s);
}

TEST_MAIN
