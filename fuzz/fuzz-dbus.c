/*
 * Programs that call every method of every object, two at a time, with whatever arguments
 *
 * An input is a program: calls whose method is one that the daemon's own introspection tells of and whose arguments are made by its
 * signature (or by another one), answers of agents and of the helper, clients that go in the middle, memory and disk that fail.
 *
 * What must hold: each call has one answer at most, errors have the names of PROTOCOL.md, and nobody sees a secret of a vault for which
 * no secret was given. At the end nothing fails any more: the daemon answers a call, ends, and its vault is in order.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz/clock.h"
#include "fuzz/dbus-broker.h"
#include "fuzz/dbus-value.h"
#include "fuzz/dbus-world.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"

#define STEPS_MAX   32U
#define METHODS_MAX 256U

typedef struct Method {
        char interface[64], member[48], signature[64];
        uint16_t place; /* on a ring: an input says the same when other methods come */
} Method;

typedef struct Property {
        char interface[64], member[48], signature[16];
} Property;

static Method methods[METHODS_MAX];
static unsigned n_methods;
static Property properties[METHODS_MAX];
static unsigned n_properties;

/* ---- what there is to call ---- */

static uint16_t place_of(const char *a, const char *b)
{
        uint32_t h = 2166136261U;

        for (; *a; a++)
                h = (h ^ (uint8_t)*a) * 16777619U;
        for (; *b; b++)
                h = (h ^ (uint8_t)*b) * 16777619U;
        return (uint16_t)(h ^ h >> 16);
}

/* The value of an attribute of the XML element at `p`. */
static bool attribute(const char *p, const char *name, char *ret, size_t size)
{
        const char *end = strchr(p, '>'), *found;
        char wanted[24];
        int n = snprintf(wanted, sizeof(wanted), " %s=\"", name);
        size_t length;

        found = strstr(p, wanted);
        if (!end || !found || found > end)
                return false;
        found += n;
        length = strcspn(found, "\"");
        if (length >= size)
                return false;
        memcpy(ret, found, length);
        ret[length] = 0;
        return true;
}

static bool known_already(const char *interface)
{
        for (unsigned i = 0; i < n_methods; i++)
                if (strcmp(methods[i].interface, interface) == 0)
                        return true;
        return false;
}

static void read_interface(const char *p, const char *end, const char *interface)
{
        Method *method = NULL;
        char direction[8], type[48];

        for (p = strchr(p + 1, '<'); p && p < end; p = strchr(p + 1, '<')) {
                if (strncmp(p, "<method ", 8) == 0) {
                        PROMISE(n_methods < METHODS_MAX);
                        method = methods + n_methods++;
                        (void)snprintf(method->interface, sizeof(method->interface), "%s", interface);
                        PROMISE(attribute(p, "name", method->member, sizeof(method->member)));
                        method->place = place_of(method->interface, method->member);
                } else if (method && strncmp(p, "<arg ", 5) == 0 &&
                           (!attribute(p, "direction", direction, sizeof(direction)) || strcmp(direction, "in") == 0)) {
                        PROMISE(attribute(p, "type", type, sizeof(type)));
                        PROMISE(strlen(method->signature) + strlen(type) < sizeof(method->signature));
                        strcat(method->signature, type);
                } else if (strncmp(p, "<signal ", 8) == 0) {
                        method = NULL;
                } else if (strncmp(p, "<property ", 10) == 0) {
                        Property *property = properties + n_properties++;

                        PROMISE(n_properties <= METHODS_MAX);
                        method = NULL;
                        (void)snprintf(property->interface, sizeof(property->interface), "%s", interface);
                        PROMISE(attribute(p, "name", property->member, sizeof(property->member)));
                        PROMISE(attribute(p, "type", property->signature, sizeof(property->signature)));
                }
        }
}

static int on_introspected(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const char *xml, *end;
        char interface[64];

        PROMISE(!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "s", &xml) > 0);
        for (xml = strstr(xml, "<interface "); xml; xml = strstr(xml + 1, "<interface ")) {
                end = strstr(xml, "</interface>");
                PROMISE(end && attribute(xml, "name", interface, sizeof(interface)));
                if (!known_already(interface))
                        read_interface(xml, end, interface);
        }
        return 0;
}

static int by_place(const void *a, const void *b)
{
        const Method *one = a, *other = b;

        return one->place != other->place ? (int)one->place - (int)other->place : strcmp(one->member, other->member);
}

static int on_opened(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const char *path;

        PROMISE(sd_bus_message_read(reply, "vo", "s", NULL, &path) > 0);
        (void)snprintf(userdata, 128, "%s", path);
        return 0;
}

static int on_prompt(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const char *path;

        PROMISE(sd_bus_message_skip(reply, "ao") > 0 && sd_bus_message_read(reply, "o", &path) > 0);
        (void)snprintf(userdata, 128, "%s", path);
        return 0;
}

