/*
 * Requests of the daemon's own
 *
 * What is on the socket of ssh, or calls for a key of ssh on the bus, is served by the security key as well, by a request that
 * is made here: a host for each, which ends with it. It is asked for presence and verification as all are, and says more
 * of what for. The person is asked for the PIN here, because nobody who could ask stands behind such a request.
 */
#include <errno.h>
#include <string.h>

#include "daemon/ctap-internal.h"

#define CHANNEL 1U

struct CtapOwn {
        CtapClient client;
        char *sentence, *user, *host_name;
        sd_event_source *ended; /* tells the result, once there is one */
        bool has_ended;
        int result;
        uint8_t *reply;
        size_t reply_size;
        CtapOwnDone done;
        void *userdata;
        CtapOwn *previous, *next;
};

CtapOwn *ctap_own_cancel(CtapOwn *own)
{
        Ctap *ctap;

        if (!own)
                return NULL;
        ctap = own->client.ctap;
        if (own->previous)
                own->previous->next = own->next;
        else if (ctap->own == own)
                ctap->own = own->next;
        if (own->next)
                own->next->previous = own->previous;

        authenticator_host_free(own->client.host);
        ctap_client_done(&own->client);
        sd_event_source_disable_unref(own->ended);
        if (own->reply)
                explicit_bzero(own->reply, own->reply_size);
        free(own->reply);
        free(own->sentence);
        free(own->user);
        free(own->host_name);
        free(own);
        return NULL;
}
DEFINE_CLEANUP(CtapOwn *, ctap_own_cancel)

static int on_ended(sd_event_source *source, void *userdata)
{
        _cleanup_(ctap_own_cancelp) CtapOwn *own = userdata;

        own->done(own->userdata, own->result, own->reply, own->reply_size);
        return 0;
}

/* Takes the result; the loop tells it. */
static void settle(CtapOwn *own, int r, const AuthenticatorReply *reply)
{
        ctap_acted(own->client.ctap);
        ctap_client_arm(&own->client, authenticator_host_deadline(own->client.host));
        if (r == AUTHENTICATOR_PENDING || own->has_ended)
                return;
        own->has_ended = true;
        own->result = r;
        if (r == 0) {
                own->reply = malloc(reply->size);
                if (own->reply) {
                        memcpy(own->reply, reply->data, reply->size);
                        own->reply_size = reply->size;
                } else {
                        own->result = -ENOMEM;
                }
        }
        (void)sd_event_source_set_enabled(own->ended, SD_EVENT_ONESHOT);
}

static void on_answered(CtapClient *client, AuthenticatorAnswer answer)
{
        AuthenticatorReply reply;

        client->ctap->acting = client;
        settle(client->owner, authenticator_answer(client->host, answer, &reply), &reply);
}

static void on_key_done(CtapClient *client, const AuthenticatorKeyResult *result)
{
        AuthenticatorReply reply;

        client->ctap->acting = client;
        settle(client->owner, authenticator_key_answer(client->host, result, &reply), &reply);
}

static void on_due(CtapClient *client)
{
        AuthenticatorReply reply;

        client->ctap->acting = client;
        settle(client->owner, authenticator_host_tick(client->host, &reply), &reply);
}

static int copy(char **ret, const char *text)
{
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

int ctap_own_start(Ctap *ctap, const CtapOwnRequest *request, CtapOwnDone done, void *userdata, CtapOwn **ret)
{
        _cleanup_(ctap_own_cancelp) CtapOwn *own = calloc(1, sizeof(*own));
        AuthenticatorReply reply;
        int r;

        if (!own)
                return -ENOMEM;
        own->client = (CtapClient){.ctap = ctap,
                                   .door = request->door,
                                   .caller = request->caller,
                                   .pid = request->pid,
                                   .fd = request->fd,
                                   .deadline = CTAP_NEVER,
                                   .owner = own,
                                   .answered = on_answered,
                                   .key_done = on_key_done,
                                   .due = on_due};
        own->done = done;
        own->userdata = userdata;
        own->next = ctap->own;
        if (own->next)
                own->next->previous = own;
        ctap->own = own;

        r = copy(&own->sentence, request->sentence);
        if (r >= 0)
                r = copy(&own->user, request->user);
        if (r >= 0)
                r = copy(&own->host_name, request->host_name);
        if (r >= 0)
                r = sd_event_add_defer(ctap->daemon->event, &own->ended, on_ended, own);
        if (r >= 0)
                r = sd_event_source_set_enabled(own->ended, SD_EVENT_OFF);
        if (r >= 0)
                r = authenticator_host_new(ctap->authenticator, &own->client, &own->client.host);
        if (r < 0)
                return r;
        own->client.sentence = own->sentence;
        own->client.user = own->user;
        own->client.host_name = own->host_name;
        authenticator_host_ask_pin(own->client.host);
        ctap->acting = &own->client;
        settle(own, authenticator_request(own->client.host, CHANNEL, request->data, request->size, &reply), &reply);
        *ret = TAKE_PTR(own);
        return 0;
}

void ctap_own_rearm(Ctap *ctap)
{
        for (CtapOwn *own = ctap->own; own; own = own->next)
                ctap_client_arm(&own->client, authenticator_host_deadline(own->client.host));
}

void ctap_own_free_all(Ctap *ctap)
{
        while (ctap->own)
                ctap_own_cancel(ctap->own);
}
