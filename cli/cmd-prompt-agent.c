/*
 * keyfob prompt-agent: any program as the session's prompter
 *
 * Each question is a child process of its own: the command, or, without one, ourselves asking on the terminal. So a
 * question that is taken back can be ended at once, several may wait side by side, and what was typed is gone with the
 * process. The request comes to the command as one JSON object on stdin, from a memory file: no pipe can fill up and
 * block us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define QUESTIONS_MAX 64U
#define SEE_OFF_TRIES 200
#define SEE_OFF_USEC  10000
#define DRAIN_MAX     128U /* more than a pipe holds */

typedef struct Agent Agent;
typedef struct Question Question;

struct Question {
        Agent *agent;
        Question *next;
        sd_bus_message *call;
        ClientQuestion asked; /* of the call */
        bool cancelled;
        pid_t pid; /* 0: waits for its turn */
        int output;
        sd_event_source *child;
        sd_event_source *readable;
        Secret *secret;
};

struct Agent {
        keyfob *k;
        sd_event *event;
        const char *command; /* NULL: the terminal */
        Question *questions; /* oldest first */
        unsigned n;
};

/* ---- one question ---- */

static void question_free(Question *q)
{
        for (Question **p = &q->agent->questions; *p; p = &(*p)->next) {
                if (*p != q)
                        continue;
                *p = q->next;
                q->agent->n--;
                break;
        }
        sd_event_source_disable_unref(q->child);
        sd_event_source_disable_unref(q->readable);
        if (q->output >= 0)
                close(q->output);
        sd_bus_message_unref(q->call);
        secret_free(q->secret);
        free(q);
}

static void stop(const Question *q)
{
        /* a command leads a process group; the terminal's child stays in ours, or it could not read */
        if (q->pid > 0)
                (void)kill(q->agent->command ? -q->pid : q->pid, SIGTERM);
}

/* The child puts the terminal in order before it ends. Were we to end first, and lead the session, the terminal would
 * be taken from under its hands. */
static void see_off(const Question *q)
{
        for (unsigned i = 0; i < SEE_OFF_TRIES && q->pid > 0 && !q->agent->command; i++) {
                if (waitpid(q->pid, NULL, WNOHANG) != 0)
                        return;
                (void)usleep(SEE_OFF_USEC);
        }
}

static bool is_kind(const Question *q, const char *kind)
{
        return strcmp(q->asked.question.kind, kind) == 0;
}

static int reply(Question *q, bool allowed)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        bool with = allowed && !is_kind(q, "confirm") && !is_kind(q, "show");
        int r;

        r = sd_bus_message_new_method_return(q->call, &m);
        if (r >= 0)
                r = sd_bus_message_sensitive(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", (int)allowed);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', with ? q->secret->data : NULL, with ? q->secret->size : 0);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static void drain(Question *q)
{
        uint8_t buffer[1024];
        ssize_t n = 1;

        /* so many times at most: a command that never stops writing must not keep us from the rest */
        for (unsigned i = 0; i < DRAIN_MAX && n > 0; i++) {
                n = read(q->output, buffer, sizeof(buffer));
                if (n > 0 && q->secret->size <= PASSWORD_MAX)
                        (void)secret_append(q->secret, buffer, (size_t)n);
        }
        explicit_bzero(buffer, sizeof(buffer));
        if (n == 0)
                q->readable = sd_event_source_disable_unref(q->readable);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        drain(userdata);
        return 0;
}

/* What was printed becomes the number of a choice. The terminal's child prints just that. */
static int read_choice(Question *q)
{
        char digits[16];
        unsigned i;
        int n;

        if (text_choice((const char *)q->secret->data, q->asked.question.choices, 0, &i) < 0)
                return -EINVAL;
        n = snprintf(digits, sizeof(digits), "%u", i);
        q->secret->size = 0;
        return secret_append(q->secret, digits, (size_t)n);
}

static void fail(Question *q, const char *why)
{
        (void)cli_error(0, "%s", why);
        (void)sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_FAILED, "%s", why);
}

/* The command has ended with 0. */
static void take_answer(Question *q)
{
        uint8_t *newline = memchr(q->secret->data, '\n', q->secret->size);

        if (newline) {
                q->secret->size = (size_t)(newline - q->secret->data);
                *newline = 0;
        }
        if (q->secret->size > PASSWORD_MAX)
                fail(q, "the prompt command's answer is too long");
        else if (is_kind(q, "choose") && read_choice(q) < 0)
                fail(q, "the prompt command's answer is none of the choices");
        else
                (void)reply(q, true);
}

