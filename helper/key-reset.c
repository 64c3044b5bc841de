/*
 * Factory settings
 */
#include "helper/key-internal.h"

int key_reset(KeyCall *call)
{
        int r;

        key_touch(call);
        r = fido_dev_reset(call->dev);
        if (r == FIDO_ERR_NOT_ALLOWED)
                return key_refuse(call, KEY_E_NOT_ALLOWED,
                                  "too late for a reset: unplug the key, plug it in again, and run this within 10 "
                                  "seconds");
        return r;
}
