/*
 * What agents, prompters, pinentry and the helper answer
 *
 * The first byte chooses. Either one parser gets the rest: entries and failures of security keys, answers of the TPM, the desktop
 * prompter's messages. Or a call is made that has to ask, of a whole daemon (dbus-world.h), and the rest
 * is what everybody answers, in what order, whether that was asked or not.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/prompt-exchange.h"
#include "daemon/keys1-internal.h"
#include "daemon/tpm.h"
#include "fuzz/dbus-broker.h"
#include "fuzz/dbus-value.h"
#include "fuzz/dbus-world.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "helper/key.h"

#define TURNS_MAX 24U

/* ---- parsers ---- */

/* Messages can be made for a connection that never comes about. */
static sd_bus *bus_get(void)
{
        static sd_bus *bus;
        static int pair[2];

        if (bus)
                return bus;
        PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        PROMISE(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, pair[0], pair[0]) >= 0);
        PROMISE(sd_bus_set_server(bus, 1, (sd_id128_t){.bytes = {1}}) >= 0 && sd_bus_start(bus) >= 0);
        return bus;
}

static void entries(ByteReader *in)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        PROMISE(sd_bus_message_new_signal(bus_get(), &m, "/a", "a.b", "C") >= 0);
        r = keys1_append_entries(m, in);
        PROMISE(r <= 0);
        if (r == 0)
                PROMISE(in->size == 0 && sd_bus_message_seal(m, 1, 0) >= 0 && sd_bus_message_skip(m, "a{sv}") > 0);
}

static void failure(ByteReader *in)
{
        HelperResult result = (HelperResult)(byte_reader_u8(in) % (HELPER_PROGRESS + 1));
        sd_bus_error error = SD_BUS_ERROR_NULL;

        PROMISE(keys1_error(&error, result, in) < 0);
        PROMISE(error.name && error.message && utf8_valid(error.message, strlen(error.message)));
        sd_bus_error_free(&error);
}

static void facts(ByteReader *in)
{
        TpmFacts got;

        if (tpm_read_facts(in, &got) == 0)
                PROMISE(strlen(got.manufacturer) <= TPM_TEXT_MAX && strlen(got.firmware) <= TPM_TEXT_MAX);
}

static void made(ByteReader *in)
{
        uint8_t auth[TPM_AUTH_SIZE] = {0}, point[2 * TPM_COORDINATE_MAX];
        ByteWriter key = BYTE_WRITER_NULL;
        size_t size = 0;

        if (tpm_read_made(in, auth, &key, point, &size) == 0)
                PROMISE(!key.failed && key.size > 0 && size <= sizeof(point));
        byte_writer_done(&key);
}

static void prompter(ByteReader *in)
{
        _cleanup_(exchange_key_freep) ExchangeKey *key = NULL;
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_free_ char *text = strndup((const char *)in->data, in->size), *ours = NULL;
        const char *second;

        if (!text || prompt_exchange_answer(text, &ours, &key) != 0)
                return;
        PROMISE(ours && key);
        second = strchr(text, '\x01');
        if (prompt_exchange_open(key, second ? second + 1 : text, &secret) == 0)
                PROMISE(secret && secret->size <= PROMPT_EXCHANGE_MAX);
}

static void (*const parsers[])(ByteReader *in) = {entries, failure, facts, made, prompter};

/* ---- a daemon that asks ---- */

static void call(DbusWorld *world, const char *interface, const char *member, const char *types, ...)
{
        sd_bus_message *m = NULL;
        va_list ap;

        PROMISE(sd_bus_message_new_method_call(dbus_world_bus(world, 0), &m, NULL, KEYFOB_PATH, interface, member) >= 0);
        va_start(ap, types);
        if (types)
                PROMISE(sd_bus_message_appendv(m, types, ap) >= 0);
        va_end(ap);
        dbus_world_call(world, 0, m);
}

static void make_credential(DbusWorld *world)
{
        /* authenticatorMakeCredential of CTAP 2.1, section 6.1: what is asked for by everybody */
        static const uint8_t bytes[] = {
                0x01, 0xa4, 0x01, 0x58, 0x20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                1, 1, 1, 1, 0x02, 0xa1, 0x62, 'i', 'd', 0x61, 'a', 0x03, 0xa2, 0x62, 'i', 'd', 0x41, 1, 0x64, 'n', 'a', 'm',
                'e', 0x61, 'n', 0x04, 0x81, 0xa2, 0x63, 'a', 'l', 'g', 0x26, 0x64, 't', 'y', 'p', 'e', 0x6a, 'p', 'u', 'b', 'l',
                'i', 'c', '-', 'k', 'e', 'y',
        };
        sd_bus_message *m = NULL;

        PROMISE(sd_bus_message_new_method_call(dbus_world_bus(world, 0), &m, NULL, KEYFOB_PATH,
                                               KEYFOB_AUTHENTICATOR_INTERFACE, "Transact") >= 0);
        PROMISE(sd_bus_message_append_array(m, 'y', bytes, sizeof(bytes)) >= 0);
        dbus_world_call(world, 0, m);
}

