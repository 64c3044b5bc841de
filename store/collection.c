/*
 * Collections
 *
 * Rows in clear but authenticated by the manifest; the key of each is wrapped by the vault's root or by a root of its
 * own. Deleting one only marks it: its rows, key and name stay until the trash has outlived them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

Collection *collection_free(Collection *c)
{
        if (!c)
                return NULL;
        collection_forget_all(c);
        free(c->public.label);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Collection *, collection_free)

/* Where number `no` is, or would be. */
static size_t position(const Vault *vault, uint32_t no)
{
        size_t low = 0, high = vault->n_collections;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (vault->collections[middle]->public.no < no)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

Collection *collection_find(const Vault *vault, uint32_t no)
{
        size_t at = position(vault, no);

        return at < vault->n_collections && vault->collections[at]->public.no == no ? vault->collections[at] : NULL;
}

int collection_open(const Vault *vault, uint32_t no, Collection **ret)
{
        Collection *c = collection_find(vault, no);

        if (!c || c->deleted)
                return VAULT_E_NOT_FOUND;
        if (!c->key)
                return VAULT_E_LOCKED;
        *ret = c;
        return 0;
}

void collection_refresh(Vault *vault, Collection *c)
{
        c->public.locked = !c->key;
        c->public.tampered = c->sum_bad || c->scope_bad || (vault->manifest_bad && c->key);
        c->public.n_damaged = c->n_damaged;
}

void collection_note_damaged(Collection *c, ItemId id)
{
        size_t at = 0;
        ItemId *more;

        while (at < c->n_damaged && c->damaged[at] < id)
                at++;
        if ((at < c->n_damaged && c->damaged[at] == id) || c->n_damaged >= 65536)
                return;
        more = reallocarray(c->damaged, c->n_damaged + 1, sizeof(*more));
        if (!more)
                return; /* a number on a status page is not worth failing for */
        memmove(more + at + 1, more + at, (c->n_damaged - at) * sizeof(*more));
        more[at] = id;
        c->damaged = more;
        c->public.n_damaged = ++c->n_damaged;
}

static const VaultCollection *next(const Vault *vault, const VaultCollection *prev, bool deleted)
{
        for (size_t i = prev ? position(vault, prev->no) + 1 : 0; i < vault->n_collections; i++)
                if ((vault->collections[i]->deleted != 0) == deleted)
                        return &vault->collections[i]->public;
        return NULL;
}

const VaultCollection *vault_collection_next(const Vault *vault, const VaultCollection *prev)
{
        return next(vault, prev, false);
}

const VaultCollection *vault_collection_next_deleted(const Vault *vault, const VaultCollection *prev)
{
        return next(vault, prev, true);
}

const VaultCollection *vault_collection_get(const Vault *vault, uint32_t no)
{
        const Collection *c = collection_find(vault, no);

        return c && !c->deleted ? &c->public : NULL;
}

const VaultCollection *vault_collection_by_name(const Vault *vault, const char *name)
{
        for (size_t i = 0; i < vault->n_collections; i++)
                if (!vault->collections[i]->deleted && strcmp(vault->collections[i]->public.name, name) == 0)
                        return &vault->collections[i]->public;
        return NULL;
}

static bool name_valid(const char *name, size_t size)
{
        if (size == 0 || size >= sizeof(((VaultCollection *)0)->name))
                return false;
        return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") >= size;
}

static bool name_taken(const Vault *vault, const char *name)
{
        for (size_t i = 0; i < vault->n_collections; i++)
                if (strcmp(vault->collections[i]->public.name, name) == 0)
                        return true;
        /* Where the in-memory collection of the Secret Service lives. */
        return !vault->ephemeral && strcmp(name, "session") == 0;
}

static void make_name(const Vault *vault, const char *label, char ret[64])
{
        char base[41];
        size_t n = 0;

        for (; *label && n < sizeof(base) - 1; label++) {
                bool plain = (*label >= 'a' && *label <= 'z') || (*label >= 'A' && *label <= 'Z') ||
                             (*label >= '0' && *label <= '9');

                if (plain)
                        base[n++] = *label;
                else if (n > 0 && base[n - 1] != '_')
                        base[n++] = '_';
        }
        while (n > 0 && base[n - 1] == '_')
                n--;
        base[n] = 0;
        (void)snprintf(ret, 64, "%s", n > 0 ? base : "collection");
        for (unsigned i = 2; name_taken(vault, ret); i++)
                (void)snprintf(ret, 64, "%s_%u", n > 0 ? base : "collection", i);
}

/* Reading the list: rows that something else wrote are made presentable, and the manifest says that they were changed.
 */
static int read_row(Vault *vault, sqlite3_stmt *s)
{
        _cleanup_free_ char *label = NULL;
        const uint8_t *text;
        uint64_t created = 0, deleted = 0, own = 0, modified = 0, n = 0;
        size_t size;
        char name[64];
        Collection *c;
        uint32_t no;

        if (!db_column_u32(s, 0, &no) || no == 0 || no > COLLECTION_NO_MAX)
                return 0;
        if (db_column_blob(s, 1, 1, sizeof(name) - 1, &text, &size) && name_valid((const char *)text, size))
                (void)snprintf(name, sizeof(name), "%.*s", (int)size, (const char *)text);
        else
                (void)snprintf(name, sizeof(name), "collection_%u", no);
        if (db_column_blob(s, 2, 0, VAULT_LABEL_MAX, &text, &size) && utf8_valid(text, size))
                label = size > 0 ? strndup((const char *)text, size) : strdup("");
        else
                label = strdup(name);
        if (!label)
                return -ENOMEM;
        (void)db_column_u64(s, 3, &created);
        (void)db_column_u64(s, 4, &own);
        (void)db_column_u64(s, 5, &deleted);
        (void)db_column_u64(s, 6, &modified);
        (void)db_column_u64(s, 7, &n);

        c = collection_find(vault, no);
        if (!c) {
                _cleanup_(collection_freep) Collection *new = calloc(1, sizeof(*new));
                size_t at = position(vault, no);
                Collection **more;

                if (!new)
                        return -ENOMEM;
                if (vault->n_collections >= VAULT_COLLECTIONS_MAX)
                        return VAULT_E_DAMAGED;
                more = reallocarray(vault->collections, vault->n_collections + 1, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                vault->collections = more;
                memmove(more + at + 1, more + at, (vault->n_collections - at) * sizeof(*more));
                new->public.no = no;
                c = more[at] = TAKE_PTR(new);
                vault->n_collections++;
        }
        c->seen = true;
        for (size_t i = 0; i < vault->n_collections; i++)
                if (vault->collections[i] != c && vault->collections[i]->seen &&
                    strcmp(vault->collections[i]->public.name, name) == 0)
                        (void)snprintf(name, sizeof(name), "collection_%u", no);
        memcpy(c->public.name, name, sizeof(name));
        free(c->public.label);
        c->public.label = TAKE_PTR(label);
        c->public.created = created;
        c->public.own_slots = own != 0;
        c->deleted = deleted;
        if (!c->key) {
                c->public.modified = modified;
                c->public.n_items = n;
        }
        collection_refresh(vault, c);
        return 0;
}

static int reload_collections(Vault *vault)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        size_t kept = 0;
        bool more;
        int r;

        r = vault_statement(vault, STATEMENT_COLLECTION_LIST, &s);
        if (r != 0)
                return r;
        for (size_t i = 0; i < vault->n_collections; i++)
                vault->collections[i]->seen = false;
        for (;;) {
                r = db_step(s, &more);
                if (r == 0 && more)
                        r = read_row(vault, s);
                if (r != 0)
                        return r;
                if (!more)
                        break;
        }
        for (size_t i = 0; i < vault->n_collections; i++) {
                if (vault->collections[i]->seen)
                        vault->collections[kept++] = vault->collections[i];
                else
                        (void)collection_free(vault->collections[i]);
        }
        vault->n_collections = kept;
        return 0;
}

void collection_drop(Vault *vault, Collection *c)
{
        size_t at = position(vault, c->public.no);

        vault->n_collections--;
        memmove(vault->collections + at, vault->collections + at + 1,
                (vault->n_collections - at) * sizeof(vault->collections[0]));
        (void)collection_free(c);
}

static int meta_number(Vault *vault, const char *name, uint32_t *ret)
{
        uint8_t number[4];
        ByteReader reader = BYTE_READER(number, sizeof(number));
        int r;

        r = vault_meta_get(vault, name, number, sizeof(number));
        if (r != 0)
                return r;
        *ret = byte_reader_u32(&reader);
        return 0;
}

int vault_reload(Vault *vault)
{
        int r;

        r = meta_number(vault, "next-collection", &vault->next_collection);
        if (r == 0)
                r = meta_number(vault, "next-key", &vault->next_key);
        if (r == 0)
                r = retention_load(vault);
        if (r == 0)
                r = reload_collections(vault);
        return r == 0 ? aliases_reload(vault) : r;
}

int collection_put(Vault *vault, const Collection *c)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_COLLECTION_PUT, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, c->public.no);
        db_bind_text(s, 2, c->public.name);
        db_bind_text(s, 3, c->public.label);
        db_bind_u64(s, 4, c->public.created);
        db_bind_u64(s, 5, c->public.own_slots);
        db_bind_u64(s, 6, c->deleted);
        return db_run(s);
}

