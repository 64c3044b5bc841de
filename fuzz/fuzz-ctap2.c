/*
 * CTAP2, with everything that can happen between two requests
 *
 * The input is a program: what the authenticator is like, then steps. A step is a request (any bytes, or one that a
 * client builds), the person's answer, a cancelling, time, a power cycle, a lock, a restart, something of the owner's
 * own tools, a finger, an account that is chosen, a PIN that the owner asked for, a policy, what an external key has
 * done, or an order that something fails. After each of them the promises are checked that hold whatever came before.
 */
#include <errno.h>
#include <string.h>

#include "fuzz/client.h"
#include "fuzz/world.h"

#define STEPS_MAX    200
#define CHANNELS_MAX 4U
#define FLAG_UP      0x01
#define FLAG_UV      0x04

/* One host, and what was so when its request began. */
typedef struct Session {
        AuthenticatorHost *host;
        Client client;
        uint32_t channel;
        bool pending, u2f, chose;
        uint32_t pending_channel;
        unsigned agreed, verified;
        bool token_present, token_verified;
        uint8_t flags[CHANNELS_MAX]; /* of the channel's last assertion */
} Session;

typedef struct Run {
        World *world;
        Session sessions[WORLD_HOSTS];
        unsigned which;
        bool tries_may_grow; /* the step showed the right PIN, or was the owner's */
        bool pin_set;
        uint8_t pin_retries; /* as last seen */
} Run;

/* ---- promises ---- */

static void check_auth_data(Run *run, Session *s, const cbor_item_t *reply)
{
        unsigned i = (unsigned)(s - run->sessions);
        uint8_t command = s->client.request[0], *before = s->flags + s->pending_channel % CHANNELS_MAX, flags;
        const uint8_t *data;
        size_t size;

        PROMISE(reply && value_bytes(map_get(reply, 2), 37, AUTHENTICATOR_MESSAGE_MAX, &data, &size) == CTAP_OK);
        flags = data[32];
        PROMISE(command == MAKE_CREDENTIAL || !map_get(reply, 6) || (s->chose && !map_get(reply, 5)));
        if (command == GET_NEXT_ASSERTION) {
                PROMISE((flags & (FLAG_UP | FLAG_UV) & ~*before) == 0);
                return;
        }
        PROMISE(!(flags & FLAG_UP) || run->world->agreed[i] > s->agreed || s->token_present);
        PROMISE(!(flags & FLAG_UV) || run->world->verified[i] > s->verified || s->token_verified);
        PROMISE(command != MAKE_CREDENTIAL || flags & FLAG_UP);
        *before = flags;
}

static void check_u2f(const AuthenticatorReply *reply)
{
        unsigned word;

        PROMISE(reply->size >= 2 && reply->size <= AUTHENTICATOR_MESSAGE_MAX);
        word = (unsigned)reply->data[reply->size - 2] << 8 | reply->data[reply->size - 1];
        PROMISE(word == 0x9000 || reply->size == 2);
        PROMISE(word == 0x9000 || word == 0x6700 || word == 0x6985 || word == 0x6986 || word == 0x6a80 ||
                word == 0x6a84 || word == 0x6d00 || word == 0x6e00 || word == 0x6f00);
}

static void on_reply(Run *run, Session *s, const AuthenticatorReply *reply)
{
        _cleanup_(cbor_item_donep) cbor_item_t *map = NULL;
        uint8_t command = s->client.request[0];

        s->pending = false;
        if (s->u2f) {
                check_u2f(reply);
                return;
        }
        PROMISE(reply->size >= 1 && reply->size <= AUTHENTICATOR_MESSAGE_MAX);
        PROMISE(world_status_known(reply->data[0]));
        if (reply->data[0] != CTAP_OK) {
                PROMISE(reply->size == 1);
                return;
        }
        if (reply->size > 1) {
                PROMISE(cbor_read(reply->data + 1, reply->size - 1, &map) == CTAP_OK);
                PROMISE(value_map(map) == CTAP_OK);
        }
        if (command == MAKE_CREDENTIAL || command == GET_ASSERTION || command == GET_NEXT_ASSERTION)
                check_auth_data(run, s, map);
        client_learn(&s->client, map);
}

/* The results of authenticator_request() and of what goes on with one. */
static void on_result(Run *run, Session *s, int r, const AuthenticatorReply *reply)
{
        PROMISE(r == 0 || r == AUTHENTICATOR_PENDING || r < 0);
        PROMISE(r >= 0 || fail_happened());
        if (r == 0)
                on_reply(run, s, reply);
        if (r < 0)
                s->pending = false;
}

