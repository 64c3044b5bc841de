/* Every kind of write, and what a vault holds as text: see vault-story.h */
#include "tests/unit/vault-story.h"

#include <errno.h>

#define CLASS VAULT_CLASS_PASSKEYS

/* ---- finding one's way ---- */

ItemId story_item(Vault *vault, const char *name)
{
        _cleanup_(item_ids_done) ItemIds ids = {0}, locked = {0};

        if (vault_search(vault, 0, (const VaultAttribute[]){{"n", name}}, 1, 0, &ids, &locked) != 0 || ids.n == 0)
                return 0;
        return ids.ids[0];
}

static uint32_t collection_named(Vault *vault, const char *name)
{
        const VaultCollection *c = vault_collection_by_name(vault, name);

        return c ? c->no : 0;
}

Secret *story_secret(char letter)
{
        Secret *secret = NULL;

        CHECK_EQ(secret_new(&secret, SLOT_KEYFILE_MIN), 0);
        memset(secret->data, letter, SLOT_KEYFILE_MIN);
        secret->size = SLOT_KEYFILE_MIN;
        return secret;
}

static Slot *slot_labelled(Vault *vault, const char *label)
{
        _cleanup_(slot_list_done) SlotList list = {0};

        if (vault_slots(vault, &list) != 0)
                return NULL;
        for (size_t i = 0; i < list.n; i++)
                if (strcmp(list.slots[i]->label, label) == 0)
                        return TAKE_PTR(list.slots[i]);
        return NULL;
}

int story_write(Vault *vault, uint32_t collection, const char *name, const char *value, size_t size,
                      bool replace)
{
        const VaultAttribute attributes[] = {{"n", name}, {"shared", "by all"}};
        ItemChange change = {.label = name,
                             .attributes = attributes,
                             .n_attributes = ELEMENTSOF(attributes),
                             .value = value,
                             .value_size = size,
                             .value_set = true};
        ItemId id;

        return vault_item_create(vault, collection, &change, replace, &id, NULL);
}

static int write_text(Vault *vault, uint32_t collection, const char *name, const char *value)
{
        return story_write(vault, collection, name, value, strlen(value), false);
}

int story_aftermath(Vault *vault)
{
        return write_text(vault, 1, STORY_AFTERMATH, "after it");
}

/* ---- deeds ---- */

static int init(Scratch *s)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();

        return vault_create(s->path, draft, NULL, &s->vault);
}

static int new_item(Scratch *s)
{
        return write_text(s->vault, 1, "one", "first");
}

static int replace_item(Scratch *s)
{
        return story_write(s->vault, 1, "one", "second", 6, true);
}

static int change_attributes(Scratch *s)
{
        const VaultAttribute attributes[] = {{"n", "one"}, {"more", "of them"}};

        return vault_item_update(s->vault, story_item(s->vault, "one"),
                                 &(ItemChange){.label = "one, again", .attributes = attributes, .n_attributes = 2});
}

static int large_item(Scratch *s)
{
        static char value[300 * 1024];

        memset(value, 'x', sizeof(value));
        return story_write(s->vault, 1, "large", value, sizeof(value), false);
}

static int delete_item(Scratch *s)
{
        return vault_item_delete(s->vault, story_item(s->vault, "one"));
}

static int undelete_item(Scratch *s)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        int r;

        r = vault_trash(s->vault, 1, 0, &list);
        for (size_t i = 0; r == 0 && i < list.n; i++)
                if (list.entries[i].deleted)
                        return vault_undelete(s->vault, list.entries[i].item->id, list.entries[i].item->version);
        return r != 0 ? r : VAULT_E_NOT_FOUND;
}

static int bring_back_old_value(Scratch *s)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        int r;

        r = vault_trash(s->vault, 1, 0, &list);
        for (size_t i = 0; r == 0 && i < list.n; i++)
                if (!list.entries[i].deleted)
                        return vault_undelete(s->vault, list.entries[i].item->id, list.entries[i].item->version);
        return r != 0 ? r : VAULT_E_NOT_FOUND;
}

static int collection_create(Scratch *s)
{
        const VaultCollection *c;

        return vault_collection_create(s->vault, s->root, "Work", NULL, &c);
}

static int collection_create_own(Scratch *s)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();
        const VaultCollection *c;

        return vault_collection_create(s->vault, s->root, "Own", draft, &c);
}

