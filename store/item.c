/*
 * Items
 *
 * An item is a record in a row (row.c) and tokens of its attributes. What is replaced goes to the trash first, as it
 * was sealed.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

int item_there(Vault *vault, ItemId id, bool *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const Collection *c = collection_find(vault, ITEM_ID_COLLECTION(id));
        int r;

        if (!c || c->deleted) {
                *ret = false;
                return 0;
        }
        if (vault->seen == id && !vault->in_batch) {
                *ret = true;
                return 0;
        }
        r = vault_statement(vault, STATEMENT_ITEM_EXISTS, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        return db_step(s, ret);
}

bool vault_item_exists(Vault *vault, ItemId id)
{
        bool there = false;

        return item_there(vault, id, &there) == 0 && there;
}

int item_open(Vault *vault, Collection *c, ItemId id, Row *ret_row, Record *ret)
{
        const Secret *plain;
        int r;

        r = row_open(vault, c, id, ret_row, &plain);
        if (r != 0)
                return r;
        /* Who found it is likely to ask for it next. What is not committed yet may go again. */
        vault->seen = vault->in_batch ? 0 : id;
        r = record_decode(plain->data, plain->size, ret);
        if (r != 0) {
                box_done(vault);
                collection_note_damaged(c, id);
        }
        return r;
}

/* The open collection of an item; whether a locked one has the item at all is answered too. */
static int open_collection_of(Vault *vault, ItemId id, Collection **ret)
{
        int r = collection_open(vault, ITEM_ID_COLLECTION(id), ret);

        return r == VAULT_E_LOCKED && !vault_item_exists(vault, id) ? VAULT_E_NOT_FOUND : r;
}

static int open_item(Vault *vault, ItemId id, Row *ret_row, Record *ret)
{
        Collection *c;
        int r;

        r = open_collection_of(vault, id, &c);
        return r == 0 ? item_open(vault, c, id, ret_row, ret) : r;
}

int vault_item_get(Vault *vault, ItemId id, bool with_value, Item **ret)
{
        Record record;
        Row row;
        int r;

        r = open_item(vault, id, &row, &record);
        if (r != 0)
                return r;
        r = record_item(&record, &row, with_value, ret);
        box_done(vault);
        if (with_value)
                vault_use(vault);
        return r;
}

int vault_value_open(Vault *vault, ItemId id, ItemValue *ret)
{
        Record record;
        Row row;
        int r;

        r = open_item(vault, id, &row, &record);
        if (r != 0)
                return r;
        record_show(&record, &row, /* with_value= */ true, ret);
        vault_use(vault);
        return 0;
}

void vault_value_done(Vault *vault, ItemValue *value)
{
        box_done(vault);
        value->label = value->content_type = NULL;
        value->n_attributes = value->size = 0;
        value->value = NULL;
}

int item_write(Vault *vault, Collection *c, ItemId id, const Row *old, const Tokens *old_tokens, const Record *record)
{
        Tokens tokens;
        int r;

        r = index_tokens(vault->index_key, record->attributes, record->n_attributes, &tokens);
        if (r == 0)
                r = record_encode(vault, record);
        return r == 0 ? row_write(vault, c, id, old, old_tokens, &tokens, NULL) : r;
}

/* What a change sets, checked. */
typedef struct Change {
        const ItemChange *item;
        Pair pairs[VAULT_ATTRIBUTES_MAX];
} Change;

static int check_text(const char *text, size_t max)
{
        if (!text)
                return 0;
        if (strlen(text) > max)
                return VAULT_E_LIMIT;
        return utf8_valid(text, strlen(text)) ? 0 : VAULT_E_INVALID;
}

static int change_check(const ItemChange *item, Change *ret)
{
        int r;

        ret->item = item;
        r = check_text(item->label, VAULT_LABEL_MAX);
        if (r == 0)
                r = check_text(item->content_type, VAULT_CONTENT_TYPE_MAX);
        if (r == 0 && item->attributes)
                r = pairs_from(item->attributes, item->n_attributes, ret->pairs);
        if (r != 0)
                return r;
        return (item->value || item->value_set) && item->value_size > VAULT_SECRET_MAX ? VAULT_E_LIMIT : 0;
}

static void change_apply(const Change *change, Record *record)
{
        const ItemChange *item = change->item;

        if (item->label)
                record->label = TEXT(item->label);
        if (item->content_type)
                record->content_type = TEXT(item->content_type);
        if (item->attributes) {
                memcpy(record->attributes, change->pairs, item->n_attributes * sizeof(Pair));
                record->n_attributes = item->n_attributes;
        }
        if (item->value || item->value_set) {
                record->value = item->value;
                record->value_size = item->value ? item->value_size : 0;
        }
        record->modified = vault_now();
}

