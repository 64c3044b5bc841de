/*
 * Landlock
 *
 * The C library has no functions for these calls.
 */
#include "common/landlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

#define RIGHTS_VERSION1 ((UINT64_C(1) << 13) - 1)
#define RIGHTS_TCP      (UINT64_C(1) << 0 | UINT64_C(1) << 1) /* to bind, to connect */

/* As the newest of the versions that are used here has it; an older kernel is given only what it knows. */
typedef struct Ruleset {
        uint64_t files;
        uint64_t network; /* 4 */
        uint64_t scopes;  /* 6 */
} Ruleset;

long landlock_version(void)
{
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        return version < 0 ? 0 : version;
}

uint64_t landlock_rights(long version)
{
        uint64_t rights = RIGHTS_VERSION1;

        if (version >= 2)
                rights |= LANDLOCK_REFER;
        if (version >= 3)
                rights |= LANDLOCK_TRUNCATE;
        if (version >= 5)
                rights |= LANDLOCK_IOCTL;
        return rights;
}

int landlock_new(uint64_t rights, uint64_t scopes)
{
        const Ruleset attributes = {.files = rights, .network = RIGHTS_TCP, .scopes = scopes};
        const long version = landlock_version();
        const size_t size = version < 4   ? offsetof(Ruleset, network)
                            : version < 6 ? offsetof(Ruleset, scopes)
                                          : sizeof(attributes);
        long fd = syscall(SYS_landlock_create_ruleset, &attributes, size, 0);

        return fd < 0 ? -errno : (int)fd;
}

int landlock_enter(int ruleset)
{
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

int landlock_deny_all(void)
{
        _cleanup_close_ int ruleset = -1;
        long version = landlock_version();

        if (version < 1)
                return -EOPNOTSUPP;
        ruleset = landlock_new(landlock_rights(version), LANDLOCK_ABSTRACT_SOCKETS | LANDLOCK_SIGNALS);
        return ruleset < 0 ? TAKE_FD(ruleset) : landlock_enter(ruleset);
}
