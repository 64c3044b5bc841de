/*
 * The security key, as libfido2 finds it on the daemon's socket, beside what the machine can do at best
 *
 * usage: bench-ctap SOCKET-DIRECTORY ROUNDS [RESIDENT]. Prints one JSON object with medians in nanoseconds. In each round one of each
 * is done, so that a slow moment falls on all: a P-256 signature through EVP, a round trip of one 64-byte report on such a
 * socket (an echo in a process of its own), an append with fdatasync, getAssertion with an allowed credential and without
 * presence, a discoverable one, probes of one and of 100 unknown credentials, and makeCredential. The person is an agent in a process of
 * its own that says yes at once; what asking it costs is seen from authenticatorSelection, which does nothing else ("question"):
 * one report there and one back. With RESIDENT that many more discoverable credentials of other relying parties are made first.
 */
#include <errno.h>
#include <fcntl.h>
#include <fido/es256.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/peer.h"
#include "keyfob/bus.h"
#include "tests/integration/fido-socket.h"

#define REPORT_SIZE 64
#define PROBES      100
#define WARM_UP     20

typedef enum Measure {
        MEASURE_SIGN,
        MEASURE_ROUND_TRIP,
        MEASURE_SYNC,
        MEASURE_ASSERT,
        MEASURE_DISCOVER,
        MEASURE_PROBE_ONE,
        MEASURE_PROBE,
        MEASURE_QUESTION,
        MEASURE_MAKE,
        MEASURE_PING,
        _MEASURE_MAX,
} Measure;

static const char *const names[] = {
        [MEASURE_SIGN] = "sign",         [MEASURE_ROUND_TRIP] = "round_trip", [MEASURE_SYNC] = "append_fdatasync",
        [MEASURE_ASSERT] = "get_assertion", [MEASURE_DISCOVER] = "get_assertion_discoverable",
        [MEASURE_PROBE_ONE] = "probe_1", [MEASURE_PROBE] = "probe_100",   [MEASURE_QUESTION] = "question",
        [MEASURE_MAKE] = "make_credential", [MEASURE_PING] = "bus_round_trip",
};

typedef struct Bench {
        fido_dev_t *dev;
        EVP_PKEY *key;
        int echo, file, line; /* the line is a connection of its own to the security key */
        unsigned char channel[4];
        pid_t echo_pid, agent_pid;
        sd_bus *bus;
        unsigned char id[256];
        size_t id_size;
        unsigned char unknown[PROBES][32];
} Bench;

static _Noreturn void die(const char *what, int error)
{
        fprintf(stderr, "bench-ctap: %s: %s\n", what, fido_strerr(error));
        exit(1);
}

static uint64_t nanoseconds(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static const unsigned char hash[32] = {1, 2, 3};

static void must(int r, const char *what)
{
        if (r != FIDO_OK)
                die(what, r);
}

static int make(Bench *bench, const char *rp, const char *user, bool resident, unsigned char *ret_id, size_t *ret_size)
{
        fido_cred_t *cred = fido_cred_new();
        int r;

        must(fido_cred_set_type(cred, COSE_ES256), "type");
        must(fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)), "hash");
        must(fido_cred_set_rp(cred, rp, rp), "rp");
        must(fido_cred_set_user(cred, (const unsigned char *)user, strlen(user), user, user, NULL), "user");
        must(fido_cred_set_rk(cred, resident ? FIDO_OPT_TRUE : FIDO_OPT_OMIT), "rk");
        r = fido_dev_make_cred(bench->dev, cred, NULL);
        if (r == FIDO_OK && ret_id) {
                *ret_size = fido_cred_id_len(cred);
                memcpy(ret_id, fido_cred_id_ptr(cred), *ret_size);
        }
        fido_cred_free(&cred);
        return r;
}

