/*
 * Calls
 *
 * Two ways to wait for an answer. Most calls are one blocking sd_bus_call(). But while that waits, incoming calls are
 * only queued; a question that the daemon puts to our own agent would never be seen, and both sides would wait for the
 * other. So calls that may cause a question are sent asynchronously and the connection is dispatched until the answer
 * is there. The same goes for those that are told how a security key gets on.
 */
#include "client/client.h"

#include <errno.h>

int client_message_new(keyfob *k, const char *interface, const char *method, sd_bus_message **ret)
{
        int r = sd_bus_message_new_method_call(k->bus, ret, k->destination, KEYFOB_PATH, interface, method);

        return r < 0 ? client_fail_errno(k, r) : 0;
}

int client_sensitive_message(keyfob *k, const char *interface, const char *method, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_message_new(k, interface, method, &m);
        if (r != 0)
                return r;
        r = sd_bus_message_sensitive(m);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(m);
        return 0;
}

int client_store_message(keyfob *k, const char *method, bool sensitive, sd_bus_message **ret)
{
        return sensitive ? client_sensitive_message(k, KEYFOB_STORE_INTERFACE, method, ret)
                         : client_message_new(k, KEYFOB_STORE_INTERFACE, method, ret);
}

/* An answer to a message that carried a secret may carry one itself. */
static int accept_reply(keyfob *k, sd_bus_message *reply, sd_bus_message **ret)
{
        int r = sd_bus_message_sensitive(reply);

        if (r < 0)
                return client_fail_errno(k, r);
        (void)client_fail(k, 0, NULL);
        if (ret)
                *ret = sd_bus_message_ref(reply);
        return 0;
}

static int call_blocking(keyfob *k, sd_bus_message *call, uint64_t timeout, sd_bus_message **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call(k->bus, call, timeout, &error, &reply);
        if (r < 0)
                return client_fail_error(k, &error, r);
        return accept_reply(k, reply, ret);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        sd_bus_message **reply = userdata;

        *reply = sd_bus_message_ref(m);
        return 1;
}

static int call_dispatching(keyfob *k, sd_bus_message *call, uint64_t timeout, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        const sd_bus_error *error;
        int r;

        r = sd_bus_call_async(k->bus, &slot, call, on_reply, &reply, timeout);
        if (r < 0)
                return client_fail_errno(k, r);

        while (!reply) {
                r = sd_bus_process(k->bus, NULL);
                if (r < 0)
                        return client_fail_errno(k, r);
                if (r > 0 || reply)
                        continue;
                r = sd_bus_wait(k->bus, UINT64_MAX);
                if (r < 0 && r != -EINTR)
                        return client_fail_errno(k, r);
        }

        error = sd_bus_message_get_error(reply);
        if (error)
                return client_fail_error(k, error, -sd_bus_message_get_errno(reply));
        return accept_reply(k, reply, ret);
}

int client_call(keyfob *k, sd_bus_message *call, ClientCall how, sd_bus_message **ret)
{
        uint64_t timeout = how & (CLIENT_PATIENT | CLIENT_ASKS | CLIENT_LISTENS) ? UINT64_MAX : 0;
        bool asks = how & CLIENT_ASKS && k->prompt, listens = how & CLIENT_LISTENS && k->progress;
        int r;

        r = asks ? client_agent_register(k) : 0;
        if (r != 0)
                return r;
        return asks || listens ? call_dispatching(k, call, timeout, ret) : call_blocking(k, call, timeout, ret);
}

/* ---- options ---- */

int client_append_string(sd_bus_message *m, const char *key, const char *value)
{
        return value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

int client_append_u32(sd_bus_message *m, const char *key, uint32_t value)
{
        return value > 0 ? sd_bus_message_append(m, "{sv}", key, "u", value) : 0;
}

int client_append_u64(sd_bus_message *m, const char *key, uint64_t value)
{
        return value > 0 ? sd_bus_message_append(m, "{sv}", key, "t", value) : 0;
}

int client_append_bool(sd_bus_message *m, const char *key, bool value)
{
        return value ? sd_bus_message_append(m, "{sv}", key, "b", 1) : 0;
}

int client_append_choice(sd_bus_message *m, const char *key, int choice)
{
        return choice < 0 ? 0 : sd_bus_message_append(m, "{sv}", key, "b", choice);
}

int client_append_strings(sd_bus_message *m, const char *key, const char *const *strings, size_t n)
{
        int r;

        if (!strings)
                return 0;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(m, "s", strings[i]);
        for (unsigned i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

int client_append_bytes(sd_bus_message *m, const char *key, const void *data, size_t size)
{
        int r;

        if (!data)
                return 0;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", key);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', "ay");
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(m, 'y', data, size);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

int client_append_attributes(sd_bus_message *m, const keyfob_attribute *attributes, size_t n)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = sd_bus_message_append(m, "{ss}", attributes[i].name, attributes[i].value);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}
