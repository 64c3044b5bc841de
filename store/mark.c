/*
 * Marks: what a record of a class is found by, and the content that carries them
 *
 * The marks are sealed with the record. What lies in the index is a keyed hash of each, under a key that is open only
 * while the vault is: without it nobody can test a guess. That two records share a mark does show.
 */
#include <assert.h>
#include <string.h>

#include "store/internal.h"

#define MARKED_FORMAT 1U
#define HINTED_FORMAT 2U /* and a hint after it */

/* So marks in memory are as they are in the file. */
_Static_assert(sizeof(VaultMark) == 1 + VAULT_MARK_SIZE && _Alignof(VaultMark) == 1, "a mark has no gaps");

static bool same_mark(const VaultMark *a, const VaultMark *b)
{
        return a->kind == b->kind && memcmp(a->value, b->value, VAULT_MARK_SIZE) == 0;
}

int marks_check(const VaultMark *marks, size_t n)
{
        if (n > VAULT_MARKS_MAX)
                return VAULT_E_LIMIT;
        for (size_t i = 1; i < n; i++)
                for (size_t k = 0; k < i; k++)
                        if (same_mark(marks + i, marks + k))
                                return VAULT_E_INVALID;
        return 0;
}

int marked_decode(const Secret *plain, Marked *ret)
{
        ByteReader reader = BYTE_READER(plain->data, plain->size);
        uint8_t format = byte_reader_u8(&reader);
        uint32_t n;

        if (format != MARKED_FORMAT && format != HINTED_FORMAT)
                return VAULT_E_DAMAGED;
        n = byte_reader_u32(&reader);
        if (n > VAULT_MARKS_MAX)
                return VAULT_E_DAMAGED;
        ret->marks = (const VaultMark *)byte_reader_raw(&reader, n * sizeof(VaultMark));
        ret->n_marks = n;
        ret->data = byte_reader_blob(&reader, VAULT_RECORD_MAX, &ret->size);
        ret->hint = NULL;
        ret->hint_size = 0;
        if (format == HINTED_FORMAT)
                ret->hint = byte_reader_blob(&reader, VAULT_HINT_MAX, &ret->hint_size);
        return byte_reader_done(&reader) && marks_check(ret->marks, n) == 0 ? 0 : VAULT_E_DAMAGED;
}

int marked_encode(Vault *vault, const Marked *marked)
{
        size_t size = 1 + 4 + marked->n_marks * sizeof(VaultMark) + 4 + marked->size +
                      (marked->hint ? 4 + marked->hint_size : 0);
        ByteWriter writer;
        int r;

        r = box_write(vault, size, &writer);
        if (r != 0)
                return r;
        byte_writer_u8(&writer, marked->hint ? HINTED_FORMAT : MARKED_FORMAT);
        byte_writer_u32(&writer, (uint32_t)marked->n_marks);
        byte_writer_raw(&writer, marked->marks, marked->n_marks * sizeof(VaultMark));
        byte_writer_blob(&writer, marked->data, marked->size);
        if (marked->hint)
                byte_writer_blob(&writer, marked->hint, marked->hint_size);
        assert(!writer.failed && writer.size == size);
        return 0;
}

void mark_token(const Collection *c, const VaultMark *mark, uint8_t ret[TOKEN_SIZE])
{
        uint8_t memory[4 + sizeof("keyfob mark 1") + 4 + 1 + VAULT_MARK_SIZE];
        ByteWriter writer = BYTE_WRITER_ON(memory);

        byte_writer_string(&writer, "keyfob mark 1");
        byte_writer_u32(&writer, c->public.no - CLASS_NO(0));
        byte_writer_u8(&writer, mark->kind);
        byte_writer_raw(&writer, mark->value, VAULT_MARK_SIZE);
        mac(c->mark_key, memory, writer.size, ret, TOKEN_SIZE);
        explicit_bzero(memory, sizeof(memory));
}

void mark_tokens(const Collection *c, const VaultMark *marks, size_t n, Tokens *ret)
{
        for (size_t i = 0; i < n; i++)
                mark_token(c, marks + i, ret->token[i]);
        ret->n = n;
}
