/*
 * Who fprintd is
 *
 * fprintd ends when it has nothing to do; it can be started again as long as the bus knows how.
 */
#include <errno.h>

#include "daemon/fprint-internal.h"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

void fprint_drop_owner(Fprint *fprint)
{
        bool had = fprint->from_owner;

        fprint->from_owner = sd_bus_slot_unref(fprint->from_owner);
        fprint->service = system_peer_free(fprint->service);
        if (had)
                fprint_reader_lost(fprint);
}

static int listen_to(Fprint *fprint, const char *name)
{
        _cleanup_free_ char *match = NULL;

        if (asprintf(&match, "type='signal',sender='%s',interface='" FPRINT_DEVICE "'", name) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        return sd_bus_add_match_async(fprint->bus, &fprint->from_owner, match, fprint_reader_signal, NULL, fprint);
}

/* Somebody else has the name, or nobody, or it is known now whose he is. */
static void on_changed(void *userdata)
{
        Fprint *fprint = userdata;
        const char *name = system_peer_name(fprint->service);
        bool had = fprint->from_owner;

        fprint_look_stop(fprint);
        fprint->from_owner = sd_bus_slot_unref(fprint->from_owner);
        if (had)
                fprint_reader_lost(fprint);
        if (name)
                (void)listen_to(fprint, name);
        fprint_look(fprint, /* start= */ false);
        fprint_reader_turn(fprint);
}

const char *fprint_owner(const Fprint *fprint)
{
        return fprint->from_owner ? system_peer_name(fprint->service) : NULL;
}

int fprint_watch_owner(Fprint *fprint)
{
        return system_peer_new(fprint->bus, FPRINT_NAME, on_changed, fprint, &fprint->service);
}

int fprint_start_owner(Fprint *fprint, sd_bus_slot **slot, sd_bus_message_handler_t handler)
{
        return sd_bus_call_method_async(fprint->bus, slot, DBUS_NAME, DBUS_PATH, DBUS_NAME, "StartServiceByName",
                                        handler, fprint, "su", FPRINT_NAME, UINT32_C(0));
}
