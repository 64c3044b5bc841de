/*
 * System calls: the ones that keyfobd keeps
 *
 * What is not listed here does not exist: it answers ENOSYS, for which the C library and libsystemd have another way
 * with every call that is newer than they are (clone3 is one, so that threads come by clone, whose flags can be seen).
 * The list is wider than what this version of the libraries does: it has whatever moves bytes, waits, tells time or
 * looks at this process, in each spelling that some architecture uses. What it has not got is all that runs a program,
 * looks into another process or signals it, makes memory executable, mounts, reaches another kind of socket than local
 * ones, or opens one of the kernel's own doors.
 *
 * A path can't be seen by a filter: which files, is Landlock's part (sandbox.c).
 */
#include "daemon/system-calls.h"

#include <errno.h>
#include <stddef.h>

#if HAVE_SECCOMP
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const char *const calls[] = {
        /* bytes */
        "read",
        "readv",
        "pread64",
        "preadv",
        "preadv2",
        "write",
        "writev",
        "pwrite64",
        "pwritev",
        "pwritev2",
        "lseek",
        "_llseek",
        "fsync",
        "fdatasync",
        "sync_file_range",
        "sync_file_range2",
        "fallocate",
        "ftruncate",
        "ftruncate64",
        "fadvise64",
        "fadvise64_64",
        "readahead",
        /* descriptors */
        "close",
        "close_range",
        "dup",
        "dup2",
        "dup3",
        "flock",
        "pipe",
        "pipe2",
        "eventfd",
        "eventfd2",
        "signalfd",
        "signalfd4",
        "pidfd_open",
        "inotify_init",
        "inotify_init1",
        "inotify_add_watch",
        "inotify_rm_watch",
        /* files: Landlock says which */
        "open",
        "openat",
        "openat2",
        "access",
        "faccessat",
        "faccessat2",
        "stat",
        "stat64",
        "lstat",
        "lstat64",
        "fstat",
        "fstat64",
        "newfstatat",
        "fstatat64",
        "statx",
        "statfs",
        "statfs64",
        "fstatfs",
        "fstatfs64",
        "readlink",
        "readlinkat",
        "getdents",
        "getdents64",
        "getcwd",
        "mkdir",
        "mkdirat",
        "rmdir",
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "truncate",
        "truncate64",
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "fchown",
        "fchown32",
        "utime",
        "utimes",
        "utimensat",
        "utimensat_time64",
        "futimesat",
        "umask",
        /* waiting */
        "poll",
        "ppoll",
        "ppoll_time64",
        "select",
        "_newselect",
        "pselect6",
        "pselect6_time64",
        "epoll_create",
        "epoll_create1",
        "epoll_ctl",
        "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2",
        "timerfd_create",
        "timerfd_settime",
        "timerfd_settime64",
        "timerfd_gettime",
        "timerfd_gettime64",
        "nanosleep",
        "clock_nanosleep",
        "clock_nanosleep_time64",
        "restart_syscall",
        "pause",
        "wait4",
        "waitid",
        "waitpid",
        /* time and chance */
        "clock_gettime",
        "clock_gettime64",
        "clock_getres",
        "clock_getres_time64",
        "gettimeofday",
        "time",
        "times",
        "getrandom",
        /* memory, of which none becomes executable (below) */
        "brk",
        "munmap",
        "mremap",
        "madvise",
        "mincore",
        "msync",
        "mlock",
        "mlock2",
        "munlock",
        "membarrier",
        /* threads; to make one is below */
        "futex",
        "futex_time64",
        "futex_wait",
        "futex_wake",
        "futex_waitv",
        "set_robust_list",
        "get_robust_list",
        "set_tid_address",
        "rseq",
        "sched_yield",
        "sched_getaffinity",
        "sched_getparam",
        "sched_getscheduler",
        "sched_get_priority_max",
        "sched_get_priority_min",
        "exit",
        "exit_group",
        /* signals to ourselves; to send one is below */
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigpending",
        "rt_sigsuspend",
        "rt_sigtimedwait",
        "rt_sigtimedwait_time64",
        "rt_sigreturn",
        "sigaction",
        "sigprocmask",
        "sigreturn",
        "sigaltstack",
        /* who and where we are */
        "getpid",
        "getppid",
        "gettid",
        "getpgid",
        "getpgrp",
        "getsid",
        "getuid",
        "getuid32",
        "geteuid",
        "geteuid32",
        "getgid",
        "getgid32",
        "getegid",
        "getegid32",
        "getresuid",
        "getresuid32",
        "getresgid",
        "getresgid32",
        "getgroups",
        "getgroups32",
        "capget",
        "getpriority",
        "getrlimit",
        "ugetrlimit",
        "getrusage",
        "getcpu",
        "sysinfo",
        "uname",
        /* sockets that there are, and callers; to make one is below */
        "connect",
        "accept",
        "accept4",
        "getsockname",
        "getpeername",
        "getsockopt",
        "setsockopt",
        "send",
        "sendto",
        "sendmsg",
        "sendmmsg",
        "recv",
        "recvfrom",
        "recvmsg",
        "recvmmsg",
        "recvmmsg_time64",
        "shutdown",
};

/* What is told of a terminal, a pipe or a socket; never what types into one (TIOCSTI). */
static const unsigned requests[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIOCLEX, FIONBIO, SIOCOUTQ};

