/* What every fuzz target defines: one input, no state that lasts, abort() when a promise is broken. Returns 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                                            \
        do {                                                                                                          \
                if (!(condition)) {                                                                                   \
                        (void)fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);         \
                        abort();                                                                                      \
                }                                                                                                     \
        } while (0)
