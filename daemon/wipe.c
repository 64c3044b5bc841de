/*
 * Freed memory is empty
 *
 * Our own code wipes what held a secret. Libraries can't be relied on for that: when sd-bus appends to a message that
 * carries one, its buffer grows by realloc(), which may move it and leave the old copy behind, whatever the message
 * was marked as. So in this program everything is wiped when it is freed, and what grows is always moved by us. The
 * definitions here take the place of the C library's for the program and each library in it, and hand on to them.
 *
 * AddressSanitizer has an allocator of its own, so this file is not part of a build with it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Of the C library: what its own names stand for when nobody takes their place. */
void *__libc_malloc(size_t size);
void __libc_free(void *p);

EXPORT void free(void *p)
{
        if (p)
                explicit_bzero(p, malloc_usable_size(p));
        __libc_free(p);
}

EXPORT void *realloc(void *p, size_t size)
{
        size_t old;
        void *moved;

        if (!p)
                return __libc_malloc(size);
        if (size == 0) {
                free(p);
                return NULL;
        }
        old = malloc_usable_size(p);
        if (size <= old && size >= old / 2)
                return p;
        moved = __libc_malloc(size);
        if (!moved)
                return NULL;
        memcpy(moved, p, old < size ? old : size);
        free(p);
        return moved;
}

EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
        size_t total;

        if (__builtin_mul_overflow(n, size, &total)) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(p, total);
}
