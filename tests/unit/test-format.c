/*
 * The committed vectors through the library
 *
 * They were written once, and tests/vectors/decode.py reads them by docs/FORMAT.md alone; a build that cannot read
 * them, or reads something else, has changed the format.
 */
#include "tests/unit/vault-tools.h"

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

static Item *get(Vault *vault, ItemId id)
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
        item = get(s.vault, ITEM_ID(1, 1));
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

        large = get(s.vault, ITEM_ID(1, 1));
        CHECK_EQ(large->value->size, 9000);
        for (size_t i = 0; i < 9000; i++)
                CHECK_EQ(large->value->data[i], (uint8_t)(i * 7));
        CHECK(strcmp(large->content_type, "application/octet-stream") == 0 && large->n_attributes == 0);
        empty = get(s.vault, ITEM_ID(1, 2));
        CHECK(strcmp(empty->label, "empty \xe2\x88\x85") == 0 && empty->value->size == 0);
        binary = get(s.vault, ITEM_ID(1, 3));
        CHECK(binary->value->size == 3 && memcmp(binary->value->data, "\0\n\xfe", 3) == 0 && binary->version == 4);
        CHECK(strcmp(binary->attributes[1].value, "org.example.Password") == 0);
        own = get(s.vault, ITEM_ID(2, 1));
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

TEST_MAIN
