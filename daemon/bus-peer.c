/*
 * Services on the session bus
 *
 * The owner is asked for first: that is the usual case, and a name that is owned need not be one that the bus can start.
 */
#include "daemon/bus-peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DBUS_NAME  "org.freedesktop.DBus"
#define DBUS_PATH  "/org/freedesktop/DBus"
#define START_USEC (UINT64_C(20) * 1000000)

struct BusPeer {
        sd_bus *bus;
        char *service, *name;
        const BusPeerEvents *events;
        void *userdata;
        bool started;
        sd_bus_slot *call, *match;
};

bool bus_has_sent(sd_bus_message *signal)
{
        const char *sender = sd_bus_message_get_sender(signal);

        return sender && strcmp(sender, DBUS_NAME) == 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        BusPeer *peer = userdata;

        /* The match names it, and that it has no new owner. */
        if (bus_has_sent(message))
                peer->events->gone(peer->userdata);
        return 0;
}

/* The owner may have left before the match counted: then a call to it fails, which is for its user to see. */
static int watch(BusPeer *peer)
{
        _cleanup_free_ char *match = NULL;

        if (asprintf(&match,
                     "type='signal',sender='" DBUS_NAME "',interface='" DBUS_NAME "',member='NameOwnerChanged',arg0='%s',"
                     "arg2=''",
                     peer->name) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        return sd_bus_add_match_async(peer->bus, &peer->match, match, on_owner_changed, NULL, peer);
}

static int ask_owner(BusPeer *peer);

static int on_started(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        BusPeer *peer = userdata;

        peer->call = sd_bus_slot_unref(peer->call);
        peer->started = true;
        if (sd_bus_message_is_method_error(message, NULL) || ask_owner(peer) < 0)
                peer->events->gone(peer->userdata);
        return 0;
}

static int start(BusPeer *peer)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(peer->bus, &call, DBUS_NAME, DBUS_PATH, DBUS_NAME, "StartServiceByName");
        if (r >= 0)
                r = sd_bus_message_append(call, "su", peer->service, 0);
        return r < 0 ? r : sd_bus_call_async(peer->bus, &peer->call, call, on_started, peer, START_USEC);
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        BusPeer *peer = userdata;
        const char *name;

        peer->call = sd_bus_slot_unref(peer->call);
        if (sd_bus_message_is_method_error(message, "org.freedesktop.DBus.Error.NameHasNoOwner") && !peer->started) {
                if (start(peer) < 0)
                        peer->events->gone(peer->userdata);
                return 0;
        }
        if (!sd_bus_message_is_method_error(message, NULL) && sd_bus_message_read(message, "s", &name) >= 0)
                peer->name = strdup(name);
        if (peer->name && watch(peer) >= 0)
                peer->events->found(peer->userdata);
        else
                peer->events->gone(peer->userdata);
        return 0;
}

static int ask_owner(BusPeer *peer)
{
        return sd_bus_call_method_async(peer->bus, &peer->call, DBUS_NAME, DBUS_PATH, DBUS_NAME, "GetNameOwner", on_owner,
                                        peer, "s", peer->service);
}

int bus_peer_new(sd_bus *bus, const char *name, const BusPeerEvents *events, void *userdata, BusPeer **ret)
{
        _cleanup_(bus_peer_freep) BusPeer *peer = calloc(1, sizeof(*peer));
        int r;

        if (!peer)
                return -ENOMEM;
        peer->bus = sd_bus_ref(bus);
        peer->events = events;
        peer->userdata = userdata;
        peer->service = strdup(name);
        if (!peer->service)
                return -ENOMEM;
        r = ask_owner(peer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(peer);
        return 0;
}

BusPeer *bus_peer_free(BusPeer *peer)
{
        if (!peer)
                return NULL;
        sd_bus_slot_unref(peer->call);
        sd_bus_slot_unref(peer->match);
        sd_bus_unref(peer->bus);
        free(peer->service);
        free(peer->name);
        free(peer);
        return NULL;
}

sd_bus *bus_peer_bus(const BusPeer *peer)
{
        return peer->bus;
}

const char *bus_peer_name(const BusPeer *peer)
{
        return peer->name;
}
