/*
 * Random strings find nothing, so most come from lists: names of options with the type that each has, words that mean something, and
 * what replies have said.
 */
#include "fuzz/dbus-value.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define ITEMS_MAX 4U   /* of an array, usually */
#define MANY      300U /* of one that is long */
#define DEPTH_MAX 6U

typedef struct Option {
        const char *name, *type;
} Option;

static const Option options[] = {
        {"abandon-sealed", "b"}, {"alias", "s"}, {"auth", "ay"}, {"collection", "s"}, {"confirmed", "b"},
        {"credential", "ay"}, {"deleted", "b"}, {"content_type", "s"}, {"drop", "b"}, {"interactive", "b"}, {"key", "s"},
        {"kdf_memory", "u"}, {"kdf_ms", "u"}, {"kdf_passes", "u"}, {"kind", "s"}, {"label", "s"}, {"limit", "u"},
        {"new", "ay"}, {"old", "ay"}, {"own_password", "b"}, {"own_secret", "ay"}, {"path", "s"}, {"pcrs", "u"},
        {"pin", "ay"}, {"rp-id", "s"}, {"secret", "ay"}, {"secrets", "aay"}, {"slot", "s"}, {"touch", "b"},
        {"user-display-name", "s"}, {"user-name", "s"}, {"uv", "b"}, {"with-pin", "b"}, {"session", "b"},
        /* of the Secret Service */
        {"org.freedesktop.Secret.Item.Label", "s"}, {"org.freedesktop.Secret.Item.Attributes", "a{ss}"},
        {"org.freedesktop.Secret.Item.Type", "s"}, {"org.freedesktop.Secret.Collection.Label", "s"},
        /* of the security key and of ssh */
        {"always-uv", "b"}, {"enterprise-attestation", "b"}, {"attestation", "b"}, {"keys", "s"}, {"min-pin-length", "u"},
        {"force-pin-change", "b"}, {"algorithms", "as"}, {"seal", "b"}, {"type", "s"}, {"comment", "s"}, {"bits", "u"},
        {"confirm", "s"}, {"hosts", "as"}, {"programs", "as"}, {"application", "s"}, {"resident", "b"},
        {"verify-required", "b"}, {"no-touch-required", "b"}, {"device", "s"}, {"user", "s"}, {"self", "b"},
};

/* That came later have numbers of their own, so that inputs go on saying what they said. */
#define OPTIONS_LATER 192U
static const Option later[] = {
        {"accept", "b"}, {"program", "s"}, {"service", "s"}, {"since", "t"}, {"username", "s"}, {"interactive", "b"},
        {"confirmed", "b"}, {"secret", "ay"}, {"limit", "u"}, {"verify", "b"},
};

static const char *const words[] = {
        "", "default", "Default", "session", "login", "/", "/work", "web", "mail", "service", "k", "1", "3", "user",
        "xdg:schema", VAULT_GENERIC_SCHEMA, "org.example.Login", "plain", "dh-ietf1024-sha256-aes128-cbc-pkcs7",
        "text/plain", "password", "none", "recovery", "credential", "fido2", "tpm2", "vault", "self", "ed25519", "ecdsa",
        "rsa", "ed25519-sk", "allow", "ask", "never", "software", "tpm", "right-thumb", BASE_PASSWORD, "wrong", "New one",
        "label", "org.freedesktop.Secret.Item", "org.freedesktop.Secret.Collection", "org.freedesktop.Secret.Service",
        "org.freedesktop.secrets", "Label", "Attributes", "Collections", "Items", "Locked", "Created", "Modified",
        "type='signal'", "type='signal',path_namespace='/org'", ":1.1", "org.keyfob.Daemon", "/nowhere/key",
        "\xc3\xbc\xe2\x82\xac", "a,b=c;\t", "*.example.org", "SHA256:",
        /* whom rules are about, and what they say */
        "any", "sandboxed", "unknown", "flatpak:org.example.App", "snap:example", "/usr/bin/program", "app-*.scope",
        "snap.example.program-1.scope", "deny", "username",
};

