/* Search: right against brute force, the same while locked, and of a cost that does not grow with the vault. */
#include "tests/unit/vault-tools.h"

/* A small generator, so that a failure can be repeated. */
static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525 + 1013904223;
        return *state >> 8;
}

#define N_ITEMS  1500
#define N_NAMES  4
#define N_VALUES 7

typedef struct Model {
        ItemId id;
        int value[N_NAMES]; /* -1: absent */
} Model;

static const char *const names[N_NAMES] = {"alpha", "beta", "gamma", "xdg:schema"};
static const char *const values[N_VALUES] = {"0", "1", "2", "3", "4", "5", VAULT_GENERIC_SCHEMA};

static bool model_matches(const Model *item, const int query[N_NAMES])
{
        for (size_t i = 0; i < N_NAMES; i++) {
                int has = i == 3 && item->value[i] < 0 ? 6 : item->value[i];

                if (query[i] >= 0 && has != query[i])
                        return false;
        }
        return true;
}

static size_t fill(const int set[N_NAMES], VaultAttribute ret[N_NAMES])
{
        size_t n = 0;

        for (size_t i = 0; i < N_NAMES; i++)
                if (set[i] >= 0)
                        ret[n++] = (VaultAttribute){names[i], values[set[i]]};
        return n;
}

/* Skewed, so that there are long lists that meet rarely: that is where the lists are walked together. */
static int pick(uint32_t *state, size_t name)
{
        uint32_t r = next_random(state) % 100;

        if (r < 10)
                return -1;
        if (r < 75)
                return (int)(name % 2);
        return (int)(next_random(state) % N_VALUES);
}

/* Of what a search finds, vault_lookup() has the one that was modified last. */
static void check_lookup(Vault *vault, const VaultAttribute *attributes, size_t n, const ItemIds *open, const ItemIds *closed)
{
        _cleanup_(item_freep) Item *best = NULL;
        ItemValue found;
        bool locked, damaged;
        int r;

        for (size_t i = 0; i < open->n; i++) {
                _cleanup_(item_freep) Item *item = NULL;

                CHECK_EQ(vault_item_get(vault, open->ids[i], false, &item), 0);
                if (best && best->modified > item->modified)
                        continue;
                best = item_free(best);
                best = TAKE_PTR(item);
        }
        r = vault_lookup(vault, 0, attributes, n, true, &found, &locked, &damaged);
        CHECK_EQ(r, best ? 0 : VAULT_E_NOT_FOUND);
        CHECK(locked == (closed->n > 0));
        CHECK(!damaged);
        if (r == 0) {
                CHECK(found.id == best->id && found.modified == best->modified && found.value);
                CHECK(strcmp(found.label, best->label) == 0 && strcmp(found.content_type, best->content_type) == 0);
                CHECK_EQ(found.n_attributes, best->n_attributes);
                for (size_t i = 0; i < found.n_attributes; i++)
                        CHECK(strcmp(found.attributes[i].name, best->attributes[i].name) == 0 &&
                              strcmp(found.attributes[i].value, best->attributes[i].value) == 0);
                vault_value_done(vault, &found);
        }
        CHECK(!vault->in || vault->in->size == 0);
}

static void check_query(Vault *vault, const Model *model, const int query[N_NAMES], bool locked)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0};
        VaultAttribute attributes[N_NAMES];
        size_t n = fill(query, attributes), at = 0;
        const ItemIds *got = locked ? &closed : &open;

        CHECK_EQ(vault_search(vault, 0, attributes, n, 0, &open, &closed), 0);
        CHECK_EQ(locked ? open.n : closed.n, 0);
        check_lookup(vault, attributes, n, &open, &closed);
        for (size_t i = 0; i < N_ITEMS; i++)
                if (model[i].id && model_matches(model + i, query)) {
                        CHECK(at < got->n);
                        CHECK(got->ids[at] == model[i].id);
                        at++;
                }
        CHECK_EQ(got->n, at);
}

TEST(every_query_against_brute_force)
{
        static Model model[N_ITEMS];
        uint32_t state = 7;
        int query[N_NAMES];
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        for (size_t i = 0; i < N_ITEMS; i++) {
                VaultAttribute attributes[N_NAMES];

                for (size_t k = 0; k < N_NAMES; k++)
                        model[i].value[k] = pick(&state, k);
                model[i].id = put(s.vault, 1, "x", "v", false, NULL, attributes, fill(model[i].value, attributes));
        }
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        for (size_t i = 0; i < N_ITEMS; i += 7) {
                CHECK_EQ(vault_item_delete(s.vault, model[i].id), 0);
                model[i].id = 0;
        }
        for (unsigned locked = 0; locked < 2; locked++) {
                for (query[0] = -1; query[0] < 3; query[0]++)
                        for (query[1] = -1; query[1] < 3; query[1]++)
                                for (query[2] = -1; query[2] < 3; query[2]++)
                                        for (query[3] = -1; query[3] < N_VALUES; query[3]++)
                                                check_query(s.vault, model, query, locked);
                vault_lock(s.vault, 0);
        }
        scratch_done(&s);
}

