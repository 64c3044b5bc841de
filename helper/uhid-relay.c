/*
 * Passing reports
 *
 * The kernel keeps 32 events for whoever reads /dev/uhid and 64 reports for each program that reads the device, and
 * drops what is more without a word. So events are read as long as there are any before anything else is done, and
 * reports go to the device in bursts that a program has time to read, as they would over a wire. A daemon that does
 * not read is not waited for with a queue: its socket's buffer is one. A program that writes a long message is quicker
 * than any reader can wake up; so the daemon announces shorter ones than CTAPHID could carry.
 *
 * Nothing here allocates, opens or logs: it runs confined.
 */
#include "helper/uhid-relay.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "helper/uhid-event.h"

#define AT_ONCE          32U /* packets or events */
#define BURST            32U /* reports to the device, then */
#define PAUSE_MS         2U
#define START_TIMEOUT_MS 10000U /* until the kernel's driver has taken up the device */

#define NEVER UINT64_MAX

typedef struct Packet {
        uint8_t data[UHID_REPORT_SIZE + 1]; /* one more shows what is too long */
        size_t size;
} Packet;

typedef struct Relay {
        int peer, device;
        bool ready;
        Packet out[AT_ONCE]; /* for the daemon, from `sent` on */
        unsigned n_out, sent;
        unsigned burst;                           /* reports that went to the device since `burst_began` */
        uint64_t burst_began, pause_until, start; /* ms; start: when it must be ready */
        struct uhid_event event;                  /* the one being handled */
} Relay;

