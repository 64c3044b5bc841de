/*
 * Managed files: what `keyfob enable` writes into other programs' folders and `keyfob disable` takes back
 */
#pragma once

#include <stdbool.h>

/* The first line of each. */
#define MANAGED_MARK "# Written by keyfob enable; keyfob disable takes it back.\n"

/* Writes MANAGED_MARK and the text, atomically and durably. A file that was not ours is put aside first. ret_changed:
 * false when it was there just so. 0 or negative errno. */
int managed_write(const char *path, const char *text, bool *ret_changed);

/* Removes a file of ours and puts back what was aside. ret_changed: false when there was none of ours. */
int managed_remove(const char *path, bool *ret_changed);
