/*
 * Checking everything
 *
 * Each record of the open collections and classes is opened and its tokens are looked up; then the rows of the index
 * are counted, and only when there are more than the records explain is each of them held against its record. With
 * `accept` what is found is repaired in one transaction: damaged records move to the trash, the index is completed and
 * cleaned, sums and manifests are made to fit what is there. That is the user's word that what is there is right.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define WALK_SLICE 512U

typedef struct Check {
        Vault *vault;
        bool accept;
        void (*found)(void *userdata, ItemId id);
        void *userdata;
        VaultReport report;
        uint64_t explained; /* index rows that records account for */
} Check;

static bool checked(const Collection *c)
{
        return c && c->key;
}

static int set_aside(Check *check, ItemId id)
{
        int r;

        check->report.damaged++;
        if (check->found)
                check->found(check->userdata, id);
        if (!check->accept)
                return 0;
        r = trash_set_aside(check->vault, id);
        return r == 0 ? item_remove(check->vault, id) : r;
}

/* Of a class's record that was found in order. */
static int check_hint(Check *check, Collection *c, ItemId id)
{
        Vault *vault = check->vault;
        const Secret *plain;
        HintState state;
        Marked marked;
        Row row;
        int r;

        r = row_open(vault, c, id, &row, &plain);
        if (r != 0)
                return r;
        r = marked_decode(plain, &marked);
        if (r == 0)
                r = hint_check(vault, &row, &marked, &state);
        if (r == 0 && state == HINT_MISSING)
                check->report.index_missing++;
        if (r == 0 && state == HINT_EXTRA)
                check->report.index_extra++;
        if (r == 0 && state != HINT_FITS && check->accept)
                r = hint_put(vault, vault->index_key, &row, &marked);
        box_done(vault);
        return r;
}

static int check_item(Check *check, Collection *c, ItemId id)
{
        Vault *vault = check->vault;
        Tokens missing = {0}, tokens;
        Row row;
        int r;

        r = row_check(vault, c, id, &row, &tokens);
        if (r < 0)
                return r;
        if (r != 0)
                return set_aside(check, id);
        if (is_class(c)) {
                r = check_hint(check, c, id);
                if (r != 0)
                        return r;
        }
        for (size_t i = 0; r == 0 && i < tokens.n; i++) {
                bool there;

                r = index_has(vault, tokens.token[i], id, &there);
                if (r != 0)
                        break;
                if (there) {
                        check->explained++;
                        continue;
                }
                check->report.index_missing++;
                memcpy(missing.token[missing.n++], tokens.token[i], TOKEN_SIZE);
        }
        if (r == 0 && check->accept && missing.n > 0) {
                check->explained += missing.n;
                r = index_change(vault, id, NULL, &missing);
        }
        return r;
}

static int check_collection(Check *check, Collection *c)
{
        Vault *vault = check->vault;
        _cleanup_(item_ids_done) ItemIds ids = {0};
        Head found = {0};
        int r;

        r = item_ids(vault, c->public.no, &ids);
        for (size_t i = 0; r == 0 && i < ids.n; i++) {
                check->report.records++;
                r = check_item(check, c, ids.ids[i]);
        }
        if (r == 0 && c->key)
                r = head_scan(vault, c, &found);
        if (r != 0)
                return r;
        if (c->sum_bad || c->scope_bad || !c->key || (vault->manifest_bad && !is_class(c)) ||
            (!check->accept && found.n != c->head.n) ||
            (!check->accept && memcmp(found.sum, c->head.sum, SUM_SIZE) != 0))
                check->report.collections_tampered++;
        if (!check->accept || !c->key)
                return 0;
        head_touch(c);
        memcpy(c->head.sum, found.sum, SUM_SIZE);
        c->head.n = c->public.n_items = found.n;
        if (c->head.counter < found.counter)
                c->head.counter = found.counter;
        return 0;
}

/* Whether a row of the index belongs to the record it names. -1: it is of a collection that is locked. */
static int explain(Check *check, const uint8_t token[TOKEN_SIZE], ItemId id, int *ret)
{
        Vault *vault = check->vault;
        Collection *c = keeper_find(vault, ITEM_ID_COLLECTION(id));
        Tokens tokens;
        Row row;
        int r;

        *ret = 0;
        if (!c)
                return 0;
        if (!c->key) {
                *ret = -1;
                return 0;
        }
        r = row_check(vault, c, id, &row, &tokens);
        if (r < 0)
                return r;
        if (r == VAULT_E_NOT_FOUND)
                return 0;
        if (r != 0) {
                *ret = -1; /* a damaged record does not say what its rows were */
                return 0;
        }
        for (size_t i = 0; i < tokens.n; i++)
                if (memcmp(tokens.token[i], token, TOKEN_SIZE) == 0)
                        *ret = 1;
        return 0;
}

typedef struct AttrRow {
        uint8_t token[TOKEN_SIZE];
        ItemId id;
} AttrRow;

static bool is_after(const AttrRow *row, const AttrRow *before)
{
        int order = memcmp(row->token, before->token, TOKEN_SIZE);

        return order > 0 || (order == 0 && row->id > before->id);
}

