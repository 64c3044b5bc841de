/*
 * Records: an item as one sealed box
 *
 * The plaintext is a small versioned binary; the box is bound to vault, collection, item, version and key, so that a
 * row moved, renamed or brought back from an old file does not open. Plaintext exists in two buffers of locked pages,
 * one for what is read and one for what is written, wiped after each use; only what is handed out is copied.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define RECORD_FORMAT  1U
#define SCRATCH_SIZE   ((size_t)64 * 1024 - 1)
#define RECORD_MAX     (VAULT_SECRET_MAX + VAULT_ATTRIBUTES_MAX * (2 * (size_t)VAULT_ATTRIBUTE_MAX + 8) + 16384)
#define RECORD_AD_SIZE 128U
#define SMALL_BOX      2048U

static int scratch_take(Secret **scratch, size_t size, Secret **ret)
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
        *ret = *scratch;
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

void record_done(Vault *vault)
{
        scratch_done(&vault->in);
}

static size_t record_ad(const Vault *vault, const Row *row, uint8_t ret[RECORD_AD_SIZE])
{
        ByteWriter writer = {.data = ret, .capacity = RECORD_AD_SIZE};

        byte_writer_string(&writer, "keyfob record 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u32(&writer, ITEM_ID_COLLECTION(row->id));
        byte_writer_u64(&writer, row->id);
        byte_writer_u64(&writer, row->version);
        byte_writer_u32(&writer, row->key_id);
        return writer.size;
}

static bool read_text(ByteReader *reader, size_t max, Text *ret)
{
        size_t size;
        const uint8_t *data = byte_reader_blob(reader, max, &size);

        if (!data || !utf8_valid(data, size))
                return false;
        *ret = (Text){(const char *)data, size};
        return true;
}

int record_decode(const uint8_t *data, size_t size, Record *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        uint32_t n;

        if (byte_reader_u8(&reader) != RECORD_FORMAT)
                return VAULT_E_DAMAGED;
        ret->created = byte_reader_u64(&reader);
        ret->modified = byte_reader_u64(&reader);
        if (!read_text(&reader, VAULT_LABEL_MAX, &ret->label) ||
            !read_text(&reader, VAULT_CONTENT_TYPE_MAX, &ret->content_type))
                return VAULT_E_DAMAGED;
        n = byte_reader_u32(&reader);
        if (n > VAULT_ATTRIBUTES_MAX)
                return VAULT_E_DAMAGED;
        for (uint32_t i = 0; i < n; i++) {
                Pair *pair = ret->attributes + i;

                if (!read_text(&reader, VAULT_ATTRIBUTE_MAX, &pair->name) ||
                    !read_text(&reader, VAULT_ATTRIBUTE_MAX, &pair->value))
                        return VAULT_E_DAMAGED;
                if (i > 0 && text_compare(pair[-1].name, pair->name) >= 0)
                        return VAULT_E_DAMAGED;
        }
        ret->n_attributes = n;
        ret->value = byte_reader_blob(&reader, VAULT_SECRET_MAX, &ret->value_size);
        return byte_reader_done(&reader) ? 0 : VAULT_E_DAMAGED;
}

static size_t encoded_size(const Record *record)
{
        size_t size = 1 + 8 + 8 + 4 + record->label.size + 4 + record->content_type.size + 4 + 4 + record->value_size;

        for (size_t i = 0; i < record->n_attributes; i++)
                size += 8 + record->attributes[i].name.size + record->attributes[i].value.size;
        return size;
}

static void encode(const Record *record, ByteWriter *writer)
{
        byte_writer_u8(writer, RECORD_FORMAT);
        byte_writer_u64(writer, record->created);
        byte_writer_u64(writer, record->modified);
        byte_writer_blob(writer, record->label.data, record->label.size);
        byte_writer_blob(writer, record->content_type.data, record->content_type.size);
        byte_writer_u32(writer, (uint32_t)record->n_attributes);
        for (size_t i = 0; i < record->n_attributes; i++) {
                byte_writer_blob(writer, record->attributes[i].name.data, record->attributes[i].name.size);
                byte_writer_blob(writer, record->attributes[i].value.data, record->attributes[i].value.size);
        }
        byte_writer_blob(writer, record->value, record->value_size);
}

int record_seal(Vault *vault, const Collection *c, const Record *record, Row *row, Boxed *ret)
{
        size_t size = encoded_size(record);
        uint8_t ad[RECORD_AD_SIZE], *box;
        ByteWriter writer;
        Secret *plain;
        int r;

        r = scratch_take(&vault->out, size, &plain);
        if (r < 0)
                return r;
        box = malloc(size + SEAL_OVERHEAD);
        if (!box) {
                scratch_done(&vault->out);
                return -ENOMEM;
        }
        writer = (ByteWriter){.data = plain->data, .capacity = size};
        encode(record, &writer);
        assert(!writer.failed && writer.size == size);

        row->key_id = c->key_id;
        seal(c->key, ad, record_ad(vault, row, ad), plain->data, size, box);
        scratch_done(&vault->out);
        memcpy(row->tag, box + size + SEAL_NONCE_SIZE, SEAL_TAG_SIZE);
        *ret = (Boxed){box, size + SEAL_OVERHEAD};
        return 0;
}

int record_open(Vault *vault, const Collection *c, sqlite3_stmt *s, int column, Row *ret_row, Record *ret)
{
        _cleanup_free_ uint8_t *large = NULL;
        uint8_t ad[RECORD_AD_SIZE], small[SMALL_BOX], *box;
        const uint8_t *data, *tag;
        size_t size, tag_size;
        Secret *plain;
        int r;

        /* The tag is a column of its own so that a sum can be taken without reading the box; here they meet again. */
        if (!db_column_u64(s, column, &ret_row->id) || !db_column_u64(s, column + 1, &ret_row->version) ||
            !db_column_u32(s, column + 2, &ret_row->key_id) ||
            !db_column_blob(s, column + 3, SEAL_TAG_SIZE, SEAL_TAG_SIZE, &tag, &tag_size))
                return VAULT_E_DAMAGED;
        memcpy(ret_row->tag, tag, SEAL_TAG_SIZE);
        if (!db_column_blob(s, column + 4, SEAL_NONCE_SIZE, RECORD_MAX, &data, &size) || ret_row->key_id != c->key_id)
                return VAULT_E_DAMAGED;

        box = small;
        if (size + SEAL_TAG_SIZE > sizeof(small)) {
                box = large = malloc(size + SEAL_TAG_SIZE);
                if (!large)
                        return -ENOMEM;
        }
        memcpy(box, data, size);
        memcpy(box + size, ret_row->tag, SEAL_TAG_SIZE);

        r = scratch_take(&vault->in, size - SEAL_NONCE_SIZE, &plain);
        if (r < 0)
                return r;
        if (seal_open(c->key, ad, record_ad(vault, ret_row, ad), box, size + SEAL_TAG_SIZE, plain->data) < 0 ||
            record_decode(plain->data, plain->size, ret) != 0) {
                record_done(vault);
                return VAULT_E_DAMAGED;
        }
        return 0;
}

