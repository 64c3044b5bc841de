/*
 * Doors of the kernel's and sockets; and what keyfobd does have to be able to do
 */
#include "tests/integration/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

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

        (void)snprintf(from, sizeof(from), "%s", in_directory("INSIDE_VAULT", "kept"));
        fd = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -1;
        r = write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 0) == 0 ? 0 : -1;
        (void)close(fd);
        return r < 0 || rename(from, in_directory("INSIDE_VAULT", "kept again")) < 0
                       ? -1
                       : unlink(in_directory("INSIDE_VAULT", "kept again"));
}

static int name_of_other(void)
{
        return read_file(of_other("comm"));
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

const Try tries_of_the_kernel[] = {TRY(ring),
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
                                   {NULL, NULL}};

const Try tries_of_work[] = {TRY(keep_file),    TRY(name_of_other), TRY(make_thread), TRY(lock_memory),
                             TRY(raise_signal), TRY(connect_path),  {NULL, NULL}};
