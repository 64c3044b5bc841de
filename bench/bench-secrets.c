/*
 * bench-secrets: one client, several Secret Service providers, taking turns
 *
 * Every operation is done on each provider before the next round begins, so that a slow moment of the machine falls on
 * all of them. Beside them stand the floors: a Ping of the same connection, and an append with fdatasync on the same
 * disk. Medians go to standard output as one JSON object; bench/run makes the table.
 *
 *   bench-secrets ITEMS ROUNDS SCRATCH-FILE NAME=ADDRESS[,bus] …     (",bus": a message bus, else peer to peer)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "keyfob/bus.h"

#define PROVIDERS_MAX 4
#define OPERATIONS    6

enum { PING, CREATE, REPLACE, LOOKUP, LOOKUP_ONE, DELETE };
static const char *const operation_names[OPERATIONS] = {"ping", "create", "replace", "lookup", "lookup1", "delete"};

typedef struct Provider {
        const char *name;
        sd_bus *bus;
        bool on_bus;
        const char *destination;
        char *session;
        double *samples[OPERATIONS];
} Provider;

static void die(const char *what, int r)
{
        fprintf(stderr, "bench-secrets: %s: %s\n", what, strerror(-r));
        exit(1);
}

static double now_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static sd_bus_message *call(Provider *p, sd_bus_message *m)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(p->bus, m, 0, &error, &reply);

        if (r < 0) {
                fprintf(stderr, "%s: %s\n", p->name, error.message ?: strerror(-r));
                exit(1);
        }
        sd_bus_message_unref(m);
        return reply;
}

static sd_bus_message *method(Provider *p, const char *path, const char *interface, const char *member)
{
        sd_bus_message *m;
        int r = sd_bus_message_new_method_call(p->bus, &m, p->destination, path, interface, member);

        if (r < 0)
                die(member, r);
        return m;
}

static void provider_open(Provider *p, char *spec)
{
        char *equals = strchr(spec, '='), *bus = strstr(spec, ",bus"), *session;
        sd_bus_message *reply;
        int r;

        if (!equals)
                die("NAME=ADDRESS expected", -EINVAL);
        *equals = 0;
        p->name = spec;
        p->on_bus = bus != NULL;
        if (bus)
                *bus = 0;
        p->destination = p->on_bus ? SECRETS_BUS_NAME : NULL;

        r = sd_bus_new(&p->bus);
        if (r >= 0)
                r = sd_bus_set_address(p->bus, equals + 1);
        if (r >= 0 && p->on_bus)
                r = sd_bus_set_bus_client(p->bus, true);
        if (r >= 0)
                r = sd_bus_start(p->bus);
        if (r < 0)
                die(p->name, r);

        sd_bus_message *m = method(p, SECRETS_PATH, SECRETS_SERVICE, "OpenSession");

        sd_bus_message_append(m, "sv", "plain", "s", "");
        reply = call(p, m);
        sd_bus_message_skip(reply, "v");
        sd_bus_message_read(reply, "o", &session);
        p->session = strdup(session);
        sd_bus_message_unref(reply);
}

static void append_query(sd_bus_message *m, const char *server, int i)
{
        char user[32];

        snprintf(user, sizeof(user), "user-%d", i);
        sd_bus_message_append(m, "a{ss}", 3, "server", server, "user", user, "application", "bench");
}

static void create(Provider *p, int i, bool replace)
{
        sd_bus_message *m = method(p, SECRETS_PATH "/aliases/default", SECRETS_COLLECTION, "CreateItem");

        sd_bus_message_open_container(m, 'a', "{sv}");
        sd_bus_message_append(m, "{sv}", SECRETS_ITEM ".Label", "s", "A benchmark item");
        sd_bus_message_open_container(m, 'e', "sv");
        sd_bus_message_append(m, "s", SECRETS_ITEM ".Attributes");
        sd_bus_message_open_container(m, 'v', "a{ss}");
        append_query(m, "example.org", i);
        sd_bus_message_close_container(m);
        sd_bus_message_close_container(m);
        sd_bus_message_close_container(m);
        sd_bus_message_open_container(m, 'r', "oayays");
        sd_bus_message_append(m, "o", p->session);
        sd_bus_message_append_array(m, 'y', NULL, 0);
        sd_bus_message_append_array(m, 'y', "correct horse battery staple", 28);
        sd_bus_message_append(m, "s", "text/plain");
        sd_bus_message_close_container(m);
        sd_bus_message_append(m, "b", (int)replace);
        sd_bus_message_unref(call(p, m));
}

/* The path of the one item, to be freed. */
static char *search(Provider *p, int i)
{
        sd_bus_message *m = method(p, SECRETS_PATH, SECRETS_SERVICE, "SearchItems"), *reply;
        char *path, *copy;

        append_query(m, "example.org", i);
        reply = call(p, m);
        sd_bus_message_enter_container(reply, 'a', "o");
        if (sd_bus_message_read(reply, "o", &path) <= 0)
                die("an item is missing", -ENOENT);
        copy = strdup(path);
        sd_bus_message_unref(reply);
        return copy;
}

