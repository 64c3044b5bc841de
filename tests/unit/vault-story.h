/*
 * Every kind of write, one after the other, and what a vault holds as text
 *
 * A story is a list of deeds. Each begins where the one before it ended, and does the same whenever it begins there:
 * what a vault holds is told without times and chance, so that two states can be held against each other. For the
 * tests of what becomes of a deed that the disk does not carry through.
 */
#pragma once

#include "tests/unit/fault-disk.h"
#include "tests/unit/vault-tools.h"

#define STORY_AFTERMATH "aftermath"

typedef struct Deed {
        const char *name;
        int (*act)(Scratch *scratch);
        bool from_closed; /* it begins with the vault closed */
        bool thorough;    /* every moment of it counts */
} Deed;

extern const Deed story[];
extern const size_t story_length;

/* Opens and unlocks, or closes, so that the deed can begin. */
void story_ready(Scratch *scratch, const Deed *deed);

/* Opens all that there is. */
void story_unlock(Vault *vault, const Root *root);
/* The content of a key file. */
Secret *story_secret(char letter);

/* One small write besides, of an item that tell() leaves out; how it went. */
int story_aftermath(Vault *vault);

/* What is in the vault, by its caller to be freed; with a line for what is not in order. Opens what is locked. */
char *tell(Vault *vault, bool *ret_aftermath);
/* The same of the file in a directory, opened and closed. The directory's files change. */
char *tell_files(const char *directory, bool *ret_aftermath);

/* ---- what the files of the story share ---- */

/* The item that has this name, or 0. */
ItemId story_item(Vault *vault, const char *name);
int story_write(Vault *vault, uint32_t collection, const char *name, const char *value, size_t size, bool replace);

int deed_wipe_log(Scratch *s);
int deed_wipe_file(Scratch *s);
int deed_wipe_and_write(Scratch *s);
int deed_wipe_old_values(Scratch *s);
