/*
 * Objects, in groups
 *
 * Only a call that names both an object and an interface of its own can do with one group. Whoever asks what there is, reads
 * properties by the interface that all objects share, or is wrong, gets the answer that only all of them together give.
 */
#include "daemon/objects.h"

#include <string.h>

#include "common/cleanup.h"
#include "daemon/authenticator1.h"
#include "daemon/keys1.h"
#include "daemon/prompter1.h"
#include "daemon/secret-service.h"
#include "daemon/ssh1.h"
#include "daemon/store1.h"

#define DBUS_PATH      "/org/freedesktop/DBus"
#define DBUS_INTERFACE "org.freedesktop.DBus"
#define PEER_INTERFACE "org.freedesktop.DBus.Peer"

typedef struct Group {
        int (*attach)(Daemon *daemon, sd_bus *bus);
        const char *path, *interface;
        bool tree; /* everything below the path, and every interface that begins so */
} Group;

/* The n-th is bit n. */
static const Group groups[] = {
        {store1_attach, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, false},
        {secrets_attach, SECRETS_PATH, "org.freedesktop.Secret.", true},
        {prompter1_attach, KEYFOB_PATH, KEYFOB_PROMPTER_INTERFACE, false},
        {authenticator1_attach, KEYFOB_PATH, KEYFOB_AUTHENTICATOR_INTERFACE, false},
        {keys1_attach, KEYFOB_PATH, KEYFOB_KEYS_INTERFACE, false},
        {ssh1_attach, KEYFOB_PATH, KEYFOB_SSH_INTERFACE, false},
};
_Static_assert(OBJECTS_OURS == (1U << ELEMENTSOF(groups)) - 1, "each has its bit");

static bool is_of(const Group *group, const char *path, const char *interface)
{
        size_t n = strlen(group->path);

        if (!group->tree)
                return strcmp(path, group->path) == 0 && strcmp(interface, group->interface) == 0;
        return strncmp(path, group->path, n) == 0 && (path[n] == 0 || path[n] == '/') &&
               strncmp(interface, group->interface, strlen(group->interface)) == 0;
}

unsigned objects_needed(sd_bus_message *message)
{
        const char *path = sd_bus_message_get_path(message), *interface = sd_bus_message_get_interface(message);
        uint8_t type;

        if (sd_bus_message_get_type(message, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (!path || !interface)
                return OBJECTS_ALL;
        if (strcmp(interface, PEER_INTERFACE) == 0)
                return 0; /* sd-bus answers by itself, whatever the object */
        if (strcmp(path, DBUS_PATH) == 0 && strcmp(interface, DBUS_INTERFACE) == 0)
                return OBJECTS_BUS;
        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (is_of(&groups[i], path, interface))
                        return 1U << i;
        return OBJECTS_ALL;
}

int objects_attach(Daemon *daemon, sd_bus *bus, unsigned which)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(groups); i++)
                if (which & 1U << i)
                        r = groups[i].attach(daemon, bus);
        return r;
}
