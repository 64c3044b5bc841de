/*
 * The security key as a device of the kernel, beside its own socket
 *
 * usage: bench-uhid SOCKET NODE ROUNDS. Prints one JSON object with medians in nanoseconds. Both doors are spoken to in the same
 * way, report by report: a PING of one report says what a way costs, a getAssertion without presence what a program
 * waits for. In each round one of each is done at each door, in another order each time, so that a slow moment falls
 * on all. Meant for a guest with the kernel that has uhid: bench/run-uhid.
 */
#include <fcntl.h>
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

#define REPORT_SIZE  64U
#define FIRST_HEADER 7U
#define NEXT_HEADER  5U
#define MESSAGE_MAX  1024U
#define WAIT_MS      60000
#define WARM_UP      20U
#define BROADCAST    0xffffffffU

#define CMD_PING      0x81
#define CMD_INIT      0x86
#define CMD_CBOR      0x90
#define CMD_KEEPALIVE 0xbb

#define HASH "0123456789abcdef0123456789abcdef"
#define RP   "bench.local"

/* makeCredential: a hash, rp {id}, user {id, name}, ES256, options {rk} */
static const char make_request[] = "\x01\xa5\x01\x58\x20" HASH "\x02\xa1\x62"
                                   "id\x6b" RP "\x03\xa2\x62"
                                   "id\x41\x01\x64"
                                   "name\x62me\x04\x81\xa2\x63"
                                   "alg\x26\x64type\x6apublic-key\x07\xa1\x62rk\xf5";
/* getAssertion: rp, a hash, options {up: false} */
static const char assert_request[] = "\x02\xa3\x01\x6b" RP "\x02\x58\x20" HASH "\x05\xa1\x62up\xf4";

typedef struct Door {
        int fd;
        bool numbered; /* hidraw wants the report's number first */
        uint32_t channel;
} Door;

typedef enum Measure {
        MEASURE_PING_SOCKET,
        MEASURE_PING_UHID,
        MEASURE_ASSERT_SOCKET,
        MEASURE_ASSERT_UHID,
        _MEASURE_MAX,
} Measure;

static const char *const names[] = {
        [MEASURE_PING_SOCKET] = "ping_socket",
        [MEASURE_PING_UHID] = "ping_uhid",
        [MEASURE_ASSERT_SOCKET] = "assert_socket",
        [MEASURE_ASSERT_UHID] = "assert_uhid",
};

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "bench-uhid: %s\n", what);
        exit(1);
}

static void put_channel(uint8_t *report, uint32_t channel)
{
        for (unsigned i = 0; i < 4; i++)
                report[i] = (uint8_t)(channel >> (24 - 8 * i));
}

static void write_report(const Door *door, const uint8_t report[REPORT_SIZE])
{
        uint8_t numbered[REPORT_SIZE + 1] = {0};

        memcpy(numbered + 1, report, REPORT_SIZE);
        if (door->numbered ? write(door->fd, numbered, sizeof(numbered)) != (ssize_t)sizeof(numbered)
                           : write(door->fd, report, REPORT_SIZE) != REPORT_SIZE)
                die("a report could not be written");
}

static void write_message(const Door *door, uint8_t command, const void *data, size_t size)
{
        const uint8_t *rest = data;
        uint8_t sequence = 0;

        for (size_t header = FIRST_HEADER, first = 1; first || size > 0; header = NEXT_HEADER, first = 0) {
                size_t n = size < REPORT_SIZE - header ? size : REPORT_SIZE - header;
                uint8_t report[REPORT_SIZE] = {0};

                put_channel(report, door->channel);
                report[4] = first ? command : sequence++;
                if (first) {
                        report[5] = (uint8_t)(size >> 8);
                        report[6] = (uint8_t)size;
                }
                memcpy(report + header, rest, n);
                write_report(door, report);
                rest += n;
                size -= n;
        }
}

static void read_report(const Door *door, uint8_t ret[REPORT_SIZE])
{
        struct pollfd ready = {.fd = door->fd, .events = POLLIN};

        if (poll(&ready, 1, WAIT_MS) != 1 || read(door->fd, ret, REPORT_SIZE) != REPORT_SIZE)
                die("no answer");
}

