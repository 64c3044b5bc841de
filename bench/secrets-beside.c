/*
 * What others notice while somebody has a long piece of work done, and what is left of it in memory
 *
 * Another program makes the call. Here a client asks Ping after Ping, so that the longest answer is the longest time that the
 * loop gave to one thing; the resident memory of the daemon is looked at in between, and once more a while after the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench-secrets.h"
#include "bench/samples.h"

#define LOOK_US  2000.0  /* between two looks at memory */
#define AFTER_US 500000U /* what is given back is given back by then */

static long resident_kib(int fd)
{
        char text[128] = "";
        long pages = 0;

        if (pread(fd, text, sizeof(text) - 1, 0) < 0 || sscanf(text, "%*d %ld", &pages) != 1)
                die("the memory of the daemon", -EIO);
        return pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* However long it takes. */
static void ping(const Provider *p)
{
        sd_bus_message *m;
        int r = sd_bus_message_new_method_call(p->bus, &m, p->destination, "/", "org.freedesktop.DBus.Peer", "Ping");

        if (r >= 0)
                r = sd_bus_call(p->bus, m, UINT64_MAX, NULL, NULL);
        if (r < 0)
                die("Ping", r);
        sd_bus_message_unref(m);
}

static pid_t begin_command(char **argv)
{
        pid_t child = fork();

        if (child < 0)
                die("fork", -errno);
        if (child == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);

                (void)dup2(null, STDIN_FILENO);
                (void)dup2(null, STDOUT_FILENO);
                execvp(argv[0], argv);
                _exit(127);
        }
        return child;
}

int beside(int argc, char **argv)
{
        Provider p = {0};
        Samples waits = {0};
        char path[64];
        double begin, looked = 0, longest = 0;
        long before, most, after;
        int fd, status;
        pid_t child;

        (void)snprintf(path, sizeof(path), "/proc/%d/statm", atoi(argv[0]));
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                die("the daemon", -errno);
        provider_parse(&p, argv[1]);
        p.bus = provider_connect(&p);
        for (int i = 0; i < 100; i++)
                ping(&p);
        (void)usleep(AFTER_US);
        before = most = resident_kib(fd);

        begin = now_us();
        child = begin_command(argv + 2);
        while (waitpid(child, &status, WNOHANG) == 0) {
                double asked = now_us(), wait;

                ping(&p);
                wait = now_us() - asked;
                samples_add(&waits, wait);
                longest = wait > longest ? wait : longest;
                if (asked - looked > LOOK_US) {
                        long now = resident_kib(fd);

                        most = now > most ? now : most;
                        looked = asked;
                }
        }
        begin = now_us() - begin;
        (void)usleep(AFTER_US);
        after = resident_kib(fd);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                die(argv[2], -ECHILD);

        printf("{");
        samples_print("ping", &waits);
        printf(", \"longest\": %.1f, \"command\": %.1f, \"rss_kib\": {\"before\": %ld, \"most\": %ld, \"after\": %ld}}\n", longest,
               begin, before, most, after);
        return 0;
}
