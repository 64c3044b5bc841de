/*
 * A file system in memory for vaults that are fuzzed
 *
 * SQLite's default VFS, and the functions of store/ that look at the file system (wrapped by the linker): a vault at any path is one of a
 * few files here, which cost no system call. When it is a failure's turn (fail.h), reading, writing, syncing and cutting off fail, and
 * a write leaves half of it. Copies that a migration makes still have their names in a real directory.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The directory that paths are to lie in: a real one, empty, made once. */
const char *memory_vfs_dir(void);
/* Gives a file this content. */
void memory_vfs_put(const char *path, const void *data, size_t size);
/* What is in it, NULL when it isn't there. Good until the next change. */
const uint8_t *memory_vfs_get(const char *path, size_t *ret_size);
/* Nothing is there any more, in the real directory neither. */
void memory_vfs_clear(void);
