/*
 * Giving up everything
 *
 * Several locks on the same door, so that one that a kernel lacks or that turns out to be broken is not missed: an
 * identity that owns nothing and can't be changed, no capabilities, no room for a descriptor or a process, no file
 * system (Landlock), and the system calls of one loop (seccomp, a list of what is allowed). What the open descriptors
 * can do stays possible: that is what the process is for.
 */
#include "helper/uhid-confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "common/cleanup.h"
#include "common/landlock.h"
#include "common/sanitizer.h"

static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

        return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* Before the uid: this is what root is needed for. */
static int close_ways_back(void)
{
        const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                   SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

        for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
                if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
                        return -errno;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || prctl(PR_SET_SECUREBITS, bits) < 0)
                return -errno;
        return 0;
}

static int change_identity(uid_t uid, gid_t gid)
{
        uid_t ruid, euid, suid;
        gid_t rgid, egid, sgid;

        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
                return -errno;
        if (ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid)
                return -EPERM;
        return setuid(0) == 0 ? -EPERM : 0;
}

static int limit_resources(void)
{
        const struct rlimit none = {0, 0}, fds = {CONFINE_FDS, CONFINE_FDS};

        if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 ||
            setrlimit(RLIMIT_FSIZE, &none) < 0 || setrlimit(RLIMIT_MEMLOCK, &none) < 0 ||
            setrlimit(RLIMIT_MSGQUEUE, &none) < 0)
                return -errno;
        /* No descriptor is ever passed to us either: receiving one needs room, too. */
        return setrlimit(RLIMIT_NOFILE, &fds) < 0 ? -errno : 0;
}

#if !WITH_SANITIZER

static int allow_calls(void)
{
        static const int allowed[] = {
                SCMP_SYS(read),          SCMP_SYS(write),      SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg),
                SCMP_SYS(poll),          SCMP_SYS(ppoll),      SCMP_SYS(close),    SCMP_SYS(restart_syscall),
                SCMP_SYS(clock_gettime), SCMP_SYS(exit_group), SCMP_SYS(exit),     SCMP_SYS(rt_sigreturn),
                /* the same where a long has 32 bits */
                SCMP_SYS(clock_gettime64), SCMP_SYS(recvmmsg_time64), SCMP_SYS(ppoll_time64),
        };
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = filter ? 0 : -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(allowed) && r >= 0; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        if (r >= 0)
                r = seccomp_load(filter);
        if (filter)
                seccomp_release(filter);
        return r;
}

#else

/* Its runtime needs other calls. */
static int allow_calls(void)
{
        return 0;
}

#endif

int confine(uid_t uid, gid_t gid)
{
        int r;

        r = close_ways_back();
        if (r >= 0)
                r = change_identity(uid, gid);
        if (r >= 0)
                r = drop_capabilities();
        if (r < 0)
                return r;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
                return -errno;
        r = landlock_deny_all();
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        r = limit_resources();
        return r < 0 ? r : allow_calls();
}
