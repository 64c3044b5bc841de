/*
 * What was answered, to be compared with what is there after the next opening
 */
#pragma once

#include "fuzz/vault-base.h"

#define MEMORY_MAX 96U

/* What an item is to be. */
typedef struct Known {
        ItemId id;
        char value[32]; /* "": it is not there */
        char other[32]; /* what it may be instead, when `unsure` */
        bool unsure;
} Known;

typedef struct Memory {
        Known known[MEMORY_MAX], before[MEMORY_MAX]; /* `before` the open batch */
        size_t n, n_before;
} Memory;

/* The base, untouched. */
void memory_init(Memory *memory, const Base *base);
/* A change of the item to this value, "" none, was answered with `r`. */
void memory_set(Memory *memory, ItemId id, const char *value, int r);
void memory_batch_begun(Memory *memory);
/* The batch was undone; `unsure`: by a failure that may have come after it was written. */
void memory_batch_undone(Memory *memory, bool unsure);
/* The item is as it is known. */
void memory_check(Vault *vault, const Known *known);
