/*
 * CTAPHID: messages in reports of 64 bytes (section 11.2)
 *
 * Framing alone: channels, the assembly of a message, the one that is being answered, locks, time. It knows nothing of
 * authenticators: what a message means is its owner's business, reached through CtaphidOps, and so is the clock: each
 * call that can be late says what time it is. The owner answers a message within ops->message() or any time later;
 * until then keepalives go out and other channels hear that the device is busy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authenticator/limits.h"

#define CTAPHID_BROADCAST  UINT32_C(0xffffffff)
#define CTAPHID_PROTOCOL   2U
#define CTAPHID_NONCE_SIZE 8U

enum ctaphid_command {
        CTAPHID_PING = 0x01,
        CTAPHID_MSG = 0x03,
        CTAPHID_LOCK = 0x04,
        CTAPHID_INIT = 0x06,
        CTAPHID_WINK = 0x08,
        CTAPHID_CBOR = 0x10,
        CTAPHID_CANCEL = 0x11,
        CTAPHID_KEEPALIVE = 0x3b,
        CTAPHID_ERROR = 0x3f,
};

enum ctaphid_capability {
        CTAPHID_CAN_WINK = 0x01,
        CTAPHID_CAN_CBOR = 0x04,
};

/* What a keepalive says. */
enum ctaphid_status {
        CTAPHID_PROCESSING = 1,
        CTAPHID_UP_NEEDED = 2,
};

typedef struct CtaphidOps {
        void (*send)(void *userdata, const uint8_t report[AUTHENTICATOR_REPORT_SIZE]);
        /* Bytes nobody can guess: channels are named with them. */
        int (*random)(void *userdata, void *ret, size_t size);
        /* CTAPHID_MSG or CTAPHID_CBOR, never empty. Answered by ctaphid_reply() or ctaphid_fail(), at once or later. */
        void (*message)(void *userdata, uint32_t cid, uint8_t command, const uint8_t *data, size_t size);
        /* The client no longer wants its message done; it still has to be answered. */
        void (*cancel)(void *userdata, uint32_t cid);
        /* The channel ended or begins anew: what was going on for it is over, and nothing is to be answered. */
        void (*drop)(void *userdata, uint32_t cid);
        /* Whether the message that is being answered waits for a person. */
        bool (*waits_for_person)(void *userdata);
        void (*wink)(void *userdata); /* NULL: there is nothing to show, and CTAPHID_WINK is unknown */
} CtaphidOps;

typedef struct Ctaphid {
        const CtaphidOps *ops;
        void *userdata;
        uint8_t version[3]; /* of the device: major, minor, build */
        size_t n_channels;
        uint32_t channels[CTAPHID_CHANNELS_MAX]; /* last used first */
        struct {
                uint32_t cid; /* 0: none */
                uint8_t command, sequence;
                uint8_t *data;
                size_t size, expected;
                uint64_t deadline;
        } incoming;
        struct {
                uint32_t cid; /* 0: none */
                uint8_t command, status;
                uint64_t keepalive; /* when the next one is due */
        } pending;
        struct {
                uint32_t cid; /* 0: none */
                uint64_t until;
        } lock;
} Ctaphid;

/* `ops` is not copied. */
void ctaphid_init(Ctaphid *h, const CtaphidOps *ops, void *userdata, uint32_t version);
/* Ends all channels and frees what a message in assembly holds; nothing is called. */
void ctaphid_reset(Ctaphid *h);

void ctaphid_receive(Ctaphid *h, uint64_t now, const uint8_t report[AUTHENTICATOR_REPORT_SIZE]);
/* The answer to the pending message; without one, nothing happens. */
void ctaphid_reply(Ctaphid *h, const void *data, size_t size);
/* The same when there is none: CTAPHID_ERROR with this code. */
void ctaphid_fail(Ctaphid *h, uint8_t code);

/* Call ctaphid_tick() at the deadline (UINT64_MAX: none) and when what waits_for_person() says has changed. */
uint64_t ctaphid_deadline(const Ctaphid *h);
void ctaphid_tick(Ctaphid *h, uint64_t now);
