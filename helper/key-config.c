/*
 * A key's settings
 *
 * In the order in which none of them stands in the way of the next: a PIN that must be changed allows nothing more.
 */
#include <fido/config.h>

#include "helper/key-internal.h"

static int set_always_uv(KeyCall *call, bool on)
{
        int is = key_option(call, "alwaysUv");
        int r;

        r = key_need(call, is >= 0, "setting that always wants the PIN or a finger");
        if (r != FIDO_OK || is == on)
                return r;
        return fido_dev_toggle_always_uv(call->dev, key_pin(call));
}

static int enable_enterprise(KeyCall *call)
{
        int is = key_option(call, "ep");
        int r;

        r = key_need(call, is >= 0, "enterprise attestation");
        return r != FIDO_OK || is == 1 ? r : fido_dev_enable_entattest(call->dev, key_pin(call));
}

static int set_min_pin(KeyCall *call)
{
        uint32_t length = call->request.min_pin_length;
        uint64_t least = fido_cbor_info_minpinlen(call->info);
        int r;

        r = key_need(call, key_option(call, "setMinPINLength") == 1, "setting of a PIN's length");
        if (r != FIDO_OK || length == least)
                return r;
        if (length < least)
                return key_refuse(call, KEY_E_NOT_ALLOWED,
                                  "the smallest length of a PIN only grows, it is %llu now: only a reset makes it smaller",
                                  (unsigned long long)least);
        return fido_dev_set_pin_minlen(call->dev, length, key_pin(call));
}

/* A PIN that the smallest length is too long for has to be changed already, and the key takes nothing else by it any more. */
static int force_pin_change(KeyCall *call)
{
        fido_cbor_info_t *now = NULL;
        bool wanted = false;
        int r = FIDO_OK;

        if (call->request.given & KEY_GIVEN_MIN_PIN) {
                now = fido_cbor_info_new();
                r = now ? fido_dev_get_cbor_info(call->dev, now) : FIDO_ERR_INTERNAL;
                wanted = r == FIDO_OK && fido_cbor_info_new_pin_required(now);
                fido_cbor_info_free(&now);
        }
        return r != FIDO_OK || wanted ? r : fido_dev_force_pin_change(call->dev, key_pin(call));
}

int key_configure(KeyCall *call)
{
        uint32_t given = call->request.given;
        int r;

        r = key_need(call, key_option(call, "authnrCfg") == 1, "settings that could be changed");
        if (r == FIDO_OK && fido_dev_has_pin(call->dev))
                r = key_need_pin(call);
        if (r == FIDO_OK && given & KEY_GIVEN_ENTERPRISE)
                r = enable_enterprise(call);
        if (r == FIDO_OK && given & KEY_GIVEN_ALWAYS_UV_SET)
                r = set_always_uv(call, (given & KEY_GIVEN_ALWAYS_UV) != 0);
        if (r == FIDO_OK && given & KEY_GIVEN_MIN_PIN)
                r = set_min_pin(call);
        if (r == FIDO_OK && given & KEY_GIVEN_FORCE_PIN_CHANGE)
                r = force_pin_change(call);
        return r;
}
