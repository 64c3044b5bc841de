/*
 * Hosts: the clients of one authenticator
 *
 * What belongs to one client is kept here, so that no client can use, end or guess at what another one has: PIN tokens and the
 * key agreement that leads to them, enumerations by channel, and the one transaction that may be pending. All of it is
 * bounded, and goes with the host.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"
#include "authenticator/transaction.h"
#include "authenticator/u2f.h"

int authenticator_host_new(Authenticator *a, void *userdata, AuthenticatorHost **ret)
{
        AuthenticatorHost *host = calloc(1, sizeof(*host));

        if (!host)
                return -ENOMEM;
        host->a = a;
        host->userdata = userdata;
        host->question_deadline = UINT64_MAX;
        host->next = a->hosts;
        a->hosts = host;
        *ret = host;
        return 0;
}

void channel_drop_blob(Channel *channel)
{
        if (channel->blob)
                explicit_bzero(channel->blob, channel->blob_size);
        free(TAKE_PTR(channel->blob));
        channel->blob_size = channel->blob_expected = 0;
}

AuthenticatorHost *authenticator_host_free(AuthenticatorHost *host)
{
        if (!host)
                return NULL;
        host_reset(host);
        for (AuthenticatorHost **p = &host->a->hosts; *p; p = &(*p)->next) {
                if (*p == host) {
                        *p = host->next;
                        break;
                }
        }
        if (host->reply)
                explicit_bzero(host->reply, AUTHENTICATOR_MESSAGE_MAX);
        free(host->reply);
        free(host);
        return NULL;
}

void authenticator_host_ask_pin(AuthenticatorHost *host)
{
        host->asks_pin = true;
}

void *authenticator_host_userdata(const AuthenticatorHost *host)
{
        return host->userdata;
}

void channel_clear(Channel *channel)
{
        if (channel->data_free && channel->data)
                channel->data_free(channel->data);
        channel->data = NULL;
        channel->data_free = NULL;
        channel->enumeration = ENUMERATION_NONE;
        channel->deadline = 0;
}

Channel *host_channel(AuthenticatorHost *host, uint32_t id)
{
        Channel *oldest = NULL;

        for (size_t i = 0; i < ELEMENTSOF(host->channels); i++) {
                Channel *channel = &host->channels[i];

                if (channel->used != 0 && channel->id == id) {
                        oldest = channel;
                        break;
                }
                if (!oldest || channel->used < oldest->used)
                        oldest = channel;
        }
        if (oldest->id != id) {
                channel_clear(oldest);
                channel_drop_blob(oldest);
                oldest->id = id;
        }
        oldest->used = authenticator_now(host->a) + 1; /* 0 is an unused place */
        return oldest;
}

void authenticator_host_drop_channel(AuthenticatorHost *host, uint32_t id)
{
        for (size_t i = 0; i < ELEMENTSOF(host->channels); i++) {
                Channel *channel = &host->channels[i];

                /* A pending transaction has a pointer to its channel: that one stays. */
                if (channel->used == 0 || channel->id != id ||
                    (host->transaction && host->transaction->channel == channel))
                        continue;
                channel_clear(channel);
                channel_drop_blob(channel);
                channel->used = 0;
                channel->id = 0;
        }
}

void host_reset(AuthenticatorHost *host)
{
        u2f_withdraw(host);
        transaction_withdraw(host);
        host->transaction = transaction_free(host->transaction);
        host->opening = host->ended = false;
        host->spare = 0;
        token_end(host);
        for (size_t i = 0; i < ELEMENTSOF(host->channels); i++) {
                channel_clear(&host->channels[i]);
                channel_drop_blob(&host->channels[i]);
                host->channels[i] = (Channel){0};
        }
        for (size_t i = 0; i < PIN_PROTOCOL_MAX; i++)
                host->pin[i].agreement = agree_key_free(host->pin[i].agreement);
}

uint32_t authenticator_host_channel(const AuthenticatorHost *host)
{
        if (host->transaction)
                return host->transaction->channel->id;
        return host->latch.state == LATCH_ASKING ? host->latch.channel : 0;
}

uint64_t authenticator_host_deadline(const AuthenticatorHost *host)
{
        uint64_t deadline = u2f_deadline(host);

        if (host->ended || host->ahead || (host->spare != 0 && !host->transaction))
                return 0;
        if (host->asking && host->question_deadline < deadline)
                deadline = host->question_deadline;
        if (host->working && host->work_deadline < deadline)
                deadline = host->work_deadline;
        for (size_t i = 0; i < ELEMENTSOF(host->channels); i++)
                if (host->channels[i].enumeration != ENUMERATION_NONE && host->channels[i].deadline < deadline)
                        deadline = host->channels[i].deadline;
        return deadline;
}

/* What nobody waits for, done while something else is waited for, or nothing. */
static void work_ahead(AuthenticatorHost *host)
{
        if (host->ahead) {
                host->ahead = false;
                host->transaction->command->ahead(host->transaction);
        } else if (host->spare != 0 && !host->transaction) {
                spare_make(host->a, (SignKind)host->spare);
                host->spare = 0;
        }
}

int authenticator_host_tick(AuthenticatorHost *host, AuthenticatorReply *ret)
{
        uint64_t now = authenticator_now(host->a);

        u2f_tick(host);
        work_ahead(host);
        for (size_t i = 0; i < ELEMENTSOF(host->channels); i++)
                if (host->channels[i].enumeration != ENUMERATION_NONE && host->channels[i].deadline <= now)
                        channel_clear(&host->channels[i]);
        if (host->ended) {
                host->ended = false;
                if (host->transaction) {
                        transaction_withdraw(host);
                        return transaction_end(host->transaction, CTAP2_ERR_KEEPALIVE_CANCEL, ret);
                }
        }
        if (host->working && host->work_deadline <= now) {
                transaction_withdraw(host);
                return transaction_end(host->transaction, CTAP1_ERR_OTHER, ret);
        }
        if (host->asking && host->transaction && host->question_deadline <= now) {
                transaction_withdraw(host);
                return transaction_resume(host->transaction, AUTHENTICATOR_TIMED_OUT, ret);
        }
        return AUTHENTICATOR_PENDING;
}

int authenticator_host_waits_for(const AuthenticatorHost *host)
{
        if (host->working)
                return AUTHENTICATOR_ASK_KEY;
        return host->transaction && host->asking ? host->waits_for : 0;
}
