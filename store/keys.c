/*
 * Keys under a root
 *
 * A root key seals nothing itself: a key derived from it for this vault wraps the keys of collections, classes and the
 * manifest, each bound to what it is for. Once they are open the root is not needed, and vault_unlock() does not keep
 * it.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

int keys_wrapping(const Vault *vault, const Root *root, Key **ret)
{
        Key *wrap = key_derive(root->key, "keyfob wrap", vault->id, VAULT_ID_SIZE);

        if (!wrap)
                return -ENOMEM;
        *ret = wrap;
        return 0;
}

static size_t key_ad(const Vault *vault, uint32_t scope, KeyPurpose purpose, uint32_t owner, uint32_t id,
                     uint8_t ret[64])
{
        ByteWriter writer = {.data = ret, .capacity = 64};

        byte_writer_string(&writer, "keyfob key 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u32(&writer, scope);
        byte_writer_u32(&writer, purpose);
        byte_writer_u32(&writer, owner);
        byte_writer_u32(&writer, id);
        return writer.size;
}

int keys_put_bytes(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, const void *data,
                   size_t size, uint32_t *ret_id)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_free_ uint8_t *sealed = NULL;
        uint8_t ad[64];
        uint32_t id = vault->next_key, next = id + 1;
        uint8_t number[4];
        ByteWriter writer = BYTE_WRITER_ON(number);
        int r;

        if (next == 0)
                return VAULT_E_LIMIT;
        byte_writer_u32(&writer, next);
        r = vault_meta_put(vault, "next-key", number, sizeof(number));
        if (r != 0)
                return r;
        vault->next_key = next;

        sealed = malloc(size + SEAL_OVERHEAD);
        if (!sealed)
                return -ENOMEM;
        r = vault_statement(vault, STATEMENT_KEY_PUT, &s);
        if (r != 0)
                return r;
        seal(wrap, ad, key_ad(vault, scope, purpose, owner, id, ad), data, size, sealed);
        db_bind_u64(s, 1, scope);
        db_bind_u64(s, 2, purpose);
        db_bind_u64(s, 3, owner);
        db_bind_u64(s, 4, id);
        db_bind_blob(s, 5, sealed, size + SEAL_OVERHEAD);
        r = db_run(s);
        if (r != 0)
                return r;
        *ret_id = id;
        return 0;
}

int keys_put(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, const Key *key,
             uint32_t *ret_id)
{
        return keys_put_bytes(vault, wrap, scope, purpose, owner, key->bytes, sizeof(key->bytes), ret_id);
}

/* Opens a row into `ret`, which has room for what `max` says beside the seal. */
static int get(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, size_t min,
               size_t max, uint8_t *ret, size_t *ret_size, uint32_t *ret_id)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const uint8_t *sealed;
        size_t size;
        uint8_t ad[64];
        uint32_t id;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_KEY_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, scope);
        db_bind_u64(s, 2, purpose);
        db_bind_u64(s, 3, owner);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        if (!db_column_u32(s, 0, &id) ||
            !db_column_blob(s, 1, min + SEAL_OVERHEAD, max + SEAL_OVERHEAD, &sealed, &size))
                return VAULT_E_DAMAGED;
        if (seal_open(wrap, ad, key_ad(vault, scope, purpose, owner, id, ad), sealed, size, ret) < 0)
                return VAULT_E_DAMAGED;
        *ret_size = size - SEAL_OVERHEAD;
        if (ret_id)
                *ret_id = id;
        return 0;
}

int keys_get(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, Key **ret,
             uint32_t *ret_id)
{
        _cleanup_(key_freep) Key *key = key_new();
        size_t size;
        int r;

        if (!key)
                return -ENOMEM;
        r = get(vault, wrap, scope, purpose, owner, sizeof(key->bytes), sizeof(key->bytes), key->bytes, &size, ret_id);
        if (r == 0)
                *ret = TAKE_PTR(key);
        return r;
}

int keys_get_bytes(Vault *vault, const Key *wrap, uint32_t scope, KeyPurpose purpose, uint32_t owner, size_t max,
                   Secret **ret, uint32_t *ret_id)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        int r;

        r = secret_new(&secret, max);
        if (r < 0)
                return r;
        r = get(vault, wrap, scope, purpose, owner, 0, max, secret->data, &secret->size, ret_id);
        if (r == 0)
                *ret = TAKE_PTR(secret);
        return r;
}

int keys_remove(Vault *vault, uint32_t scope, KeyPurpose purpose, uint32_t owner)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_KEY_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, scope);
        db_bind_u64(s, 2, purpose);
        db_bind_u64(s, 3, owner);
        return db_run(s);
}

int keys_check_root(Vault *vault, const Root *root, Key **ret_wrap)
{
        _cleanup_(key_freep) Key *wrap = NULL, *key = NULL;
        int r;

        r = keys_wrapping(vault, root, &wrap);
        if (r != 0)
                return r;
        if (root->scope == 0)
                r = keys_get(vault, wrap, 0, KEY_MANIFEST, 0, &key, NULL);
        else
                r = keys_get(vault, wrap, root->scope, KEY_COLLECTION, root->scope, &key, NULL);
        if (r != 0)
                return r < 0 ? r : VAULT_E_DAMAGED;
        *ret_wrap = TAKE_PTR(wrap);
        return 0;
}

int collection_set_key(Collection *c, Key *key, uint32_t key_id)
{
        Key *sum_key = key_derive(key, "keyfob sum", NULL, 0);
        Key *mark_key = is_class(c) ? key_derive(key, "keyfob marks", NULL, 0) : NULL;

        if (!sum_key || (is_class(c) && !mark_key)) {
                (void)key_free(key);
                (void)key_free(sum_key);
                (void)key_free(mark_key);
                return -ENOMEM;
        }
        collection_forget_keys(c);
        c->key = key;
        c->sum_key = sum_key;
        c->mark_key = mark_key;
        c->key_id = key_id;
        return 0;
}

void collection_forget_keys(Collection *c)
{
        c->key = key_free(c->key);
        c->sum_key = key_free(c->sum_key);
        c->mark_key = key_free(c->mark_key);
        c->key_id = 0;
        free(c->damaged);
        c->damaged = NULL;
        c->n_damaged = 0;
        c->sum_bad = c->scope_bad = false;
}

void collection_forget_all(Collection *c)
{
        collection_forget_keys(c);
        c->seal = class_seal_free(c->seal);
}
