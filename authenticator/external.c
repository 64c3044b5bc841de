/*
 * Keys that live elsewhere
 */
#include <errno.h>

#include "authenticator/internal.h"

int authenticator_key_answer(AuthenticatorHost *host, const AuthenticatorKeyResult *result, AuthenticatorReply *ret)
{
        return AUTHENTICATOR_PENDING;
}