static const char *const paths[] = {
        SECRETS_PATH "/collection/Default", SECRETS_PATH, KEYFOB_PATH, "/org/freedesktop/DBus",
        SECRETS_PATH "/aliases/default", SECRETS_PATH "/collection/Second", SECRETS_PATH "/collection/session",
        SECRETS_PATH "/collection/Default/1", SECRETS_PATH "/collection/Default/2",
        SECRETS_PATH "/collection/Second/1", SECRETS_PATH "/collection/Gone", "/", "/agent",
        SECRETS_PATH "/session/s1", SECRETS_PATH "/prompt/p1", SECRETS_PATH "/collection/Default/999999999999999999999",
        SECRETS_PATH "/session/s99", SECRETS_PATH "/collection", SECRETS_PATH "/collection/It_s_own",
};

const char *dbus_value_path(DbusWorld *world, Input *in)
{
        unsigned i = input_u8(in);

        if (i % 2 && world->n_paths > 0)
                return world->paths[i / 2 % world->n_paths];
        return paths[i / 2 % ELEMENTSOF(paths)];
}

static const char *choose_word(DbusWorld *world, Input *in, char buffer[70001])
{
        unsigned i = input_u8(in);
        const uint8_t *bytes;
        size_t size;

        if (i < 128) {
                if (strcmp(words[i % ELEMENTSOF(words)], BASE_PASSWORD) == 0)
                        world->knows = true;
                return words[i % ELEMENTSOF(words)];
        }
        if (i < 192 && world->n_words > 0)
                return world->words[i % world->n_words];
        if (i >= 250) {
                size = (const size_t[]){255, 300, 4097, 8193, 9000, 70000}[i - 250];
                memset(buffer, 'x', size);
        } else {
                bytes = input_bytes(in, 64, &size);
                for (size_t k = 0; k < size; k++)
                        buffer[k] = (char)(bytes[k] % 95 + 32);
        }
        buffer[size] = 0;
        return buffer;
}

static void append_bytes(DbusWorld *world, sd_bus_message *m, Input *in)
{
        static uint8_t large[70000];
        unsigned how = input_u8(in);
        const uint8_t *bytes;
        size_t size;

        if (how < 96) {
                world->knows = true;
                (void)sd_bus_message_append_array(m, 'y', BASE_PASSWORD, strlen(BASE_PASSWORD));
        } else if (how < 112) {
                (void)sd_bus_message_append_array(m, 'y', "1234", 4);
        } else if (how < 128) {
                (void)sd_bus_message_append_array(m, 'y', "a key file of some thirty-two bytes", 35);
        } else if (how < 144) {
                memset(large, 0x42, sizeof(large));
                (void)sd_bus_message_append_array(m, 'y', large,
                                                  (const size_t[]){16, 32, 128, 4097, 70000, 0, 64, 65}[how % 8]);
        } else {
                bytes = input_bytes(in, 200, &size);
                (void)sd_bus_message_append_array(m, 'y', bytes, size);
        }
}

/* The length of the first complete type; 0: there is none. */
static size_t type_size(const char *s)
{
        size_t n = 1, depth = 1;

        if (*s == 'a') {
                size_t inner = type_size(s + 1);

                return inner > 0 ? inner + 1 : 0;
        }
        if (*s != '(' && *s != '{')
                return *s && strchr("ybnqiuxtdsogvh", *s) ? 1 : 0;
        for (; depth > 0 && s[n]; n++) {
                depth += s[n] == '(' || s[n] == '{';
                depth -= s[n] == ')' || s[n] == '}';
        }
        return depth == 0 ? n : 0;
}

static bool append(DbusWorld *world, sd_bus_message *m, const char *signature, unsigned depth);

