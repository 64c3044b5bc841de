/*
 * A disk that fails, and loses power
 *
 * What the store does to the files of one directory goes through here: SQLite's part by a VFS over the default one,
 * the store's own calls by the linker (--wrap, tests/unit/meson.build). Each is a step. A fault can be armed for one
 * step or for all from it on; before each step that changes something a test can ask what a power cut at this moment
 * would leave: what was synced, and of the rest any part, in sectors of 512 bytes. A sync that fails loses what it was
 * to write, and the next one knows nothing of it, as on Linux. For tests only; everything else in the process stays on
 * the real disk.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DiskFault {
        DISK_FULL,  /* ENOSPC, nothing done: of what takes room */
        DISK_IO,    /* EIO, nothing done: of every step */
        DISK_SHORT, /* half of a write is done, then ENOSPC */
        DISK_TORN,  /* some sectors of a write are done, then EIO */
        DISK_LATE,  /* all of a write is done, and EIO said all the same */
        DISK_SYNC,  /* EIO of a sync; what it was to write goes no further than memory */
        _DISK_FAULT_MAX,
} DiskFault;
const char *disk_fault_name(DiskFault fault);

/* Makes the VFS the default one, once. */
void disk_install(void);

/* From now on the steps are those on the files below `directory`; what is there is durable. Disarms. NULL: none. */
void disk_mount(const char *directory);

/* The fault happens at the at-th step from now (0: the next) that can have it; `for_good`: at every one from there,
 * too. */
void disk_arm(DiskFault fault, unsigned at, bool for_good);
/* Ends it; whether it happened. */
bool disk_disarm(void);
/* How many steps since mounting could have the fault. */
unsigned disk_steps(DiskFault fault);

/* Calls before() ahead of each step that changes something. NULL: no more. */
void disk_watch(void (*before)(void *userdata), void *userdata);

/* Puts the files into the empty directory `to` as they are when the process is killed now, */
void disk_copy(const char *to);
/* and as they may be when the power fails now; `seed` chooses. */
void disk_cut(uint64_t seed, const char *to);

/* Files in memory. */
typedef struct DiskImage {
        struct DiskImageFile *files;
        size_t n;
} DiskImage;
void disk_image_take(const char *directory, DiskImage *ret);
/* Makes the directory's content the image. */
void disk_image_put(const DiskImage *image, const char *directory);
void disk_image_done(DiskImage *image);

/* Removes what is in a directory, and below. */
void disk_clear(const char *directory);
