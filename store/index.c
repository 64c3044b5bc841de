/*
 * The index: rows (token, item)
 *
 * The sealed record names the attributes, so a change computes the tokens before and after and touches only the rows
 * that differ. No reverse index is needed.
 */
#include <string.h>

#include "store/internal.h"

static bool contains(const Tokens *tokens, const uint8_t token[TOKEN_SIZE])
{
        for (size_t i = 0; tokens && i < tokens->n; i++)
                if (memcmp(tokens->token[i], token, TOKEN_SIZE) == 0)
                        return true;
        return false;
}

static int apply(Vault *vault, Statement statement, ItemId id, const Tokens *tokens, const Tokens *except)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        if (!tokens)
                return 0;
        r = vault_statement(vault, statement, &s);
        if (r != 0)
                return r;
        for (size_t i = 0; i < tokens->n; i++) {
                if (contains(except, tokens->token[i]))
                        continue;
                db_bind_blob(s, 1, tokens->token[i], TOKEN_SIZE);
                db_bind_u64(s, 2, id);
                r = db_run(s);
                if (r != 0)
                        return r;
        }
        return 0;
}

int index_change(Vault *vault, ItemId id, const Tokens *old, const Tokens *new)
{
        int r;

        r = apply(vault, STATEMENT_ATTR_REMOVE, id, old, new);
        return r == 0 ? apply(vault, STATEMENT_ATTR_PUT, id, new, old) : r;
}

int index_tokens_of(const Key *index_key, const Collection *c, const Secret *plain, Tokens *ret)
{
        Record record;
        Marked marked;
        int r;

        if (is_class(c)) {
                r = marked_decode(plain, &marked);
                if (r == 0)
                        mark_tokens(c, marked.marks, marked.n_marks, ret);
                return r;
        }
        r = record_decode(plain->data, plain->size, &record);
        return r == 0 ? index_tokens(index_key, record.attributes, record.n_attributes, ret) : r;
}

int index_seek(Vault *vault, const uint8_t token[TOKEN_SIZE], ItemId from, ItemId last, ItemId *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_ATTR_SEEK, &s);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, token, TOKEN_SIZE);
        db_bind_u64(s, 2, from);
        db_bind_u64(s, 3, last);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        /* An index out of order must not send a walk backwards. */
        return db_column_u64(s, 0, ret) && *ret >= from && *ret <= last ? 0 : VAULT_E_DAMAGED;
}

int index_has(Vault *vault, const uint8_t token[TOKEN_SIZE], ItemId id, bool *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_ATTR_HAS, &s);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, token, TOKEN_SIZE);
        db_bind_u64(s, 2, id);
        return db_step(s, ret);
}
