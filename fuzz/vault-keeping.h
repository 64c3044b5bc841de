/*
 * What a vault keeps: old values, for how long, its epoch, and copies of it
 *
 * Steps of the target of vaults. What was wiped or is beyond what is kept is gone; a word that was kept of a vault is never ahead of
 * it; a copy is as sound as the vault is.
 */
#pragma once

#include "fuzz/input.h"
#include "store/vault.h"

typedef struct Keeping {
        bool loose;     /* the file is an enemy's, or something has failed: less is known */
        bool reordered; /* numbers may have begun anew */
        Secret *word;   /* the epoch's, NULL: none */
        VaultRetention retention;
        bool retention_set;
        VaultCopy *copy; /* that is being made, in `fd` */
        int fd;
} Keeping;
#define KEEPING_NULL ((Keeping){.fd = -1})

/* The step with this number, about the item if it is about one. Whether it may have brought an old value back. */
bool keeping_step(Keeping *keeping, Vault *vault, unsigned what, ItemId id, Input *in);
/* The vault was opened again. */
void keeping_check(const Keeping *keeping, Vault *vault);
/* Of all that keeping_check() compares the vault with. */
uint64_t keeping_sum(const Keeping *keeping, uint64_t sum);
void keeping_done(Keeping *keeping);