static int walk(Vault *vault, const AttrRow *after, AttrRow ret[WALK_SLICE], size_t *ret_n)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        size_t n = 0;
        bool more;
        int r;

        r = vault_statement(vault, STATEMENT_ATTR_WALK, &s);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, after->token, after->id ? TOKEN_SIZE : 0);
        db_bind_u64(s, 2, after->id);
        db_bind_u64(s, 3, WALK_SLICE);
        for (;;) {
                const uint8_t *token;
                size_t size;

                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more || n == WALK_SLICE)
                        break;
                if (!db_column_blob(s, 0, TOKEN_SIZE, TOKEN_SIZE, &token, &size) || !db_column_u64(s, 1, &ret[n].id) ||
                    ret[n].id == 0)
                        return VAULT_E_DAMAGED;
                memcpy(ret[n].token, token, TOKEN_SIZE);
                if (!is_after(ret + n, n > 0 ? ret + n - 1 : after))
                        return VAULT_E_DAMAGED; /* out of order: the walk might not end */
                n++;
        }
        *ret_n = n;
        return 0;
}

/* Goes over the whole index. First only counts what records must explain. */
static int walk_all(Check *check, bool each, uint64_t *ret_count)
{
        Vault *vault = check->vault;
        AttrRow slice[WALK_SLICE], last = {0};
        size_t n;
        int r, is;

        *ret_count = 0;
        do {
                r = walk(vault, &last, slice, &n);
                if (r != 0)
                        return r;
                for (size_t i = 0; i < n; i++) {
                        Collection *c = keeper_find(vault, ITEM_ID_COLLECTION(slice[i].id));
                        Tokens extra = {.n = 1};

                        if (!c || checked(c))
                                ++*ret_count;
                        if (!each)
                                continue;
                        r = explain(check, slice[i].token, slice[i].id, &is);
                        if (r != 0)
                                return r;
                        if (is != 0)
                                continue;
                        check->report.index_extra++;
                        memcpy(extra.token[0], slice[i].token, TOKEN_SIZE);
                        if (check->accept) {
                                r = index_change(vault, slice[i].id, &extra, NULL);
                                if (r != 0)
                                        return r;
                        }
                }
                if (n > 0)
                        last = slice[n - 1];
        } while (n == WALK_SLICE);
        return 0;
}

static int check_all(Check *check)
{
        Vault *vault = check->vault;
        Collection *c;
        uint64_t rows, orphans;
        int r;

        for (size_t i = 0; (c = keeper_nth(vault, i)); i++) {
                if (!c->key && (!is_class(c) || c->seal))
                        check->report.collections_locked++;
                /* A class that did not open with the vault has lost its key, and its records with it. */
                if (!c->key && (!is_class(c) || c->seal || !vault->unlocked || vault->ephemeral))
                        continue;
                r = check_collection(check, c);
                if (r != 0)
                        return r;
        }
        r = hint_orphans(vault, check->accept, &orphans);
        if (r != 0)
                return r;
        check->report.index_extra += orphans;
        r = walk_all(check, /* each= */ false, &rows);
        if (r == 0 && rows != check->explained)
                r = walk_all(check, /* each= */ true, &rows);
        return r;
}

/* Manifests are made to fit, of the vault and of open collections with a root of their own. */
static int accept_manifests(Vault *vault)
{
        int r = 0;

        if (vault->ephemeral)
                return 0;
        for (size_t i = 0; r == 0 && i < vault->n_collections; i++) {
                Collection *c = vault->collections[i];

                if (vault->manifest_bad)
                        r = collection_put(vault, c); /* as it was made presentable */
                if (r == 0 && c->key && c->public.own_slots) {
                        c->scope_bad = false;
                        r = manifest_update(vault, c->public.no);
                }
        }
        if (r == 0 && vault->manifest_key) {
                vault->manifest_bad = false;
                r = manifest_update(vault, 0);
        }
        return r;
}

int vault_check(Vault *vault, bool accept, void (*found)(void *userdata, ItemId id), void *userdata, VaultReport *ret)
{
        Check check = {.vault = vault, .accept = accept, .found = found, .userdata = userdata};
        bool manifest_bad = vault->manifest_bad;
        Collection *c;
        Op op;
        int r;

        if (vault->broken)
                return vault->broken;
        if (vault->in_batch)
                return -EBUSY;
        if (!accept) {
                r = check_all(&check);
                if (r == 0)
                        *ret = check.report;
                return r;
        }
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = check_all(&check);
        if (r == 0)
                r = accept_manifests(vault);
        r = op_end(&op, r);
        if (r != 0) {
                vault->manifest_bad = manifest_bad;
                return r;
        }
        for (size_t i = 0; (c = keeper_nth(vault, i)); i++) {
                if (c->key) {
                        c->sum_bad = false;
                        free(c->damaged);
                        c->damaged = NULL;
                        c->n_damaged = 0;
                }
                collection_refresh(vault, c);
        }
        *ret = check.report;
        return 0;
}