static void ask(DbusWorld *world, unsigned what)
{
        static const char *const of_keys[] = {"ListPasskeys", "ListFingers"};

        switch (what % 14) {
        case 0:
                call(world, KEYFOB_STORE_INTERFACE, "Unlock", "a{sv}", 0);
                break;
        case 1:
        case 2:
                call(world, KEYFOB_STORE_INTERFACE, "AddSlot", "a{sv}", 2, "kind", "s", what % 14 == 1 ? "fido2" : "tpm2",
                     "label", "s", "new");
                break;
        case 3:
                call(world, KEYFOB_KEYS_INTERFACE, "List", NULL);
                break;
        case 4:
                call(world, KEYFOB_KEYS_INTERFACE, "GetInfo", "s", "");
                break;
        case 5:
        case 6:
                call(world, KEYFOB_KEYS_INTERFACE, of_keys[what % 14 - 5], "sa{sv}", "", 0);
                break;
        case 7:
                call(world, KEYFOB_KEYS_INTERFACE, "EnrollFinger", "ssa{sv}", "", "thumb", 0);
                break;
        case 8:
                call(world, KEYFOB_KEYS_INTERFACE, "Reset", "s", "");
                break;
        case 9:
                call(world, KEYFOB_SSH_INTERFACE, "AddKey", "a{sv}", 1, "type", "s", "ed25519-sk");
                break;
        case 10:
                make_credential(world);
                break;
        case 11:
                call(world, KEYFOB_STORE_INTERFACE, "AddSlot", "a{sv}", 1, "kind", "s", "password");
                break;
        case 12:
                call(world, KEYFOB_STORE_INTERFACE, "Init", "a{sv}", 0);
                break;
        default:
                call(world, KEYFOB_AUTHENTICATOR_INTERFACE, "SetPolicy", "a{sv}a{sv}", 1, "keys", "s", "tpm", 0);
        }
}

/* One packet, that was asked for or not. */
static void answer(DbusWorld *world, Input *in)
{
        uint32_t id = 0;
        uint8_t operation = 0;
        const uint8_t *fields;
        size_t size;
        unsigned how = input_u8(in);

        if (!dbus_world_take(world, &id, &operation) || how >= 250)
                id = input_u8(in);
        if (world->helper < 0)
                return;
        fields = input_bytes(in, 250, &size);
        dbus_world_reply(world, id, how < 128 ? HELPER_OK : (uint8_t)(how % 7), fields, size);
}

static void life(Input *in)
{
        uint8_t how = input_u8(in), mood;
        DbusWorld *world;

        mood = input_u8(in);
        world = dbus_world_new((DbusVault)(how % _DBUS_VAULT_MAX), how & 4, /* session= */ mood & 64, in);
        if (how & 8)
                dbus_world_register_agent(world, how & 16);
        world->agent = (DbusMood)(mood % _DBUS_MOOD_MAX);
        if (mood >= 128)
                world->program = (DbusProgram)(mood / _DBUS_MOOD_MAX % _DBUS_PROGRAM_MAX);
        ask(world, how >> 4);
        for (unsigned i = 0; i < TURNS_MAX && input_more(in); i++) {
                unsigned what = input_u8(in);

                dbus_world_run(world);
                switch (what % 8) {
                case 0:
                        world->agent = (DbusMood)(what / 8 % _DBUS_MOOD_MAX);
                        break;
                case 1:
                        world->person = (DbusMood)(what / 8 % _DBUS_MOOD_MAX);
                        dbus_world_help(world);
                        break;
                case 2:
                        ask(world, what / 8);
                        break;
                case 3:
                        if (what >= 240)
                                dbus_world_disconnect(world, 0);
                        else if (what >= 160 && world->broker)
                                dbus_broker_step(world->broker, in);
                        else
                                fail_at(what / 8 * 7U);
                        break;
                default:
                        answer(world, in);
                }
        }
        dbus_world_run(world);
        fail_at(0);
        dbus_world_free(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = {data, size};
        uint8_t what = input_u8(&in);
        ByteReader reader = BYTE_READER(in.data, in.size);

        PROMISE(arena_init() >= 0);
        fail_stand_in(true);
        if (what < 128) {
                (void)bus_get();
                fail_at(what / ELEMENTSOF(parsers));
                fail_enter();
                parsers[what % ELEMENTSOF(parsers)](&reader);
                fail_leave();
        } else {
                life(&in);
        }
        return 0;
}
