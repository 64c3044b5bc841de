/*
 * Landlock: which files a thread and what it starts may still reach
 *
 * By version of what the kernel offers; older headers don't have the newest names.
 */
#pragma once

#include <linux/landlock.h>
#include <stdint.h>

#define LANDLOCK_REFER    (UINT64_C(1) << 13) /* 2 */
#define LANDLOCK_TRUNCATE (UINT64_C(1) << 14) /* 3 */
#define LANDLOCK_IOCTL    (UINT64_C(1) << 15) /* 5 */

/* What is out of reach outside of the processes that are bound together (version 6). */
#define LANDLOCK_ABSTRACT_SOCKETS (UINT64_C(1) << 0)
#define LANDLOCK_SIGNALS          (UINT64_C(1) << 1)

/* 0: the kernel has none. */
long landlock_version(void);
/* All rights on files that this version knows. */
uint64_t landlock_rights(long version);
/* A ruleset that handles these rights on files, no TCP, and these scopes, as far as the kernel knows them. -errno. */
int landlock_new(uint64_t rights, uint64_t scopes);
/* Binds the calling thread to it. Needs NO_NEW_PRIVS. */
int landlock_enter(int ruleset);

/* No file can be opened any more. -EOPNOTSUPP without Landlock. */
int landlock_deny_all(void);
