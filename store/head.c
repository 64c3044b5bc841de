/*
 * Heads: what makes a collection whole
 *
 * Each record is bound to its id and version, which says nothing about records that are gone or were put back from an
 * old copy. So a collection has a head: the sum modulo 2^256 of a keyed MAC over (id, version, tag) of its records,
 * how many there are, and a counter that numbers items and versions. It is sealed under the collection's key and
 * written once per batch. A change costs two MACs, whatever the number of records; the check reads ids, versions and
 * tags, never a box.
 *
 * A head that does not fit is not made fit by later writes: changes are applied to what it says, so the difference
 * stays until vault_check() is told to accept.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

typedef struct Number {
        uint8_t bytes[SUM_SIZE]; /* little-endian */
} Number;

static Number record_number(const Collection *c, const Row *row)
{
        uint8_t memory[8 + 8 + SEAL_TAG_SIZE];
        ByteWriter writer = BYTE_WRITER_ON(memory);
        Number number;

        byte_writer_u64(&writer, row->id);
        byte_writer_u64(&writer, row->version);
        byte_writer_raw(&writer, row->tag, SEAL_TAG_SIZE);
        mac(c->sum_key, memory, writer.size, number.bytes, sizeof(number.bytes));
        return number;
}

static void sum_add(uint8_t sum[SUM_SIZE], Number number)
{
        unsigned carry = 0;

        for (size_t i = 0; i < SUM_SIZE; i++) {
                carry += sum[i] + number.bytes[i];
                sum[i] = (uint8_t)carry;
                carry >>= 8;
        }
}

static void sum_subtract(uint8_t sum[SUM_SIZE], Number number)
{
        unsigned borrow = 0;

        for (size_t i = 0; i < SUM_SIZE; i++) {
                unsigned take = number.bytes[i] + borrow;

                borrow = sum[i] < take;
                sum[i] = (uint8_t)(sum[i] - take);
        }
}

void head_touch(Collection *c)
{
        if (!c->dirty) {
                c->committed = c->head;
                c->dirty = true;
        }
        c->head.modified = vault_now();
        c->public.modified = c->head.modified;
}

void head_add(Collection *c, const Row *row)
{
        head_touch(c);
        sum_add(c->head.sum, record_number(c, row));
        c->head.n++;
        c->public.n_items = c->head.n;
}

void head_remove(Collection *c, const Row *row)
{
        head_touch(c);
        sum_subtract(c->head.sum, record_number(c, row));
        if (c->head.n > 0)
                c->head.n--;
        c->public.n_items = c->head.n;
}

int head_next(Collection *c, uint64_t *ret)
{
        if (c->head.counter >= ITEM_NUMBER_MAX)
                return VAULT_E_LIMIT;
        head_touch(c);
        *ret = ++c->head.counter;
        return 0;
}

static size_t head_ad(const Vault *vault, const Collection *c, uint8_t ret[64])
{
        ByteWriter writer = {.data = ret, .capacity = 64};

        byte_writer_string(&writer, "keyfob head 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u32(&writer, c->public.no);
        byte_writer_u32(&writer, c->key_id);
        return writer.size;
}

int head_store(Vault *vault, Collection *c)
{
        uint8_t ad[64], plain[HEAD_PLAIN_SIZE], sealed[HEAD_SEALED_SIZE];
        ByteWriter writer = BYTE_WRITER_ON(plain);
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_HEAD_PUT, &s);
        if (r != 0)
                return r;
        byte_writer_u8(&writer, 1);
        byte_writer_raw(&writer, c->head.sum, SUM_SIZE);
        byte_writer_u64(&writer, c->head.n);
        byte_writer_u64(&writer, c->head.counter);
        seal(c->key, ad, head_ad(vault, c, ad), plain, sizeof(plain), sealed);
        db_bind_u64(s, 1, c->public.no);
        db_bind_u64(s, 2, c->head.modified);
        db_bind_u64(s, 3, c->head.n);
        db_bind_blob(s, 4, sealed, sizeof(sealed));
        return db_run(s);
}