/* As the daemon makes one that gets an alias and an item at once. */
static int collection_create_with_all(Scratch *s)
{
        const VaultCollection *c;
        int r;

        r = vault_batch_begin(s->vault);
        if (r != 0)
                return r;
        r = vault_collection_create(s->vault, s->root, "Home", NULL, &c);
        if (r == 0)
                r = vault_alias_set(s->vault, "home", c->no);
        if (r == 0)
                r = write_text(s->vault, c->no, "at home", "hidden");
        if (r == 0)
                return vault_batch_commit(s->vault);
        vault_batch_rollback(s->vault);
        return r;
}

static int item_in_own(Scratch *s)
{
        return write_text(s->vault, collection_named(s->vault, "Own"), "in own", "value");
}

static int collection_label(Scratch *s)
{
        return vault_collection_set_label(s->vault, collection_named(s->vault, "Work"), "Labour");
}

static int alias_set(Scratch *s)
{
        return vault_alias_set(s->vault, "work", collection_named(s->vault, "Work"));
}

static int alias_move(Scratch *s)
{
        return vault_alias_set(s->vault, "work", 1);
}

static int alias_remove(Scratch *s)
{
        return vault_alias_set(s->vault, "work", 0);
}

static int collection_delete(Scratch *s)
{
        return vault_collection_delete(s->vault, collection_named(s->vault, "Home"));
}

static int collection_undelete(Scratch *s)
{
        const VaultCollection *c = vault_collection_next_deleted(s->vault, NULL);

        return c ? vault_collection_undelete(s->vault, c->no) : VAULT_E_NOT_FOUND;
}

static int slot_make(Scratch *s, const char *label, char letter)
{
        _cleanup_(secret_freep) Secret *secret = story_secret(letter);
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        SlotRequest request = {.kind = SLOT_CREDENTIAL, .label = label, .secret = secret};

        CHECK_EQ(slot_prepare(&request, &draft), 0);
        return vault_slot_add(s->vault, s->root, draft);
}

static int slot_add(Scratch *s)
{
        return slot_make(s, "key file", 'a');
}

static int slot_change_secret(Scratch *s)
{
        _cleanup_(secret_freep) Secret *secret = story_secret('b');
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        _cleanup_(slot_freep) Slot *slot = slot_labelled(s->vault, "key file");
        SlotRequest request = {.secret = secret};

        if (!slot)
                return -EIO;
        CHECK_EQ(slot_prepare_again(slot, &request, &draft), 0);
        return vault_slot_replace(s->vault, s->root, draft);
}

static int slot_relabel(Scratch *s)
{
        _cleanup_(slot_freep) Slot *slot = slot_labelled(s->vault, "key file");

        if (!slot)
                return -EIO;
        return vault_slot_rename(s->vault, s->root, slot->id, "renamed");
}

static int slot_note_use(Scratch *s)
{
        _cleanup_(slot_freep) Slot *slot = slot_labelled(s->vault, "renamed");

        if (!slot)
                return -EIO;
        return vault_slot_used(s->vault, slot->id, 12345);
}

static int slot_exchange(Scratch *s)
{
        _cleanup_(slot_freep) Slot *slot = slot_labelled(s->vault, "renamed");
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        _cleanup_(secret_freep) Secret *secret = story_secret('c');
        SlotRequest request = {.kind = SLOT_CREDENTIAL, .label = "in its place", .secret = secret};

        if (!slot)
                return -EIO;
        CHECK_EQ(slot_prepare(&request, &draft), 0);
        return vault_slot_exchange(s->vault, s->root, draft, slot->id);
}

static int slot_drop(Scratch *s)
{
        _cleanup_(slot_freep) Slot *slot = slot_labelled(s->vault, "in its place");

        if (!slot)
                return -EIO;
        return vault_slot_remove(s->vault, s->root, slot->id);
}

static int record_create(Scratch *s)
{
        const VaultMark marks[] = {{.kind = 1, .value = "a"}, {.kind = 2, .value = "b"}};
        uint64_t number;

        return vault_record_create(s->vault, CLASS, marks, 2, "passkey", 7, &number);
}

static int record_update(Scratch *s)
{
        return vault_record_update(s->vault, CLASS, 1, "passkey, used", 13);
}

static int record_delete(Scratch *s)
{
        return vault_record_delete(s->vault, CLASS, 1, /* keep= */ true);
}

static int record_undelete(Scratch *s)
{
        return vault_record_undelete(s->vault, CLASS, 1);
}

