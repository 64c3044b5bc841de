/*
 * The sandbox
 *
 * keyfobd needs little: its sockets, the vault's directory, threads and time. seccomp refuses what would run, trace or
 * load something or reach another kind of socket; a list of what is denied, because libraries may need what was not
 * foreseen. Landlock then leaves two directories writable and little readable; the version the kernel knows decides
 * how much of that can be said. Built with a sanitizer, whose runtime needs such calls itself, only NO_NEW_PRIVS
 * remains.
 */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "common/cleanup.h"
#include "common/landlock.h"
#include "common/sanitizer.h"
#include "daemon/log.h"

/* ---- system calls ---- */

#if HAVE_SECCOMP && !WITH_SANITIZER

static const char *const denied_calls[] = {
        /* running and tracing */
        "execve",
        "execveat",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "kcmp",
        "pidfd_getfd",
        /* other views of the file system */
        "mount",
        "umount",
        "umount2",
        "move_mount",
        "open_tree",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "mount_setattr",
        "pivot_root",
        "chroot",
        "unshare",
        "setns",
        "open_by_handle_at",
        "name_to_handle_at",
        "mknod",
        "mknodat",
        "quotactl",
        "swapon",
        "swapoff",
        /* the kernel's own doors */
        "add_key",
        "request_key",
        "keyctl",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "kexec_load",
        "kexec_file_load",
        "init_module",
        "finit_module",
        "delete_module",
        "create_module",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "syslog",
        "acct",
        "reboot",
        "personality",
        "modify_ldt",
        "lookup_dcookie",
        "iopl",
        "ioperm",
        "vhangup",
        "nfsservctl",
        /* other identities and the clock */
        "setuid",
        "setgid",
        "setreuid",
        "setregid",
        "setresuid",
        "setresgid",
        "setfsuid",
        "setfsgid",
        "setgroups",
        "capset",
        "settimeofday",
        "clock_settime",
        "adjtimex",
        "clock_adjtime",
        "sethostname",
        "setdomainname",
};

static int deny_calls(scmp_filter_ctx filter)
{
        const struct scmp_arg_cmp not_local = SCMP_A0(SCMP_CMP_NE, AF_UNIX);
        int r;

        for (size_t i = 0; i < ELEMENTSOF(denied_calls); i++) {
                int call = seccomp_syscall_resolve_name(denied_calls[i]);

                if (call == __NR_SCMP_ERROR)
                        continue; /* a call that this machine or this libseccomp does not know */
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
                if (r < 0)
                        return r;
        }
        r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &not_local);
        return r < 0 ? r : seccomp_load(filter);
}

static void restrict_calls(void)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int r;

        /* Threads that exist are bound as well. */
        r = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
        if (r >= 0)
                r = deny_calls(filter);
        if (r < 0)
                log_line(LOG_WARNING, "system calls could not be restricted: %s", strerror(-r));
        if (filter)
                seccomp_release(filter);
}

#else

static void restrict_calls(void)
{
}

#endif

/* ---- files ---- */

#if !WITH_SANITIZER

#define RIGHTS_READ     (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_KEEP                                                                                                   \
        (RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                \
         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                 \
         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_REFER | LANDLOCK_TRUNCATE)

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

static int restrict_files_to(const char *const *directories, long version)
{
        /* Who calls, what time it is, what libraries read late (locales, the machine's name and id). */
        static const char *const readable[] = {
                "/proc",        "/etc",      "/usr/share/zoneinfo",     "/usr/lib/locale",         "/usr/share/locale",
                "/dev/urandom", "/dev/null", "/sys/devices/system/cpu", "/var/lib/dbus/machine-id"};
        const uint64_t rights = landlock_rights(version);
        _cleanup_close_ int ruleset = -1;
        int r = 0;

        ruleset = landlock_new(rights);
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

/* Landlock binds the calling thread only: this comes before any other thread is made. */
void sandbox_enter(const char *const *directories)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                log_line(LOG_WARNING, "privileges could not be given up: %m");
        restrict_files(directories);
        restrict_calls();
}
