/*
 * Records of classes
 *
 * The bytes of a record mean nothing here. Whoever keeps some finds them again by marks and by number; a mark only
 * proposes numbers, and what is read is authentic or VAULT_E_DAMAGED.
 */
#include <string.h>

#include "store/internal.h"

static ItemId id_of(const Collection *c, uint64_t number)
{
        return number > 0 && number <= ITEM_NUMBER_MAX ? ITEM_ID(c->public.no, number) : 0;
}

/* The first id that is not below `before`. */
static ItemId bound_of(const Collection *c, uint64_t before)
{
        return ITEM_ID(c->public.no, 0) + (before <= ITEM_NUMBER_MAX ? before : ITEM_NUMBER_MAX + 1);
}

/* Begins a change of a record. VAULT_E_NOT_FOUND when no record can have the number. */
static int begin(Op *op, Vault *vault, VaultClass class, uint64_t number, Collection **ret, ItemId *ret_id)
{
        int r;

        r = class_open(vault, class, ret);
        if (r != 0)
                return r;
        *ret_id = id_of(*ret, number);
        return *ret_id ? op_begin(op, vault, *ret, /* structure= */ false) : VAULT_E_NOT_FOUND;
}

static int create(Vault *vault, Collection *c, const Marked *marked, Row *ret)
{
        Tokens tokens;
        int r;

        mark_tokens(c, marked->marks, marked->n_marks, &tokens);
        r = marked_encode(vault, marked);
        if (r == 0)
                r = row_write(vault, c, 0, NULL, NULL, &tokens, ret);
        return r == 0 && marked->hint ? hint_put(vault, vault->index_key, ret, marked) : r;
}

static int make(Vault *vault, VaultClass class, const Marked *marked, uint64_t *ret_number)
{
        Collection *c;
        Row row = {0};
        Op op;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                r = marks_check(marked->marks, marked->n_marks);
        if (r == 0 && (marked->size > VAULT_RECORD_MAX || marked->hint_size > VAULT_HINT_MAX))
                r = VAULT_E_LIMIT;
        if (r == 0)
                r = op_begin(&op, vault, c, /* structure= */ false);
        if (r != 0)
                return r;
        r = op_end(&op, create(vault, c, marked, &row));
        if (r == 0)
                *ret_number = ITEM_ID_NUMBER(row.id);
        return r;
}

int vault_record_create(Vault *vault, VaultClass class, const VaultMark *marks, size_t n, const void *data,
                        size_t size, uint64_t *ret_number)
{
        return make(vault, class, &(Marked){.marks = marks, .n_marks = n, .data = data, .size = size}, ret_number);
}

/* Of `new` without a hint, the old one stays. */
static int update(Vault *vault, Collection *c, ItemId id, const Marked *new)
{
        const Secret *plain;
        Marked marked;
        Tokens tokens;
        Row old, row;
        int r;

        r = row_open(vault, c, id, &old, &plain);
        if (r != 0)
                return r;
        r = marked_decode(plain, &marked);
        if (r == 0) {
                mark_tokens(c, marked.marks, marked.n_marks, &tokens);
                marked.data = new->data;
                marked.size = new->size;
                if (new->hint) {
                        marked.hint = new->hint;
                        marked.hint_size = new->hint_size;
                }
                r = marked_encode(vault, &marked);
        }
        if (r == 0)
                r = row_write(vault, c, id, &old, &tokens, &tokens, &row);
        if (r == 0 && marked.hint)
                r = hint_put(vault, vault->index_key, &row, &marked);
        box_done(vault);
        return r;
}

static int change(Vault *vault, VaultClass class, uint64_t number, const Marked *new)
{
        Collection *c;
        ItemId id;
        Op op;
        int r;

        if (new->size > VAULT_RECORD_MAX || new->hint_size > VAULT_HINT_MAX)
                return VAULT_E_LIMIT;
        r = begin(&op, vault, class, number, &c, &id);
        return r == 0 ? op_end(&op, update(vault, c, id, new)) : r;
}

int vault_record_update(Vault *vault, VaultClass class, uint64_t number, const void *data, size_t size)
{
        return change(vault, class, number, &(Marked){.data = data, .size = size});
}

int vault_record_put(Vault *vault, VaultClass class, uint64_t *number, const void *data, size_t size,
                     const void *hint, size_t hint_size)
{
        const Marked marked = {
                .data = data, .size = size, .hint = hint ? hint : (const void *)"", .hint_size = hint_size};

        return *number ? change(vault, class, *number, &marked) : make(vault, class, &marked, number);
}

int vault_record_delete(Vault *vault, VaultClass class, uint64_t number, bool keep)
{
        Collection *c;
        ItemId id;
        Op op;
        int r;

        r = begin(&op, vault, class, number, &c, &id);
        return r == 0 ? op_end(&op, row_delete(vault, c, id, keep)) : r;
}

/* The content of what is open for reading, or its hint, to the caller's memory. */
static int give(const Secret *plain, bool hint, void *ret, size_t capacity, size_t *ret_size)
{
        const uint8_t *data;
        Marked marked;
        size_t size;
        int r;

        r = marked_decode(plain, &marked);
        if (r != 0)
                return r;
        data = hint ? marked.hint : marked.data;
        size = hint ? marked.hint_size : marked.size;
        if (!data)
                return VAULT_E_NOT_FOUND;
        if (size > capacity)
                return VAULT_E_LIMIT;
        if (size > 0)
                memcpy(ret, data, size);
        *ret_size = size;
        return 0;
}

