/*
 * CTAP2 requests to the daemon's security key
 *
 * The connection is the security key's client: PIN/UV tokens and whatever a request is in the middle of belong to it,
 * and to close it cancels. A reply is wiped with its message.
 */
#include "client/client.h"

#include <errno.h>

int client_ask_for_pin(keyfob *k)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_authenticator_message(k, "AskForPin", &call);
        return r == 0 ? client_call(k, call, CLIENT_QUICK, /* ret= */ NULL) : r;
}

int client_transact(keyfob *k, const void *request, size_t size, sd_bus_message **ret_reply, const uint8_t **ret,
                    size_t *ret_size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const void *data;
        size_t n;
        int r;

        r = client_authenticator_message(k, "Transact", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append_array(call, 'y', request, size);
        if (r < 0)
                return client_fail_errno(k, r);
        r = client_call(k, call, CLIENT_PATIENT, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read_array(reply, 'y', &data, &n);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret_reply = TAKE_PTR(reply);
        *ret = data;
        *ret_size = n;
        return 0;
}