static void start_next(Agent *agent);

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Question *q = userdata;
        Agent *agent = q->agent;

        drain(q);
        q->pid = 0;
        if (info->si_code == CLD_EXITED && info->si_status == 0)
                take_answer(q);
        else if (info->si_code == CLD_EXITED && info->si_status == 1)
                (void)reply(q, false);
        else if (q->cancelled)
                (void)reply(q, false);
        else {
                (void)cli_error(0, "the prompt command ended with %s %d",
                                info->si_code == CLD_EXITED ? "status" : "signal", info->si_status);
                (void)sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_FAILED, "the prompt command failed");
        }
        question_free(q);
        start_next(agent);
        return 0;
}

/* ---- the child ---- */

__attribute__((noreturn)) static void ask_on_terminal(const keyfob_question *question)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        bool allowed;

        allowed = terminal_answer(question, &secret);
        if (allowed && secret && output_write(STDOUT_FILENO, secret->data, secret->size) < 0)
                _exit(2);
        _exit(allowed ? 0 : 1);
}

__attribute__((noreturn)) static void become_child(Question *q, int input, int output)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)signal(SIGTERM, SIG_DFL);
        (void)signal(SIGINT, SIG_DFL);
        if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
                _exit(126);
        if (!q->agent->command)
                ask_on_terminal(&q->asked.question);
        (void)setpgid(0, 0);
        (void)execl("/bin/sh", "sh", "-c", q->agent->command, (char *)NULL);
        _exit(127);
}

/* The request as a file to read from the start. */
static int request_file(sd_bus_message *call)
{
        _cleanup_json_ struct json_object *json = NULL;
        _cleanup_close_ int fd = -1;
        const char *text;
        int r;

        r = sd_bus_message_rewind(call, true);
        if (r < 0)
                return r;
        r = json_from_message(call, &json);
        if (r < 0)
                return r;
        text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        fd = memfd_create("keyfob-question", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = output_write(fd, text, strlen(text));
        if (r >= 0)
                r = output_write(fd, "\n", 1);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int start(Question *q)
{
        _cleanup_close_ int input = -1, output = -1;
        int fds[2], r;
        pid_t pid;

        input = request_file(q->call);
        if (input < 0)
                return input;
        r = secret_new(&q->secret, PASSWORD_MAX + 1024);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        q->output = fds[0];
        output = fds[1];
        if (fcntl(q->output, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                become_child(q, input, output);
        q->pid = pid;
        if (q->agent->command)
                (void)setpgid(pid, pid);
        r = sd_event_add_child(q->agent->event, &q->child, pid, WEXITED, on_child, q);
        if (r < 0) {
                stop(q);
                (void)waitpid(pid, NULL, 0);
                return r;
        }
        return sd_event_add_io(q->agent->event, &q->readable, q->output, EPOLLIN, on_readable, q);
}

/* Commands run side by side; a terminal can ask one thing at a time. */
static void start_next(Agent *agent)
{
        Question *q, *next;

        for (q = agent->questions; q; q = next) {
                int r;

                next = q->next;
                r = q->pid > 0 ? 0 : start(q);
                if (r < 0) {
                        (void)cli_error(0, "cannot ask: %s", strerror(-r));
                        (void)sd_bus_reply_method_errno(q->call, r, NULL);
                        question_free(q);
                } else if (!agent->command) {
                        return;
                }
        }
}

/* ---- org.keyfob.PromptAgent1 ---- */

static int handle_ask(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Agent *agent = userdata;
        Question *q, **last = &agent->questions;
        int r;

        if (!client_from_daemon(agent->k, m))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only the daemon may ask");
        if (agent->n >= QUESTIONS_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many questions at once");

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->agent = agent;
        q->output = -1;
        q->call = sd_bus_message_ref(m);
        r = client_question_read(m, &q->asked);
        if (r < 0) {
                question_free(q);
                return r;
        }
        while (*last)
                last = &(*last)->next;
        *last = q;
        agent->n++;
        start_next(agent);
        return 1;
}

static int handle_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Agent *agent = userdata;
        const char *id;
        int r;

        if (!client_from_daemon(agent->k, m))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only the daemon may cancel");
        r = sd_bus_message_read(m, "s", &id);
        if (r < 0)
                return r;
        for (Question *q = agent->questions; q; q = q->next) {
                if (strcmp(q->asked.question.id, id) != 0)
                        continue;
                /* one that runs is answered when its process has ended */
                q->cancelled = true;
                stop(q);
                if (q->pid == 0) {
                        (void)reply(q, false);
                        question_free(q);
                }
                break;
        }
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable agent_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Ask", "a{sv}", "bay", handle_ask, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD("Cancel", "s", NULL, handle_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- life and end ---- */

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Agent *agent = userdata;

        return sd_event_exit(agent->event, EXIT_UNREACHABLE);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Agent *agent = userdata;
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0 || !agent->k->destination)
                return 0;
        if (strcmp(old, agent->k->destination) == 0)
                return sd_event_exit(agent->event, EXIT_UNREACHABLE);
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), EXIT_DONE);
}

static int attach(Agent *agent)
{
        sd_bus *bus = agent->k->bus;
        sigset_t mask;
        int r;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigaddset(&mask, SIGINT);
        (void)sigaddset(&mask, SIGHUP);
        (void)sigaddset(&mask, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        r = sd_event_add_signal(agent->event, NULL, SIGTERM, on_signal, NULL);
        if (r >= 0)
                r = sd_event_add_signal(agent->event, NULL, SIGINT, on_signal, NULL);
        if (r >= 0)
                r = sd_event_add_signal(agent->event, NULL, SIGHUP, on_signal, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, CLIENT_AGENT_PATH, KEYFOB_AGENT_INTERFACE, agent_vtable,
                                             agent);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, agent);
        if (r >= 0 && agent->k->destination)
                r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus", NULL, "org.freedesktop.DBus",
                                        "NameOwnerChanged", on_owner_changed, agent);
        return r;
}

