/*
 * The bus that is none
 *
 * Two peers have a connection each: we are ":1.0" and own org.keyfob.Daemon and org.freedesktop.secrets, the client is
 * ":1.N" and can own nothing. Answers carry the bus's name as their sender, which libraries that track owners insist
 * on. org.freedesktop.DBus.Peer comes from sd-bus itself.
 */
#include "daemon/minibus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#define DBUS_NAME      "org.freedesktop.DBus"
#define DBUS_PATH      "/org/freedesktop/DBus"
#define DBUS_INTERFACE "org.freedesktop.DBus"

#define ERROR_NAME_HAS_NO_OWNER    "org.freedesktop.DBus.Error.NameHasNoOwner"
#define ERROR_SERVICE_UNKNOWN      "org.freedesktop.DBus.Error.ServiceUnknown"
#define ERROR_MATCH_RULE_INVALID   "org.freedesktop.DBus.Error.MatchRuleInvalid"
#define ERROR_MATCH_RULE_NOT_FOUND "org.freedesktop.DBus.Error.MatchRuleNotFound"

enum {
        REPLY_ALREADY_RUNNING = 2, /* StartServiceByName */
        REPLY_NON_EXISTENT = 2,    /* ReleaseName */
};

typedef struct UniqueName {
        char text[24];
} UniqueName;

static UniqueName name_of(const Connection *connection)
{
        UniqueName name;

        (void)snprintf(name.text, sizeof(name.text), ":1.%u", connection_number(connection));
        return name;
}

static bool is_ours(const char *name)
{
        return strcmp(name, SECRETS_BUS_NAME) == 0 || strcmp(name, KEYFOB_BUS_NAME) == 0 ||
               strcmp(name, DOOR_UNIQUE_NAME) == 0;
}

/* Who a name belongs to; NULL: nobody. */
static const char *owner_of(const char *name, const UniqueName *client)
{
        if (strcmp(name, DBUS_NAME) == 0)
                return DBUS_NAME;
        if (is_ours(name))
                return DOOR_UNIQUE_NAME;
        return strcmp(name, client->text) == 0 ? client->text : NULL;
}

static int new_reply(sd_bus_message *call, sd_bus_message **ret)
{
        int r;

        r = sd_bus_message_new_method_return(call, ret);
        if (r < 0)
                return r;
        return sd_bus_message_set_sender(*ret, DBUS_NAME);
}

static int reply(sd_bus_message *call, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = new_reply(call, &message);
        if (r >= 0 && types) {
                va_list ap;

                va_start(ap, types);
                r = sd_bus_message_appendv(message, types, ap);
                va_end(ap);
        }
        return r < 0 ? r : sd_bus_message_send(message);
}

static int handle_hello(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Connection *connection = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *acquired = NULL;
        UniqueName name = name_of(connection);
        int r;

        r = reply(call, "s", name.text);
        if (r < 0)
                return r;

        /* As a bus does: a client may wait for it. */
        r = sd_bus_message_new_signal(connection_bus(connection), &acquired, DBUS_PATH, DBUS_INTERFACE,
                                      "NameAcquired");
        if (r >= 0)
                r = sd_bus_message_set_sender(acquired, DBUS_NAME);
        if (r >= 0)
                r = sd_bus_message_set_destination(acquired, name.text);
        if (r >= 0)
                r = sd_bus_message_append(acquired, "s", name.text);
        return r < 0 ? r : sd_bus_message_send(acquired);
}

static int handle_request_name(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                "this is keyfobd's own socket, not a message bus: no names can be had here");
}

static int handle_release_name(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply(call, "u", REPLY_NON_EXISTENT);
}

static int handle_get_name_owner(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        UniqueName client = name_of(userdata);
        const char *name, *owner;
        int r;

        r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        owner = owner_of(name, &client);
        if (!owner)
                return sd_bus_error_setf(error, ERROR_NAME_HAS_NO_OWNER, "nobody owns %s here", name);
        return reply(call, "s", owner);
}

static int handle_name_has_owner(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        UniqueName client = name_of(userdata);
        const char *name;
        int r;

        r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        return reply(call, "b", owner_of(name, &client) != NULL);
}

static int handle_list_names(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        UniqueName client = name_of(userdata);

        return reply(call, "as", 5, DBUS_NAME, DOOR_UNIQUE_NAME, client.text, KEYFOB_BUS_NAME, SECRETS_BUS_NAME);
}

static int handle_list_activatable_names(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply(call, "as", 3, DBUS_NAME, KEYFOB_BUS_NAME, SECRETS_BUS_NAME);
}

static int handle_list_queued_owners(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        UniqueName client = name_of(userdata);
        const char *name, *owner;
        int r;

        r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        owner = owner_of(name, &client);
        if (!owner)
                return sd_bus_error_setf(error, ERROR_NAME_HAS_NO_OWNER, "nobody owns %s here", name);
        return reply(call, "as", 1, owner);
}

