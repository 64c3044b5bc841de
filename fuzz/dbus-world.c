/* The daemon is made by daemon_new(), as keyfobd makes it; only what it stands on is ours */
#include "fuzz/dbus-world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/door.h"
#include "fuzz/clock.h"
#include "fuzz/dbus-broker.h"
#include "fuzz/dbus-stubs.h"
#include "fuzz/dbus-value.h"
#include "fuzz/dice.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"

#define TURNS_MAX 4000 /* of the loop, until all is quiet: more would be a loop that never ends */
#define TURN_USEC 20   /* that one of them takes */

/* ---- the helper ---- */

void dbus_world_reply(DbusWorld *world, uint32_t id, uint8_t result, const void *fields, size_t size)
{
        ByteWriter packet = BYTE_WRITER_NULL;

        byte_writer_u32(&packet, id);
        byte_writer_u8(&packet, result);
        if (size > 0)
                byte_writer_raw(&packet, fields, size);
        PROMISE(!packet.failed);
        (void)send(world->helper, packet.data, packet.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        byte_writer_done(&packet);
}

static void identify(DbusWorld *world, uint32_t id, DbusProgram program)
{
        static const struct {
                const char *executable, *comm, *unit;
                HelperConfinement confinement;
                const char *app;
        } known[] = {
                [DBUS_ORDINARY] = {"/usr/bin/program", "program", "app-program-1.scope", HELPER_FREE, ""},
                [DBUS_UNKNOWN] = {"", "program", "", HELPER_CONFINEMENT_UNKNOWN, ""},
                [DBUS_FLATPAK] = {"/app/bin/program", "program", "app-flatpak-org.example.App-1.scope", HELPER_CONFINED,
                                  "flatpak:org.example.App"},
                [DBUS_SNAP] = {"/snap/example/1/program", "program", "snap.example.program-1.scope", HELPER_CONFINED,
                               "snap:example"},
        };
        ByteWriter fields = BYTE_WRITER_NULL;
        const uint8_t *bytes;
        size_t size;

        if (program < ELEMENTSOF(known)) {
                byte_writer_string(&fields, known[program].executable);
                byte_writer_string(&fields, known[program].comm);
                byte_writer_string(&fields, known[program].unit);
                byte_writer_u8(&fields, (uint8_t)known[program].confinement);
                byte_writer_string(&fields, known[program].app);
        } else if (program == DBUS_GARBLED) {
                bytes = input_bytes(world->in, 255, &size);
                byte_writer_raw(&fields, bytes, size);
        } else {
                byte_writer_string(&fields, "it has ended");
        }
        dbus_world_reply(world, id, program == DBUS_GONE ? HELPER_FAILED : HELPER_OK, fields.data, fields.size);
        byte_writer_done(&fields);
}

/* Reads what has come. A caller is identified at once, since its first call waits for that; whether there was one. */
static bool read_requests(DbusWorld *world)
{
        static uint8_t packet[HELPER_PACKET_MAX];
        bool told = false;

        while (world->helper >= 0 && world->n_requests < DBUS_REQUESTS_MAX) {
                DbusRequest request;
                ByteReader reader;
                ssize_t n = recv(world->helper, packet, sizeof(packet), MSG_DONTWAIT);

                if (n < 5)
                        break;
                reader = BYTE_READER(packet, (size_t)n);
                request.id = byte_reader_u32(&reader);
                request.operation = byte_reader_u8(&reader);
                PROMISE(request.operation >= HELPER_ASK && request.operation <= HELPER_TPM);
                if (request.operation == HELPER_IDENTIFY && world->program != DBUS_LATE) {
                        PROMISE(byte_reader_u32(&reader) == (uint32_t)getpid() && byte_reader_done(&reader));
                        identify(world, request.id, world->program);
                        told = true;
                } else {
                        world->requests[world->n_requests++] = request;
                }
        }
        return told;
}

bool dbus_world_take(DbusWorld *world, uint32_t *ret_id, uint8_t *ret_operation)
{
        (void)read_requests(world);
        if (world->n_requests == 0)
                return false;
        *ret_id = world->requests[0].id;
        *ret_operation = world->requests[0].operation;
        world->n_requests--;
        memmove(world->requests, world->requests + 1, world->n_requests * sizeof(world->requests[0]));
        return true;
}

static void help_one(DbusWorld *world, uint32_t id, uint8_t operation)
{
        const char *secret = world->person == DBUS_RIGHT ? BASE_PASSWORD : "wrong";
        ByteWriter fields = BYTE_WRITER_NULL;
        const uint8_t *nonsense;
        size_t size;

        if (operation == HELPER_CANCEL)
                return;
        switch (world->person) {
        case DBUS_SILENCE:
                return;
        case DBUS_DENY:
                dbus_world_reply(world, id, HELPER_DENIED, NULL, 0);
                return;
        case DBUS_ERROR:
                byte_writer_string(&fields, "why");
                dbus_world_reply(world, id, HELPER_FAILED, fields.data, fields.size);
                byte_writer_done(&fields);
                return;
        case DBUS_NONSENSE:
                size = input_u8(world->in);
                nonsense = input_bytes(world->in, 255, &size);
                dbus_world_reply(world, id, input_u8(world->in) % 6, nonsense, size);
                return;
        default:
                break;
        }
        if (operation == HELPER_IDENTIFY) {
                identify(world, id, DBUS_ORDINARY);
                return;
        }
        switch (operation) {
        case HELPER_ASK:
                byte_writer_blob(&fields, secret, strlen(secret));
                world->knows |= world->person == DBUS_RIGHT;
                break;
        case HELPER_READ_KEY:
                byte_writer_blob(&fields, "a key file of some thirty-two bytes", 35);
                world->knows = true;
                break;
        case HELPER_WHO_HAS:
                byte_writer_u16(&fields, 0);
                break;
        case HELPER_WHERE:
        case HELPER_PROBE:
                byte_writer_u8(&fields, operation == HELPER_PROBE);
                break;
        default:
                nonsense = input_bytes(world->in, 255, &size);
                byte_writer_raw(&fields, nonsense, size);
        }
        dbus_world_reply(world, id, HELPER_OK, fields.data, fields.size);
        byte_writer_done(&fields);
}

void dbus_world_help(DbusWorld *world)
{
        uint32_t id;
        uint8_t operation;

        while (dbus_world_take(world, &id, &operation))
                help_one(world, id, operation);
}

/* ---- clients ---- */

/* The bodies of replies and signals may say nothing of a secret as long as nobody who calls knows one. */
static void check_bytes(const DbusWorld *world, const void *data, size_t size)
{
        const uint8_t *p = size > 0 ? memmem(data, size, BASE_MARKER, strlen(BASE_MARKER)) : NULL;

        PROMISE(world->knows || !p || (size_t)((const uint8_t *)data + size - p) == strlen(BASE_MARKER) ||
                p[strlen(BASE_MARKER)] < '0' || p[strlen(BASE_MARKER)] > '9');
}

static void learn(DbusWorld *world, char type, const char *text)
{
        size_t size = strlen(text);
        bool path = type == SD_BUS_TYPE_OBJECT_PATH;
        char *to;

        if (size == 0 || size >= (path ? sizeof(world->paths[0]) : DBUS_WORD_SIZE))
                return;
        for (unsigned i = 0; i < (path ? world->n_paths : world->n_words); i++)
                if (strcmp(path ? world->paths[i] : world->words[i], text) == 0)
                        return;
        if (path ? world->n_paths == DBUS_PATHS_MAX : world->n_words == DBUS_WORDS_MAX)
                return;
        to = path ? world->paths[world->n_paths++] : world->words[world->n_words++];
        memcpy(to, text, size + 1);
}

static void read_all(DbusWorld *world, sd_bus_message *m, unsigned depth)
{
        const char *contents, *text;
        const void *bytes;
        uint64_t value;
        size_t size;
        char type;

        while (depth < 32 && sd_bus_message_peek_type(m, &type, &contents) > 0) {
                switch (type) {
                case SD_BUS_TYPE_STRING:
                case SD_BUS_TYPE_OBJECT_PATH:
                case SD_BUS_TYPE_SIGNATURE:
                        PROMISE(sd_bus_message_read_basic(m, type, &text) > 0);
                        check_bytes(world, text, strlen(text));
                        learn(world, type, text);
                        break;
                case SD_BUS_TYPE_ARRAY:
                        if (strcmp(contents, "y") == 0) {
                                PROMISE(sd_bus_message_read_array(m, 'y', &bytes, &size) >= 0);
                                check_bytes(world, bytes, size);
                                break;
                        }
                        __attribute__((fallthrough));
                case SD_BUS_TYPE_VARIANT:
                case SD_BUS_TYPE_STRUCT:
                case SD_BUS_TYPE_DICT_ENTRY:
                        PROMISE(sd_bus_message_enter_container(m, type, contents) > 0);
                        read_all(world, m, depth + 1);
                        PROMISE(sd_bus_message_exit_container(m) >= 0);
                        break;
                case SD_BUS_TYPE_UNIX_FD:
                        PROMISE(sd_bus_message_skip(m, "h") >= 0);
                        break;
                default:
                        PROMISE(sd_bus_message_read_basic(m, type, &value) > 0);
                }
        }
}

/* An error has one of the names that PROTOCOL.md knows, and says something. */
static void check_error(const sd_bus_error *error)
{
        PROMISE(error && error->name && error->message);
        PROMISE(strncmp(error->name, "org.freedesktop.DBus.Error.", 27) == 0 ||
                strncmp(error->name, "org.freedesktop.Secret.Error.", 29) == 0 ||
                strncmp(error->name, "org.keyfob.Error.", 17) == 0 || strncmp(error->name, "System.Error.", 13) == 0 ||
                strcmp(error->name, "org.gnome.keyring.Error.Denied") == 0); /* of gnome-keyring's own interface */
        PROMISE(!strchr(error->message, '\n'));
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        DbusClient *client = userdata;
        bool inside = fail_pause();

        PROMISE(client->waiting > 0);
        client->waiting--;
        client->world->n_replies++;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                client->world->n_errors++;
                check_error(sd_bus_message_get_error(reply));
        } else {
                read_all(client->world, reply, 0);
        }
        fail_resume(inside);
        return 0;
}