static void lookup(Provider *p, int i)
{
        char *path = search(p, i);
        sd_bus_message *m = method(p, path, SECRETS_ITEM, "GetSecret");

        sd_bus_message_append(m, "o", p->session);
        sd_bus_message_unref(call(p, m));
        free(path);
}

/* Does one operation; returns how long it took, in microseconds. Deletion is timed without the search before it. */
static double operate(Provider *p, int operation, int i, int fresh)
{
        char *path = operation == DELETE ? search(p, fresh) : NULL;
        double begin = now_us();
        sd_bus_message *m;

        switch (operation) {
        case PING:
                sd_bus_message_unref(call(p, method(p, "/", "org.freedesktop.DBus.Peer", "Ping")));
                break;
        case CREATE:
                create(p, fresh, false);
                break;
        case REPLACE:
                create(p, i, true);
                break;
        case LOOKUP:
                lookup(p, i);
                break;
        case LOOKUP_ONE:
                if (strncmp(p->name, "keyfob", 6) != 0)
                        break;
                m = method(p, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Lookup");
                append_query(m, "example.org", i);
                sd_bus_message_unref(call(p, m));
                break;
        case DELETE:
                sd_bus_message_unref(call(p, method(p, path, SECRETS_ITEM, "Delete")));
                break;
        }
        begin = now_us() - begin;
        free(path);
        return begin;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static double median(double *samples, int n)
{
        qsort(samples, (size_t)n, sizeof(*samples), compare);
        return samples[n / 2];
}

int main(int argc, char *argv[])
{
        Provider providers[PROVIDERS_MAX] = {0};
        int n_items, rounds, n = argc - 4, fd;
        char block[200] = {0};
        double *floor;

        if (argc < 5 || n > PROVIDERS_MAX) {
                fprintf(stderr, "usage: bench-secrets ITEMS ROUNDS SCRATCH-FILE NAME=ADDRESS[,bus] ...\n");
                return 2;
        }
        n_items = atoi(argv[1]);
        rounds = atoi(argv[2]);
        fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        floor = calloc((size_t)rounds, sizeof(*floor));
        if (n_items < 1 || rounds < 1 || fd < 0 || !floor)
                die("arguments", -EINVAL);

        for (int k = 0; k < n; k++) {
                provider_open(&providers[k], argv[4 + k]);
                for (int o = 0; o < OPERATIONS; o++)
                        providers[k].samples[o] = calloc((size_t)rounds, sizeof(double));
                for (int i = 0; i < n_items; i++)
                        create(&providers[k], i, true);
        }

        for (int round = 0; round < rounds; round++) {
                double begin = now_us();

                if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd) < 0)
                        die("scratch file", -errno);
                floor[round] = now_us() - begin;

                for (int o = 0; o < OPERATIONS; o++)
                        for (int k = 0; k < n; k++) {
                                Provider *p = &providers[(k + round) % n];

                                p->samples[o][round] = operate(p, o, (round * 7919) % n_items, n_items + round);
                        }
        }

        printf("{\"items\": %d, \"rounds\": %d, \"append_fdatasync_us\": %.1f", n_items, rounds,
               median(floor, rounds));
        for (int k = 0; k < n; k++) {
                printf(", \"%s\": {", providers[k].name);
                for (int o = 0; o < OPERATIONS; o++)
                        printf("%s\"%s_us\": %.1f", o ? ", " : "", operation_names[o],
                               median(providers[k].samples[o], rounds));
                printf("}");
        }
        printf("}\n");
        return 0;
}
