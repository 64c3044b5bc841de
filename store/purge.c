/*
 * Purging what the trash has outlived
 *
 * In slices, so that an idle moment stays short: the oldest entries of the trash, then items of collections that were
 * deleted long enough ago, and the collection's own rows when its items are gone. Index rows of items that could not be
 * opened go then, all at once, because that takes a look at every row of the index.
 */
#include <string.h>

#include "store/internal.h"

#define PURGE_SLICE 256U
#define PURGE_REST  60U /* seconds */

/* Items, whose retention is the owner's, and records of classes. */
typedef struct Kind {
        ItemId first, last;
        uint64_t seconds;
} Kind;

static size_t kinds_of(const Vault *vault, Kind ret[2])
{
        ret[0] = (Kind){0, ITEM_ID_LAST, (uint64_t)vault->retention.days * 24 * 3600};
        ret[1] = (Kind){ITEM_ID_LAST + 1, INT64_MAX, VAULT_TRASH_SECONDS};
        return 2;
}

/* What went later than `until` does not count: the clock was ahead then, and it says nothing of what lies behind it. */
static int oldest(Vault *vault, const Kind *kind, uint64_t until, uint64_t *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_OLDEST, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, kind->first);
        db_bind_u64(s, 2, kind->last);
        db_bind_u64(s, 3, until);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there || !db_column_u64(s, 0, ret))
                *ret = UINT64_MAX;
        return 0;
}

static int purge_kind(Vault *vault, const Kind *kind, uint64_t before, uint64_t until, bool *ret_more)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Op op;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_PURGE, &s);
        if (r != 0)
                return r;
        r = op_begin(&op, vault, NULL, /* structure= */ false);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, before);
        db_bind_u64(s, 2, PURGE_SLICE);
        db_bind_u64(s, 3, kind->first);
        db_bind_u64(s, 4, kind->last);
        db_bind_u64(s, 5, until);
        r = db_run(s);
        *ret_more = r == 0 && sqlite3_changes(vault->db) > 0;
        return op_end(&op, r);
}

/* A slice of what the trash has outlived; whether there is more. */
static int purge_trash(Vault *vault, uint64_t now, bool *ret_more)
{
        Kind kinds[2];
        size_t n = kinds_of(vault, kinds);
        bool more;
        int r = 0;

        *ret_more = false;
        for (size_t i = 0; r == 0 && i < n; i++) {
                uint64_t before, until, first;

                if (now <= kinds[i].seconds)
                        continue;
                /* Nothing at all is kept: not what went this second, or by a clock that was ahead, either. */
                before = kinds[i].seconds == 0 ? INT64_MAX : now - kinds[i].seconds;
                until = kinds[i].seconds == 0 ? INT64_MAX : now;
                r = oldest(vault, kinds + i, until, &first);
                if (r == 0 && first < before) {
                        r = purge_kind(vault, kinds + i, before, until, &more);
                        *ret_more |= r == 0 && more;
                }
        }
        return r;
}

static int run_with(Vault *vault, Statement statement, uint64_t number)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, statement, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, number);
        return db_run(s);
}

/* Removes one item with its index rows and its trash. */
static int purge_item(Vault *vault, Collection *c, ItemId id)
{
        bool readable = false;
        Tokens tokens;
        Row row = {.id = id};
        int r;

        if (c->key) {
                r = row_check(vault, c, id, &row, &tokens);
                if (r < 0)
                        return r;
                readable = r == 0;
        }
        r = item_remove(vault, id);
        if (r == 0 && readable)
                r = index_change(vault, id, &tokens, NULL);
        if (r == 0)
                r = run_with(vault, STATEMENT_TRASH_PURGE_ITEM, id);
        if (r == 0 && c->key)
                head_remove(c, &row);
        return r;
}

static int next_item(Vault *vault, const Collection *c, ItemId *ret, bool *ret_there)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_ITEM_IDS, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 2, ITEM_ID(c->public.no, ITEM_NUMBER_MAX));
        r = db_step(s, ret_there);
        if (r != 0 || !*ret_there)
                return r;
        return db_column_u64(s, 0, ret) ? 0 : VAULT_E_DAMAGED;
}

