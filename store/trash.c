/*
 * The trash: deleted and replaced records, as they were sealed
 *
 * Rows are copied inside the database, without opening them, and stay readable under the collection's key as what they
 * were: item and version are part of the seal. Bringing one back is a new version of the item. They go when they are
 * old or, of one item, too many; what is old is decided by the caller's clock, and only while the vault is unlocked.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* What the trash says of a record, after the columns that record_open() takes. */
typedef struct Entry {
        uint64_t seq, removed;
        bool deleted;
} Entry;

static int copy_row(Vault *vault, ItemId id, bool deleted)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint64_t seq;
        int r;

        r = wipe_next_seq(vault, &seq);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_TRASH_KEEP, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        db_bind_u64(s, 2, vault_now());
        db_bind_u64(s, 3, deleted);
        db_bind_u64(s, 4, seq);
        return db_run(s);
}

int trash_set_aside(Vault *vault, ItemId id)
{
        return vault->ephemeral ? 0 : copy_row(vault, id, /* deleted= */ true);
}

int trash_keep(Vault *vault, ItemId id, bool deleted)
{
        _cleanup_(statement_donep) sqlite3_stmt *trim = NULL;
        const VaultRetention *retention = &vault->retention;
        int r;

        if (vault->ephemeral)
                return 0;
        if (id <= ITEM_ID_LAST && (retention->days == 0 || (!deleted && retention->versions == 0)))
                return 0;
        r = copy_row(vault, id, deleted);
        if (r != 0 || deleted)
                return r;
        r = vault_statement(vault, STATEMENT_TRASH_TRIM, &trim);
        if (r != 0)
                return r;
        db_bind_u64(trim, 1, id);
        db_bind_u64(trim, 2, retention->versions);
        return db_run(trim);
}

int trash_remove(Vault *vault, uint64_t seq)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, seq);
        return db_run(s);
}

static bool read_entry(sqlite3_stmt *s, Entry *ret)
{
        uint64_t deleted;

        if (!db_column_u64(s, 5, &ret->seq) || !db_column_u64(s, 6, &ret->removed) || !db_column_u64(s, 7, &deleted))
                return false;
        ret->deleted = deleted != 0;
        return true;
}

void trash_list_done(TrashList *list)
{
        for (size_t i = 0; i < list->n; i++)
                (void)item_free(list->entries[i].item);
        free(list->entries);
        *list = (TrashList){0};
}

static int append(TrashList *list, const Entry *entry, Item *item)
{
        /* Room for twice as many whenever it is full: at powers of two. */
        if ((list->n & (list->n - 1)) == 0) {
                TrashEntry *grown = reallocarray(list->entries, list->n > 0 ? 2 * list->n : 1, sizeof(*grown));

                if (!grown) {
                        (void)item_free(item);
                        return -ENOMEM;
                }
                list->entries = grown;
        }
        list->entries[list->n++] = (TrashEntry){.item = item, .removed = entry->removed, .deleted = entry->deleted};
        return 0;
}

/* What a statement gives, which is bound. ret_last: the number of the last one, or 0 when there is no more. */
static int list_entries(Vault *vault, sqlite3_stmt *s, size_t limit, TrashList *ret, uint64_t *ret_last)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        uint64_t last = 0;
        bool more = true;
        int r;

        while (limit == 0 || list.n < limit) {
                Collection *c;
                Record record;
                Entry entry;
                Item *item;
                ItemId id;
                Row row;

                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more)
                        break;
                if (!db_column_u64(s, 0, &id) || !read_entry(s, &entry) ||
                    collection_open(vault, ITEM_ID_COLLECTION(id), &c) != 0)
                        continue;
                r = record_open(vault, c, s, 0, &row, &record);
                if (r < 0)
                        return r;
                if (r != 0)
                        continue; /* damaged: nothing to bring back */
                r = record_item(&record, &row, /* with_value= */ false, &item);
                box_done(vault);
                if (r == 0)
                        r = append(&list, &entry, item);
                if (r != 0)
                        return r;
                last = entry.seq;
        }
        *ret_last = more ? last : 0;
        *ret = list;
        list = (TrashList){0};
        return 0;
}

int vault_trash_next(Vault *vault, uint32_t collection, uint64_t *before, size_t limit, TrashList *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        if (collection != 0 && !vault_collection_get(vault, collection))
                return VAULT_E_NOT_FOUND;
        r = vault_statement(vault, STATEMENT_TRASH_LIST, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, collection ? ITEM_ID(collection, 0) : 0);
        db_bind_u64(s, 2, collection ? ITEM_ID(collection, ITEM_NUMBER_MAX) : ITEM_ID_LAST);
        db_bind_u64(s, 3, *before < INT64_MAX ? *before : INT64_MAX);
        return list_entries(vault, s, limit, ret, before);
}

