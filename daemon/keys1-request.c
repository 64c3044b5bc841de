/*
 * Keys1: a call's arguments as the helper's request
 *
 * All operations have one form there (helper/key.h), so one struct takes whatever a method has. Secrets stay in the message,
 * which is wiped, until they are written into the request, which is wiped, too.
 */
#include <errno.h>
#include <string.h>

#include "daemon/keys1-internal.h"
#include "daemon/store1-internal.h"

typedef struct Bytes {
        const void *data;
        size_t size;
} Bytes;

typedef struct Arguments {
        const char *key, *name, *display_name;
        Bytes pin, new_pin, id, content;
        uint32_t given, min_pin_length;
} Arguments;

/* ---- one argument ---- */

static int read_bytes(sd_bus_message *m, const char *what, size_t max, Bytes *ret, sd_bus_error *error)
{
        int r;

        r = sd_bus_message_read_array(m, 'y', &ret->data, &ret->size);
        if (r < 0)
                return r;
        if (ret->size == 0)
                return store1_invalid(error, "%s must not be empty", what);
        if (ret->size > max)
                return store1_invalid(error, "%s has at most %zu bytes", what, max);
        return 0;
}

static int read_pin(sd_bus_message *m, Bytes *ret, sd_bus_error *error)
{
        int r;

        r = read_bytes(m, "a PIN", KEY_PIN_MAX, ret, error);
        if (r >= 0 && !utf8_valid(ret->data, ret->size))
                return store1_invalid(error, "a PIN is UTF-8 text");
        return r;
}

static int read_text(sd_bus_message *m, const char **ret, sd_bus_error *error)
{
        int r;

        r = sd_bus_message_read(m, "s", ret);
        if (r >= 0 && strlen(*ret) > KEY_TEXT_MAX)
                return store1_invalid(error, "a name has at most %u bytes", KEY_TEXT_MAX);
        return r;
}

/* ---- dictionaries ---- */

static int set_flag(sd_bus_message *m, uint32_t flag, const char *name, Arguments *to, sd_bus_error *error)
{
        int value, r;

        r = sd_bus_message_read(m, "b", &value);
        if (r < 0)
                return r;
        if (!value)
                return store1_invalid(error, "'%s' can only be true: a reset of the key undoes it", name);
        to->given |= flag;
        return 0;
}

static int read_always_uv(sd_bus_message *m, Arguments *to)
{
        int value, r;

        r = sd_bus_message_read(m, "b", &value);
        if (r >= 0)
                to->given |= KEY_GIVEN_ALWAYS_UV_SET | (value ? KEY_GIVEN_ALWAYS_UV : 0);
        return r;
}

static int read_member(sd_bus_message *m, char kind, const char *name, Arguments *to, sd_bus_error *error)
{
        if (kind == 'o' && strcmp(name, "pin") == 0)
                return read_pin(m, &to->pin, error);
        if (kind == 'N' && strcmp(name, "user-name") == 0) {
                to->given |= KEY_GIVEN_NAME;
                return read_text(m, &to->name, error);
        }
        if (kind == 'N' && strcmp(name, "user-display-name") == 0) {
                to->given |= KEY_GIVEN_DISPLAY_NAME;
                return read_text(m, &to->display_name, error);
        }
        if (kind == 'S' && strcmp(name, "always-uv") == 0)
                return read_always_uv(m, to);
        if (kind == 'S' && strcmp(name, "min-pin-length") == 0) {
                to->given |= KEY_GIVEN_MIN_PIN;
                return sd_bus_message_read(m, "u", &to->min_pin_length);
        }
        if (kind == 'S' && strcmp(name, "force-pin-change") == 0)
                return set_flag(m, KEY_GIVEN_FORCE_PIN_CHANGE, name, to, error);
        if (kind == 'S' && strcmp(name, "enterprise-attestation") == 0)
                return set_flag(m, KEY_GIVEN_ENTERPRISE, name, to, error);
        return store1_invalid(error, "unknown option '%.64s'", name);
}

static int read_dictionary(sd_bus_message *m, char kind, Arguments *to, sd_bus_error *error)
{
        const char *name, *contents;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r >= 0)
                        r = sd_bus_message_enter_container(m, 'v', contents);
                if (r >= 0)
                        r = read_member(m, kind, name, to, error);
                if (r == -ENXIO && !sd_bus_error_is_set(error))
                        r = store1_invalid(error, "option '%.64s' has type %.16s, which is another than it should be",
                                           name, contents);
                for (int i = 0; i < 2 && r >= 0; i++)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- all of them ---- */

static int read_argument(sd_bus_message *m, char what, Arguments *to, sd_bus_error *error)
{
        switch (what) {
        case 'k':
                return sd_bus_message_read(m, "s", &to->key);
        case 'p':
                return read_pin(m, &to->pin, error);
        case 'q':
                return read_pin(m, &to->new_pin, error);
        case 'i':
                return read_bytes(m, "an id", KEY_ID_MAX, &to->id, error);
        case 'n':
                return read_text(m, &to->name, error);
        case 'c':
                return read_bytes(m, "a blob", KEY_CONTENT_MAX, &to->content, error);
        default:
                return read_dictionary(m, what, to, error);
        }
}

int keys1_read(sd_bus_message *m, const char *order, const char **ret_key, ByteWriter *rest, sd_bus_error *error)
{
        Arguments arguments = {.key = "", .name = "", .display_name = ""};
        int r = 0;

        for (; *order && r >= 0; order++)
                r = read_argument(m, *order, &arguments, error);
        if (r < 0)
                return r;
        if (strlen(arguments.key) > KEY_SELECTOR_MAX)
                return store1_invalid(error, "a key's name has at most %u bytes", KEY_SELECTOR_MAX);

        byte_writer_blob(rest, arguments.pin.data, arguments.pin.size);
        byte_writer_blob(rest, arguments.new_pin.data, arguments.new_pin.size);
        byte_writer_blob(rest, arguments.id.data, arguments.id.size);
        byte_writer_string(rest, arguments.name);
        byte_writer_string(rest, arguments.display_name);
        byte_writer_u32(rest, arguments.given);
        byte_writer_u32(rest, arguments.min_pin_length);
        byte_writer_blob(rest, arguments.content.data, arguments.content.size);
        if (rest->failed)
                return -ENOMEM;
        *ret_key = arguments.key;
        return 0;
}