/* A secret for the last session that was opened, mostly: of a kind that goes with it. */
static bool append_secret(DbusWorld *world, sd_bus_message *m)
{
        static uint8_t bytes[64];
        unsigned how = input_u8(world->in);
        const char *path = NULL;
        bool r;

        for (unsigned i = world->n_paths; !path && i > 0; i--)
                if (strstr(world->paths[i - 1], "/session/"))
                        path = world->paths[i - 1];
        if (!path || how >= 224)
                path = dbus_value_path(world, world->in);
        memset(bytes, how, sizeof(bytes));
        bytes[sizeof(bytes) - 1] = 3;
        r = sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, "oayays") >= 0 &&
            sd_bus_message_append(m, "o", path) >= 0 &&
            sd_bus_message_append_array(m, 'y', bytes, how & 1 ? 16 : 0) >= 0 &&
            sd_bus_message_append_array(m, 'y', bytes, sizeof(bytes)) >= 0;
        return r && append(world, m, "s", 1) && sd_bus_message_close_container(m) >= 0;
}

static bool append_container(DbusWorld *world, sd_bus_message *m, char type, const char *contents, unsigned depth)
{
        return sd_bus_message_open_container(m, type, contents) >= 0 && append(world, m, contents, depth + 1) &&
               sd_bus_message_close_container(m) >= 0;
}

static bool append_option(DbusWorld *world, sd_bus_message *m, unsigned depth)
{
        Input *in = world->in;
        static char buffer[70001];
        unsigned i = input_u8(in);
        const Option *option = i < OPTIONS_LATER ? options + i % ELEMENTSOF(options) : later + i % ELEMENTSOF(later);
        const char *type = option->type;

        if (sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv") < 0)
                return false;
        if (i >= 248)
                type = (const char *[]){"y", "as", "v", "o", "(ss)", "t", "a{sv}", "x"}[i - 248];
        if (sd_bus_message_append(m, "s", i == 255 ? choose_word(world, in, buffer) : option->name) < 0)
                return false;
        return append_container(world, m, SD_BUS_TYPE_VARIANT, type, depth) && sd_bus_message_close_container(m) >= 0;
}

/* Attributes that items have, mostly. */
static bool append_attribute(DbusWorld *world, sd_bus_message *m, unsigned depth)
{
        static const char *const pairs[][2] = {{"service", "web"}, {"service", "mail"}, {"k", "1"}, {"k", "2"},
                                               {"user", "a"}, {"xdg:schema", VAULT_GENERIC_SCHEMA},
                                               {"xdg:schema", "org.example.Login"}, {"user", "b"}};
        unsigned i = input_u8(world->in);

        if (i >= 208)
                return append(world, m, "{ss}", depth + 1);
        return sd_bus_message_append(m, "{ss}", pairs[i % ELEMENTSOF(pairs)][0], pairs[i % ELEMENTSOF(pairs)][1]) >= 0;
}

static bool append_array(DbusWorld *world, sd_bus_message *m, const char *type, unsigned depth)
{
        unsigned n = input_u8(world->in);

        if (strcmp(type, "y") == 0) {
                append_bytes(world, m, world->in);
                return true;
        }
        n = n == 255 && depth < 2 ? MANY : depth >= DEPTH_MAX ? 0 : n % (ITEMS_MAX + 1);
        if (sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, type) < 0)
                return false;
        for (; n > 0; n--)
                if (!(strcmp(type, "{sv}") == 0   ? append_option(world, m, depth)
                      : strcmp(type, "{ss}") == 0 ? append_attribute(world, m, depth)
                                                  : append(world, m, type, depth + 1)))
                        return false;
        return sd_bus_message_close_container(m) >= 0;
}

/* To write a backup to, or to read one from; by the input whole, damaged, or something else. */
static int open_file(DbusWorld *world, unsigned how)
{
        enum { NO_FILE, NO_FILE_TOO, EMPTY, EMPTY_TOO, WHOLE, WHOLE_TOO, DAMAGED, GARBAGE };
        unsigned what = how % 8;
        bool locked = how / 8 % 2;
        const uint8_t *image = (const uint8_t *)"";
        size_t size = 0;
        int fd;

        if (what <= NO_FILE_TOO)
                return open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (what == GARBAGE)
                image = input_bytes(world->in, 200, &size);
        else if (what >= WHOLE)
                image = dbus_world_image(locked, &size);
        fd = memfd_create("backup", MFD_CLOEXEC);
        PROMISE(fd >= 0 && (size == 0 || pwrite(fd, image, size, 0) == (ssize_t)size));
        if (what < WHOLE || what == GARBAGE)
                return fd;
        world->knows |= !locked;
        world->foreign |= what == DAMAGED;
        for (unsigned n = what == DAMAGED ? 1 + input_u8(world->in) % 4 : 0; n > 0; n--) {
                size_t at = input_u32(world->in) % size;
                uint8_t byte = (uint8_t)(image[at] ^ (input_u8(world->in) | 1));

                PROMISE(pwrite(fd, &byte, 1, (off_t)at) == 1);
        }
        return fd;
}