TEST(limits_and_ranges)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0}, all = {0};
        const VaultCollection *other;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "Other", NULL, &other), 0);
        for (unsigned i = 0; i < 40; i++)
                put(s.vault, i % 2 ? 1 : other->no, "x", "v", false, NULL, ATTRIBUTES({"a", "1"}, {"b", "2"}));
        CHECK_EQ(vault_search(s.vault, 1, ATTRIBUTES({"a", "1"}), 0, &open, &closed), 0);
        CHECK_EQ(open.n, 20);
        CHECK_EQ(ITEM_ID_COLLECTION(open.ids[19]), 1);
        item_ids_done(&open);
        CHECK_EQ(vault_search(s.vault, 0, ATTRIBUTES({"a", "1"}, {"b", "2"}), 5, &open, &closed), 0);
        CHECK_EQ(open.n, 5);
        item_ids_done(&open);
        CHECK_EQ(vault_search(s.vault, 0, NULL, 0, 30, &open, &closed), 0);
        CHECK_EQ(open.n, 30);
        item_ids_done(&open);
        CHECK_EQ(vault_search(s.vault, other->no, NULL, 0, 0, &open, &closed), 0);
        CHECK_EQ(open.n, 20);
        CHECK_EQ(vault_search(s.vault, 99, NULL, 0, 0, &(ItemIds){0}, &(ItemIds){0}), VAULT_E_NOT_FOUND);
        item_ids_done(&open);

        /* One collection locked, the other open. */
        vault_lock(s.vault, 1);
        CHECK_EQ(vault_search(s.vault, 0, ATTRIBUTES({"a", "1"}), 0, &open, &closed), 0);
        CHECK_EQ(open.n, 20);
        CHECK_EQ(closed.n, 20);
        CHECK_EQ(vault_items(s.vault, 1, &all), 0);
        CHECK_EQ(all.n, 20);
        scratch_done(&s);
}

/* Steps of SQLite's machine and pages asked for, over all statements: cost without a clock. */
static long cost(Vault *vault, bool reset)
{
        int pages = 0, misses = 0, high;
        long steps = 0;

        for (size_t i = 0; i < _STATEMENT_MAX; i++)
                if (vault->statements[i])
                        steps += sqlite3_stmt_status(vault->statements[i], SQLITE_STMTSTATUS_VM_STEP, reset);
        CHECK_EQ(sqlite3_db_status(vault->db, SQLITE_DBSTATUS_CACHE_HIT, &pages, &high, reset), SQLITE_OK);
        CHECK_EQ(sqlite3_db_status(vault->db, SQLITE_DBSTATUS_CACHE_MISS, &misses, &high, reset), SQLITE_OK);
        return steps + 10L * (pages + misses);
}

static int runs(Vault *vault)
{
        int n = 0;

        for (size_t i = 0; i < _STATEMENT_MAX; i++)
                if (vault->statements[i])
                        n += sqlite3_stmt_status(vault->statements[i], SQLITE_STMTSTATUS_RUN, true);
        return n;
}

/* The rare attribute leads, whatever the order: a probe for each up to it, then the one record, which says the rest. */
TEST(the_rarest_attribute_leads)
{
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        for (unsigned i = 0; i < 200; i++) {
                char user[32];

                (void)snprintf(user, sizeof(user), "user%u", i);
                put(s.vault, 1, "x", "v", false, NULL, ATTRIBUTES({"a", "shared"}, {"user", user}, {"z", "shared"}));
        }
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        (void)runs(s.vault);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"a", "shared"}, {"user", "user100"})), 1);
        CHECK_EQ(runs(s.vault), 2 + 1);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"z", "shared"}, {"user", "user100"})), 1);
        CHECK_EQ(runs(s.vault), 1 + 1);
        scratch_done(&s);
}

typedef struct Costs {
        long lookup, shared, exact, create, replace, update, delete, none;
} Costs;

static Costs measure(Scratch *s, unsigned n)
{
        char user[32];
        Costs costs;
        ItemId id;

        (void)snprintf(user, sizeof(user), "user%u", n / 2);
        (void)cost(s->vault, true);
        CHECK_EQ(count(s->vault, NULL, ATTRIBUTES({"application", "keyfob"}, {"user", user})), 1);
        costs.lookup = cost(s->vault, true);
        {
                _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0};

                /* All share both: the first three of them. */
                CHECK_EQ(vault_search(s->vault, 0, ATTRIBUTES({"application", "keyfob"}, {"xdg:schema", "s"}), 3,
                                      &open, &closed),
                         0);
                CHECK_EQ(open.n, 3);
        }
        costs.shared = cost(s->vault, true);
        CHECK_EQ(count(s->vault, NULL, ATTRIBUTES({"application", "keyfob"}, {"user", "nobody"})), 0);
        costs.none = cost(s->vault, true);
        id = put(s->vault, 1, "x", "v", false, NULL,
                 ATTRIBUTES({"application", "keyfob"}, {"user", "new"}, {"xdg:schema", "s"}));
        costs.create = cost(s->vault, true);
        CHECK(put(s->vault, 1, "x", "w", true, NULL,
                  ATTRIBUTES({"application", "keyfob"}, {"user", "new"}, {"xdg:schema", "s"})) == id);
        costs.replace = cost(s->vault, true);
        CHECK_EQ(vault_item_update(s->vault, id, &(ItemChange){.label = "y"}), 0);
        costs.update = cost(s->vault, true);
        CHECK_EQ(vault_item_delete(s->vault, id), 0);
        costs.delete = cost(s->vault, true);
        check_value(s->vault, ITEM_ID(1, n / 2 + 1), "v");
        costs.exact = cost(s->vault, true);
        return costs;
}

