/*
 * Canned answers
 *
 * Arguments are read as a service has to read them, and then one item is always found.
 */
#include "bench/canned.h"

#include <string.h>

#include "keyfob/bus.h"

#define COLLECTION SECRETS_PATH "/collection/Default"
#define ITEM       COLLECTION "/4711"
#define VALUE      "correct horse battery staple"

static int read_attributes(sd_bus_message *m)
{
        const char *name, *value;
        int r = sd_bus_message_enter_container(m, 'a', "{ss}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "ss")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &name);
                if (r >= 0)
                        r = sd_bus_message_read_basic(m, 's', &value);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int send_reply(sd_bus_message *reply, int r)
{
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int search_items(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_bus_message *reply;
        int r = read_attributes(m);

        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        return r < 0 ? r : send_reply(reply, sd_bus_message_append(reply, "aoao", 1, ITEM, 0));
}

static int append_value(sd_bus_message *reply)
{
        return sd_bus_message_append_array(reply, 'y', VALUE, strlen(VALUE));
}

static int get_secret(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_bus_message *reply;
        const char *session;
        int r = sd_bus_message_read_basic(m, 'o', &session);

        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'r', "oayays");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 'o', session);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', NULL, 0);
        if (r >= 0)
                r = append_value(reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "text/plain");
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return send_reply(reply, r);
}

static int lookup(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_bus_message *reply;
        int r = read_attributes(m);

        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "oa{ss}s", ITEM, 3, "application", "bench", "server", "example.org", "user",
                                  "user-4711", "text/plain");
        return send_reply(reply, r < 0 ? r : append_value(reply));
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable service[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("SearchItems", "a{ss}", "aoao", search_items),
        SD_BUS_VTABLE_END,
};
static const sd_bus_vtable item[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetSecret", "o", "(oayays)", get_secret),
        SD_BUS_VTABLE_END,
};
static const sd_bus_vtable store[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Lookup", "a{ss}", "oa{ss}say", lookup),
        SD_BUS_VTABLE_END,
};

int canned_attach(sd_bus *bus)
{
        int r = sd_bus_add_object_vtable(bus, NULL, SECRETS_PATH, SECRETS_SERVICE, service, NULL);

        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, SECRETS_PATH "/collection", SECRETS_ITEM, item, NULL, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, store, NULL);
        return r;
}
