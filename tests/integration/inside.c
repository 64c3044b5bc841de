/*
 * Inside keyfobd
 *
 * Preloaded into keyfobd, this tries from within what a taken-over daemon would try: first in children of the process
 * as it starts, where nothing is confined yet, so that one sees that a try is a real one; then in the process itself,
 * when its loop runs for the first time with the filter of system calls in force. Each try is a line of
 * $INSIDE_REPORT: "before" or "inside", its name, and the number of the error, 0 when it worked.
 */
#include "tests/integration/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT   __attribute__((visibility("default")))
#define N(array) (sizeof(array) / sizeof((array)[0]))

static const Try *const tries[] = {tries_of_files, tries_of_processes, tries_of_the_kernel, tries_of_work};

static int report = -1;

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
                for (const Try *try = tries[i]; try->name; try++)
                        tell("before", try->name, in_child(try));
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
                        for (const Try *try = tries[i]; try->name; try++)
                                tell("inside", try->name, try->act() == 0 ? 0 : errno);
                tell("inside", "end", 0);
                (void)close(report);
                report = -1;
        }
        return (int)syscall(SYS_epoll_pwait, fd, events, n, timeout, NULL, 8);
}
