/*
 * CTAPHID: one message at a time, from many channels
 *
 * A port is in one of three states: idle, assembling a message, or answering one. A report from the channel whose turn
 * it is moves it on, one from any other is told to wait, and two things work in every state: INIT, so that a client can
 * always begin afresh, and CANCEL. Everything else that doesn't fit is answered with an error and leaves the state as it
 * was, except on the channel that got itself out of step.
 */
#include <string.h>

#include "authenticator/ctaphid.h"
#include "common/cleanup.h"

#define TYPE_INIT         0x80U
#define INIT_HEADER_SIZE  7U /* channel, command, size */
#define NEXT_HEADER_SIZE  5U /* channel, sequence number */
#define INIT_PAYLOAD_SIZE (AUTHENTICATOR_REPORT_SIZE - INIT_HEADER_SIZE)
#define NEXT_PAYLOAD_SIZE (AUTHENTICATOR_REPORT_SIZE - NEXT_HEADER_SIZE)
#define SEQUENCE_MAX      0x7fU
#define NAMES_TRIED       8 /* random channel ids before giving up */

_Static_assert(INIT_PAYLOAD_SIZE + (SEQUENCE_MAX + 1) * NEXT_PAYLOAD_SIZE == AUTHENTICATOR_MESSAGE_MAX,
               "the largest message uses every sequence number");

static uint32_t read_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_be32(uint8_t *p, uint32_t value)
{
        p[0] = (uint8_t)(value >> 24);
        p[1] = (uint8_t)(value >> 16);
        p[2] = (uint8_t)(value >> 8);
        p[3] = (uint8_t)value;
}

