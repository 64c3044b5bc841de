/* Random bytes that are the same each time: random_bytes() and libsodium's, wrapped by the linker, and the system's, for libraries */
#pragma once

#include <stdint.h>

void dice_reset(uint64_t seed);
