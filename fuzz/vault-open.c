/* Each call answers with one of its results, and what is handed out keeps the promises of vault.h */
#include "fuzz/vault-open.h"

#include <string.h>

#include "fuzz/fuzz.h"
#include "store/internal.h"

void fuzz_vault_known(int r)
{
        PROMISE(r >= -133 && r < _VAULT_RESULT_MAX);
        PROMISE(vault_strerror(r));
}

static void read_records(Vault *vault, VaultClass class)
{
        uint8_t data[16384];
        VaultDeleted deleted[8];
        VaultMark by = {.kind = 1};
        uint64_t numbers[8], count;
        size_t n = 0, size = 0;
        int r;

        /* The marks of the vector. */
        memset(by.value, 'r', sizeof(by.value));
        r = vault_record_find(vault, class, &by, UINT64_MAX, numbers, ELEMENTSOF(numbers), &n);
        fuzz_vault_known(r);
        for (size_t i = 0; r == 0 && i < n; i++) {
                PROMISE(numbers[i] > 0 && (i == 0 || numbers[i] < numbers[i - 1]));
                fuzz_vault_known(vault_record_get(vault, class, numbers[i], data, sizeof(data), &size));
                PROMISE(size <= sizeof(data));
        }
        fuzz_vault_known(vault_record_get(vault, class, 1, data, sizeof(data), &size));
        fuzz_vault_known(vault_record_get(vault, class, 2, data, 1, &size));
        r = vault_record_deleted(vault, class, UINT64_MAX, deleted, ELEMENTSOF(deleted), &n);
        fuzz_vault_known(r);
        for (size_t i = 0; r == 0 && i < n; i++) {
                PROMISE(deleted[i].number > 0 && (i == 0 || deleted[i].number < deleted[i - 1].number));
                fuzz_vault_known(vault_record_get_deleted(vault, class, deleted[i].number, data, sizeof(data), &size));
        }
        fuzz_vault_known(vault_record_count(vault, class, &count));
        (void)vault_class_tampered(vault, class);
        r = vault_note_get(vault, "passkeys", data, NOTE_MAX, &size);
        fuzz_vault_known(r);
        PROMISE(r != 0 || size <= NOTE_MAX);
}

void fuzz_vault_read(Vault *vault)
{
        ItemIds open = {0}, closed = {0};
        TrashList trash = {0};
        int r;

        for (const VaultCollection *c = vault_collection_next(vault, NULL); c; c = vault_collection_next(vault, c)) {
                PROMISE(c->no > 0 && c->name[0] && utf8_valid(c->label, strlen(c->label)));
                PROMISE(vault_collection_by_name(vault, c->name) == c);
        }
        r = vault_search(vault, 0, NULL, 0, 200, &open, &closed);
        fuzz_vault_known(r);
        for (size_t i = 0; i < open.n; i++) {
                TrashList history = {0};
                Item *item = NULL;

                PROMISE(i == 0 || open.ids[i] > open.ids[i - 1]);
                r = vault_item_get(vault, open.ids[i], true, &item);
                fuzz_vault_known(r);
                if (r == 0)
                        PROMISE(item->id == open.ids[i] && item->value);
                (void)item_free(item);
                r = vault_history(vault, open.ids[i], &history);
                fuzz_vault_known(r);
                for (size_t k = 0; r == 0 && k < history.n; k++)
                        PROMISE(history.entries[k].item->id == open.ids[i]);
                trash_list_done(&history);
        }
        item_ids_done(&open);
        item_ids_done(&closed);
        fuzz_vault_known(vault_trash(vault, 0, 200, &trash));
        trash_list_done(&trash);
        for (VaultClass class = 1; class < _VAULT_CLASS_MAX; class ++)
                read_records(vault, class);
}

static void write_records(Vault *vault, VaultClass class)
{
        VaultMark by = {.kind = 1};
        uint64_t number;

        fuzz_vault_known(vault_record_create(vault, class, &by, 1, "new", 3, &number));
        fuzz_vault_known(vault_record_update(vault, class, 1, "changed", 7));
        fuzz_vault_known(vault_record_undelete(vault, class, 4));
        fuzz_vault_known(vault_record_delete(vault, class, 2, true));
        fuzz_vault_known(vault_record_delete(vault, class, 6, false));
        fuzz_vault_known(vault_note_put(vault, "passkeys", "x", 1));
}

static void wipe(Vault *vault)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        bool done = false;
        int r;

        r = vault_wipe_new(vault, 0, &wipe);
        while (r == 0 && !done)
                r = vault_wipe_step(wipe, 16, &done);
        fuzz_vault_known(r);
}

static void write_some(Vault *vault)
{
        const VaultAttribute attributes[] = {{"user", "bob"}};
        ItemChange change = {.label = "x", .attributes = attributes, .n_attributes = 1, .value = "v", .value_size = 1};
        VaultReport report;
        ItemId id;

        fuzz_vault_known(vault_item_create(vault, 1, &change, true, &id, NULL));
        fuzz_vault_known(vault_item_delete(vault, ITEM_ID(1, 1)));
        fuzz_vault_known(vault_alias_set(vault, "fuzz", 1));
        write_records(vault, VAULT_CLASS_PASSKEYS);
        write_records(vault, VAULT_CLASS_LOG);
        fuzz_vault_known(vault_check(vault, false, NULL, NULL, &report));
        fuzz_vault_known(vault_check(vault, true, NULL, NULL, &report));
        fuzz_vault_known(vault_idle(vault, UINT64_C(1) << 40));
        if (vault_set_retention(vault, (VaultRetention){.days = 3, .versions = 2}) == 0)
                PROMISE(vault_retention(vault).days == 3 && vault_retention(vault).versions == 2);
        wipe(vault);
}

void fuzz_vault_open(const char *path, bool change)
{
        Vault *vault = NULL;
        SlotList list = {0};
        VaultReport report;
        int r;

        r = vault_open(path, &vault, NULL);
        fuzz_vault_known(r);
        if (r != 0)
                return;
        fuzz_vault_read(vault);
        fuzz_vault_known(vault_slots(vault, &list));
        for (size_t i = 0; i < list.n; i++) {
                Root *root = NULL;

                if (slot_kind(list.slots[i]) != SLOT_NONE || slot_open(list.slots[i], NULL, &root) != 0)
                        continue;
                fuzz_vault_known(vault_unlock(vault, root, 0));
                (void)root_free(root);
        }
        slot_list_done(&list);
        fuzz_vault_read(vault);
        fuzz_vault_known(vault_check(vault, false, NULL, NULL, &report));
        if (change) {
                write_some(vault);
                fuzz_vault_read(vault);
        }
        (void)vault_free(vault);
}