static int on_any(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        DbusClient *client = userdata;
        bool inside = fail_pause();
        uint8_t type = 0;

        (void)sd_bus_message_get_type(message, &type);
        if (type == SD_BUS_MESSAGE_SIGNAL && !sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", NULL)) {
                learn(client->world, SD_BUS_TYPE_OBJECT_PATH, sd_bus_message_get_path(message));
                read_all(client->world, message, 0);
                (void)sd_bus_message_rewind(message, 1);
        }
        fail_resume(inside);
        return 0;
}

static int reply_secret(sd_bus_message *call, bool allowed, const char *secret)
{
        sd_bus_message *reply = NULL;

        PROMISE(sd_bus_message_new_method_return(call, &reply) >= 0);
        PROMISE(sd_bus_message_append(reply, "b", allowed) >= 0);
        PROMISE(sd_bus_message_append_array(reply, 'y', secret, strlen(secret)) >= 0);
        (void)sd_bus_message_send(reply);
        (void)sd_bus_message_unref(reply);
        return 1;
}

static int on_ask(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        DbusClient *client = userdata;
        DbusWorld *world = client->world;
        sd_bus_message *reply = NULL;
        bool inside = fail_pause();
        int r = 1;

        read_all(world, call, 0);
        switch (world->agent) {
        case DBUS_RIGHT:
                world->knows = true;
                r = reply_secret(call, true, BASE_PASSWORD);
                break;
        case DBUS_WRONG:
                r = reply_secret(call, true, "1");
                break;
        case DBUS_DENY:
                r = reply_secret(call, false, "");
                break;
        case DBUS_ERROR:
                r = sd_bus_reply_method_errorf(call, "org.example.Error", "why");
                break;
        case DBUS_NONSENSE:
                PROMISE(sd_bus_message_new_method_return(call, &reply) >= 0);
                if (input_u8(world->in) % 2)
                        dbus_value_append(world, reply, "bay");
                else
                        dbus_value_append_any(world, reply);
                (void)sd_bus_message_send(reply);
                (void)sd_bus_message_unref(reply);
                break;
        default:
                break; /* no answer: it thinks */
        }
        fail_resume(inside);
        return r < 0 ? r : 1;
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return 1;
}

