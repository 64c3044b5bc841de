/* A device that only takes notes of what its framing tells it, and a client of it: what the tests of CTAPHID share */
#pragma once

#include <errno.h>

#include "authenticator/ctaphid.h"
#include "common/cleanup.h"
#include "tests/unit/test.h"

#define REPORT AUTHENTICATOR_REPORT_SIZE

/* One message from the device, put together again. */
typedef struct Message {
        uint32_t cid;
        uint8_t command;
        size_t size, got;
        uint8_t data[AUTHENTICATOR_MESSAGE_MAX];
} Message;

typedef struct Device {
        Ctaphid h;
        CtaphidOps ops;
        uint64_t now;
        uint32_t random; /* the next channel */
        bool random_fails, random_stuck;
        bool reply;      /* answers a message at once, with itself */
        bool person;
        bool cancel_answers;
        unsigned n_messages, n_cancels, n_drops, n_winks, n_reports;
        uint32_t message_cid, dropped;
        uint8_t message_command;
        size_t message_size;
        uint8_t message[AUTHENTICATOR_MESSAGE_MAX];
        Message out[160]; /* complete or not, oldest first */
        size_t n_out, seen;
} Device;

static inline uint32_t be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void on_send(void *userdata, const uint8_t report[REPORT])
{
        Device *d = userdata;
        Message *m;
        size_t n;

        d->n_reports++;
        if (report[4] & 0x80) {
                CHECK(d->n_out < ELEMENTSOF(d->out));
                CHECK(d->n_out == 0 || d->out[d->n_out - 1].got == d->out[d->n_out - 1].size);
                m = &d->out[d->n_out++];
                *m = (Message){.cid = be32(report), .command = report[4] & 0x7f};
                m->size = (size_t)report[5] << 8 | report[6];
                CHECK(m->size <= sizeof(m->data));
                n = m->size < REPORT - 7 ? m->size : REPORT - 7;
                memcpy(m->data, report + 7, n);
                for (size_t i = 7 + n; i < REPORT; i++)
                        CHECK_EQ(report[i], 0);
        } else {
                CHECK(d->n_out > 0);
                m = &d->out[d->n_out - 1];
                CHECK_EQ(be32(report), m->cid);
                CHECK_EQ(report[4], (m->got - (REPORT - 7)) / (REPORT - 5));
                n = m->size - m->got < REPORT - 5 ? m->size - m->got : REPORT - 5;
                CHECK(n > 0);
                memcpy(m->data + m->got, report + 5, n);
                for (size_t i = 5 + n; i < REPORT; i++)
                        CHECK_EQ(report[i], 0);
        }
        m->got += n;
}

static inline int on_random(void *userdata, void *ret, size_t size)
{
        Device *d = userdata;
        uint8_t *bytes = ret;

        CHECK_EQ(size, 4);
        if (d->random_fails)
                return -EIO;
        for (unsigned i = 0; i < 4; i++)
                bytes[i] = (uint8_t)(d->random >> (24 - 8 * i));
        if (!d->random_stuck)
                d->random++;
        return 0;
}

static inline void on_message(void *userdata, uint32_t cid, uint8_t command, const uint8_t *data, size_t size)
{
        Device *d = userdata;

        d->n_messages++;
        d->message_cid = cid;
        d->message_command = command;
        d->message_size = size;
        memcpy(d->message, data, size);
        if (d->reply)
                ctaphid_reply(&d->h, data, size);
}

static inline void on_cancel(void *userdata, uint32_t cid)
{
        Device *d = userdata;

        d->n_cancels++;
        if (d->cancel_answers)
                ctaphid_reply(&d->h, &(uint8_t){CTAP2_ERR_KEEPALIVE_CANCEL}, 1);
}

static inline void on_drop(void *userdata, uint32_t cid)
{
        Device *d = userdata;

        d->n_drops++;
        d->dropped = cid;
}

static inline bool on_waits(void *userdata)
{
        Device *d = userdata;

        return d->person;
}

static inline void on_wink(void *userdata)
{
        Device *d = userdata;

        d->n_winks++;
}

static inline Device *device_new(void)
{
        Device *d = calloc(1, sizeof(*d));

        CHECK(d);
        d->ops = (CtaphidOps){on_send, on_random, on_message, on_cancel, on_drop, on_waits, on_wink};
        d->now = 1000;
        d->random = 0x10000001;
        d->cancel_answers = true;
        ctaphid_init(&d->h, &d->ops, d, 0x00010203);
        return d;
}

