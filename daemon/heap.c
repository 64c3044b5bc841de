/*
 * The heap, after large pieces of work
 *
 * The C library keeps what is freed, for the next one who wants memory. After a backup, a wipe, or an answer of many thousand items
 * that is megabytes, of every thread that took part, and a daemon that is there for weeks has other things to do with
 * them. Finding out costs one read of a file in /proc, giving back up to a few milliseconds; so the second is done only when there is
 * clearly more in memory than there was after the last time.
 */
#include "daemon/heap.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "common/cleanup.h"

#define MORE ((size_t)512 * 1024) /* bytes: worth the time */

/* In pages; 0: nobody knows. */
static size_t resident(void)
{
        _cleanup_close_ int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        char text[128] = "";
        size_t all, pages;

        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%zu %zu", &all, &pages) != 2)
                return 0;
        return pages;
}

void heap_give_back(Heap *heap)
{
        size_t now = resident();

        if (now == 0)
                return;
        if (heap->resident > 0 && now < heap->resident + MORE / (size_t)sysconf(_SC_PAGESIZE)) {
                if (now < heap->resident)
                        heap->resident = now;
                return;
        }
        (void)malloc_trim(0);
        heap->resident = resident();
}