static void check_retries(Run *run)
{
        const State *state = run->world->f->a->state;

        if (!state)
                return;
        PROMISE(state->pin_retries <= PIN_RETRIES_MAX);
        PROMISE(!run->pin_set || !state->pin_set || run->tries_may_grow || state->pin_retries <= run->pin_retries);
        run->pin_set = state->pin_set;
        run->pin_retries = state->pin_retries;
        run->tries_may_grow = false;
}

/* ---- steps ---- */

static void snapshot(Run *run, Session *s)
{
        unsigned i = (unsigned)(s - run->sessions);

        s->agreed = run->world->agreed[i];
        s->verified = run->world->verified[i];
        s->token_present = s->token_verified = s->chose = false;
        for (unsigned p = 0; p < PIN_PROTOCOL_MAX; p++) {
                const PinToken *token = &s->host->pin[p].token;

                s->token_present = s->token_present || (token->in_use && token->user_present);
                s->token_verified = s->token_verified || (token->in_use && token->user_verified);
        }
        s->pending_channel = s->channel;
}

/* The session's request goes on now: does it show the right PIN? */
static void look_at_pin(Run *run, const Session *s)
{
        const State *state = run->world->f->a->state;
        const Client *c = &s->client;

        if (s->pending && !s->u2f && c->sends_pin &&
            (!state || memcmp(state->pin_hash, c->pin_hash, sizeof(c->pin_hash)) == 0))
                run->tries_may_grow = true;
}

static void send_request(Run *run, Session *s)
{
        Client *c = &s->client;
        AuthenticatorReply reply;
        int r;

        if (s->pending) {
                PROMISE(CALL(authenticator_request(s->host, s->channel, c->request, c->size, &reply)) == -EBUSY);
                return;
        }
        snapshot(run, s);
        s->u2f = false;
        s->pending = true;
        look_at_pin(run, s);
        r = CALL(authenticator_request(s->host, s->channel, c->request, c->size, &reply));
        on_result(run, s, r, &reply);
}

static void step_raw(Run *run, Session *s, ByteReader *in)
{
        Client *c = &s->client;
        size_t size = byte_reader_u16(in) % sizeof(c->request);
        const uint8_t *bytes;

        if (s->pending)
                return; /* the client remembers what it has sent */
        if (size > in->size)
                size = in->size;
        bytes = byte_reader_raw(in, size);
        if (!bytes || size == 0)
                return;
        memcpy(c->request, bytes, size);
        c->size = size;
        c->sends_pin = false;
        c->protocol = c->permissions = 0;
        send_request(run, s);
}

static void step_template(Run *run, Session *s, ByteReader *in)
{
        if (s->pending)
                return;
        client_build(&s->client, in);
        send_request(run, s);
}

/* What every PIN ceremony begins with, in one step. */
static void step_key_agreement(Run *run, Session *s, ByteReader *in)
{
        if (s->pending)
                return;
        client_build_key_agreement(&s->client, 1 + byte_reader_u8(in) % PIN_PROTOCOL_MAX);
        send_request(run, s);
}

static void step_answer(Run *run, Session *s, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in);
        AuthenticatorAnswer answer = (AuthenticatorAnswer)(how % 7);
        AuthenticatorReply reply;
        int r;

        look_at_pin(run, s);
        world_answered(run->world, (unsigned)(s - run->sessions), answer, !(how & 0x80));
        r = CALL(authenticator_answer(s->host, answer, &reply));
        PROMISE(s->pending || r == AUTHENTICATOR_PENDING);
        on_result(run, s, r, &reply);
}

static void step_cancel(Run *run, Session *s, ByteReader *in)
{
        uint32_t channel = byte_reader_u8(in) % CHANNELS_MAX;
        AuthenticatorReply reply;
        int r;

        r = CALL(authenticator_cancel(s->host, channel, &reply));
        PROMISE(r == 0 || r == AUTHENTICATOR_PENDING);
        PROMISE((r == 0) == (s->pending && s->pending_channel == channel));
        if (r == 0 && !s->u2f)
                PROMISE(reply.size == 1 && reply.data[0] == CTAP2_ERR_KEEPALIVE_CANCEL);
        on_result(run, s, r, &reply);
        if (byte_reader_u8(in) & 1)
                authenticator_host_drop_channel(s->host, channel);
}

