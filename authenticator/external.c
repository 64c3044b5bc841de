/*
 * Keys that live elsewhere
 */
#include <errno.h>

#include "authenticator/internal.h"

int authenticator_choose(AuthenticatorHost *host, unsigned i)
{
        return -EINVAL;
}

int authenticator_key_answer(AuthenticatorHost *host, const AuthenticatorKeyResult *result, AuthenticatorReply *ret)
{
        return AUTHENTICATOR_PENDING;
}

void authenticator_port_key_answer(AuthenticatorPort *port, const AuthenticatorKeyResult *result)
{
}

void authenticator_port_reset(AuthenticatorPort *port)
{
}

uint32_t authenticator_host_channel(const AuthenticatorHost *host)
{
        return host->transaction ? host->transaction->channel->id : 0;
}

int authenticator_policy(Authenticator *a, AuthenticatorPolicy *ret)
{
        *ret = (AuthenticatorPolicy){.algorithms = {COSE_ES256, COSE_EDDSA, COSE_ES384}, .n_algorithms = 3};
        return 0;
}

int authenticator_set_policy(Authenticator *a, const AuthenticatorPolicy *policy)
{
        return CTAP2_ERR_UNSUPPORTED_OPTION;
}