static int assertion(Bench *bench, const char *rp, bool listed, size_t n_unknown)
{
        fido_assert_t *assert = fido_assert_new();
        int r;

        must(fido_assert_set_clientdata_hash(assert, hash, sizeof(hash)), "hash");
        must(fido_assert_set_rp(assert, rp), "rp");
        must(fido_assert_set_up(assert, FIDO_OPT_FALSE), "up");
        if (listed)
                must(fido_assert_allow_cred(assert, bench->id, bench->id_size), "allow");
        for (size_t i = 0; i < n_unknown; i++)
                must(fido_assert_allow_cred(assert, bench->unknown[i], sizeof(bench->unknown[i])), "allow");
        r = fido_dev_get_assert(bench->dev, assert, NULL);
        fido_assert_free(&assert);
        return r;
}

static void sign_once(Bench *bench)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        unsigned char signature[80];
        size_t size = sizeof(signature);

        if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, bench->key) != 1 ||
            EVP_DigestSign(ctx, signature, &size, hash, sizeof(hash)) != 1)
                die("sign", FIDO_ERR_INTERNAL);
        EVP_MD_CTX_free(ctx);
}

static void round_trip(Bench *bench)
{
        struct pollfd ready = {.fd = bench->echo, .events = POLLIN};
        unsigned char report[REPORT_SIZE] = {0};

        if (send(bench->echo, report, sizeof(report), 0) != REPORT_SIZE || poll(&ready, 1, 1000) != 1 ||
            recv(bench->echo, report, sizeof(report), 0) != REPORT_SIZE)
                die("echo", FIDO_ERR_INTERNAL);
}

/* ---- a question and nothing else, in reports: libfido2 has no call for it ---- */

enum {
        HID_CBOR = 0x90,
        HID_INIT = 0x86,
        HID_KEEPALIVE = 0xbb,
        CTAP_SELECTION = 0x0b,
};

/* Channel, command and one packet of data; the first report that is no keepalive comes back. */
static void exchange(Bench *bench, unsigned char command, const void *data, unsigned char size,
                     unsigned char reply[REPORT_SIZE])
{
        unsigned char report[REPORT_SIZE] = {0};

        memcpy(report, bench->channel, sizeof(bench->channel));
        report[4] = command;
        report[6] = size;
        memcpy(report + 7, data, size);
        if (send(bench->line, report, sizeof(report), 0) != REPORT_SIZE)
                die("report", FIDO_ERR_TX);
        do
                if (recv(bench->line, reply, REPORT_SIZE, 0) != REPORT_SIZE)
                        die("report", FIDO_ERR_RX);
        while (reply[4] == HID_KEEPALIVE);
        if (reply[4] != command)
                die("report", FIDO_ERR_RX);
}

static void open_line(Bench *bench, const char *path)
{
        unsigned char reply[REPORT_SIZE];

        bench->line = peer_connect(path, SOCK_SEQPACKET, /* place= */ true);
        if (bench->line < 0)
                die(path, FIDO_ERR_TX);
        memset(bench->channel, 0xff, sizeof(bench->channel));
        exchange(bench, HID_INIT, "12345678", 8, reply);
        memcpy(bench->channel, reply + 15, sizeof(bench->channel));
}

static void question(Bench *bench)
{
        static const unsigned char selection[] = {CTAP_SELECTION};
        unsigned char reply[REPORT_SIZE];

        exchange(bench, HID_CBOR, selection, sizeof(selection), reply);
        if (reply[6] != 1 || reply[7] != FIDO_OK)
                die("selection", reply[7]);
}

static void start_echo(Bench *bench)
{
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || (bench->echo_pid = fork()) < 0)
                die("echo", FIDO_ERR_INTERNAL);
        if (bench->echo_pid == 0) {
                struct pollfd ready = {.fd = pair[1], .events = POLLIN};
                unsigned char report[REPORT_SIZE];

                (void)close(pair[0]);
                while (poll(&ready, 1, -1) == 1 && recv(pair[1], report, sizeof(report), 0) == REPORT_SIZE)
                        (void)send(pair[1], report, sizeof(report), 0);
                _exit(0);
        }
        (void)close(pair[1]);
        bench->echo = pair[0];
}

