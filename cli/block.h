/*
 * Block: lines of ours in somebody's text file, between two lines that say so
 */
#pragma once

#define BLOCK_BEGIN "# >>> keyfob ssh setup: \"keyfob ssh setup --undo\" takes these lines out again >>>"
#define BLOCK_END   "# <<< keyfob ssh setup <<<"

/* Outcomes; else a negative errno. */
typedef enum BlockResult {
        BLOCK_OK = 0,
        BLOCK_BROKEN, /* a block begins and does not end: nobody knows which lines are ours */
} BlockResult;

typedef enum BlockPlace {
        BLOCK_AT_TOP,
        BLOCK_AT_END, /* one that is there stays where it is */
} BlockPlace;

/* The text with a block around `body` (lines, each with its newline), and no other of ours. New string. */
int block_put(const char *text, const char *body, BlockPlace place, char **ret);
/* The text as it was before. New string. */
int block_take(const char *text, char **ret);
