/*
 * The fixture's storage
 *
 * It keeps each record at its number and never uses a number twice, not even one that was rolled back. A transaction is a
 * log of what the records were before, newest last, so that a commit costs nothing however many there are.
 */
#include "tests/unit/authenticator-fixture-store.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

#define NOTE_MAX 1024U

typedef enum RowState {
        ROW_GONE = 0,
        ROW_THERE,
        ROW_REMOVED, /* restorable */
} RowState;

typedef struct Row {
        RowState state;
        AuthenticatorMark marks[AUTHENTICATOR_MARKS_MAX];
        size_t n_marks;
        uint8_t *data;
        size_t size;
} Row;

typedef struct Note {
        bool there;
        uint8_t data[NOTE_MAX];
        size_t size;
} Note;

typedef struct Before {
        size_t i;
        Row row; /* its data belongs to the log */
} Before;

struct FixtureStore {
        Row *rows; /* by number - 1 */
        size_t n, capacity;
        bool changing;
        Before *log;
        size_t n_log, log_capacity;
        Note note, note_before;
};

static void *grow(void *array, size_t n, size_t *capacity, size_t size)
{
        if (n < *capacity)
                return array;
        *capacity = *capacity ? 2 * *capacity : 16;
        array = realloc(array, *capacity * size);
        CHECK(array);
        return array;
}

/* ---- failures on demand ---- */

bool fixture_fails(unsigned *at)
{
        return *at > 0 && --*at == 0;
}

static int storage_call(Fixture *f)
{
        if (fixture_fails(&f->fail_at))
                return -EIO;
        return f->locked ? AUTHENTICATOR_E_LOCKED : 0;
}

/* ---- storage ---- */

static bool op_is_open(void *userdata)
{
        return !((Fixture *)userdata)->locked;
}

static int op_begin(void *userdata)
{
        Fixture *f = userdata;
        int r = storage_call(f);

        CHECK(!f->store->changing);
        if (r != 0)
                return r;
        f->store->changing = true;
        f->store->note_before = f->store->note;
        return 0;
}

static void end(struct FixtureStore *store)
{
        while (store->n_log > 0)
                free(store->log[--store->n_log].row.data);
        store->changing = false;
}

static int op_commit(void *userdata)
{
        Fixture *f = userdata;
        int r = storage_call(f);

        CHECK(f->store->changing);
        if (r != 0)
                return r; /* rollback() follows */
        end(f->store);
        f->n_commits++;
        return 0;
}

static void op_rollback(void *userdata)
{
        struct FixtureStore *store = ((Fixture *)userdata)->store;

        CHECK(store->changing);
        while (store->n_log > 0) {
                Before *before = store->log + --store->n_log;

                free(store->rows[before->i].data);
                store->rows[before->i] = before->row;
        }
        store->note = store->note_before;
        end(store);
}

/* The row, about to be changed. */
static Row *change(struct FixtureStore *store, size_t i)
{
        Row *row = store->rows + i;

        CHECK(store->changing);
        store->log = grow(store->log, store->n_log, &store->log_capacity, sizeof(Before));
        store->log[store->n_log++] = (Before){i, *row};
        if (row->data) {
                uint8_t *copy = malloc(row->size ? row->size : 1);

                CHECK(copy);
                memcpy(copy, row->data, row->size);
                row->data = copy;
        }
        return row;
}

static Row *find_row(struct FixtureStore *store, uint64_t number, RowState state)
{
        if (number == 0 || number > store->n || store->rows[number - 1].state != state)
                return NULL;
        return store->rows + number - 1;
}

static int op_get(void *userdata, uint64_t number, void *ret, size_t capacity, size_t *ret_size)
{
        Fixture *f = userdata;
        int r = storage_call(f);
        Row *row;

        f->n_gets++;
        if (r != 0)
                return r;
        row = find_row(f->store, number, ROW_THERE);
        if (!row)
                return AUTHENTICATOR_E_NOT_FOUND;
        if (row->size > capacity)
                return AUTHENTICATOR_E_DAMAGED;
        memcpy(ret, row->data, row->size);
        *ret_size = row->size;
        return 0;
}

static bool has_mark(const Row *row, const AuthenticatorMark *mark)
{
        for (size_t i = 0; i < row->n_marks; i++)
                if (row->marks[i].kind == mark->kind && memcmp(row->marks[i].value, mark->value, 32) == 0)
                        return true;
        return false;
}

static int op_find(void *userdata, const AuthenticatorMark *mark, uint64_t before, uint64_t *ret, size_t max, size_t *ret_n)
{
        Fixture *f = userdata;
        struct FixtureStore *store = f->store;
        int r = storage_call(f);
        size_t n = 0;

        f->n_finds++;
        if (r != 0)
                return r;
        for (size_t number = before <= store->n ? (size_t)(before > 0 ? before - 1 : 0) : store->n; number > 0 && n < max;
             number--)
                if (store->rows[number - 1].state == ROW_THERE && has_mark(store->rows + number - 1, mark))
                        ret[n++] = number;
        *ret_n = n;
        return 0;
}

