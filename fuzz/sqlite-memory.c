/*
 * Blocks of a few sizes with a list of free ones for each
 *
 * A block has its size in front. What was once given out never becomes part of another block, which is good enough for
 * the moments that an input takes.
 */
#include "fuzz/sqlite-memory.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/sanitizer.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"

#define REGION_SIZE ((size_t)1024 * 1024 * 1024) /* of address space */
#define SMALL       1024U /* up to here a class for every 16 bytes, then four for each doubling */
#define CLASSES     (SMALL / 16U + 1U + 4U * 21U)
#define RESIDENT    ((size_t)8 * 1024 * 1024) /* kept between inputs */

typedef struct Block {
        uint32_t class, size; /* that was asked for, rounded up */
        struct Block *next;   /* of its class, while it is free */
} Block;

typedef struct Region {
        uint8_t *end; /* of what was ever given out */
        Block *free[CLASSES];
} Region;

static sqlite3_mem_methods usual;
static Region *region;
static uint8_t *kept;
static size_t kept_size;

static unsigned class_of(size_t size, size_t *ret_room)
{
        unsigned power, quarter;

        if (size <= SMALL) {
                *ret_room = (size + 15) & ~(size_t)15;
                return (unsigned)(*ret_room / 16);
        }
        power = 63U - (unsigned)__builtin_clzll(size - 1);
        quarter = (unsigned)((size - 1) >> (power - 2) & 3);
        *ret_room = (size_t)(5 + quarter) << (power - 2);
        return SMALL / 16U + 1U + (power - 10) * 4 + quarter;
}

static void *take(int wanted)
{
        size_t room, size = ((size_t)wanted + 7) & ~(size_t)7;
        unsigned class = class_of(size, &room);
        Block *block;

        PROMISE(class < CLASSES);
        block = region->free[class];
        if (block) {
                region->free[class] = block->next;
        } else {
                if (room + sizeof(Block) > (size_t)((uint8_t *)region + REGION_SIZE - region->end))
                        return NULL;
                block = (Block *)region->end;
                region->end += sizeof(Block) + room;
                block->class = class;
        }
        block->size = (uint32_t)size;
        return block + 1;
}

static int on_round_up(int size)
{
        return (size + 7) & ~7;
}

static void on_free(void *p)
{
        Block *block = (Block *)p - 1;

        if (!p)
                return;
        block->next = region->free[block->class];
        region->free[block->class] = block;
}

static int on_size(void *p)
{
        return p ? (int)((Block *)p - 1)->size : 0;
}

static void *on_malloc(int size)
{
        return fail_now() ? NULL : take(size);
}

static void *on_realloc(void *p, int size)
{
        Block *block = (Block *)p - 1;
        size_t room;
        void *larger;

        if (fail_now())
                return NULL;
        if (class_of((size_t)on_round_up(size), &room) == block->class) {
                block->size = (uint32_t)on_round_up(size);
                return p;
        }
        larger = take(size);
        if (!larger)
                return NULL;
        memcpy(larger, p, block->size < (uint32_t)size ? block->size : (uint32_t)size);
        on_free(p);
        return larger;
}

static int on_init(void *data)
{
        return SQLITE_OK;
}

static void on_shut_down(void *data)
{
}

/* The heap's, when each block is watched. */
static void *watched_malloc(int size)
{
        return fail_now() ? NULL : usual.xMalloc(size);
}

static void *watched_realloc(void *p, int size)
{
        return fail_now() ? NULL : usual.xRealloc(p, size);
}

void sqlite_memory_set_up(void)
{
        static const sqlite3_mem_methods ours = {on_malloc,   on_free, on_realloc,   on_size,
                                                 on_round_up, on_init, on_shut_down, NULL};
        sqlite3_mem_methods methods = ours;

        if (WITH_SANITIZER) {
                PROMISE(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) == SQLITE_OK);
                methods = usual;
                methods.xMalloc = watched_malloc;
                methods.xRealloc = watched_realloc;
        } else {
                region = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                              -1, 0);
                PROMISE(region != MAP_FAILED);
                region->end = (uint8_t *)(((uintptr_t)(region + 1) + 15) & ~(uintptr_t)15);
        }
        PROMISE(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
        /* One thread, and nobody asks how much it was. */
        PROMISE(sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
        PROMISE(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
}

bool sqlite_memory_keep(void)
{
        if (!region)
                return false;
        kept_size = (size_t)(region->end - (uint8_t *)region);
        kept = malloc(kept_size);
        PROMISE(kept);
        memcpy(kept, region, kept_size);
        return true;
}

void sqlite_memory_put_back(void)
{
        size_t used;

        PROMISE(region && kept);
        used = (size_t)(region->end - (uint8_t *)region);
        if (used > kept_size + RESIDENT) {
                size_t from = (kept_size + RESIDENT + 4095) & ~(size_t)4095;

                PROMISE(madvise((uint8_t *)region + from, REGION_SIZE - from, MADV_DONTNEED) == 0);
        }
        memcpy(region, kept, kept_size);
}