int head_scan(Vault *vault, const Collection *c, Head *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Head head = {0};
        bool more, odd = false;
        int r;

        r = vault_statement(vault, STATEMENT_ITEM_TAGS, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 2, ITEM_ID(c->public.no, ITEM_NUMBER_MAX));
        for (;;) {
                const uint8_t *tag;
                size_t size;
                Row row;

                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more)
                        break;
                head.n++;
                if (!db_column_u64(s, 0, &row.id) || !db_column_u64(s, 1, &row.version) ||
                    !db_column_blob(s, 2, SEAL_TAG_SIZE, SEAL_TAG_SIZE, &tag, &size)) {
                        odd = true;
                        continue;
                }
                memcpy(row.tag, tag, SEAL_TAG_SIZE);
                sum_add(head.sum, record_number(c, &row));
                if (row.version > head.counter && row.version <= ITEM_NUMBER_MAX)
                        head.counter = row.version;
                if (ITEM_ID_NUMBER(row.id) > head.counter)
                        head.counter = ITEM_ID_NUMBER(row.id);
        }
        /* A row that cannot be read adds nothing, which the number of rows then contradicts. */
        if (odd)
                head.n = UINT64_MAX;
        *ret = head;
        return 0;
}

/* The sealed head. VAULT_E_NOT_FOUND, VAULT_E_DAMAGED. */
static int read_head(Vault *vault, const Collection *c, Head *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint8_t ad[64], plain[HEAD_PLAIN_SIZE];
        ByteReader reader = BYTE_READER(plain, sizeof(plain));
        const uint8_t *sealed, *sum;
        size_t size;
        Head head;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_HEAD_GET, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, c->public.no);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        if (!db_column_blob(s, 1, HEAD_SEALED_SIZE, HEAD_SEALED_SIZE, &sealed, &size))
                return VAULT_E_DAMAGED;
        if (!db_column_u64(s, 0, &head.modified))
                head.modified = 0;
        if (seal_open(c->key, ad, head_ad(vault, c, ad), sealed, size, plain) < 0)
                return VAULT_E_DAMAGED;
        if (byte_reader_u8(&reader) != 1)
                return VAULT_E_DAMAGED;
        sum = byte_reader_raw(&reader, SUM_SIZE);
        head.n = byte_reader_u64(&reader);
        head.counter = byte_reader_u64(&reader);
        if (!byte_reader_done(&reader))
                return VAULT_E_DAMAGED;
        memcpy(head.sum, sum, SUM_SIZE);
        *ret = head;
        return 0;
}

/* The last version that the trash knows of. */
static int trash_counter(Vault *vault, const Collection *c, uint64_t *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_TRASH_MAX, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, ITEM_ID(c->public.no, 0));
        db_bind_u64(s, 2, ITEM_ID(c->public.no, ITEM_NUMBER_MAX));
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there || !db_column_u64(s, 0, ret) || *ret > ITEM_NUMBER_MAX)
                *ret = 0;
        return 0;
}

int head_load(Vault *vault, Collection *c)
{
        Head said, found = {0};
        uint64_t trashed = 0;
        bool unused;
        int r, scan;

        r = read_head(vault, c, &said);
        if (r < 0)
                return r;
        scan = head_scan(vault, c, &found);
        if (scan < 0)
                return scan;

        /* A class gets its head with its first record. The manifest says which have one. */
        unused = is_class(c) && r == VAULT_E_NOT_FOUND && scan == 0 && found.n == 0;
        c->sum_bad =
                !unused && (r != 0 || scan != 0 || said.n != found.n || memcmp(said.sum, found.sum, SUM_SIZE) != 0);
        if (r == 0)
                c->head = said;
        else {
                c->head = (Head){0};
                if (!unused) {
                        /* Nothing is known: a sum that no set of records fits. */
                        c->head.n = is_class(c) && found.n <= ITEM_NUMBER_MAX ? found.n : c->public.n_items;
                        c->head.modified = c->public.modified;
                        random_bytes(c->head.sum, SUM_SIZE);
                }
                if (trash_counter(vault, c, &trashed) == 0)
                        c->head.counter = trashed;
        }
        /* Numbers that are in use are never given again, whatever the head says. */
        if (c->head.counter < found.counter)
                c->head.counter = found.counter;
        c->dirty = false;
        c->early = vault->in_batch;
        c->public.n_items = c->head.n;
        c->public.modified = c->head.modified;
        return 0;
}
