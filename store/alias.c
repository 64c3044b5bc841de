/*
 * Aliases
 *
 * A short list in memory, sorted by name, that follows the table. Each change is authenticated by the manifest.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

void aliases_clear(Vault *vault)
{
        for (size_t i = 0; i < vault->n_aliases; i++)
                free(vault->aliases[i].name);
        free(vault->aliases);
        vault->aliases = NULL;
        vault->n_aliases = 0;
}

int aliases_reload(Vault *vault)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool more;
        int r;

        r = vault_statement(vault, STATEMENT_ALIAS_LIST, &s);
        if (r != 0)
                return r;
        aliases_clear(vault);
        for (;;) {
                const uint8_t *name;
                size_t size;
                Alias *grown;
                uint32_t no;

                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more || vault->n_aliases >= VAULT_ALIASES_MAX)
                        return 0;
                if (!db_column_blob(s, 0, 1, VAULT_ALIAS_MAX, &name, &size) || !utf8_valid(name, size) ||
                    !db_column_u32(s, 1, &no) || no == 0)
                        continue; /* not ours; the manifest says so */
                grown = reallocarray(vault->aliases, vault->n_aliases + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                vault->aliases = grown;
                grown[vault->n_aliases].no = no;
                grown[vault->n_aliases].name = strndup((const char *)name, size);
                if (!grown[vault->n_aliases].name)
                        return -ENOMEM;
                vault->n_aliases++;
        }
}

uint32_t vault_alias_get(const Vault *vault, const char *alias)
{
        for (size_t i = 0; i < vault->n_aliases; i++)
                if (strcmp(vault->aliases[i].name, alias) == 0)
                        return vault_collection_get(vault, vault->aliases[i].no) ? vault->aliases[i].no : 0;
        return 0;
}

const char *vault_alias_nth(const Vault *vault, size_t i, uint32_t *ret_no)
{
        if (i >= vault->n_aliases)
                return NULL;
        *ret_no = vault->aliases[i].no;
        return vault->aliases[i].name;
}

static int put(Vault *vault, const char *alias, uint32_t no)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, no ? STATEMENT_ALIAS_PUT : STATEMENT_ALIAS_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_text(s, 1, alias);
        if (no)
                db_bind_u64(s, 2, no);
        return db_run(s);
}

int aliases_remove(Vault *vault, uint32_t no)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_ALIAS_REMOVE_ALL, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, no);
        r = db_run(s);
        return r == 0 ? aliases_reload(vault) : r;
}

int vault_alias_set(Vault *vault, const char *alias, uint32_t no)
{
        Op op;
        int r;

        if (alias[0] == 0 || !utf8_valid(alias, strlen(alias)))
                return VAULT_E_INVALID;
        if (strlen(alias) > VAULT_ALIAS_MAX)
                return VAULT_E_LIMIT;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        if (no != 0 && !vault_collection_get(vault, no))
                return VAULT_E_NOT_FOUND;
        if (no != 0 && vault_alias_get(vault, alias) == 0 && vault->n_aliases >= VAULT_ALIASES_MAX)
                return VAULT_E_LIMIT;
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = put(vault, alias, no);
        if (r == 0)
                r = aliases_reload(vault);
        if (r == 0)
                r = manifest_update(vault, 0);
        return op_end(&op, r);
}
