/*
 * authenticatorGetNextAssertion (section 6.3): the other accounts of the same sign-in
 *
 * Between getAssertion and here, numbers of records are kept with the channel, and the parameters of the request,
 * never keys. Each record is looked at again, because it may have been changed or deleted since.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/commands.h"

#define SALTS_MAX     (64U + PIN_IV_SIZE)
#define SALT_AUTH_MAX 32U

enum {
        STEP_BEGIN,
        STEP_SIGNED,
};

/* What getNextAssertion goes on with. */
typedef struct Enumeration {
        Assertion assertion;
        uint8_t salt_enc[SALTS_MAX], salt_auth[SALT_AUTH_MAX];
        uint64_t *numbers;
        size_t n, next;
} Enumeration;

static void enumeration_free(void *data)
{
        Enumeration *e = data;

        free(e->numbers);
        free(e);
}

int assertion_remember(Transaction *t, const Assertion *assertion, uint64_t *numbers, size_t n)
{
        const HmacSecretInput *salts = &assertion->extensions.salts;
        Enumeration *e;

        if (salts->present && (salts->salt_enc_size > SALTS_MAX || salts->salt_auth_size > SALT_AUTH_MAX)) {
                free(numbers);
                return CTAP1_ERR_INVALID_PARAMETER;
        }
        e = calloc(1, sizeof(*e));
        if (!e) {
                free(numbers);
                return -ENOMEM;
        }
        e->assertion = *assertion;
        if (salts->present) {
                memcpy(e->salt_enc, salts->salt_enc, salts->salt_enc_size);
                memcpy(e->salt_auth, salts->salt_auth, salts->salt_auth_size);
                e->assertion.extensions.salts.salt_enc = e->salt_enc;
                e->assertion.extensions.salts.salt_auth = e->salt_auth;
        }
        e->numbers = numbers;
        e->n = n;
        e->next = 1;
        channel_clear(t->channel);
        t->channel->enumeration = ENUMERATION_ASSERTIONS;
        t->channel->data = e;
        t->channel->data_free = enumeration_free;
        t->channel->deadline = authenticator_now(t->a) + ENUMERATION_TIME;
        return CTAP_OK;
}

/* The next credential that is there still. */
static int read_next(Transaction *t, Enumeration *e, Credential *ret)
{
        int r;

        while (e->next < e->n) {
                r = record_credential(t->a, e->numbers[e->next++], ret);
                if (r == CTAP2_ERR_NO_CREDENTIALS || r == CTAP2_ERR_INVALID_CREDENTIAL)
                        continue;
                if (r != CTAP_OK ||
                    assertion_applies(ret, e->assertion.rp_id_hash, e->assertion.verified, /* listed= */ false))
                        return r;
        }
        return CTAP2_ERR_NOT_ALLOWED;
}

/* One of them, while it is signed. */
typedef struct Next {
        Assertion assertion;
        Credential *credential;
        AuthData data;
} Next;

static void next_done(void *data)
{
        Next *next = data;

        next->credential = credential_free(next->credential);
}

static int begin(Transaction *t)
{
        Channel *channel = t->channel;
        Enumeration *e = channel->data;
        Next *next;
        int r;

        if (channel->enumeration != ENUMERATION_ASSERTIONS || authenticator_now(t->a) >= channel->deadline) {
                channel_clear(channel);
                return CTAP2_ERR_NOT_ALLOWED;
        }
        r = transaction_data(t, sizeof(*next), next_done);
        if (r < 0)
                return r;
        next = t->data;
        next->assertion = e->assertion;
        next->credential = credential_new();
        if (!next->credential)
                return -ENOMEM;
        t->step = STEP_SIGNED;
        channel->deadline = authenticator_now(t->a) + ENUMERATION_TIME;
        r = read_next(t, e, next->credential);
        return r == CTAP_OK ? assertion_prepare(t, &next->assertion, next->credential, &next->data) : r;
}

static int get_next(Transaction *t)
{
        Channel *channel = t->channel;
        const Enumeration *e;
        const Next *next;
        int r = CTAP_OK;

        if (t->step == STEP_BEGIN)
                r = begin(t);
        if (r == TRANSACTION_WAIT)
                return r;
        next = t->data;
        if (r == CTAP_OK)
                r = assertion_write(t, &next->assertion, next->credential, &next->data, /* n= */ 0, /* next= */ true);
        if (channel->enumeration != ENUMERATION_ASSERTIONS)
                return r;
        e = channel->data;
        if (r != CTAP_OK || e->next == e->n)
                channel_clear(channel);
        else
                channel->deadline = authenticator_now(t->a) + ENUMERATION_TIME;
        return r;
}

/* Without COMMAND_STORAGE: where there is something to go on with, storage is open. */
const Command command_get_next_assertion = {
        .code = 0x08,
        .flags = COMMAND_ENUMERATION | COMMAND_NO_BODY | COMMAND_SILENT,
        .run = get_next,
};
