/* A port: reports in, reports out, with an authenticator behind them */
#include "authenticator/ctaphid.h"
#include "tests/unit/u2f-tools.h"

#define REPORT AUTHENTICATOR_REPORT_SIZE

typedef struct Client {
        Fixture *f;
        AuthenticatorPort *port;
        uint32_t cid;
        uint8_t command, data[AUTHENTICATOR_MESSAGE_MAX]; /* the last message, */
        size_t size, got;
        unsigned n_messages, n_keepalives;
        uint8_t status; /* and keepalive */
} Client;

static void on_send(void *userdata, const uint8_t report[REPORT])
{
        Client *c = userdata;
        size_t n;

        if ((report[4] & 0x7f) == CTAPHID_KEEPALIVE && report[4] & 0x80) {
                c->n_keepalives++;
                c->status = report[7];
                return;
        }
        if (report[4] & 0x80) {
                CHECK_EQ(c->got, c->size);
                c->command = report[4] & 0x7f;
                c->size = (size_t)report[5] << 8 | report[6];
                n = c->size < 57 ? c->size : 57;
                memcpy(c->data, report + 7, n);
                c->got = n;
        } else {
                n = c->size - c->got < 59 ? c->size - c->got : 59;
                memcpy(c->data + c->got, report + 5, n);
                c->got += n;
        }
        c->n_messages += c->got == c->size;
}

static void send_message(Client *c, uint32_t cid, uint8_t command, const void *data, size_t size)
{
        uint8_t report[REPORT] = {(uint8_t)(cid >> 24), (uint8_t)(cid >> 16), (uint8_t)(cid >> 8), (uint8_t)cid,
                                  0x80 | command, (uint8_t)(size >> 8), (uint8_t)size};
        const uint8_t *p = data;
        size_t n = size < 57 ? size : 57;

        c->n_messages = c->n_keepalives = 0;
        if (n > 0)
                memcpy(report + 7, p, n);
        authenticator_port_receive(c->port, report, 7 + n); /* short reports are filled up */
        for (uint8_t sequence = 0; n < size; sequence++) {
                size_t m = size - n < 59 ? size - n : 59;

                report[4] = sequence;
                memcpy(report + 5, p + n, m);
                authenticator_port_receive(c->port, report, 5 + m);
                n += m;
        }
}

static Client *client_new(void (*adjust)(Fixture *f))
{
        static const AuthenticatorPortOps ops = {on_send};
        Client *c = calloc(1, sizeof(*c));

        CHECK(c);
        c->f = fixture_new(adjust);
        CHECK_EQ(authenticator_port_new(c->f->a, &ops, c, &c->port), 0);
        CHECK(authenticator_host_userdata(authenticator_port_host(c->port)) == c);
        send_message(c, CTAPHID_BROADCAST, CTAPHID_INIT, "12345678", 8);
        CHECK_EQ(c->n_messages, 1);
        CHECK_EQ(c->size, 17);
        c->cid = (uint32_t)c->data[8] << 24 | (uint32_t)c->data[9] << 16 | (uint32_t)c->data[10] << 8 | c->data[11];
        return c;
}

static void client_freep(Client **c)
{
        CHECK(!authenticator_port_free((*c)->port));
        (void)fixture_free((*c)->f);
        free(*c);
}
#define CLIENT(c, adjust) _cleanup_(client_freep) Client *c = client_new(adjust)

static void slow(Fixture *f)
{
        f->answer = AUTHENTICATOR_LATER;
}

static void no_wink(Fixture *f)
{
        f->no_wink = true;
}

static void select_key(Client *c)
{
        send_message(c, c->cid, CTAPHID_CBOR, "\x0b", 1);
}

/* At the port's own deadline. */
static void next(Client *c)
{
        uint64_t deadline = authenticator_port_deadline(c->port);

        CHECK(deadline != UINT64_MAX);
        CHECK(deadline > c->f->now);
        c->f->now = deadline;
        authenticator_port_tick(c->port);
        CHECK(authenticator_port_deadline(c->port) > c->f->now);
}

TEST(a_request_at_once)
{
        CLIENT(c, NULL);

        send_message(c, c->cid, CTAPHID_CBOR, "\x04", 1);
        CHECK_EQ(c->n_messages, 1);
        CHECK_EQ(c->n_keepalives, 0);
        CHECK_EQ(c->command, CTAPHID_CBOR);
        CHECK_EQ(c->data[0], CTAP_OK);
        CHECK(c->size > 59); /* more than one report */
        select_key(c);
        CHECK_EQ(c->data[0], CTAP_OK);
        CHECK_EQ(authenticator_port_deadline(c->port), UINT64_MAX);
}

