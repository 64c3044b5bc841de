/*
 * The security key on the bus
 *
 * A caller of Transact is a host: it is made with its first call and ends with the caller, and with it end its PIN
 * tokens, its enumerations and the request that waits. Its replies go out by the batch, as every reply on the bus.
 */
#include <errno.h>
#include <stddef.h>

#include "daemon/ctap-internal.h"

#define HOSTS_MAX   256U
#define BUS_CHANNEL 1U

struct CtapHost {
        CallerResource resource; /* first: gone() gets it */
        CtapClient client;
        Ctap *ctap;
        AuthenticatorHost *host;
        sd_bus_message *call; /* unanswered, or NULL */
        CtapHost *previous, *next;
};

_Static_assert(offsetof(CtapHost, resource) == 0, "the resource comes first");

static CtapHost *host_free(CtapHost *host)
{
        if (!host)
                return NULL;
        if (host->previous)
                host->previous->next = host->next;
        else if (host->ctap->hosts == host)
                host->ctap->hosts = host->next;
        if (host->next)
                host->next->previous = host->previous;
        host->ctap->n_hosts--;

        caller_detach(&host->resource);
        authenticator_host_free(host->host);
        ctap_client_done(&host->client);
        sd_bus_message_unref(host->call);
        free(host);
        return NULL;
}

static void on_gone(CallerResource *resource)
{
        host_free((CtapHost *)resource);
}

static int reply_to(Daemon *daemon, sd_bus_message *call, const AuthenticatorReply *answer)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', answer->data, answer->size);
        return r < 0 ? r : batch_reply(daemon, call, reply);
}

/* Answers the call that waits, when `r` says that there is a reply. */
static void settle(CtapHost *host, int r, const AuthenticatorReply *answer)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Daemon *daemon = host->ctap->daemon;

        ctap_acted(host->ctap);
        ctap_client_arm(&host->client, authenticator_host_deadline(host->host));
        if (r == AUTHENTICATOR_PENDING || !host->call)
                return;
        call = TAKE_PTR(host->call);
        if (r == 0)
                r = reply_to(daemon, call, answer);
        if (r < 0) {
                (void)daemon_error(daemon, &error, r);
                (void)batch_reply_error(daemon, call, &error);
        }
}

static void on_answered(CtapClient *client, AuthenticatorAnswer answer)
{
        CtapHost *host = client->owner;
        AuthenticatorReply reply;

        host->ctap->acting = client;
        settle(host, authenticator_answer(host->host, answer, &reply), &reply);
}

static void on_key_done(CtapClient *client, const AuthenticatorKeyResult *result)
{
        CtapHost *host = client->owner;
        AuthenticatorReply reply;

        host->ctap->acting = client;
        settle(host, authenticator_key_answer(host->host, result, &reply), &reply);
}

static void on_due(CtapClient *client)
{
        CtapHost *host = client->owner;
        AuthenticatorReply reply;

        host->ctap->acting = client;
        settle(host, authenticator_host_tick(host->host, &reply), &reply);
}

int ctap_host_of(Ctap *ctap, Caller *caller, CtapHost **ret)
{
        CtapHost *host = (CtapHost *)caller_resources(caller, CALLER_HOST);
        int r;

        if (host) {
                *ret = host;
                return 0;
        }
        if (ctap->n_hosts >= HOSTS_MAX)
                return -ENOBUFS;
        host = calloc(1, sizeof(*host));
        if (!host)
                return -ENOMEM;
        host->ctap = ctap;
        host->client = (CtapClient){.ctap = ctap,
                                    .door = "bus",
                                    .caller = caller,
                                    .fd = -1,
                                    .deadline = CTAP_NEVER,
                                    .owner = host,
                                    .answered = on_answered,
                                    .key_done = on_key_done,
                                    .due = on_due};
        host->next = ctap->hosts;
        if (host->next)
                host->next->previous = host;
        ctap->hosts = host;
        ctap->n_hosts++;

        r = caller_attach(caller, &host->resource, CALLER_HOST, on_gone);
        if (r >= 0)
                r = authenticator_host_new(ctap->authenticator, &host->client, &host->host);
        if (r >= 0)
                host->client.host = host->host;
        if (r < 0) {
                host_free(host);
                return r;
        }
        *ret = host;
        return 0;
}

void ctap_host_ask_pin(CtapHost *host)
{
        authenticator_host_ask_pin(host->host);
}

int ctap_host_request(CtapHost *host, sd_bus_message *call, const void *request, size_t size)
{
        AuthenticatorReply reply;
        int r;

        if (host->call)
                return -EBUSY;
        host->ctap->acting = &host->client;
        host->call = sd_bus_message_ref(call);
        r = authenticator_request(host->host, BUS_CHANNEL, request, size, &reply);
        settle(host, r, &reply);
        return 0;
}

void ctap_hosts_rearm(Ctap *ctap)
{
        for (CtapHost *host = ctap->hosts; host; host = host->next)
                ctap_client_arm(&host->client, authenticator_host_deadline(host->host));
}

void ctap_hosts_free(Ctap *ctap)
{
        while (ctap->hosts)
                host_free(ctap->hosts);
}
