/*
 * Rows of the item table: what items and records of classes have in common
 *
 * Every write goes through row_write(): it gives the next version, seals, and moves index, sum and row together. So
 * does what takes a row away.
 */
#include <errno.h>

#include "store/internal.h"

int row_open(Vault *vault, Collection *c, ItemId id, Row *ret_row, const Secret **ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_ITEM_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        r = db_step(s, &there);
        if (r == 0 && !there)
                return VAULT_E_NOT_FOUND;
        if (r == 0)
                r = box_open(vault, c, s, 0, ret_row, ret);
        if (r == VAULT_E_DAMAGED)
                collection_note_damaged(c, id);
        return r;
}

int row_check(Vault *vault, Collection *c, ItemId id, Row *ret_row, Tokens *ret)
{
        const Secret *plain;
        int r;

        r = row_open(vault, c, id, ret_row, &plain);
        if (r != 0)
                return r;
        r = index_tokens_of(vault->index_key, c, plain, ret);
        box_done(vault);
        if (r == VAULT_E_DAMAGED)
                collection_note_damaged(c, id);
        return r;
}

int row_write(Vault *vault, Collection *c, ItemId id, const Row *old, const Tokens *old_tokens, const Tokens *tokens,
              Row *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_(boxed_done) Boxed box = {0};
        Row row = {.id = id};
        int r;

        /* What others were refused is written as well. */
        if (c != vault->classes + VAULT_CLASS_LOG)
                vault_use(vault);
        r = head_next(c, &row.version);
        if (r != 0) {
                box_drop(vault);
                return r;
        }
        if (row.id == 0)
                row.id = ITEM_ID(c->public.no, row.version);
        r = box_seal(vault, c, &row, &box);
        if (r != 0)
                return r;
        r = vault_statement(vault, old ? STATEMENT_ITEM_UPDATE : STATEMENT_ITEM_PUT, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, row.id);
        db_bind_u64(s, 2, row.version);
        db_bind_u64(s, 3, row.key_id);
        db_bind_blob(s, 4, row.tag, sizeof(row.tag));
        db_bind_blob(s, 5, box.data, box.size - SEAL_TAG_SIZE);
        r = db_run(s);
        if (r == 0)
                r = index_change(vault, row.id, old_tokens, tokens);
        if (r != 0)
                return r;
        if (old)
                head_remove(c, old);
        head_add(c, &row);
        if (ret)
                *ret = row;
        return 0;
}

int row_delete(Vault *vault, Collection *c, ItemId id, bool keep)
{
        Tokens tokens;
        Row row;
        int r;

        r = row_check(vault, c, id, &row, &tokens);
        if (r == 0 && keep)
                r = trash_keep(vault, id, /* deleted= */ true);
        if (r == 0)
                r = item_remove(vault, id);
        if (r == 0)
                r = index_change(vault, id, &tokens, NULL);
        if (r == 0)
                head_remove(c, &row);
        return r;
}