static int purge_index(Vault *vault, uint32_t no)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_ATTR_REMOVE_RANGE, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, ITEM_ID(no, 0));
        db_bind_u64(s, 2, ITEM_ID(no, ITEM_NUMBER_MAX));
        return db_run(s);
}

static int purge_rows(Vault *vault, Collection *c)
{
        uint32_t no = c->public.no;
        int r;

        c->dirty = false; /* there will be no row for its head */
        r = !c->key || c->n_damaged > 0 ? purge_index(vault, no) : 0;
        if (r == 0)
                r = keys_remove(vault, c->public.own_slots ? no : 0, KEY_COLLECTION, no);
        if (r == 0 && c->public.own_slots)
                r = run_with(vault, STATEMENT_SLOT_REMOVE_SCOPE, no);
        if (r == 0 && c->public.own_slots)
                r = run_with(vault, STATEMENT_MANIFEST_REMOVE, no);
        if (r == 0)
                r = run_with(vault, STATEMENT_HEAD_REMOVE, no);
        if (r == 0)
                r = run_with(vault, STATEMENT_COLLECTION_REMOVE, no);
        return r == 0 ? manifest_update(vault, 0) : r;
}

static int purge_items(Vault *vault, Collection *c, unsigned items, bool *ret_gone)
{
        bool there = true;
        ItemId id;
        int r;

        for (unsigned i = 0; i < items; i++) {
                r = next_item(vault, c, &id, &there);
                if (r == 0 && there)
                        r = purge_item(vault, c, id);
                if (r != 0)
                        return r;
                if (!there)
                        break;
        }
        *ret_gone = !there;
        return there ? 0 : purge_rows(vault, c);
}

/* A slice of a deleted collection; when nothing is left of it in the file, nothing is in memory, without anything that can fail. */
static int purge_collection(Vault *vault, Collection *c, unsigned items, bool *ret_gone)
{
        bool gone = false;
        Op op;
        int r;

        r = op_begin(&op, vault, c, /* structure= */ true);
        if (r != 0)
                return r;
        r = op_end(&op, purge_items(vault, c, items, &gone));
        *ret_gone = r == 0 && gone;
        if (r == 0 && gone)
                collection_drop(vault, c);
        return r;
}

int purge_deleted_one(Vault *vault, uint32_t no, unsigned items, bool *ret_gone)
{
        Collection *c = collection_find(vault, no);

        *ret_gone = true;
        return c && c->deleted ? purge_collection(vault, c, items, ret_gone) : 0;
}

/* A slice of a collection that was deleted before that time; false: there is none. */
static int purge_deleted(Vault *vault, uint64_t before, bool *ret_more)
{
        bool gone;

        *ret_more = false;
        for (size_t i = 0; i < vault->n_collections; i++)
                if (vault->collections[i]->deleted && vault->collections[i]->deleted < before) {
                        *ret_more = true;
                        return purge_collection(vault, vault->collections[i], PURGE_SLICE, &gone);
                }
        return 0;
}

int purge_due(Vault *vault, uint64_t now, bool *ret_more)
{
        uint64_t seconds = (uint64_t)vault->retention.days * 24 * 3600;
        bool more = false;
        int r;

        r = purge_trash(vault, now, ret_more);
        if (r != 0 || !vault->manifest_key || (seconds > 0 && now <= seconds))
                return r;
        r = purge_deleted(vault, seconds == 0 ? INT64_MAX : now - seconds, &more);
        *ret_more |= more;
        return r;
}

int vault_purge(Vault *vault, uint64_t now)
{
        bool more;
        int r;

        if (vault->ephemeral)
                return 0;
        /* Finding out that there is nothing costs a look at what others have in the trash; a clock that was set back
         * must not put this off. */
        if (now < vault->purge_after && vault->purge_after - now <= PURGE_REST)
                return 0;
        r = purge_due(vault, now, &more);
        if (r == 0)
                vault->purge_after = more ? 0 : now + PURGE_REST;
        vault->purge_more = r == 0 && more;
        return r;
}

bool vault_wants_purge(const Vault *vault)
{
        return vault->unlocked && vault->purge_more;
}
