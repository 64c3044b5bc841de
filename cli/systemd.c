/*
 * systemd
 *
 * Through its own tool: it knows how to reach the manager, and where units are.
 */
#include "cli/systemd.h"

#include <stddef.h>

#include "cli/command-line.h"

#define SYSTEMCTL_TIMEOUT_MS 10000

bool systemd_user(const char *verb, const char *option, const char *unit)
{
        const char *argv[] = {"systemctl",          "--user", "--quiet", verb, option ? option : unit,
                              option ? unit : NULL, NULL};

        return run_quietly(argv, SYSTEMCTL_TIMEOUT_MS) == 0;
}