TEST(capabilities_follow_the_owner)
{
        CLIENT(c, NULL);
        CLIENT(d, no_wink);

        CHECK_EQ(c->data[16], CTAPHID_CAN_CBOR | CTAPHID_CAN_WINK);
        CHECK_EQ(d->data[16], CTAPHID_CAN_CBOR);
        CHECK(memcmp(c->data + 12, (const uint8_t[]){2, 0, 0, 1}, 4) == 0); /* firmware 1 */
        send_message(c, c->cid, CTAPHID_WINK, NULL, 0);
        CHECK_EQ(c->command, CTAPHID_WINK);
        CHECK_EQ(c->f->n_winks, 1);
}

TEST(a_request_that_waits_for_a_person)
{
        CLIENT(c, slow);

        select_key(c);
        CHECK_EQ(c->n_messages, 0);
        CHECK_EQ(c->n_keepalives, 1);
        CHECK_EQ(c->status, CTAPHID_UP_NEEDED);
        next(c);
        CHECK_EQ(c->n_keepalives, 2);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->n_messages, 1);
        CHECK_EQ(c->data[0], CTAP_OK);
        CHECK_EQ(authenticator_port_deadline(c->port), UINT64_MAX);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES); /* to no question */
        CHECK_EQ(c->n_messages, 1);
}

TEST(a_request_that_waits_for_storage)
{
        CLIENT(c, slow);
        cbor_item_t *map = client_assert_request("example.com");
        uint8_t request[512] = {2};
        size_t size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);

        cbor_decref(&map);
        c->f->locked = true;
        c->f->storage_answer = AUTHENTICATOR_LATER;
        send_message(c, c->cid, CTAPHID_CBOR, request, size);
        CHECK_EQ(c->status, CTAPHID_PROCESSING);
        c->f->locked = false;
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->n_messages, 0);
        CHECK_EQ(c->n_keepalives, 2); /* it waits for something else now */
        CHECK_EQ(c->status, CTAPHID_UP_NEEDED);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->data[0], CTAP2_ERR_NO_CREDENTIALS);
}

TEST(cancel_answers_the_request_once)
{
        CLIENT(c, slow);

        select_key(c);
        send_message(c, c->cid, CTAPHID_CANCEL, NULL, 0);
        CHECK_EQ(c->n_messages, 1);
        CHECK_EQ(c->command, CTAPHID_CBOR);
        CHECK_EQ(c->size, 1);
        CHECK_EQ(c->data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(c->f->n_withdrawn, 1);
        send_message(c, c->cid, CTAPHID_CANCEL, NULL, 0);
        CHECK_EQ(c->n_messages, 0);
}

TEST(a_question_that_times_out_is_answered)
{
        CLIENT(c, slow);
        unsigned n = 0;

        select_key(c);
        c->n_messages = 0;
        for (; c->n_messages == 0; n++)
                next(c);
        CHECK_EQ(c->data[0], CTAP2_ERR_USER_ACTION_TIMEOUT);
        CHECK(n >= PRESENCE_TIME / CTAPHID_KEEPALIVE_TIME);
        CHECK_EQ(c->f->n_withdrawn, 1);
}

TEST(a_power_cycle_ends_the_request)
{
        CLIENT(c, slow);

        select_key(c);
        authenticator_power_cycle(c->f->a);
        CHECK(authenticator_port_deadline(c->port) <= c->f->now);
        authenticator_port_tick(c->port);
        CHECK_EQ(c->data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
}

TEST(init_ends_the_request_and_its_question)
{
        CLIENT(c, slow);

        select_key(c);
        send_message(c, c->cid, CTAPHID_INIT, "abcdefgh", 8);
        CHECK_EQ(c->n_messages, 1);
        CHECK_EQ(c->command, CTAPHID_INIT);
        CHECK_EQ(c->f->n_withdrawn, 1);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->n_messages, 1);
        select_key(c);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->data[0], CTAP_OK);
}

