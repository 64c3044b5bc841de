/*
 * Running something, and getting at other processes, or at ourselves
 */
#include "tests/integration/inside.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- running ---- */

static int run(void)
{
        char name[] = "true", *argv[] = {name, NULL};

        return execve("/bin/true", argv, environ);
}

static int run_at(void)
{
        char name[] = "true", *argv[] = {name, NULL};

        return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, environ, 0);
}

static int make_memory_file(void)
{
        return opened((int)syscall(SYS_memfd_create, "inside", 0));
}

static int make_child(void)
{
        pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid == 0)
                _exit(0);
        return pid < 0 ? -1 : waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int make_child3(void)
{
        struct {
                uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        } arguments = {.exit_signal = SIGCHLD};
        pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));

        if (pid == 0)
                _exit(0);
        return pid < 0 ? -1 : waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int map_code(void)
{
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                       ? -1
                       : 0;
}

static int turn_into_code(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int map_code_of_file(void)
{
        int fd = open(in_directory("INSIDE_VAULT", "code"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), r;

        if (fd < 0 || ftruncate(fd, 4096) < 0)
                return -1;
        r = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
        (void)close(fd);
        return r;
}

static int load_library(void)
{
        void *library = dlopen("libBrokenLocale.so.1", RTLD_NOW | RTLD_LOCAL);

        errno = EACCES; /* dlopen() does not say */
        return library ? 0 : -1;
}

/* ---- other processes ---- */

static pid_t other(void)
{
        return (pid_t)atoi(getenv("INSIDE_OTHER"));
}

static int trace(void)
{
        return ptrace(PTRACE_ATTACH, other(), NULL, NULL) < 0 ? -1 : 0;
}

static int read_other(void)
{
        char byte;
        struct iovec here = {&byte, 1}, there = {&byte, 1};

        return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1 ? 0 : -1;
}

static int write_other(void)
{
        char byte;
        struct iovec here = {&byte, 1}, there = {&byte, 1};

        return process_vm_writev(getpid(), &here, 1, &there, 1, 0) == 1 ? 0 : -1;
}

static int take_descriptor(void)
{
        int process = (int)syscall(SYS_pidfd_open, other(), 0);

        return process < 0 ? -1 : opened((int)syscall(SYS_pidfd_getfd, process, 0, 0));
}

static int compare(void)
{
        return syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0) < 0 ? -1 : 0;
}

static int signal_other(void)
{
        return kill(other(), 0);
}

static int signal_thread_of_other(void)
{
        return (int)syscall(SYS_tgkill, other(), other(), 0);
}

static int signal_by_descriptor(void)
{
        int process = (int)syscall(SYS_pidfd_open, other(), 0);

        return process < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, process, 0, NULL, 0);
}

static int signal_by_socket(void)
{
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
                return -1;
        return fcntl(pair[0], F_SETOWN, other());
}

static int limit_other(void)
{
        struct rlimit limit = {1024, 1024};

        return prlimit(other(), RLIMIT_NOFILE, NULL, &limit) < 0 || prlimit(0, RLIMIT_CORE, &limit, NULL) < 0 ? -1 : 0;
}

static int schedule_other(void)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(0, &set);
        return sched_setaffinity(0, sizeof(set), &set);
}

/* ---- ourselves ---- */

static int become_dumpable(void)
{
        return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int become_traceable(void)
{
        return prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0) == 0 || errno == EINVAL ? 0 : -1;
}

static int become_user(void)
{
        return setresuid(geteuid(), geteuid(), geteuid());
}

static int become_reaper(void)
{
        return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* ---- other views ---- */

static int own_users(void)
{
        return unshare(CLONE_NEWUSER);
}

static int own_mounts(void)
{
        return unshare(CLONE_NEWNS);
}

static int mount_something(void)
{
        return unshare(CLONE_NEWNS) < 0 || mount("none", in_directory("INSIDE_TMP", ""), "tmpfs", 0, NULL) < 0 ? -1
                                                                                                               : 0;
}

static int change_root(void)
{
        return chroot(in_directory("INSIDE_TMP", ""));
}

const Try tries_of_processes[] = {TRY(run),
                                  TRY(run_at),
                                  TRY(make_memory_file),
                                  TRY(make_child),
                                  TRY(make_child3),
                                  TRY(map_code),
                                  TRY(turn_into_code),
                                  TRY(map_code_of_file),
                                  TRY(load_library),
                                  TRY(trace),
                                  TRY(read_other),
                                  TRY(write_other),
                                  TRY(take_descriptor),
                                  TRY(compare),
                                  TRY(signal_other),
                                  TRY(signal_thread_of_other),
                                  TRY(signal_by_descriptor),
                                  TRY(signal_by_socket),
                                  TRY(limit_other),
                                  TRY(schedule_other),
                                  TRY(become_dumpable),
                                  TRY(become_traceable),
                                  TRY(become_user),
                                  TRY(become_reaper),
                                  TRY(own_users),
                                  TRY(own_mounts),
                                  TRY(mount_something),
                                  TRY(change_root),
                                  {NULL, NULL}};
