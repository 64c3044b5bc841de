/*
 * Children
 *
 * A child is the leader of a session of its own, so that what it starts (pinentry) can be ended with it, and so that
 * no terminal it opens becomes its controlling one. It is ended by SIGTERM: its handler passes the signal on to the
 * session, the conversation with pinentry breaks, and the child puts the terminal back in order and exits. One that
 * has not done so within a second is killed with its session, and the terminal's guard does it (terminal.h). The same
 * signal reaches it when the helper dies by whatever means.
 *
 * The reply goes through the helper, never straight to the daemon: a cancelled question must not be answered twice.
 */
#include "helper/task.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/secret.h"

static uint64_t now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void send_packet(int socket, const void *data, size_t size)
{
        ssize_t n;

        do
                n = send(socket, data, size, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
}

void reply_send(int socket, ByteWriter *reply)
{
        if (!reply->failed)
                send_packet(socket, reply->data, reply->size);
        byte_writer_done(reply);
}

/* Written by the child's signal handler only. */
static volatile sig_atomic_t ending;

bool task_ending(void)
{
        return ending;
}

/* In the child: ends pinentry, and with it the conversation that the child waits in. */
static void on_term(int signal_number)
{
        ending = 1;
        (void)signal(SIGTERM, SIG_IGN);
        (void)kill(0, SIGTERM);
}

void task_progress(const Request *request, ByteWriter *packet)
{
        if (packet->failed)
                byte_writer_done(packet);
        else
                reply_send(request->channel, packet);
}

/* A fork does not get what is in locked memory (common/secret.h), so the body comes through the socket. */
static int receive_body(int socket, Secret **body)
{
        _cleanup_(secret_freep) Secret *received = NULL;
        ssize_t n;
        int r;

        r = secret_new(&received, (*body)->size);
        if (r < 0)
                return r;
        do
                n = recv(socket, received->data, received->capacity, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if ((size_t)n != (*body)->size)
                return -EBADMSG;
        received->size = (size_t)n;
        secret_free(*body);
        *body = TAKE_PTR(received);
        return 0;
}

static _Noreturn void task_child(const Request *request, TaskRun run, int socket, pid_t parent)
{
        struct sigaction action = {.sa_handler = on_term, .sa_flags = SA_RESTART};
        ByteWriter reply = BYTE_WRITER_NULL;
        Request own = *request;
        sigset_t none;

        /* Signals are blocked until here: before setsid() the handler would hit the daemon's process group. */
        if (setsid() < 0)
                _exit(1);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(1);
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);

        own.channel = socket;
        if (own.body && own.body->size > 0 && receive_body(socket, &own.body) < 0)
                _exit(1);
        run(&own, &reply);
        own.body = secret_free(own.body);
        reply_send(socket, &reply);
        _exit(0);
}

int task_start(Tasks *tasks, const Request *request, TaskRun run)
{
        pid_t pid, parent = getpid();
        int pair[2];

        if (tasks->n >= TASKS_MAX)
                return -EBUSY;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;

        pid = fork();
        if (pid < 0) {
                int r = -errno;

                (void)close(pair[0]);
                (void)close(pair[1]);
                return r;
        }
        if (pid == 0) {
                /* The daemon must see the socket close when the helper ends, and the children of others must not
                 * outlive their cancellation because we hold their descriptors. */
                (void)close(pair[0]);
                (void)close(tasks->socket);
                for (size_t i = 0; i < tasks->n; i++)
                        (void)close(tasks->tasks[i].fd);
                task_child(request, run, pair[1], parent);
        }

        (void)close(pair[1]);
        if (request->body && request->body->size > 0)
                send_packet(pair[0], request->body->data, request->body->size);
        tasks->tasks[tasks->n++] = (Task){.id = request->id, .pid = pid, .fd = pair[0]};
        return 0;
}

static void task_kill(const Task *task)
{
        (void)kill(-task->pid, SIGKILL);
        (void)kill(task->pid, SIGKILL);
}

static void task_terminate(Task *task)
{
        if (task->deadline)
                return;
        (void)kill(task->pid, SIGTERM);
        task->deadline = now_ms() + TASK_GRACE_MS;
}

static void task_deny(const Tasks *tasks, Task *task)
{
        ByteWriter reply = BYTE_WRITER_NULL;

        if (task->answered)
                return;
        task->answered = true;
        reply_begin(&reply, task->id, HELPER_DENIED);
        reply_send(tasks->socket, &reply);
}

void task_cancel(Tasks *tasks, uint32_t id)
{
        for (size_t i = 0; i < tasks->n; i++)
                if (tasks->tasks[i].id == id && !tasks->tasks[i].answered) {
                        task_deny(tasks, &tasks->tasks[i]);
                        task_terminate(&tasks->tasks[i]);
                        return;
                }
}

/* What a key says is parsed in a child: one that was taken over must not answer what another was asked. */
static bool read_head(const Task *task, const void *packet, size_t size, bool *ret_progress)
{
        ByteReader reader = BYTE_READER(packet, size);
        uint32_t id = byte_reader_u32(&reader);

        *ret_progress = byte_reader_u8(&reader) == HELPER_PROGRESS;
        return !reader.failed && id == task->id;
}

/* The child's packet, or its end. False when it is gone, or lies. */
static bool task_read(const Tasks *tasks, Task *task)
{
        _cleanup_(secret_freep) Secret *packet = NULL;
        bool progress;
        ssize_t n;

        if (secret_new(&packet, HELPER_PACKET_MAX) < 0)
                return false;
        n = recv(task->fd, packet->data, packet->capacity, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n == 0 || !read_head(task, packet->data, (size_t)n, &progress))
                return false;

        if (!task->answered) {
                task->answered = !progress;
                send_packet(tasks->socket, packet->data, (size_t)n);
        }
        explicit_bzero(packet->data, (size_t)n);
        return true;
}

static void task_reap(const Tasks *tasks, Task *task)
{
        ByteWriter reply = BYTE_WRITER_NULL;

        task_kill(task);
        while (waitpid(task->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        (void)close(task->fd);

        if (!task->answered) {
                reply_failed(&reply, task->id, "it ended without an answer");
                reply_send(tasks->socket, &reply);
        }
}

size_t tasks_poll(const Tasks *tasks, struct pollfd *ret)
{
        for (size_t i = 0; i < tasks->n; i++)
                ret[i] = (struct pollfd){.fd = tasks->tasks[i].fd, .events = POLLIN};
        return tasks->n;
}

int tasks_timeout(const Tasks *tasks)
{
        uint64_t now = now_ms(), first = UINT64_MAX;

        for (size_t i = 0; i < tasks->n; i++)
                if (tasks->tasks[i].deadline && tasks->tasks[i].deadline < first)
                        first = tasks->tasks[i].deadline;
        if (first == UINT64_MAX)
                return -1;
        return first > now ? (int)(first - now) : 0;
}

void tasks_dispatch(Tasks *tasks, const struct pollfd *polled, size_t n)
{
        uint64_t now = now_ms();
        size_t kept = 0;

        /* Tasks that were started after polling are at the end and have nothing to say yet. */
        for (size_t i = 0; i < tasks->n; i++) {
                Task *task = &tasks->tasks[i];

                if (i < n && polled[i].revents && !task_read(tasks, task)) {
                        task_reap(tasks, task);
                        continue;
                }
                if (task->deadline && task->deadline <= now)
                        task_kill(task);
                tasks->tasks[kept++] = *task;
        }
        tasks->n = kept;
}

void tasks_end(Tasks *tasks)
{
        uint64_t end = now_ms() + TASK_GRACE_MS;

        for (size_t i = 0; i < tasks->n; i++) {
                tasks->tasks[i].answered = true; /* nobody is listening any more */
                task_terminate(&tasks->tasks[i]);
        }
        while (tasks->n > 0 && now_ms() < end) {
                struct pollfd polled[TASKS_MAX];
                size_t n = tasks_poll(tasks, polled);

                if (poll(polled, n, tasks_timeout(tasks)) < 0 && errno != EINTR)
                        break;
                tasks_dispatch(tasks, polled, n);
        }
        for (size_t i = 0; i < tasks->n; i++)
                task_reap(tasks, &tasks->tasks[i]);
        tasks->n = 0;
}
