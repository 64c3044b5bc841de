/*
 * Rekeying: all keys new, all records sealed anew
 *
 * One transaction from the first record to the last slot; what is in memory changes only after it is durable. A rekey
 * would hide that a record is missing or damaged (the new sum would fit), so a vault that is not in order is refused:
 * check first.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* The keys to come. */
typedef struct Rekey {
        Vault *vault;
        Root *root;
        Key *wrap, *index_key, *manifest_key;
        Reseal reseal; /* of all */
} Rekey;

static void rekey_done(Rekey *rekey)
{
        (void)root_free(rekey->root);
        (void)key_free(rekey->wrap);
        (void)key_free(rekey->index_key);
        (void)key_free(rekey->manifest_key);
        reseal_done(&rekey->reseal);
}

/* Every draft has its slot, and unless slots are dropped every slot of the vault its draft. */
static int match_drafts(Vault *vault, SlotDraft *const *drafts, size_t n, bool drop)
{
        uint64_t slots;
        int r;

        r = slot_count(vault, 0, &slots);
        if (r != 0)
                return r;
        if (n == 0 || n > slots || (n < slots && !drop))
                return VAULT_E_INVALID;
        for (size_t i = 0; i < n; i++) {
                uint32_t scope;

                for (size_t k = 0; k < i; k++)
                        if (memcmp(drafts[i]->id, drafts[k]->id, SLOT_ID_SIZE) == 0)
                                return VAULT_E_INVALID;
                r = slot_scope(vault, drafts[i]->id, &scope);
                if (r == VAULT_E_NOT_FOUND || (r == 0 && scope != 0))
                        return VAULT_E_INVALID;
                if (r != 0)
                        return r;
        }
        return 0;
}

static int check_order(Vault *vault)
{
        Collection *c;
        int r = 0;

        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        if (vault->manifest_bad)
                return VAULT_E_DAMAGED;
        for (size_t i = 0; r == 0 && (c = keeper_nth(vault, i)); i++) {
                _cleanup_(item_ids_done) ItemIds ids = {0};

                if (c->sum_bad || c->scope_bad)
                        return VAULT_E_DAMAGED;
                if (c->key)
                        continue;
                if (!is_class(c))
                        return c->public.own_slots ? VAULT_E_LOCKED : VAULT_E_DAMAGED;
                if (c->seal)
                        return VAULT_E_DEVICE;
                /* A class that lost its key gets another, if no record goes with the old one. */
                r = item_ids(vault, c->public.no, &ids);
                if (r == 0 && ids.n > 0)
                        return VAULT_E_DAMAGED;
        }
        return r;
}

/* A key for one collection or class, unless it has a root of its own. */
static int make_key(Rekey *rekey, const Collection *old, Collection *new)
{
        KeyPurpose purpose = is_class(old) ? KEY_CLASS : KEY_COLLECTION;
        uint32_t owner = is_class(old) ? old->public.no - CLASS_NO(0) : old->public.no, id;
        _cleanup_(key_freep) Key *key = NULL;
        int r;

        new->public.no = old->public.no;
        new->public.own_slots = old->public.own_slots;
        if (old->public.own_slots)
                return 0;
        key = key_new_random();
        if (!key)
                return -ENOMEM;
        if (old->seal)
                r = class_seal_again(rekey->vault, rekey->wrap, old, new, key, &id);
        else {
                /* One that was lost may have left some. */
                r = is_class(old) ? class_seal_remove(rekey->vault, owner) : 0;
                if (r == 0)
                        r = keys_put(rekey->vault, rekey->wrap, 0, purpose, owner, key, &id);
        }
        return r == 0 ? collection_set_key(new, TAKE_PTR(key), id) : r;
}