static int record_put(Scratch *s)
{
        uint64_t number = 0;

        return vault_record_put(s->vault, VAULT_CLASS_SSH, &number, "private", 7, "public", 6);
}

static int record_put_again(Scratch *s)
{
        uint64_t number = 1;

        return vault_record_put(s->vault, VAULT_CLASS_SSH, &number, "private 2", 9, "public 2", 8);
}

static int record_drop(Scratch *s)
{
        return vault_record_delete(s->vault, VAULT_CLASS_SSH, 1, /* keep= */ false);
}

/* As the authenticator makes a passkey: several records, all or none. */
static int records_whole(Scratch *s)
{
        const VaultMark marks[] = {{.kind = 3, .value = "c"}};
        uint64_t number;
        int r;

        r = vault_batch_begin_whole(s->vault);
        if (r != 0)
                return r;
        r = vault_record_create(s->vault, CLASS, marks, 1, "two", 3, &number);
        if (r == 0)
                r = vault_record_update(s->vault, CLASS, 1, "and one", 7);
        if (r == 0)
                r = vault_note_put(s->vault, "state", "two", 3);
        if (r == 0)
                return vault_batch_commit(s->vault);
        vault_batch_rollback(s->vault);
        return r;
}

static int note_put(Scratch *s)
{
        return vault_note_put(s->vault, "state", "noted", 5);
}

static int class_seal(Scratch *s)
{
        return vault_class_seal(s->vault, s->root, CLASS, "params", 6, (const uint8_t[VAULT_DEVICE_SIZE]){1, 2, 3});
}

static int class_unseal(Scratch *s)
{
        int r = vault_class_is_open(s->vault, CLASS)
                        ? 0
                        : vault_class_open(s->vault, CLASS, (const uint8_t[VAULT_DEVICE_SIZE]){1, 2, 3});

        return r != 0 ? r : vault_class_unseal(s->vault, s->root, CLASS);
}

/* What many clients ask for at one moment, one of which asks for too much. Here one answer counts for all. */
static int batch(Scratch *s)
{
        static char label[VAULT_LABEL_MAX + 2];
        int r, refused;

        memset(label, 'x', sizeof(label) - 1);
        r = vault_batch_begin(s->vault);
        for (unsigned i = 0; r == 0 && i < 8; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "batch %u", i);
                r = write_text(s->vault, i % 2 ? 1 : collection_named(s->vault, "Work"), name, "value");
                if (r != 0 || i != 4)
                        continue;
                refused = write_text(s->vault, 1, label, "refused");
                if (refused != VAULT_E_LIMIT)
                        r = refused;
        }
        if (r == 0)
                r = vault_item_delete(s->vault, story_item(s->vault, "batch 1"));
        if (r == 0)
                return vault_batch_commit(s->vault);
        vault_batch_rollback(s->vault);
        return r;
}

/* More than the log holds when it is made. */
static int grow_log(Scratch *s)
{
        static char value[VAULT_SECRET_MAX];

        memset(value, 'y', sizeof(value));
        return story_write(s->vault, 1, "huge", value, sizeof(value), false);
}

static int delete_large(Scratch *s)
{
        int r;

        r = vault_batch_begin(s->vault);
        if (r == 0)
                r = vault_item_delete(s->vault, story_item(s->vault, "huge"));
        if (r == 0)
                r = vault_item_delete(s->vault, story_item(s->vault, "large"));
        if (r == 0)
                return vault_batch_commit(s->vault);
        vault_batch_rollback(s->vault);
        return r;
}

static int checkpoint(Scratch *s)
{
        return vault_idle(s->vault, 1);
}

/* The write counts, whatever becomes of the checkpoint. */
static int checkpoint_after_write(Scratch *s)
{
        int r = write_text(s->vault, 1, "before a checkpoint", "1");

        if (r == 0)
                (void)vault_idle(s->vault, 1);
        return r;
}

static int purge(Scratch *s)
{
        int r;

        r = vault_batch_begin(s->vault);
        if (r == 0)
                r = vault_purge(s->vault, vault_now() + VAULT_TRASH_SECONDS + 100);
        if (r == 0)
                return vault_batch_commit(s->vault);
        vault_batch_rollback(s->vault);
        return r;
}

static int check_accept(Scratch *s)
{
        VaultReport got;

        return vault_check(s->vault, /* accept= */ true, NULL, NULL, &got);
}

