/*
 * Services on the system bus
 *
 * A name that changes hands is nobody's until the bus has said whose its new owner is.
 */
#include "daemon/system-peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/bus-peer.h"
#include "daemon/log.h"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

struct SystemPeer {
        sd_bus *bus;
        const char *service;
        void (*changed)(void *userdata);
        void *userdata;
        char *owner;    /* unique name */
        bool is_roots;  /* asked, and answered so */
        sd_bus_slot *match, *naming, *asking;
};

static void drop_owner(SystemPeer *peer)
{
        peer->asking = sd_bus_slot_unref(peer->asking);
        peer->is_roots = false;
        free(TAKE_PTR(peer->owner));
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        uint32_t uid = UINT32_MAX;
        SystemPeer *peer = userdata;

        peer->asking = sd_bus_slot_unref(peer->asking);
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &uid) < 0)
                uid = UINT32_MAX;
        if (uid != 0 && uid != UINT32_MAX)
                log_line(LOG_WARNING, "%s is not used: it belongs to user %u, not to root", peer->service, uid);
        peer->is_roots = uid == 0;
        if (!peer->is_roots)
                drop_owner(peer);
        peer->changed(peer->userdata);
        return 0;
}

/* "": nobody. */
static void set_owner(SystemPeer *peer, const char *name)
{
        if (peer->owner && strcmp(peer->owner, name) == 0)
                return;
        drop_owner(peer);
        if (*name)
                peer->owner = strdup(name);
        if (peer->owner && sd_bus_call_method_async(peer->bus, &peer->asking, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                                    "GetConnectionUnixUser", on_uid, peer, "s", name) < 0)
                drop_owner(peer);
        peer->changed(peer->userdata);
}

static int on_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        const char *name, *old, *new;

        if (bus_has_sent(signal) && sd_bus_message_read(signal, "sss", &name, &old, &new) >= 0)
                set_owner(userdata, new);
        return 0;
}

static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        SystemPeer *peer = userdata;
        const char *name;

        peer->naming = sd_bus_slot_unref(peer->naming);
        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "s", &name) >= 0)
                set_owner(peer, name);
        return 0;
}

static int watch(SystemPeer *peer)
{
        _cleanup_free_ char *match = NULL;
        int r;

        if (asprintf(&match,
                     "type='signal',sender='" DBUS_NAME "',interface='" DBUS_NAME "',member='NameOwnerChanged',arg0='%s'",
                     peer->service) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        r = sd_bus_add_match_async(peer->bus, &peer->match, match, on_owner_changed, NULL, peer);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(peer->bus, &peer->naming, DBUS_NAME, DBUS_PATH, DBUS_NAME, "GetNameOwner",
                                        on_owner, peer, "s", peer->service);
}

int system_peer_new(sd_bus *bus, const char *name, void (*changed)(void *userdata), void *userdata, SystemPeer **ret)
{
        _cleanup_(system_peer_freep) SystemPeer *peer = calloc(1, sizeof(*peer));
        int r;

        if (!peer)
                return -ENOMEM;
        *peer = (SystemPeer){.bus = bus, .service = name, .changed = changed, .userdata = userdata};
        r = watch(peer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(peer);
        return 0;
}

SystemPeer *system_peer_free(SystemPeer *peer)
{
        if (!peer)
                return NULL;
        drop_owner(peer);
        sd_bus_slot_unref(peer->match);
        sd_bus_slot_unref(peer->naming);
        free(peer);
        return NULL;
}

const char *system_peer_name(const SystemPeer *peer)
{
        return peer && peer->is_roots ? peer->owner : NULL;
}

bool system_peer_is_asking(const SystemPeer *peer)
{
        return peer && peer->asking;
}
