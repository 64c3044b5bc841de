/* SplitMix64: good enough for nonces that nobody attacks, and an input gives the same run every time */
#include "fuzz/dice.h"

#include <stddef.h>
#include <string.h>

static uint64_t state;

void dice_reset(uint64_t seed)
{
        state = seed;
}

static uint64_t roll(void)
{
        uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

void __wrap_random_bytes(void *ret, size_t size);
void __wrap_random_bytes(void *ret, size_t size)
{
        uint8_t *p = ret;

        while (size > 0) {
                uint64_t value = roll();
                size_t n = size < sizeof(value) ? size : sizeof(value);

                memcpy(p, &value, n);
                p += n;
                size -= n;
        }
}
