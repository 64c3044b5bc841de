/*
 * Key file: random bytes that open a slot by being there
 */
#pragma once

#include <stdbool.h>

#include "common/secret.h"

typedef struct Keyfile {
        char *path; /* absolute */
        Secret *content;
        bool made; /* by us, and not kept yet */
} Keyfile;

#define KEYFILE_NULL ((Keyfile){0})

/* Reads a key file, or makes a new one (0600). 0, or the exit code. */
int keyfile_open(const char *path, Keyfile *ret);
/* What it was made for has happened. */
void keyfile_keep(Keyfile *keyfile);
/* Frees; a file that was made and not kept goes again. */
void keyfile_done(Keyfile *keyfile);