TEST(cost_does_not_grow)
{
        const unsigned sizes[] = {100, 10000};
        Costs costs[2];
        unsigned n = 0;
        Scratch s;

        scratch_new(&s);
        for (size_t i = 0; i < 2; i++) {
                CHECK_EQ(vault_batch_begin(s.vault), 0);
                for (; n < sizes[i]; n++) {
                        char user[32];

                        (void)snprintf(user, sizeof(user), "user%u", n);
                        put(s.vault, 1, "x", "v", false, NULL,
                            ATTRIBUTES({"application", "keyfob"}, {"user", user}, {"xdg:schema", "s"}));
                }
                CHECK_EQ(vault_batch_commit(s.vault), 0);
                costs[i] = measure(&s, n);
        }
        for (size_t i = 0; i < sizeof(Costs) / sizeof(long); i++) {
                long small = ((long *)costs)[i], large = ((long *)(costs + 1))[i];

                CHECK(small > 0);
                if (large > 2 * small) {
                        fprintf(stderr, "operation %zu: %ld at 100 items, %ld at 10,000\n", i, small, large);
                        CHECK(false);
                }
        }
        scratch_done(&s);
}

/* A wrong index row is not believed: the sealed attributes decide. */
TEST(a_false_index_row_finds_nothing)
{
        Scratch s;
        ItemId id;

        scratch_new(&s);
        id = put(s.vault, 1, "x", "v", false, NULL, ATTRIBUTES({"a", "1"}));
        put(s.vault, 1, "x", "v", false, NULL, ATTRIBUTES({"b", "2"}));
        scratch_close(&s);
        tamper(&s, "INSERT OR IGNORE INTO attr SELECT token,1<<40|1 FROM attr");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(count(s.vault, NULL, ATTRIBUTES({"b", "2"})), 1);
        CHECK(put(s.vault, 1, "x", "w", true, NULL, ATTRIBUTES({"b", "2"})) != id);
        CHECK_EQ(report(s.vault, false).index_extra, 2);
        CHECK_EQ(report(s.vault, true).index_extra, 2);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* The same ids in the same order, whatever the size of the pieces. */
static void check_pieces(Vault *vault, uint32_t collection, const VaultAttribute *attributes, size_t n)
{
        _cleanup_(item_ids_done) ItemIds all = {0}, locked = {0};

        CHECK_EQ(vault_search(vault, collection, attributes, n, 0, &all, &locked), 0);
        CHECK_EQ(locked.n, 0);
        for (size_t limit = 1; limit < all.n + 2; limit += 3) {
                ItemId from = 0;
                size_t found = 0;

                do {
                        _cleanup_(item_ids_done) ItemIds some = {0}, none = {0};

                        CHECK_EQ(vault_search_next(vault, collection, attributes, n, &from, limit, &some, &none), 0);
                        CHECK(some.n <= limit && none.n == 0 && found + some.n <= all.n);
                        CHECK(some.n == limit || from == 0);
                        CHECK_EQ(memcmp(some.ids, all.ids + found, some.n * sizeof(*some.ids)), 0);
                        found += some.n;
                } while (from != 0);
                CHECK_EQ(found, all.n);
        }
}

TEST(in_pieces)
{
        const VaultCollection *c;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        for (unsigned i = 0; i < 60; i++) {
                char number[16];

                (void)snprintf(number, sizeof(number), "%u", i % 7);
                (void)put(s.vault, i % 3 ? 1 : c->no, "x", "v", false, NULL,
                          ATTRIBUTES({"n", number}, {"shared", "by all"}, {"odd", i % 2 ? "1" : "0"}));
        }
        check_pieces(s.vault, 0, NULL, 0);
        check_pieces(s.vault, c->no, NULL, 0);
        check_pieces(s.vault, 0, ATTRIBUTES({"shared", "by all"}));
        check_pieces(s.vault, 1, ATTRIBUTES({"shared", "by all"}, {"odd", "1"}));
        check_pieces(s.vault, 0, ATTRIBUTES({"n", "3"}, {"shared", "by all"}));
        check_pieces(s.vault, 0, ATTRIBUTES({"n", "30"}));
        scratch_done(&s);
}

TEST_MAIN
