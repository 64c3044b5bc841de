/* One connection, of which this is the server; a message's sender is whoever is to have sent it */
#include "fuzz/dbus-broker.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz/dbus-value.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"

#define DRIVER      "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"
#define DAEMON      ":1.1" /* the daemon's name, */
#define PROMPTER    ":1.7" /* its prompters', */
#define STRANGER    ":1.9" /* and somebody else's */

struct DbusBroker {
        DbusWorld *world;
        int listener;
        sd_event_source *source;
        sd_bus *bus;
        char callback[64], interface[80]; /* what a prompter was told to call */
        bool performing;                  /* it has asked, and waits for what is typed */
};

static const char *const names[] = {SECRETS_BUS_NAME,
                                    KEYFOB_BUS_NAME,
                                    "org.gnome.keyring.SystemPrompter",
                                    "org.kde.secretprompter",
                                    "org.freedesktop.Notifications",
                                    "org.freedesktop.portal.Desktop"};
static const char *const owners[] = {"", DAEMON, PROMPTER, STRANGER};

static const char *choose(const char *const *from, unsigned n, Input *in)
{
        return from[input_u8(in) % n];
}

static void send_as(DbusBroker *broker, sd_bus_message *m, const char *sender)
{
        (void)sd_bus_message_set_sender(m, sender);
        (void)sd_bus_send(broker->bus, m, NULL);
        (void)sd_bus_message_unref(m);
}

/* ---- calls that are made of the daemon by others ---- */

static void call_back(DbusBroker *broker, const char *sender, const char *member, const char *types, ...)
{
        sd_bus_message *m = NULL;
        va_list ap;

        if (!broker->bus || !broker->callback[0])
                return;
        PROMISE(sd_bus_message_new_method_call(broker->bus, &m, DAEMON, broker->callback, broker->interface, member) >=
                0);
        va_start(ap, types);
        if (types)
                PROMISE(sd_bus_message_appendv(m, types, ap) >= 0);
        va_end(ap);
        send_as(broker, m, sender);
}

/* What standin.c takes for a cipher: the text, filled up. */
static void encrypt(const char *text, char ret[128])
{
        uint8_t block[32];
        char secret[48], iv[32];
        size_t size = strlen(text), padding = 16 - size % 16;

        PROMISE(size + padding <= sizeof(block));
        memcpy(block, text, size);
        memset(block + size, (int)padding, padding);
        (void)EVP_EncodeBlock((unsigned char *)secret, block, (int)(size + padding));
        memset(block, 0, 16);
        (void)EVP_EncodeBlock((unsigned char *)iv, block, 16);
        (void)snprintf(ret, 128, "[sx-aes-1]\nsecret=%s\niv=%s\n", secret, iv);
}

/* The prompter's turn in the protocol of gcr: the exchange begins, or the person has answered. */
static void prompter_ready(DbusBroker *broker)
{
        DbusWorld *world = broker->world;
        char text[256], exchange[128];
        const uint8_t *bytes;
        size_t size;

        if (world->agent == DBUS_NONSENSE) {
                bytes = input_bytes(world->in, sizeof(text) - 1, &size);
                memcpy(text, bytes, size);
                text[size] = 0;
                if (!utf8_valid(text, strlen(text)))
                        text[0] = 0;
                call_back(broker, PROMPTER, "PromptReady", "sa{sv}s", input_u8(world->in) % 2 ? "yes" : text, 0, text);
                return;
        }
        if (world->agent == DBUS_SILENCE)
                return;
        if (!broker->performing) {
                call_back(broker, PROMPTER, "PromptReady", "sa{sv}s", "", 0, "[sx-aes-1]\npublic=AAEC\n");
                return;
        }
        broker->performing = false;
        encrypt(world->agent == DBUS_RIGHT ? BASE_PASSWORD : "wrong", exchange);
        world->knows |= world->agent == DBUS_RIGHT;
        if (world->agent == DBUS_ERROR)
                call_back(broker, PROMPTER, "PromptDone", NULL);
        else
                call_back(broker, PROMPTER, "PromptReady", "sa{sv}s", world->agent == DBUS_DENY ? "no" : "yes", 0,
                          exchange);
}

