/*
 * A key's PIN
 */
#include "helper/key-internal.h"

int key_pin_set(KeyCall *call)
{
        int r;

        r = key_need(call, fido_dev_supports_pin(call->dev), "PIN");
        if (r != FIDO_OK)
                return r;
        if (fido_dev_has_pin(call->dev))
                return key_refuse(call, KEY_E_EXISTS,
                                  "the key has a PIN already: change it with keyfob key pin change");
        return fido_dev_set_pin(call->dev, (const char *)call->request.new_pin->data, NULL);
}

int key_pin_change(KeyCall *call)
{
        int r;

        r = key_need(call, fido_dev_supports_pin(call->dev), "PIN");
        if (r != FIDO_OK)
                return r;
        if (!fido_dev_has_pin(call->dev))
                return FIDO_ERR_PIN_NOT_SET;
        return fido_dev_set_pin(call->dev, (const char *)call->request.new_pin->data, key_pin(call));
}
