/*
 * The committed vectors through the library
 *
 * They were written once, and tests/vectors/decode.py reads them by docs/FORMAT.md alone; a build that cannot read
 * them, or reads something else, has changed the format.
 */
#include "tests/unit/record-tools.h"

/* A private copy of a vector; the file in the tree is not opened. */
static void scratch_vector(Scratch *s, const char *name)
{
        const char *dir = getenv("KEYFOB_VECTORS");
        char command[4096];

        CHECK(arena_init() >= 0);
        scratch_dir(s);
        CHECK(dir);
        (void)snprintf(command, sizeof(command), "cp '%s/%s' %s && chmod 600 %s", dir, name, s->path, s->path);
        CHECK_EQ(system(command), 0);
        scratch_open(s);
}

static Root *open_slot(Vault *vault, SlotKind kind, uint32_t scope, const char *secret, int expect)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(secret_freep) Secret *bytes = NULL;
        Root *root = NULL;
        bool found = false;

        CHECK_EQ(secret_new_from(&bytes, secret, strlen(secret)), 0);
        CHECK_EQ(vault_slots(vault, &list), 0);
        for (size_t i = 0; i < list.n; i++)
                if (slot_kind(list.slots[i]) == kind && slot_collection(list.slots[i]) == scope) {
                        CHECK_EQ(slot_open(list.slots[i], bytes, &root), expect);
                        found = true;
                }
        CHECK(found);
        return root;
}

static Item *get_item(Vault *vault, ItemId id)
{
        Item *item = NULL;

        CHECK_EQ(vault_item_get(vault, id, true, &item), 0);
        return item;
}

