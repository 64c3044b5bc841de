/*
 * Hints: what can be told of a class's records while the vault is locked
 *
 * A record may have a hint, which is sealed twice: in the record, under the class's key, where it is authentic, and in
 * a row of its own, under a key derived from the index key, which is at hand while the vault is locked. The row is a
 * copy, as the rows of the index are: it goes with one version of its record, a check holds it against the record, and
 * whatever is lost of it is made anew from there.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define AD_SIZE 64U

static size_t hint_ad(const Vault *vault, ItemId id, uint64_t version, uint8_t ret[AD_SIZE])
{
        ByteWriter writer = {.data = ret, .capacity = AD_SIZE};

        byte_writer_string(&writer, "keyfob hint 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u64(&writer, id);
        byte_writer_u64(&writer, version);
        return writer.size;
}

static int hint_key(const Key *index_key, Key **ret)
{
        *ret = key_derive(index_key, "keyfob hints", NULL, 0);
        return *ret ? 0 : -ENOMEM;
}

/* ---- writing ---- */

int hint_remove(Vault *vault, ItemId id)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_HINT_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        return db_run(s);
}

int hint_put(Vault *vault, const Key *index_key, const Row *row, const Marked *marked)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_free_ uint8_t *sealed = NULL;
        uint8_t ad[AD_SIZE];
        int r;

        if (!marked->hint)
                return hint_remove(vault, row->id);
        sealed = malloc(marked->hint_size + SEAL_OVERHEAD);
        if (!sealed)
                return -ENOMEM;
        r = hint_key(index_key, &key);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_HINT_PUT, &s);
        if (r != 0)
                return r;
        seal(key, ad, hint_ad(vault, row->id, row->version, ad), marked->hint, marked->hint_size, sealed);
        db_bind_u64(s, 1, row->id);
        db_bind_blob(s, 2, sealed, marked->hint_size + SEAL_OVERHEAD);
        return db_run(s);
}

/* ---- reading ---- */

static int open_hint(Vault *vault, ItemId id, uint64_t version, const uint8_t *sealed, size_t size, void *ret)
{
        _cleanup_(key_freep) Key *key = NULL;
        uint8_t ad[AD_SIZE];
        int r;

        r = hint_key(vault->index_key, &key);
        if (r != 0)
                return r;
        r = seal_open(key, ad, hint_ad(vault, id, version, ad), sealed, size, ret);
        return r < 0 ? VAULT_E_DAMAGED : 0;
}

/* Whether this row is the hint of the record that it stands beside. */
static int same_hint(Vault *vault, const Row *row, const Marked *marked, const uint8_t *sealed, size_t size, bool *ret)
{
        _cleanup_free_ uint8_t *plain = NULL;
        int r;

        *ret = false;
        if (size != marked->hint_size + SEAL_OVERHEAD)
                return 0;
        plain = malloc(size);
        if (!plain)
                return -ENOMEM;
        r = open_hint(vault, row->id, row->version, sealed, size, plain);
        if (r == 0)
                *ret = marked->hint_size == 0 || memcmp(plain, marked->hint, marked->hint_size) == 0;
        return r < 0 ? r : 0;
}

int hint_check(Vault *vault, const Row *row, const Marked *marked, HintState *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const uint8_t *sealed;
        bool there, same = false;
        size_t size;
        int r;

        r = vault_statement(vault, STATEMENT_HINT_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, row->id);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!marked->hint) {
                *ret = there ? HINT_EXTRA : HINT_FITS;
                return 0;
        }
        if (there && db_column_blob(s, 0, SEAL_OVERHEAD, VAULT_HINT_MAX + SEAL_OVERHEAD, &sealed, &size))
                r = same_hint(vault, row, marked, sealed, size, &same);
        *ret = same ? HINT_FITS : HINT_MISSING;
        return r;
}

int hint_orphans(Vault *vault, bool remove, uint64_t *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *count = NULL, *clean = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_HINT_COUNT_ORPHANS, &count);
        if (r != 0)
                return r;
        db_bind_u64(count, 1, ITEM_ID(CLASS_NO(0), ITEM_NUMBER_MAX));
        r = db_step(count, &there);
        if (r != 0)
                return r;
        if (!there || !db_column_u64(count, 0, ret))
                return VAULT_E_DAMAGED;
        if (!remove || *ret == 0)
                return 0;
        r = vault_statement(vault, STATEMENT_HINT_REMOVE_ORPHANS, &clean);
        if (r != 0)
                return r;
        db_bind_u64(clean, 1, ITEM_ID(CLASS_NO(0), ITEM_NUMBER_MAX));
        return db_run(clean);
}

int vault_hint_next(Vault *vault, VaultClass class, uint64_t *number, void *ret, size_t capacity, size_t *ret_size)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const uint8_t *sealed;
        size_t size;
        uint64_t version;
        ItemId id, last;
        bool there;
        int r;

        if (class <= 0 || class >= _VAULT_CLASS_MAX)
                return VAULT_E_INVALID;
        if (*number >= ITEM_NUMBER_MAX)
                return VAULT_E_NOT_FOUND;
        last = ITEM_ID(CLASS_NO(class), *number);
        r = vault_statement(vault, STATEMENT_HINT_NEXT, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, last);
        db_bind_u64(s, 2, ITEM_ID(CLASS_NO(class), ITEM_NUMBER_MAX));
        r = db_step(s, &there);
        if (r != 0)
                return r < 0 ? r : -EIO; /* of the table, not of one: there is no going on */
        /* Out of order, the walk might not end. */
        if (!there || !db_column_u64(s, 0, &id) || id <= last || ITEM_ID_COLLECTION(id) != CLASS_NO(class))
                return VAULT_E_NOT_FOUND;
        *number = ITEM_ID_NUMBER(id);
        if (!db_column_u64(s, 1, &version) ||
            !db_column_blob(s, 2, SEAL_OVERHEAD, VAULT_HINT_MAX + SEAL_OVERHEAD, &sealed, &size))
                return VAULT_E_DAMAGED;
        if (size - SEAL_OVERHEAD > capacity)
                return VAULT_E_LIMIT;
        r = open_hint(vault, id, version, sealed, size, ret);
        if (r == 0)
                *ret_size = size - SEAL_OVERHEAD;
        return r;
}