static int op_count(void *userdata, uint64_t *ret)
{
        Fixture *f = userdata;
        struct FixtureStore *store = f->store;
        int r = storage_call(f);

        if (r != 0)
                return r;
        *ret = 0;
        for (size_t i = 0; i < store->n; i++)
                *ret += store->rows[i].state == ROW_THERE;
        return 0;
}

static int op_put(void *userdata, uint64_t *number, const AuthenticatorMark *marks, size_t n_marks, const void *data,
                  size_t size)
{
        Fixture *f = userdata;
        struct FixtureStore *store = f->store;
        int r = storage_call(f);
        uint64_t which = *number;
        uint8_t *copy;
        Row *row;

        f->n_writes++;
        CHECK(store->changing);
        CHECK(n_marks <= AUTHENTICATOR_MARKS_MAX && size <= AUTHENTICATOR_RECORD_MAX);
        if (r != 0)
                return r;
        if (which != 0 && !find_row(store, which, ROW_THERE))
                return AUTHENTICATOR_E_NOT_FOUND;
        if (which == 0) {
                store->rows = grow(store->rows, store->n, &store->capacity, sizeof(Row));
                store->rows[store->n++] = (Row){0};
                which = store->n;
        }
        copy = malloc(size ? size : 1);
        CHECK(copy);
        memcpy(copy, data, size);
        row = change(store, which - 1);
        if (*number == 0) {
                row->n_marks = n_marks;
                for (size_t i = 0; i < n_marks; i++)
                        row->marks[i] = marks[i];
        }
        free(row->data);
        row->data = copy;
        row->size = size;
        row->state = ROW_THERE;
        *number = which;
        return 0;
}

static int op_remove(void *userdata, uint64_t number, bool keep)
{
        Fixture *f = userdata;
        int r = storage_call(f);

        f->n_writes++;
        CHECK(f->store->changing);
        if (r != 0)
                return r;
        if (!find_row(f->store, number, ROW_THERE))
                return AUTHENTICATOR_E_NOT_FOUND;
        change(f->store, number - 1)->state = keep ? ROW_REMOVED : ROW_GONE;
        return 0;
}

static int op_restore(void *userdata, uint64_t number)
{
        Fixture *f = userdata;
        int r = storage_call(f);

        f->n_writes++;
        CHECK(f->store->changing);
        if (r != 0)
                return r;
        if (!find_row(f->store, number, ROW_REMOVED))
                return AUTHENTICATOR_E_NOT_FOUND;
        change(f->store, number - 1)->state = ROW_THERE;
        return 0;
}

/* Readable while locked. */
static int op_note_get(void *userdata, void *ret, size_t capacity, size_t *ret_size)
{
        Fixture *f = userdata;
        const Note *note = &f->store->note;

        if (fixture_fails(&f->fail_at))
                return -EIO;
        if (!note->there)
                return AUTHENTICATOR_E_NOT_FOUND;
        if (note->size > capacity)
                return AUTHENTICATOR_E_DAMAGED;
        memcpy(ret, note->data, note->size);
        *ret_size = note->size;
        return 0;
}

static int op_note_put(void *userdata, const void *data, size_t size)
{
        Fixture *f = userdata;
        Note *note = &f->store->note;
        int r = storage_call(f);

        CHECK(f->store->changing);
        CHECK(size <= NOTE_MAX);
        if (r != 0)
                return r;
        memcpy(note->data, data, size);
        note->size = size;
        note->there = true;
        return 0;
}

unsigned fixture_count(Fixture *f, enum MarkKind kind, const uint8_t value[32])
{
        AuthenticatorMark mark = {.kind = (uint8_t)kind};
        unsigned n = 0;

        if (value)
                memcpy(mark.value, value, sizeof(mark.value));
        for (size_t i = 0; i < f->store->n; i++)
                n += f->store->rows[i].state == ROW_THERE && has_mark(f->store->rows + i, &mark);
        return n;
}

uint8_t *fixture_record(Fixture *f, uint64_t number, size_t *ret_size)
{
        Row *row = find_row(f->store, number, ROW_THERE);

        if (!row)
                return NULL;
        *ret_size = row->size;
        return row->data;
}

/* ---- life ---- */

void fixture_store_ops(AuthenticatorOps *ops)
{
        ops->is_open = op_is_open;
        ops->begin = op_begin;
        ops->commit = op_commit;
        ops->rollback = op_rollback;
        ops->get = op_get;
        ops->find = op_find;
        ops->put = op_put;
        ops->remove = op_remove;
        ops->restore = op_restore;
        ops->count = op_count;
        ops->note_get = op_note_get;
        ops->note_put = op_note_put;
}

struct FixtureStore *fixture_store_new(void)
{
        struct FixtureStore *store = calloc(1, sizeof(*store));

        CHECK(store);
        return store;
}

bool fixture_store_changing(const struct FixtureStore *store)
{
        return store->changing;
}

struct FixtureStore *fixture_store_free(struct FixtureStore *store)
{
        for (size_t i = 0; i < store->n; i++)
                free(store->rows[i].data);
        free(store->rows);
        free(store->log);
        free(store);
        return NULL;
}