/* Asked of a daemon that has one of each kind of object. */
static void introspect(void)
{
        char session[128] = "/", prompt[128] = "/";
        const char *paths[] = {SECRETS_PATH, KEYFOB_PATH, "/org/freedesktop/DBus", SECRETS_PATH "/collection/Default",
                               SECRETS_PATH "/collection/Default/1", session, prompt};
        Input none = {0};
        DbusWorld *world = dbus_world_new(DBUS_VAULT_PASSWORD, false, /* session= */ false, &none);
        sd_bus *bus = dbus_world_bus(world, 0);

        PROMISE(sd_bus_call_method_async(bus, NULL, NULL, SECRETS_PATH, SECRETS_SERVICE, "OpenSession", on_opened, session,
                                         "sv", "plain", "s", "") >= 0);
        PROMISE(sd_bus_call_method_async(bus, NULL, NULL, SECRETS_PATH, SECRETS_SERVICE, "Unlock", on_prompt, prompt, "ao",
                                         1, SECRETS_PATH "/collection/Default") >= 0);
        dbus_world_run(world);
        for (unsigned i = 0; i < ELEMENTSOF(paths); i++)
                PROMISE(sd_bus_call_method_async(bus, NULL, NULL, paths[i], "org.freedesktop.DBus.Introspectable",
                                                 "Introspect", on_introspected, NULL, NULL) >= 0);
        dbus_world_run(world);
        dbus_world_free(world);
        qsort(methods, n_methods, sizeof(methods[0]), by_place);
        PROMISE(known_already(SECRETS_SESSION) && known_already(SECRETS_PROMPT) && known_already(SECRETS_ITEM) &&
                known_already(SECRETS_COLLECTION) && known_already(KEYFOB_STORE_INTERFACE) &&
                known_already(KEYFOB_PROMPTER_INTERFACE) && known_already(KEYFOB_AUTHENTICATOR_INTERFACE) &&
                known_already(KEYFOB_KEYS_INTERFACE) && known_already(KEYFOB_SSH_INTERFACE) &&
                known_already("org.freedesktop.DBus") && n_properties > 0);
}

static const Method *find_method(uint16_t place)
{
        for (unsigned i = 0; i < n_methods; i++)
                if (methods[i].place >= place)
                        return methods + i;
        return methods;
}

/* ---- calls ---- */

/* Where an interface is at home, or by the input elsewhere. */
static const char *path_for(DbusWorld *world, const char *interface, Input *in)
{
        static const struct {
                const char *interface, *path;
        } homes[] = {
                {"org.keyfob.", KEYFOB_PATH},
                {SECRETS_SERVICE, SECRETS_PATH},
                {"org.gnome.keyring.", SECRETS_PATH},
                {"org.freedesktop.DBus.", NULL}, /* everywhere */
                {"org.freedesktop.DBus", "/org/freedesktop/DBus"},
        };
        const char *part = NULL;

        for (unsigned i = 0; i < ELEMENTSOF(homes); i++)
                if (strncmp(interface, homes[i].interface, strlen(homes[i].interface)) == 0) {
                        if (!homes[i].path || input_u8(in) >= 248)
                                break;
                        return homes[i].path;
                }
        if (strcmp(interface, SECRETS_PROMPT) == 0)
                part = "/prompt/";
        else if (strcmp(interface, SECRETS_SESSION) == 0)
                part = "/session/";
        else if (strcmp(interface, SECRETS_ITEM) == 0)
                part = "/collection/";
        for (unsigned i = world->n_paths, skip = input_u8(in) % 4; part && i > 0; i--)
                if (strstr(world->paths[i - 1], part) && skip-- == 0)
                        return world->paths[i - 1];
        return dbus_value_path(world, in);
}

static void call_method(DbusWorld *world, unsigned client, Input *in)
{
        const Method *method = find_method(input_u16(in));
        sd_bus *bus = dbus_world_bus(world, client);
        sd_bus_message *m = NULL;
        unsigned how = input_u8(in);
        const Property *property;

        PROMISE(sd_bus_message_new_method_call(bus, &m, NULL, path_for(world, method->interface, in), method->interface,
                                               method->member) >= 0);
        if (strcmp(method->interface, "org.freedesktop.DBus.Properties") == 0 && how < 240) {
                property = properties + input_u8(in) % n_properties;
                (void)sd_bus_message_append(m, "s", property->interface);
                if (strcmp(method->member, "GetAll") != 0)
                        (void)sd_bus_message_append(m, "s", property->member);
                if (strcmp(method->member, "Set") == 0 &&
                    sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, how < 200 ? property->signature : "as") >= 0) {
                        dbus_value_append(world, m, how < 200 ? property->signature : "as");
                        (void)sd_bus_message_close_container(m);
                }
        } else if (how >= 240) {
                dbus_value_append_any(world, m);
        } else {
                dbus_value_append(world, m, method->signature);
                PROMISE(strcmp(sd_bus_message_get_signature(m, 1), method->signature) == 0);
        }
        dbus_world_call(world, client, m);
}