TEST(init_ends_an_enumeration)
{
        CLIENT(c, NULL);
        cbor_item_t *map = client_assert_request("example.com");
        uint8_t request[512] = {2};
        size_t size = 1 + client_serialize(map, request + 1, sizeof(request) - 1);

        cbor_decref(&map);
        CHECK_EQ(client_make(c->f, "example.com", "ann", COSE_ES256, true, NULL), CTAP_OK);
        CHECK_EQ(client_make(c->f, "example.com", "bob", COSE_ES256, true, NULL), CTAP_OK);
        for (unsigned i = 0; i < 2; i++) {
                send_message(c, c->cid, CTAPHID_CBOR, request, size);
                CHECK_EQ(c->data[0], CTAP_OK);
                if (i == 1)
                        send_message(c, c->cid, CTAPHID_INIT, "abcdefgh", 8);
                send_message(c, c->cid, CTAPHID_CBOR, "\x08", 1);
                CHECK_EQ(c->data[0], i == 0 ? CTAP_OK : CTAP2_ERR_NOT_ALLOWED);
        }
}

TEST(u2f_goes_through_msg)
{
        CLIENT(c, slow);
        Registration reg = to_register("example.com", 1);
        uint8_t request[512];
        size_t size = register_apdu(&reg, request);

        send_message(c, c->cid, CTAPHID_MSG, request, size);
        CHECK_EQ(c->command, CTAPHID_MSG);
        CHECK_EQ(c->size, 2);
        CHECK_EQ(c->data[0] << 8 | c->data[1], SW_NOT_YET);
        CHECK_EQ(c->n_keepalives, 0);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->n_messages, 1);
        send_message(c, c->cid, CTAPHID_MSG, request, size);
        check_registration(&reg, c->data, c->size - 2);
        authenticator_port_tick(c->port); /* a key is made in advance */
        CHECK_EQ(authenticator_port_deadline(c->port), UINT64_MAX);
}

TEST(init_withdraws_a_u2f_question)
{
        CLIENT(c, slow);
        Registration reg = to_register("example.com", 1);
        uint8_t request[512];
        size_t size = register_apdu(&reg, request);

        send_message(c, c->cid, CTAPHID_MSG, request, size);
        send_message(c, CTAPHID_BROADCAST, CTAPHID_INIT, "abcdefgh", 8); /* another client's */
        CHECK_EQ(c->f->n_withdrawn, 0);
        send_message(c, c->cid, CTAPHID_INIT, "abcdefgh", 8);
        CHECK_EQ(c->f->n_withdrawn, 1);
}

TEST(a_port_that_goes_takes_its_question_with_it)
{
        CLIENT(c, slow);

        select_key(c);
        c->port = authenticator_port_free(c->port);
        CHECK_EQ(c->f->n_withdrawn, 1);
}

TEST(reports_of_the_wrong_size)
{
        CLIENT(c, NULL);
        uint8_t report[REPORT + 1] = {(uint8_t)(c->cid >> 24), (uint8_t)(c->cid >> 16), (uint8_t)(c->cid >> 8),
                                      (uint8_t)c->cid, 0x80 | CTAPHID_PING};

        c->n_messages = 0;
        authenticator_port_receive(c->port, report, sizeof(report));
        authenticator_port_receive(c->port, report, 0);
        CHECK_EQ(c->n_messages, 0);
        authenticator_port_receive(c->port, report, 5);
        CHECK_EQ(c->n_messages, 1);
        CHECK_EQ(c->command, CTAPHID_PING);
        report[0] ^= 0x80;
        authenticator_port_receive(c->port, report, 5);
        CHECK_EQ(c->command, CTAPHID_ERROR);
        CHECK_EQ(c->data[0], CTAP1_ERR_INVALID_CHANNEL);
        authenticator_port_receive(c->port, report, 4); /* a continuation of nothing */
        CHECK_EQ(c->n_messages, 2);
}

/* ---- several programs on one device ---- */

static void use_channel(Client *c)
{
        send_message(c, CTAPHID_BROADCAST, CTAPHID_INIT, "12345678", 8);
        c->cid = (uint32_t)c->data[8] << 24 | (uint32_t)c->data[9] << 16 | (uint32_t)c->data[10] << 8 | c->data[11];
}