/* ---- the person ---- */

static int on_ask(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "bay", 1, 0);
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, NULL);
}

static const sd_bus_vtable agent_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Ask", "a{sv}", "bay", on_ask, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Cancel", "s", NULL, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int connect_bus(const char *directory, sd_bus **ret)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        char address[256];
        int r;

        (void)snprintf(address, sizeof(address), "unix:path=%s/bus", directory);
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                *ret = TAKE_PTR(bus);
        return r;
}

static int serve_agent(const char *directory, int ready)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = connect_bus(directory, &bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/agent", KEYFOB_AGENT_INTERFACE, agent_vtable, NULL);
        if (r >= 0)
                r = sd_bus_call_method(bus, NULL, KEYFOB_PATH, KEYFOB_PROMPTER_INTERFACE, "RegisterAgent", NULL, NULL,
                                       "oa{sv}", "/agent", 1, "session", "b", 1);
        if (r < 0)
                return r;
        (void)!write(ready, "", 1);
        (void)close(ready);
        for (;;) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0)
                        return 0; /* the daemon has gone */
        }
}

static void start_agent(Bench *bench, const char *directory)
{
        int ready[2];
        char byte;

        if (pipe2(ready, O_CLOEXEC) < 0 || (bench->agent_pid = fork()) < 0)
                die("agent", FIDO_ERR_INTERNAL);
        if (bench->agent_pid == 0) {
                (void)close(ready[0]);
                _exit(serve_agent(directory, ready[1]) < 0);
        }
        (void)close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
                die("agent", FIDO_ERR_INTERNAL);
        (void)close(ready[0]);
}

static void ping(Bench *bench)
{
        if (sd_bus_call_method(bench->bus, NULL, KEYFOB_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL) < 0)
                die("Ping", FIDO_ERR_INTERNAL);
}

