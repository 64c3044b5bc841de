/*
 * CTAPHID: reports, time and answers, through a port with an authenticator behind it
 *
 * Whatever comes in, what goes out is put together again by a client that knows no mercy: whole messages, in order, never
 * mixed, errors and keepalives that there are, no more messages than were asked for, and a deadline that moves on.
 */
#include <string.h>

#include "authenticator/ctaphid.h"
#include "common/bytes.h"
#include "fuzz/world.h"

#define STEPS_MAX   400
#define CHANNELS    4U
#define WORLD_PORT  1U /* its host's place */
#define REPORT_SIZE AUTHENTICATOR_REPORT_SIZE

typedef struct Run {
        World *world;
        AuthenticatorPort *port;
        uint32_t channels[CHANNELS]; /* that were given out */
        unsigned n_channels;
        uint32_t cid; /* of the message that is coming out */
        size_t left;
        uint8_t next;
} Run;

static uint32_t be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void check_first(Run *run, const uint8_t *report, size_t size)
{
        static const uint8_t errors[] = {1, 2, 3, 4, 5, 6, 0x0b, 0x7f};

        switch (report[4] & 0x7f) {
        case CTAPHID_INIT:
                PROMISE(size == 17 && report[19] == CTAPHID_PROTOCOL);
                PROMISE(be32(report + 15) != 0 && be32(report + 15) != CTAPHID_BROADCAST);
                run->channels[run->n_channels++ % CHANNELS] = be32(report + 15);
                break;
        case CTAPHID_ERROR:
                PROMISE(size == 1 && memchr(errors, report[7], sizeof(errors)));
                break;
        case CTAPHID_KEEPALIVE:
                PROMISE(size == 1 && (report[7] == CTAPHID_PROCESSING || report[7] == CTAPHID_UP_NEEDED));
                break;
        case CTAPHID_LOCK:
        case CTAPHID_WINK:
                PROMISE(size == 0);
                break;
        case CTAPHID_CBOR:
                PROMISE(size >= 1 && world_status_known(report[7]));
                PROMISE(size == 1 || report[7] == CTAP_OK);
                break;
        case CTAPHID_MSG:
                PROMISE(size >= 2);
                break;
        default:
                PROMISE((report[4] & 0x7f) == CTAPHID_PING);
        }
}

static void on_send(void *userdata, const uint8_t report[REPORT_SIZE])
{
        Run *run = userdata;
        size_t size = (size_t)report[5] << 8 | report[6];

        if (report[4] & 0x80) {
                PROMISE(run->left == 0 && size <= AUTHENTICATOR_MESSAGE_MAX);
                check_first(run, report, size);
                run->cid = be32(report);
                run->left = size > 57 ? size - 57 : 0;
                run->next = 0;
        } else {
                PROMISE(run->left > 0 && be32(report) == run->cid && report[4] == run->next++);
                run->left = run->left > 59 ? run->left - 59 : 0;
        }
}

static void receive(Run *run, const uint8_t *report, size_t size)
{
        fail_enter();
        authenticator_port_receive(run->port, report, size);
        fail_leave();
}

/* Any bytes, but often on a channel that there is. */
static void step_report(Run *run, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in), report[REPORT_SIZE + 1] = {0};
        size_t size = how & 0x20 ? byte_reader_u8(in) % (REPORT_SIZE + 2) : REPORT_SIZE;
        size_t n = byte_reader_u8(in) % (REPORT_SIZE + 1);
        uint32_t cid = run->channels[how & 3];
        const uint8_t *bytes;

        if (n > in->size)
                n = in->size;
        bytes = byte_reader_raw(in, n);
        if (bytes && n > 0)
                memcpy(report, bytes, n);
        if (how & 0x40)
                memset(report, 0xff, 4);
        else if (!(how & 0x80))
                for (unsigned i = 0; i < 4; i++)
                        report[i] = (uint8_t)(cid >> (24 - 8 * i));
        receive(run, report, size);
}

