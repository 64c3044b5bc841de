/*
 * Keys that live elsewhere
 */
#include <errno.h>

#include "authenticator/internal.h"

int authenticator_key_answer(AuthenticatorHost *host, const AuthenticatorKeyResult *result, AuthenticatorReply *ret)
{
        return AUTHENTICATOR_PENDING;
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
