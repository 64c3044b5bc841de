/*
 * Terminal
 *
 * While echo is off, a signal must not leave the terminal dumb. Handlers only note the signal, the interrupted read()
 * returns, the settings are put back, and the signal is sent again with its usual effect. After a stop and a continue
 * the question is asked anew.
 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "cli/output.h"
#include "cli/text.h"

#define LINE_MAX_BYTES ((size_t)4096)

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

/* Signal handlers have no argument to reach anything else. */
static volatile sig_atomic_t pending_signal;

static void note_signal(int number)
{
        pending_signal = number;
}

bool terminal_available(void)
{
        int fd;

        if (!isatty(STDIN_FILENO) && !isatty(STDERR_FILENO))
                return false;
        fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return false;
        close(fd);
        return true;
}

/* One line, without its newline. 1 when a signal came in between. */
static int read_line(int fd, const sigset_t *while_waiting, Secret **ret)
{
        _cleanup_(secret_freep) Secret *line = NULL;
        int r;

        r = secret_new(&line, LINE_MAX_BYTES);
        if (r < 0)
                return r;
        for (;;) {
                struct pollfd pollfd = {.fd = fd, .events = POLLIN};
                ssize_t n;
                char c;

                if (ppoll(&pollfd, 1, NULL, while_waiting) < 0) {
                        if (errno != EINTR)
                                return -errno;
                        if (pending_signal != 0)
                                return 1;
                        continue;
                }
                n = read(fd, &c, 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0) {
                        if (line->size == 0)
                                return -ECANCELED;
                        break;
                }
                if (c == '\n' || c == '\r')
                        break;
                if (line->size >= LINE_MAX_BYTES)
                        return -EFBIG;
                r = secret_append(line, &c, 1);
                explicit_bzero(&c, sizeof(c));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(line);
        return 0;
}

static int ask_once(int fd, const char *prompt, bool echo, Secret **ret)
{
        struct sigaction before[ELEMENTSOF(caught)], action = {.sa_handler = note_signal};
        struct termios was, quiet;
        sigset_t mask, mask_before, while_waiting;
        int r;

        if (tcgetattr(fd, &was) < 0)
                return -errno;
        quiet = was;
        if (!echo)
                quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        quiet.c_lflag |= ICANON | ISIG;
        quiet.c_iflag |= ICRNL;

        pending_signal = 0;
        (void)sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(caught); i++)
                (void)sigaddset(&mask, caught[i]);
        (void)sigprocmask(SIG_BLOCK, &mask, &mask_before);
        while_waiting = mask_before;
        (void)sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < ELEMENTSOF(caught); i++) {
                (void)sigdelset(&while_waiting, caught[i]);
                (void)sigaction(caught[i], &action, &before[i]);
        }

        r = tcsetattr(fd, TCSAFLUSH, &quiet) < 0 ? -errno : output_write(fd, prompt, strlen(prompt));
        if (r >= 0)
                r = read_line(fd, &while_waiting, ret);

        (void)tcsetattr(fd, TCSAFLUSH, &was);
        if (!echo)
                (void)output_write(fd, "\n", 1);
        for (size_t i = 0; i < ELEMENTSOF(caught); i++)
                (void)sigaction(caught[i], &before[i], NULL);
        (void)sigprocmask(SIG_SETMASK, &mask_before, NULL);
        return r;
}

static int ask_line(const char *prompt, bool echo, Secret **ret)
{
        _cleanup_close_ int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        int r;

        if (fd < 0)
                return -errno;
        while ((r = ask_once(fd, prompt, echo, ret)) == 1) {
                /* ends the program, or stops it until it is continued */
                (void)raise(pending_signal);
        }
        return r;
}

int terminal_ask(const char *prompt, Secret **ret)
{
        return ask_line(prompt, false, ret);
}

void terminal_say(const char *line)
{
        _cleanup_close_ int fd = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
        _cleanup_free_ char *copy = strdup(line);

        if (fd < 0 || !copy)
                return;
        text_clean(copy);
        (void)output_write(fd, copy, strlen(copy));
        (void)output_write(fd, "\n", 1);
}

