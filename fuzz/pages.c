/*
 * The mappings of secrets, without the kernel
 *
 * A Secret is a mapping of its own (common/secret.h), which is made and locked with five system calls. Here what was
 * unmapped is kept and given out again, zeroed as the kernel does. With AddressSanitizer mappings are real, so that a
 * use after the end is seen.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "common/sanitizer.h"

#define PAGE  ((size_t)4096)
#define SIZES 16U /* in pages, that are kept */

typedef struct Kept {
        struct Kept *next;
} Kept;

static Kept *kept[SIZES + 1];

static bool is_ours(size_t size)
{
        return !WITH_SANITIZER && size > 0 && size % PAGE == 0 && size / PAGE <= SIZES;
}

/* Which is what mmap() is called where files are large. */
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
        Kept *page;

        if (!is_ours(size) || fd >= 0 || at || !(flags & MAP_PRIVATE))
                return __real_mmap64(at, size, protection, flags, fd, offset);
        page = kept[size / PAGE];
        if (!page)
                return __real_mmap64(at, size, protection, flags, fd, offset);
        kept[size / PAGE] = page->next;
        page->next = NULL;
        return page;
}

int __real_munmap(void *p, size_t size);
int __wrap_munmap(void *p, size_t size);
int __wrap_munmap(void *p, size_t size)
{
        Kept *page = p;

        if (!is_ours(size))
                return __real_munmap(p, size);
        memset(p, 0, size);
        page->next = kept[size / PAGE];
        kept[size / PAGE] = page;
        return 0;
}

int __real_mlock(const void *p, size_t size);
int __wrap_mlock(const void *p, size_t size);
int __wrap_mlock(const void *p, size_t size)
{
        return WITH_SANITIZER ? __real_mlock(p, size) : 0;
}

int __real_madvise(void *p, size_t size, int advice);
int __wrap_madvise(void *p, size_t size, int advice);
int __wrap_madvise(void *p, size_t size, int advice)
{
        return is_ours(size) ? 0 : __real_madvise(p, size, advice);
}
