/*
 * Tasks of the helper: what their children say, and how they end
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "helper/task.h"
#include "tests/unit/test.h"

typedef struct World {
        Tasks tasks;
        int daemon; /* the other end of tasks.socket */
} World;

static World world_new(void)
{
        int pair[2];

        CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        return (World){.tasks = {.socket = pair[0]}, .daemon = pair[1]};
}

static void world_done(World *world)
{
        tasks_end(&world->tasks);
        (void)close(world->tasks.socket);
        (void)close(world->daemon);
}

/* Turns the helper's loop until nothing runs, or until the daemon has a packet. */
static void turn(World *world, bool until_packet)
{
        while (world->tasks.n > 0) {
                struct pollfd polled[TASKS_MAX + 1];
                size_t n = tasks_poll(&world->tasks, polled);

                polled[n] = (struct pollfd){.fd = world->daemon, .events = POLLIN};
                CHECK(poll(polled, n + 1, tasks_timeout(&world->tasks)) >= 0 || errno == EINTR);
                if (until_packet && polled[n].revents)
                        return;
                tasks_dispatch(&world->tasks, polled, n);
        }
}

/* The next packet at the daemon: its result, and a byte after it (0: none). -1 when there is none. */
static int next_packet(const World *world, uint32_t id, uint8_t *ret)
{
        uint8_t packet[HELPER_PACKET_MAX];
        ssize_t n = recv(world->daemon, packet, sizeof(packet), MSG_DONTWAIT);
        ByteReader reader = BYTE_READER(packet, n > 0 ? (size_t)n : 0);
        int result;

        if (n < 0)
                return -1;
        CHECK_EQ(byte_reader_u32(&reader), id);
        result = byte_reader_u8(&reader);
        *ret = reader.size > 0 ? byte_reader_u8(&reader) : 0;
        return result;
}

static Request request_of(uint32_t id, const void *body, size_t size)
{
        Request request = {.id = id, .operation = HELPER_KEY};

        CHECK_EQ(secret_new_from(&request.body, body, size), 0);
        return request;
}

/* For each byte of its body a packet with it, then their number. */
static void run_counting(const Request *request, ByteWriter *reply)
{
        for (size_t i = 0; i < request->body->size; i++) {
                ByteWriter packet = BYTE_WRITER_NULL;

                reply_begin(&packet, request->id, HELPER_PROGRESS);
                byte_writer_u8(&packet, request->body->data[i]);
                task_progress(request, &packet);
        }
        reply_begin(reply, request->id, HELPER_OK);
        byte_writer_u8(reply, (uint8_t)request->body->size);
}

TEST(progress_comes_before_the_reply_and_in_order)
{
        _cleanup_(world_done) World world = world_new();
        _cleanup_(request_done) Request request = request_of(7, "abc", 3);
        uint8_t byte;

        CHECK_EQ(task_start(&world.tasks, &request, run_counting), 0);
        turn(&world, /* until_packet= */ false);
        for (const char *p = "abc"; *p; p++) {
                CHECK_EQ(next_packet(&world, 7, &byte), HELPER_PROGRESS);
                CHECK_EQ(byte, *p);
        }
        CHECK_EQ(next_packet(&world, 7, &byte), HELPER_OK);
        CHECK_EQ(byte, 3);
        CHECK_EQ(next_packet(&world, 7, &byte), -1);
}

TEST(bodies_reach_the_child_whole)
{
        static const size_t sizes[] = {0, 1, 4095, 4096, HELPER_PACKET_MAX - 5};
        static uint8_t body[HELPER_PACKET_MAX];

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(world_done) World world = world_new();
                _cleanup_(request_done) Request request = request_of(1, body, sizes[i]);
                uint8_t byte = 0;
                size_t n = 0;

                CHECK_EQ(task_start(&world.tasks, &request, run_counting), 0);
                while (world.tasks.n > 0) {
                        turn(&world, /* until_packet= */ true);
                        while (next_packet(&world, 1, &byte) == HELPER_PROGRESS)
                                n++;
                }
                CHECK_EQ(n, sizes[i]);
                CHECK_EQ(byte, (uint8_t)sizes[i]);
                /* the request is still whole here, too */
                CHECK_EQ(request.body->size, sizes[i]);
        }
}

/* Says that it is there, waits until it is told to end, and goes on saying things. */
static void run_waiting(const Request *request, ByteWriter *reply)
{
        ByteWriter packet = BYTE_WRITER_NULL;

        reply_begin(&packet, request->id, HELPER_PROGRESS);
        task_progress(request, &packet);
        while (!task_ending())
                (void)poll(NULL, 0, 10);
        reply_begin(&packet, request->id, HELPER_PROGRESS);
        task_progress(request, &packet);
        reply_begin(reply, request->id, HELPER_OK);
}

TEST(a_cancelled_one_says_nothing_more)
{
        _cleanup_(world_done) World world = world_new();
        _cleanup_(request_done) Request request = request_of(3, "x", 1);
        uint8_t byte;
        pid_t pid;

        CHECK_EQ(task_start(&world.tasks, &request, run_waiting), 0);
        pid = world.tasks.tasks[0].pid;
        turn(&world, /* until_packet= */ true);
        CHECK_EQ(next_packet(&world, 3, &byte), HELPER_PROGRESS);
        task_cancel(&world.tasks, 4);
        CHECK_EQ(next_packet(&world, 3, &byte), -1);
        task_cancel(&world.tasks, 3);
        turn(&world, /* until_packet= */ false);
        CHECK_EQ(next_packet(&world, 3, &byte), HELPER_DENIED);
        CHECK_EQ(next_packet(&world, 3, &byte), -1);
        CHECK_EQ(kill(pid, 0), -1);
}

/* Ends after progress, as in a crash. */
static void run_crashing(const Request *request, ByteWriter *reply)
{
        ByteWriter packet = BYTE_WRITER_NULL;

        reply_begin(&packet, request->id, HELPER_PROGRESS);
        task_progress(request, &packet);
        _exit(1);
}

TEST(progress_is_no_answer)
{
        _cleanup_(world_done) World world = world_new();
        _cleanup_(request_done) Request request = request_of(5, "x", 1);
        uint8_t byte;

        CHECK_EQ(task_start(&world.tasks, &request, run_crashing), 0);
        turn(&world, /* until_packet= */ false);
        CHECK_EQ(next_packet(&world, 5, &byte), HELPER_PROGRESS);
        CHECK_EQ(next_packet(&world, 5, &byte), HELPER_FAILED);
        CHECK_EQ(next_packet(&world, 5, &byte), -1);
}

/* As one that was taken over by what it parses: it answers what somebody else was asked. */
static void run_lying(const Request *request, ByteWriter *reply)
{
        ByteWriter packet = BYTE_WRITER_NULL;

        reply_begin(&packet, request->id + 1, request->body->data[0] == 'p' ? HELPER_PROGRESS : HELPER_OK);
        task_progress(request, &packet);
        reply_begin(reply, request->id, HELPER_OK);
}

TEST(a_child_answers_for_itself_only)
{
        static const char *const bodies[] = {"answer", "progress"};

        for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
                _cleanup_(world_done) World world = world_new();
                _cleanup_(request_done) Request request = request_of(8, bodies[i], strlen(bodies[i]));
                uint8_t byte;

                CHECK_EQ(task_start(&world.tasks, &request, run_lying), 0);
                turn(&world, /* until_packet= */ false);
                CHECK_EQ(next_packet(&world, 8, &byte), HELPER_FAILED);
                CHECK_EQ(next_packet(&world, 8, &byte), -1);
        }
}

TEST_MAIN
