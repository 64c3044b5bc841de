/*
 * Connections that were opened once, and are had again as they were then
 *
 * Opening a vault's file and compiling what the vault says to SQLite takes longer than most of what an input does. So
 * it is done once for the file of memory_vfs_vault() and once for a new vault in memory, and db_open(), migrate() and
 * SQLite's functions for statements, which the linker wraps, give out what there is (sqlite-memory.h). That is only
 * done where the outcome is the same: where the file is one of our schema with nothing in its log, and no failure was
 * ordered. Whatever an input orders to fail happens to a connection that is really opened, or to a statement that is
 * really compiled. Nothing of an earlier input is there: each is given the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `image` is a vault's file as it is written now. */
void frozen_db_make(const uint8_t *image, size_t size);
