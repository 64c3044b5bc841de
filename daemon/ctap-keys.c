/*
 * Keys inside the TPM
 */
#include "daemon/ctap-internal.h"

const AuthenticatorKeys *ctap_keys_ops(void)
{
        return NULL;
}

CtapWork *ctap_work_cancel(CtapWork *work)
{
        return NULL;
}
