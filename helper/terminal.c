/*
 * Terminals
 *
 * Who asks and the guard have one socket between them. A byte in it says that the terminal was put in order; its end without one, that
 * who asks was killed. The terminal is locked (flock) until both have closed it.
 */
#include "helper/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "helper/task.h"

#define BUSY_MS (5 * TASK_GRACE_MS) /* longer than one that was cancelled takes to go */
#define LOOK_MS 20

/* Whether the other one said something; false when it has ended. */
static bool hear(int fd)
{
        char byte;
        ssize_t n;

        do
                n = read(fd, &byte, 1);
        while (n < 0 && errno == EINTR);
        return n > 0;
}

static void say(int fd)
{
        ssize_t n;

        do
                n = send(fd, "", 1, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
}

/* It holds nothing but the terminal and the socket: the helper waits for the end of what else it has got. */
static _Noreturn void guard(const Terminal *terminal, int socket)
{
        Terminal own = *terminal;

        (void)signal(SIGTERM, SIG_IGN);
        if (setsid() < 0 || dup2(terminal->fd, STDIN_FILENO) < 0 || dup2(socket, STDOUT_FILENO) < 0 ||
            close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
                _exit(1);
        own.fd = STDIN_FILENO;
        say(STDOUT_FILENO);
        if (!hear(STDOUT_FILENO))
                terminal_restore(&own);
        _exit(0);
}

/* It can't be killed with this process's session when this has returned. */
static void start_guard(Terminal *terminal)
{
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return;
        pid = fork();
        if (pid == 0)
                guard(terminal, pair[1]);
        (void)close(pair[1]);
        terminal->guard = pair[0];
        if (pid < 0 || !hear(pair[0]))
                closep(&terminal->guard);
}

/* The lock goes when the last who has this open ends: who asks, and the guard. Whoever else holds one can't keep us from asking. */
static void wait_until_free(int fd)
{
        const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

        for (unsigned ms = 0; ms < BUSY_MS && !task_ending() && flock(fd, LOCK_EX | LOCK_NB) < 0; ms += LOOK_MS)
                (void)nanosleep(&look, NULL);
}

Terminal terminal_note(const char *tty)
{
        Terminal terminal = {.fd = tty ? open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1, .guard = -1};

        if (terminal.fd >= 0)
                wait_until_free(terminal.fd);
        if (terminal.fd >= 0 && tcgetattr(terminal.fd, &terminal.state) < 0)
                closep(&terminal.fd);
        if (terminal.fd >= 0)
                start_guard(&terminal);
        return terminal;
}

void terminal_restore(const Terminal *terminal)
{
        struct termios now;

        if (terminal->fd < 0 || tcgetattr(terminal->fd, &now) < 0)
                return;
        if (memcmp(&now, &terminal->state, sizeof(now)) != 0) {
                (void)tcsetattr(terminal->fd, TCSANOW, &terminal->state);
                (void)!write(terminal->fd, "\r\n", 2);
        }
}

void terminal_done(Terminal *terminal)
{
        if (terminal->guard >= 0)
                say(terminal->guard);
        closep(&terminal->guard);
        closep(&terminal->fd);
}