static int handle_start_service(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *name;
        int r;

        r = sd_bus_message_read(call, "su", &name, NULL);
        if (r < 0)
                return r;
        if (!is_ours(name) && strcmp(name, DBUS_NAME) != 0)
                return sd_bus_error_setf(error, ERROR_SERVICE_UNKNOWN, "there is no %s here", name);
        return reply(call, "u", REPLY_ALREADY_RUNNING);
}

/* pid and uid of the daemon's end or the client's. */
static int read_peer(sd_bus_message *call, const Connection *connection, pid_t *ret_pid, uid_t *ret_uid,
                     sd_bus_error *error)
{
        UniqueName client = name_of(connection);
        const char *name, *owner;
        int r;

        r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        owner = owner_of(name, &client);
        if (!owner)
                return sd_bus_error_setf(error, ERROR_NAME_HAS_NO_OWNER, "nobody owns %s here", name);
        *ret_pid = owner == client.text ? connection_pid(connection) : getpid();
        *ret_uid = owner == client.text ? connection_uid(connection) : getuid();
        return 0;
}

static int handle_get_uid(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        pid_t pid;
        uid_t uid;
        int r;

        r = read_peer(call, userdata, &pid, &uid, error);
        return r < 0 ? r : reply(call, "u", (uint32_t)uid);
}

static int handle_get_pid(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        pid_t pid;
        uid_t uid;
        int r;

        r = read_peer(call, userdata, &pid, &uid, error);
        return r < 0 ? r : reply(call, "u", (uint32_t)pid);
}

static int handle_get_credentials(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        pid_t pid;
        uid_t uid;
        int r;

        r = read_peer(call, userdata, &pid, &uid, error);
        if (r < 0)
                return r;
        return reply(call, "a{sv}", 2, "UnixUserID", "u", (uint32_t)uid, "ProcessID", "u", (uint32_t)pid);
}

static int read_rule(sd_bus_message *call, MatchRule **ret, sd_bus_error *error)
{
        const char *text;
        int r;

        r = sd_bus_message_read(call, "s", &text);
        if (r < 0)
                return r;
        r = match_rule_parse(text, ret);
        if (r == -EINVAL)
                return sd_bus_error_set(error, ERROR_MATCH_RULE_INVALID, "that is not a match rule");
        if (r == -E2BIG)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "the match rule is too long");
        return r;
}

static int handle_add_match(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(match_rule_freep) MatchRule *rule = NULL;
        int r;

        r = read_rule(call, &rule, error);
        if (r < 0)
                return r;
        r = connection_add_match(userdata, rule);
        if (r < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many match rules");
        (void)TAKE_PTR(rule);
        return reply(call, NULL);
}

static int handle_remove_match(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(match_rule_freep) MatchRule *rule = NULL;
        int r;

        r = read_rule(call, &rule, error);
        if (r < 0)
                return r;
        if (connection_remove_match(userdata, rule) < 0)
                return sd_bus_error_set(error, ERROR_MATCH_RULE_NOT_FOUND, "there is no such match rule");
        return reply(call, NULL);
}

static int handle_get_id(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        char text[SD_ID128_STRING_MAX];
        sd_id128_t id;
        int r;

        r = sd_bus_get_bus_id(sd_bus_message_get_bus(call), &id);
        if (r < 0)
                return r;
        return reply(call, "s", sd_id128_to_string(id, text));
}

static int get_empty_strings(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(message, "as", 0);
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable minibus_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Hello", NULL, "s", handle_hello),
        METHOD("RequestName", "su", "u", handle_request_name),
        METHOD("ReleaseName", "s", "u", handle_release_name),
        METHOD("StartServiceByName", "su", "u", handle_start_service),
        METHOD("NameHasOwner", "s", "b", handle_name_has_owner),
        METHOD("GetNameOwner", "s", "s", handle_get_name_owner),
        METHOD("ListNames", NULL, "as", handle_list_names),
        METHOD("ListActivatableNames", NULL, "as", handle_list_activatable_names),
        METHOD("ListQueuedOwners", "s", "as", handle_list_queued_owners),
        METHOD("AddMatch", "s", NULL, handle_add_match),
        METHOD("RemoveMatch", "s", NULL, handle_remove_match),
        METHOD("GetConnectionUnixUser", "s", "u", handle_get_uid),
        METHOD("GetConnectionUnixProcessID", "s", "u", handle_get_pid),
        METHOD("GetConnectionCredentials", "s", "a{sv}", handle_get_credentials),
        METHOD("GetId", NULL, "s", handle_get_id),
        SD_BUS_PROPERTY("Features", "as", get_empty_strings, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Interfaces", "as", get_empty_strings, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_SIGNAL("NameOwnerChanged", "sss", 0),
        SD_BUS_SIGNAL("NameLost", "s", 0),
        SD_BUS_SIGNAL("NameAcquired", "s", 0),
        SD_BUS_VTABLE_END,
};

int minibus_attach(Connection *connection, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, DBUS_PATH, DBUS_INTERFACE, minibus_vtable, connection);
}