static int make_keys(Rekey *rekey, const Root *root)
{
        Vault *vault = rekey->vault;
        const Collection *old;
        uint32_t id;
        int r;

        rekey->root = root_new(0, root->slot_id);
        rekey->index_key = key_new_random();
        rekey->manifest_key = key_new_random();
        rekey->reseal = (Reseal){.vault = vault, .index_key = rekey->index_key, .all = true};
        rekey->reseal.keepers = calloc(vault->n_collections + _VAULT_CLASS_MAX, sizeof(*rekey->reseal.keepers));
        if (!rekey->root || !rekey->index_key || !rekey->manifest_key || !rekey->reseal.keepers)
                return -ENOMEM;
        r = keys_wrapping(vault, rekey->root, &rekey->wrap);
        if (r == 0)
                r = keys_put(vault, rekey->wrap, 0, KEY_MANIFEST, 0, rekey->manifest_key, &id);
        for (size_t i = 0; r == 0 && (old = keeper_nth(vault, i)); i++) {
                Collection *new = calloc(1, sizeof(*new));

                if (!new)
                        return -ENOMEM;
                rekey->reseal.keepers[rekey->reseal.n++] = new;
                r = make_key(rekey, old, new);
        }
        return r;
}

static void swap_all(Rekey *rekey)
{
        SWAP(rekey->vault->index_key, rekey->index_key);
        SWAP(rekey->vault->manifest_key, rekey->manifest_key);
        reseal_swap(&rekey->reseal);
}

/* Slots of the vault that have no draft. */
static int drop_slots(Vault *vault, SlotDraft *const *drafts, size_t n)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        int r;

        r = vault_slots(vault, &list);
        for (size_t i = 0; r == 0 && i < list.n; i++) {
                bool keep = slot_collection(list.slots[i]) != 0;

                for (size_t k = 0; k < n; k++)
                        keep |= memcmp(drafts[k]->id, slot_id(list.slots[i]), SLOT_ID_SIZE) == 0;
                if (!keep)
                        r = slot_remove(vault, slot_id(list.slots[i]));
        }
        return r;
}

static int rekey_all(Rekey *rekey, const Root *root, SlotDraft *const *drafts, size_t n)
{
        Vault *vault = rekey->vault;
        int r;

        r = drop_slots(vault, drafts, n);
        if (r == 0)
                r = make_keys(rekey, root);
        if (r == 0)
                r = vault_meta_put(vault, "index-key", rekey->index_key->bytes, sizeof(rekey->index_key->bytes));
        for (size_t i = 0; r == 0 && i < n; i++)
                r = slot_put(vault, drafts[i], 0, rekey->root->key, /* replace= */ true);
        return r == 0 ? reseal(&rekey->reseal) : r;
}

static int rekey_with(Vault *vault, const Root *root, SlotDraft *const *drafts, size_t n, bool drop)
{
        _cleanup_(rekey_done) Rekey rekey = {.vault = vault};
        _cleanup_(key_freep) Key *wrap = NULL;
        Op op;
        int r;

        if (vault->in_batch)
                return -EBUSY;
        if (vault->ephemeral || root->scope != 0)
                return VAULT_E_INVALID;
        r = check_order(vault);
        if (r == 0)
                r = keys_check_root(vault, root, &wrap);
        if (r == 0)
                r = match_drafts(vault, drafts, n, drop);
        if (r == 0)
                r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = rekey_all(&rekey, root, drafts, n);
        if (r == 0) {
                swap_all(&rekey);
                r = manifest_update(vault, 0);
                r = op_end(&op, r);
                if (r != 0)
                        swap_all(&rekey);
        } else
                r = op_end(&op, r);
        if (r != 0)
                return r;
        (void)vault_wipe_log(vault);
        return 0;
}

int vault_rekey(Vault *vault, const Root *root, SlotDraft *const *drafts, size_t n)
{
        return rekey_with(vault, root, drafts, n, /* drop= */ false);
}

int vault_rekey_drop(Vault *vault, const Root *root, SlotDraft *const *drafts, size_t n)
{
        return rekey_with(vault, root, drafts, n, /* drop= */ true);
}