static bool append_basic(DbusWorld *world, sd_bus_message *m, char type)
{
        static const uint64_t numbers[] = {0, 1, 2, 3, 8, 4096, 65536, UINT32_MAX, UINT64_MAX, INT64_MAX};
        static char buffer[70001];
        Input *in = world->in;
        uint64_t value = input_u8(in);
        int b, fd, r;

        switch (type) {
        case 's':
                return sd_bus_message_append_basic(m, type, choose_word(world, in, buffer)) >= 0;
        case 'o':
                return sd_bus_message_append_basic(m, type, dbus_value_path(world, in)) >= 0;
        case 'g':
                return sd_bus_message_append_basic(m, type, value % 2 ? "a{sv}" : "s") >= 0;
        case 'b':
                b = value % 2;
                return sd_bus_message_append_basic(m, type, &b) >= 0;
        case 'h':
                fd = open_file(world, (unsigned)value);
                r = sd_bus_message_append_basic(m, type, &fd);
                (void)close(fd);
                return r >= 0;
        default:
                if (type == 't' && value >= 64 && value < 128)
                        value -= 64; /* a version, maybe */
                else
                        value = value < 128 ? numbers[value % ELEMENTSOF(numbers)] : value;
                return sd_bus_message_append_basic(m, type, &value) >= 0;
        }
}

static bool append(DbusWorld *world, sd_bus_message *m, const char *signature, unsigned depth)
{
        static const char *const variants[] = {"s", "b", "u", "ay", "a{ss}", "as", "o", "a{sv}"};
        size_t n;

        for (; (n = type_size(signature)) > 0; signature += n) {
                char type[256];
                bool done;

                if (n >= sizeof(type) || depth > 2 * DEPTH_MAX)
                        return false;
                memcpy(type, signature, n);
                type[n] = 0;
                switch (type[0]) {
                case 'a':
                        done = append_array(world, m, type + 1, depth);
                        break;
                case 'v':
                        done = append_container(world, m, SD_BUS_TYPE_VARIANT,
                                                depth >= DEPTH_MAX ? "s"
                                                                   : variants[input_u8(world->in) % ELEMENTSOF(variants)],
                                                depth);
                        break;
                case '(':
                        if (strcmp(type, "(oayays)") == 0) {
                                done = append_secret(world, m);
                                break;
                        }
                        __attribute__((fallthrough));
                case '{':
                        type[n - 1] = 0;
                        done = append_container(world, m, type[0] == '(' ? SD_BUS_TYPE_STRUCT : SD_BUS_TYPE_DICT_ENTRY,
                                                type + 1, depth);
                        break;
                default:
                        done = append_basic(world, m, type[0]);
                }
                if (!done)
                        return false;
        }
        return true;
}

void dbus_value_append(DbusWorld *world, sd_bus_message *m, const char *signature)
{
        (void)append(world, m, signature, 0);
}

void dbus_value_append_any(DbusWorld *world, sd_bus_message *m)
{
        static const char *const signatures[] = {
                "", "s", "a{ss}", "a{sv}", "o", "ao", "ay", "(oayays)", "a{sv}(oayays)b", "v", "as", "sv", "ssv", "a{sv}s",
                "u", "t", "aay", "a(osa{ss}ttb)", "h", "aaaaas", "a{s(oayays)}", "b", "bs", "bay", "aoa{sv}",
        };

        (void)append(world, m, signatures[input_u8(world->in) % ELEMENTSOF(signatures)], 0);
}