static const sd_bus_vtable agent_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Ask", "a{sv}", "bay", on_ask, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Cancel", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int connect_to(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        PROMISE(fd >= 0 && strlen(path) < sizeof(address.sun_path));
        memcpy(address.sun_path, path, strlen(path) + 1);
        PROMISE(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
        return fd;
}

sd_bus *dbus_world_bus(DbusWorld *world, unsigned i)
{
        DbusClient *client = world->clients + i;
        sd_bus *bus;
        int fd;

        if (i == DBUS_BROKER || (client->bus && sd_bus_is_open(client->bus) > 0))
                return client->bus;
        dbus_world_disconnect(world, i);
        fd = connect_to(doors_socket_path(world->daemon));
        PROMISE(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fd, fd) >= 0 && sd_bus_start(bus) >= 0);
        PROMISE(sd_bus_attach_event(bus, world->daemon->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        PROMISE(sd_bus_add_filter(bus, NULL, on_any, client) >= 0);
        PROMISE(sd_bus_add_object_vtable(bus, NULL, "/agent", KEYFOB_AGENT_INTERFACE, agent_vtable, client) >= 0);
        *client = (DbusClient){.world = world, .bus = bus};
        return bus;
}

void dbus_world_join(DbusWorld *world, unsigned i, sd_bus *bus)
{
        world->clients[i] = (DbusClient){.world = world, .bus = bus};
}

void dbus_world_disconnect(DbusWorld *world, unsigned i)
{
        DbusClient *client = world->clients + i;

        if (client->bus) {
                (void)sd_bus_detach_event(client->bus);
                client->bus = sd_bus_close_unref(client->bus);
        }
        client->waiting = 0;
}

void dbus_world_call(DbusWorld *world, unsigned i, sd_bus_message *call)
{
        DbusClient *client = world->clients + i;

        if (i == DBUS_BROKER) {
                (void)sd_bus_message_set_sender(call, ":1.9");
                (void)sd_bus_message_set_destination(call, ":1.1");
        }
        /* A message with descriptors would wait for the end of the handshake, whose other side is us. */
        if (client->bus && sd_bus_is_ready(client->bus) <= 0 && strchr(sd_bus_message_get_signature(call, 1), 'h')) {
                dbus_world_run(world);
                if (sd_bus_is_ready(client->bus) <= 0) {
                        (void)sd_bus_message_unref(call);
                        return;
                }
        }
        if (client->bus && sd_bus_call_async(client->bus, NULL, call, on_reply, client, UINT64_MAX) >= 0)
                client->waiting++;
        (void)sd_bus_message_unref(call);
}

void dbus_world_register_agent(DbusWorld *world, bool session)
{
        sd_bus *bus = dbus_world_bus(world, 0);
        sd_bus_message *call = NULL;

        PROMISE(sd_bus_message_new_method_call(bus, &call, NULL, KEYFOB_PATH, KEYFOB_PROMPTER_INTERFACE,
                                               "RegisterAgent") >= 0);
        PROMISE(sd_bus_message_append(call, "oa{sv}", "/agent", 1, "session", "b", session) >= 0);
        dbus_world_call(world, 0, call);
}

void dbus_world_run(DbusWorld *world)
{
        unsigned turns = 0;
        int r;

        do {
                do {
                        PROMISE(turns++ < TURNS_MAX);
                        clock_pass(TURN_USEC);
                        fail_enter();
                        r = world->ended ? 0 : sd_event_run(world->daemon->event, 0);
                        fail_leave();
                        PROMISE(r >= 0);
                        world->failed |= fail_happened();
                        if (sd_event_get_state(world->daemon->event) == SD_EVENT_FINISHED) {
                                PROMISE(world->failed && vault_is_broken(world->daemon->vault));
                                world->ended = true;
                                r = 0;
                        }
                } while (r > 0);
        } while (read_requests(world));
}

/* ---- life ---- */

/* The base without the slots that open by themselves. */
static const uint8_t *locked_image(const Base *base, size_t *ret_size)
{
        static uint8_t *image;
        static size_t size;
        _cleanup_(vault_freep) Vault *vault = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        _cleanup_(slot_list_done) SlotList list = {0};
        const uint8_t *data;
        char path[96];

        *ret_size = size;
        if (image)
                return image;
        (void)snprintf(path, sizeof(path), "%s/locked.db", memory_vfs_dir());
        memory_vfs_put(path, base->image, base->size);
        PROMISE(vault_open(path, &vault, NULL) == 0);
        root = base_root(vault, 0);
        PROMISE(root && vault_unlock(vault, root, 0) == 0 && vault_slots(vault, &list) == 0);
        for (size_t i = 0; i < list.n; i++)
                if (slot_kind(list.slots[i]) == SLOT_NONE && slot_collection(list.slots[i]) == 0)
                        PROMISE(vault_slot_remove(vault, root, slot_id(list.slots[i])) == 0);
        for (unsigned i = 9; i < 11; i++)
                PROMISE(ITEM_ID_COLLECTION(base->items[i].id) == 3);
        PROMISE(vault_collection_delete(vault, 3) == 0); /* its own slot opens by itself */
        vault = vault_free(vault);
        data = memory_vfs_get(path, &size);
        image = malloc(size);
        PROMISE(image);
        memcpy(image, data, size);
        memory_vfs_clear();
        *ret_size = size;
        return image;
}

const uint8_t *dbus_world_image(bool locked, size_t *ret_size)
{
        const Base *base = base_get();

        if (locked)
                return locked_image(base, ret_size);
        *ret_size = base->size;
        return base->image;
}

static void set_places(void)
{
        static const char *const names[] = {"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
                                            "HOME"};

        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                PROMISE(setenv(names[i], memory_vfs_dir(), 1) == 0);
        PROMISE(unsetenv("DBUS_SESSION_BUS_ADDRESS") == 0);
}

DbusWorld *dbus_world_new(DbusVault vault, bool pinentry, bool session, Input *in)
{
        DbusWorld *world;
        const uint8_t *image;
        char path[96];
        pid_t pid = 0;
        size_t size;

        PROMISE(arena_init() >= 0);
        fail_at(0);
        fail_stand_in(true);
        clock_hold(true);
        set_places();
        dice_reset(0);
        (void)dbus_world_image(/* locked= */ true, &size);
        dice_reset(2);

        world = calloc(1, sizeof(*world));
        PROMISE(world);
        *world = (DbusWorld){.helper = -1, .in = in, .knows = vault != DBUS_VAULT_PASSWORD};
        (void)snprintf(path, sizeof(path), "%s/vault.db", memory_vfs_dir());
        if (vault != DBUS_VAULT_ABSENT) {
                image = dbus_world_image(vault == DBUS_VAULT_PASSWORD, &size);
                memory_vfs_put(path, image, size);
        }
        if (session)
                world->broker = dbus_broker_new(world);
        PROMISE(daemon_new(&(DaemonOptions){.vault_path = path, .use_bus = session}, &world->daemon, &pid) >= 0);
        if (session)
                dbus_broker_attach(world->broker);
        world->helper = dbus_stubs_helper();
        world->person = pinentry ? DBUS_RIGHT : DBUS_ERROR;
        dbus_world_help(world); /* PROBE */
        dbus_world_run(world);
        return world;
}

/* What was written to the file: it is in order. Nothing has to be looked for in one that the daemon only read. */
static void check_vault(void)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        VaultReport report;
        char path[96], wal[104];
        size_t size;

        (void)snprintf(path, sizeof(path), "%s/vault.db", memory_vfs_dir());
        (void)snprintf(wal, sizeof(wal), "%s-wal", path);
        if (!memory_vfs_get(path, &size) || !memory_vfs_get(wal, &size) || size == 0 || memory_vfs_seen(0))
                return;
        PROMISE(vault_open(path, &vault, NULL) == 0);
        root = base_root(vault, 0);
        if (!root)
                return;
        PROMISE(vault_unlock(vault, root, 0) == 0);
        PROMISE(vault_check(vault, /* accept= */ false, NULL, NULL, &report) == 0);
        PROMISE(report.damaged == 0 && report.index_missing == 0 && report.index_extra == 0 &&
                report.collections_tampered == 0);
}

void dbus_world_free(DbusWorld *world)
{
        for (unsigned i = 0; i <= DBUS_BROKER; i++)
                dbus_world_disconnect(world, i);
        world->broker = dbus_broker_free(world->broker);
        fail_enter();
        world->daemon = daemon_free(world->daemon);
        fail_leave();
        fail_at(0);
        if (world->helper >= 0)
                (void)close(world->helper);
        if (!world->foreign)
                check_vault();
        free(world);
        memory_vfs_clear();
        clock_hold(false);
}