static void step_u2f(Run *run, Session *s, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), apdu[7 + 65 + CREDENTIAL_ID_SIZE] = {0};
        static const uint8_t controls[] = {0x07, 0x03, 0x08, 0x00};
        size_t size = which & 1 ? 64 : 65 + CREDENTIAL_ID_SIZE;
        AuthenticatorReply reply;
        int r;

        if (s->pending)
                return;
        apdu[1] = which & 1 ? 1 : 2;
        apdu[2] = controls[which >> 1 & 3];
        apdu[6] = (uint8_t)size;
        apdu[7] = which >> 6; /* challenge */
        sha256(client_rp_id(which >> 3 & 3), strlen(client_rp_id(which >> 3 & 3)), apdu + 7 + 32);
        if (!(which & 1)) {
                apdu[7 + 64] = CREDENTIAL_ID_SIZE;
                memcpy(apdu + 7 + 65, s->client.ids[which >> 5 & 7], CREDENTIAL_ID_SIZE);
        }
        snapshot(run, s);
        s->u2f = s->pending = true;
        r = CALL(authenticator_u2f_request(s->host, s->channel, apdu, 7 + size, &reply));
        if (r == 0 && apdu[1] == 1 && reply.size > 67 + CREDENTIAL_ID_SIZE)
                memcpy(s->client.ids[s->client.n_ids++ % CLIENT_IDS], reply.data + 67, CREDENTIAL_ID_SIZE);
        on_result(run, s, r, &reply);
}

static void step_time(Run *run, ByteReader *in)
{
        static const uint32_t times[] = {0,     1,     80,    500,   2999,   3000,   9999,   10000,
                                         19000, 29999, 30000, 30001, 120000, 599999, 600000, 86400000};
        uint32_t time = times[byte_reader_u8(in) % ELEMENTSOF(times)];
        AuthenticatorReply reply;
        int r;

        run->world->f->now += time;
        run->world->f->clock += time / 1000;
        for (unsigned i = 0; i < WORLD_HOSTS; i++) {
                Session *s = run->sessions + i;

                if (authenticator_host_deadline(s->host) > run->world->f->now)
                        continue;
                look_at_pin(run, s);
                r = CALL(authenticator_host_tick(s->host, &reply));
                on_result(run, s, r, &reply);
                PROMISE(authenticator_host_deadline(s->host) > run->world->f->now); /* or its owner would spin */
        }
}

static void step_lock(Run *run, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in);

        run->world->f->locked = how & 1;
        run->world->f->storage_answer = (AuthenticatorAnswer)(how >> 2 & 7) % 7;
        if (how & 2)
                authenticator_forget(run->world->f->a);
}

static void step_person(Run *run, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in), finger = byte_reader_u8(in);
        Fixture *f = run->world->f;

        f->answer = (AuthenticatorAnswer)((how & 7) % 7);
        f->verification_answer = (AuthenticatorAnswer)((how >> 3 & 7) % 7);
        f->sample_answer = (AuthenticatorAnswer)((finger & 7) % 7);
        f->sample_status = finger >> 3 & 7;
        f->no_sensor = finger & 0x40;
        if (finger & 0x80)
                f->enrolled = how >> 6;
}

static void step_fail(Run *run, ByteReader *in)
{
        uint8_t what = byte_reader_u8(in) % 5, when = byte_reader_u8(in), *record;
        size_t size;

        switch (what) {
        case 0:
                run->world->f->fail_at = when % 32;
                break;
        case 1:
                run->world->f->fail_random_at = when % 16;
                break;
        case 2:
                fail_at(when % 64);
                break;
        case 3:
                run->world->lock_at = when % 16;
                break;
        default:
                record = fixture_record(run->world->f, 1 + when % 16, &size);
                if (record && size > 0)
                        record[0] ^= 0xff; /* its version: it is damaged now, or whole again */
                break;
        }
}

static void step_restart(Run *run)
{
        world_restart(run->world);
        for (unsigned i = 0; i < WORLD_HOSTS; i++) {
                run->sessions[i].host = run->world->hosts[i];
                run->sessions[i].pending = false;
                memset(run->sessions[i].flags, 0, sizeof(run->sessions[i].flags));
        }
}

static void step_owner(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), more = byte_reader_u8(in);
        const char *pin = client_pin(more), *other = client_pin(more >> 4);
        Authenticator *a = run->world->f->a;
        AuthenticatorCredential credential;
        AuthenticatorStatus status;
        uint64_t before = UINT64_MAX;
        int r = 0;

        run->tries_may_grow = true;
        switch (which % 9) {
        case 0:
                r = CALL(authenticator_status(a, &status));
                break;
        case 1:
                r = CALL(authenticator_pin_set(a, pin, strlen(pin)));
                break;
        case 2:
                r = CALL(authenticator_pin_change(a, other, strlen(other), pin, strlen(pin)));
                break;
        case 3:
                r = CALL(authenticator_pin_replace(a, pin, strlen(pin)));
                break;
        case 4:
                r = CALL(authenticator_reset(a));
                break;
        case 5:
                for (unsigned i = 0; i < 20 && r == 0; i++)
                        r = CALL(authenticator_credential_next(a, &before, &credential));
                break;
        case 6:
                r = CALL(authenticator_credential_rename(a, more & 0x3f, more & 0x40 ? "Ann" : NULL,
                                                         more & 0x80 ? "" : "\xff"));
                break;
        case 7:
                r = CALL(authenticator_credential_delete(a, more & 0x3f));
                break;
        default:
                r = CALL(authenticator_credential_restore(a, more & 0x3f));
                break;
        }
        PROMISE(r < 0 || r == CTAP2_ERR_OPERATION_PENDING || world_status_known(r));
}

