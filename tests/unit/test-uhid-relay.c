/*
 * The relay's loop, between a daemon and a kernel that are this test
 *
 * A packet of the socket that stands for /dev/uhid is one event, as a read or write of the device is.
 */
#include "helper/uhid-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/uhid-event.h"
#include "tests/unit/test.h"

#define USER 1234U

typedef struct Stage {
        int daemon, kernel; /* our ends */
        pid_t relay;
} Stage;

static Stage stage_new(void)
{
        int peer[2], device[2];
        Stage stage;

        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, peer), 0);
        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, device), 0);
        CHECK_EQ(fcntl(device[1], F_SETFL, O_NONBLOCK), 0);
        stage = (Stage){.daemon = peer[0], .kernel = device[0], .relay = fork()};
        CHECK(stage.relay >= 0);
        if (stage.relay == 0) {
                (void)alarm(60);
                (void)close(peer[0]);
                (void)close(device[0]);
                _exit(relay_run(peer[1], device[1], USER) == 0 ? 0 : 1);
        }
        (void)close(peer[1]);
        (void)close(device[1]);
        return stage;
}

/* The relay's exit code. */
static int stage_end(Stage *stage)
{
        int status;

        CHECK_EQ(waitpid(stage->relay, &status, 0), stage->relay);
        CHECK(WIFEXITED(status));
        (void)close(stage->daemon);
        (void)close(stage->kernel);
        return WEXITSTATUS(status);
}

static struct uhid_event next_event(const Stage *stage)
{
        struct uhid_event event = {0};

        CHECK(read(stage->kernel, &event, sizeof(event)) > 0);
        return event;
}

static void tell(const Stage *stage, uint32_t type)
{
        struct uhid_event event = {.type = type};

        CHECK_EQ(write(stage->kernel, &event, sizeof(event)), sizeof(event));
}

static void put_report(const Stage *stage, uint8_t filling)
{
        struct uhid_event event = {.type = UHID_OUTPUT};

        memset(event.u.output.data + 1, filling, UHID_REPORT_SIZE);
        event.u.output.size = UHID_REPORT_SIZE + 1;
        event.u.output.rtype = UHID_OUTPUT_REPORT;
        CHECK_EQ(write(stage->kernel, &event, sizeof(event)), sizeof(event));
}

static void expect(const Stage *stage, uint8_t kind, uint8_t number)
{
        uint8_t got[100];

        CHECK_EQ(read(stage->daemon, got, sizeof(got)), UHID_EVENT_SIZE);
        CHECK_EQ(got[0], kind);
        CHECK_EQ(got[4], number);
}

static Stage stage_ready(void)
{
        Stage stage = stage_new();

        CHECK_EQ(next_event(&stage).type, UHID_CREATE2);
        tell(&stage, UHID_START);
        expect(&stage, UHID_EVENT_READY, 0);
        return stage;
}

TEST(reports_pass_both_ways_in_order)
{
        Stage stage = stage_ready();
        uint8_t report[UHID_REPORT_SIZE];

        tell(&stage, UHID_OPEN);
        expect(&stage, UHID_EVENT_OPENED, 0);
        for (unsigned i = 0; i < 200; i++) {
                put_report(&stage, (uint8_t)i);
                CHECK_EQ(read(stage.daemon, report, sizeof(report)), sizeof(report));
                CHECK_EQ(report[0], (uint8_t)i);
                CHECK_EQ(report[63], (uint8_t)i);
        }
        tell(&stage, UHID_CLOSE);
        expect(&stage, UHID_EVENT_CLOSED, 0);
        /* More than a burst. */
        for (unsigned i = 0; i < 129; i++) {
                memset(report, (int)i, sizeof(report));
                CHECK_EQ(write(stage.daemon, report, sizeof(report)), sizeof(report));
        }
        for (unsigned i = 0; i < 129; i++) {
                struct uhid_event event = next_event(&stage);

                CHECK_EQ(event.type, UHID_INPUT2);
                CHECK_EQ(event.u.input2.size, UHID_REPORT_SIZE);
                CHECK_EQ(event.u.input2.data[63], (uint8_t)i);
        }
        (void)shutdown(stage.daemon, SHUT_WR);
        CHECK_EQ(stage_end(&stage), 0);
}

/* Nothing that a daemon sends is an event of the kernel's. */
TEST(packets_that_are_no_reports)
{
        static const size_t sizes[] = {1, 4, 8, 63, 65, 4380};
        static uint8_t packet[sizeof(struct uhid_event)] = {UHID_DESTROY};
        Stage stage = stage_ready();

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
                CHECK_EQ(write(stage.daemon, packet, sizes[i]), sizes[i]);
        CHECK_EQ(write(stage.daemon, packet, UHID_REPORT_SIZE), UHID_REPORT_SIZE);
        CHECK_EQ(next_event(&stage).type, UHID_INPUT2);
        CHECK_EQ(send(stage.daemon, packet, 0, 0), 0);
        CHECK_EQ(stage_end(&stage), 0);
}

TEST(what_the_device_does_not_have_is_refused)
{
        Stage stage = stage_ready();
        struct uhid_event event;

        tell(&stage, UHID_GET_REPORT);
        event = next_event(&stage);
        CHECK_EQ(event.type, UHID_GET_REPORT_REPLY);
        CHECK_EQ(event.u.get_report_reply.err, EOPNOTSUPP);
        tell(&stage, UHID_SET_REPORT);
        CHECK_EQ(next_event(&stage).type, UHID_SET_REPORT_REPLY);
        (void)shutdown(stage.daemon, SHUT_WR);
        CHECK_EQ(stage_end(&stage), 0);
}

TEST(a_driver_that_is_taken_away_is_the_end)
{
        Stage stage = stage_ready();
        uint8_t byte;

        tell(&stage, UHID_STOP);
        CHECK_EQ(read(stage.daemon, &byte, 1), 0);
        CHECK_EQ(stage_end(&stage), 1);
}

TEST(a_kernel_that_makes_no_device)
{
        Stage stage = stage_new();

        CHECK_EQ(next_event(&stage).type, UHID_CREATE2);
        tell(&stage, UHID_STOP);
        expect(&stage, UHID_EVENT_REFUSED, UHID_REFUSED_FAILED);
        CHECK_EQ(stage_end(&stage), 1);
}

/* A daemon that reads nothing holds up the reports, not the loop: it goes when it closes. */
TEST(a_daemon_that_does_not_read)
{
        Stage stage = stage_ready();
        struct pollfd polled = {.fd = stage.kernel, .events = POLLOUT};

        while (poll(&polled, 1, 100) == 1 && polled.revents == POLLOUT)
                put_report(&stage, 1);
        (void)close(stage.daemon);
        CHECK_EQ(waitpid(stage.relay, NULL, 0), stage.relay);
        (void)close(stage.kernel);
}

TEST_MAIN
