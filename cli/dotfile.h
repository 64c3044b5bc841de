/*
 * Dotfile: a text file of the person's own, which is changed without being broken
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* Outcomes; else a negative errno. */
typedef enum DotfileResult {
        DOTFILE_OK = 0,
        DOTFILE_FOREIGN, /* it, or what it links to, belongs to someone else */
        DOTFILE_OPEN,    /* it or its folder can be written by others, and that matters */
        DOTFILE_STRANGE, /* not a file, not text, or too large */
        DOTFILE_NOWHERE, /* a symbolic link to what is not there */
        DOTFILE_CHANGED, /* by somebody else since it was read */
} DotfileResult;

typedef struct Dotfile {
        char *target; /* where it is, after its links */
        char *text;   /* "" when it is not there */
        bool there;
        bool linked;
        struct stat state; /* as it was read */
} Dotfile;

#define DOTFILE_NULL ((Dotfile){0})
void dotfile_done(Dotfile *file);

/* Reads it. `strict`: nobody else may write it or its folder. */
int dotfile_read(const char *path, bool strict, Dotfile *ret);

/* Writes the text in its place, at once and durably, with the mode that it had (`mode` when it was not there); folders that are
 * missing are made. A link stays one. */
int dotfile_write(const Dotfile *file, const char *text, mode_t mode);
/* Removes it. */
int dotfile_remove(const Dotfile *file);
