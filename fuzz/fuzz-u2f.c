/*
 * CTAP1/U2F: sequences of APDUs, with a person, time and failures between them
 *
 * Registrations are remembered, so that authentications can name their key handles. A reply must end with a status word
 * that there is and have nothing before any other than success; a success that claims a presence must follow an
 * agreement that nothing has used up, and nothing may be stored without one.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/u2f.h"
#include "common/bytes.h"
#include "fuzz/world.h"

#define STEPS_MAX   200
#define HANDLES     4U
#define APDU_MAX    600U
#define SW_OK       0x9000U
#define PRESENT     0x01

typedef struct Run {
        World *world;
        uint8_t handles[HANDLES][CREDENTIAL_ID_SIZE], applications[HANDLES][32];
        unsigned n_handles, used; /* agreements that were used up */
        uint32_t channel;
        uint8_t apdu[APDU_MAX];
        size_t size;
        bool pending;
} Run;

static unsigned check_reply(const AuthenticatorReply *reply)
{
        static const uint16_t words[] = {SW_OK, 0x6700, 0x6985, 0x6986, 0x6a80, 0x6a84, 0x6d00, 0x6e00, 0x6f00};
        unsigned word, known = 0;

        PROMISE(reply->size >= 2 && reply->size <= AUTHENTICATOR_MESSAGE_MAX);
        word = (unsigned)reply->data[reply->size - 2] << 8 | reply->data[reply->size - 1];
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                known += words[i] == word;
        PROMISE(known == 1);
        PROMISE(word == SW_OK || reply->size == 2);
        return word;
}

static void use_presence(Run *run)
{
        PROMISE(run->used < run->world->agreed[0]);
        run->used++;
}

static void on_reply(Run *run, const AuthenticatorReply *reply)
{
        unsigned ins = run->apdu[1];

        run->pending = false;
        if (check_reply(reply) != SW_OK)
                return;
        PROMISE(run->apdu[0] == 0);
        if (ins == 1) {
                use_presence(run);
                PROMISE(reply->size > 67 + CREDENTIAL_ID_SIZE && reply->data[0] == 5 &&
                        reply->data[66] == CREDENTIAL_ID_SIZE);
                memcpy(run->handles[run->n_handles % HANDLES], reply->data + 67, CREDENTIAL_ID_SIZE);
                memcpy(run->applications[run->n_handles++ % HANDLES], run->apdu + (run->apdu[4] ? 37 : 39), 32);
        } else if (ins == 2) {
                PROMISE(reply->size > 7 && reply->data[0] <= PRESENT);
                PROMISE((reply->data[0] == PRESENT) == (run->apdu[2] == 3));
                if (reply->data[0] == PRESENT)
                        use_presence(run);
        } else {
                PROMISE(ins == 3 && reply->size == 8);
        }
}

static void send_apdu(Run *run)
{
        AuthenticatorReply reply;
        int r;

        if (run->pending)
                return;
        run->pending = true;
        r = CALL(authenticator_u2f_request(run->world->hosts[0], run->channel, run->apdu, run->size, &reply));
        PROMISE(r == 0 || r == AUTHENTICATOR_PENDING || fail_happened());
        if (r == 0)
                on_reply(run, &reply);
        if (r < 0)
                run->pending = false;
}

static void step_raw(Run *run, ByteReader *in)
{
        size_t size = byte_reader_u8(in);
        const uint8_t *bytes;

        if (size > in->size)
                size = in->size;
        bytes = byte_reader_raw(in, size);
        if (!bytes || run->pending)
                return;
        memset(run->apdu, 0, sizeof(run->apdu));
        memcpy(run->apdu, bytes, size);
        run->size = size;
        send_apdu(run);
}

