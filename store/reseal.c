/*
 * Sealing anew
 *
 * Records are opened with the old key of their collection or class and sealed with the new one; what the trash keeps
 * of them follows, and the index where its tokens change. Memory has the old keys until the caller has committed.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

static int write_row(Vault *vault, Statement statement, uint64_t key, const Row *row, const Boxed *box)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int i = 1, r;

        r = vault_statement(vault, statement, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, i++, key);
        if (statement == STATEMENT_ITEM_UPDATE)
                db_bind_u64(s, i++, row->version);
        db_bind_u64(s, i++, row->key_id);
        db_bind_blob(s, i++, row->tag, sizeof(row->tag));
        db_bind_blob(s, i, box->data, box->size - SEAL_TAG_SIZE);
        return db_run(s);
}

/* Seals what is open for reading under the new key. */
static int reseal_box(Reseal *reseal, const Collection *new, Row *row, Boxed *ret)
{
        int r = box_copy(reseal->vault);

        return r == 0 ? box_seal(reseal->vault, new, row, ret) : r;
}

/* A hint goes with id and version, which stay: only another index key makes it another. */
static int reseal_hint(Reseal *reseal, const Row *row, const Secret *plain)
{
        Marked marked;
        int r;

        r = marked_decode(plain, &marked);
        return r == 0 && marked.hint ? hint_put(reseal->vault, reseal->index_key, row, &marked) : r;
}

/* Rows keep id and version: the new key makes them new records. */
static int reseal_item(Reseal *reseal, Collection *old, Collection *new, ItemId id)
{
        Vault *vault = reseal->vault;
        _cleanup_(boxed_done) Boxed box = {0};
        const Secret *plain;
        Tokens before, tokens;
        Row row;
        int r;

        r = row_open(vault, old, id, &row, &plain);
        if (r != 0)
                return r == VAULT_E_NOT_FOUND ? VAULT_E_DAMAGED : r;
        r = index_tokens_of(reseal->index_key, new, plain, &tokens);
        if (r == 0 && !reseal->all)
                r = index_tokens_of(vault->index_key, old, plain, &before);
        if (r == 0 && is_class(new) && reseal->all)
                r = reseal_hint(reseal, &row, plain);
        if (r == 0 && new->key)
                r = reseal_box(reseal, new, &row, &box);
        box_done(vault);
        if (r == 0 && new->key) {
                r = write_row(vault, STATEMENT_ITEM_UPDATE, id, &row, &box);
                head_add(new, &row);
        }
        return r == 0 ? index_change(vault, id, reseal->all ? NULL : &before, &tokens) : r;
}

static int reseal_collection(Reseal *reseal, Collection *old, Collection *new)
{
        _cleanup_(item_ids_done) ItemIds ids = {0};
        int r;

        r = item_ids(reseal->vault, old->public.no, &ids);
        for (size_t i = 0; r == 0 && i < ids.n; i++)
                r = reseal_item(reseal, old, new, ids.ids[i]);
        if (r != 0 || !new->key)
                return r;
        new->head.counter = old->head.counter;
        new->head.modified = old->head.modified;
        return head_store(reseal->vault, new);
}

static int reseal_trash_row(Reseal *reseal, uint64_t after, uint64_t *ret_seq)
{
        Vault *vault = reseal->vault;
        _cleanup_(boxed_done) Boxed box = {0};
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Collection *old = NULL, *new = NULL;
        const Secret *plain;
        Row row;
        ItemId id;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_NEXT, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, after);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        if (!db_column_u64(s, 5, ret_seq) || *ret_seq <= after)
                return VAULT_E_DAMAGED;
        if (db_column_u64(s, 0, &id)) {
                old = keeper_find(vault, ITEM_ID_COLLECTION(id));
                for (size_t i = 0; old && i < reseal->n; i++)
                        if (keeper_nth(vault, i) == old)
                                new = reseal->keepers[i];
        }
        if (new ? !new->key : !reseal->all)
                return 0; /* not ours to seal: of a collection with its own root, of another class */
        r = new ? box_open(vault, old, s, 0, &row, &plain) : VAULT_E_DAMAGED;
        if (r < 0)
                return r;
        if (r != 0)
                return trash_remove(vault, *ret_seq); /* no key will open it any more */
        r = reseal_box(reseal, new, &row, &box);
        box_done(vault);
        return r == 0 ? write_row(vault, STATEMENT_TRASH_UPDATE, *ret_seq, &row, &box) : r;
}

int reseal(Reseal *reseal)
{
        Vault *vault = reseal->vault;
        uint64_t seq = 0;
        int r;

        r = reseal->all ? vault_run(vault, STATEMENT_ATTR_CLEAR) : 0;
        if (r == 0 && reseal->all)
                r = vault_run(vault, STATEMENT_HINT_CLEAR);
        for (size_t i = 0; r == 0 && i < reseal->n; i++)
                if (reseal->keepers[i])
                        r = reseal_collection(reseal, keeper_nth(vault, i), reseal->keepers[i]);
        while (r == 0)
                r = reseal_trash_row(reseal, seq, &seq);
        return r == VAULT_E_NOT_FOUND ? 0 : r;
}

void reseal_swap(Reseal *reseal)
{
        for (size_t i = 0; i < reseal->n; i++) {
                Collection *c = keeper_nth(reseal->vault, i), *other = reseal->keepers[i];

                if (!other || c->public.own_slots)
                        continue;
                SWAP(c->key, other->key);
                SWAP(c->sum_key, other->sum_key);
                SWAP(c->mark_key, other->mark_key);
                SWAP(c->seal, other->seal);
                SWAP(c->key_id, other->key_id);
                SWAP(c->head, other->head);
        }
}

void reseal_done(Reseal *reseal)
{
        for (size_t i = 0; i < reseal->n; i++)
                (void)collection_free(reseal->keepers[i]);
        free(reseal->keepers);
        *reseal = (Reseal){0};
}
