/*
 * Inside keyfobd
 *
 * Preloaded into keyfobd, this tries from within what a taken-over daemon would try: first in children of the process
 * as it starts, where nothing is confined yet, so that one sees that a try is a real one; then in the process itself,
 * when its loop runs for the first time with the filter of system calls in force. Each try is a line of
 * $INSIDE_REPORT: "before" or "inside", its name, and the number of the error, 0 when it worked.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT   __attribute__((visibility("default")))
#define N(array) (sizeof(array) / sizeof((array)[0]))

static int report = -1;

/* ---- files ---- */

static const char *in(const char *variable, const char *name)
{
        static char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", getenv(variable), name);
        return path;
}

static int opened(int fd)
{
        if (fd < 0)
                return -1;
        (void)close(fd);
        return 0;
}

static int read_file(const char *path)
{
        char byte;
        int fd = open(path, O_RDONLY | O_CLOEXEC), r;

        if (fd < 0)
                return -1;
        r = read(fd, &byte, 1) == 1 ? 0 : -1;
        (void)close(fd);
        return r;
}

static const char *of_parent(const char *name)
{
        static char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%s/%s", getenv("INSIDE_OTHER"), name);
        return path;
}

static int read_home(void)
{
        return read_file(in("HOME", ".bashrc"));
}

