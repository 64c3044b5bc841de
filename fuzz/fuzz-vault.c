/*
 * A whole vault file from an enemy: opened, unlocked by a slot that needs no secret, read, checked and written to
 *
 * Whatever is in the file, each call answers with one of its results and what is handed out keeps the promises of
 * vault.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "store/internal.h"

static void known(int r)
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
        known(r);
        for (size_t i = 0; r == 0 && i < n; i++) {
                PROMISE(numbers[i] > 0 && (i == 0 || numbers[i] < numbers[i - 1]));
                known(vault_record_get(vault, class, numbers[i], data, sizeof(data), &size));
                PROMISE(size <= sizeof(data));
        }
        known(vault_record_get(vault, class, 1, data, sizeof(data), &size));
        known(vault_record_get(vault, class, 2, data, 1, &size));
        r = vault_record_deleted(vault, class, UINT64_MAX, deleted, ELEMENTSOF(deleted), &n);
        known(r);
        for (size_t i = 0; r == 0 && i < n; i++) {
                PROMISE(deleted[i].number > 0 && (i == 0 || deleted[i].number < deleted[i - 1].number));
                known(vault_record_get_deleted(vault, class, deleted[i].number, data, sizeof(data), &size));
        }
        known(vault_record_count(vault, class, &count));
        (void)vault_class_tampered(vault, class);
        r = vault_note_get(vault, "passkeys", data, NOTE_MAX, &size);
        known(r);
        PROMISE(r != 0 || size <= NOTE_MAX);
}

static void read_all(Vault *vault)
{
        ItemIds open = {0}, closed = {0};
        TrashList trash = {0};
        int r;

        for (const VaultCollection *c = vault_collection_next(vault, NULL); c; c = vault_collection_next(vault, c)) {
                PROMISE(c->no > 0 && c->name[0] && utf8_valid(c->label, strlen(c->label)));
                PROMISE(vault_collection_by_name(vault, c->name) == c);
        }
        r = vault_search(vault, 0, NULL, 0, 200, &open, &closed);
        known(r);
        for (size_t i = 0; i < open.n; i++) {
                Item *item = NULL;

                PROMISE(i == 0 || open.ids[i] > open.ids[i - 1]);
                r = vault_item_get(vault, open.ids[i], true, &item);
                known(r);
                if (r == 0)
                        PROMISE(item->id == open.ids[i] && item->value);
                (void)item_free(item);
        }
        item_ids_done(&open);
        item_ids_done(&closed);
        known(vault_trash(vault, 0, 200, &trash));
        trash_list_done(&trash);
        for (VaultClass class = 1; class < _VAULT_CLASS_MAX; class ++)
                read_records(vault, class);
}

static void write_records(Vault *vault, VaultClass class)
{
        VaultMark by = {.kind = 1};
        uint64_t number;

        known(vault_record_create(vault, class, &by, 1, "new", 3, &number));
        known(vault_record_update(vault, class, 1, "changed", 7));
        known(vault_record_undelete(vault, class, 4));
        known(vault_record_delete(vault, class, 2, true));
        known(vault_record_delete(vault, class, 6, false));
        known(vault_note_put(vault, "passkeys", "x", 1));
}

static void write_some(Vault *vault)
{
        const VaultAttribute attributes[] = {{"user", "bob"}};
        ItemChange change = {.label = "x", .attributes = attributes, .n_attributes = 1, .value = "v", .value_size = 1};
        VaultReport report;
        ItemId id;

        known(vault_item_create(vault, 1, &change, true, &id, NULL));
        known(vault_item_delete(vault, ITEM_ID(1, 1)));
        known(vault_alias_set(vault, "fuzz", 1));
        write_records(vault, VAULT_CLASS_PASSKEYS);
        write_records(vault, VAULT_CLASS_LOG);
        known(vault_check(vault, false, NULL, NULL, &report));
        known(vault_check(vault, true, NULL, NULL, &report));
        known(vault_idle(vault, UINT64_C(1) << 40));
}

static void use(const char *path)
{
        Vault *vault = NULL;
        SlotList list = {0};
        int r;

        r = vault_open(path, &vault, NULL);
        known(r);
        if (r != 0)
                return;
        read_all(vault);
        known(vault_slots(vault, &list));
        for (size_t i = 0; i < list.n; i++) {
                Root *root = NULL;

                if (slot_kind(list.slots[i]) != SLOT_NONE || slot_open(list.slots[i], NULL, &root) != 0)
                        continue;
                known(vault_unlock(vault, root, 0));
                (void)root_free(root);
        }
        slot_list_done(&list);
        read_all(vault);
        write_some(vault);
        read_all(vault);
        (void)vault_free(vault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char memory[] = "/dev/shm/keyfob-fuzz-XXXXXX", disk[] = "/tmp/keyfob-fuzz-XXXXXX", path[64], other[80];
        const char *dir;
        int fd;

        if (size > 1024 * 1024)
                return 0;
        PROMISE(arena_init() >= 0);
        dir = mkdtemp(memory) ? memory : mkdtemp(disk);
        PROMISE(dir);
        (void)snprintf(path, sizeof(path), "%s/vault.db", dir);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 && write(fd, data, size) == (ssize_t)size) {
                (void)close(fd);
                fd = -1;
                use(path);
        }
        if (fd >= 0)
                (void)close(fd);
        for (size_t i = 0; i < 4; i++) {
                (void)snprintf(other, sizeof(other), "%s%s", path,
                               (const char *[]){"", "-wal", "-shm", "-journal"}[i]);
                (void)unlink(other);
        }
        (void)rmdir(dir);
        return 0;
}
