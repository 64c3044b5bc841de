/*
 * SQLite's memory, in one piece that can be put back as it was
 *
 * SQLite allocates from a region of its own at a fixed place, whose lists of free blocks lie in it as well. So what
 * SQLite has built can be kept once, and had again at any time for the price of a copy, as long as nothing that was
 * made meanwhile is in use. An allocation fails when it is its turn (fail.h). With AddressSanitizer, which wants to
 * see each block, memory is the heap's and nothing is kept.
 */
#pragma once

#include <stdbool.h>

/* Before SQLite is used at all. */
void sqlite_memory_set_up(void);
/* Keeps the region as it is now; false: it can't be. */
bool sqlite_memory_keep(void);
/* Puts it back. Connections and statements that are older than what was kept are as they were then; all others are
 * gone. */
void sqlite_memory_put_back(void);