static size_t min_size(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* ---- out ---- */

static void send_message(const Ctaphid *h, uint32_t cid, uint8_t command, const uint8_t *data, size_t size)
{
        uint8_t report[AUTHENTICATOR_REPORT_SIZE] = {0}, sequence = 0;
        size_t n = min_size(size, INIT_PAYLOAD_SIZE);

        write_be32(report, cid);
        report[4] = TYPE_INIT | command;
        report[5] = (uint8_t)(size >> 8);
        report[6] = (uint8_t)size;
        if (n > 0)
                memcpy(report + INIT_HEADER_SIZE, data, n);
        h->ops->send(h->userdata, report);
        for (size_t done = n; done < size; done += n) {
                n = min_size(size - done, NEXT_PAYLOAD_SIZE);
                report[4] = sequence++;
                memcpy(report + NEXT_HEADER_SIZE, data + done, n);
                memset(report + NEXT_HEADER_SIZE + n, 0, NEXT_PAYLOAD_SIZE - n);
                h->ops->send(h->userdata, report);
        }
        explicit_bzero(report, sizeof(report));
}

static void send_error(const Ctaphid *h, uint32_t cid, uint8_t code)
{
        send_message(h, cid, CTAPHID_ERROR, &code, 1);
}

void ctaphid_reply(Ctaphid *h, const void *data, size_t size)
{
        uint32_t cid = h->pending.cid;

        if (cid == 0)
                return;
        h->pending.cid = 0;
        if (size <= AUTHENTICATOR_MESSAGE_MAX)
                send_message(h, cid, h->pending.command, data, size);
        else
                send_error(h, cid, CTAP1_ERR_OTHER);
}

void ctaphid_fail(Ctaphid *h, uint8_t code)
{
        uint32_t cid = h->pending.cid;

        if (cid == 0)
                return;
        h->pending.cid = 0;
        send_error(h, cid, code);
}

/* ---- life ---- */

void ctaphid_init(Ctaphid *h, const CtaphidOps *ops, void *userdata, uint32_t version)
{
        *h = (Ctaphid){
                .ops = ops,
                .userdata = userdata,
                .version = {(uint8_t)(version >> 16), (uint8_t)(version >> 8), (uint8_t)version},
        };
}

static void drop_incoming(Ctaphid *h)
{
        if (h->incoming.data)
                explicit_bzero(h->incoming.data, h->incoming.size);
        free(TAKE_PTR(h->incoming.data));
        h->incoming.cid = 0;
}

void ctaphid_reset(Ctaphid *h)
{
        drop_incoming(h);
        h->pending.cid = h->lock.cid = 0;
        h->n_channels = 0;
}

uint64_t ctaphid_deadline(const Ctaphid *h)
{
        uint64_t deadline = UINT64_MAX;

        if (h->incoming.cid != 0)
                deadline = h->incoming.deadline;
        if (h->pending.cid != 0 && h->pending.keepalive < deadline)
                deadline = h->pending.keepalive;
        if (h->lock.cid != 0 && h->lock.until < deadline)
                deadline = h->lock.until;
        return deadline;
}

void ctaphid_tick(Ctaphid *h, uint64_t now)
{
        uint32_t cid = h->incoming.cid;
        uint8_t status;

        if (cid != 0 && h->incoming.deadline <= now) {
                drop_incoming(h);
                send_error(h, cid, CTAP1_ERR_TIMEOUT);
        }
        if (h->lock.cid != 0 && h->lock.until <= now)
                h->lock.cid = 0;
        if (h->pending.cid == 0)
                return;
        status = h->ops->waits_for_person(h->userdata) ? CTAPHID_UP_NEEDED : CTAPHID_PROCESSING;
        if (status == h->pending.status && h->pending.keepalive > now)
                return;
        h->pending.status = status;
        h->pending.keepalive = now + CTAPHID_KEEPALIVE_TIME;
        send_message(h, h->pending.cid, CTAPHID_KEEPALIVE, &status, 1);
}

/* ---- channels ---- */

/* Whether the channel is there; it is the last used one now. */
static bool touch(Ctaphid *h, uint32_t cid)
{
        for (size_t i = 0; i < h->n_channels; i++) {
                if (h->channels[i] != cid)
                        continue;
                memmove(h->channels + 1, h->channels, i * sizeof(h->channels[0]));
                h->channels[0] = cid;
                return true;
        }
        return false;
}

static bool in_use(const Ctaphid *h, uint32_t cid)
{
        return cid == h->incoming.cid || cid == h->pending.cid || cid == h->lock.cid;
}

/* Ends the one that nobody has used for longest. At most three are in use, so there is one. */
static void make_room(Ctaphid *h)
{
        size_t i = h->n_channels - 1;
        uint32_t cid;

        while (in_use(h, h->channels[i]))
                i--;
        cid = h->channels[i];
        h->n_channels--;
        memmove(h->channels + i, h->channels + i + 1, (h->n_channels - i) * sizeof(h->channels[0]));
        h->ops->drop(h->userdata, cid);
}

static uint32_t open_channel(Ctaphid *h)
{
        uint8_t bytes[4];
        uint32_t cid;

        for (int i = 0; i < NAMES_TRIED; i++) {
                if (h->ops->random(h->userdata, bytes, sizeof(bytes)) < 0)
                        return 0;
                cid = read_be32(bytes);
                if (cid == 0 || cid == CTAPHID_BROADCAST || touch(h, cid))
                        continue;
                if (h->n_channels == CTAPHID_CHANNELS_MAX)
                        make_room(h);
                memmove(h->channels + 1, h->channels, h->n_channels * sizeof(h->channels[0]));
                h->channels[0] = cid;
                h->n_channels++;
                return cid;
        }
        return 0;
}

/* ---- commands ---- */

static void handle_init(Ctaphid *h, uint32_t cid, const uint8_t *nonce, size_t size)
{
        uint8_t reply[CTAPHID_NONCE_SIZE + 9];
        uint32_t named = cid;

        if (size != CTAPHID_NONCE_SIZE) {
                send_error(h, cid, CTAP1_ERR_INVALID_LENGTH);
                return;
        }
        if (cid == CTAPHID_BROADCAST) {
                named = open_channel(h);
                if (named == 0) {
                        send_error(h, cid, CTAP1_ERR_OTHER);
                        return;
                }
        } else {
                if (h->incoming.cid == cid)
                        drop_incoming(h);
                if (h->pending.cid == cid)
                        h->pending.cid = 0;
                if (h->lock.cid == cid)
                        h->lock.cid = 0;
                h->ops->drop(h->userdata, cid);
        }
        memcpy(reply, nonce, CTAPHID_NONCE_SIZE);
        write_be32(reply + 8, named);
        reply[12] = CTAPHID_PROTOCOL;
        memcpy(reply + 13, h->version, sizeof(h->version));
        reply[16] = CTAPHID_CAN_CBOR | (h->ops->wink ? CTAPHID_CAN_WINK : 0);
        send_message(h, cid, CTAPHID_INIT, reply, sizeof(reply));
}

static void handle_lock(Ctaphid *h, uint64_t now, uint32_t cid, uint8_t seconds)
{
        if (seconds > CTAPHID_LOCK_MAX) {
                send_error(h, cid, CTAP1_ERR_INVALID_PARAMETER);
                return;
        }
        h->lock.cid = seconds > 0 ? cid : 0;
        h->lock.until = now + seconds * UINT64_C(1000);
        send_message(h, cid, CTAPHID_LOCK, NULL, 0);
}

static void complete(Ctaphid *h, uint64_t now, uint32_t cid, uint8_t command, const uint8_t *data, size_t size)
{
        switch (command) {
        case CTAPHID_PING:
                send_message(h, cid, CTAPHID_PING, data, size);
                return;
        case CTAPHID_LOCK:
                handle_lock(h, now, cid, data[0]);
                return;
        case CTAPHID_WINK:
                h->ops->wink(h->userdata);
                send_message(h, cid, CTAPHID_WINK, NULL, 0);
                return;
        default:
                h->pending.cid = cid;
                h->pending.command = command;
                h->pending.status = 0;
                h->ops->message(h->userdata, cid, command, data, size);
                ctaphid_tick(h, now); /* still there: says so at once */
        }
}

/* CTAP_OK when a message of this command may have this size. */
static uint8_t check(const Ctaphid *h, uint8_t command, size_t size)
{
        if (size > AUTHENTICATOR_MESSAGE_MAX)
                return CTAP1_ERR_INVALID_LENGTH;
        switch (command) {
        case CTAPHID_PING:
                return CTAP_OK;
        case CTAPHID_MSG:
        case CTAPHID_CBOR:
                return size > 0 ? CTAP_OK : CTAP1_ERR_INVALID_LENGTH;
        case CTAPHID_LOCK:
                return size == 1 ? CTAP_OK : CTAP1_ERR_INVALID_LENGTH;
        case CTAPHID_WINK:
                if (!h->ops->wink)
                        return CTAP1_ERR_INVALID_COMMAND;
                return size == 0 ? CTAP_OK : CTAP1_ERR_INVALID_LENGTH;
        default:
                return CTAP1_ERR_INVALID_COMMAND;
        }
}

/* ---- in ---- */

/* Whose turn it is: CTAP_OK, or what this channel is told. */
static uint8_t admit(Ctaphid *h, uint32_t cid)
{
        if (h->lock.cid != 0 && h->lock.cid != cid)
                return CTAP1_ERR_CHANNEL_BUSY;
        if (h->incoming.cid == cid) {
                drop_incoming(h);
                return CTAP1_ERR_INVALID_SEQ;
        }
        if (h->incoming.cid != 0 || h->pending.cid != 0)
                return CTAP1_ERR_CHANNEL_BUSY;
        return CTAP_OK;
}

static void assemble(Ctaphid *h, uint64_t now, uint32_t cid, uint8_t command, const uint8_t *data, size_t size)
{
        h->incoming.data = malloc(size);
        if (!h->incoming.data) {
                send_error(h, cid, CTAP1_ERR_OTHER);
                return;
        }
        memcpy(h->incoming.data, data, INIT_PAYLOAD_SIZE);
        h->incoming.cid = cid;
        h->incoming.command = command;
        h->incoming.sequence = 0;
        h->incoming.size = INIT_PAYLOAD_SIZE;
        h->incoming.expected = size;
        h->incoming.deadline = now + CTAPHID_TRANSACTION_TIME;
}

static void receive_init(Ctaphid *h, uint64_t now, uint32_t cid, const uint8_t *report)
{
        uint8_t command = report[4] & (uint8_t)~TYPE_INIT;
        size_t size = (size_t)report[5] << 8 | report[6];
        const uint8_t *data = report + INIT_HEADER_SIZE;
        uint8_t r;

        if (cid == CTAPHID_BROADCAST ? command != CTAPHID_INIT : !touch(h, cid)) {
                send_error(h, cid, CTAP1_ERR_INVALID_CHANNEL);
                return;
        }
        if (command == CTAPHID_CANCEL) {
                if (h->pending.cid == cid)
                        h->ops->cancel(h->userdata, cid);
                return;
        }
        /* A lock keeps no new client from getting its channel, only from using it. */
        if (command == CTAPHID_INIT && (cid == CTAPHID_BROADCAST || h->lock.cid == 0 || h->lock.cid == cid)) {
                handle_init(h, cid, data, size);
                return;
        }
        r = admit(h, cid);
        if (r == CTAP_OK)
                r = check(h, command, size);
        if (r != CTAP_OK)
                send_error(h, cid, r);
        else if (size <= INIT_PAYLOAD_SIZE)
                complete(h, now, cid, command, data, size);
        else
                assemble(h, now, cid, command, data, size);
}

static void receive_next(Ctaphid *h, uint64_t now, uint32_t cid, const uint8_t *report)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t n;

        if (h->incoming.cid == 0 || h->incoming.cid != cid)
                return; /* what is left of a message that was refused or dropped */
        if (report[4] != h->incoming.sequence) {
                drop_incoming(h);
                send_error(h, cid, CTAP1_ERR_INVALID_SEQ);
                return;
        }
        n = min_size(h->incoming.expected - h->incoming.size, NEXT_PAYLOAD_SIZE);
        memcpy(h->incoming.data + h->incoming.size, report + NEXT_HEADER_SIZE, n);
        h->incoming.size += n;
        h->incoming.sequence++;
        h->incoming.deadline = now + CTAPHID_TRANSACTION_TIME;
        if (h->incoming.size < h->incoming.expected)
                return;
        data = TAKE_PTR(h->incoming.data);
        h->incoming.cid = 0;
        complete(h, now, cid, h->incoming.command, data, h->incoming.size);
        explicit_bzero(data, h->incoming.expected);
}

void ctaphid_receive(Ctaphid *h, uint64_t now, const uint8_t report[AUTHENTICATOR_REPORT_SIZE])
{
        uint32_t cid = read_be32(report);

        ctaphid_tick(h, now);
        if (report[4] & TYPE_INIT)
                receive_init(h, now, cid, report);
        else
                receive_next(h, now, cid, report);
}
