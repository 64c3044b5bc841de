/*
 * Search
 *
 * The order in which tokens are looked up decides everything: beside a token that one item has and one that all have,
 * the first must lead. So each token is probed for a few rows; a short list leads and its few items are looked up in
 * the others. When all lists are long, they are walked together, each seeking to the largest item the others have
 * reached (leapfrog), so the cost is bounded by the shortest list and the jumps in it. A token whose list was long is
 * likely to be asked for again, and its list to be long again: it is remembered, and probed after the others.
 *
 * Tokens only propose: in an open collection the sealed attributes decide.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define PROBE 16U
#define FEW   4U /* items that are opened without asking the index for all their tokens: that costs as much */

/* Apart from the rest because of its size: nothing of it is cleared before it is used. */
typedef struct Query {
        Pair pairs[VAULT_ATTRIBUTES_MAX];
        uint8_t token[VAULT_ATTRIBUTES_MAX][TOKEN_SIZE];
        Record record; /* of the item that was opened last */
} Query;

typedef struct Search {
        Vault *vault;
        Query *query;
        size_t n;
        ItemId first, last; /* range of ids */
        size_t limit, found;
        ItemIds unlocked, locked;
        size_t unlocked_capacity, locked_capacity;
        bool one;     /* only the item that was modified last, and whether others are locked */
        ItemId best;  /* 0: none yet */
        uint64_t modified;
        bool is_open; /* it is: its record is the query's */
        Row row;
} Search;

void item_ids_done(ItemIds *ids)
{
        free(ids->ids);
        *ids = (ItemIds){0};
}

static int append(ItemIds *ids, size_t *capacity, ItemId id)
{
        if (ids->n == *capacity) {
                size_t larger = *capacity ? *capacity * 2 : 16;
                ItemId *grown = reallocarray(ids->ids, larger, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                ids->ids = grown;
                *capacity = larger;
        }
        ids->ids[ids->n++] = id;
        return 0;
}

static bool full(const Search *search)
{
        return search->limit > 0 && search->found >= search->limit;
}

/* Whether the index has the item under all tokens but one, which is known. */
static int has_tokens(const Search *search, ItemId id, size_t known, bool *ret)
{
        bool all = true;

        for (size_t i = 0; all && i < search->n; i++) {
                int r = i == known ? 0 : index_has(search->vault, search->query->token[i], id, &all);

                if (r != 0)
                        return r;
        }
        *ret = all;
        return 0;
}

static void close_best(Search *search)
{
        if (search->is_open)
                box_done(search->vault);
        search->is_open = false;
}

/* Looks into the item, which is open, and closes it unless it is the best so far. Whether it has all the attributes. */
static bool look(Search *search)
{
        const Query *query = search->query;
        bool fits = true;

        for (size_t i = 0; fits && i < search->n; i++)
                fits = record_has(&query->record, query->pairs + i);
        if (fits && search->one && !(search->best && search->modified > query->record.modified)) {
                search->best = search->row.id;
                search->modified = query->record.modified;
                search->is_open = true;
                return true;
        }
        box_done(search->vault);
        return fits;
}

/* An item that has all the tokens, or may have: `known` is one that it has, `sure` that it has the others. */
static int propose(Search *search, ItemId id, size_t known, bool sure)
{
        Collection *c = collection_find(search->vault, ITEM_ID_COLLECTION(id));
        int r;

        if (!c || c->deleted)
                return 0;
        if (!c->key) {
                r = sure ? 0 : has_tokens(search, id, known, &sure);
                if (r != 0 || !sure || !vault_item_exists(search->vault, id))
                        return r;
                search->found++;
                return append(&search->locked, &search->locked_capacity, id);
        }
        close_best(search);
        r = item_open(search->vault, c, id, &search->row, &search->query->record);
        if (r == VAULT_E_DAMAGED) {
                r = sure ? 0 : has_tokens(search, id, known, &sure);
                search->unlocked.damaged |= sure;
                return r;
        }
        if (r != 0)
                return r < 0 ? r : 0;
        if (!look(search))
                return 0;
        search->found++;
        return search->one ? 0 : append(&search->unlocked, &search->unlocked_capacity, id);
}

/* The first items of a token, `max` at most. */
static int probe(Search *search, size_t i, size_t max, ItemId ret[PROBE], size_t *ret_n)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        size_t n = 0;
        bool more;
        int r;

        r = vault_statement(search->vault, STATEMENT_ATTR_PROBE, &s);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, search->query->token[i], TOKEN_SIZE);
        db_bind_u64(s, 2, search->first);
        db_bind_u64(s, 3, search->last);
        db_bind_u64(s, 4, max);
        for (;;) {
                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more || n == max)
                        break;
                if (!db_column_u64(s, 0, ret + n) || (n > 0 && ret[n] <= ret[n - 1]))
                        return VAULT_E_DAMAGED;
                n++;
        }
        *ret_n = n;
        return 0;
}

