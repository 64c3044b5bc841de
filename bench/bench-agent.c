/*
 * ssh-agents beside each other: how many signatures a second, and how long a list takes
 *
 * usage: bench-agent sign|list ROUNDS MILLISECONDS NAME=SOCKET... Prints one JSON object. All agents hold keys of the same types, and
 * in each round each has its turn with each of them, in another order each time, so that a slow moment falls on all.
 * A turn of `sign` lasts so many milliseconds: on each of its connections, 1 or 8, one request is always on its way; what is
 * counted are the signatures that came. A turn of `list` is one list, and the unit is nanoseconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define AGENTS_MAX      8U
#define CONNECTIONS_MAX 8U
#define MESSAGE_MAX     ((size_t)1024 * 1024)
#define SIGNED_SIZE     64U

enum {
        REQUEST_IDENTITIES = 11,
        IDENTITIES_ANSWER = 12,
        SIGN_REQUEST = 13,
        SIGN_RESPONSE = 14,
};

typedef struct Type {
        const char *name;   /* of the key's type on the wire */
        const char *called; /* in the output */
        uint32_t flags;     /* of a request: rsa-sha2-256 */
} Type;

static const Type types[] = {
        {"ssh-ed25519", "ed25519", 0},
        {"ecdsa-sha2-nistp256", "ecdsap256", 0},
        {"ssh-rsa", "rsa3072", 2},
};

/* A client that sleeps until it is answered is woken by the system, which takes about as long as a small signature, and is as
 * much a part of what is measured; one that stays awake measures the agent. */
typedef struct Way {
        const char *name;
        unsigned connections;
        bool awake;
} Way;

static const Way ways[] = {{"1", 1, false}, {"1 awake", 1, true}, {"8", 8, false}};

typedef struct Connection {
        int fd;
        uint8_t *buffer;
        size_t n; /* bytes of the answer that came */
} Connection;

typedef struct Agent {
        const char *name;
        Connection connections[CONNECTIONS_MAX];
        uint8_t *requests[ELEMENTSOF(types)]; /* a whole one for a key of each type, NULL: it has none */
        size_t sizes[ELEMENTSOF(types)];
        unsigned keys;
} Agent;

typedef struct Bench {
        Agent agents[AGENTS_MAX];
        unsigned n_agents, rounds, milliseconds;
        double *samples;
} Bench;

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "bench-agent: %s: %s\n", what, strerror(errno));
        exit(1);
}

static uint64_t nanoseconds(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- the protocol ---- */

static uint32_t get_u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put_u32(uint8_t *p, uint32_t value)
{
        for (unsigned i = 0; i < 4; i++)
                *p++ = (uint8_t)(value >> (24 - 8 * i));
        return p;
}

static uint8_t *put_string(uint8_t *p, const void *data, uint32_t size)
{
        return mempcpy(put_u32(p, size), data, size);
}

static void send_all(Connection *connection, const uint8_t *data, size_t size)
{
        connection->n = 0;
        while (size > 0) {
                ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL);

                if (sent < 0)
                        die("send");
                data += sent;
                size -= (size_t)sent;
        }
}

/* Takes what is there; true once the answer is whole. */
static bool receive(Connection *connection)
{
        ssize_t got = recv(connection->fd, connection->buffer + connection->n, MESSAGE_MAX - connection->n, 0);

        if (got <= 0)
                die("the agent hung up");
        connection->n += (size_t)got;
        return connection->n >= 4 && connection->n >= 4 + (size_t)get_u32(connection->buffer);
}

static void want(const Connection *connection, uint8_t type)
{
        errno = EPROTO;
        if (connection->n < 5 || connection->buffer[4] != type)
                die("the agent refused");
}

static void list(Connection *connection)
{
        static const uint8_t request[] = {0, 0, 0, 1, REQUEST_IDENTITIES};

        send_all(connection, request, sizeof(request));
        while (!receive(connection))
                ;
        want(connection, IDENTITIES_ANSWER);
}