int vault_trash(Vault *vault, uint32_t collection, size_t limit, TrashList *ret)
{
        uint64_t before = UINT64_MAX;

        return vault_trash_next(vault, collection, &before, limit, ret);
}

int vault_history(Vault *vault, ItemId id, TrashList *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint64_t last;
        Collection *c;
        int r;

        r = collection_open(vault, ITEM_ID_COLLECTION(id), &c);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_TRASH_OF_ITEM, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        return list_entries(vault, s, /* limit= */ 0, ret, &last);
}

/* Opens an entry, box_done() when 0. */
static int open_entry(Vault *vault, Collection *c, ItemId id, uint64_t version, Entry *ret_entry, Record *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        Row row;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        db_bind_u64(s, 2, version);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        if (!read_entry(s, ret_entry))
                return VAULT_E_DAMAGED;
        return record_open(vault, c, s, 0, &row, ret);
}

int vault_history_get(Vault *vault, ItemId id, uint64_t version, Item **ret)
{
        Collection *c;
        Record record;
        Entry entry;
        Row row = {.id = id, .version = version};
        int r;

        r = collection_open(vault, ITEM_ID_COLLECTION(id), &c);
        if (r == 0)
                r = open_entry(vault, c, id, version, &entry, &record);
        if (r != 0)
                return r;
        r = record_item(&record, &row, /* with_value= */ true, ret);
        box_done(vault);
        if (r == 0)
                vault_use(vault);
        return r;
}

/* A copy of a record in one block of memory of its own, because the current one must be opened beside it. */
static int keep_record(const Record *record, Secret **ret_memory, Record *ret)
{
        _cleanup_(secret_freep) Secret *memory = NULL;
        size_t size = record->label.size + record->content_type.size + record->value_size;
        Text *texts[2 + 2 * VAULT_ATTRIBUTES_MAX];
        size_t n = 0, at = 0;
        int r;

        *ret = *record;
        texts[n++] = &ret->label;
        texts[n++] = &ret->content_type;
        for (size_t i = 0; i < ret->n_attributes; i++) {
                texts[n++] = &ret->attributes[i].name;
                texts[n++] = &ret->attributes[i].value;
                size += ret->attributes[i].name.size + ret->attributes[i].value.size;
        }
        r = secret_new(&memory, size);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (texts[i]->size > 0)
                        memcpy(memory->data + at, texts[i]->data, texts[i]->size);
                texts[i]->data = (const char *)memory->data + at;
                at += texts[i]->size;
        }
        if (record->value_size > 0)
                memcpy(memory->data + at, record->value, record->value_size);
        ret->value = memory->data + at;
        *ret_memory = TAKE_PTR(memory);
        return 0;
}

static int bring_back(Vault *vault, Collection *c, ItemId id, uint64_t version)
{
        _cleanup_(secret_freep) Secret *memory = NULL;
        Record record, current;
        Tokens tokens;
        Entry entry;
        Row row;
        bool exists;
        int r;

        r = item_there(vault, id, &exists);
        if (r == 0)
                r = open_entry(vault, c, id, version, &entry, &record);
        if (r != 0)
                return r;
        r = keep_record(&record, &memory, &record);
        box_done(vault);
        if (r != 0)
                return r;
        /* Before what is current takes its place among those that are kept: else the oldest of them would go. */
        r = trash_remove(vault, entry.seq);
        if (r != 0)
                return r;
        if (exists) {
                r = item_open(vault, c, id, &row, &current);
                if (r != 0)
                        return r;
                r = index_tokens(vault->index_key, current.attributes, current.n_attributes, &tokens);
                box_done(vault);
                if (r == 0)
                        r = trash_keep(vault, id, /* deleted= */ false);
                if (r != 0)
                        return r;
        }
        record.modified = vault_now();
        return item_write(vault, c, id, exists ? &row : NULL, exists ? &tokens : NULL, &record);
}

int vault_undelete(Vault *vault, ItemId id, uint64_t version)
{
        Collection *c;
        Op op;
        int r;

        r = collection_open(vault, ITEM_ID_COLLECTION(id), &c);
        if (r == 0)
                r = op_begin(&op, vault, c, /* structure= */ false);
        if (r != 0)
                return r;
        return op_end(&op, bring_back(vault, c, id, version));
}
