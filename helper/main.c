/*
 * keyfob-helper: what keyfobd does not do itself
 *
 * The daemon holds keys, so it executes nothing, waits for no person and sees no file but its own. This process does
 * those things for it and holds no key. They talk over one socketpair (protocol.h); the helper lives exactly as long
 * as it.
 *
 * One loop. Quick requests are answered in it; a question or a key file (which may lie on a slow disk) gets a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "helper/ask.h"
#include "helper/identify.h"
#include "helper/key-request.h"
#include "helper/pinentry.h"
#include "helper/readkey.h"
#include "helper/task.h"
#include "helper/tpm.h"
#include "helper/where.h"
#include "helper/who-has.h"

static void run_read_key(const Request *request, ByteWriter *reply)
{
        read_key(request->id, request->path, reply);
}

static void probe(uint32_t id, ByteWriter *reply)
{
        _cleanup_free_ char *program = pinentry_find();

        reply_begin(reply, id, HELPER_OK);
        byte_writer_u8(reply, program != NULL);
}

static void handle(Tasks *tasks, const void *packet, size_t size)
{
        _cleanup_(request_done) Request request = REQUEST_NULL;
        ByteWriter reply = BYTE_WRITER_NULL;
        uint32_t id;
        int r = 0;

        if (request_id(packet, size, &id) < 0)
                return;
        if (request_parse(packet, size, &request) < 0) {
                reply_failed(&reply, id, "the request is malformed");
                reply_send(tasks->socket, &reply);
                return;
        }

        switch (request.operation) {
        case HELPER_ASK:
                r = task_start(tasks, &request, ask);
                break;
        case HELPER_READ_KEY:
                r = task_start(tasks, &request, run_read_key);
                break;
        case HELPER_CANCEL:
                task_cancel(tasks, request.target);
                break;
        case HELPER_IDENTIFY:
                identify(id, request.pid, &reply);
                break;
        case HELPER_PROBE:
                probe(id, &reply);
                break;
        case HELPER_WHO_HAS:
                who_has(id, request.path, &reply);
                break;
        case HELPER_WHERE:
                where(id, request.pid, &reply);
                break;
        case HELPER_KEY:
                r = task_start(tasks, &request, key);
                break;
        case HELPER_TPM:
                r = task_start(tasks, &request, tpm);
                break;
        }

        if (r < 0)
                reply_failed(&reply, id, r == -EBUSY ? "too many questions at once" : strerror(-r));
        if (reply.size > 0)
                reply_send(tasks->socket, &reply);
}

/* One packet. False at the end of the socket; an empty packet looks like it, but has no hang-up with it. */
static bool receive(Tasks *tasks, Secret *packet, short revents)
{
        ssize_t n = recv(tasks->socket, packet->data, HELPER_PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n == 0)
                return !(revents & POLLHUP);
        if ((size_t)n <= HELPER_PACKET_MAX)
                handle(tasks, packet->data, (size_t)n);
        explicit_bzero(packet->data, HELPER_PACKET_MAX);
        traces_wipe();
        return true;
}

static int loop(Tasks *tasks, int signals)
{
        _cleanup_(secret_freep) Secret *packet = NULL;
        int r;

        r = secret_new(&packet, HELPER_PACKET_MAX);
        if (r < 0)
                return r;
        for (;;) {
                struct pollfd polled[2 + TASKS_MAX] = {
                        {.fd = tasks->socket, .events = POLLIN},
                        {.fd = signals, .events = POLLIN},
                };
                size_t n = tasks_poll(tasks, polled + 2);

                if (poll(polled, 2 + n, tasks_timeout(tasks)) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (polled[1].revents)
                        return 0;
                /* Children first: an answer that is there already wins over a cancellation. */
                tasks_dispatch(tasks, polled + 2, n);
                if (polled[0].revents && !receive(tasks, packet, polled[0].revents))
                        return 0;
        }
}

/* Nothing of what passes through here may be looked at, by a debugger, in a core file, or through a forgotten
 * descriptor; and no program that is run from here gains what the person does not have. */
static int lock_down(void)
{
        const struct rlimit none = {0, 0};
        int fd;

        if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;

        if (close_range(HELPER_FD + 1, ~0U, 0) < 0)
                return -errno;
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
                return -errno;
        for (int target = STDIN_FILENO; target <= STDERR_FILENO; target++)
                if (target == STDIN_FILENO || fcntl(target, F_GETFD) < 0)
                        if (dup2(fd, target) < 0)
                                return -errno;
        if (fd > HELPER_FD)
                (void)close(fd);

        if (fcntl(HELPER_FD, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        return chdir("/") < 0 ? -errno : 0;
}

/* SIGINT at the terminal is the daemon's business, which ends us when it ends. */
static int take_signals(void)
{
        static const int ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTTOU, SIGTTIN};
        sigset_t set;
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(ignored); i++)
                (void)signal(ignored[i], SIG_IGN);
        (void)signal(SIGCHLD, SIG_DFL);

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        return prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 ? -errno : fd;
}

static bool is_channel(int fd)
{
        socklen_t size = sizeof(int);
        int type;

        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int main(int argc, char *argv[])
{
        Tasks tasks = {.socket = HELPER_FD};
        int signals, r;

        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                puts("keyfob-helper " KEYFOB_VERSION);
                return 0;
        }
        if (argc > 1 || !is_channel(HELPER_FD)) {
                fputs("keyfob-helper: keyfobd starts this program; it does nothing by itself\n", stderr);
                return 2;
        }

        r = lock_down();
        signals = r < 0 ? r : take_signals();
        if (signals >= 0)
                r = loop(&tasks, signals);
        else
                r = signals;
        tasks_end(&tasks);

        if (r < 0)
                fprintf(stderr, "keyfob-helper: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}
