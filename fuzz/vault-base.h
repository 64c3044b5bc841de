/*
 * A vault to begin with, and what an enemy may do to its file
 *
 * It has a slot of each cheap kind, collections with items, attributes and trash, one with slots of its own, one deleted, records of
 * every class with marks and hints, a sealed class, aliases and a note. What an item is to say can be told from its label: who made
 * it says "item K", gave it the attribute k=K and the values "secret K.R", of which R grows. So whatever was done to the file, no
 * item that can be read may be a mixture of two.
 */
#pragma once

#include "fuzz/input.h"
#include "store/internal.h"

#define BASE_ITEMS    12U
#define BASE_PASSWORD "correct horse"
#define BASE_MARKER   "secret " /* what values begin with: nobody without a key may see it */

typedef struct BaseItem {
        ItemId id;
        unsigned k, r; /* the item's number and its last value's */
        bool deleted;
} BaseItem;

typedef struct Base {
        uint8_t *image;
        size_t size;
        BaseItem items[BASE_ITEMS];
        uint8_t device[VAULT_DEVICE_SIZE]; /* opens the sealed class */
} Base;

/* What an enemy has done. */
typedef struct Damage {
        unsigned n;             /* changes that were made, */
        bool only_boxes;        /* all of them to rows of items: then these alone may suffer */
        bool only_rows;         /* all of them within the tables that records are in */
        ItemId items[8];        /* whose rows, of the first that there were */
        unsigned n_items;
        bool removed;           /* the row of a collection's item is gone and nothing else was done */
        ItemId removed_item;
} Damage;

/* The same for all inputs of a process. */
const Base *base_get(void);
/* The number of its item, from the label; 0 when it is none of these. */
unsigned base_number(const Item *item);
/* Whether label, attribute and value are those that one item was given together. */
bool base_consistent(const Item *item, bool with_value);
/* Takes from the input what is done to the base, and puts the result at `path`. */
void base_damage(const Base *base, Input *in, const char *path, Damage *ret);
/* The vault's root, by a slot that needs no secret; NULL when none opens. */
Root *base_root(Vault *vault, uint32_t collection);
/* A draft of a slot: 0 none, 1 password, 2 credential, 3 recovery, 4 login. NULL when there is no memory. */
SlotDraft *base_draft(unsigned kind);
