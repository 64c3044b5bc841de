/*
 * Options of the key derivation: read here, judged by the daemon, which knows its limits
 */
#include "cli/kdf.h"

#include "cli/cli.h"
#include "cli/text.h"

int kdf_option(KdfOptions *kdf, int c, const char *argument)
{
        uint64_t number;

        switch (c) {
        case KDF_OPTION_MEMORY:
                if (text_number(argument, 1, UINT32_MAX / 1024, &number) < 0)
                        return cli_error(EXIT_USAGE, "--kdf-memory takes a number of MiB");
                kdf->memory = (uint32_t)number * 1024;
                return -1;
        case KDF_OPTION_PASSES:
                if (text_number(argument, 1, UINT32_MAX, &number) < 0)
                        return cli_error(EXIT_USAGE, "--kdf-passes takes a number");
                kdf->passes = (uint32_t)number;
                return -1;
        case KDF_OPTION_TIME:
                if (text_number(argument, 1, 600000, &number) < 0)
                        return cli_error(EXIT_USAGE, "--kdf-time takes a number of milliseconds");
                kdf->ms = (uint32_t)number;
                return -1;
        default:
                return KDF_NOT_MINE;
        }
}

void kdf_append(Request *request, const KdfOptions *kdf)
{
        request_u32(request, "kdf_memory", kdf->memory);
        request_u32(request, "kdf_passes", kdf->passes);
        request_u32(request, "kdf_ms", kdf->ms);
}
