/*
 * Requests
 *
 * The message is marked sensitive whether or not it carries a secret: that only means that it is wiped.
 */
#include "cli/request.h"

#include <json-c/json.h>
#include <stdarg.h>

#include "cli/cli.h"
#include "cli/json.h"

void request_init(Request *request, keyfob *k, const char *method)
{
        *request = (Request){.k = k};
        request->result = client_store_message(k, method, /* sensitive= */ true, &request->message);
}

void request_done(Request *request)
{
        request->message = sd_bus_message_unref(request->message);
}

static void note(Request *request, int r)
{
        if (r < 0 && request->result == 0)
                request->result = client_fail_append(request->k, r);
}

void request_append(Request *request, const char *types, ...)
{
        va_list args;

        if (request->result != 0)
                return;
        va_start(args, types);
        note(request, sd_bus_message_appendv(request->message, types, args));
        va_end(args);
}

static bool open_options(Request *request)
{
        if (request->result == 0 && !request->options) {
                request->options = true;
                note(request, sd_bus_message_open_container(request->message, 'a', "{sv}"));
        }
        return request->result == 0;
}

void request_string(Request *request, const char *key, const char *value)
{
        if (open_options(request))
                note(request, client_append_string(request->message, key, value));
}

void request_secret(Request *request, const char *key, const Secret *value)
{
        if (open_options(request) && value)
                note(request, client_append_bytes(request->message, key, value->data, value->size));
}

void request_bytes(Request *request, const char *key, const void *data, size_t size)
{
        if (open_options(request) && data)
                note(request, client_append_bytes(request->message, key, data, size));
}

void request_secrets(Request *request, const char *key, Secret *const *values, size_t n)
{
        sd_bus_message *m = request->message;

        if (!open_options(request) || n == 0)
                return;
        note(request, sd_bus_message_open_container(m, 'e', "sv"));
        note(request, sd_bus_message_append(m, "s", key));
        note(request, sd_bus_message_open_container(m, 'v', "aay"));
        note(request, sd_bus_message_open_container(m, 'a', "ay"));
        for (size_t i = 0; i < n; i++)
                note(request, sd_bus_message_append_array(m, 'y', values[i]->data, values[i]->size));
        note(request, sd_bus_message_close_container(m));
        note(request, sd_bus_message_close_container(m));
        note(request, sd_bus_message_close_container(m));
}

void request_u32(Request *request, const char *key, uint32_t value)
{
        if (open_options(request))
                note(request, client_append_u32(request->message, key, value));
}

void request_u64(Request *request, const char *key, uint64_t value)
{
        if (open_options(request))
                note(request, client_append_u64(request->message, key, value));
}

void request_bool(Request *request, const char *key, bool value)
{
        if (open_options(request))
                note(request, client_append_bool(request->message, key, value));
}

void request_end_options(Request *request)
{
        (void)open_options(request);
}

int request_call(Request *request, ClientCall how, sd_bus_message **ret)
{
        if (request->result == 0 && request->options)
                note(request, sd_bus_message_close_container(request->message));
        if (request->result == 0)
                request->result = client_call(request->k, request->message, how, ret);
        if (request->result == KEYFOB_E_NO_PROMPTER && request->nobody)
                return cli_error(EXIT_LOCKED, "%s", request->nobody);
        if (request->result == KEYFOB_E_EXISTS && request->exists)
                return cli_error(EXIT_OTHER, "%s", request->exists);
        return request->result == 0 ? 0 : cli_fail(request->k, request->result);
}

int request_call_json(Request *request, ClientCall how, struct json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = request_call(request, how, &reply);
        if (r != 0)
                return r;
        r = json_from_message(reply, ret);
        return r < 0 ? cli_fail(request->k, client_fail_errno(request->k, r)) : 0;
}
