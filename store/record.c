/*
 * Records: what is in an item's box
 *
 * A small versioned binary, taken apart in place: only what is handed out is copied.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define RECORD_FORMAT 1U

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

int record_encode(Vault *vault, const Record *record)
{
        size_t size = encoded_size(record);
        ByteWriter writer;
        int r;

        r = box_write(vault, size, &writer);
        if (r != 0)
                return r;
        encode(record, &writer);
        assert(!writer.failed && writer.size == size);
        return 0;
}

int record_open(Vault *vault, const Collection *c, sqlite3_stmt *s, int column, Row *ret_row, Record *ret)
{
        const Secret *plain;
        int r;

        r = box_open(vault, c, s, column, ret_row, &plain);
        if (r != 0)
                return r;
        r = record_decode(plain->data, plain->size, ret);
        if (r != 0)
                box_done(vault);
        return r;
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

/* Behind each text lies the length of what follows, which has been read: there is room for the byte that ends a string. */
static const char *terminated(Text text)
{
        char *end = (char *)(uintptr_t)(text.data + text.size);

        *end = 0;
        return text.data;
}

void record_show(const Record *record, const Row *row, bool with_value, ItemValue *ret)
{
        ret->id = row->id;
        ret->modified = record->modified;
        ret->label = terminated(record->label);
        ret->content_type = terminated(record->content_type);
        for (size_t i = 0; i < record->n_attributes; i++)
                ret->attributes[i] = (VaultAttribute){.name = terminated(record->attributes[i].name),
                                                      .value = terminated(record->attributes[i].value)};
        ret->n_attributes = record->n_attributes;
        ret->value = with_value ? record->value : NULL;
        ret->size = with_value ? record->value_size : 0;
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