static inline void device_free(Device *d)
{
        CHECK_EQ(d->seen, d->n_out); /* every test says what it expects */
        ctaphid_reset(&d->h);
        free(d);
}

static inline void device_freep(Device **d)
{
        device_free(*d);
}
#define DEVICE(d) _cleanup_(device_freep) Device *d = device_new()

/* ---- the client ---- */

static inline void put(uint8_t report[REPORT], uint32_t cid, uint8_t byte)
{
        memset(report, 0, REPORT);
        for (unsigned i = 0; i < 4; i++)
                report[i] = (uint8_t)(cid >> (24 - 8 * i));
        report[4] = byte;
}

static inline void send_first(Device *d, uint32_t cid, uint8_t command, size_t size, const uint8_t *data, size_t n)
{
        uint8_t report[REPORT];

        put(report, cid, 0x80 | command);
        report[5] = (uint8_t)(size >> 8);
        report[6] = (uint8_t)size;
        if (n > 0)
                memcpy(report + 7, data, n < REPORT - 7 ? n : REPORT - 7);
        ctaphid_receive(&d->h, d->now, report);
}

static inline void send_next(Device *d, uint32_t cid, uint8_t sequence, const uint8_t *data, size_t n)
{
        uint8_t report[REPORT];

        put(report, cid, sequence);
        if (n > 0)
                memcpy(report + 5, data, n < REPORT - 5 ? n : REPORT - 5);
        ctaphid_receive(&d->h, d->now, report);
}

static inline void send_all(Device *d, uint32_t cid, uint8_t command, const uint8_t *data, size_t size)
{
        uint8_t sequence = 0;

        send_first(d, cid, command, size, data, size);
        for (size_t done = REPORT - 7; done < size; done += REPORT - 5)
                send_next(d, cid, sequence++, data + done, size - done);
}

/* The next message from the device, which must be this one. */
static const Message *expect(Device *d, uint32_t cid, uint8_t command, size_t size)
{
        const Message *m;

        CHECK(d->seen < d->n_out);
        m = &d->out[d->seen++];
        CHECK_EQ(m->cid, cid);
        CHECK_EQ(m->command, command);
        CHECK_EQ(m->size, size);
        CHECK_EQ(m->got, size);
        return m;
}

static inline void expect_error(Device *d, uint32_t cid, uint8_t code)
{
        CHECK_EQ(expect(d, cid, CTAPHID_ERROR, 1)->data[0], code);
}

static inline void expect_nothing(const Device *d)
{
        CHECK_EQ(d->seen, d->n_out);
}

static const uint8_t nonce[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static inline uint32_t channel(Device *d)
{
        const Message *m;

        send_all(d, CTAPHID_BROADCAST, CTAPHID_INIT, nonce, sizeof(nonce));
        m = expect(d, CTAPHID_BROADCAST, CTAPHID_INIT, 17);
        CHECK(memcmp(m->data, nonce, 8) == 0);
        return be32(m->data + 8);
}

/* The message that a test sends when it does not matter which. */
static inline void fill(uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t)(i * 7 + 3);
}

static inline void ping(Device *d, uint32_t cid, size_t size)
{
        uint8_t data[AUTHENTICATOR_MESSAGE_MAX] = {0};
        const Message *m;

        fill(data, size);
        send_all(d, cid, CTAPHID_PING, data, size);
        m = expect(d, cid, CTAPHID_PING, size);
        CHECK(memcmp(m->data, data, size) == 0);
}

/* A CBOR request that stays pending; its first keepalive has come. */
static inline void begin_request(Device *d, uint32_t cid)
{
        d->reply = false;
        send_all(d, cid, CTAPHID_CBOR, (const uint8_t[]){4}, 1);
        CHECK_EQ(expect(d, cid, CTAPHID_KEEPALIVE, 1)->data[0], d->person ? CTAPHID_UP_NEEDED : CTAPHID_PROCESSING);
}

static inline void begin_message(Device *d, uint32_t cid)
{
        send_first(d, cid, CTAPHID_PING, 1000, nonce, sizeof(nonce));
        expect_nothing(d);
}