int vault_record_get(Vault *vault, VaultClass class, uint64_t number, void *ret, size_t capacity, size_t *ret_size)
{
        const Secret *plain;
        Collection *c;
        Row row;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                r = row_open(vault, c, id_of(c, number), &row, &plain);
        if (r != 0)
                return r;
        r = give(plain, /* hint= */ false, ret, capacity, ret_size);
        box_done(vault);
        if (class != VAULT_CLASS_LOG)
                vault_use(vault);
        return r;
}

/* The next id in the first column, which must go down and stay within the class. */
static int next_down(sqlite3_stmt *s, const Collection *c, ItemId below, ItemId *ret)
{
        bool more;
        int r;

        r = db_step(s, &more);
        if (r != 0)
                return r;
        if (!more)
                return VAULT_E_NOT_FOUND;
        if (!db_column_u64(s, 0, ret) || *ret >= below)
                return VAULT_E_DAMAGED;
        return *ret > ITEM_ID(c->public.no, 0) ? 0 : VAULT_E_DAMAGED;
}

/* The numbers that a bound statement finds, descending from below `below`. */
static int numbers_down(sqlite3_stmt *s, const Collection *c, ItemId below, uint64_t *ret, size_t max, size_t *ret_n)
{
        size_t n = 0;
        int r;

        while (n < max) {
                r = next_down(s, c, below, &below);
                if (r == VAULT_E_NOT_FOUND)
                        break;
                if (r != 0)
                        return r;
                ret[n++] = ITEM_ID_NUMBER(below);
        }
        *ret_n = n;
        return 0;
}

int vault_record_find(Vault *vault, VaultClass class, const VaultMark *mark, uint64_t before, uint64_t *ret,
                      size_t max, size_t *ret_n)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint8_t token[TOKEN_SIZE];
        Collection *c;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_ATTR_DOWN, &s);
        if (r != 0)
                return r;
        mark_token(c, mark, token);
        db_bind_blob(s, 1, token, sizeof(token));
        db_bind_u64(s, 2, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 3, bound_of(c, before));
        return numbers_down(s, c, bound_of(c, before), ret, max, ret_n);
}

int vault_record_list(Vault *vault, VaultClass class, uint64_t before, uint64_t *ret, size_t max, size_t *ret_n)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Collection *c;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_ITEM_DOWN, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 2, bound_of(c, before));
        return numbers_down(s, c, bound_of(c, before), ret, max, ret_n);
}

int vault_record_count(Vault *vault, VaultClass class, uint64_t *ret)
{
        Collection *c;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                *ret = c->head.n;
        return r;
}

int vault_record_deleted(Vault *vault, VaultClass class, uint64_t before, VaultDeleted *ret, size_t max, size_t *ret_n)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Collection *c;
        ItemId below;
        size_t n = 0;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_TRASH_DOWN, &s);
        if (r != 0)
                return r;
        below = bound_of(c, before);
        db_bind_u64(s, 1, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 2, below);
        while (n < max) {
                /* The same id twice is not ours, and not worth failing for. */
                ItemId id;

                r = next_down(s, c, below + (n > 0), &id);
                if (r == VAULT_E_NOT_FOUND)
                        break;
                if (r != 0)
                        return r;
                if (n > 0 && id == below)
                        continue;
                below = id;
                ret[n] = (VaultDeleted){.number = ITEM_ID_NUMBER(id)};
                if (!db_column_u64(s, 1, &ret[n++].removed))
                        ret[n - 1].removed = 0;
        }
        *ret_n = n;
        return 0;
}

/* Opens what was deleted last of a record; box_done() when 0. */
static int open_deleted(Vault *vault, const Collection *c, ItemId id, uint64_t *ret_seq, const Secret **ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        Row row;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_DELETED, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, id);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        return db_column_u64(s, 5, ret_seq) ? box_open(vault, c, s, 0, &row, ret) : VAULT_E_DAMAGED;
}

static int get_deleted(Vault *vault, VaultClass class, uint64_t number, bool hint, void *ret, size_t capacity,
                       size_t *ret_size)
{
        const Secret *plain;
        Collection *c;
        uint64_t seq;
        int r;

        r = class_open(vault, class, &c);
        if (r == 0)
                r = open_deleted(vault, c, id_of(c, number), &seq, &plain);
        if (r != 0)
                return r;
        r = give(plain, hint, ret, capacity, ret_size);
        box_done(vault);
        return r;
}

int vault_record_get_deleted(Vault *vault, VaultClass class, uint64_t number, void *ret, size_t capacity,
                             size_t *ret_size)
{
        return get_deleted(vault, class, number, /* hint= */ false, ret, capacity, ret_size);
}

int vault_hint_get_deleted(Vault *vault, VaultClass class, uint64_t number, void *ret, size_t capacity,
                           size_t *ret_size)
{
        return get_deleted(vault, class, number, /* hint= */ true, ret, capacity, ret_size);
}

static int bring_back(Vault *vault, Collection *c, ItemId id)
{
        const Secret *plain;
        uint64_t seq;
        Marked marked;
        Tokens tokens;
        Row row;
        int r;

        r = open_deleted(vault, c, id, &seq, &plain);
        if (r != 0)
                return r;
        r = marked_decode(plain, &marked);
        if (r == 0) {
                mark_tokens(c, marked.marks, marked.n_marks, &tokens);
                r = box_copy(vault);
        }
        if (r == 0)
                r = row_write(vault, c, id, NULL, NULL, &tokens, &row);
        if (r == 0 && marked.hint)
                r = hint_put(vault, vault->index_key, &row, &marked);
        box_done(vault);
        return r == 0 ? trash_remove(vault, seq) : r;
}

int vault_record_undelete(Vault *vault, VaultClass class, uint64_t number)
{
        Collection *c;
        ItemId id;
        Op op;
        int r;

        r = begin(&op, vault, class, number, &c, &id);
        return r == 0 ? op_end(&op, bring_back(vault, c, id)) : r;
}