static void connect_to(Connection *connection, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (strlen(path) >= sizeof(address.sun_path))
                die(path);
        (void)strcpy(address.sun_path, path);
        connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connection->buffer = malloc(MESSAGE_MAX);
        if (connection->fd < 0 || !connection->buffer ||
            connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die(path);
}

/* A request for a signature, for the first key of each type. */
static void make_requests(Agent *agent)
{
        static const uint8_t message[SIGNED_SIZE] = "what is signed";
        const uint8_t *p = agent->connections[0].buffer + 5, *end = p - 5 + agent->connections[0].n;

        agent->keys = get_u32(p);
        p += 4;
        for (unsigned i = 0; i < agent->keys && end - p > 8; i++) {
                uint32_t size = get_u32(p), name = get_u32(p + 4);

                for (unsigned t = 0; t < ELEMENTSOF(types); t++) {
                        uint8_t *to;

                        if (agent->requests[t] || strlen(types[t].name) != name || memcmp(p + 8, types[t].name, name) != 0)
                                continue;
                        agent->sizes[t] = 4 + 1 + 4 + size + 4 + sizeof(message) + 4;
                        agent->requests[t] = to = malloc(agent->sizes[t]);
                        if (!to)
                                die("request");
                        to = put_u32(to, (uint32_t)agent->sizes[t] - 4);
                        *to++ = SIGN_REQUEST;
                        to = put_string(to, p + 4, size);
                        to = put_string(to, message, sizeof(message));
                        (void)put_u32(to, types[t].flags);
                }
                p += 4 + size;
                p += 4 + get_u32(p);
        }
}

static void open_agent(Agent *agent, char *argument)
{
        char *equals = strchr(argument, '=');

        errno = EINVAL;
        if (!equals)
                die(argument);
        *equals = 0;
        agent->name = argument;
        for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
                connect_to(&agent->connections[i], equals + 1);
        list(&agent->connections[0]);
        make_requests(agent);
}

/* ---- turns ---- */

/* Signatures a second. */
static double sign(Agent *agent, unsigned type, const Way *way, unsigned milliseconds)
{
        struct pollfd ready[CONNECTIONS_MAX];
        uint64_t begin = nanoseconds(), end = begin + (uint64_t)milliseconds * 1000000U, last = begin;
        unsigned n = way->connections, signatures = 0, waiting = n;

        for (unsigned i = 0; i < n; i++) {
                ready[i] = (struct pollfd){.fd = agent->connections[i].fd, .events = POLLIN};
                send_all(&agent->connections[i], agent->requests[type], agent->sizes[type]);
        }
        while (waiting > 0) {
                if (poll(ready, n, way->awake ? 0 : -1) < 0)
                        die("poll");
                for (unsigned i = 0; i < n; i++) {
                        if (!ready[i].revents || !receive(&agent->connections[i]))
                                continue;
                        want(&agent->connections[i], SIGN_RESPONSE);
                        signatures++;
                        last = nanoseconds();
                        if (last < end)
                                send_all(&agent->connections[i], agent->requests[type], agent->sizes[type]);
                        else
                                waiting--;
                }
        }
        return signatures * 1e9 / (double)(last - begin);
}

static double time_list(Agent *agent)
{
        uint64_t begin = nanoseconds();

        list(&agent->connections[0]);
        return (double)(nanoseconds() - begin);
}

static double turn(Bench *bench, bool signing, unsigned t, unsigned c, unsigned a)
{
        Agent *agent = &bench->agents[a];

        if (!signing)
                return time_list(agent);
        return agent->requests[t] ? sign(agent, t, &ways[c], bench->milliseconds) : 0;
}

static void shuffle(unsigned *order, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                order[i] = i;
        for (unsigned i = n; i-- > 1;) {
                unsigned j = (unsigned)random() % (i + 1), kept = order[i];

                order[i] = order[j];
                order[j] = kept;
        }
}

static double *sample(Bench *bench, unsigned t, unsigned c, unsigned a, unsigned round)
{
        return &bench->samples[((t * ELEMENTSOF(ways) + c) * AGENTS_MAX + a) * bench->rounds + round];
}

static void print_samples(Bench *bench, unsigned t, unsigned c)
{
        for (unsigned a = 0; a < bench->n_agents; a++) {
                printf("%s\"%s\": [", a > 0 ? ", " : "", bench->agents[a].name);
                for (unsigned round = 0; round < bench->rounds; round++)
                        printf("%s%.1f", round > 0 ? ", " : "", *sample(bench, t, c, a, round));
                printf("]");
        }
}

static void print(Bench *bench, bool signing)
{
        if (!signing) {
                printf("{\"keys\": {");
                for (unsigned a = 0; a < bench->n_agents; a++)
                        printf("%s\"%s\": %u", a > 0 ? ", " : "", bench->agents[a].name, bench->agents[a].keys);
                printf("}, \"list\": {");
                print_samples(bench, 0, 0);
                printf("}}\n");
                return;
        }
        printf("{");
        for (unsigned t = 0; t < ELEMENTSOF(types); t++)
                for (unsigned c = 0; c < ELEMENTSOF(ways); c++) {
                        printf("%s\"%s/%s\": {", t + c > 0 ? ", " : "", types[t].called, ways[c].name);
                        print_samples(bench, t, c);
                        printf("}");
                }
        printf("}\n");
}

int main(int argc, char **argv)
{
        Bench bench = {0};
        unsigned order[AGENTS_MAX], n_types, n_numbers;
        bool signing;

        if (argc < 5 || argc - 4 > (int)AGENTS_MAX || (strcmp(argv[1], "sign") != 0 && strcmp(argv[1], "list") != 0)) {
                fprintf(stderr, "usage: bench-agent sign|list ROUNDS MILLISECONDS NAME=SOCKET...\n");
                return 2;
        }
        signing = strcmp(argv[1], "sign") == 0;
        bench.rounds = (unsigned)atoi(argv[2]);
        bench.milliseconds = (unsigned)atoi(argv[3]);
        bench.n_agents = (unsigned)argc - 4;
        bench.samples = calloc(ELEMENTSOF(types) * ELEMENTSOF(ways) * AGENTS_MAX * bench.rounds, sizeof(*bench.samples));
        if (!bench.samples)
                die("samples");
        for (unsigned a = 0; a < bench.n_agents; a++)
                open_agent(&bench.agents[a], argv[4 + a]);

        n_types = signing ? ELEMENTSOF(types) : 1;
        n_numbers = signing ? ELEMENTSOF(ways) : 1;
        for (unsigned round = 0; round < bench.rounds; round++)
                for (unsigned t = 0; t < n_types; t++)
                        for (unsigned c = 0; c < n_numbers; c++) {
                                shuffle(order, bench.n_agents);
                                for (unsigned i = 0; i < bench.n_agents; i++)
                                        *sample(&bench, t, c, order[i], round) = turn(&bench, signing, t, c, order[i]);
                        }
        print(&bench, signing);

        for (unsigned a = 0; a < bench.n_agents; a++) {
                for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
                        (void)close(bench.agents[a].connections[i].fd);
                        free(bench.agents[a].connections[i].buffer);
                }
                for (unsigned t = 0; t < ELEMENTSOF(types); t++)
                        free(bench.agents[a].requests[t]);
        }
        free(bench.samples);
        return 0;
}
