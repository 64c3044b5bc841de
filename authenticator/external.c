/*
 * Keys that live elsewhere
 *
 * A key that never leaves its device is made and used by the owner's AuthenticatorKeys, which takes time. So a command that needs
 * one waits for it as it waits for a person, and is resumed with what has become of the work. The result belongs to whoever gives
 * it: what is wanted of it is copied, and its sizes are looked at, as everything is that comes from outside.
 *
 * What the client hears of a failure is one of few things: try again, this credential is of no use here, or nothing in particular.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/external.h"
#include "authenticator/transaction.h"

static int status_of(int status)
{
        if (status == CTAP_OK || status == CTAP2_ERR_PROCESSING || status == CTAP2_ERR_INVALID_CREDENTIAL)
                return status;
        return CTAP1_ERR_OTHER;
}

/* ---- to work ---- */

static int started(Transaction *t, int r)
{
        if (r < 0)
                return r;
        if (r != AUTHENTICATOR_LATER)
                return status_of(r);
        t->host->working = true;
        t->host->work_deadline = authenticator_now(t->a) + KEY_TIME;
        return TRANSACTION_WAIT;
}

bool external_wanted(const Authenticator *a)
{
        return a->state->policy.external_keys && a->ops.keys;
}

int external_make(Transaction *t, const Algorithm *algorithm)
{
        const AuthenticatorKeys *keys = t->a->ops.keys;

        return started(t, keys->make(t->a->userdata, t->host, keys_algorithm(t->a, algorithm)));
}

int external_sign(Transaction *t, const Credential *credential, const void *message, size_t size)
{
        const AuthenticatorKeys *keys = t->a->ops.keys;
        int32_t algorithm = keys_algorithm(t->a, algorithm_find(credential->public.algorithm));

        if (algorithm == 0) /* there is no such device any more */
                return CTAP2_ERR_INVALID_CREDENTIAL;
        return started(t, keys->sign(t->a->userdata, t->host, algorithm, credential->external, credential->external_size,
                                     message, size));
}

void external_withdraw(AuthenticatorHost *host)
{
        if (!host->working)
                return;
        host->working = false;
        host->a->ops.keys->withdraw(host->a->userdata, host);
}

/* ---- what has become of it ---- */

int external_made(const Transaction *t, const Algorithm *algorithm, Credential *ret)
{
        const AuthenticatorKeyResult *result = t->work;

        if (result->status != CTAP_OK)
                return status_of(result->status);
        if (!result->key || result->key_size == 0 || result->key_size > AUTHENTICATOR_KEY_MAX || !result->public_key ||
            result->public_key_size != sign_public_size(algorithm->kind))
                return CTAP1_ERR_OTHER;
        ret->key.kind = algorithm->kind;
        memcpy(ret->key.public_key, result->public_key, result->public_key_size);
        memcpy(ret->external, result->key, result->key_size);
        ret->external_size = result->key_size;
        ret->public.external = true;
        return CTAP_OK;
}

int external_signature(const Transaction *t, Signature *ret)
{
        const AuthenticatorKeyResult *result = t->work;

        if (result->status != CTAP_OK)
                return status_of(result->status);
        if (!result->signature || result->signature_size == 0 || result->signature_size > sizeof(ret->bytes))
                return CTAP1_ERR_OTHER;
        memcpy(ret->bytes, result->signature, result->signature_size);
        ret->size = result->signature_size;
        return CTAP_OK;
}

int authenticator_key_answer(AuthenticatorHost *host, const AuthenticatorKeyResult *result, AuthenticatorReply *ret)
{
        if (!host->working)
                return AUTHENTICATOR_PENDING;
        host->working = false;
        if (host->ended) /* what it was about is gone */
                return transaction_end(host->transaction, CTAP2_ERR_KEEPALIVE_CANCEL, ret);
        return transaction_resume_work(host->transaction, result, ret);
}
