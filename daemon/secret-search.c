/*
 * Searching for items, and answering with lists of them
 *
 * A search looks at the vault and at the collection in memory. Locked items are found as well, by their tokens alone.
 * What comes out may be every item there is, so the size of the answer is counted while it is made.
 */
#include "daemon/secret-internal.h"

#include <errno.h>
#include <string.h>

#define ARRAY_MAX  ((size_t)60 * 1024 * 1024) /* bytes of object paths in one reply; D-Bus allows 64 MiB */
#define SORTED_MAX 64U                        /* hits that are read for their order */

int secret_append_items(Daemon *daemon, sd_bus_message *reply, Vault *const *vaults, const ItemIds *ids, size_t n)
{
        char path[SECRETS_PATH_MAX];
        size_t total = 0;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "o");
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; r >= 0 && j < ids[i].n; j++) {
                        secret_item_path(daemon, (ItemRef){vaults[i], ids[i].ids[j]}, path);
                        total += strlen(path) + 8; /* length, NUL, padding */
                        if (total > ARRAY_MAX)
                                return -EMSGSIZE;
                        r = sd_bus_message_append_basic(reply, 'o', path);
                }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

typedef struct Dated {
        ItemId id;
        uint64_t modified;
} Dated;

static int newest_first(const void *a, const void *b)
{
        const Dated *x = a, *y = b;

        if (x->modified != y->modified)
                return x->modified < y->modified ? 1 : -1;
        return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* Clients take the first hit for the answer, so a few are worth being in an order that means something. */
static void sort_hits(Vault *vault, ItemIds *ids)
{
        Dated dated[SORTED_MAX];

        if (ids->n < 2 || ids->n > SORTED_MAX)
                return;
        for (size_t i = 0; i < ids->n; i++) {
                _cleanup_(item_freep) Item *content = NULL;

                dated[i] = (Dated){.id = ids->ids[i]};
                if (vault_item_get(vault, ids->ids[i], /* with_value= */ false, &content) == 0)
                        dated[i].modified = content->modified;
        }
        qsort(dated, ids->n, sizeof(*dated), newest_first);
        for (size_t i = 0; i < ids->n; i++)
                ids->ids[i] = dated[i].id;
}

void secret_hits_done(SecretHits *hits)
{
        for (size_t i = 0; i < hits->n; i++) {
                item_ids_done(&hits->unlocked[i]);
                item_ids_done(&hits->locked[i]);
        }
        hits->n = 0;
}

int secret_search(Daemon *daemon, const CollectionRef *collection, const VaultAttribute *attributes, size_t n,
                  SecretHits *ret)
{
        _cleanup_(secret_hits_done) SecretHits hits = {0};
        Vault *vaults[] = {daemon->vault, daemon->session_vault};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(vaults); i++) {
                if (!vaults[i] || (collection && collection->vault != vaults[i]))
                        continue;
                r = vault_search(vaults[i], collection ? collection->no : 0, attributes, n, /* limit= */ 0,
                                 &hits.unlocked[hits.n], &hits.locked[hits.n]);
                if (r != 0)
                        return r;
                sort_hits(vaults[i], &hits.unlocked[hits.n]);
                hits.vaults[hits.n++] = vaults[i];
        }
        *ret = hits;
        hits.n = 0;
        return 0;
}