TEST(the_password_vector)
{
        _cleanup_(item_freep) Item *item = NULL;
        const VaultCollection *c;
        Scratch s;

        scratch_vector(&s, "password.vault");
        CHECK(!open_slot(s.vault, SLOT_PASSWORD, 0, "correct horse battery stapler", VAULT_E_WRONG_SECRET));
        s.root = open_slot(s.vault, SLOT_PASSWORD, 0, "correct horse battery staple", 0);
        /* Found by token before it is unlocked. */
        {
                size_t locked = 0;

                CHECK_EQ(count(s.vault, &locked, ATTRIBUTES({"service", "example.org"}, {"username", "alice"})), 0);
                CHECK_EQ(locked, 1);
        }
        scratch_unlock(&s);
        c = vault_collection_get(s.vault, 1);
        CHECK(c && !c->tampered && c->n_items == 1 && strcmp(c->label, "Default") == 0);
        CHECK_EQ(vault_alias_get(s.vault, "default"), 1);
        item = get_item(s.vault, ITEM_ID(1, 1));
        CHECK(strcmp(item->label, "example.org") == 0 && strcmp((char *)item->value->data, "s3cret") == 0);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"service", "example.org"}, {"username", "alice"})), 1);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(the_other_vector)
{
        _cleanup_(item_freep) Item *large = NULL, *empty = NULL, *binary = NULL, *own = NULL;
        _cleanup_(root_freep) Root *by_file = NULL, *own_root = NULL;
        _cleanup_(trash_list_done) TrashList trash = {0};
        const VaultCollection *c;
        Scratch s;

        scratch_vector(&s, "none.vault");
        s.root = open_slot(s.vault, SLOT_NONE, 0, "", 0);
        by_file = open_slot(s.vault, SLOT_CREDENTIAL, 0, "0123456789abcdef0123456789abcdef", 0);
        own_root = open_slot(s.vault, SLOT_NONE, 2, "", 0);
        CHECK(memcmp(s.root->key, by_file->key, sizeof(Key)) == 0);
        CHECK(vault_is_unprotected(s.vault));
        CHECK_EQ(vault_unlock(s.vault, by_file, 0), 0);
        c = vault_collection_get(s.vault, 1);
        CHECK(c && !c->tampered && c->n_items == 3 && strcmp(c->label, "Mes cl\xc3\xa9s") == 0 &&
              strcmp(c->name, "Mes_cl_s") == 0);
        c = vault_collection_get(s.vault, 2);
        CHECK(c && c->locked && c->own_slots);
        CHECK_EQ(vault_unlock(s.vault, own_root, 2), 0);
        CHECK(!c->locked && !c->tampered);
        CHECK_EQ(vault_alias_get(s.vault, "private"), 2);

        large = get_item(s.vault, ITEM_ID(1, 1));
        CHECK_EQ(large->value->size, 9000);
        for (size_t i = 0; i < 9000; i++)
                CHECK_EQ(large->value->data[i], (uint8_t)(i * 7));
        CHECK(strcmp(large->content_type, "application/octet-stream") == 0 && large->n_attributes == 0);
        empty = get_item(s.vault, ITEM_ID(1, 2));
        CHECK(strcmp(empty->label, "empty \xe2\x88\x85") == 0 && empty->value->size == 0);
        binary = get_item(s.vault, ITEM_ID(1, 3));
        CHECK(binary->value->size == 3 && memcmp(binary->value->data, "\0\n\xfe", 3) == 0 && binary->version == 4);
        CHECK(strcmp(binary->attributes[1].value, "org.example.Password") == 0);
        own = get_item(s.vault, ITEM_ID(2, 1));
        CHECK(strcmp((char *)own->value->data, "own secret") == 0);

        CHECK_EQ(vault_trash(s.vault, 0, 0, &trash), 0);
        CHECK_EQ(trash.n, 2);
        CHECK(trash.entries[0].deleted && strcmp(trash.entries[0].item->label, "gone") == 0);
        CHECK(!trash.entries[1].deleted && trash.entries[1].item->version == 3);
        CHECK_EQ(vault_undelete(s.vault, ITEM_ID(1, 5), 5), 0);
        check_value(s.vault, ITEM_ID(1, 5), "gone");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(the_vector_of_classes)
{
        const char *const told[] = {"first, changed", "second", ""};
        const uint64_t numbered[] = {1, 2, 6};
        uint8_t data[9000];
        VaultMark by = {.kind = 1};
        VaultDeleted deleted[2];
        uint64_t numbers[16];
        size_t size, n;
        Scratch s;

        scratch_vector(&s, "classes.vault");
        CHECK_EQ(vault_note_get(s.vault, "passkeys", data, sizeof(data), &size), 0);
        CHECK(size == 9 && memcmp(data, "\0\xff a note", 9) == 0);
        CHECK_EQ(vault_note_get(s.vault, "empty", data, sizeof(data), &size), 0);
        CHECK_EQ(size, 0);
        s.root = open_slot(s.vault, SLOT_NONE, 0, "", 0);
        scratch_unlock(&s);
        for (VaultClass class = 1; class < _VAULT_CLASS_MAX; class ++)
                CHECK(!vault_class_tampered(s.vault, class));
        CHECK_EQ(n_records(s.vault, CLASS), 3);
        for (size_t i = 0; i < 3; i++)
                check_text(s.vault, CLASS, numbered[i], told[i]);
        memset(by.value, 'r', sizeof(by.value));
        CHECK(found(s.vault, CLASS, by, numbers) == 2 && numbers[0] == 2 && numbers[1] == 1);
        by.kind = 2;
        memset(by.value, 'u', sizeof(by.value));
        CHECK(found(s.vault, CLASS, by, numbers) == 1 && numbers[0] == 1);
        CHECK_EQ(vault_record_deleted(s.vault, CLASS, UINT64_MAX, deleted, 2, &n), 0);
        CHECK(n == 1 && deleted[0].number == 4);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, 4), 0);
        check_text(s.vault, CLASS, 4, "deleted");
        CHECK(found(s.vault, CLASS, by, numbers) == 2 && numbers[0] == 4);

        CHECK_EQ(vault_record_get(s.vault, VAULT_CLASS_SSH, 1, data, sizeof(data), &size), 0);
        CHECK_EQ(size, sizeof(data));
        for (size_t i = 0; i < size; i++)
                CHECK_EQ(data[i], (uint8_t)(i * 7));
        for (unsigned kind = 248; kind < 256; kind++) {
                by.kind = (uint8_t)kind;
                memset(by.value, 'k', sizeof(by.value));
                CHECK(found(s.vault, VAULT_CLASS_SSH, by, numbers) == 1 && numbers[0] == 1);
        }
        CHECK_EQ(n_records(s.vault, VAULT_CLASS_OTP), 0);
        CHECK_EQ(make(s.vault, VAULT_CLASS_OTP, "next", NULL, 0), 2); /* 1 was given once */
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(the_vector_of_a_sealed_class)
{
        uint8_t device[VAULT_DEVICE_SIZE];
        const Secret *params;
        char got[256];
        Scratch s;

        memset(device, 'd', sizeof(device));
        scratch_vector(&s, "sealed.vault");
        s.root = open_slot(s.vault, SLOT_NONE, 0, "", 0);
        scratch_unlock(&s);
        params = vault_class_params(s.vault, CLASS);
        CHECK(params && params->size == 10 && memcmp(params->data, "how to ask", 10) == 0);
        CHECK_EQ(get(s.vault, CLASS, 1, got), VAULT_E_DEVICE);
        CHECK_EQ(vault_class_open(s.vault, CLASS, device), 0);
        check_text(s.vault, CLASS, 1, "first, changed");
        CHECK_EQ(n_records(s.vault, CLASS), 3);
        CHECK_EQ(vault_record_undelete(s.vault, CLASS, 4), 0);
        CHECK(!vault_class_tampered(s.vault, CLASS));
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(the_vector_of_hints)
{
        const uint64_t numbered[] = {2, 4, 5};
        uint64_t number = 0;
        uint8_t data[9000];
        size_t size;
        Scratch s;

        scratch_vector(&s, "hints.vault");
        CHECK_EQ(vault_hint_next(s.vault, VAULT_CLASS_SSH, &number, data, sizeof(data), &size), 0);
        CHECK(number == numbered[0] && size == 7 && memcmp(data, "is told", 7) == 0);
        CHECK_EQ(vault_hint_next(s.vault, VAULT_CLASS_SSH, &number, data, sizeof(data), &size), 0);
        CHECK(number == numbered[1] && size == 0);
        CHECK_EQ(vault_hint_next(s.vault, VAULT_CLASS_SSH, &number, data, sizeof(data), &size), 0);
        CHECK(number == numbered[2] && size == sizeof(data));
        for (size_t i = 0; i < size; i++)
                CHECK_EQ(data[i], (uint8_t)(i * 5));
        CHECK_EQ(vault_hint_next(s.vault, VAULT_CLASS_SSH, &number, data, sizeof(data), &size), VAULT_E_NOT_FOUND);

        s.root = open_slot(s.vault, SLOT_NONE, 0, "", 0);
        scratch_unlock(&s);
        check_text(s.vault, VAULT_CLASS_SSH, numbered[0], "another key");
        CHECK_EQ(vault_hint_get_deleted(s.vault, VAULT_CLASS_SSH, 6, data, sizeof(data), &size), 0);
        CHECK(size == 10 && memcmp(data, "comes back", 10) == 0);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* Every slot of the vector opens by what its kind takes, and by that only. */
TEST(the_vector_of_slots)
{
        static const struct {
                const char *label, *secret;
        } slots[] = {
                {"none", ""},
                {"paper", "o1236 4567G-89ABF cdefs-GHJKM MNPQ2 RSTVX"},
                {"login", "the login password"},
                {"key", "ffffffffffffffffffffffffffffffff"},
                {"key, verified", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"},
                {"tpm2", "tttttttttttttttttttttttttttttttt"},
        };
        _cleanup_(slot_list_done) SlotList list = {0};
        SlotFido2 fido2;
        SlotTpm2 tpm2;
        Scratch s;

        scratch_vector(&s, "slots.vault");
        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(list.n, ELEMENTSOF(slots));
        for (size_t i = 0; i < list.n; i++)
                for (size_t k = 0; k < ELEMENTSOF(slots); k++) {
                        bool own = strcmp(slot_label(list.slots[i]), slots[k].label) == 0;
                        _cleanup_(secret_freep) Secret *secret = NULL;
                        _cleanup_(root_freep) Root *root = NULL;

                        CHECK_EQ(secret_new_from(&secret, slots[k].secret, strlen(slots[k].secret)), 0);
                        CHECK_EQ(slot_open(list.slots[i], secret, &root),
                                 own || slot_kind(list.slots[i]) == SLOT_NONE ? 0 : VAULT_E_WRONG_SECRET);
                        if (own)
                                CHECK_EQ(vault_unlock(s.vault, root, 0), 0);
                        if (own && slot_fido2(list.slots[i], &fido2))
                                CHECK(strcmp(fido2.rp_id, fido2.uv ? "pam://host" : "keyfob") == 0);
                        if (own && slot_tpm2(list.slots[i], &tpm2))
                                CHECK(tpm2.pin && tpm2.pcrs == 1U << 7 && tpm2.key_size == 5);
                }
        check_in_order(s.vault);
        scratch_done(&s);
}

/* A new name is bound like all else of a slot, and survives. */
TEST(a_slot_is_renamed)
{
        _cleanup_(slot_list_done) SlotList list = {0}, after = {0};
        uint8_t other[SLOT_ID_SIZE] = {0};
        char long_label[SLOT_LABEL_MAX + 2];
        Scratch s;

        memset(long_label, 'x', sizeof(long_label) - 1);
        long_label[sizeof(long_label) - 1] = 0;
        scratch_vector(&s, "slots.vault");
        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(vault_slot_rename(s.vault, NULL, slot_id(list.slots[1]), "drawer"), VAULT_E_LOCKED);
        s.root = open_slot(s.vault, SLOT_NONE, 0, "", 0);
        scratch_unlock(&s);
        CHECK_EQ(vault_slot_rename(s.vault, NULL, slot_id(list.slots[1]), "drawer"), 0);
        CHECK_EQ(vault_slot_rename(s.vault, NULL, slot_id(list.slots[1]), ""), VAULT_E_INVALID);
        CHECK_EQ(vault_slot_rename(s.vault, NULL, slot_id(list.slots[1]), "\xff"), VAULT_E_INVALID);
        CHECK_EQ(vault_slot_rename(s.vault, NULL, slot_id(list.slots[1]), long_label), VAULT_E_INVALID);
        CHECK_EQ(vault_slot_rename(s.vault, NULL, other, "x"), VAULT_E_NOT_FOUND);
        CHECK_EQ(vault_slots(s.vault, &after), 0);
        CHECK(strcmp(slot_label(after.slots[1]), "drawer") == 0);
        scratch_close(&s);
        scratch_open(&s);
        scratch_unlock(&s);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* Version 1 had no records of classes: nothing is missing, nothing is written until there is one. */
TEST(a_vault_of_version_1)
{
        int64_t version = 0;
        char copy[80];
        uint64_t number;
        struct stat st;
        Scratch s;

        scratch_vector(&s, "none.vault");
        CHECK_EQ(db_pragma(s.vault->db, "PRAGMA user_version", &version), 0);
        CHECK_EQ(version, 4);
        (void)snprintf(copy, sizeof(copy), "%s/snapshots/vault.db.v1", s.dir);
        CHECK_EQ(stat(copy, &st), 0);
        /* Cut short here, the first unlocking is as good later. */
        scratch_close(&s);
        scratch_open(&s);
        s.root = open_slot(s.vault, SLOT_NONE, 0, "", 0);
        scratch_unlock(&s);
        CHECK(stat(copy, &st) < 0);
        CHECK_EQ(s.vault->wal_frames, 0);
        for (VaultClass class = 1; class < _VAULT_CLASS_MAX; class ++) {
                CHECK(!vault_class_tampered(s.vault, class));
                CHECK_EQ(n_records(s.vault, class), 0);
        }
        check_in_order(s.vault);
        number = make(s.vault, CLASS, "the first", MARKS(mark(1, "x")));
        scratch_again(&s);
        CHECK(!vault_class_tampered(s.vault, CLASS) && !tampered(s.vault, 1));
        check_text(s.vault, CLASS, number, "the first");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST_MAIN