static int check_label(const char *label)
{
        if (strlen(label) > VAULT_LABEL_MAX)
                return VAULT_E_LIMIT;
        return utf8_valid(label, strlen(label)) ? 0 : VAULT_E_INVALID;
}

/* Key, slot and manifests of a new collection whose row is there. */
static int make_keys(Vault *vault, const Root *root, const SlotDraft *own, Collection *c)
{
        _cleanup_(root_freep) Root *own_root = NULL;
        _cleanup_(key_freep) Key *wrap = NULL, *key = key_new_random();
        uint32_t no = c->public.no, id = 1;
        int r;

        if (!key)
                return -ENOMEM;
        if (own) {
                own_root = root_new(no, own->id);
                if (!own_root)
                        return -ENOMEM;
                r = slot_put(vault, own, no, own_root->key, /* replace= */ false);
                if (r != 0)
                        return r;
                root = own_root;
        }
        if (!vault->ephemeral) {
                r = keys_wrapping(vault, root, &wrap);
                if (r == 0)
                        r = keys_put(vault, wrap, root->scope, KEY_COLLECTION, no, key, &id);
                if (r != 0)
                        return r;
        }
        r = collection_set_key(c, TAKE_PTR(key), id);
        if (r != 0)
                return r;
        c->head = (Head){.modified = c->public.created};
        r = head_store(vault, c);
        if (r == 0 && own)
                r = manifest_update(vault, no);
        return r == 0 ? manifest_update(vault, 0) : r;
}

