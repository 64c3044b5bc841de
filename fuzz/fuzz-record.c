/*
 * Parsers of bytes that come out of the vault: a record's plaintext, a slot's parameters
 *
 * The first byte chooses. A record that is accepted must keep every limit; a slot must never make work before its
 * parameters were found within theirs, so passwords are not tried here.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "store/internal.h"

/* In its own memory, which it writes to, a record shows the same as its copy. */
static void shown(const uint8_t *data, size_t size, const Item *item)
{
        uint8_t *memory = malloc(size);
        static Record parsed;
        static ItemValue view;
        Row row = {.id = item->id, .version = item->version};

        if (!memory)
                return;
        memcpy(memory, data, size);
        PROMISE(record_decode(memory, size, &parsed) == 0);
        record_show(&parsed, &row, true, &view);
        PROMISE(view.id == item->id && view.modified == item->modified && strcmp(view.label, item->label) == 0);
        PROMISE(strcmp(view.content_type, item->content_type) == 0 && view.n_attributes == item->n_attributes);
        for (size_t i = 0; i < view.n_attributes; i++)
                PROMISE(strcmp(view.attributes[i].name, item->attributes[i].name) == 0 &&
                        strcmp(view.attributes[i].value, item->attributes[i].value) == 0);
        PROMISE(view.size == item->value->size && memcmp(view.value, item->value->data, view.size) == 0);
        free(memory);
}

static void record(const uint8_t *data, size_t size)
{
        static Record parsed;
        Row row = {.id = ITEM_ID(1, 1), .version = 1};
        Item *item = NULL;

        if (record_decode(data, size, &parsed) != 0)
                return;
        PROMISE(parsed.label.size <= VAULT_LABEL_MAX && utf8_valid(parsed.label.data, parsed.label.size));
        PROMISE(parsed.n_attributes <= VAULT_ATTRIBUTES_MAX && parsed.value_size <= VAULT_SECRET_MAX);
        for (size_t i = 1; i < parsed.n_attributes; i++)
                PROMISE(text_compare(parsed.attributes[i - 1].name, parsed.attributes[i].name) < 0);
        PROMISE(pairs_same(parsed.attributes, parsed.n_attributes, parsed.attributes, parsed.n_attributes));
        for (size_t i = 0; i < parsed.n_attributes; i++)
                PROMISE(record_has(&parsed, parsed.attributes + i));
        PROMISE(record_item(&parsed, &row, true, &item) == 0);
        PROMISE(item->value->size == parsed.value_size && item->n_attributes == parsed.n_attributes);
        shown(data, size, item);
        (void)item_free(item);
}

static void slot(const uint8_t *data, size_t size)
{
        uint8_t wrapped[SLOT_WRAPPED_SIZE] = {0}, id[SLOT_ID_SIZE] = {0};
        Slot *parsed = NULL;
        Root *root = NULL;
        KdfParams kdf;

        if (size < 1 || slot_new(id, 0, data[0], "label", 0, 0, data + 1, size - 1, wrapped, &parsed) != 0)
                return;
        if (slot_kdf(parsed, &kdf))
                PROMISE((slot_kind(parsed) == SLOT_PASSWORD || slot_kind(parsed) == SLOT_LOGIN) && kdf_params_valid(&kdf));
        if (slot_path(parsed))
                PROMISE(slot_path(parsed)[0] == '/');
        if (slot_kind(parsed) != SLOT_PASSWORD)
                PROMISE(slot_open(parsed, NULL, &root) > 0 && !root);
        (void)slot_free(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (arena_init() < 0 || size < 1)
                return 0;
        if (data[0] % 2 == 0)
                record(data + 1, size - 1);
        else
                slot(data + 1, size - 1);
        return 0;
}
