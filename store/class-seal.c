/*
 * Classes that a device seals
 *
 * The key of such a class is wrapped by a key that takes two to make: the root, and a secret that only a device can
 * compute, as a TPM by ECDH with a key that never leaves it. Unlocking keeps the root's part and what the device must
 * be asked; its answer opens the class. The device's secret stays beside the class's key for as long as that is open,
 * so that the vault can be rekeyed.
 *
 * A class changes sides under a new key, with all its records, so that the old wrap, wherever a copy of it may lie,
 * opens nothing that is written later.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

static uint32_t owner_of(const Collection *c)
{
        return c->public.no - CLASS_NO(0);
}

ClassSeal *class_seal_free(ClassSeal *seal)
{
        if (!seal)
                return NULL;
        (void)key_free(seal->key);
        (void)key_free(seal->device);
        (void)secret_free(seal->params);
        free(seal);
        return NULL;
}
DEFINE_CLEANUP(ClassSeal *, class_seal_free)

/* `wrap` is what keys_wrapping() gave. */
static int class_seal_new(const Key *wrap, uint32_t owner, const uint8_t *device, ClassSeal **ret)
{
        _cleanup_(class_seal_freep) ClassSeal *seal = calloc(1, sizeof(*seal));
        uint8_t context[4];
        ByteWriter writer = BYTE_WRITER_ON(context);

        if (!seal)
                return -ENOMEM;
        byte_writer_u32(&writer, owner);
        seal->key = key_derive(wrap, "keyfob seal", context, sizeof(context));
        if (device)
                seal->device = key_new_from(device);
        if (!seal->key || (device && !seal->device))
                return -ENOMEM;
        *ret = TAKE_PTR(seal);
        return 0;
}

/* What wraps the class's key. */
static int combine(const ClassSeal *seal, const uint8_t device[VAULT_DEVICE_SIZE], Key **ret)
{
        Key *key = key_derive(seal->key, "keyfob seal device", device, VAULT_DEVICE_SIZE);

        if (!key)
                return -ENOMEM;
        *ret = key;
        return 0;
}

int class_seal_read(Vault *vault, const Key *wrap, Collection *c)
{
        _cleanup_(class_seal_freep) ClassSeal *seal = NULL;
        int r;

        r = class_seal_new(wrap, owner_of(c), NULL, &seal);
        if (r == 0)
                r = keys_get_bytes(vault, wrap, 0, KEY_SEAL_PARAMS, owner_of(c), VAULT_SEAL_PARAMS_MAX, &seal->params,
                                   NULL);
        if (r != 0)
                return r;
        (void)class_seal_free(c->seal);
        c->seal = TAKE_PTR(seal);
        return 0;
}

/* Writes both rows, for a class whose seal has all its parts. */
static int seal_put(Vault *vault, const Key *wrap, const Collection *c, const Key *key, uint32_t *ret_id)
{
        _cleanup_(key_freep) Key *combined = NULL;
        uint32_t ignored;
        int r;

        r = combine(c->seal, c->seal->device->bytes, &combined);
        if (r == 0)
                r = keys_put_bytes(vault, wrap, 0, KEY_SEAL_PARAMS, owner_of(c), c->seal->params->data,
                                   c->seal->params->size, &ignored);
        return r == 0 ? keys_put(vault, combined, 0, KEY_CLASS_SEALED, owner_of(c), key, ret_id) : r;
}

int class_seal_again(Vault *vault, const Key *wrap, const Collection *old, Collection *new, const Key *key,
                     uint32_t *ret_id)
{
        int r;

        r = class_seal_new(wrap, owner_of(old), old->seal->device->bytes, &new->seal);
        if (r == 0)
                r = secret_new_from(&new->seal->params, old->seal->params->data, old->seal->params->size);
        return r == 0 ? seal_put(vault, wrap, new, key, ret_id) : r;
}

int class_seal_remove(Vault *vault, uint32_t class)
{
        int r;

        r = keys_remove(vault, 0, KEY_CLASS_SEALED, class);
        return r == 0 ? keys_remove(vault, 0, KEY_SEAL_PARAMS, class) : r;
}

