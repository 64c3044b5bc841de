/* The cost of a password's key derivation, as options of several commands. */
#pragma once

#include <stdint.h>

#include "cli/request.h"

typedef struct KdfOptions {
        uint32_t memory; /* KiB */
        uint32_t passes;
        uint32_t ms;
} KdfOptions;

enum { KDF_OPTION_MEMORY = 0x100, KDF_OPTION_PASSES, KDF_OPTION_TIME };

#define KDF_OPTIONS                                                                                                   \
        {"kdf-memory", required_argument, NULL, KDF_OPTION_MEMORY},                                                   \
                {"kdf-passes", required_argument, NULL, KDF_OPTION_PASSES},                                           \
        {                                                                                                             \
                "kdf-time", required_argument, NULL, KDF_OPTION_TIME                                                  \
        }

#define KDF_HELP                                                                                                      \
        "  --kdf-memory MIB       memory that one try of the password costs\n"                                        \
        "  --kdf-passes N         passes over that memory\n"                                                          \
        "  --kdf-time MS          else both are chosen so that it takes this long (about 500 ms)\n"

#define KDF_NOT_MINE (-2)

/* -1 when the option was taken, KDF_NOT_MINE, else the exit code. */
int kdf_option(KdfOptions *kdf, int c, const char *argument);
void kdf_append(Request *request, const KdfOptions *kdf);