static int update(Vault *vault, Collection *c, ItemId id, const Change *change)
{
        const uint8_t *value;
        size_t value_size;
        Record record;
        Tokens tokens;
        Row old;
        int r;

        r = item_open(vault, c, id, &old, &record);
        if (r != 0)
                return r;
        value = record.value;
        value_size = record.value_size;
        r = index_tokens(vault->index_key, record.attributes, record.n_attributes, &tokens);
        if (r == 0) {
                change_apply(change, &record);
                if (record.value_size != value_size ||
                    (value_size > 0 && !bytes_equal(record.value, value, value_size)))
                        r = trash_keep(vault, id, /* deleted= */ false);
        }
        if (r == 0)
                r = item_write(vault, c, id, &old, &tokens, &record);
        box_done(vault);
        return r;
}

/* The item of this collection with exactly these attributes. */
static int find_same(Vault *vault, Collection *c, const Change *change, ItemId *ret)
{
        const ItemChange *item = change->item;
        size_t n = item->attributes ? item->n_attributes : 0;
        ItemId from = ITEM_ID(c->public.no, 0), last = ITEM_ID(c->public.no, ITEM_NUMBER_MAX);
        Tokens tokens;
        int r;

        r = index_tokens(vault->index_key, change->pairs, n, &tokens);
        while (r == 0 && from <= last) {
                Record record;
                bool same;
                ItemId id;
                Row row;

                r = index_seek(vault, tokens.token[0], from, last, &id);
                if (r != 0)
                        return r;
                r = item_open(vault, c, id, &row, &record);
                if (r < 0)
                        return r;
                if (r == 0) {
                        same = pairs_same(change->pairs, n, record.attributes, record.n_attributes);
                        box_done(vault);
                        if (same) {
                                *ret = id;
                                return 0;
                        }
                }
                from = id + 1;
                r = 0;
        }
        return r == 0 ? VAULT_E_NOT_FOUND : r;
}

static int create(Vault *vault, Collection *c, const Change *change, bool replace, ItemId *ret_id, bool *ret_replaced)
{
        Record record = {.label = {"", 0}, .content_type = {"text/plain", 10}};
        int r;

        if (replace) {
                r = find_same(vault, c, change, ret_id);
                if (r == 0) {
                        /* The attributes stay as they are: they are the same. */
                        ItemChange item = *change->item;
                        Change kept = {.item = &item};

                        item.label = item.label ? item.label : "";
                        item.content_type = item.content_type ? item.content_type : "text/plain";
                        item.value_set = true;
                        item.attributes = NULL;
                        *ret_replaced = true;
                        return update(vault, c, *ret_id, &kept);
                }
                if (r != VAULT_E_NOT_FOUND)
                        return r;
        }
        change_apply(change, &record);
        record.created = record.modified;
        r = item_write(vault, c, 0, NULL, NULL, &record);
        if (r != 0)
                return r;
        *ret_id = ITEM_ID(c->public.no, c->head.counter);
        *ret_replaced = false;
        return 0;
}

int vault_item_create(Vault *vault, uint32_t collection, const ItemChange *item, bool replace, ItemId *ret_id,
                      bool *ret_replaced)
{
        bool replaced = false;
        Collection *c;
        Change change;
        ItemId id = 0;
        Op op;
        int r;

        r = collection_open(vault, collection, &c);
        if (r == 0)
                r = change_check(item, &change);
        if (r == 0)
                r = op_begin(&op, vault, c, /* structure= */ false);
        if (r != 0)
                return r;
        r = op_end(&op, create(vault, c, &change, replace, &id, &replaced));
        if (r != 0)
                return r;
        *ret_id = id;
        if (ret_replaced)
                *ret_replaced = replaced;
        return 0;
}

int vault_item_update(Vault *vault, ItemId id, const ItemChange *item)
{
        Collection *c;
        Change change;
        Op op;
        int r;

        r = open_collection_of(vault, id, &c);
        if (r == 0)
                r = change_check(item, &change);
        if (r == 0)
                r = op_begin(&op, vault, c, /* structure= */ false);
        if (r != 0)
                return r;
        return op_end(&op, update(vault, c, id, &change));
}

int item_remove(Vault *vault, ItemId id)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_ITEM_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        r = db_run(s);
        return r == 0 && ITEM_ID_COLLECTION(id) > COLLECTION_NO_MAX ? hint_remove(vault, id) : r;
}

int vault_item_delete(Vault *vault, ItemId id)
{
        Collection *c;
        Op op;
        int r;

        r = open_collection_of(vault, id, &c);
        if (r == 0)
                r = op_begin(&op, vault, c, /* structure= */ false);
        if (r != 0)
                return r;
        return op_end(&op, row_delete(vault, c, id, /* keep= */ true));
}