/* Of Plasma's. */
static void accepted(DbusBroker *broker, const char *text)
{
        int ends[2];

        PROMISE(pipe(ends) == 0 && write(ends[1], text, strlen(text)) == (ssize_t)strlen(text));
        (void)close(ends[1]);
        call_back(broker, PROMPTER, "Accepted", "h", ends[0]);
        (void)close(ends[0]);
}

static void plasma_answers(DbusBroker *broker)
{
        switch (broker->world->agent) {
        case DBUS_RIGHT:
                broker->world->knows = true;
                accepted(broker, BASE_PASSWORD);
                break;
        case DBUS_WRONG:
                accepted(broker, "wrong");
                break;
        case DBUS_DENY:
                call_back(broker, PROMPTER, "Rejected", NULL);
                break;
        case DBUS_ERROR:
                call_back(broker, PROMPTER, "Dismissed", NULL);
                break;
        default:
                break;
        }
}

/* ---- calls of the daemon's ---- */

static const DbusBroker *asked; /* there is one world at a time */

/* The daemon waits for this answer, and in this process nobody could give it meanwhile. */
int __wrap_sd_bus_query_sender_creds(sd_bus_message *call, uint64_t mask, sd_bus_creds **ret);
int __wrap_sd_bus_query_sender_creds(sd_bus_message *call, uint64_t mask, sd_bus_creds **ret)
{
        bool inside = fail_pause();
        int r;

        switch (asked ? asked->world->bus : DBUS_ERROR) {
        case DBUS_DENY:
                r = -EACCES;
                break;
        case DBUS_ERROR:
                r = -ENXIO;
                break;
        case DBUS_SILENCE:
                r = -ETIMEDOUT;
                break;
        default:
                r = sd_bus_creds_new_from_pid(ret, getpid(), mask);
        }
        fail_resume(inside);
        return r;
}

static int reply_nonsense(DbusBroker *broker, sd_bus_message *call)
{
        sd_bus_message *reply = NULL;

        PROMISE(sd_bus_message_new_method_return(call, &reply) >= 0);
        dbus_value_append_any(broker->world, reply);
        send_as(broker, reply, sd_bus_message_get_destination(call));
        return 1;
}

static int reply(DbusBroker *broker, sd_bus_message *call, const char *types, ...)
{
        sd_bus_message *m = NULL;
        va_list ap;

        PROMISE(sd_bus_message_new_method_return(call, &m) >= 0);
        va_start(ap, types);
        if (types)
                PROMISE(sd_bus_message_appendv(m, types, ap) >= 0);
        va_end(ap);
        send_as(broker, m, sd_bus_message_get_destination(call));
        return 1;
}

static int of_the_driver(DbusBroker *broker, sd_bus_message *call)
{
        DbusWorld *world = broker->world;
        bool right = world->bus == DBUS_RIGHT;
        const char *name = NULL;

        if (sd_bus_message_is_method_call(call, DRIVER, "Hello"))
                return reply(broker, call, "s", DAEMON); /* without it nothing else comes */
        if (world->bus == DBUS_SILENCE)
                return 1;
        if (world->bus == DBUS_ERROR)
                return sd_bus_reply_method_errorf(call, "org.freedesktop.DBus.Error.Failed", "why");
        if (world->bus == DBUS_NONSENSE)
                return reply_nonsense(broker, call);
        (void)sd_bus_message_read(call, "s", &name);
        if (sd_bus_message_is_method_call(call, DRIVER, "RequestName"))
                return reply(broker, call, "u", right ? 1 : world->bus == DBUS_WRONG ? 2 : 3);
        if (sd_bus_message_is_method_call(call, DRIVER, "GetNameOwner"))
                return world->bus == DBUS_DENY
                               ? sd_bus_reply_method_errorf(call, "org.freedesktop.DBus.Error.NameHasNoOwner", "none")
                               : reply(broker, call, "s", right ? PROMPTER : STRANGER);
        if (sd_bus_message_is_method_call(call, DRIVER, "GetConnectionUnixProcessID"))
                return reply(broker, call, "u", (uint32_t)getpid());
        if (sd_bus_message_is_method_call(call, DRIVER, "GetConnectionUnixUser"))
                return reply(broker, call, "u", (uint32_t)(world->bus == DBUS_DENY ? getuid() + 1 : getuid()));
        if (sd_bus_message_is_method_call(call, DRIVER, "GetConnectionCredentials"))
                return reply(broker, call, "a{sv}", 2, "UnixUserID", "u", (uint32_t)getuid(), "ProcessID", "u",
                             (uint32_t)getpid());
        if (sd_bus_message_is_method_call(call, DRIVER, "StartServiceByName"))
                return reply(broker, call, "u", 1);
        return reply(broker, call, NULL);
}