int collection_make(Vault *vault, const Root *root, const char *label, const SlotDraft *own, Collection **ret)
{
        Collection made = {0}, *c;
        uint8_t number[4];
        ByteWriter writer = BYTE_WRITER_ON(number);
        int r;

        if (vault->n_collections >= VAULT_COLLECTIONS_MAX || vault->next_collection == 0 ||
            vault->next_collection > COLLECTION_NO_MAX)
                return VAULT_E_LIMIT;
        made.public.no = vault->next_collection;
        if (collection_find(vault, made.public.no))
                return VAULT_E_DAMAGED;
        made.public.created = vault_now();
        made.public.own_slots = own != NULL;
        made.public.label = (char *)(uintptr_t)label;
        make_name(vault, label, made.public.name);

        byte_writer_u32(&writer, made.public.no + 1);
        r = vault_meta_put(vault, "next-collection", number, sizeof(number));
        if (r == 0)
                r = collection_put(vault, &made);
        if (r == 0)
                r = vault_reload(vault);
        if (r != 0)
                return r;
        c = collection_find(vault, made.public.no);
        if (!c)
                return VAULT_E_DAMAGED;
        r = make_keys(vault, root, own, c);
        if (r != 0)
                return r;
        c->public.modified = c->head.modified;
        collection_refresh(vault, c);
        *ret = c;
        return 0;
}

int vault_collection_create(Vault *vault, const Root *root, const char *label, const SlotDraft *own,
                            const VaultCollection **ret)
{
        _cleanup_(key_freep) Key *wrap = NULL;
        Collection *c;
        Op op;
        int r;

        r = check_label(label);
        if (r != 0)
                return r;
        if (vault->ephemeral) {
                if (own)
                        return VAULT_E_INVALID;
        } else {
                if (!root || !vault->manifest_key)
                        return VAULT_E_LOCKED;
                if (root->scope != 0)
                        return VAULT_E_INVALID;
                r = keys_check_root(vault, root, &wrap);
                if (r != 0)
                        return r;
        }
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = op_end(&op, collection_make(vault, root, label, own, &c));
        if (r != 0)
                return r;
        *ret = &c->public;
        return 0;
}

/* Writes a row that was changed in memory; the caller's op reads it back if this fails. */
static int rewrite(Vault *vault, Collection *c)
{
        int r = collection_put(vault, c);

        return r == 0 ? manifest_update(vault, 0) : r;
}

int vault_collection_set_label(Vault *vault, uint32_t no, const char *label)
{
        Collection *c;
        char *copy;
        Op op;
        int r;

        r = check_label(label);
        if (r == 0)
                r = collection_open(vault, no, &c);
        if (r != 0)
                return r;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        copy = strdup(label);
        if (!copy)
                return -ENOMEM;
        r = op_begin(&op, vault, c, /* structure= */ true);
        if (r != 0) {
                free(copy);
                return r;
        }
        free(c->public.label);
        c->public.label = copy;
        head_touch(c); /* for its time of modification */
        return op_end(&op, rewrite(vault, c));
}

int vault_collection_delete(Vault *vault, uint32_t no)
{
        Collection *c = collection_find(vault, no);
        Op op;
        int r;

        if (!c || c->deleted)
                return VAULT_E_NOT_FOUND;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        c->deleted = vault_now();
        r = aliases_remove(vault, no);
        return op_end(&op, r == 0 ? rewrite(vault, c) : r);
}

int vault_collection_undelete(Vault *vault, uint32_t no)
{
        Collection *c = collection_find(vault, no);
        Op op;
        int r;

        if (!c || !c->deleted || wipe_has_collection(vault, no))
                return VAULT_E_NOT_FOUND;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        c->deleted = 0;
        return op_end(&op, rewrite(vault, c));
}