static void step_choose(Session *s, ByteReader *in)
{
        int r = authenticator_choose(s->host, byte_reader_u8(in) % (AUTHENTICATOR_ACCOUNTS_MAX + 2));

        PROMISE(r == 0 || r == -EINVAL);
        PROMISE(r != 0 || s->pending);
        s->chose = s->chose || r == 0;
}

/* The host becomes one that asks for the PIN, or the PIN is typed there. */
static void step_ask_pin(Run *run, Session *s, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in);
        const char *pin = client_pin(which);
        unsigned i = (unsigned)(s - run->sessions);
        bool asked = run->world->asked[i] && run->world->by_pin[i];
        int r;

        if (which & 0x80) {
                authenticator_host_ask_pin(s->host);
                return;
        }
        r = CALL(authenticator_pin_verify(s->host, pin, strlen(pin)));
        PROMISE(asked || r == -EINVAL);
        PROMISE(r < 0 || r == CTAP2_ERR_OPERATION_PENDING || world_status_known(r));
        run->world->pin_right[i] = r == CTAP_OK;
        run->tries_may_grow = r <= CTAP_OK;
}

static void step_key(Run *run, Session *s, ByteReader *in)
{
        bool works = fixture_key_works(run->world->f, s->host);
        AuthenticatorKeyResult result = world_key_result(run->world, s->host, byte_reader_u8(in));
        AuthenticatorReply reply;
        int r;

        PROMISE(works == (authenticator_host_waits_for(s->host) == AUTHENTICATOR_ASK_KEY));
        r = CALL(authenticator_key_answer(s->host, &result, &reply));
        PROMISE(works || r == AUTHENTICATOR_PENDING);
        on_result(run, s, r, &reply);
}

/* What was added last: chosen by bits that a power cycle leaves alone. */
static void step_more(Run *run, Session *s, uint8_t which, ByteReader *in)
{
        int r;

        switch (which) {
        case 0x8:
                step_choose(s, in);
                break;
        case 0x9:
                r = world_set_policy(run->world, byte_reader_u8(in));
                PROMISE(r < 0 || r == CTAP2_ERR_OPERATION_PENDING || world_status_known(r));
                break;
        case 0xa:
                world_key_mood(run->world, byte_reader_u8(in));
                break;
        case 0xb:
        case 0xc:
        case 0xd:
                step_key(run, s, in);
                break;
        case 0xe:
                step_ask_pin(run, s, in);
                break;
        default:
                authenticator_power_cycle(run->world->f->a);
                break;
        }
}

static void step(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in);
        Session *s = run->sessions + run->which;

        switch (which & 0x0f) {
        case 0:
                step_raw(run, s, in);
                break;
        case 1:
        case 2:
        case 3:
                step_template(run, s, in);
                break;
        case 4:
                step_key_agreement(run, s, in);
                break;
        case 5:
                step_answer(run, s, in);
                break;
        case 6:
                step_cancel(run, s, in);
                break;
        case 7:
                step_time(run, in);
                break;
        case 8:
                step_more(run, s, which >> 4, in);
                break;
        case 9:
                step_lock(run, in);
                break;
        case 10:
                step_person(run, in);
                break;
        case 11:
                step_fail(run, in);
                break;
        case 12:
                step_restart(run);
                break;
        case 13:
                step_owner(run, in);
                break;
        case 14:
                step_u2f(run, s, in);
                break;
        default:
                run->which = which >> 4 & 1;
                run->sessions[run->which].channel = which >> 5 & 3;
                break;
        }
        check_retries(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ByteReader in = BYTE_READER(data, size);
        Run run = {0};
        uint8_t config, seed;

        if (size < 3 || size > 16384)
                return 0;
        config = byte_reader_u8(&in);
        seed = byte_reader_u8(&in);
        run.world = world_new(config, seed, /* real= */ seed % 8 == 0);
        for (unsigned i = 0; i < WORLD_HOSTS; i++) {
                run.sessions[i].host = run.world->hosts[i];
                client_init(&run.sessions[i].client);
        }
        for (int i = 0; i < STEPS_MAX && in.size > 0 && !in.failed; i++)
                step(&run, &in);
        for (unsigned i = 0; i < WORLD_HOSTS; i++)
                client_done(&run.sessions[i].client);
        world_free(run.world);
        return 0;
}