static void remember_callback(DbusBroker *broker, const char *path, const char *interface)
{
        (void)snprintf(broker->callback, sizeof(broker->callback), "%s", path);
        (void)snprintf(broker->interface, sizeof(broker->interface), "%s", interface);
        broker->performing = false;
}

static int of_a_prompter(DbusBroker *broker, sd_bus_message *call)
{
        const char *member = sd_bus_message_get_member(call), *path;

        if (strcmp(member, "BeginPrompting") == 0 && sd_bus_message_read(call, "o", &path) > 0) {
                remember_callback(broker, path, "org.gnome.keyring.internal.Prompter.Callback");
                (void)reply(broker, call, NULL);
                prompter_ready(broker);
        } else if (strcmp(member, "PerformPrompt") == 0) {
                (void)reply(broker, call, NULL);
                broker->performing = true;
                prompter_ready(broker);
        } else if (strcmp(member, "StopPrompting") == 0) {
                (void)reply(broker, call, NULL);
                call_back(broker, PROMPTER, "PromptDone", NULL);
                broker->callback[0] = 0;
        } else if (strcmp(member, "UnlockCollectionPrompt") == 0 && sd_bus_message_read(call, "o", &path) > 0) {
                remember_callback(broker, path, "org.kde.secretprompter.request");
                (void)reply(broker, call, NULL);
                plasma_answers(broker);
        } else if (strcmp(member, "GetCapabilities") == 0) {
                (void)reply(broker, call, "as", 2, "actions", "body-markup");
        } else if (strcmp(member, "Notify") == 0) {
                (void)reply(broker, call, "u", 5);
        } else {
                (void)reply_nonsense(broker, call);
        }
        return 1;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        DbusBroker *broker = userdata;
        const char *destination = sd_bus_message_get_destination(m);
        bool inside = fail_pause();
        uint8_t type = 0;
        int r = 0;

        (void)sd_bus_message_get_type(m, &type);
        if (type == SD_BUS_MESSAGE_METHOD_CALL && destination)
                r = strcmp(destination, DRIVER) == 0 ? of_the_driver(broker, m) : of_a_prompter(broker, m);
        else if (type == SD_BUS_MESSAGE_SIGNAL && sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", NULL))
                broker->callback[0] = 0;
        fail_resume(inside);
        return r < 0 ? r : r > 0;
}

/* ---- what happens by itself ---- */

static void signal_of_driver(DbusBroker *broker, Input *in)
{
        static const char *const members[] = {"NameAcquired", "NameLost", "NameOwnerChanged", "NameOwnerChanged"};
        const char *member = choose(members, ELEMENTSOF(members), in), *name;
        sd_bus_message *m = NULL;
        unsigned how = input_u8(in);

        name = how >= 128 ? choose(owners + 1, ELEMENTSOF(owners) - 1, in) : choose(names, ELEMENTSOF(names), in);
        PROMISE(sd_bus_message_new_signal(broker->bus, &m, DRIVER_PATH, DRIVER, member) >= 0);
        if (how % 16 == 15)
                dbus_value_append_any(broker->world, m);
        else if (strcmp(member, "NameOwnerChanged") == 0)
                PROMISE(sd_bus_message_append(m, "sss", name, choose(owners, ELEMENTSOF(owners), in),
                                              choose(owners, ELEMENTSOF(owners), in)) >= 0);
        else
                PROMISE(sd_bus_message_append(m, "s", name) >= 0);
        send_as(broker, m, how % 8 == 7 ? STRANGER : DRIVER);
}

/* Of notifications, in the ways that there are. */
static void signal_of_desktop(DbusBroker *broker, Input *in)
{
        static const char *const members[] = {"ActionInvoked", "NotificationClosed"}, *const actions[] = {
                                                                                              "allow", "deny",
                                                                                              "default", ""};
        const char *member = choose(members, ELEMENTSOF(members), in);
        sd_bus_message *m = NULL;

        PROMISE(sd_bus_message_new_signal(broker->bus, &m, "/org/freedesktop/Notifications",
                                          "org.freedesktop.Notifications", member) >= 0);
        if (strcmp(member, "ActionInvoked") == 0)
                PROMISE(sd_bus_message_append(m, "us", 5, choose(actions, ELEMENTSOF(actions), in)) >= 0);
        else
                PROMISE(sd_bus_message_append(m, "uu", 5, input_u8(in)) >= 0);
        send_as(broker, m, input_u8(in) % 8 == 7 ? STRANGER : PROMPTER);
}

void dbus_broker_step(DbusBroker *broker, Input *in)
{
        const char *sender;

        if (!broker || !broker->bus)
                return;
        switch (input_u8(in) % 8) {
        case 0:
                broker->world->bus = (DbusMood)(input_u8(in) % _DBUS_MOOD_MAX);
                break;
        case 1:
        case 2:
                signal_of_driver(broker, in);
                break;
        case 3:
                signal_of_desktop(broker, in);
                break;
        case 4:
                sender = input_u8(in) % 4 == 0 ? STRANGER : PROMPTER;
                call_back(broker, sender, "PromptDone", NULL);
                break;
        case 5:
                prompter_ready(broker);
                break;
        case 6:
                plasma_answers(broker);
                break;
        default:
                dbus_world_disconnect(broker->world, DBUS_BROKER);
                broker->bus = NULL;
        }
}

/* ---- life ---- */

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        DbusBroker *broker = userdata;
        bool inside = fail_pause();
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client >= 0) {
                if (broker->bus)
                        dbus_world_disconnect(broker->world, DBUS_BROKER);
                PROMISE(sd_bus_new(&broker->bus) >= 0 && sd_bus_set_fd(broker->bus, client, client) >= 0);
                PROMISE(sd_bus_set_server(broker->bus, 1, (sd_id128_t){.bytes = {1}}) >= 0);
                PROMISE(sd_bus_negotiate_fds(broker->bus, 1) >= 0 && sd_bus_start(broker->bus) >= 0);
                PROMISE(sd_bus_attach_event(broker->bus, broker->world->daemon->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
                PROMISE(sd_bus_add_filter(broker->bus, NULL, on_message, broker) >= 0);
                dbus_world_join(broker->world, DBUS_BROKER, broker->bus);
        }
        fail_resume(inside);
        return 0;
}

DbusBroker *dbus_broker_new(DbusWorld *world)
{
        DbusBroker *broker = calloc(1, sizeof(*broker));
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        PROMISE(broker);
        *broker = (DbusBroker){.world = world,
                               .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", memory_vfs_dir());
        asked = broker;
        PROMISE(broker->listener >= 0 &&
                bind(broker->listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                listen(broker->listener, 4) == 0);
        return broker;
}

void dbus_broker_attach(DbusBroker *broker)
{
        PROMISE(sd_event_add_io(broker->world->daemon->event, &broker->source, broker->listener, EPOLLIN,
                                on_connection, broker) >= 0);
}

DbusBroker *dbus_broker_free(DbusBroker *broker)
{
        if (!broker)
                return NULL;
        (void)sd_event_source_disable_unref(broker->source);
        (void)close(broker->listener);
        free(broker);
        asked = NULL;
        return NULL;
}
