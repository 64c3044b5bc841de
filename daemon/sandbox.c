/*
 * The sandbox
 *
 * keyfobd needs little: its sockets, the vault's directory, threads and time. Landlock leaves two directories writable
 * and a few files readable, and no TCP, no abstract socket and no signal that leads out; the version the kernel knows
 * decides how much of that can be said. seccomp leaves the system calls that such a program has use for
 * (system-calls.c). Built with a sanitizer, whose runtime needs more itself, no capabilities and NO_NEW_PRIVS remain.
 */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/cleanup.h"
#include "common/landlock.h"
#include "common/sanitizer.h"
#include "daemon/log.h"
#include "daemon/system-calls.h"

/* ---- system calls ---- */

static void restrict_calls(void)
{
        int r = WITH_SANITIZER ? 0 : system_calls_restrict();

        if (r < 0)
                log_line(LOG_WARNING, "system calls could not be restricted: %s",
                         r == -ENOSYS ? "this build has no libseccomp" : strerror(-r));
}

/* ---- files ---- */

#if !WITH_SANITIZER

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_KEEP                                                                                                   \
        (RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                \
         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                 \
         LANDLOCK_REFER | LANDLOCK_TRUNCATE)

static int allow(int ruleset, const char *path, uint64_t rights)
{
        struct landlock_path_beneath_attr rule = {.allowed_access = rights};
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
                rule.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
        rule.parent_fd = fd;
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* A bus that dbus-launch started, and a service manager in some containers, are at abstract addresses. */
static bool needs_abstract_sockets(void)
{
        const char *bus = getenv("DBUS_SESSION_BUS_ADDRESS"), *notify = getenv("NOTIFY_SOCKET");

        return (bus && strstr(bus, "abstract=")) || (notify && notify[0] == '@');
}

static int restrict_files_to(const char *const *directories, long version)
{
        /* Who calls, what time it is, what libraries read late (locales, the machine's id, who we are). */
        static const char *const readable[] = {"/proc",
                                               "/usr/share/zoneinfo",
                                               "/usr/lib/locale",
                                               "/usr/share/locale",
                                               "/dev/urandom",
                                               "/dev/null",
                                               "/etc/localtime",
                                               "/etc/machine-id",
                                               "/etc/passwd",
                                               "/etc/nsswitch.conf",
                                               "/etc/locale.alias",
                                               "/sys/devices/system/cpu",
                                               "/var/lib/dbus/machine-id"};
        const uint64_t rights = landlock_rights(version);
        _cleanup_close_ int ruleset = -1;
        int r = 0;

        ruleset = landlock_new(rights, needs_abstract_sockets() ? LANDLOCK_SIGNALS
                                                                : LANDLOCK_SIGNALS | LANDLOCK_ABSTRACT_SOCKETS);
        if (ruleset < 0)
                return TAKE_FD(ruleset);
        for (; *directories && r >= 0; directories++)
                r = allow(ruleset, *directories, RIGHTS_KEEP & rights);
        for (size_t i = 0; i < ELEMENTSOF(readable) && r >= 0; i++)
                r = allow(ruleset, readable[i], RIGHTS_READ);
        if (r < 0)
                return r;
        return landlock_enter(ruleset);
}

static void restrict_files(const char *const *directories)
{
        long version = landlock_version();
        int r;

        if (version < 1) {
                log_line(LOG_NOTICE, "this kernel has no Landlock: files are not restricted");
                return;
        }
        r = restrict_files_to(directories, version);
        if (r < 0)
                log_line(LOG_WARNING, "files could not be restricted: %s", strerror(-r));
}

#else

static void restrict_files(const char *const *directories)
{
        log_line(LOG_DEBUG, "built with a sanitizer: no sandbox");
}

#endif

/* ---- capabilities ---- */

/* Root's daemon has some. None is needed, but the one that lets memory be locked beyond the limit. */
static void give_up_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

        if (syscall(SYS_capget, &header, data) < 0) {
                log_line(LOG_WARNING, "capabilities could not be given up: %m");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(data); i++) {
                data[i].permitted &= i == CAP_TO_INDEX(CAP_IPC_LOCK) ? CAP_TO_MASK(CAP_IPC_LOCK) : 0;
                data[i].effective &= data[i].permitted;
                data[i].inheritable = 0;
        }
        if (syscall(SYS_capset, &header, data) < 0)
                log_line(LOG_WARNING, "capabilities could not be given up: %m");
}

/* Landlock binds the calling thread only: this comes before any other thread is made. */
void sandbox_enter(const char *const *directories)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                log_line(LOG_WARNING, "privileges could not be given up: %m");
        give_up_capabilities();
        restrict_files(directories);
        restrict_calls();
}
