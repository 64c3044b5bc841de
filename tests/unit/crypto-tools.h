/*
 * What tests of crypto/ share: vectors as people print them, an arena that is full, OpenSSL's queue of errors
 */
#pragma once

#include <errno.h>
#include <openssl/err.h>
#include <stdint.h>

#include "common/hex.h"
#include "crypto/arena.h"
#include "tests/unit/test.h"

/* Decodes all digits; returns the number of bytes. */
static inline size_t unhex(const char *text, uint8_t *ret)
{
        size_t size = strlen(text) / 2;

        CHECK_EQ(strlen(text) % 2, 0);
        CHECK_EQ(hex_decode(text, ret, size), 0);
        return size;
}

#define CHECK_HEX(got, want)                                                                                           \
        do {                                                                                                           \
                uint8_t _bytes_[sizeof(want) / 2 + 1];                                                                 \
                CHECK(memcmp((got), _bytes_, unhex((want), _bytes_)) == 0);                                            \
        } while (0)

/* Errors must not pile up in the thread's queue. */
#define CHECK_NO_ERRORS() CHECK_EQ(ERR_peek_error(), 0)

/* Takes all of the arena; each piece points to the one before. */
static inline void *arena_fill(void)
{
        void **last = NULL;

        CHECK(arena_init() >= 0);
        for (size_t size = ARENA_SIZE / 2; size >= sizeof(void *); size /= 2)
                for (void **p = arena_alloc(size); p; p = arena_alloc(size)) {
                        *p = last;
                        last = p;
                }
        return last;
}

/* Gives one piece back, the small ones first; false when it was the last. */
static inline bool arena_drain_one(void **last)
{
        void *before = *(void **)*last;

        arena_free(*last);
        *last = before;
        return before;
}

static inline void arena_drain(void *last)
{
        while (arena_drain_one(&last))
                ;
}

/* With little memory, and more each time, the code of a call is -ENOMEM or, from some point on, 0. */
#define CHECK_AS_ARENA_DRAINS(call)                                                                                    \
        do {                                                                                                           \
                void *_last_ = arena_fill();                                                                           \
                int _r_, _worst_ = 0;                                                                                  \
                do {                                                                                                   \
                        _r_ = (call);                                                                                  \
                        CHECK(_r_ == 0 || _r_ == -ENOMEM);                                                             \
                        CHECK_NO_ERRORS();                                                                             \
                        _worst_ = _r_ < 0 ? _r_ : _worst_;                                                             \
                } while (arena_drain_one(&_last_));                                                                    \
                CHECK_EQ(_worst_, -ENOMEM);                                                                            \
                CHECK_EQ(_r_, 0);                                                                                      \
        } while (0)
