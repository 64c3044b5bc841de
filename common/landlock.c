/*
 * Landlock
 *
 * The C library has no functions for these calls.
 */
#include "common/landlock.h"

#include <errno.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

#define RIGHTS_VERSION1 ((UINT64_C(1) << 13) - 1)

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

int landlock_new(uint64_t rights)
{
        struct landlock_ruleset_attr attributes = {.handled_access_fs = rights};
        long fd = syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes.handled_access_fs), 0);

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
        ruleset = landlock_new(landlock_rights(version));
        return ruleset < 0 ? TAKE_FD(ruleset) : landlock_enter(ruleset);
}
