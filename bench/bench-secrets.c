/*
 * bench-secrets: one client, several providers of the Secret Service, taking turns
 *
 *   bench-secrets turns ITEMS ROUNDS SCRATCH-FILE PROVIDER …   every operation on each provider before the next round
 *   bench-secrets fill ITEMS PROVIDER [VALUE]                  items, many calls on their way at once
 *   bench-secrets storm WRITERS MILLISECONDS ROUNDS PROVIDER … writers that each wait for their answer
 *   bench-secrets bulk ITEMS ROUNDS PROVIDER                   GetSecrets of that many
 *   bench-secrets visitors NUMBER PID PROVIDER                 clients that open three sessions and hang up
 *   bench-secrets idle NUMBER MILLISECONDS PROVIDER            one client beside others that are only there
 *   bench-secrets hostile KIND MILLISECONDS PROVIDER           one client beside another that means no good
 *   bench-secrets start ROUNDS SOCKET ADDRESS COMMAND …        from exec to a first answer, and to the name on a bus
 *   bench-secrets unlock ROUNDS PROVIDER                       of a vault that opens by itself
 *   bench-secrets beside PID PROVIDER COMMAND …                Ping, again and again, while a command runs
 *
 * A PROVIDER is NAME=ADDRESS[,bus][,dh] (bus: a message bus, else peer to peer; dh: an encrypted session). One JSON object
 * goes to standard output, times in microseconds; bench/run makes the tables.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench-secrets.h"
#include "bench/samples.h"
#include "crypto/arena.h"
#include "keyfob/bus.h"

enum { FLOOR, PING, CREATE, REPLACE, LOOKUP, LOOKUP_ONE, DELETE, FLOOR_LOOKUP, FLOOR_LOOKUP_ONE, OPERATIONS };
static const char *const operation_names[OPERATIONS] = {"empty",   "ping",   "create",       "replace",      "lookup",
                                                        "lookup1", "delete", "empty_lookup", "empty_lookup1"};

#define OWNER "example.org"

static sd_bus_message *call(const Provider *p, sd_bus_message *m)
{
        return provider_call(p, p->bus, m);
}

/* The path of the one item, to be freed. */
static char *search(const Provider *p, int i)
{
        sd_bus_message *m = provider_method(p, p->bus, SECRETS_PATH, SECRETS_SERVICE, "SearchItems"), *reply;
        char *path, *copy;

        append_query(m, OWNER, i);
        reply = call(p, m);
        sd_bus_message_enter_container(reply, 'a', "o");
        if (sd_bus_message_read(reply, "o", &path) <= 0)
                die("an item is missing", -ENOENT);
        copy = strdup(path);
        sd_bus_message_unref(reply);
        return copy;
}

static void lookup(const Provider *p, int i)
{
        char *path = search(p, i);
        sd_bus_message *m = provider_method(p, p->bus, path, SECRETS_ITEM, "GetSecret");

        sd_bus_message_append(m, "o", p->session.path);
        sd_bus_message_unref(call(p, m));
        free(path);
}