TEST(a_u2f_question_makes_other_channels_busy)
{
        CLIENT(c, slow);
        Registration reg = to_register("example.com", 1);
        uint32_t first = c->cid;
        uint8_t request[512];
        size_t size = register_apdu(&reg, request);

        send_message(c, first, CTAPHID_MSG, request, size);
        CHECK_EQ(c->f->n_asked, 1);
        use_channel(c);
        select_key(c);
        CHECK(c->command == CTAPHID_ERROR && c->data[0] == CTAP1_ERR_CHANNEL_BUSY);
        send_message(c, c->cid, CTAPHID_CBOR, "\x04", 1);
        CHECK(c->command == CTAPHID_CBOR && c->data[0] == CTAP_OK);
        send_message(c, c->cid, CTAPHID_INIT, "12345678", 8); /* its own business */
        CHECK_EQ(c->f->n_withdrawn, 0);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        send_message(c, first, CTAPHID_MSG, request, size);
        CHECK(c->command == CTAPHID_MSG && c->data[c->size - 2] == 0x90);
        CHECK_EQ(c->f->n_asked, 1);
}

TEST(a_u2f_question_ends_when_its_client_does_something_else)
{
        for (unsigned i = 0; i < 2; i++) {
                CLIENT(c, slow);
                Registration reg = to_register("example.com", 1);
                uint8_t request[512];

                send_message(c, c->cid, CTAPHID_MSG, request, register_apdu(&reg, request));
                send_message(c, c->cid, i == 0 ? CTAPHID_CBOR : CTAPHID_INIT, i == 0 ? "\x04" : "12345678", i == 0 ? 1 : 8);
                CHECK_EQ(c->f->n_withdrawn, 1);
                use_channel(c);
                select_key(c);
                CHECK_EQ(c->f->n_asked, 2);
        }
}

/* ---- all clients have gone ---- */

TEST(a_reset_ends_the_request_and_its_question)
{
        CLIENT(c, slow);
        unsigned messages;

        select_key(c);
        CHECK_EQ(authenticator_host_channel(authenticator_port_host(c->port)), c->cid);
        CHECK_EQ(c->f->asked_channel, c->cid);
        messages = c->n_messages;
        authenticator_port_reset(c->port);
        CHECK_EQ(c->n_messages, messages); /* nobody is told anything */
        CHECK_EQ(c->f->n_withdrawn, 1);
        CHECK_EQ(authenticator_host_channel(authenticator_port_host(c->port)), 0);
        CHECK_EQ(authenticator_port_deadline(c->port), UINT64_MAX);
        authenticator_port_answer(c->port, AUTHENTICATOR_YES);
        CHECK_EQ(c->n_messages, messages);
}

TEST(a_reset_ends_channels)
{
        CLIENT(c, NULL);

        authenticator_port_reset(c->port);
        select_key(c);
        CHECK_EQ(c->command, CTAPHID_ERROR);
        CHECK_EQ(c->data[0], CTAP1_ERR_INVALID_CHANNEL);
        send_message(c, CTAPHID_BROADCAST, CTAPHID_INIT, "12345678", 8);
        CHECK_EQ(c->command, CTAPHID_INIT);
}

TEST(a_reset_ends_a_half_message_and_a_lock)
{
        uint8_t report[REPORT] = {0, 0, 0, 0, 0x80 | CTAPHID_PING, 1, 0};
        CLIENT(c, NULL);

        send_message(c, c->cid, CTAPHID_LOCK, "\x0a", 1);
        for (unsigned i = 0; i < 4; i++)
                report[i] = (uint8_t)(c->cid >> (24 - 8 * i));
        authenticator_port_receive(c->port, report, sizeof(report));
        CHECK(authenticator_port_deadline(c->port) != UINT64_MAX);
        authenticator_port_reset(c->port);
        CHECK_EQ(authenticator_port_deadline(c->port), UINT64_MAX);
}

TEST(a_reset_ends_tokens_and_touches)
{
        CLIENT(c, slow);
        AuthenticatorHost *host = authenticator_port_host(c->port);
        Registration reg = to_register("example.com", 1);
        uint8_t request[512], point[64];
        PinToken *token;

        CHECK_EQ(authenticator_load(c->f->a), CTAP_OK);
        CHECK_EQ(protocol_public_key(host, 2, point), CTAP_OK);
        CHECK_EQ(token_issue(host, 2, PERMISSION_GA, NULL, false, &token), CTAP_OK);
        send_message(c, c->cid, CTAPHID_MSG, request, register_apdu(&reg, request));
        CHECK_EQ(c->f->n_asked, 1);
        CHECK_EQ(authenticator_host_channel(host), c->cid);
        authenticator_port_reset(c->port);
        CHECK_EQ(c->f->n_withdrawn, 1);
        CHECK(!token->in_use && !host->pin[1].agreement);
        CHECK_EQ(authenticator_host_channel(host), 0);
        CHECK_EQ(host->latch.state, LATCH_NONE);
}

TEST_MAIN
