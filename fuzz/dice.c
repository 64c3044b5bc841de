/* SplitMix64: good enough for nonces that nobody attacks, and an input gives the same run every time */
#include "fuzz/dice.h"

#include <stddef.h>
#include <string.h>
#include <sys/random.h>

static uint64_t ours, systems;

void dice_reset(uint64_t seed)
{
        ours = systems = seed;
}

static uint64_t roll(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static void fill(uint64_t *state, void *ret, size_t size)
{
        uint8_t *p = ret;

        while (size > 0) {
                uint64_t value = roll(state);
                size_t n = size < sizeof(value) ? size : sizeof(value);

                memcpy(p, &value, n);
                p += n;
                size -= n;
        }
}

void __wrap_random_bytes(void *ret, size_t size);
void __wrap_random_bytes(void *ret, size_t size)
{
        fill(&ours, ret, size);
}

/* Of libsodium, for keys. */
void __wrap_randombytes_buf(void *ret, size_t size);
void __wrap_randombytes_buf(void *ret, size_t size)
{
        fill(&ours, ret, size);
}

/* Of the system, for libraries: what a program defines goes before libc's. */
__attribute__((visibility("default"))) ssize_t getrandom(void *ret, size_t size, unsigned flags)
{
        fill(&systems, ret, size);
        return (ssize_t)size;
}