/* A session is what most of the Secret Service wants; so it is not left to chance. */
static void open_session(DbusWorld *world, unsigned client, Input *in)
{
        sd_bus *bus = dbus_world_bus(world, client);
        sd_bus_message *m = NULL;
        uint8_t key[128];

        PROMISE(sd_bus_message_new_method_call(bus, &m, NULL, SECRETS_PATH, SECRETS_SERVICE, "OpenSession") >= 0);
        if (input_u8(in) % 2) {
                memset(key, 1 + input_u8(in), sizeof(key));
                (void)sd_bus_message_append(m, "s", "dh-ietf1024-sha256-aes128-cbc-pkcs7");
                (void)sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "ay");
                (void)sd_bus_message_append_array(m, 'y', key, sizeof(key));
                (void)sd_bus_message_close_container(m);
        } else {
                (void)sd_bus_message_append(m, "sv", "plain", "s", "");
        }
        dbus_world_call(world, client, m);
}

static void listen_to_signals(DbusWorld *world, unsigned client)
{
        sd_bus *bus = dbus_world_bus(world, client);
        sd_bus_message *m = NULL;

        PROMISE(sd_bus_message_new_method_call(bus, &m, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                               "AddMatch") >= 0);
        (void)sd_bus_message_append(m, "s", "type='signal'");
        dbus_world_call(world, client, m);
}

/* ---- a program ---- */

/* Each step has bytes of its own, so that one that takes more or less of them leaves those that follow as they are. */
static void step(DbusWorld *world, Input *program)
{
        Input own, *in = &own;
        unsigned what, client;
        bool wait; /* others join before the daemon runs */

        own.data = input_bytes(program, UINT8_MAX, &own.size);
        world->in = in;
        what = input_u8(in);
        client = what / 128 % DBUS_CLIENTS;
        wait = what % 2;

        switch (what / 2 % 32) {
        case 0:
                fail_at(1U + input_u16(in) % 2000);
                break;
        case 1:
                world->agent = (DbusMood)(input_u8(in) % _DBUS_MOOD_MAX);
                break;
        case 2:
                world->person = (DbusMood)(input_u8(in) % _DBUS_MOOD_MAX);
                break;
        case 3:
                dbus_world_disconnect(world, client);
                break;
        case 4:
                open_session(world, client, in);
                break;
        case 5:
                listen_to_signals(world, client);
                break;
        case 6:
                dbus_world_register_agent(world, input_u8(in) % 2);
                break;
        case 7:
                dbus_world_help(world);
                world->program = (DbusProgram)(input_u8(in) % _DBUS_PROGRAM_MAX);
                break;
        case 27:
                dbus_broker_step(world->broker, in);
                break;
        case 28:
        case 29:
                call_method(world, world->clients[DBUS_BROKER].bus ? DBUS_BROKER : client, in);
                break;
        case 30:
                clock_pass((uint64_t)1000 << input_u8(in) % 24); /* up to hours */
                break;
        default:
                call_method(world, client, in);
        }
        if (!wait) {
                dbus_world_run(world);
                dbus_world_help(world);
                dbus_world_run(world);
        }
        world->in = program;
}

static int on_pong(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        *(bool *)userdata = !sd_bus_message_is_method_error(reply, NULL);
        return 0;
}

/* With nothing that fails any more, a new client gets its answers, also the one for which it has to be identified. */
static void check_alive(DbusWorld *world)
{
        bool alive = false, known = false;

        dbus_world_run(world);
        if (world->ended)
                return;
        fail_at(0);
        world->person = DBUS_DENY;
        world->program = DBUS_ORDINARY;
        dbus_world_run(world);
        dbus_world_help(world);
        dbus_world_run(world);
        dbus_world_disconnect(world, 1);
        PROMISE(sd_bus_call_method_async(dbus_world_bus(world, 1), NULL, NULL, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Status",
                                         on_pong, &alive, NULL) >= 0);
        PROMISE(sd_bus_call_method_async(dbus_world_bus(world, 1), NULL, NULL, SECRETS_PATH, SECRETS_SERVICE, "OpenSession",
                                         on_pong, &known, "sv", "plain", "s", "") >= 0);
        dbus_world_run(world);
        PROMISE(alive && known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = {data, size};
        DbusWorld *world;
        uint8_t how;

        if (n_methods == 0)
                introspect();
        how = input_u8(&in);
        world = dbus_world_new((DbusVault)(how % _DBUS_VAULT_MAX), how & 8, /* session= */ how & 64, &in);
        if (how & 16)
                dbus_world_register_agent(world, how & 32);
        for (unsigned i = 0; i < STEPS_MAX && input_more(&in) && !world->ended; i++)
                step(world, &in);
        check_alive(world);
        dbus_world_free(world);
        return 0;
}