/* A whole message in one step: otherwise long ones are rare. */
static void step_message(Run *run, ByteReader *in)
{
        static const uint8_t commands[] = {CTAPHID_CBOR, CTAPHID_MSG,    CTAPHID_PING, CTAPHID_INIT,
                                           CTAPHID_LOCK, CTAPHID_CANCEL, CTAPHID_WINK, CTAPHID_CBOR};
        uint8_t how = byte_reader_u8(in), report[REPORT_SIZE];
        size_t size = byte_reader_u16(in) % (AUTHENTICATOR_MESSAGE_MAX + 2), at = 0, n;
        uint8_t sequence = 0;

        for (bool first = true; first || at < size; first = false) {
                size_t head = first ? 7 : 5, room = REPORT_SIZE - head;
                const uint8_t *bytes;

                memset(report, 0, sizeof(report));
                for (unsigned i = 0; i < 4; i++)
                        report[i] = how & 0x40 ? 0xff : (uint8_t)(run->channels[how & 3] >> (24 - 8 * i));
                report[4] = first ? 0x80 | commands[how >> 3 & 7] : sequence++;
                if (first) {
                        report[5] = (uint8_t)(size >> 8);
                        report[6] = (uint8_t)size;
                }
                n = size - at < room ? size - at : room;
                at += n;
                if (n > in->size)
                        n = in->size;
                bytes = byte_reader_raw(in, n);
                if (bytes && n > 0)
                        memcpy(report + head, bytes, n);
                receive(run, report, sizeof(report));
        }
}

static void step_time(Run *run, ByteReader *in)
{
        static const uint16_t times[] = {0, 1, 79, 80, 499, 500, 999, 3000, 9999, 10000, 30000};

        run->world->f->now += times[byte_reader_u8(in) % ELEMENTSOF(times)];
        /* When the first ends a request, the second has what is done after one. */
        for (unsigned tick = 0; tick == 0 || (tick < 2 && authenticator_port_deadline(run->port) <= run->world->f->now); tick++) {
                fail_enter();
                authenticator_port_tick(run->port);
                fail_leave();
        }
        PROMISE(authenticator_port_deadline(run->port) > run->world->f->now);
}

static void step_answer(Run *run, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in);

        world_answered(run->world, WORLD_PORT, (AuthenticatorAnswer)(how % 7), !(how & 0x80));
        fail_enter();
        authenticator_port_answer(run->port, (AuthenticatorAnswer)(how % 7));
        fail_leave();
}

static void step_other(Run *run, ByteReader *in)
{
        uint8_t what = byte_reader_u8(in), more = byte_reader_u8(in);
        AuthenticatorHost *host = authenticator_port_host(run->port);
        AuthenticatorKeyResult result;
        Fixture *f = run->world->f;

        switch (what % 9) {
        case 0:
                f->locked = more & 1;
                f->storage_answer = (AuthenticatorAnswer)((more >> 2 & 7) % 7);
                if (more & 2)
                        authenticator_forget(f->a);
                break;
        case 1:
                f->answer = (AuthenticatorAnswer)(more % 7);
                break;
        case 2:
                f->fail_at = more % 32;
                break;
        case 3:
                f->fail_random_at = more % 8;
                break;
        case 4:
                fail_at(more % 32);
                break;
        case 5:
                authenticator_power_cycle(f->a);
                break;
        case 6:
                authenticator_port_reset(run->port);
                PROMISE(authenticator_host_channel(host) == 0 && !fixture_key_works(f, host));
                PROMISE(authenticator_port_deadline(run->port) == UINT64_MAX);
                break;
        case 7:
                result = world_key_result(run->world, host, more);
                fail_enter();
                authenticator_port_key_answer(run->port, &result);
                fail_leave();
                break;
        default:
                (void)world_set_policy(run->world, more);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const AuthenticatorPortOps ops = {on_send};
        ByteReader in = BYTE_READER(data, size);
        Run run = {0};

        if (size < 2 || size > 65536)
                return 0;
        run.world = world_new(byte_reader_u8(&in), 1, /* real= */ false);
        (void)authenticator_host_free(run.world->hosts[WORLD_PORT]);
        PROMISE(authenticator_port_new(run.world->f->a, &ops, &run, &run.port) == 0);
        run.world->hosts[WORLD_PORT] = authenticator_port_host(run.port);
        for (int i = 0; i < STEPS_MAX && in.size > 0 && !in.failed; i++) {
                switch (byte_reader_u8(&in) % 6) {
                case 0:
                case 1:
                        step_report(&run, &in);
                        break;
                case 2:
                        step_message(&run, &in);
                        break;
                case 3:
                        step_time(&run, &in);
                        break;
                case 4:
                        step_answer(&run, &in);
                        break;
                default:
                        step_other(&run, &in);
                        break;
                }
                PROMISE(run.left == 0); /* all reports of a message go out together */
        }
        (void)authenticator_port_free(run.port);
        run.world->hosts[WORLD_PORT] = NULL;
        world_free(run.world);
        return 0;
}
