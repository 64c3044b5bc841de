/*
 * Who fprintd is
 *
 * On the system bus only root may own the name, but that is a rule of a file; here the owner's uid is asked for each
 * time that it changes. From then on calls go to the unique name, and only its signals are heard. fprintd ends when it
 * has nothing to do; it can be started again as long as the bus knows how.
 */
#include <errno.h>
#include <string.h>

#include "daemon/bus-peer.h"
#include "daemon/fprint-internal.h"
#include "daemon/log.h"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

void fprint_drop_owner(Fprint *fprint)
{
        bool had = fprint->owner;

        fprint->asking_uid = sd_bus_slot_unref(fprint->asking_uid);
        fprint->from_owner = sd_bus_slot_unref(fprint->from_owner);
        free(TAKE_PTR(fprint->candidate));
        free(TAKE_PTR(fprint->owner));
        if (had)
                fprint_reader_lost(fprint);
}

static int trust(Fprint *fprint)
{
        _cleanup_free_ char *match = NULL;
        int r;

        if (asprintf(&match, "type='signal',sender='%s',interface='" FPRINT_DEVICE "'", fprint->candidate) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        r = sd_bus_add_match_async(fprint->bus, &fprint->from_owner, match, fprint_reader_signal, NULL, fprint);
        if (r >= 0)
                fprint->owner = TAKE_PTR(fprint->candidate);
        return r;
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;
        uint32_t uid = UINT32_MAX;

        fprint->asking_uid = sd_bus_slot_unref(fprint->asking_uid);
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &uid) < 0)
                uid = UINT32_MAX;
        if (uid != 0 && uid != UINT32_MAX)
                log_line(LOG_WARNING, "fingerprints are not used: " FPRINT_NAME " belongs to user %u, not to root", uid);
        if (uid != 0 || trust(fprint) < 0)
                fprint_drop_owner(fprint);
        fprint_look(fprint, /* start= */ false);
        fprint_reader_turn(fprint);
        return 0;
}

/* "": nobody. */
static void set_owner(Fprint *fprint, const char *name)
{
        int r = -ENOMEM;

        if ((fprint->owner && strcmp(fprint->owner, name) == 0) ||
            (fprint->candidate && strcmp(fprint->candidate, name) == 0))
                return;
        fprint_look_stop(fprint);
        fprint_drop_owner(fprint);
        if (!*name) {
                fprint_look(fprint, /* start= */ false);
                return;
        }
        fprint->candidate = strdup(name);
        if (fprint->candidate)
                r = sd_bus_call_method_async(fprint->bus, &fprint->asking_uid, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                             "GetConnectionUnixUser", on_uid, fprint, "s", name);
        if (r < 0)
                fprint_drop_owner(fprint);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *old, *new;

        if (bus_has_sent(message) && sd_bus_message_read(message, "sss", &name, &old, &new) >= 0)
                set_owner(userdata, new);
        return 0;
}

/* Nobody has it: a look finds out whether it can be started. */
static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const char *name;

        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "s", &name) >= 0)
                set_owner(userdata, name);
        return 0;
}

int fprint_watch_owner(Fprint *fprint)
{
        int r;

        r = sd_bus_add_match_async(fprint->bus, NULL,
                                   "type='signal',sender='" DBUS_NAME "',interface='" DBUS_NAME
                                   "',member='NameOwnerChanged',arg0='" FPRINT_NAME "'",
                                   on_owner_changed, NULL, fprint);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(fprint->bus, NULL, DBUS_NAME, DBUS_PATH, DBUS_NAME, "GetNameOwner", on_owner,
                                        fprint, "s", FPRINT_NAME);
}

int fprint_start_owner(Fprint *fprint, sd_bus_slot **slot, sd_bus_message_handler_t handler)
{
        return sd_bus_call_method_async(fprint->bus, slot, DBUS_NAME, DBUS_PATH, DBUS_NAME, "StartServiceByName",
                                        handler, fprint, "su", FPRINT_NAME, UINT32_C(0));
}