int terminal_ask_twice(const char *prompt, Secret **ret)
{
        for (int tries = 0; tries < 3; tries++) {
                _cleanup_(secret_freep) Secret *first = NULL, *second = NULL;
                int r;

                r = terminal_ask(prompt, &first);
                if (r < 0)
                        return r;
                r = terminal_ask("Again: ", &second);
                if (r < 0)
                        return r;
                if (secret_equal(first, second)) {
                        *ret = TAKE_PTR(first);
                        return 0;
                }
                terminal_say("They differ.");
        }
        return -ECANCELED;
}

bool terminal_confirm(const char *question)
{
        _cleanup_(secret_freep) Secret *line = NULL;
        _cleanup_free_ char *prompt = NULL;

        if (asprintf(&prompt, "%s [y/N] ", question) < 0)
                return false;
        text_clean(prompt);
        if (ask_line(prompt, true, &line) < 0)
                return false;
        return strcasecmp((const char *)line->data, "y") == 0 || strcasecmp((const char *)line->data, "yes") == 0;
}

static void say_question(const keyfob_question *question)
{
        const char *message = question->message ? question->message : question->title;

        if (question->error) {
                _cleanup_free_ char *line = NULL;

                if (question->retries >= 0) {
                        if (asprintf(&line, "%s (%d %s left)", question->error, question->retries,
                                     question->retries == 1 ? "try" : "tries") < 0)
                                return;
                } else {
                        line = strdup(question->error);
                }
                if (line)
                        terminal_say(line);
        } else if (message) {
                terminal_say(message);
        }
}

/* What a question is about, where its message does not say so. */
static void say_about(const keyfob_question *question)
{
        const struct {
                const char *name, *value;
        } about[] = {{"Site", question->rp_id}, {"Account", question->user}};
        const char *message = question->message ? question->message : "";

        for (size_t i = 0; i < ELEMENTSOF(about); i++) {
                _cleanup_free_ char *line = NULL;

                if (about[i].value && !strstr(message, about[i].value) &&
                    asprintf(&line, "%s: %s", about[i].name, about[i].value) >= 0)
                        terminal_say(line);
        }
}

/* A numbered list. The answer is the number of the choice counted from 0, in digits. */
static bool choose(const keyfob_question *question, Secret **ret)
{
        char digits[16];
        unsigned n = 0;

        for (; question->choices[n]; n++) {
                _cleanup_free_ char *line = NULL;

                if (asprintf(&line, "%3u  %s", n + 1, question->choices[n]) >= 0)
                        terminal_say(line);
        }
        for (int tries = 0; tries < 3; tries++) {
                _cleanup_(secret_freep) Secret *answer = NULL;
                unsigned i;

                if (ask_line("Which one? ", true, &answer) < 0 || answer->size == 0)
                        return false;
                if (text_choice((const char *)answer->data, question->choices, 1, &i) < 0) {
                        terminal_say("There is no such one.");
                        continue;
                }
                (void)snprintf(digits, sizeof(digits), "%u", i);
                return secret_new_from(ret, digits, strlen(digits)) >= 0;
        }
        return false;
}

bool terminal_answer(const keyfob_question *question, Secret **ret)
{
        say_about(question);
        if (strcmp(question->kind, "confirm") == 0)
                return terminal_confirm(question->message ? question->message : "Allow it?");

        say_question(question);
        if (strcmp(question->kind, "show") == 0)
                return true;
        if (strcmp(question->kind, "choose") == 0)
                return choose(question, ret);
        if (strcmp(question->kind, "secret") == 0)
                return terminal_ask("Password: ", ret) >= 0;
        if (strcmp(question->kind, "new-secret") == 0)
                return terminal_ask_twice("New password: ", ret) >= 0;
        return false;
}

bool terminal_prompt(void *userdata, const keyfob_question *question, keyfob_answer *answer)
{
        _cleanup_(secret_freep) Secret *secret = NULL;

        if (!terminal_answer(question, &secret))
                return false;
        return !secret || keyfob_answer_secret(answer, secret->data, secret->size) >= 0;
}
