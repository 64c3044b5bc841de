/*
 * What lies in the files besides what SQLite tells: pages, the log
 */
#pragma once

#include "store/vault.h"

/* ---- log ---- */

#define LOG_HEAD_SIZE  32U
#define LOG_FRAME_HEAD 24U
#define LOG_FRAMES     1000U /* there is room for, always */
#define LOG_SIZE       (LOG_HEAD_SIZE + LOG_FRAMES * (LOG_FRAME_HEAD + PAGE_SIZE))

/* Moves what is in the log into the file; whether that was all of it. Not in a batch. */
int vault_checkpoint(Vault *vault, bool *ret_all);
/* The same at the end, and whoever opens it next finds nothing in the log: SQLite leaves the frames of one that it keeps. The next
 * opening would read them all again, and if some of them were damaged by then, put old pages over newer ones. */
void log_close(Vault *vault);

/* Overwrites up to `size` bytes of the log. What is written between two steps may be in it when it is done. */
typedef struct LogWipe {
        bool begun;
        uint64_t at; /* what is before is still to be overwritten */
} LogWipe;
int log_wipe_step(Vault *vault, LogWipe *wipe, size_t size, bool *ret_done);

/* ---- pages of the file (pure), and what is not used of them ---- */

#define PAGE_SIZE        4096U
#define FILE_HEAD_SIZE   100U /* on the first page */
#define CHAIN_PAGE_BYTES (PAGE_SIZE - 4U)

typedef enum TreePageKind {
        PAGE_INDEX_INTERIOR = 2,
        PAGE_TABLE_INTERIOR = 5,
        PAGE_INDEX_LEAF = 10,
        PAGE_TABLE_LEAF = 13,
} TreePageKind;

/* A page of a tree; offsets are from the page's beginning. */
typedef struct TreePage {
        const uint8_t *data;
        uint8_t kind;
        uint32_t head, cells; /* where these are: the head, the cells' offsets */
        uint32_t n_cells, content, first_free;
} TreePage;

typedef struct PageCell {
        uint32_t from, to;
        uint32_t chain;   /* the page where its payload goes on, or 0; with so much of it: */
        uint64_t chained;
} PageCell;

uint32_t page_u32(const uint8_t *p);
/* False, of all of these: the page is not what SQLite writes. */
bool tree_page_read(const uint8_t data[PAGE_SIZE], uint32_t no, TreePage *ret);
bool tree_page_is_interior(const TreePage *page);
/* The page below, `i` from 0 to n_cells; or 0. */
uint32_t tree_page_child(const TreePage *page, uint32_t i);
bool tree_page_cell(const TreePage *page, uint32_t i, PageCell *ret);
/* A 1 for each byte that means something, else a 0. */
bool tree_page_used(const TreePage *page, uint8_t ret[PAGE_SIZE]);

/* Overwrites what is not used of the file. Each step looks at up to so many pages; what is committed between steps is looked at
 * again. VAULT_E_UNSUPPORTED: the file is not quite as SQLite makes it for us, and VACUUM must help. */
typedef struct Scrub Scrub;
int scrub_new(Vault *vault, Scrub **ret);
int scrub_step(Scrub *scrub, unsigned pages, bool *ret_done);
/* To be called before what is in the log is moved into the file. */
int scrub_note_log(Scrub *scrub);
Scrub *scrub_free(Scrub *scrub);
