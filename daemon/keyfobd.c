/*
 * keyfobd: keeps the vault's keys and serves them
 *
 * Runs in the foreground, whoever starts it: a service manager, the bus, `keyfob`, a person. Exit codes: 0 ended as
 * asked, 1 could not start or failed, 2 wrong usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/opening.h"
#include "daemon/session-bus.h"

#define EXIT_USAGE     2
#define AUTOMATIC_USEC (UINT64_C(10) * 1000000) /* to wait for what opens by itself */
#define NAMES_USEC     (UINT64_C(5) * 1000000)

typedef struct Options {
        DaemonOptions daemon;
        int ready_fd;
} Options;

static void show_help(void)
{
        (void)puts("Usage: keyfobd [OPTION...]\n"
                   "Keeps the vault and serves it on the session bus and on $XDG_RUNTIME_DIR/keyfob/bus.\n\n"
                   "  --replace      take the name org.freedesktop.secrets from the program that has it\n"
                   "  --no-bus       only the own socket, no session bus\n"
                   "  --vault FILE   the vault (default: $XDG_DATA_HOME/keyfob/vault.db)\n"
                   "  --ready-fd N   write a byte to descriptor N when ready, and close it\n"
                   "  --version\n"
                   "  --help\n\n"
                   "Exit codes: 0 ended as asked, 1 failed, 2 usage. See keyfobd(1).");
}

static int parse_fd(const char *text)
{
        char *end;
        long fd;

        errno = 0;
        fd = strtol(text, &end, 10);
        if (errno != 0 || end == text || *end || fd < 0 || fd > INT32_MAX)
                return -EINVAL;
        return fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : (int)fd;
}

/* 1: go on; else what to exit with is in *ret_code. */
static int parse(int argc, char *argv[], Options *options, int *ret_code)
{
        enum { OPT_REPLACE = 256, OPT_NO_BUS, OPT_VAULT, OPT_READY_FD, OPT_VERSION, OPT_HELP };
        static const struct option long_options[] = {
                {"replace", no_argument, NULL, OPT_REPLACE},
                {"no-bus", no_argument, NULL, OPT_NO_BUS},
                {"vault", required_argument, NULL, OPT_VAULT},
                {"ready-fd", required_argument, NULL, OPT_READY_FD},
                {"version", no_argument, NULL, OPT_VERSION},
                {"help", no_argument, NULL, OPT_HELP},
                {0},
        };
        int option;

        *ret_code = EXIT_USAGE;
        while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                switch (option) {
                case OPT_REPLACE:
                        options->daemon.replace = true;
                        break;
                case OPT_NO_BUS:
                        options->daemon.use_bus = false;
                        break;
                case OPT_VAULT:
                        options->daemon.vault_path = optarg;
                        break;
                case OPT_READY_FD:
                        options->ready_fd = parse_fd(optarg);
                        if (options->ready_fd < 0) {
                                (void)fprintf(stderr, "keyfobd: --ready-fd %s: not an open descriptor\n", optarg);
                                return 0;
                        }
                        break;
                case OPT_VERSION:
                        (void)puts("keyfobd " KEYFOB_VERSION);
                        *ret_code = EXIT_SUCCESS;
                        return 0;
                case OPT_HELP:
                        show_help();
                        *ret_code = EXIT_SUCCESS;
                        return 0;
                default:
                        return 0;
                }
        }
        if (optind < argc) {
                (void)fprintf(stderr, "keyfobd: %s: takes no arguments (see --help)\n", argv[optind]);
                return 0;
        }
        return 1;
}

static void block_signals(void)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGHUP);
        (void)sigaddset(&set, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error like a full disk */
}

/* Standard descriptors that are closed would be taken by sockets and then written to. */
static void fill_standard_fds(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd > STDERR_FILENO)
                (void)close(fd);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Daemon *daemon = userdata;

        /* The terminal may go; a vault that was not there, or was someone else's, is looked for again. */
        (void)daemon_find_vault(daemon);
        return 0;
}

static int watch_signals(Daemon *daemon)
{
        static const int ends[] = {SIGTERM, SIGINT};
        sd_event_source *source;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                r = sd_event_add_signal(daemon->event, &source, ends[i], NULL, NULL);
                if (r >= 0)
                        r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
                if (r >= 0)
                        r = sd_event_source_set_floating(source, 1);
                sd_event_source_unref(source);
                if (r < 0)
                        return r;
        }
        return sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
}

static void say_ready(int ready_fd)
{
        (void)sd_notify(0, "READY=1");
        if (ready_fd < 0)
                return;
        (void)!write(ready_fd, "\n", 1);
        (void)close(ready_fd);
}

static bool names_pending(const Daemon *daemon)
{
        SessionBusStatus status;

        session_bus_status(daemon, &status);
        return status.pending;
}

static int serve_while(Daemon *daemon, bool (*pending)(const Daemon *), uint64_t usec)
{
        uint64_t start, now;
        int r;

        r = sd_event_now(daemon->event, CLOCK_MONOTONIC, &start);
        now = start;
        while (r >= 0 && pending(daemon) && now - start < usec) {
                r = sd_event_run(daemon->event, usec - (now - start));
                if (r < 0 || sd_event_get_state(daemon->event) == SD_EVENT_FINISHED)
                        return r;
                r = sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
        }
        return r;
}

/* Serves already, but is ready when what opens by itself is open, and whoever is told can find it by its names. */
static int serve_until_ready(Daemon *daemon)
{
        int r;

        r = serve_while(daemon, opening_automatic_pending, AUTOMATIC_USEC);
        if (r >= 0 && sd_event_get_state(daemon->event) != SD_EVENT_FINISHED)
                r = serve_while(daemon, names_pending, NAMES_USEC);
        return r;
}

static int run(const Options *options)
{
        _cleanup_(daemon_freep) Daemon *daemon = NULL;
        pid_t other = 0;
        int r;

        r = daemon_new(&options->daemon, &daemon, &other);
        if (r == -EADDRINUSE && other > 0)
                log_line(LOG_ERR, "already running (pid %d)", other);
        else if (r == -EADDRINUSE)
                log_line(LOG_ERR, "already running");
        else if (r < 0)
                log_line(LOG_ERR, "could not start: %s", strerror(-r));
        if (r >= 0)
                r = watch_signals(daemon);
        if (r >= 0)
                r = serve_until_ready(daemon);
        if (r < 0)
                return r;

        say_ready(options->ready_fd);
        if (sd_event_get_state(daemon->event) != SD_EVENT_FINISHED)
                r = sd_event_loop(daemon->event);
        (void)sd_notify(0, "STOPPING=1");
        if (r < 0 && r != -ENOTRECOVERABLE) /* which was said */
                log_line(LOG_ERR, "failed: %s", strerror(-r));
        return r;
}

int main(int argc, char *argv[])
{
        Options options = {.daemon = {.use_bus = true, .sandbox = true}, .ready_fd = -1};
        int code;

        if (!parse(argc, argv, &options, &code))
                return code;
        fill_standard_fds();
        block_signals();
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)umask(077);
        return run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
