/* Confine: a process gives up what it will not need */
#pragma once

#include <sys/types.h>

/* Descriptors from this one on can't be opened any more; those that are open stay. */
#define CONFINE_FDS 3

/*
 * Called as root: gives up groups, uid, gid and capabilities for good, all file systems, new descriptors and
 * processes, and every system call but those that pass bytes between descriptors that are open; any other one ends the
 * process. 0, or -errno, and then the process is to end.
 */
int confine(uid_t uid, gid_t gid);