/* Returns its size. */
static size_t read_message(const Door *door, uint8_t command, uint8_t ret[MESSAGE_MAX])
{
        uint8_t report[REPORT_SIZE];
        size_t size, at;

        do
                read_report(door, report);
        while (report[4] == CMD_KEEPALIVE);
        size = (size_t)report[5] << 8 | report[6];
        if (report[4] != command || size > MESSAGE_MAX)
                die("an answer to something else");
        for (size_t header = FIRST_HEADER, n, done = 0; done < size; done = at, header = NEXT_HEADER) {
                if (done > 0)
                        read_report(door, report);
                n = size - done < REPORT_SIZE - header ? size - done : REPORT_SIZE - header;
                memcpy(ret + done, report + header, n);
                at = done + n;
        }
        return size;
}

static void open_channel(Door *door)
{
        uint8_t nonce[8] = "nonce", reply[MESSAGE_MAX];

        door->channel = BROADCAST;
        write_message(door, CMD_INIT, nonce, sizeof(nonce));
        if (read_message(door, CMD_INIT, reply) < 12 || memcmp(reply, nonce, sizeof(nonce)) != 0)
                die("no channel");
        door->channel = (uint32_t)reply[8] << 24 | (uint32_t)reply[9] << 16 | (uint32_t)reply[10] << 8 | reply[11];
}

static void ping(const Door *door)
{
        uint8_t reply[MESSAGE_MAX];

        write_message(door, CMD_PING, HASH, sizeof(HASH) - 1);
        if (read_message(door, CMD_PING, reply) != sizeof(HASH) - 1)
                die("PING");
}

static void cbor(const Door *door, const char *request, size_t size)
{
        uint8_t reply[MESSAGE_MAX];

        write_message(door, CMD_CBOR, request, size);
        if (read_message(door, CMD_CBOR, reply) < 1 || reply[0] != 0)
                die("a request failed");
}

static void run(const Door doors[2], Measure measure)
{
        if (measure == MEASURE_PING_SOCKET || measure == MEASURE_PING_UHID)
                ping(&doors[measure == MEASURE_PING_UHID]);
        else
                cbor(&doors[measure == MEASURE_ASSERT_UHID], assert_request, sizeof(assert_request) - 1);
}

static uint64_t nanoseconds(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void measure_all(const Door doors[2], unsigned rounds)
{
        uint64_t *samples = calloc((size_t)_MEASURE_MAX * rounds, sizeof(*samples));

        if (!samples)
                die("samples");
        for (unsigned i = 0; i < WARM_UP + rounds; i++)
                for (unsigned m = 0; m < _MEASURE_MAX; m++) {
                        Measure measure = (Measure)((m + i) % _MEASURE_MAX);
                        uint64_t before = nanoseconds();

                        run(doors, measure);
                        if (i >= WARM_UP)
                                samples[measure * rounds + i - WARM_UP] = nanoseconds() - before;
                }
        printf("{\"rounds\": %u", rounds);
        for (unsigned m = 0; m < _MEASURE_MAX; m++) {
                uint64_t *row = samples + (size_t)m * rounds;

                qsort(row, rounds, sizeof(*row), compare);
                printf(", \"%s\": {\"median\": %lu, \"p90\": %lu}", names[m], (unsigned long)row[rounds / 2],
                       (unsigned long)row[rounds - 1 - rounds / 10]);
        }
        printf("}\n");
        free(samples);
}

int main(int argc, char **argv)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        Door doors[2];
        int rounds;

        rounds = argc == 4 ? atoi(argv[3]) : 0;
        if (rounds < 1) {
                fprintf(stderr, "usage: bench-uhid SOCKET NODE ROUNDS\n");
                return 2;
        }
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
        doors[0] = (Door){.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
        if (doors[0].fd < 0 || connect(doors[0].fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die(argv[1]);
        doors[1] = (Door){.fd = open(argv[2], O_RDWR | O_CLOEXEC), .numbered = true};
        if (doors[1].fd < 0)
                die(argv[2]);
        for (unsigned i = 0; i < 2; i++)
                open_channel(&doors[i]);
        cbor(&doors[0], make_request, sizeof(make_request) - 1);
        measure_all(doors, (unsigned)rounds);
        (void)close(doors[0].fd);
        (void)close(doors[1].fd);
        return 0;
}
