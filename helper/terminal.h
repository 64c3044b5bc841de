/*
 * Terminal: what it was like before a question, and is again afterwards
 *
 * Pinentry may be ended in the middle of a question and leave the terminal without echo. Who asks puts it back in order,
 * and may be killed before that: so a guard, a process of a session of its own, waits for the end of who asks and does it then.
 */
#pragma once

#include <termios.h>

typedef struct Terminal {
        int fd;
        int guard; /* a socket to it */
        struct termios state;
} Terminal;

/* What it is like now; the guard is there when it returns. `tty` may be NULL, and what can't be opened is nothing to restore. A question
 * that was cancelled may still be there and leave it changed: its end is waited for, five seconds at most. */
Terminal terminal_note(const char *tty);

/* Makes it what it was when it was noted. */
void terminal_restore(const Terminal *terminal);

/* The guard has nothing more to do. */
void terminal_done(Terminal *terminal);