static int check_short(Search *search, size_t leader, const ItemId *ids, size_t n)
{
        for (size_t k = 0; k < n && !full(search); k++) {
                bool sure = n > FEW;
                int r;

                if (sure) {
                        r = has_tokens(search, ids[k], leader, &sure);
                        if (r != 0)
                                return r;
                        if (!sure)
                                continue;
                }
                r = propose(search, ids[k], leader, sure);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int leapfrog(Search *search)
{
        ItemId at = search->first;
        size_t agreed = 0, i = 0;

        while (!full(search)) {
                ItemId id;
                int r;

                r = index_seek(search->vault, search->query->token[i], at, search->last, &id);
                if (r != 0)
                        return r == VAULT_E_NOT_FOUND ? 0 : r;
                agreed = id == at && agreed > 0 ? agreed + 1 : 1;
                at = id;
                if (agreed == search->n) {
                        r = propose(search, at, 0, true);
                        if (r != 0)
                                return r;
                        if (at == search->last)
                                return 0;
                        at++;
                        agreed = 0;
                }
                i = (i + 1) % search->n;
        }
        return 0;
}

static uint8_t *frequent_place(Vault *vault, const uint8_t token[TOKEN_SIZE])
{
        return vault->frequent[token[0] % FREQUENT_MAX];
}

static bool was_frequent(const Search *search, const uint8_t token[TOKEN_SIZE])
{
        return memcmp(frequent_place(search->vault, token), token, TOKEN_SIZE) == 0;
}

/* The items of a token that few have. VAULT_E_NOT_FOUND: many have each. */
static int probe_few(Search *search, ItemId ret[PROBE], size_t *ret_n, size_t *ret_token)
{
        bool last[VAULT_ATTRIBUTES_MAX];

        for (size_t i = 0; i < search->n; i++)
                last[i] = was_frequent(search, search->query->token[i]);
        for (unsigned turn = 0; turn < 2; turn++)
                for (size_t i = 0; i < search->n; i++) {
                        int r;

                        if (last[i] != (turn == 1))
                                continue;
                        r = probe(search, i, FEW + 1, ret, ret_n);
                        if (r != 0)
                                return r;
                        if (*ret_n <= FEW) {
                                *ret_token = i;
                                return 0;
                        }
                        memcpy(frequent_place(search->vault, search->query->token[i]), search->query->token[i], TOKEN_SIZE);
                }
        return VAULT_E_NOT_FOUND;
}

static int by_tokens(Search *search)
{
        ItemId shortest[PROBE], ids[PROBE];
        size_t leader = 0, least = PROBE, n;
        int r;

        /* Most questions have an attribute that few items share: that is found by looking at a few rows of each. */
        r = probe_few(search, ids, &n, &leader);
        if (r != VAULT_E_NOT_FOUND)
                return r != 0 ? r : check_short(search, leader, ids, n);
        for (size_t i = 0; i < search->n; i++) {
                r = probe(search, i, PROBE, ids, &n);
                if (r != 0)
                        return r;
                if (n < least) {
                        least = n;
                        leader = i;
                        memcpy(shortest, ids, n * sizeof(*ids));
                }
        }
        return least < PROBE ? check_short(search, leader, shortest, least) : leapfrog(search);
}

/* Up to `max` (0: all) of a range. */
static int ids_between(Vault *vault, ItemId first, ItemId last, size_t max, ItemIds *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_(item_ids_done) ItemIds ids = {0};
        size_t capacity = 0;
        bool more;
        int r;

        r = vault_statement(vault, STATEMENT_ITEM_IDS, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, first);
        db_bind_u64(s, 2, last);
        while (max == 0 || ids.n < max) {
                ItemId id;

                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more)
                        break;
                if (!db_column_u64(s, 0, &id) || (ids.n > 0 && id <= ids.ids[ids.n - 1]))
                        return VAULT_E_DAMAGED;
                r = append(&ids, &capacity, id);
                if (r != 0)
                        return r;
        }
        *ret = ids;
        ids = (ItemIds){0};
        return 0;
}

int item_ids(Vault *vault, uint32_t collection, ItemIds *ret)
{
        return ids_between(vault, ITEM_ID(collection, 0), ITEM_ID(collection, ITEM_NUMBER_MAX), 0, ret);
}

int vault_items(Vault *vault, uint32_t collection, ItemIds *ret)
{
        return vault_collection_get(vault, collection) ? item_ids(vault, collection, ret) : VAULT_E_NOT_FOUND;
}

/* No more of a collection at a time than can be wanted. */
static int all_of(Search *search, ItemId first, ItemId last)
{
        while (!full(search)) {
                _cleanup_(item_ids_done) ItemIds ids = {0};
                int r;

                r = ids_between(search->vault, first, last, search->limit, &ids);
                for (size_t i = 0; r == 0 && i < ids.n && !full(search); i++)
                        r = propose(search, ids.ids[i], 0, true);
                if (r != 0)
                        return r;
                if (search->limit == 0 || ids.n < search->limit || ids.ids[ids.n - 1] == last)
                        return 0;
                first = ids.ids[ids.n - 1] + 1;
        }
        return 0;
}

static int everything(Search *search)
{
        for (const VaultCollection *c = vault_collection_next(search->vault, NULL); c && !full(search);
             c = vault_collection_next(search->vault, c)) {
                const ItemId first = ITEM_ID(c->no, 0), last = ITEM_ID(c->no, ITEM_NUMBER_MAX);
                int r;

                if (last < search->first || first > search->last)
                        continue;
                r = all_of(search, first > search->first ? first : search->first, last);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* Of the vault in memory, which nobody else writes, it is known, and it mostly is. */
static bool is_empty(const Vault *vault)
{
        if (!vault->ephemeral)
                return false;
        for (size_t i = 0; i < vault->n_collections; i++)
                if (vault->collections[i]->head.n > 0)
                        return false;
        return true;
}

static void search_done(Search *search)
{
        item_ids_done(&search->unlocked);
        item_ids_done(&search->locked);
        close_best(search);
}

static int search_run(Search *search, uint32_t collection, const VaultAttribute *attributes)
{
        Query *query = search->query;
        int r;

        r = pairs_from(attributes, search->n, query->pairs);
        if (r != 0)
                return r;
        search->last = ITEM_ID_LAST;
        if (collection != 0) {
                if (!vault_collection_get(search->vault, collection))
                        return VAULT_E_NOT_FOUND;
                if (search->first < ITEM_ID(collection, 0))
                        search->first = ITEM_ID(collection, 0);
                search->last = ITEM_ID(collection, ITEM_NUMBER_MAX);
        }
        if (is_empty(search->vault))
                return 0;
        for (size_t i = 0; i < search->n; i++) {
                r = index_token(search->vault->index_key, query->pairs + i, query->token[i]);
                if (r != 0)
                        return r;
        }
        return search->n > 0 ? by_tokens(search) : everything(search);
}

/* Where the next search begins; 0: there is none. */
static ItemId behind(const Search *search)
{
        ItemId last = 0;

        if (!full(search))
                return 0;
        if (search->unlocked.n > 0)
                last = search->unlocked.ids[search->unlocked.n - 1];
        if (search->locked.n > 0 && search->locked.ids[search->locked.n - 1] > last)
                last = search->locked.ids[search->locked.n - 1];
        return last < search->last ? last + 1 : 0;
}

int vault_search_next(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n, ItemId *from,
                      size_t limit, ItemIds *ret_unlocked, ItemIds *ret_locked)
{
        Query query;
        Search search = {.vault = vault, .query = &query, .n = n, .limit = limit, .first = *from};
        int r = search_run(&search, collection, attributes);

        if (r != 0) {
                search_done(&search);
                return r;
        }
        *from = behind(&search);
        *ret_unlocked = search.unlocked;
        *ret_locked = search.locked;
        return 0;
}

int vault_search(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n, size_t limit,
                 ItemIds *ret_unlocked, ItemIds *ret_locked)
{
        ItemId from = 0;

        return vault_search_next(vault, collection, attributes, n, &from, limit, ret_unlocked, ret_locked);
}

/* The best may have been closed for one that was looked into after it. */
static int open_best(Search *search)
{
        Collection *c;
        int r;

        if (search->is_open)
                return 0;
        r = collection_open(search->vault, ITEM_ID_COLLECTION(search->best), &c);
        if (r == 0)
                r = item_open(search->vault, c, search->best, &search->row, &search->query->record);
        search->is_open = r == 0;
        return r;
}

int vault_lookup(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n, bool with_value,
                 ItemValue *ret, bool *ret_locked, bool *ret_damaged)
{
        Query query;
        Search search = {.vault = vault, .query = &query, .n = n, .one = true};
        int r = search_run(&search, collection, attributes);

        *ret_locked = search.locked.n > 0;
        *ret_damaged = search.unlocked.damaged;
        if (r == 0)
                r = search.best ? open_best(&search) : VAULT_E_NOT_FOUND;
        if (r == 0) {
                record_show(&query.record, &search.row, with_value, ret);
                search.is_open = false; /* the caller's now */
                if (with_value)
                        vault_use(vault);
        }
        search_done(&search);
        return r;
}
