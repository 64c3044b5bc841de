/*
 * Many clients: writers that wait at the same moment, guests that come and go, and one that means no good
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "bench/bench-secrets.h"
#include "bench/samples.h"
#include "keyfob/bus.h"

#define WRITERS_MAX 256
#define FILL_WINDOW 64

/* ---- writers ---- */

typedef struct Storm Storm;

typedef struct Writer {
        Storm *storm;
        sd_bus *bus;
        Session session;
        char owner[32];
        int written;
        double sent;
} Writer;

struct Storm {
        const Provider *provider;
        sd_event *event;
        Writer writers[WRITERS_MAX];
        size_t n_active, n_busy;
        double until;
        Samples latency;
        size_t answered;
};

static void write_next(Writer *writer);

static int on_written(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Writer *writer = userdata;
        Storm *storm = writer->storm;
        double now = now_us();

        if (sd_bus_message_is_method_error(reply, NULL)) {
                fprintf(stderr, "bench-secrets: %s\n", sd_bus_message_get_error(reply)->message);
                exit(1);
        }
        if (now < storm->until) {
                storm->answered++;
                samples_add(&storm->latency, now - writer->sent);
                write_next(writer);
        } else {
                storm->n_busy--;
        }
        return 0;
}

static void write_next(Writer *writer)
{
        const Storm *storm = writer->storm;
        sd_bus_message *m = provider_create(storm->provider, writer->bus, &writer->session, writer->owner,
                                            writer->written++, false);
        int r;

        writer->sent = now_us();
        r = sd_bus_call_async(writer->bus, NULL, m, on_written, writer, 0);
        if (r < 0)
                die("a write", r);
        sd_bus_message_unref(m);
}

/* New items a second while `active` writers each wait for their answer before the next. The loop is never told to exit:
 * that would close their connections. */
static double blow(Storm *storm, size_t active, double milliseconds)
{
        int r = sd_event_new(&storm->event);

        for (size_t i = 0; i < active && r >= 0; i++)
                r = sd_bus_attach_event(storm->writers[i].bus, storm->event, 0);
        storm->answered = 0;
        storm->n_busy = active;
        storm->until = now_us() + milliseconds * 1000;
        for (size_t i = 0; i < active && r >= 0; i++)
                write_next(&storm->writers[i]);
        while (r >= 0 && storm->n_busy > 0)
                r = sd_event_run(storm->event, UINT64_MAX);
        for (size_t i = 0; i < active && r >= 0; i++)
                r = sd_bus_detach_event(storm->writers[i].bus);
        if (r < 0)
                die("the loop", r);
        storm->event = sd_event_unref(storm->event);
        return (double)storm->answered / milliseconds * 1000;
}

static Storm *storm_new(const Provider *p, size_t n)
{
        Storm *storm = calloc(1, sizeof(*storm));

        if (!storm)
                die("writers", -ENOMEM);
        storm->provider = p;
        for (size_t i = 0; i < n; i++) {
                Writer *writer = &storm->writers[i];

                writer->storm = storm;
                writer->bus = provider_connect(p);
                session_open(&writer->session, p, writer->bus);
                (void)snprintf(writer->owner, sizeof(writer->owner), "storm-%d-%zu", (int)getpid(), i);
        }
        return storm;
}

