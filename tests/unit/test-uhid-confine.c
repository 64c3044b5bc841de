/*
 * What a confined process can still do, tried from inside, each try in a process of its own
 *
 * Needs root, as the relay does; else, and with sanitizers, which the relay is not confined under, it is skipped.
 */
#include "helper/uhid-confine.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/sanitizer.h"
#include "tests/unit/test.h"

#define NOBODY 65534
#define DONE   7
#define SKIP   77

/* The end of a process that confines itself and then does this: its exit code, or minus the signal. */
static int end_of(void (*act)(int fd))
{
        int pair[2], status;
        pid_t pid;

        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
                if (confine(NOBODY, NOBODY) < 0)
                        _exit(1);
                act(pair[0]);
                _exit(DONE);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        (void)close(pair[0]);
        (void)close(pair[1]);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void use_what_is_open(int fd)
{
        struct pollfd polled = {.fd = fd, .events = POLLOUT};
        struct timespec ts;

        if (poll(&polled, 1, 0) != 1 || write(fd, "x", 1) != 1 || clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
                _exit(1);
}

TEST(bytes_pass)
{
        CHECK_EQ(end_of(use_what_is_open), DONE);
}

static void open_file(int fd)
{
        (void)open("/dev/null", O_RDONLY);
}

static void open_device(int fd)
{
        (void)syscall(SYS_openat2, AT_FDCWD, "/dev/uhid", NULL, 0);
}

static void open_old(int fd)
{
#ifdef SYS_open
        (void)syscall(SYS_open, "/dev/uhid", O_RDWR);
#else
        open_device(fd);
#endif
}

static void execute(int fd)
{
        (void)execl("/bin/true", "true", NULL);
}

static void make_socket(int fd)
{
        (void)socket(AF_UNIX, SOCK_STREAM, 0);
}

static void make_process(int fd)
{
        (void)fork();
}

static void duplicate(int fd)
{
        if (dup(fd) >= 0)
                _exit(1);
}

static void control(int fd)
{
        (void)fcntl(fd, F_SETFL, 0);
}

static void be_root(int fd)
{
        if (setuid(0) == 0)
                _exit(1);
}

static void trace(int fd)
{
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void make_code(int fd)
{
        (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void send_signal(int fd)
{
        (void)kill(1, SIGTERM);
}

static void make_namespace(int fd)
{
        (void)unshare(CLONE_NEWUSER);
}

static void be_dumpable(int fd)
{
        (void)prctl(PR_SET_DUMPABLE, 1);
}

static void send_descriptor(int fd)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr header;
        } control_data = {
                .header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
        struct msghdr message = {.msg_control = &control_data, .msg_controllen = sizeof(control_data)};

        memcpy(CMSG_DATA(&control_data.header), &fd, sizeof(fd));
        (void)sendmsg(fd, &message, 0);
}

TEST(everything_else_is_the_end)
{
        static void (*const acts[])(int) = {open_file,    open_device, open_old,    execute,        make_socket,
                                            make_process, duplicate,   control,     be_root,        trace,
                                            make_code,    send_signal, be_dumpable, make_namespace, send_descriptor};

        for (size_t i = 0; i < ELEMENTSOF(acts); i++) {
                printf("  %zu\n", i);
                fflush(stdout);
                CHECK_EQ(end_of(acts[i]), -SIGSYS);
        }
}

/* The first number of the line that begins so in /proc/PID/FILE. */
static unsigned long value_of(pid_t pid, const char *where, const char *name, int base)
{
        char path[64], line[256];
        unsigned long value = ~0UL;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, where);
        file = fopen(path, "re");
        CHECK(file);
        while (fgets(line, sizeof(line), file))
                if (strncmp(line, name, strlen(name)) == 0)
                        value = strtoul(line + strlen(name), NULL, base);
        (void)fclose(file);
        return value;
}

/* Each lock holds without the others: looked at from outside. */
TEST(identity_capabilities_and_limits_are_gone)
{
        static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
        int pair[2];
        pid_t pid;
        char byte;

        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
                (void)close(pair[1]);
                if (confine(NOBODY, NOBODY) < 0 || write(pair[0], "x", 1) != 1)
                        _exit(1);
                _exit(read(pair[0], &byte, 1) == 1 ? DONE : 1);
        }
        CHECK_EQ(read(pair[1], &byte, 1), 1);
        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                CHECK_EQ(value_of(pid, "status", sets[i], 16), 0);
        CHECK_EQ(value_of(pid, "status", "Uid:", 10), NOBODY);
        CHECK_EQ(value_of(pid, "status", "Gid:", 10), NOBODY);
        CHECK_EQ(value_of(pid, "status", "NoNewPrivs:", 10), 1);
        CHECK_EQ(value_of(pid, "status", "Seccomp:", 10), 2);
        CHECK_EQ(value_of(pid, "limits", "Max open files", 10), CONFINE_FDS);
        CHECK_EQ(value_of(pid, "limits", "Max processes", 10), 0);
        CHECK_EQ(value_of(pid, "limits", "Max core file size", 10), 0);
        CHECK_EQ(write(pair[1], "x", 1), 1);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        (void)close(pair[0]);
        (void)close(pair[1]);
}

__attribute__((constructor(101))) static void check_machine(void)
{
        if (geteuid() == 0 && !WITH_SANITIZER)
                return;
        puts("skipped: needs root, and no sanitizer");
        exit(SKIP);
}

TEST_MAIN