static uint64_t now_ms(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- to the daemon ---- */

static void encode_event(uint8_t ret[UHID_EVENT_SIZE], UhidEvent kind, unsigned number)
{
        memset(ret, 0, UHID_EVENT_SIZE);
        ret[0] = (uint8_t)kind;
        for (unsigned i = 0; i < 4; i++)
                ret[4 + i] = (uint8_t)(number >> 8 * i);
}

int relay_tell(int peer, UhidEvent kind, unsigned number)
{
        uint8_t event[UHID_EVENT_SIZE];

        encode_event(event, kind, number);
        return write(peer, event, sizeof(event)) < 0 ? -errno : 0;
}

static void queue_event(Relay *relay, UhidEvent kind)
{
        Packet *packet = &relay->out[relay->n_out++];

        encode_event(packet->data, kind, 0);
        packet->size = UHID_EVENT_SIZE;
}

static void queue_report(Relay *relay, const uint8_t report[UHID_REPORT_SIZE])
{
        Packet *packet = &relay->out[relay->n_out++];

        memcpy(packet->data, report, UHID_REPORT_SIZE);
        packet->size = UHID_REPORT_SIZE;
}

static unsigned prepare(struct mmsghdr *messages, struct iovec *parts, Packet *packets, unsigned n, bool to_fill)
{
        for (unsigned i = 0; i < n; i++) {
                parts[i] = (struct iovec){packets[i].data, to_fill ? sizeof(packets[i].data) : packets[i].size};
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
        }
        return n;
}

static int flush(Relay *relay)
{
        struct mmsghdr messages[AT_ONCE];
        struct iovec parts[AT_ONCE];

        while (relay->sent < relay->n_out) {
                unsigned n = prepare(messages, parts, relay->out + relay->sent, relay->n_out - relay->sent, false);
                int sent = sendmmsg(relay->peer, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0)
                        return errno == EAGAIN ? 0 : -errno;
                relay->sent += (unsigned)sent;
        }
        relay->n_out = relay->sent = 0;
        return 0;
}

/* ---- from the kernel ---- */

static int write_event(const Relay *relay, size_t size)
{
        ssize_t n = write(relay->device, &relay->event, size);

        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EIO;
}

/* 1: there was one. */
static int take_event(Relay *relay)
{
        ssize_t n = read(relay->device, &relay->event, sizeof(relay->event));
        DeviceEvent event;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        event = device_read(&relay->event, (size_t)n);
        switch (event.news) {
        case DEVICE_STARTED:
                relay->ready = true;
                queue_event(relay, UHID_EVENT_READY);
                break;
        case DEVICE_STOPPED:
                return -ENODEV;
        case DEVICE_OPENED:
                queue_event(relay, UHID_EVENT_OPENED);
                break;
        case DEVICE_CLOSED:
                queue_event(relay, UHID_EVENT_CLOSED);
                break;
        case DEVICE_REPORT:
                queue_report(relay, event.report);
                break;
        case DEVICE_ASKED:
                /* Whoever asked may have given up meanwhile. */
                (void)write_event(relay, event.answer);
                break;
        case DEVICE_NOTHING:
                break;
        }
        return 1;
}

static int take_events(Relay *relay)
{
        int r;

        do {
                r = take_event(relay);
        } while (r > 0 && relay->n_out < AT_ONCE);
        return r < 0 ? r : flush(relay);
}

/* ---- from the daemon ---- */

static int pass_report(Relay *relay, const uint8_t report[UHID_REPORT_SIZE])
{
        uint64_t now = now_ms();

        if (now - relay->burst_began >= PAUSE_MS) {
                relay->burst = 0;
                relay->burst_began = now;
        }
        if (++relay->burst >= BURST)
                relay->pause_until = now + PAUSE_MS;
        return write_event(relay, device_input(report, &relay->event));
}

/* 1: the connection has ended. An empty packet looks the same, and no daemon sends one. */
static int take_packets(Relay *relay)
{
        struct mmsghdr messages[AT_ONCE];
        struct iovec parts[AT_ONCE];
        Packet packets[AT_ONCE];
        unsigned room = BURST - relay->burst;
        int n, r = 0;

        n = recvmmsg(relay->peer, messages, prepare(messages, parts, packets, room < AT_ONCE ? room : AT_ONCE, true),
                     MSG_DONTWAIT, NULL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n && r >= 0; i++) {
                if (messages[i].msg_len == 0)
                        return 1;
                if (messages[i].msg_len == UHID_REPORT_SIZE && relay->ready)
                        r = pass_report(relay, packets[i].data);
        }
        return r;
}

/* ---- the loop ---- */

static int wait_for_both(const Relay *relay, uint64_t now, struct pollfd polled[2])
{
        bool paused = relay->pause_until > now;
        uint64_t until = paused ? relay->pause_until : NEVER;
        int timeout = -1;

        if (!relay->ready && relay->start < until)
                until = relay->start;
        if (until != NEVER)
                timeout = until > now ? (int)(until - now) : 0;
        polled[0] = (struct pollfd){.fd = relay->peer, .events = paused ? 0 : POLLIN};
        polled[1] = (struct pollfd){.fd = relay->device, .events = POLLIN};
        if (relay->n_out > 0) {
                polled[0].events |= POLLOUT;
                polled[1].events = 0;
        }
        return poll(polled, 2, timeout) < 0 && errno != EINTR ? -errno : 0;
}

static int turn(Relay *relay)
{
        struct pollfd polled[2] = {0};
        uint64_t now = now_ms();
        int r;

        if (relay->pause_until != 0 && relay->pause_until <= now) {
                relay->pause_until = 0;
                relay->burst = 0;
        }
        if (!relay->ready && relay->start <= now)
                return -ETIMEDOUT;
        r = wait_for_both(relay, now, polled);
        if (r < 0)
                return r;
        if (polled[1].revents & (POLLERR | POLLHUP | POLLNVAL))
                return -ENODEV;
        if (polled[1].revents & POLLIN)
                r = take_events(relay);
        if (r >= 0 && polled[0].revents & POLLOUT)
                r = flush(relay);
        if (r >= 0 && polled[0].revents & POLLIN)
                return take_packets(relay);
        if (r >= 0 && polled[0].revents & (POLLERR | POLLHUP | POLLNVAL))
                return 1;
        return r;
}

int relay_run(int peer, int device, uid_t uid)
{
        Relay relay = {.peer = peer, .device = device, .start = now_ms() + START_TIMEOUT_MS};
        int r;

        r = write_event(&relay, device_create(uid, &relay.event));
        while (r == 0)
                r = turn(&relay);
        if (!relay.ready && r < 0)
                (void)relay_tell(peer, UHID_EVENT_REFUSED, UHID_REFUSED_FAILED);
        return r < 0 ? r : 0;
}
