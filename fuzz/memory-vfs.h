/*
 * A file system in memory for vaults that are fuzzed
 *
 * SQLite's default VFS, and the functions of store/ that look at the file system (wrapped by the linker): a vault at any path is one of a
 * few files here, which cost no system call. When it is a failure's turn (fail.h), reading, writing, syncing and cutting off fail, and
 * a write leaves half of it. Copies that a migration makes still have their names in a real directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The directory that paths are to lie in: a real one, empty, made once. */
const char *memory_vfs_dir(void);
/* The path of the vault there, "vault.db"; most of what this is for has this one. */
const char *memory_vfs_vault(void);
/* Counts writes, changes of size and removals of whatever file. */
unsigned memory_vfs_written(void);
/* What is in the vault's log; its size is 0 when it isn't there. */
const uint8_t *memory_vfs_log(size_t *ret_size);
/* A sum of these bytes, which goes on from another one. */
uint64_t memory_vfs_sum(uint64_t sum, const void *data, size_t size);
/* Whether this was called with the same sum and the same vault and log not long ago. What only looks at these needs no second time. */
bool memory_vfs_seen(uint64_t with);
/* The vault's log is there, as after SQLite has opened it. */
void memory_vfs_make_log(void);
bool memory_vfs_has(const char *path, const char *suffix);
/* Gives a file this content. */
void memory_vfs_put(const char *path, const void *data, size_t size);
/* What is in it, NULL when it isn't there. Good until the next change. */
const uint8_t *memory_vfs_get(const char *path, size_t *ret_size);
/* Nothing is there any more, in the real directory neither. */
void memory_vfs_clear(void);
