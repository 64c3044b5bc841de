/*
 * Keys1: what the helper found out, in terms of the bus
 *
 * The helper has parsed what a foreign device said; it is believed no more than that device. Every name, type and length is
 * checked here, and what does not fit ends the call.
 */
#include <errno.h>

#include "daemon/keys1-internal.h"

#define NAME_MAX_SIZE 64U

/* ---- entries ---- */

static int append_strings(sd_bus_message *m, ByteReader *in, bool flags)
{
        uint16_t n = byte_reader_u16(in);
        int r;

        r = sd_bus_message_open_container(m, 'a', flags ? "{sb}" : "s");
        for (; r >= 0 && n > 0; n--) {
                _cleanup_free_ char *text = byte_reader_string(in, KEY_TEXT_MAX);

                if (!text)
                        return -EBADMSG;
                r = flags ? sd_bus_message_append(m, "{sb}", text, (int)byte_reader_u8(in))
                          : sd_bus_message_append(m, "s", text);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_numbers(sd_bus_message *m, ByteReader *in)
{
        uint16_t n = byte_reader_u16(in);
        int r;

        r = sd_bus_message_open_container(m, 'a', "i");
        for (; r >= 0 && n > 0 && !in->failed; n--)
                r = sd_bus_message_append(m, "i", (int32_t)byte_reader_u32(in));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_text(sd_bus_message *m, ByteReader *in)
{
        _cleanup_free_ char *text = byte_reader_string(in, KEY_TEXT_MAX);

        return text ? sd_bus_message_append(m, "s", text) : -EBADMSG;
}

static int append_bytes(sd_bus_message *m, ByteReader *in)
{
        const uint8_t *data;
        size_t size;

        data = byte_reader_blob(in, KEY_ID_MAX, &size);
        return data ? sd_bus_message_append_array(m, 'y', data, size) : -EBADMSG;
}

static int append_value(sd_bus_message *m, char type, ByteReader *in)
{
        switch (type) {
        case 'b':
                return sd_bus_message_append(m, "b", (int)(byte_reader_u8(in) != 0));
        case 'u':
                return sd_bus_message_append(m, "u", byte_reader_u32(in));
        case 'i':
                return sd_bus_message_append(m, "i", (int32_t)byte_reader_u32(in));
        case 't':
                return sd_bus_message_append(m, "t", byte_reader_u64(in));
        case 's':
                return append_text(m, in);
        case 'y':
                return append_bytes(m, in);
        case 'S':
                return append_strings(m, in, /* flags= */ false);
        case 'B':
                return append_strings(m, in, /* flags= */ true);
        default:
                return append_numbers(m, in);
        }
}

static const char *type_of(char type)
{
        static const char *const types[] = {"b", "u", "i", "t", "s", "yay", "Sas", "Iai", "Ba{sb}"};

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i][0] == type)
                        return types[i][1] ? types[i] + 1 : types[i];
        return NULL;
}

static int append_entry(sd_bus_message *m, ByteReader *in)
{
        _cleanup_free_ char *name = byte_reader_string(in, NAME_MAX_SIZE);
        char type = (char)byte_reader_u8(in);
        const char *contents = type_of(type);
        int r;

        if (!name || !contents)
                return -EBADMSG;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', contents);
        if (r >= 0)
                r = append_value(m, type, in);
        if (r >= 0 && in->failed)
                return -EBADMSG;
        for (int i = 0; i < 2 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

int keys1_append_entries(sd_bus_message *m, ByteReader *fields)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        while (r >= 0 && fields->size > 0)
                r = append_entry(m, fields);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- errors ---- */

const char *keys1_error_name(KeyError error)
{
        switch (error) {
        case KEY_E_NOT_FOUND:
                return KEYFOB_ERROR_NOT_FOUND;
        case KEY_E_BUSY:
                return KEYFOB_ERROR_BUSY;
        case KEY_E_WRONG_PIN:
                return KEYFOB_ERROR_WRONG_SECRET;
        case KEY_E_PIN_BLOCKED:
                return KEYFOB_ERROR_PIN_BLOCKED;
        case KEY_E_PIN_SOFT_BLOCKED:
                return KEYFOB_ERROR_PIN_SOFT_BLOCKED;
        case KEY_E_NOT_ALLOWED:
        case KEY_E_PIN_REQUIRED:
                return KEYFOB_ERROR_NOT_ALLOWED;
        case KEY_E_UNSUPPORTED:
                return KEYFOB_ERROR_UNSUPPORTED;
        case KEY_E_CANCELLED:
                return KEYFOB_ERROR_CANCELLED;
        case KEY_E_INVALID:
                return KEYFOB_ERROR_INVALID;
        case KEY_E_LIMITS:
                return KEYFOB_ERROR_LIMITS;
        case KEY_E_EXISTS:
                return KEYFOB_ERROR_EXISTS;
        case KEY_E_DENIED:
                return SD_BUS_ERROR_ACCESS_DENIED;
        default:
                return KEYFOB_ERROR_IO;
        }
}

int keys1_error(sd_bus_error *error, HelperResult result, ByteReader *fields)
{
        _cleanup_free_ char *why = NULL;

        if (result == HELPER_DENIED)
                return sd_bus_error_set(error, KEYFOB_ERROR_CANCELLED, "cancelled");
        if (result == HELPER_NO_PROMPTER)
                return sd_bus_error_set(error, KEYFOB_ERROR_IO,
                                        "keyfob-helper, which speaks to security keys, has ended: start keyfobd again");
        if (result == HELPER_FAILED)
                why = helper_why(fields);
        if (!why)
                return sd_bus_error_set(error, KEYFOB_ERROR_IO, "keyfob-helper's answer makes no sense");
        return sd_bus_error_set(error, keys1_error_name(fields->size > 0 ? (KeyError)byte_reader_u8(fields) : KEY_E_IO), why);
}
