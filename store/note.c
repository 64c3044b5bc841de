/*
 * Notes: small hints that are readable while the vault is locked
 *
 * Rows of `meta` whose names begin with "note:". Nothing seals or signs them.
 */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define NAME_MAX_SIZE 32U
#define ROW_NAME_SIZE (sizeof("note:") + NAME_MAX_SIZE)

static int row_name(const char *name, char ret[ROW_NAME_SIZE])
{
        size_t size = strlen(name);

        if (size == 0 || size > NAME_MAX_SIZE || strspn(name, "abcdefghijklmnopqrstuvwxyz-") != size)
                return VAULT_E_INVALID;
        (void)snprintf(ret, ROW_NAME_SIZE, "note:%s", name);
        return 0;
}

static int note_remove(Vault *vault, const char *row)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_META_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_text(s, 1, row);
        return db_run(s);
}

int vault_note_put(Vault *vault, const char *name, const void *data, size_t size)
{
        char row[ROW_NAME_SIZE];
        Op op;
        int r;

        r = row_name(name, row);
        if (r == 0 && data && size > NOTE_MAX)
                r = VAULT_E_LIMIT;
        if (r == 0)
                r = op_begin(&op, vault, NULL, /* structure= */ false);
        if (r != 0)
                return r;
        return op_end(&op, data ? vault_meta_put(vault, row, data, size) : note_remove(vault, row));
}

int vault_note_get(Vault *vault, const char *name, void *ret, size_t capacity, size_t *ret_size)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        char row[ROW_NAME_SIZE];
        const uint8_t *data;
        size_t size;
        bool there;
        int r;

        r = row_name(name, row);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_META_GET, &s);
        if (r != 0)
                return r;
        db_bind_text(s, 1, row);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        /* What no caller can have put is no note. */
        if (!there || !db_column_blob(s, 0, 0, NOTE_MAX, &data, &size))
                return VAULT_E_NOT_FOUND;
        if (size > capacity)
                return VAULT_E_LIMIT;
        if (size > 0)
                memcpy(ret, data, size);
        *ret_size = size;
        return 0;
}
