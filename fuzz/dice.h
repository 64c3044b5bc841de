/* Random bytes that are the same each time: random_bytes(), wrapped by the linker */
#pragma once

#include <stdint.h>

void dice_reset(uint64_t seed);
