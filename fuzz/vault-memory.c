/* A list of items with their values, and a copy of it from before the batch */
#include "fuzz/vault-memory.h"

#include <stdio.h>
#include <string.h>

#include "fuzz/fail.h"
#include "fuzz/fuzz.h"

static Known *find(Memory *memory, ItemId id)
{
        for (size_t i = 0; i < memory->n; i++)
                if (memory->known[i].id == id)
                        return memory->known + i;
        return NULL;
}

static Known *add(Memory *memory, ItemId id)
{
        Known *known = find(memory, id);

        if (known || memory->n == MEMORY_MAX)
                return known;
        known = memory->known + memory->n++;
        *known = (Known){.id = id};
        return known;
}

void memory_init(Memory *memory, const Base *base)
{
        memory->n = 0;
        for (size_t i = 0; i < BASE_ITEMS; i++) {
                const BaseItem *item = base->items + i;
                Known *known = add(memory, item->id);

                if (!item->deleted)
                        (void)snprintf(known->value, sizeof(known->value), BASE_MARKER "%u.%u", item->k, item->r);
        }
}

void memory_set(Memory *memory, ItemId id, const char *value, int r)
{
        Known *known = r == 0 ? add(memory, id) : find(memory, id);

        if (!known || (r != 0 && !fail_happened()))
                return;
        if (r != 0) {
                known->unsure = true;
                (void)snprintf(known->other, sizeof(known->other), "%s", value);
                return;
        }
        known->unsure = false;
        (void)snprintf(known->value, sizeof(known->value), "%s", value);
}

void memory_batch_begun(Memory *memory)
{
        memcpy(memory->before, memory->known, sizeof(memory->known));
        memory->n_before = memory->n;
}

void memory_batch_undone(Memory *memory, bool unsure)
{
        for (size_t i = 0; i < memory->n; i++) {
                Known *known = memory->known + i;
                Known was = {.id = known->id};

                for (size_t k = 0; k < memory->n_before; k++)
                        if (memory->before[k].id == known->id)
                                was = memory->before[k];
                if (unsure && strcmp(was.value, known->value) != 0) {
                        was.unsure = true;
                        memcpy(was.other, known->value, sizeof(was.other));
                }
                *known = was;
        }
}

void memory_check(Vault *vault, const Known *known)
{
        _cleanup_(item_freep) Item *item = NULL;
        const char *ways[] = {known->value, known->unsure ? known->other : known->value};
        int r = vault_item_get(vault, known->id, /* with_value= */ true, &item);

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                if (!*ways[i] && r == VAULT_E_NOT_FOUND)
                        return;
                if (*ways[i] && r == 0 && item->value->size == strlen(ways[i]) &&
                    memcmp(item->value->data, ways[i], item->value->size) == 0)
                        return;
        }
        PROMISE(!"as it was answered");
}
