/*
 * Ownership
 *
 * What a function owns is undone by the compiler when the variable leaves scope. Destructors take NULL and return NULL,
 * so that `p = foo_free(p)` is the usual way to end a life early. `ret_` parameters are written only on success.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Declares fnp(), the cleanup function of a pointer variable, from the destructor fn(). */
#define DEFINE_CLEANUP(type, fn)                                                                                       \
        static inline __attribute__((unused)) void fn##p(type *p)                                                      \
        {                                                                                                              \
                if (*p)                                                                                                \
                        fn(*p);                                                                                        \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

/* Gives a pointer away: the variable is NULL afterwards, the value is the expression. */
#define TAKE_PTR(ptr)                                                                                                  \
        ({                                                                                                             \
                __typeof__(ptr) *_take_ = &(ptr), _taken_ = *_take_;                                                   \
                *_take_ = NULL;                                                                                        \
                _taken_;                                                                                               \
        })

/* The same for a file descriptor: -1 stays behind. */
#define TAKE_FD(fd)                                                                                                    \
        ({                                                                                                             \
                int *_take_ = &(fd), _taken_ = *_take_;                                                                \
                *_take_ = -1;                                                                                          \
                _taken_;                                                                                               \
        })

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))