/* A request in its short or extended form, some with a wrong byte or length. */
static void step_built(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), how = byte_reader_u8(in), challenge = byte_reader_u8(in);
        static const uint8_t controls[] = {0x03, 0x07, 0x08, 0x55};
        unsigned handle = which >> 3 & 3;
        size_t head = how & 1 ? 5 : 7, n = which & 1 ? 64 : 65 + CREDENTIAL_ID_SIZE;
        uint8_t *data = run->apdu + head;

        if (run->pending)
                return;
        memset(run->apdu, 0, sizeof(run->apdu));
        run->apdu[1] = which & 1 ? 1 : 2;
        run->apdu[2] = controls[which >> 1 & 3];
        run->apdu[head - 1] = (uint8_t)n;
        memset(data, challenge, 32);
        if (which & 1) {
                memset(data + 32, which >> 3, 32);
        } else {
                memcpy(data + 32, run->applications[handle], 32);
                data[64] = CREDENTIAL_ID_SIZE;
                memcpy(data + 65, run->handles[handle], CREDENTIAL_ID_SIZE);
        }
        run->size = head + n;
        if (how & 2)
                run->size += how & 1 ? 1 : 2; /* expected length */
        if (how & 4)
                run->size -= 1 + (how >> 4);
        if (how & 8)
                run->apdu[byte_reader_u8(in) % run->size] ^= byte_reader_u8(in);
        send_apdu(run);
}

static void step_answer(Run *run, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in);
        AuthenticatorAnswer answer = (AuthenticatorAnswer)(how % 7);
        AuthenticatorReply reply;
        int r;

        world_answered(run->world, 0, answer, !(how & 0x80));
        r = CALL(authenticator_answer(run->world->hosts[0], answer, &reply));
        PROMISE(run->pending || r == AUTHENTICATOR_PENDING);
        if (r == 0)
                on_reply(run, &reply);
}

static void step_time(Run *run, ByteReader *in)
{
        static const uint16_t times[] = {1, 200, 2999, 3000, 9999, 10000, 29999, 30000};
        AuthenticatorHost *host = run->world->hosts[0];
        AuthenticatorReply reply;

        run->world->f->now += times[byte_reader_u8(in) % ELEMENTSOF(times)];
        for (unsigned tick = 0; tick < 2 && authenticator_host_deadline(host) <= run->world->f->now; tick++)
                if (CALL(authenticator_host_tick(host, &reply)) == 0)
                        on_reply(run, &reply);
        PROMISE(authenticator_host_deadline(host) > run->world->f->now);
}

static void set_always_uv(Authenticator *a, bool on)
{
        _cleanup_(change_donep) Change change = {0};

        if (change_begin(a, &change) != CTAP_OK)
                return;
        change.state->always_uv = on;
        (void)change_commit(&change);
}

/* Something else happens. */
static void step_other(Run *run, ByteReader *in)
{
        uint8_t what = byte_reader_u8(in), more = byte_reader_u8(in);
        Fixture *f = run->world->f;
        AuthenticatorKeyResult result;
        AuthenticatorReply reply;

        switch (what % 10) {
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
                fail_at(more % 32);
                break;
        case 4:
                run->channel = more % 3;
                if (more & 0x80)
                        u2f_drop_channel(run->world->hosts[0], run->channel);
                break;
        case 5:
                if (!run->pending)
                        (void)CALL(authenticator_request(run->world->hosts[0], run->channel, "\4", 1, &reply));
                break;
        case 6:
                if (CALL(authenticator_cancel(run->world->hosts[0], run->channel, &reply)) == 0)
                        on_reply(run, &reply);
                break;
        case 7:
                if (!f->locked)
                        set_always_uv(f->a, more & 1);
                break;
        case 8:
                result = world_key_result(run->world, run->world->hosts[0], more);
                if (CALL(authenticator_key_answer(run->world->hosts[0], &result, &reply)) == 0)
                        on_reply(run, &reply);
                break;
        default:
                (void)world_set_policy(run->world, more);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ByteReader in = BYTE_READER(data, size);
        Run run = {0};
        uint8_t config;

        if (size < 2 || size > 8192)
                return 0;
        config = byte_reader_u8(&in);
        run.world = world_new(config & (WORLD_COUNTERS | WORLD_SMALL | WORLD_SLOW | WORLD_LOCKED), 1,
                              /* real= */ config % 8 == WORLD_FINGERPRINTS);
        for (int i = 0; i < STEPS_MAX && in.size > 0 && !in.failed; i++) {
                switch (byte_reader_u8(&in) % 6) {
                case 0:
                        step_raw(&run, &in);
                        break;
                case 1:
                case 2:
                        step_built(&run, &in);
                        break;
                case 3:
                        step_answer(&run, &in);
                        break;
                case 4:
                        step_time(&run, &in);
                        break;
                default:
                        step_other(&run, &in);
                        break;
                }
        }
        world_free(run.world);
        return 0;
}
