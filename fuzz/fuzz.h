/* What every fuzz target defines: one input, no state that lasts, abort() when a promise is broken. Returns 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                                            \
        do {                                                                                                          \
                if (!(condition))                                                                                     \
                        abort();                                                                                      \
        } while (0)