static void run(Bench *bench, Measure measure, unsigned round)
{
        static const unsigned char line[200];
        char user[32];

        switch (measure) {
        case MEASURE_SIGN:
                sign_once(bench);
                break;
        case MEASURE_ROUND_TRIP:
                round_trip(bench);
                break;
        case MEASURE_SYNC:
                if (write(bench->file, line, sizeof(line)) != (ssize_t)sizeof(line) || fdatasync(bench->file) < 0)
                        die("fdatasync", FIDO_ERR_INTERNAL);
                break;
        case MEASURE_ASSERT:
                must(assertion(bench, "bench.example", /* listed= */ true, /* n_unknown= */ 0), "getAssertion");
                break;
        case MEASURE_DISCOVER:
                must(assertion(bench, "resident.example", /* listed= */ false, /* n_unknown= */ 0), "getAssertion");
                break;
        case MEASURE_PROBE_ONE:
        case MEASURE_PROBE:
                if (assertion(bench, "bench.example", /* listed= */ false, measure == MEASURE_PROBE ? PROBES : 1) !=
                    FIDO_ERR_NO_CREDENTIALS)
                        die("probe", FIDO_ERR_INTERNAL);
                break;
        case MEASURE_QUESTION:
                question(bench);
                break;
        case MEASURE_MAKE:
                (void)snprintf(user, sizeof(user), "user-%u", round);
                must(make(bench, "make.example", user, /* resident= */ false, NULL, NULL), "makeCredential");
                break;
        case MEASURE_PING:
                ping(bench);
                break;
        case _MEASURE_MAX:
                break;
        }
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

/* In another order each round, so that none is always the one that finds the caches cold after a wait for the disk. */
static void shuffle(Measure order[_MEASURE_MAX])
{
        for (unsigned i = _MEASURE_MAX - 1; i > 0; i--) {
                unsigned j = (unsigned)random() % (i + 1);
                Measure kept = order[i];

                order[i] = order[j];
                order[j] = kept;
        }
}

static void measure_all(Bench *bench, unsigned rounds)
{
        uint64_t *samples = calloc((size_t)_MEASURE_MAX * rounds, sizeof(*samples)), before;
        Measure order[_MEASURE_MAX];

        if (!samples)
                die("samples", FIDO_ERR_INTERNAL);
        for (unsigned i = 0; i < WARM_UP; i++)
                run(bench, MEASURE_ASSERT, i);
        for (unsigned m = 0; m < _MEASURE_MAX; m++)
                order[m] = (Measure)m;
        for (unsigned i = 0; i < rounds; i++) {
                shuffle(order);
                for (unsigned m = 0; m < _MEASURE_MAX; m++) {
                        before = nanoseconds();
                        run(bench, order[m], i);
                        samples[order[m] * rounds + i] = nanoseconds() - before;
                }
        }
        printf("{\"rounds\": %u", rounds);
        for (unsigned m = 0; m < _MEASURE_MAX; m++) {
                uint64_t *row = samples + m * rounds;

                qsort(row, rounds, sizeof(*row), compare);
                printf(", \"%s\": {\"median\": %lu, \"p90\": %lu}", names[m], (unsigned long)row[rounds / 2],
                       (unsigned long)row[rounds - 1 - rounds / 10]);
        }
        printf("}\n");
        free(samples);
}

int main(int argc, char **argv)
{
        Bench bench = {.echo = -1};
        char path[] = "bench-ctap-XXXXXX", socket_path[256];
        unsigned rounds, resident;
        int r;

        if (argc < 3) {
                fprintf(stderr, "usage: bench-ctap SOCKET-DIRECTORY ROUNDS [RESIDENT]\n");
                return 2;
        }
        rounds = (unsigned)atoi(argv[2]);
        resident = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
        if (rounds == 0)
                return 2;

        start_echo(&bench);
        start_agent(&bench, argv[1]);
        if (connect_bus(argv[1], &bench.bus) < 0)
                die("bus", FIDO_ERR_INTERNAL);
        fido_init(0);
        (void)snprintf(socket_path, sizeof(socket_path), "%s/ctap", argv[1]);
        bench.dev = fido_socket_open(socket_path, &r);
        if (!bench.dev)
                die(socket_path, r);
        open_line(&bench, socket_path);
        bench.key = EVP_EC_gen("P-256");
        bench.file = mkstemp(path);
        if (!bench.key || bench.file < 0)
                die("set-up", FIDO_ERR_INTERNAL);
        (void)unlink(path);
        for (size_t i = 0; i < PROBES; i++)
                memset(bench.unknown[i], (int)i + 1, sizeof(bench.unknown[i]));

        must(make(&bench, "bench.example", "me", /* resident= */ false, bench.id, &bench.id_size), "makeCredential");
        must(make(&bench, "resident.example", "me", /* resident= */ true, NULL, NULL), "makeCredential");
        for (unsigned i = 0; i < resident; i++) {
                char rp[64];

                (void)snprintf(rp, sizeof(rp), "site-%u.example", i);
                must(make(&bench, rp, "me", /* resident= */ true, NULL, NULL), "makeCredential");
        }
        measure_all(&bench, rounds);

        (void)kill(bench.echo_pid, SIGTERM);
        (void)waitpid(bench.echo_pid, NULL, 0);
        (void)close(bench.echo);
        (void)kill(bench.agent_pid, SIGTERM);
        (void)waitpid(bench.agent_pid, NULL, 0);
        sd_bus_flush_close_unref(bench.bus);
        (void)fido_dev_close(bench.dev);
        fido_dev_free(&bench.dev);
        EVP_PKEY_free(bench.key);
        (void)close(bench.file);
        (void)close(bench.line);
        return 0;
}
