/*
 * Authenticator
 */
#include "cli/authenticator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"

const char *authenticator_algorithm(int32_t algorithm)
{
        static const struct {
                int32_t number;
                const char *name;
        } names[] = {
                {-7, "ES256"},  {-8, "EdDSA"},   {-9, "ESP256"},  {-19, "Ed25519"}, {-35, "ES384"}, {-36, "ES512"},
                {-37, "PS256"}, {-47, "ES256K"}, {-51, "ESP384"}, {-52, "ESP512"},  {-53, "Ed448"}, {-257, "RS256"},
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (names[i].number == algorithm)
                        return names[i].name;
        return NULL;
}

/* Scripts find the same spelling everywhere, and jq needs no quotes for it. */
static int with_underscores(struct json_object *json, struct json_object **ret)
{
        _cleanup_json_ struct json_object *renamed = json_object_new_object();

        if (!renamed)
                return -ENOMEM;
        json_object_object_foreach(json, key, value)
        {
                _cleanup_free_ char *name = strdup(key);

                if (!name)
                        return -ENOMEM;
                for (char *p = name; *p; p++)
                        if (*p == '-')
                                *p = '_';
                if (json_object_object_add(renamed, name, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(renamed);
        return 0;
}

int authenticator_get(keyfob *k, struct json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ struct json_object *info = NULL;
        int r;

        r = client_authenticator_message(k, "GetInfo", &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        r = json_from_message(reply, &info);
        if (r < 0)
                return client_fail_errno(k, r);
        if (!json_object_is_type(info, json_type_object))
                return client_fail(k, KEYFOB_E_PROTOCOL, NULL);
        return with_underscores(info, ret);
}

char *authenticator_pin_text(struct json_object *info)
{
        uint64_t retries = json_number(info, "pin_retries");
        char *text;

        if (!json_flag(info, "pin_set"))
                return strdup("no PIN");
        if (json_member(info, "pin_retries") && retries == 0)
                return strdup("PIN BLOCKED: keyfob authenticator pin reset");
        if (json_flag(info, "pin_soft_blocked"))
                return strdup("PIN blocked for now: keyfob authenticator replug");
        if (!json_member(info, "pin_retries"))
                return strdup("PIN set");
        if (asprintf(&text, "PIN set, %llu %s left%s", (unsigned long long)retries, retries == 1 ? "try" : "tries",
                     json_flag(info, "force_pin_change") ? ", to be changed before use" : "") < 0)
                return NULL;
        return text;
}
