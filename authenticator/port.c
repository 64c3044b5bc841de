/*
 * Ports: a host that speaks CTAPHID
 *
 * Joins the framing to a host of the authenticator and does nothing else: a message becomes a request, what the host
 * answers becomes a reply, now or when the person has spoken. Time is read once for each call.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/ctaphid.h"
#include "authenticator/internal.h"
#include "authenticator/u2f.h"

struct AuthenticatorPort {
        Authenticator *a;
        AuthenticatorHost *host;
        AuthenticatorPortOps ops;
        CtaphidOps hid_ops;
        Ctaphid hid;
        void *userdata;
};

/* An outcome of the host: a reply, none yet, or a fatal error, which is the device's own trouble. */
static void deliver(AuthenticatorPort *port, int r, const AuthenticatorReply *reply)
{
        if (r < 0)
                ctaphid_fail(&port->hid, CTAP1_ERR_OTHER);
        else if (r != AUTHENTICATOR_PENDING)
                ctaphid_reply(&port->hid, reply->data, reply->size);
}

static void port_send(void *userdata, const uint8_t *report)
{
        AuthenticatorPort *port = userdata;

        port->ops.send(port->userdata, report);
}

static int port_random(void *userdata, void *ret, size_t size)
{
        AuthenticatorPort *port = userdata;

        return authenticator_random(port->a, ret, size);
}

static void port_message(void *userdata, uint32_t cid, uint8_t command, const uint8_t *data, size_t size)
{
        AuthenticatorPort *port = userdata;
        AuthenticatorReply reply = {0};
        int r;

        if (command == CTAPHID_CBOR)
                r = authenticator_request(port->host, cid, data, size, &reply);
        else
                r = authenticator_u2f_request(port->host, cid, data, size, &reply);
        if (r == 0 && reply.size == 1 && reply.data[0] == CTAP1_ERR_CHANNEL_BUSY)
                ctaphid_fail(&port->hid, CTAP1_ERR_CHANNEL_BUSY); /* clients know it from the framing */
        else
                deliver(port, r, &reply);
}

static void port_cancel(void *userdata, uint32_t cid)
{
        AuthenticatorPort *port = userdata;
        AuthenticatorReply reply = {0};
        int r;

        r = authenticator_cancel(port->host, cid, &reply);
        deliver(port, r, &reply);
}

static void port_drop(void *userdata, uint32_t cid)
{
        AuthenticatorPort *port = userdata;
        AuthenticatorReply reply;

        (void)authenticator_cancel(port->host, cid, &reply);
        u2f_drop_channel(port->host, cid);
        authenticator_host_drop_channel(port->host, cid);
}

static bool port_waits_for_person(void *userdata)
{
        AuthenticatorPort *port = userdata;
        int kind = authenticator_host_waits_for(port->host);

        return kind == AUTHENTICATOR_ASK_PRESENCE || kind == AUTHENTICATOR_ASK_VERIFICATION ||
               kind == AUTHENTICATOR_ASK_SAMPLE;
}

static void port_wink(void *userdata)
{
        AuthenticatorPort *port = userdata;

        port->a->ops.wink(port->a->userdata, port->host);
}

int authenticator_port_new(Authenticator *a, const AuthenticatorPortOps *ops, void *userdata, AuthenticatorPort **ret)
{
        AuthenticatorPort *port = calloc(1, sizeof(*port));
        int r;

        if (!port)
                return -ENOMEM;
        r = authenticator_host_new(a, userdata, &port->host);
        if (r < 0) {
                free(port);
                return r;
        }
        port->a = a;
        port->ops = *ops;
        port->userdata = userdata;
        port->hid_ops = (CtaphidOps){
                .send = port_send,
                .random = port_random,
                .message = port_message,
                .cancel = port_cancel,
                .drop = port_drop,
                .waits_for_person = port_waits_for_person,
                .wink = a->ops.wink ? port_wink : NULL,
        };
        ctaphid_init(&port->hid, &port->hid_ops, port, a->config.firmware_version);
        *ret = port;
        return 0;
}

AuthenticatorPort *authenticator_port_free(AuthenticatorPort *port)
{
        if (!port)
                return NULL;
        ctaphid_reset(&port->hid);
        (void)authenticator_host_free(port->host);
        free(port);
        return NULL;
}

AuthenticatorHost *authenticator_port_host(AuthenticatorPort *port)
{
        return port->host;
}

void authenticator_port_receive(AuthenticatorPort *port, const void *report, size_t size)
{
        uint8_t filled[AUTHENTICATOR_REPORT_SIZE] = {0};

        if (size == 0 || size > sizeof(filled))
                return;
        memcpy(filled, report, size);
        ctaphid_receive(&port->hid, authenticator_now(port->a), filled);
        explicit_bzero(filled, sizeof(filled));
}

void authenticator_port_answer(AuthenticatorPort *port, AuthenticatorAnswer answer)
{
        AuthenticatorReply reply = {0};
        int r;

        r = authenticator_answer(port->host, answer, &reply);
        deliver(port, r, &reply);
        ctaphid_tick(&port->hid, authenticator_now(port->a)); /* it may wait for something else now */
}

void authenticator_port_key_answer(AuthenticatorPort *port, const AuthenticatorKeyResult *result)
{
        AuthenticatorReply reply = {0};
        int r;

        r = authenticator_key_answer(port->host, result, &reply);
        deliver(port, r, &reply);
        ctaphid_tick(&port->hid, authenticator_now(port->a));
}

void authenticator_port_reset(AuthenticatorPort *port)
{
        ctaphid_reset(&port->hid);
        host_reset(port->host);
}

uint64_t authenticator_port_deadline(const AuthenticatorPort *port)
{
        uint64_t framing = ctaphid_deadline(&port->hid), host = authenticator_host_deadline(port->host);

        return framing < host ? framing : host;
}

void authenticator_port_tick(AuthenticatorPort *port)
{
        uint64_t now = authenticator_now(port->a);
        AuthenticatorReply reply = {0};
        int r;

        if (authenticator_host_deadline(port->host) <= now) {
                r = authenticator_host_tick(port->host, &reply);
                deliver(port, r, &reply);
        }
        ctaphid_tick(&port->hid, now);
}