int storm(int argc, char **argv)
{
        Provider providers[PROVIDERS_MAX] = {0};
        Samples one[PROVIDERS_MAX] = {0}, many[PROVIDERS_MAX] = {0};
        Storm *storms[PROVIDERS_MAX];
        size_t writers = (size_t)atoi(argv[0]);
        double milliseconds = atof(argv[1]);
        int rounds = atoi(argv[2]), n = argc - 3;

        if (writers < 1 || writers > WRITERS_MAX || milliseconds < 1 || rounds < 1 || n > PROVIDERS_MAX)
                return 2;
        for (int k = 0; k < n; k++) {
                provider_parse(&providers[k], argv[3 + k]);
                storms[k] = storm_new(&providers[k], writers);
        }
        for (int round = 0; round < rounds; round++)
                for (int k = 0; k < n; k++) {
                        int turn = (k + round) % n;
                        Samples *latency = &storms[turn]->latency;
                        size_t before = latency->n;

                        samples_add(&one[turn], blow(storms[turn], 1, milliseconds));
                        latency->n = before; /* those of one writer are told by `turns` */
                        samples_add(&many[turn], blow(storms[turn], writers, milliseconds));
                }
        printf("{\"writers\": %zu", writers);
        for (int k = 0; k < n; k++) {
                printf(", \"%s\": {\"one\": %.0f, \"many\": %.0f, ", providers[k].name, samples_at(&one[k], 0.5),
                       samples_at(&many[k], 0.5));
                samples_print("latency", &storms[k]->latency);
                printf("}");
        }
        printf("}\n");
        return 0;
}

/* ---- filling ---- */

typedef struct Filling {
        Provider provider;
        sd_event *event;
        int items, sent, answered;
} Filling;

static void fill_next(Filling *filling);

static int on_filled(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Filling *filling = userdata;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                fprintf(stderr, "bench-secrets: %s\n", sd_bus_message_get_error(reply)->message);
                exit(1);
        }
        if (++filling->answered == filling->items)
                return sd_event_exit(filling->event, 0);
        fill_next(filling);
        return 0;
}

static void fill_next(Filling *filling)
{
        const Provider *p = &filling->provider;
        sd_bus_message *m;
        int r;

        if (filling->sent == filling->items)
                return;
        m = provider_create(p, p->bus, &p->session, "example.org", filling->sent++, true);
        r = sd_bus_call_async(p->bus, NULL, m, on_filled, filling, UINT64_C(600) * 1000000);
        if (r < 0)
                die("an item", r);
        sd_bus_message_unref(m);
}

int fill(int argc, char **argv)
{
        Filling filling = {.items = atoi(argv[0])};
        double begin = now_us();

        if (filling.items < 1)
                return 2;
        provider_parse(&filling.provider, argv[1]);
        filling.provider.value = argc > 2 ? argv[2] : NULL;
        provider_open(&filling.provider);
        if (sd_event_new(&filling.event) < 0 || sd_bus_attach_event(filling.provider.bus, filling.event, 0) < 0)
                die("a loop", -ENOMEM);
        for (int i = 0; i < FILL_WINDOW; i++)
                fill_next(&filling);
        if (sd_event_loop(filling.event) < 0)
                die("the loop", -EIO);
        printf("{\"items\": %d, \"milliseconds\": %.0f}\n", filling.items, (now_us() - begin) / 1000);
        return 0;
}

/* ---- guests ---- */

static long resident_kib(const char *pid)
{
        char path[64], line[256];
        long kib = 0;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/%s/status", pid);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        if (file)
                (void)fclose(file);
        return kib;
}

static void visit(const Provider *p, int times)
{
        for (int i = 0; i < times; i++) {
                sd_bus *bus = provider_connect(p);

                for (int k = 0; k < 3; k++) {
                        Session session;

                        session_open(&session, p, bus);
                        session_done(&session);
                }
                sd_bus_close_unref(bus);
        }
        (void)usleep(300 * 1000); /* for those that hung up last */
}

int visitors(int argc, char **argv)
{
        Provider p = {0};
        int times = atoi(argv[0]);
        long first, last;

        if (times < 1)
                return 2;
        provider_parse(&p, argv[2]);
        visit(&p, 500);
        first = resident_kib(argv[1]);
        visit(&p, times);
        last = resident_kib(argv[1]);
        printf("{\"visitors\": %d, \"before_kib\": %ld, \"after_kib\": %ld}\n", times, first, last);
        return 0;
}

/* ---- those that are there ---- */

static sd_bus_message *question(const Provider *p, sd_bus *bus)
{
        sd_bus_message *m = provider_method(p, bus, SECRETS_PATH, SECRETS_SERVICE, "SearchItems");

        append_query(m, "example.org", 1);
        return m;
}

