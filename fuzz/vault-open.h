/*
 * A vault file that somebody else made, looked at: opened, unlocked where that takes no secret, read, checked
 *
 * For every target that has such a file, whatever way it came.
 */
#pragma once

#include "fuzz/fail.h"
#include "store/vault.h"

/* A call of the vault's that may be told to fail; its result. */
#define CALL(expression)                                                                                               \
        ({                                                                                                             \
                fail_enter();                                                                                          \
                int result_ = (expression);                                                                            \
                fail_leave();                                                                                          \
                fuzz_vault_known(result_);                                                                             \
                result_;                                                                                               \
        })

/* Results of the vault are known, and are one of its own or an errno. */
void fuzz_vault_known(int r);
/* Opens the file at `path` (within memory_vfs_dir(), or where memory-vfs.c is not linked, anywhere), reads and checks all of it, and
 * closes it. With `change`, changes it as well. */
void fuzz_vault_open(const char *path, bool change);
/* Reads all that is open. */
void fuzz_vault_read(Vault *vault);
