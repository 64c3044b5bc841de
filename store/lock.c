/*
 * Unlocking and locking
 *
 * Unlocking opens the keys under a root, checks the manifest and, for every collection that opens, its sum. What does
 * not fit never stops the rest from opening: it shows as `tampered`, because a person who cannot reach their passwords
 * is worse off than one who is warned.
 */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "store/internal.h"

static int unlock_collection(Vault *vault, const Key *wrap, uint32_t scope, Collection *c)
{
        _cleanup_(key_freep) Key *key = NULL, *scope_key = NULL;
        uint32_t id;
        int r;

        if (c->key)
                return 0;
        r = keys_get(vault, wrap, scope, KEY_COLLECTION, c->public.no, &key, &id);
        if (r != 0)
                return r;
        r = collection_set_key(c, TAKE_PTR(key), id);
        if (r != 0)
                return r;
        r = head_load(vault, c);
        if (r == 0 && scope != 0 && !vault->ephemeral) {
                r = manifest_key(vault, scope, &scope_key);
                if (r == 0)
                        r = manifest_check(vault, scope_key, scope);
                c->scope_bad = r > 0;
                if (r > 0)
                        r = 0;
        }
        if (r != 0)
                collection_forget_keys(c);
        collection_refresh(vault, c);
        return r;
}

/* The manifest key was damaged, and the root is at hand: a new one, with a manifest that does not fit until accepted.
 */
static int heal_manifest_key(Vault *vault, const Key *wrap)
{
        _cleanup_(key_freep) Key *key = key_new_random();
        uint32_t id;
        Op op;
        int r;

        if (!key)
                return -ENOMEM;
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = keys_put(vault, wrap, 0, KEY_MANIFEST, 0, key, &id);
        r = op_end(&op, r);
        if (r == 0)
                vault->manifest_key = TAKE_PTR(key);
        return r;
}

/* A class whose key is damaged stays closed, and says so; one that a device seals waits for it. */
static int unlock_class(Vault *vault, const Key *wrap, VaultClass class)
{
        Collection *c = vault->classes + class;
        _cleanup_(key_freep) Key *key = NULL;
        uint32_t id;
        int r;

        r = keys_get(vault, wrap, 0, KEY_CLASS, class, &key, &id);
        if (r == VAULT_E_NOT_FOUND)
                return class_seal_read(vault, wrap, c);
        if (r != 0)
                return r;
        r = collection_set_key(c, TAKE_PTR(key), id);
        if (r == 0)
                r = head_load(vault, c);
        if (r != 0)
                collection_forget_keys(c);
        return r;
}

/* The vault's own keys. Gives VAULT_E_DAMAGED when none opens. */
static int unlock_vault(Vault *vault, const Key *wrap)
{
        bool any;
        int r;

        if (vault->unlocked)
                return 0;
        r = keys_get(vault, wrap, 0, KEY_MANIFEST, 0, &vault->manifest_key, NULL);
        if (r < 0)
                return r;
        any = r == 0;
        for (uint32_t class = 1; class < _VAULT_CLASS_MAX; class ++) {
                r = unlock_class(vault, wrap, class);
                if (r < 0)
                        return r;
                any = any || r == 0;
        }
        if (!any)
                return VAULT_E_DAMAGED;
        vault->unlocked = true;
        if (!vault->manifest_key) {
                vault->manifest_bad = true;
                r = heal_manifest_key(vault, wrap);
                return r < 0 ? r : 0;
        }
        r = manifest_check(vault, vault->manifest_key, 0);
        if (r < 0)
                return r;
        vault->manifest_bad = r != 0;
        return 0;
}

/* Without keeping the key: whether the manifest fits, for a single collection. */
static int check_manifest_once(Vault *vault, const Key *wrap)
{
        _cleanup_(key_freep) Key *key = NULL;
        int r;

        if (vault->unlocked)
                return 0;
        r = keys_get(vault, wrap, 0, KEY_MANIFEST, 0, &key, NULL);
        if (r == 0)
                r = manifest_check(vault, key, 0);
        if (r < 0)
                return r;
        vault->manifest_bad = r != 0;
        return 0;
}

static int unlock_one(Vault *vault, const Root *root, const Key *wrap, uint32_t no)
{
        Collection *c = collection_find(vault, no);
        int r;

        if (!c || c->deleted)
                return VAULT_E_NOT_FOUND;
        if (root->scope != (c->public.own_slots ? no : 0))
                return VAULT_E_LOCKED;
        if (root->scope == 0) {
                r = check_manifest_once(vault, wrap);
                if (r != 0)
                        return r;
        }
        r = unlock_collection(vault, wrap, root->scope, c);
        return r == VAULT_E_NOT_FOUND ? VAULT_E_DAMAGED : r;
}

static int unlock_all(Vault *vault, const Key *wrap)
{
        int r;

        r = unlock_vault(vault, wrap);
        for (size_t i = 0; r == 0 && i < vault->n_collections; i++) {
                Collection *c = vault->collections[i];

                if (!c->public.own_slots)
                        r = unlock_collection(vault, wrap, 0, c);
                if (r > 0) {
                        /* Its key is damaged: it stays locked, and says so. */
                        c->sum_bad = true;
                        r = 0;
                }
                collection_refresh(vault, c);
        }
        return r;
}

int vault_unlock(Vault *vault, const Root *root, uint32_t collection)
{
        _cleanup_(key_freep) Key *wrap = NULL;
        const bool was_unlocked = vault->unlocked;
        int r;

        if (vault->broken)
                return vault->broken;
        if (vault->ephemeral)
                return VAULT_E_INVALID;
        /* Half a change may be left of it in the file, which no manifest fits. */
        r = batch_lost(vault);
        if (r != 0)
                return r;
        if (collection == 0 && root->scope != 0)
                collection = root->scope;
        r = keys_wrapping(vault, root, &wrap);
        if (r != 0)
                return r;
        vault_use(vault);
        if (collection != 0)
                return unlock_one(vault, root, wrap, collection);
        r = unlock_all(vault, wrap);
        if (r != 0) {
                /* Not half of it. */
                if (!was_unlocked)
                        vault_lock(vault, 0);
                return r;
        }
        if (vault->path)
                migrate_forget(vault->path, schema_version);
        return 0;
}

static void lock_collection(Vault *vault, Collection *c)
{
        if (batch_lost(vault) == 0 && c->key && c->dirty) {
                /* Its head can be written only now. */
                int r = keeper_store(vault, c);

                if (r != 0)
                        vault->batch_error = r;
                c->dirty = false;
        }
        collection_forget_keys(c);
        collection_refresh(vault, c);
}

void vault_lock(Vault *vault, uint32_t collection)
{
        if (vault->ephemeral)
                return;
        for (size_t i = 0; i < vault->n_collections; i++)
                if (collection == 0 || vault->collections[i]->public.no == collection)
                        lock_collection(vault, vault->collections[i]);
        if (collection != 0)
                return;
        for (size_t i = 1; i < _VAULT_CLASS_MAX; i++) {
                lock_collection(vault, vault->classes + i);
                vault->classes[i].seal = class_seal_free(vault->classes[i].seal);
        }
        vault->manifest_key = key_free(vault->manifest_key);
        explicit_bzero(vault->frequent, sizeof(vault->frequent));
        vault->unlocked = false;
        vault->manifest_bad = false;
}

uint64_t vault_used(const Vault *vault)
{
        return vault->used;
}

void vault_use(Vault *vault)
{
        vault->used = clock_boot_usec();
}

bool vault_is_unlocked(const Vault *vault)
{
        return vault->unlocked;
}
