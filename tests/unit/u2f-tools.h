/* A U2F client: APDUs out, registrations and signatures checked by hand */
#pragma once

#include "common/cleanup.h"
#include "tests/unit/authenticator-fixture.h"
#include "tests/unit/test.h"

#define FIXTURE(f) _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL)

enum {
        SW_OK = 0x9000,
        SW_WRONG_LENGTH = 0x6700,
        SW_NOT_YET = 0x6985,
        SW_OFF = 0x6986,
        SW_WRONG_DATA = 0x6a80,
        SW_NO_SPACE = 0x6a84,
        SW_INS = 0x6d00,
        SW_CLA = 0x6e00,
        SW_FAILED = 0x6f00,
        CHECK_ONLY = 0x07,
        ENFORCE = 0x03,
        DONT_ENFORCE = 0x08,
};

typedef struct Registration {
        uint8_t challenge[32], application[32];
        uint8_t handle[255];
        size_t handle_size;
        SignKey key; /* the public half */
        const uint8_t *certificate;
        size_t certificate_size;
} Registration;

/* A request in the extended form of the libraries: a length of three bytes, and an expected length of two. */
static inline size_t apdu(uint8_t ret[512], uint8_t ins, uint8_t p1, const uint8_t *data, size_t size)
{
        const uint8_t head[] = {0, ins, p1, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};

        CHECK(sizeof(head) + size + 2 <= 512);
        memcpy(ret, head, sizeof(head));
        if (size > 0)
                memcpy(ret + sizeof(head), data, size);
        memset(ret + sizeof(head) + size, 0, 2);
        return sizeof(head) + size + 2;
}

static inline size_t register_apdu(const Registration *reg, uint8_t ret[512])
{
        uint8_t data[64];

        memcpy(data, reg->challenge, 32);
        memcpy(data + 32, reg->application, 32);
        return apdu(ret, 1, 0, data, sizeof(data));
}

static inline size_t authenticate_apdu(const Registration *reg, uint8_t p1, const uint8_t challenge[32], uint8_t ret[512])
{
        uint8_t data[65 + 255];

        memcpy(data, challenge, 32);
        memcpy(data + 32, reg->application, 32);
        data[64] = (uint8_t)reg->handle_size;
        memcpy(data + 65, reg->handle, reg->handle_size);
        return apdu(ret, 2, p1, data, 65 + reg->handle_size);
}

/* The registration of a name's hash; another `n`, another challenge. */
static inline Registration to_register(const char *rp_id, uint8_t n)
{
        Registration reg = {.key.kind = SIGN_P256};

        memset(reg.challenge, n, sizeof(reg.challenge));
        sha256(rp_id, strlen(rp_id), reg.application);
        return reg;
}

/* Everything in the reply fits together (Raw Message Formats, 4.3). */
static inline void check_registration(Registration *reg, const uint8_t *data, size_t size)
{
        uint8_t message[1 + 32 + 32 + 255 + 65] = {0};
        const uint8_t *point = data + 1, *p;

        CHECK(size > 67);
        CHECK_EQ(data[0], 5);
        CHECK_EQ(point[0], 4);
        memcpy(reg->key.public_key, point + 1, 64);
        reg->handle_size = data[66];
        p = data + 67;
        CHECK(size > 67 + reg->handle_size + 4);
        memcpy(reg->handle, p, reg->handle_size);
        p += reg->handle_size;
        CHECK(p[0] == 0x30 && p[1] == 0x82);
        reg->certificate = p;
        reg->certificate_size = 4 + ((size_t)p[2] << 8 | p[3]);
        CHECK((size_t)(p - data) + reg->certificate_size < size);
        CHECK(memmem(p, reg->certificate_size, point, 65)); /* it certifies this key */
        p += reg->certificate_size;
        memcpy(message + 1, reg->application, 32);
        memcpy(message + 33, reg->challenge, 32);
        memcpy(message + 65, reg->handle, reg->handle_size);
        memcpy(message + 65 + reg->handle_size, point, 65);
        CHECK_EQ(sign_verify(&reg->key, message, 65 + reg->handle_size + 65, p, (size_t)(data + size - p)), 0);
}

static inline unsigned do_register(Fixture *f, Registration *reg)
{
        AuthenticatorReply reply = {0};
        uint8_t request[512];
        unsigned word;

        word = fixture_u2f(f, request, register_apdu(reg, request), &reply);
        if (word == SW_OK)
                check_registration(reg, reply.data, reply.size);
        else
                CHECK_EQ(reply.size, 0);
        return word;
}

static inline Registration registered(Fixture *f, const char *rp_id)
{
        Registration reg = to_register(rp_id, 1);
        AuthenticatorAnswer answer = f->answer;

        f->answer = AUTHENTICATOR_YES;
        CHECK_EQ(do_register(f, &reg), SW_OK);
        f->answer = answer;
        return reg;
}

/* Checks the signature of a success (5.4); presence byte and counter at *ret_present, *ret_count (or NULL). */
static inline unsigned do_authenticate(Fixture *f, const Registration *reg, uint8_t p1, uint8_t n, uint8_t *ret_present,
                                       uint32_t *ret_count)
{
        uint8_t request[512], message[32 + 5 + 32], challenge[32];
        AuthenticatorReply reply = {0};
        unsigned word;

        memset(challenge, n, sizeof(challenge));
        word = fixture_u2f(f, request, authenticate_apdu(reg, p1, challenge, request), &reply);
        if (word != SW_OK) {
                CHECK_EQ(reply.size, 0);
                return word;
        }
        CHECK(reply.size > 5);
        memcpy(message, reg->application, 32);
        memcpy(message + 32, reply.data, 5);
        memcpy(message + 37, challenge, 32);
        CHECK_EQ(sign_verify(&reg->key, message, sizeof(message), reply.data + 5, reply.size - 5), 0);
        if (ret_present)
                *ret_present = reply.data[0];
        if (ret_count)
                *ret_count = (uint32_t)reply.data[1] << 24 | (uint32_t)reply.data[2] << 16 |
                             (uint32_t)reply.data[3] << 8 | reply.data[4];
        return word;
}

static inline void set_always_uv(Fixture *f, bool on)
{
        _cleanup_(change_donep) Change change = {0};

        CHECK_EQ(change_begin(f->a, &change), CTAP_OK);
        change.state->always_uv = on;
        CHECK_EQ(change_commit(&change), CTAP_OK);
}