static int rekey(Scratch *s)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        SlotDraft *drafts[8];
        size_t n = 0;
        int r;

        r = vault_slots(s->vault, &list);
        if (r != 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                SlotRequest request = {0};

                if (list.slots[i]->scope != 0 || n == ELEMENTSOF(drafts))
                        continue;
                CHECK_EQ(slot_prepare_again(list.slots[i], &request, drafts + n++), 0);
        }
        r = vault_rekey(s->vault, s->root, drafts, n);
        for (size_t i = 0; i < n; i++)
                (void)slot_draft_free(drafts[i]);
        return r;
}

static int lock_and_unlock(Scratch *s)
{
        vault_lock(s->vault, 0);
        return vault_unlock(s->vault, s->root, 0);
}

static int close_it(Scratch *s)
{
        scratch_close(s);
        return 0;
}

static int open_it(Scratch *s)
{
        return vault_open(s->path, &s->vault, NULL);
}

/* A file of the version before, which is migrated when it is opened. */
static int age(Scratch *s)
{
        sqlite3 *db = NULL;
        int rc;

        rc = sqlite3_open(s->path, &db);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(db, "BEGIN; DROP TABLE hint; PRAGMA user_version=3; COMMIT", NULL, NULL, NULL);
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
        return rc == SQLITE_OK ? 0 : -EIO;
}

static int migrate_it(Scratch *s)
{
        return vault_open(s->path, &s->vault, NULL);
}

const Deed story[] = {
        {"init", init, .from_closed = true},
        {"new item", new_item},
        {"replace", replace_item},
        {"attributes and label", change_attributes},
        {"large item", large_item},
        {"delete", delete_item},
        {"undelete", undelete_item},
        {"bring back an old value", bring_back_old_value},
        {"collection", collection_create},
        {"collection with slots of its own", collection_create_own},
        {"collection with alias and item", collection_create_with_all},
        {"item in it", item_in_own},
        {"label of a collection", collection_label},
        {"alias", alias_set},
        {"alias moved", alias_move},
        {"alias removed", alias_remove},
        {"delete a collection", collection_delete},
        {"undelete a collection", collection_undelete},
        {"delete it again", collection_delete},
        {"slot", slot_add},
        {"slot's secret", slot_change_secret},
        {"slot's label", slot_relabel},
        {"slot's last use", slot_note_use},
        {"slot in another's place", slot_exchange},
        {"slot removed", slot_drop},
        {"record of a class", record_create},
        {"record updated", record_update},
        {"record deleted", record_delete},
        {"record undeleted", record_undelete},
        {"record with a hint", record_put},
        {"record with a hint updated", record_put_again},
        {"record gone", record_drop},
        {"records and note, whole", records_whole},
        {"note", note_put},
        {"class sealed", class_seal},
        {"class unsealed", class_unseal},
        {"batch", batch},
        {"checkpoint", checkpoint},
        {"write and checkpoint", checkpoint_after_write},
        {"wipe of the log", deed_wipe_log, .thorough = true},
        {"wipe of the file", deed_wipe_file},
        {"wipe and write", deed_wipe_and_write, .thorough = true},
        {"wipe of old values", deed_wipe_old_values},
        {"lock and unlock", lock_and_unlock},
        {"rekey", rekey},
        {"second slot", slot_add},
        {"purge", purge},
        {"check with accept", check_accept},
        {"close", close_it},
        {"open", open_it, .from_closed = true},
        {"age", age, .from_closed = true},
        {"migrate", migrate_it, .from_closed = true},
        {"new item after all", new_item},
        {"larger than the log", grow_log},
        {"delete what is large", delete_large},
};
const size_t story_length = ELEMENTSOF(story);

void story_unlock(Vault *vault, const Root *root)
{
        CHECK_EQ(vault_unlock(vault, root, 0), 0);
        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));)
                if (c->own_slots && c->locked) {
                        _cleanup_(root_freep) Root *own = root_of(vault, c->no);

                        CHECK_EQ(vault_unlock(vault, own, c->no), 0);
                }
}

void story_ready(Scratch *s, const Deed *deed)
{
        s->root = root_free(s->root);
        if (deed->from_closed) {
                scratch_close(s);
                return;
        }
        if (!s->vault)
                scratch_open(s);
        s->root = root_of(s->vault, 0);
        story_unlock(s->vault, s->root);
}
