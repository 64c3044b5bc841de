/*
 * Task: a request that may take long, in a child process of its own
 *
 * The child makes one reply and ends; before that it may say how it gets on. Many run at once; none of them can hold up the
 * loop or another.
 */
#pragma once

#include <poll.h>

#include "common/bytes.h"
#include "helper/request.h"

#define TASKS_MAX 64U

/* How long a child that was told to end may take to put a terminal in order, before it is killed. */
#define TASK_GRACE_MS 1000

typedef struct Task {
        uint32_t id;
        pid_t pid;
        int fd;            /* the child's packets; end of file when it has ended */
        bool answered;     /* a reply went out, by itself or because it was cancelled */
        uint64_t deadline; /* monotonic ms; 0: not told to end */
} Task;

typedef struct Tasks {
        Task tasks[TASKS_MAX];
        size_t n;
        int socket; /* where replies go */
} Tasks;

/* What a child does: writes the whole reply. The request's body is its own copy, in locked memory. */
typedef void (*TaskRun)(const Request *request, ByteWriter *reply);

/* 0; -EBUSY when too many run; -errno. The child answers from then on. */
int task_start(Tasks *tasks, const Request *request, TaskRun run);

/* Ends a task and answers DENIED. Unknown ids, and those that were answered meanwhile, are ignored. */
void task_cancel(Tasks *tasks, uint32_t id);

/* Tells all to end, waits for them at most TASK_GRACE_MS, kills what is left. */
void tasks_end(Tasks *tasks);

/* For the loop: descriptors to wait for (`ret` has room for TASKS_MAX), how long at most, and what to do afterwards.
 */
size_t tasks_poll(const Tasks *tasks, struct pollfd *ret);
int tasks_timeout(const Tasks *tasks);
void tasks_dispatch(Tasks *tasks, const struct pollfd *polled, size_t n);

/* In a child: sends a packet before the reply, which begins as one with HELPER_PROGRESS, and wipes it. */
void task_progress(const Request *request, ByteWriter *packet);

/* In a child: whether it was told to end, so that it starts nothing more. */
bool task_ending(void);

/* Sends a reply to the daemon and wipes it. */
void reply_send(int socket, ByteWriter *reply);