/* ---- questions ---- */

static const Collection *find(const Vault *vault, VaultClass class)
{
        return class > 0 && class < _VAULT_CLASS_MAX ? vault->classes + class : NULL;
}

bool vault_class_is_sealed(Vault *vault, VaultClass class)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const Collection *c = find(vault, class);
        bool there;

        if (!c || vault->ephemeral)
                return false;
        if (vault->unlocked)
                return c->seal;
        if (vault_statement(vault, STATEMENT_KEY_GET, &s) != 0)
                return false;
        db_bind_u64(s, 1, 0);
        db_bind_u64(s, 2, KEY_CLASS_SEALED);
        db_bind_u64(s, 3, class);
        return db_step(s, &there) == 0 && there;
}

const Secret *vault_class_params(const Vault *vault, VaultClass class)
{
        const Collection *c = find(vault, class);

        return c && c->seal ? c->seal->params : NULL;
}

bool vault_class_is_open(const Vault *vault, VaultClass class)
{
        return vault_class_key(vault, class);
}

/* ---- opening ---- */

int vault_class_open(Vault *vault, VaultClass class, const uint8_t device[VAULT_DEVICE_SIZE])
{
        _cleanup_(key_freep) Key *combined = NULL, *key = NULL, *kept = NULL;
        Collection *c = vault->classes + class;
        uint32_t id;
        int r;

        if (!find(vault, class))
                return VAULT_E_INVALID;
        if (!vault->unlocked || vault->ephemeral)
                return VAULT_E_LOCKED;
        if (!c->seal)
                return VAULT_E_NOT_FOUND;
        if (c->key)
                return 0;
        r = combine(c->seal, device, &combined);
        if (r == 0)
                r = keys_get(vault, combined, 0, KEY_CLASS_SEALED, class, &key, &id);
        if (r != 0)
                return r < 0 ? r : VAULT_E_WRONG_SECRET;
        kept = key_new_from(device);
        if (!kept)
                return -ENOMEM;
        r = collection_set_key(c, TAKE_PTR(key), id);
        if (r == 0)
                r = head_load(vault, c);
        if (r != 0) {
                collection_forget_keys(c);
                return r;
        }
        (void)key_free(c->seal->device);
        c->seal->device = TAKE_PTR(kept);
        return 0;
}

/* ---- changing sides ---- */

/* Before a change: gives the key that wraps. */
static int check_change(Vault *vault, const Root *root, VaultClass class, Key **ret_wrap)
{
        if (!find(vault, class) || vault->ephemeral || root->scope != 0)
                return VAULT_E_INVALID;
        if (vault->in_batch)
                return -EBUSY;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        if (vault->manifest_bad)
                return VAULT_E_DAMAGED;
        return keys_check_root(vault, root, ret_wrap);
}

/* What is new about a class, in the place that reseal() looks for it. */
static int shadow_new(Vault *vault, VaultClass class, Reseal *reseal, Collection **ret)
{
        const size_t at = vault->n_collections + class - 1;
        Collection *shadow = calloc(1, sizeof(*shadow));

        *reseal = (Reseal){.vault = vault, .index_key = vault->index_key};
        reseal->keepers = calloc(at + 1, sizeof(*reseal->keepers));
        if (!shadow || !reseal->keepers) {
                free(shadow);
                return -ENOMEM;
        }
        reseal->n = at + 1;
        reseal->keepers[at] = shadow;
        shadow->public.no = CLASS_NO(class);
        *ret = shadow;
        return 0;
}

/* The key's rows: under the seal when the shadow has one, else under the root. */
static int put_key(Vault *vault, const Key *wrap, Collection *shadow)
{
        _cleanup_(key_freep) Key *key = key_new_random();
        uint32_t id;
        int r;

        if (!key)
                return -ENOMEM;
        if (shadow->seal) {
                r = keys_remove(vault, 0, KEY_CLASS, owner_of(shadow));
                if (r == 0)
                        r = seal_put(vault, wrap, shadow, key, &id);
        } else {
                r = class_seal_remove(vault, owner_of(shadow));
                if (r == 0)
                        r = keys_put(vault, wrap, 0, KEY_CLASS, owner_of(shadow), key, &id);
        }
        return r == 0 ? collection_set_key(shadow, TAKE_PTR(key), id) : r;
}

