/*
 * Boxes: the sealed bytes of a row
 *
 * A box is bound to vault, collection, item, version and key, so that a row moved, renamed or brought back from an old
 * file does not open. Plaintext exists in two buffers of locked pages, one for what is read and one for what is
 * written, wiped after each use.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define SCRATCH_SIZE ((size_t)64 * 1024 - 1)
#define PLAIN_MAX    (VAULT_SECRET_MAX + VAULT_ATTRIBUTES_MAX * (2 * (size_t)VAULT_ATTRIBUTE_MAX + 8) + 16384)
#define AD_SIZE      128U
#define SMALL_BOX    2048U

static int scratch_take(Secret **scratch, size_t size)
{
        if (*scratch && (*scratch)->capacity < size)
                *scratch = secret_free(*scratch);
        if (!*scratch) {
                int r = secret_new(scratch, size > SCRATCH_SIZE ? size : SCRATCH_SIZE);

                if (r < 0)
                        return r;
        }
        assert((*scratch)->size == 0);
        (*scratch)->size = size;
        return 0;
}

static void scratch_done(Secret **scratch)
{
        if (!*scratch)
                return;
        if ((*scratch)->capacity > SCRATCH_SIZE) {
                *scratch = secret_free(*scratch);
                return;
        }
        explicit_bzero((*scratch)->data, (*scratch)->size);
        (*scratch)->size = 0;
}

void box_done(Vault *vault)
{
        scratch_done(&vault->in);
}

void box_drop(Vault *vault)
{
        scratch_done(&vault->out);
}

int box_write(Vault *vault, size_t size, ByteWriter *ret)
{
        int r;

        r = scratch_take(&vault->out, size);
        if (r < 0)
                return r;
        *ret = (ByteWriter){.data = vault->out->data, .capacity = size};
        return 0;
}

int box_copy(Vault *vault)
{
        const Secret *plain = vault->in;
        ByteWriter writer;
        int r;

        r = box_write(vault, plain->size, &writer);
        if (r == 0)
                byte_writer_raw(&writer, plain->data, plain->size);
        return r;
}

static size_t row_ad(const Vault *vault, const Row *row, uint8_t ret[AD_SIZE])
{
        ByteWriter writer = {.data = ret, .capacity = AD_SIZE};

        byte_writer_string(&writer, "keyfob record 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u32(&writer, ITEM_ID_COLLECTION(row->id));
        byte_writer_u64(&writer, row->id);
        byte_writer_u64(&writer, row->version);
        byte_writer_u32(&writer, row->key_id);
        return writer.size;
}

int box_seal(Vault *vault, const Collection *c, Row *row, Boxed *ret)
{
        size_t size = vault->out->size;
        uint8_t ad[AD_SIZE], *box = malloc(size + SEAL_OVERHEAD);

        if (!box) {
                box_drop(vault);
                return -ENOMEM;
        }
        row->key_id = c->key_id;
        seal(c->key, ad, row_ad(vault, row, ad), vault->out->data, size, box);
        box_drop(vault);
        memcpy(row->tag, box + size + SEAL_NONCE_SIZE, SEAL_TAG_SIZE);
        *ret = (Boxed){box, size + SEAL_OVERHEAD};
        return 0;
}

int box_open(Vault *vault, const Collection *c, sqlite3_stmt *s, int column, Row *ret_row, const Secret **ret)
{
        _cleanup_free_ uint8_t *large = NULL;
        uint8_t ad[AD_SIZE], small[SMALL_BOX], *box;
        const uint8_t *data, *tag;
        size_t size, tag_size;
        int r;

        /* The tag is a column of its own so that a sum can be taken without reading the box; here they meet again. */
        if (!db_column_u64(s, column, &ret_row->id) || !db_column_u64(s, column + 1, &ret_row->version) ||
            !db_column_u32(s, column + 2, &ret_row->key_id) ||
            !db_column_blob(s, column + 3, SEAL_TAG_SIZE, SEAL_TAG_SIZE, &tag, &tag_size))
                return VAULT_E_DAMAGED;
        memcpy(ret_row->tag, tag, SEAL_TAG_SIZE);
        if (!db_column_blob(s, column + 4, SEAL_NONCE_SIZE, PLAIN_MAX, &data, &size) || !c->key ||
            ret_row->key_id != c->key_id)
                return VAULT_E_DAMAGED;

        box = small;
        if (size + SEAL_TAG_SIZE > sizeof(small)) {
                box = large = malloc(size + SEAL_TAG_SIZE);
                if (!large)
                        return -ENOMEM;
        }
        memcpy(box, data, size);
        memcpy(box + size, ret_row->tag, SEAL_TAG_SIZE);

        r = scratch_take(&vault->in, size - SEAL_NONCE_SIZE);
        if (r < 0)
                return r;
        if (seal_open(c->key, ad, row_ad(vault, ret_row, ad), box, size + SEAL_TAG_SIZE, vault->in->data) < 0) {
                box_done(vault);
                return VAULT_E_DAMAGED;
        }
        *ret = vault->in;
        return 0;
}