static int serve(Agent *agent)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r, code = 0;

        r = attach(agent);
        if (r < 0)
                return cli_error(EXIT_OTHER, "cannot set up: %s", strerror(-r));
        r = client_message_new(agent->k, KEYFOB_PROMPTER_INTERFACE, "RegisterAgent", &call);
        if (r == 0) {
                r = sd_bus_message_append(call, "oa{sv}", CLIENT_AGENT_PATH, 1, "session", "b", 1);
                r = r < 0 ? r : client_call(agent->k, call, CLIENT_QUICK, NULL);
        }
        if (r != 0)
                return cli_fail(agent->k, r);

        printf("ready\n");
        r = output_flush();
        if (r != 0)
                return r;
        r = sd_bus_attach_event(agent->k->bus, agent->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = code = sd_event_loop(agent->event);
        (void)sd_bus_detach_event(agent->k->bus);
        if (r < 0)
                return cli_error(EXIT_OTHER, "%s", strerror(-r));
        if (code == EXIT_UNREACHABLE)
                return cli_error(EXIT_UNREACHABLE, "the daemon is gone");
        return code;
}

static int run_prompt_agent(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, {"command", required_argument, NULL, 'c'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Agent agent = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
                if (c == 'c') {
                        agent.command = optarg;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        if (!agent.command && !terminal_available())
                return cli_error(EXIT_USAGE, "there is no terminal to ask on: give --command CMD");

        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = sd_event_new(&event);
        if (r < 0)
                return cli_no_memory();
        agent.k = k;
        agent.event = event;
        r = serve(&agent);
        while (agent.questions) {
                stop(agent.questions);
                see_off(agent.questions);
                question_free(agent.questions);
        }
        return r;
}

const Command command_prompt_agent = {
        .name = "prompt-agent",
        .usage = "[--command CMD]",
        .summary = "Answer the questions of this session: with CMD, or on this terminal",
        .help = "  -c, --command CMD   run by /bin/sh for each question, with one JSON object on stdin: exit status 0 "
                "allows\n"
                "                      (the first line of stdout is the secret, or of \"choose\" the choice or its number\n"
                "                      from 0), 1 denies. Of \"show\" nothing is answered; CMD is ended when it is over\n\n"
                "It prints \"ready\" when it is registered and ends on SIGTERM, or with 5 when the daemon ends.\n",
        .run = run_prompt_agent,
};