int idle(int argc, char **argv)
{
        Provider p = {0};
        Samples alone = {0}, beside = {0};
        int n = atoi(argv[0]);
        double slice = atof(argv[1]) * 1000;
        sd_bus **others;

        if (n < 1 || slice < 1)
                return 2;
        provider_parse(&p, argv[2]);
        provider_open(&p);
        others = calloc((size_t)n, sizeof(sd_bus *));
        for (int i = 0; i < 10; i++) {
                double until;

                for (int k = 0; k < n; k++) {
                        sd_bus_flush_close_unref(others[k]);
                        others[k] = NULL;
                        if (i % 2) {
                                others[k] = provider_connect(&p);
                                sd_bus_message_unref(provider_call(&p, others[k], question(&p, others[k])));
                        }
                }
                until = now_us() + slice;
                while (now_us() < until) {
                        double begin = now_us();

                        sd_bus_message_unref(provider_call(&p, p.bus, question(&p, p.bus)));
                        samples_add(i % 2 ? &beside : &alone, now_us() - begin);
                }
        }
        printf("{\"idle\": %d, ", n);
        samples_print("alone", &alone);
        printf(", ");
        samples_print("beside", &beside);
        printf("}\n");
        return 0;
}

/* ---- one that means no good ---- */

static int reckon(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        --*(int *)userdata;
        return 0;
}

/* As many calls as the connection takes, whose answers are read, or not. When it is closed, another one. */
_Noreturn static void flood(const Provider *p, bool reads)
{
        for (;;) {
                sd_bus *bus = provider_connect(p);
                int pending = 0, r = 0;

                while (r >= 0) {
                        sd_bus_message *m = question(p, bus);

                        if (reads) {
                                r = sd_bus_call_async(bus, NULL, m, reckon, &pending, 0);
                                pending++;
                                while (r >= 0 && (pending >= 256 || sd_bus_get_events(bus) & POLLOUT)) {
                                        r = sd_bus_process(bus, NULL);
                                        if (r == 0)
                                                r = sd_bus_wait(bus, UINT64_MAX);
                                }
                        } else {
                                r = sd_bus_send(bus, m, NULL);
                                if (r >= 0)
                                        r = sd_bus_flush(bus);
                        }
                        sd_bus_message_unref(m);
                }
                sd_bus_close_unref(bus);
        }
}

/* Every signal there is, and none of them read. */
_Noreturn static void deafen(const Provider *p)
{
        for (;;) {
                sd_bus *bus = provider_connect(p);
                int r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                           "AddMatch", NULL, NULL, "s", "type='signal'");
                struct pollfd wait = {.fd = sd_bus_get_fd(bus), .events = POLLRDHUP};

                if (r < 0)
                        _exit(1);
                (void)poll(&wait, 1, -1);
                sd_bus_close_unref(bus);
        }
}

int hostile(int argc, char **argv)
{
        Provider p = {0};
        Samples alone = {0}, beside = {0};
        bool writes = strcmp(argv[0], "signals") == 0;
        double slice = atof(argv[1]) * 1000;
        pid_t child;

        if (slice < 1)
                return 2;
        provider_parse(&p, argv[2]);
        provider_open(&p);
        child = fork();
        if (child < 0)
                die("fork", -errno);
        if (child == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (writes)
                        deafen(&p);
                flood(&p, strcmp(argv[0], "flood") == 0);
        }
        for (int i = 0; i < 10; i++) {
                double until;

                (void)kill(child, i % 2 ? SIGCONT : SIGSTOP);
                (void)usleep(50 * 1000);
                until = now_us() + slice;
                while (now_us() < until) {
                        double begin = now_us();

                        sd_bus_message_unref(provider_call(
                                &p, p.bus, writes ? provider_create(&p, p.bus, &p.session, "example.org", 0, true)
                                                  : question(&p, p.bus)));
                        samples_add(i % 2 ? &beside : &alone, now_us() - begin);
                }
        }
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        printf("{\"kind\": \"%s\", ", argv[0]);
        samples_print("alone", &alone);
        printf(", ");
        samples_print("beside", &beside);
        printf("}\n");
        return 0;
}