static void lookup_one(const Provider *p, int i)
{
        sd_bus_message *m = provider_method(p, p->bus, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Lookup");

        append_query(m, OWNER, i);
        sd_bus_message_unref(call(p, m));
}

static void ping(const Provider *p, sd_bus *bus, const char *destination)
{
        sd_bus_message *m;
        int r = sd_bus_message_new_method_call(bus, &m, destination, "/", "org.freedesktop.DBus.Peer", "Ping");

        if (r < 0)
                die("Ping", r);
        sd_bus_message_unref(provider_call(p, bus, m));
}

/* Does one operation; returns how long it took. A call before it, which is not timed, wakes those who take part: else what
 * comes after a wait for the disk would pay for that. Deletion is timed without the search before it. */
static double operate(const Provider *p, int operation, int i, int fresh)
{
        char *path = operation == DELETE ? search(p, fresh) : NULL;
        const Provider floor = provider_floor(p);
        double begin;

        if (operation == FLOOR || operation == FLOOR_LOOKUP || operation == FLOOR_LOOKUP_ONE)
                ping(p, p->floor, p->on_bus ? p->floor_name : NULL);
        else
                ping(p, p->bus, p->destination);
        begin = now_us();
        switch (operation) {
        case FLOOR:
                ping(p, p->floor, p->on_bus ? p->floor_name : NULL);
                break;
        case PING:
                ping(p, p->bus, p->destination);
                break;
        case CREATE:
                sd_bus_message_unref(call(p, provider_create(p, p->bus, &p->session, OWNER, fresh, false)));
                break;
        case REPLACE:
                sd_bus_message_unref(call(p, provider_create(p, p->bus, &p->session, OWNER, i, true)));
                break;
        case LOOKUP:
                lookup(p, i);
                break;
        case LOOKUP_ONE:
                lookup_one(p, i);
                break;
        case FLOOR_LOOKUP:
                lookup(&floor, i);
                break;
        case FLOOR_LOOKUP_ONE:
                lookup_one(&floor, i);
                break;
        case DELETE:
                sd_bus_message_unref(call(p, provider_method(p, p->bus, path, SECRETS_ITEM, "Delete")));
                break;
        }
        begin = now_us() - begin;
        free(path);
        return begin;
}

static int turns(int argc, char **argv)
{
        Provider providers[PROVIDERS_MAX] = {0};
        Samples samples[PROVIDERS_MAX][OPERATIONS] = {0}, floor = {0};
        int n_items, rounds, n = argc - 3, fd;
        char block[200] = {0};

        if (n < 1 || n > PROVIDERS_MAX)
                return 2;
        n_items = atoi(argv[0]);
        rounds = atoi(argv[1]);
        fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (n_items < 1 || rounds < 1 || fd < 0)
                die("arguments", -EINVAL);
        for (int k = 0; k < n; k++) {
                provider_parse(&providers[k], argv[3 + k]);
                provider_open_floor(&providers[k]);
        }
        for (int k = 0; k < n; k++)
                provider_open(&providers[k]);

        for (int round = 0; round < rounds; round++) {
                double begin = now_us();

                if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd) < 0)
                        die("scratch file", -errno);
                samples_add(&floor, now_us() - begin);
                for (int o = 0; o < OPERATIONS; o++)
                        for (int k = 0; k < n; k++) {
                                int turn = (k + round) % n;
                                const Provider *p = &providers[turn];

                                if ((o == LOOKUP_ONE || o == FLOOR_LOOKUP_ONE) && strncmp(p->name, "keyfob", 6) != 0)
                                        continue;
                                samples_add(&samples[turn][o], operate(p, o, (int)((long)round * 7919 % n_items),
                                                                       n_items + round));
                        }
        }

        printf("{\"items\": %d, \"rounds\": %d, ", n_items, rounds);
        samples_print("append_fdatasync", &floor);
        for (int k = 0; k < n; k++) {
                printf(", \"%s\": {", providers[k].name);
                for (int o = 0; o < OPERATIONS; o++) {
                        printf("%s", o ? ", " : "");
                        samples_print(operation_names[o], &samples[k][o]);
                }
                printf("}");
        }
        printf("}\n");
        return 0;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int (*run)(int argc, char **argv);
                int arguments;
        } commands[] = {{"turns", turns, 4},   {"fill", fill, 2},         {"storm", storm, 4}, {"bulk", bulk, 3},
                        {"visitors", visitors, 3}, {"idle", idle, 3}, {"hostile", hostile, 3}, {"start", start, 4}, {"unlock", unlock, 2},
                        {"beside", beside, 3}};
        int r = 2;

        if (arena_init() < 0)
                die("locked memory", -ENOMEM);
        for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(*commands); i++)
                if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].arguments)
                        r = commands[i].run(argc - 2, argv + 2);
        if (r == 2)
                fprintf(stderr, "usage: bench-secrets turns|fill|storm|bulk|visitors|idle|hostile|start|unlock|beside ...: see "
                                "bench/bench-secrets.c\n");
        return r;
}