/* Locks and flags; never whom a signal goes to (F_SETOWN), nor which (F_SETSIG). */
static const int file_requests[] = {F_DUPFD,     F_DUPFD_CLOEXEC, F_GETFD,     F_SETFD,     F_GETFL,
                                    F_SETFL,     F_GETLK,         F_SETLK,     F_SETLKW,    F_OFD_GETLK,
                                    F_OFD_SETLK, F_OFD_SETLKW,    F_GET_SEALS, F_ADD_SEALS, F_GETPIPE_SZ};

static const int process_requests[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA};

#define ALL_BITS 0xffffffffU /* an int's: what stands above it in the register is not looked at by the kernel */

/* The flags of clone() come first nearly everywhere. */
#if defined(__s390__) || defined(__s390x__)
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define NAMESPACES                                                                                                    \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static int add(scmp_filter_ctx filter, uint32_t action, const char *name, const struct scmp_arg_cmp *argument)
{
        int call = seccomp_syscall_resolve_name(name);

        if (call == __NR_SCMP_ERROR)
                return 0; /* not known to this machine, or to this libseccomp */
        return seccomp_rule_add_array(filter, action, call, argument ? 1 : 0, argument);
}

/* The call with those bits of an argument as they are given. */
static int allow_if(scmp_filter_ctx filter, const char *name, unsigned argument, uint64_t mask, uint64_t bits)
{
        const struct scmp_arg_cmp equal = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, bits);

        return add(filter, SCMP_ACT_ALLOW, name, &equal);
}

static int refuse_if(scmp_filter_ctx filter, const char *name, unsigned argument, uint64_t mask, uint64_t bits,
                     int error)
{
        const struct scmp_arg_cmp equal = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, bits);

        return add(filter, SCMP_ACT_ERRNO((uint32_t)error), name, &equal);
}

/* s390 has mmap() take its arguments from memory, where a filter can't see them; i386 has mmap2() for that. */
static int allow_memory(scmp_filter_ctx filter)
{
        static const char *const makers[] = {
#if !defined(__i386__) && !defined(__s390__)
                "mmap",
#endif
                "mmap2", "mprotect"};
        int r = 0;

#if defined(__s390__)
        r = add(filter, SCMP_ACT_ALLOW, "mmap", NULL);
#endif

        for (size_t i = 0; i < ELEMENTSOF(makers) && r >= 0; i++) {
                r = allow_if(filter, makers[i], 2, PROT_EXEC, 0);
                if (r >= 0)
                        r = refuse_if(filter, makers[i], 2, PROT_EXEC, PROT_EXEC, EACCES);
        }
        return r;
}

static int allow_threads(scmp_filter_ctx filter)
{
        int r;

        r = allow_if(filter, "clone", CLONE_FLAGS, CLONE_THREAD | NAMESPACES, CLONE_THREAD);
        if (r >= 0)
                r = refuse_if(filter, "clone", CLONE_FLAGS, CLONE_THREAD, 0, EPERM);
        /* raise() and abort() */
        if (r >= 0)
                r = allow_if(filter, "tgkill", 0, ALL_BITS, (uint64_t)getpid());
        for (size_t i = 0; i < ELEMENTSOF(process_requests) && r >= 0; i++)
                r = allow_if(filter, "prctl", 0, ALL_BITS, (uint64_t)process_requests[i]);
        /* Limits are read, not set. */
        if (r >= 0)
                r = allow_if(filter, "prlimit64", 2, UINT64_MAX, 0);
        return r;
}

static int allow_requests(scmp_filter_ctx filter)
{
        static const char *const spellings[] = {"fcntl", "fcntl64"};
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(spellings); i++)
                for (size_t j = 0; j < ELEMENTSOF(file_requests) && r >= 0; j++)
                        r = allow_if(filter, spellings[i], 1, ALL_BITS, (uint64_t)file_requests[j]);
        for (size_t i = 0; i < ELEMENTSOF(requests) && r >= 0; i++)
                r = allow_if(filter, "ioctl", 1, ALL_BITS, requests[i]);
        return r;
}

/* On i386, s390x and some more, libseccomp has each rule hold for socketcall() as well, which takes its arguments from memory:
 * a rule with an argument can't be had there exactly, and any family of sockets stays. */
static int allow_sockets(scmp_filter_ctx filter)
{
        static const char *const makers[] = {"socket", "socketpair"};
        const struct scmp_arg_cmp local = SCMP_CMP(0, SCMP_CMP_MASKED_EQ, ALL_BITS, AF_UNIX),
                                  not_local = SCMP_A0(SCMP_CMP_NE, AF_UNIX);
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(makers) && r >= 0; i++) {
                r = seccomp_rule_add_exact_array(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(makers[i]), 1, &local);
                if (r == -EINVAL)
                        r = add(filter, SCMP_ACT_ALLOW, makers[i], NULL);
                else if (r >= 0)
                        r = add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), makers[i], &not_local);
        }
        return r;
}

int system_calls_restrict(void)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        int r;

        /* Threads that exist are bound as well. */
        r = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(calls) && r >= 0; i++)
                r = add(filter, SCMP_ACT_ALLOW, calls[i], NULL);
        if (r >= 0)
                r = allow_memory(filter);
        if (r >= 0)
                r = allow_threads(filter);
        if (r >= 0)
                r = allow_sockets(filter);
        if (r >= 0)
                r = allow_requests(filter);
        if (r >= 0)
                r = seccomp_load(filter);
        if (filter)
                seccomp_release(filter);
        return r;
}

#else

int system_calls_restrict(void)
{
        return -ENOSYS;
}

#endif
