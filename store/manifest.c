/*
 * The manifest: what is clear in the file and must still not be changed behind the user's back
 *
 * One MAC over every clear row that matters: slots, wrapped keys, collections with their labels, aliases, the index
 * key and the counters. It is made with a key that only the root opens. A collection with a root of its own has a
 * second one over its slots and its key, made with a key that its own key gives, so that its slots can be changed
 * while the vault is locked.
 *
 * Rows are written down as SQLite returns them, type by type, in order of their primary key; docs/FORMAT.md has the
 * bytes. A manifest that was found unfit is replaced by zeros with the next change, so that no change makes it fit
 * unnoticed.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

static int write_rows(Vault *vault, Statement statement, uint32_t scope, bool with_scope, ByteWriter *writer)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool more;
        int r;

        r = vault_statement(vault, statement, &s);
        if (r != 0)
                return r;
        if (with_scope)
                db_bind_u64(s, 1, scope);
        for (;;) {
                r = db_step(s, &more);
                if (r != 0)
                        return r;
                byte_writer_u8(writer, more);
                if (!more)
                        break;
                for (int i = 0; i < sqlite3_column_count(s); i++) {
                        int type = sqlite3_column_type(s, i);
                        const void *data;

                        byte_writer_u8(writer, (uint8_t)type);
                        if (type == SQLITE_INTEGER)
                                byte_writer_u64(writer, (uint64_t)sqlite3_column_int64(s, i));
                        else if (type != SQLITE_NULL) {
                                data = sqlite3_column_blob(s, i);
                                byte_writer_blob(writer, data, (size_t)sqlite3_column_bytes(s, i));
                        }
                }
        }
        return writer->failed ? -ENOMEM : 0;
}

/* Nothing at all when no class has a head, as it was before there were records of classes. */
static int write_classes(Vault *vault, ByteWriter *writer)
{
        size_t before = writer->size;
        int r;

        r = write_rows(vault, STATEMENT_HEAD_MANIFEST, COLLECTION_NO_MAX, true, writer);
        if (r == 0 && writer->size == before + 1)
                writer->size = before;
        return r;
}

int manifest_compute(Vault *vault, const Key *key, uint32_t scope, uint8_t ret[MANIFEST_SIZE])
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        int r;

        byte_writer_string(&writer, "keyfob manifest 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u32(&writer, scope);
        r = write_rows(vault, STATEMENT_SLOT_MANIFEST, scope, true, &writer);
        if (r == 0)
                r = write_rows(vault, STATEMENT_KEY_MANIFEST, scope, true, &writer);
        if (r == 0 && scope == 0) {
                uint8_t index_digest[32];

                digest(vault->index_key->bytes, sizeof(vault->index_key->bytes), index_digest);
                byte_writer_raw(&writer, index_digest, sizeof(index_digest));
                byte_writer_u32(&writer, vault->next_collection);
                byte_writer_u32(&writer, vault->next_key);
                r = write_rows(vault, STATEMENT_COLLECTION_MANIFEST, 0, false, &writer);
                if (r == 0)
                        r = write_rows(vault, STATEMENT_ALIAS_LIST, 0, false, &writer);
                if (r == 0)
                        r = write_classes(vault, &writer);
        }
        if (r != 0)
                return r;
        if (writer.failed)
                return -ENOMEM;
        mac(key, writer.data, writer.size, ret, MANIFEST_SIZE);
        return 0;
}

int manifest_key(const Vault *vault, uint32_t scope, Key **ret)
{
        const Collection *c;
        Key *key;

        if (scope == 0) {
                if (!vault->manifest_key)
                        return VAULT_E_LOCKED;
                key = key_new_from(vault->manifest_key->bytes);
        } else {
                c = collection_find(vault, scope);
                if (!c || !c->key)
                        return VAULT_E_LOCKED;
                key = key_derive(c->key, "keyfob manifest", NULL, 0);
        }
        if (!key)
                return -ENOMEM;
        *ret = key;
        return 0;
}

int manifest_check(Vault *vault, const Key *key, uint32_t scope)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint8_t expected[MANIFEST_SIZE];
        const uint8_t *value;
        size_t size;
        bool there;
        int r;

        r = manifest_compute(vault, key, scope, expected);
        if (r != 0)
                return r;
        r = vault_statement(vault, STATEMENT_MANIFEST_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, scope);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there || !db_column_blob(s, 0, MANIFEST_SIZE, MANIFEST_SIZE, &value, &size) ||
            !bytes_equal(value, expected, MANIFEST_SIZE))
                return VAULT_E_DAMAGED;
        return 0;
}

/* The manifest key of the root's scope, while that scope is locked. */
static int key_by_root(Vault *vault, const Root *root, Key **ret)
{
        _cleanup_(key_freep) Key *wrap = NULL, *key = NULL;
        int r;

        r = keys_wrapping(vault, root, &wrap);
        if (r != 0)
                return r;
        if (root->scope == 0)
                return keys_get(vault, wrap, 0, KEY_MANIFEST, 0, ret, NULL);
        r = keys_get(vault, wrap, root->scope, KEY_COLLECTION, root->scope, &key, NULL);
        if (r != 0)
                return r;
        *ret = key_derive(key, "keyfob manifest", NULL, 0);
        return *ret ? 0 : -ENOMEM;
}

int manifest_pen(Vault *vault, const Root *root, uint32_t scope, Pen *ret)
{
        _cleanup_(key_freep) Key *key = NULL;
        const Collection *c = scope ? collection_find(vault, scope) : NULL;
        int r;

        r = manifest_key(vault, scope, &key);
        if (r == 0) {
                *ret = (Pen){.key = TAKE_PTR(key), .scope = scope, .bad = c ? c->scope_bad : vault->manifest_bad};
                return 0;
        }
        if (r != VAULT_E_LOCKED || !root || root->scope != scope)
                return r;
        r = key_by_root(vault, root, &key);
        if (r != 0)
                return r < 0 ? r : VAULT_E_DAMAGED;
        r = manifest_check(vault, key, scope);
        if (r < 0)
                return r;
        *ret = (Pen){.key = TAKE_PTR(key), .scope = scope, .bad = r != 0};
        return 0;
}

/* The number that the next key gets goes up with every change that a manifest is made for: so manifests of a vault have an order
 * (epoch.c), and numbers of keys have gaps. */
static int advance(Vault *vault)
{
        uint8_t number[4];
        ByteWriter writer = BYTE_WRITER_ON(number);
        int r;

        if (vault->next_key == UINT32_MAX)
                return 0;
        byte_writer_u32(&writer, vault->next_key + 1);
        r = vault_meta_put(vault, "next-key", number, sizeof(number));
        if (r != 0)
                return r;
        vault->next_key++;
        vault->structure_dirty = true;
        return 0;
}

int manifest_write(Vault *vault, const Pen *pen)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint8_t value[MANIFEST_SIZE] = {0};
        int r;

        r = pen->scope == 0 ? advance(vault) : 0;
        if (r != 0)
                return r;
        if (!pen->bad) {
                r = manifest_compute(vault, pen->key, pen->scope, value);
                if (r != 0)
                        return r;
        }
        r = vault_statement(vault, STATEMENT_MANIFEST_PUT, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, pen->scope);
        db_bind_blob(s, 2, value, sizeof(value));
        return db_run(s);
}

int manifest_update(Vault *vault, uint32_t scope)
{
        _cleanup_(pen_done) Pen pen = {0};
        int r;

        if (vault->ephemeral)
                return 0;
        r = manifest_pen(vault, NULL, scope, &pen);
        return r == 0 ? manifest_write(vault, &pen) : r;
}