static int list_home(void)
{
        return opened(open(getenv("HOME"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int list_root(void)
{
        return opened(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int read_configuration(void)
{
        return read_file("/etc/shells");
}

static int read_shadow(void)
{
        return read_file("/etc/shadow");
}

static int read_library(void)
{
        return read_file("/lib64/ld-linux-x86-64.so.2");
}

static int write_home(void)
{
        return opened(open(in("HOME", ".profile"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int write_tmp(void)
{
        return opened(open(in("INSIDE_TMP", "new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int remove_home(void)
{
        return unlink(in("HOME", "precious"));
}

static int truncate_home(void)
{
        return truncate(in("HOME", ".bashrc"), 1);
}

static int move_out(void)
{
        char from[512];

        (void)snprintf(from, sizeof(from), "%s", in("INSIDE_VAULT", "inside"));
        (void)opened(open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        return rename(from, in("HOME", "moved"));
}

static int make_link(void)
{
        (void)unlink(in("INSIDE_VAULT", "link"));
        return symlink("/etc", in("INSIDE_VAULT", "link"));
}

static int make_fifo(void)
{
        (void)unlink(in("INSIDE_VAULT", "fifo"));
        return mknod(in("INSIDE_VAULT", "fifo"), S_IFIFO | 0600, 0);
}

static int write_proc(void)
{
        return opened(open("/proc/self/comm", O_WRONLY | O_CLOEXEC));
}

static int memory_of_other(void)
{
        return opened(open(of_parent("mem"), O_RDONLY | O_CLOEXEC));
}

static int environment_of_other(void)
{
        return read_file(of_parent("environ"));
}

static int executable_of_other(void)
{
        char path[512];

        return readlink(of_parent("exe"), path, sizeof(path)) > 0 ? 0 : -1;
}

static int by_handle(void)
{
        return opened((int)syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0)) == 0 || errno != ENOSYS ? 0
                                                                                                                 : -1;
}

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
        int fd = open(in("INSIDE_VAULT", "code"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), r;

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
        return unshare(CLONE_NEWNS) < 0 || mount("none", in("INSIDE_TMP", ""), "tmpfs", 0, NULL) < 0 ? -1 : 0;
}

static int change_root(void)
{
        return chroot(in("INSIDE_TMP", ""));
}

/* ---- the kernel's own doors: that they answer at all is what counts ---- */

static int there_is(long answer)
{
        return answer >= 0 || (errno != ENOSYS && errno != EPERM) ? 0 : -1;
}

static int ring(void)
{
        return there_is(syscall(SYS_io_uring_setup, 0, NULL));
}

static int program_kernel(void)
{
        return there_is(syscall(SYS_bpf, 0, NULL, 0));
}

static int measure(void)
{
        return there_is(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int take_faults(void)
{
        return there_is(syscall(SYS_userfaultfd, 0));
}

static int kernels_keys(void)
{
        return there_is(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

static int kernels_log(void)
{
        return there_is(syscall(SYS_syslog, 10, NULL, 0));
}

static int kernels_module(void)
{
        return there_is(syscall(SYS_finit_module, -1, "", 0));
}

static int kernels_clock(void)
{
        return there_is(syscall(SYS_clock_adjtime, 0, NULL));
}

static int type_into_terminal(void)
{
        return ioctl(STDIN_FILENO, TIOCSTI, "x") == 0 || errno == ENOTTY || errno == EIO ? 0 : -1;
}

/* ---- sockets ---- */

static int socket_inet(void)
{
        return opened(socket(AF_INET, SOCK_STREAM, 0));
}

static int socket_inet6(void)
{
        return opened(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int socket_netlink(void)
{
        return opened(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int socket_wide_family(void)
{
        return opened((int)syscall(SYS_socket, UINT64_C(1) << 32 | AF_INET, SOCK_STREAM, 0));
}

static int connect_abstract(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *name = getenv("INSIDE_ABSTRACT");
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

        memcpy(address.sun_path + 1, name, strlen(name));
        r = connect(fd, (struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
        return r < 0 ? -1 : opened(fd);
}

static int listen_somewhere(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", getenv("INSIDE_VAULT")) >=
            (int)sizeof(address.sun_path))
                abort();
        (void)unlink(address.sun_path);
        return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/* ---- what has to work ---- */

static int keep_file(void)
{
        char from[512];
        int fd, r;

        (void)snprintf(from, sizeof(from), "%s", in("INSIDE_VAULT", "kept"));
        fd = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -1;
        r = write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 0) == 0 ? 0 : -1;
        (void)close(fd);
        return r < 0 || rename(from, in("INSIDE_VAULT", "kept again")) < 0 ? -1
                                                                           : unlink(in("INSIDE_VAULT", "kept again"));
}

static int name_of_other(void)
{
        return read_file(of_parent("comm"));
}

static void *work(void *argument)
{
        return argument;
}

static int make_thread(void)
{
        pthread_t thread;
        int r = pthread_create(&thread, NULL, work, NULL);

        errno = r;
        return r ? -1 : pthread_join(thread, NULL);
}

static int lock_memory(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED || mlock(p, 4096) < 0 || munlock(p, 4096) < 0 ? -1 : munmap(p, 4096);
}

static int raise_signal(void)
{
        return signal(SIGUSR2, SIG_IGN) == SIG_ERR ? -1 : raise(SIGUSR2);
}

static int connect_path(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("INSIDE_SOCKET")) >=
            (int)sizeof(address.sun_path))
                abort();
        return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : opened(fd);
}

/* ---- all of it ---- */

typedef struct Try {
        const char *name;
        int (*act)(void);
} Try;

#define TRY(name)                                                                                                     \
        {                                                                                                             \
#name, name                                                                                           \
        }

static const Try tries[] = {
        TRY(read_home),
        TRY(list_home),
        TRY(list_root),
        TRY(read_configuration),
        TRY(read_shadow),
        TRY(read_library),
        TRY(write_home),
        TRY(write_tmp),
        TRY(remove_home),
        TRY(truncate_home),
        TRY(move_out),
        TRY(make_link),
        TRY(make_fifo),
        TRY(write_proc),
        TRY(memory_of_other),
        TRY(environment_of_other),
        TRY(executable_of_other),
        TRY(by_handle),
        TRY(run),
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
        TRY(ring),
        TRY(program_kernel),
        TRY(measure),
        TRY(take_faults),
        TRY(kernels_keys),
        TRY(kernels_log),
        TRY(kernels_module),
        TRY(kernels_clock),
        TRY(type_into_terminal),
        TRY(socket_inet),
        TRY(socket_inet6),
        TRY(socket_netlink),
        TRY(socket_wide_family),
        TRY(connect_abstract),
        TRY(listen_somewhere),
        /* from here on it has to work */
        TRY(keep_file),
        TRY(name_of_other),
        TRY(make_thread),
        TRY(lock_memory),
        TRY(raise_signal),
        TRY(connect_path),
};

static void tell(const char *when, const char *name, int error)
{
        char line[128];
        int n = snprintf(line, sizeof(line), "%s %s %d\n", when, name, error);

        if (write(report, line, (size_t)n) != n)
                abort();
}

/* The error of a try that a child of ours makes; what it leaves in itself goes with it. */
static int in_child(const Try *try)
{
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(try->act() == 0 ? 0 : errno);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return EIO;
        return WEXITSTATUS(status);
}

static __attribute__((constructor)) void begin(void)
{
        const char *path = getenv("INSIDE_REPORT");

        if (!path || strcmp(program_invocation_short_name, "keyfobd") != 0)
                return;
        report = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (report < 0)
                abort();
        for (size_t i = 0; i < N(tries); i++)
                tell("before", tries[i].name, in_child(&tries[i]));
}

/* Landlock comes before the filter, so both are in force. */
static bool confined(void)
{
        char status[8192];
        int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, status, sizeof(status) - 1);

        if (fd >= 0)
                (void)close(fd);
        status[n < 0 ? 0 : n] = 0;
        return strstr(status, "\nSeccomp:\t2");
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
        if (report >= 0 && confined()) {
                for (size_t i = 0; i < N(tries); i++)
                        tell("inside", tries[i].name, tries[i].act() == 0 ? 0 : errno);
                tell("inside", "end", 0);
                (void)close(report);
                report = -1;
        }
        return (int)syscall(SYS_epoll_pwait, fd, events, n, timeout, NULL, 8);
}
