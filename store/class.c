/*
 * Classes: secrets that the Secret Service never shows
 *
 * A class is kept like a collection (keys, head, rows, trash), but it has no row in clear, no name and no slots, opens
 * with the vault and is not in the list of collections; nothing that takes a collection's number reaches it. Its head
 * is made with its first record, and the manifest says which classes have one, so that taking away records and head
 * together shows.
 */
#include "store/internal.h"

const Key *vault_class_key(const Vault *vault, VaultClass class)
{
        return class > 0 && class < _VAULT_CLASS_MAX ? vault->classes[class].key : NULL;
}

int class_open(Vault *vault, VaultClass class, Collection **ret)
{
        if (class <= 0 || class >= _VAULT_CLASS_MAX)
                return VAULT_E_INVALID;
        if (!vault->unlocked || vault->ephemeral)
                return VAULT_E_LOCKED;
        if (!vault->classes[class].key)
                return vault->classes[class].seal ? VAULT_E_DEVICE : VAULT_E_DAMAGED;
        *ret = vault->classes + class;
        return 0;
}

bool vault_class_tampered(const Vault *vault, VaultClass class)
{
        if (class <= 0 || class >= _VAULT_CLASS_MAX || !vault->unlocked || vault->ephemeral)
                return false;
        return vault->manifest_bad || vault->classes[class].sum_bad ||
               (!vault->classes[class].key && !vault->classes[class].seal);
}

Collection *keeper_nth(Vault *vault, size_t i)
{
        if (i < vault->n_collections)
                return vault->collections[i];
        i -= vault->n_collections;
        return i + 1 < _VAULT_CLASS_MAX ? vault->classes + i + 1 : NULL;
}

Collection *keeper_find(Vault *vault, uint32_t no)
{
        if (no > CLASS_NO(0) && no < CLASS_NO(_VAULT_CLASS_MAX))
                return vault->classes + (no - CLASS_NO(0));
        return collection_find(vault, no);
}

static int has_head(Vault *vault, const Collection *c, bool *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_HEAD_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, c->public.no);
        return db_step(s, ret);
}

bool vault_class_is_used(Vault *vault, VaultClass class)
{
        bool used;

        if (class <= 0 || class >= _VAULT_CLASS_MAX || vault->ephemeral)
                return false;
        /* What can't be told could be. */
        return has_head(vault, vault->classes + class, &used) != 0 || used;
}

int keeper_store(Vault *vault, Collection *c)
{
        bool known = true;
        int r;

        r = is_class(c) ? has_head(vault, c, &known) : 0;
        if (r == 0)
                r = head_store(vault, c);
        return r == 0 && !known ? manifest_update(vault, 0) : r;
}