/* In one transaction; memory follows when it is durable. */
static int change(Reseal *resealing, const Key *wrap, Collection *shadow, int (*records)(Reseal *reseal))
{
        Vault *vault = resealing->vault;
        Op op;
        int r;

        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = put_key(vault, wrap, shadow);
        if (r == 0)
                r = records(resealing);
        if (r != 0)
                return op_end(&op, r);
        reseal_swap(resealing);
        r = op_end(&op, manifest_update(vault, 0));
        if (r != 0) {
                reseal_swap(resealing);
                return r;
        }
        (void)vault_wipe_log(vault);
        return 0;
}

/* Both ways: `params` NULL takes the seal off. */
static int change_seal(Vault *vault, const Root *root, VaultClass class, const void *params, size_t size,
                       const uint8_t *device)
{
        _cleanup_(reseal_done) Reseal resealing = {0};
        _cleanup_(key_freep) Key *wrap = NULL;
        Collection *c, *shadow;
        int r;

        r = check_change(vault, root, class, &wrap);
        if (r == 0)
                r = class_open(vault, class, &c);
        if (r != 0)
                return r;
        if (params ? c->seal != NULL : !c->seal)
                return params ? VAULT_E_EXISTS : VAULT_E_NOT_FOUND;
        if (c->sum_bad)
                return VAULT_E_DAMAGED;
        r = shadow_new(vault, class, &resealing, &shadow);
        if (r == 0 && params) {
                r = class_seal_new(wrap, class, device, &shadow->seal);
                if (r == 0)
                        r = secret_new_from(&shadow->seal->params, params, size);
        }
        return r == 0 ? change(&resealing, wrap, shadow, reseal) : r;
}

int vault_class_seal(Vault *vault, const Root *root, VaultClass class, const void *params, size_t size,
                     const uint8_t device[VAULT_DEVICE_SIZE])
{
        if (size == 0 || size > VAULT_SEAL_PARAMS_MAX)
                return VAULT_E_LIMIT;
        return change_seal(vault, root, class, params, size, device);
}

int vault_class_unseal(Vault *vault, const Root *root, VaultClass class)
{
        return change_seal(vault, root, class, NULL, 0, NULL);
}

/* ---- giving up ---- */

static int remove_range(Vault *vault, Statement statement, const Collection *c)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, statement, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 2, ITEM_ID(c->public.no, ITEM_NUMBER_MAX));
        return db_run(s);
}

/* In the place of reseal(): nothing is left, and numbers go on where those that can be seen end. */
static int clear(Reseal *reseal)
{
        static const Statement statements[] = {STATEMENT_ITEM_REMOVE_RANGE, STATEMENT_ATTR_REMOVE_RANGE,
                                               STATEMENT_TRASH_REMOVE_RANGE, STATEMENT_HINT_REMOVE_RANGE};
        Collection *shadow = reseal->keepers[reseal->n - 1];
        Head found = {0};
        int r;

        r = head_scan(reseal->vault, shadow, &found);
        shadow->head.counter = found.counter;
        shadow->head.modified = vault_now();
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(statements); i++)
                r = remove_range(reseal->vault, statements[i], shadow);
        return r == 0 ? head_store(reseal->vault, shadow) : r;
}

int vault_class_abandon(Vault *vault, const Root *root, VaultClass class)
{
        _cleanup_(reseal_done) Reseal resealing = {0};
        _cleanup_(key_freep) Key *wrap = NULL;
        Collection *shadow;
        int r;

        r = check_change(vault, root, class, &wrap);
        if (r != 0)
                return r;
        if (!vault->classes[class].seal || vault->classes[class].key)
                return VAULT_E_INVALID;
        r = shadow_new(vault, class, &resealing, &shadow);
        return r == 0 ? change(&resealing, wrap, shadow, clear) : r;
}
