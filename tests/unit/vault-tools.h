/*
 * What the vault's tests share: a scratch vault that opens without a password, and short ways to say things
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"
#include "tests/unit/test.h"

typedef struct Scratch {
        char dir[32];
        char path[64];
        Vault *vault;
        Root *root; /* the vault's */
} Scratch;

static inline SlotDraft *draft_none(void)
{
        SlotRequest request = {.kind = SLOT_NONE};
        SlotDraft *draft = NULL;

        CHECK(arena_init() >= 0);
        CHECK_EQ(slot_prepare(&request, &draft), 0);
        return draft;
}

static inline void scratch_dir(Scratch *scratch)
{
        /* Memory where there is some: thousands of durable writes are not what is tested here. */
        *scratch = (Scratch){.dir = "/dev/shm/keyfob-test-XXXXXX"};
        if (!mkdtemp(scratch->dir)) {
                *scratch = (Scratch){.dir = "/tmp/keyfob-test-XXXXXX"};
                CHECK(mkdtemp(scratch->dir));
        }
        (void)snprintf(scratch->path, sizeof(scratch->path), "%s/vault.db", scratch->dir);
}

/* The root by the first slot of the scope that opens without a secret. */
static inline Root *root_of(Vault *vault, uint32_t scope)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        Root *root = NULL;

        CHECK_EQ(vault_slots(vault, &list), 0);
        for (size_t i = 0; i < list.n && !root; i++)
                if (slot_collection(list.slots[i]) == scope && list.slots[i]->kind == SLOT_NONE)
                        CHECK_EQ(slot_open(list.slots[i], NULL, &root), 0);
        CHECK(root);
        return root;
}

static inline void scratch_new(Scratch *scratch)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();

        scratch_dir(scratch);
        CHECK_EQ(vault_create(scratch->path, draft, NULL, &scratch->vault), 0);
        scratch->root = root_of(scratch->vault, 0);
}

static inline void scratch_close(Scratch *scratch)
{
        scratch->vault = vault_free(scratch->vault);
}

static inline void scratch_open(Scratch *scratch)
{
        CHECK_EQ(vault_open(scratch->path, &scratch->vault, NULL), 0);
}

static inline void scratch_unlock(Scratch *scratch)
{
        CHECK_EQ(vault_unlock(scratch->vault, scratch->root, 0), 0);
}

static inline void scratch_again(Scratch *scratch)
{
        scratch_close(scratch);
        scratch_open(scratch);
        scratch_unlock(scratch);
}

static inline void scratch_done(Scratch *scratch)
{
        char command[64];

        scratch_close(scratch);
        (void)root_free(scratch->root);
        (void)snprintf(command, sizeof(command), "rm -r %s", scratch->dir);
        CHECK_EQ(system(command), 0);
}

/* SQL on the file of a closed vault, as an enemy would do it. */
static inline void tamper(const Scratch *scratch, const char *sql)
{
        sqlite3 *db = NULL;
        char *message = NULL;

        CHECK(!scratch->vault);
        CHECK_EQ(sqlite3_open(scratch->path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
                fprintf(stderr, "%s: %s\n", sql, message);
                exit(1);
        }
        CHECK_EQ(sqlite3_close(db), SQLITE_OK);
}

#define ATTRIBUTES(...) ((const VaultAttribute[]){__VA_ARGS__}), ELEMENTSOF(((const VaultAttribute[]){__VA_ARGS__}))

static inline ItemId put(Vault *vault, uint32_t collection, const char *label, const char *value, bool replace,
                         bool *ret_replaced, const VaultAttribute *attributes, size_t n)
{
        ItemChange change = {.label = label,
                             .attributes = attributes,
                             .n_attributes = n,
                             .value = value,
                             .value_size = strlen(value),
                             .value_set = true};
        ItemId id = 0;

        CHECK_EQ(vault_item_create(vault, collection, &change, replace, &id, ret_replaced), 0);
        CHECK(id != 0);
        return id;
}

static inline int change_value(Vault *vault, ItemId id, const char *value)
{
        ItemChange change = {.value = value, .value_size = strlen(value), .value_set = true};

        return vault_item_update(vault, id, &change);
}

static inline void check_value(Vault *vault, ItemId id, const char *value)
{
        _cleanup_(item_freep) Item *item = NULL;

        CHECK_EQ(vault_item_get(vault, id, true, &item), 0);
        CHECK_EQ(item->value->size, strlen(value));
        CHECK(strcmp((char *)item->value->data, value) == 0);
}

/* How many items a search finds, unlocked and locked. */
static inline size_t count(Vault *vault, size_t *ret_locked, const VaultAttribute *attributes, size_t n)
{
        _cleanup_(item_ids_done) ItemIds unlocked = {0}, locked = {0};

        CHECK_EQ(vault_search(vault, 0, attributes, n, 0, &unlocked, &locked), 0);
        if (ret_locked)
                *ret_locked = locked.n;
        return unlocked.n;
}

static inline bool tampered(Vault *vault, uint32_t no)
{
        const VaultCollection *c = vault_collection_get(vault, no);

        CHECK(c);
        return c->tampered;
}

static inline VaultReport report(Vault *vault, bool accept)
{
        VaultReport got;

        CHECK_EQ(vault_check(vault, accept, NULL, NULL, &got), 0);
        return got;
}

static inline void check_in_order(Vault *vault)
{
        VaultReport got = report(vault, false);

        CHECK_EQ(got.damaged, 0);
        CHECK_EQ(got.index_missing, 0);
        CHECK_EQ(got.index_extra, 0);
        CHECK_EQ(got.collections_tampered, 0);
}

/* All of a wipe, a few pages at a time. */
static inline int wipe_all(Vault *vault, ItemId id, uint64_t *ret_n, unsigned *ret_copies)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        bool done = false;
        int r;

        r = vault_wipe_new(vault, id, &wipe);
        while (r == 0 && !done)
                r = vault_wipe_step(wipe, 16, &done);
        if (r == 0)
                *ret_n = vault_wipe_count(wipe, ret_copies);
        return r;
}
