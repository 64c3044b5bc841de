/*
 * Tries from inside keyfobd
 *
 * Each is 0, or -1 with errno. The environment says where: $INSIDE_VAULT (what the daemon may write to), $INSIDE_TMP,
 * $HOME, $INSIDE_OTHER (the pid of another process), $INSIDE_ABSTRACT and $INSIDE_SOCKET (where somebody listens).
 */
#pragma once

#include <stddef.h>

typedef struct Try {
        const char *name;
        int (*act)(void);
} Try;

#define TRY(name)                                                                                                     \
        {                                                                                                             \
#name, name                                                                                           \
        }

/* What must not work; the last of each has no name. */
extern const Try tries_of_files[], tries_of_processes[], tries_of_the_kernel[];
/* What must. */
extern const Try tries_of_work[];

/* A path in the directory that a variable names; good until the next call. */
const char *in_directory(const char *variable, const char *name);
/* One in /proc of the other process; the same. */
const char *of_other(const char *name);
/* Closes what could be opened. */
int opened(int fd);
int read_file(const char *path);