static char *text_dup(Text text)
{
        char *copy = malloc(text.size + 1);

        if (copy) {
                memcpy(copy, text.data, text.size);
                copy[text.size] = 0;
        }
        return copy;
}

int record_item(const Record *record, const Row *row, bool with_value, Item **ret)
{
        _cleanup_(item_freep) Item *item = calloc(1, sizeof(*item));
        int r;

        if (!item)
                return -ENOMEM;
        item->id = row->id;
        item->version = row->version;
        item->created = record->created;
        item->modified = record->modified;
        item->label = text_dup(record->label);
        item->content_type = text_dup(record->content_type);
        item->attributes = calloc(record->n_attributes + 1, sizeof(*item->attributes));
        if (!item->label || !item->content_type || !item->attributes)
                return -ENOMEM;
        for (size_t i = 0; i < record->n_attributes; i++) {
                VaultAttribute *attribute = item->attributes + i;

                item->n_attributes++;
                attribute->name = text_dup(record->attributes[i].name);
                attribute->value = text_dup(record->attributes[i].value);
                if (!attribute->name || !attribute->value)
                        return -ENOMEM;
        }
        if (with_value) {
                r = secret_new_from(&item->value, record->value, record->value_size);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(item);
        return 0;
}

static void wipe_const(const char *string)
{
        (void)string_wipe_free((char *)(uintptr_t)string);
}

Item *item_free(Item *item)
{
        if (!item)
                return NULL;
        (void)string_wipe_free(item->label);
        (void)string_wipe_free(item->content_type);
        for (size_t i = 0; i < item->n_attributes; i++) {
                wipe_const(item->attributes[i].name);
                wipe_const(item->attributes[i].value);
        }
        free(item->attributes);
        (void)secret_free(item->value);
        free(item);
        return NULL;
}
