/*
 * Fingerprints
 */
#include "daemon/ctap-internal.h"

int ctap_fingers_new(Ctap *ctap)
{
        return 0;
}

void ctap_fingers_free(Ctap *ctap)
{
}

const AuthenticatorFingerprints *ctap_fingers_ops(const Ctap *ctap)
{
        return NULL;
}

int ctap_touch_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question)
{
        return AUTHENTICATOR_BLOCKED;
}

CtapTouch *ctap_touch_cancel(CtapTouch *touch)
{
        return NULL;
}
