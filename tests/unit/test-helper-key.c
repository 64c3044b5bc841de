/*
 * The helper's requests about security keys, and what keys say on its way to the daemon
 */
#include <errno.h>

#include "helper/key-entry.h"
#include "helper/key-request.h"
#if HAVE_FIDO2
#include "helper/key-internal.h"
#endif
#include "tests/unit/test.h"

/* What a request is made of; the daemon's side of helper/key.h. */
typedef struct Fields {
        uint8_t operation;
        const char *key, *pin, *new_pin, *id, *name, *display_name, *content;
        uint32_t given;
} Fields;

#define HASH "0123456789abcdef0123456789abcdef"

static ByteWriter packet_of(const Fields *fields)
{
        const char *blobs[] = {fields->key, fields->pin, fields->new_pin, fields->id, fields->name, fields->display_name};
        ByteWriter writer = BYTE_WRITER_NULL;

        byte_writer_u8(&writer, fields->operation);
        for (size_t i = 0; i < ELEMENTSOF(blobs); i++)
                byte_writer_string(&writer, blobs[i] ?: "");
        byte_writer_u32(&writer, fields->given);
        byte_writer_u32(&writer, 6);
        byte_writer_string(&writer, fields->content ?: "");
        return writer;
}

static int parse(const Fields *fields)
{
        _cleanup_(byte_writer_done) ByteWriter packet = packet_of(fields);
        _cleanup_(key_request_done) KeyRequest request = KEY_REQUEST_NULL;

        return key_request_parse(packet.data, packet.size, &request);
}

static const Fields whole = {
        .operation = KEY_BLOB_SET,
        .key = "/dev/hidraw0",
        .pin = "1234",
        .new_pin = "größer",
        .id = "id",
        .name = "name",
        .display_name = "Display Name",
        .content = "content",
        .given = KEY_GIVEN_ALL,
};

TEST(all_of_it)
{
        _cleanup_(byte_writer_done) ByteWriter packet = packet_of(&whole);
        _cleanup_(key_request_done) KeyRequest request = KEY_REQUEST_NULL;

        CHECK_EQ(key_request_parse(packet.data, packet.size, &request), 0);
        CHECK_EQ(request.operation, KEY_BLOB_SET);
        CHECK(strcmp(request.key, "/dev/hidraw0") == 0);
        CHECK(strcmp((const char *)request.pin->data, "1234") == 0);
        CHECK(strcmp((const char *)request.new_pin->data, "größer") == 0);
        CHECK(request.id_size == 2 && memcmp(request.id, "id", 2) == 0);
        CHECK(strcmp(request.name, "name") == 0);
        CHECK(strcmp(request.display_name, "Display Name") == 0);
        CHECK_EQ(request.given, KEY_GIVEN_ALL);
        CHECK_EQ(request.min_pin_length, 6);
        CHECK(request.content->size == 7 && memcmp(request.content->data, "content", 7) == 0);
}

TEST(every_cut_and_what_follows_is_refused)
{
        _cleanup_(byte_writer_done) ByteWriter packet = packet_of(&whole);
        KeyRequest request = KEY_REQUEST_NULL;

        for (size_t size = 0; size < packet.size; size++)
                CHECK_EQ(key_request_parse(packet.data, size, &request), -EBADMSG);
        byte_writer_u8(&packet, 0);
        CHECK_EQ(key_request_parse(packet.data, packet.size, &request), -EBADMSG);
        CHECK(!request.key && !request.pin);
}

TEST(nothing_is_optional_that_an_operation_needs)
{
        static const struct {
                KeyOperation operation;
                Fields least;
        } cases[] = {
                {KEY_LIST, {0}},
                {KEY_FIND, {0}},
                {KEY_INFO, {0}},
                {KEY_PIN_SET, {.new_pin = "1234"}},
                {KEY_PIN_CHANGE, {.pin = "1234", .new_pin = "5678"}},
                {KEY_PASSKEYS, {0}},
                {KEY_PASSKEY_RENAME, {.id = "x"}},
                {KEY_PASSKEY_DELETE, {.id = "x"}},
                {KEY_FINGERS, {0}},
                {KEY_FINGER_ENROLL, {0}},
                {KEY_FINGER_RENAME, {.id = "x", .name = "y"}},
                {KEY_FINGER_DELETE, {.id = "x"}},
                {KEY_BLOB_GET, {.id = "x"}},
                {KEY_BLOB_SET, {.id = "x", .content = "y"}},
                {KEY_BLOB_DELETE, {.id = "x"}},
                {KEY_CONFIGURE, {0}},
                {KEY_RESET, {0}},
                {KEY_SIGN, {.id = "x", .name = "y", .content = HASH}},
                {KEY_ENROLL, {.name = "y", .content = HASH}},
                {KEY_HMAC_MAKE, {.name = "y"}},
                {KEY_HMAC, {.name = "y", .content = HASH "x"}},
        };

        CHECK_EQ(ELEMENTSOF(cases), _KEY_OPERATION_MAX - 1);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Fields fields = cases[i].least;
                const char **needed[] = {&fields.pin, &fields.new_pin, &fields.id, &fields.name, &fields.content};

                fields.operation = (uint8_t)cases[i].operation;
                CHECK_EQ(parse(&fields), 0);
                for (size_t n = 0; n < ELEMENTSOF(needed); n++) {
                        const char *value = *needed[n];

                        if (!value)
                                continue;
                        *needed[n] = NULL;
                        CHECK_EQ(parse(&fields), -EBADMSG);
                        *needed[n] = value;
                }
        }
}

TEST(bad_values)
{
        char longer[KEY_TEXT_MAX + 2];
        Fields fields = whole;

        for (unsigned operation = 0; operation < 256; operation++) {
                bool hash = operation == KEY_SIGN || operation == KEY_ENROLL;

                fields.operation = (uint8_t)operation;
                fields.content = hash ? HASH : HASH "content";
                CHECK_EQ(parse(&fields), operation >= KEY_LIST && operation < _KEY_OPERATION_MAX ? 0 : -EBADMSG);
        }
        fields = whole;
        fields.given = KEY_GIVEN_ALL + 1;
        CHECK_EQ(parse(&fields), -EBADMSG);
        fields = whole;
        fields.pin = "\xff\xfe";
        CHECK_EQ(parse(&fields), -EBADMSG);

        memset(longer, 'x', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = 0;
        fields = whole;
        fields.name = longer;
        CHECK_EQ(parse(&fields), -EBADMSG);
        fields = whole;
        fields.id = longer + 1;
        CHECK_EQ(parse(&fields), -EBADMSG);
        fields.id = longer + 2;
        CHECK_EQ(parse(&fields), 0);
        fields.pin = longer + sizeof(longer) - 2 - KEY_PIN_MAX;
        CHECK_EQ(parse(&fields), -EBADMSG);
        fields.pin++;
        CHECK_EQ(parse(&fields), 0);
}

TEST(a_pin_with_a_zero_byte_is_none)
{
        _cleanup_(byte_writer_done) ByteWriter packet = packet_of(&(Fields){.operation = KEY_PASSKEYS, .pin = "12x4"});
        KeyRequest request = KEY_REQUEST_NULL;

        for (size_t i = 0; i < packet.size; i++)
                if (packet.data[i] == 'x')
                        packet.data[i] = 0;
        CHECK_EQ(key_request_parse(packet.data, packet.size, &request), -EBADMSG);
}

TEST(failures_have_a_code)
{
        _cleanup_(byte_writer_done) ByteWriter reply = BYTE_WRITER_NULL;
        _cleanup_free_ char *why = NULL;
        ByteReader reader;

        key_reply_failed(&reply, 9, KEY_E_BUSY, "busy");
        reader = BYTE_READER(reply.data, reply.size);
        CHECK_EQ(byte_reader_u32(&reader), 9);
        CHECK_EQ(byte_reader_u8(&reader), HELPER_FAILED);
        why = byte_reader_string(&reader, HELPER_TEXT_MAX);
        CHECK(why && strcmp(why, "busy") == 0);
        CHECK_EQ(byte_reader_u8(&reader), KEY_E_BUSY);
        CHECK(byte_reader_done(&reader));
}

/* ---- entries ---- */

static char *text_entry(const char *value)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        _cleanup_free_ char *name = NULL;
        ByteReader reader;
        char *text;

        entry_text(&writer, "name", value);
        reader = BYTE_READER(writer.data, writer.size);
        name = byte_reader_string(&reader, KEY_TEXT_MAX);
        CHECK(name && strcmp(name, "name") == 0);
        CHECK_EQ(byte_reader_u8(&reader), 's');
        text = byte_reader_string(&reader, KEY_TEXT_MAX);
        CHECK(text && byte_reader_done(&reader));
        return text;
}

TEST(what_keys_say_becomes_text)
{
        static const char *const texts[][2] = {
                {"", ""}, {"Größe", "Größe"}, {"a\xff" "b", "a?b"}, {"\xc3", "?"}, {"\xed\xa0\x80", "???"},
        };
        char longer[KEY_TEXT_MAX + 8];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *text = text_entry(texts[i][0]);

                CHECK(strcmp(text, texts[i][1]) == 0);
        }

        /* Cut between characters, wherever the limit falls. */
        for (unsigned shift = 0; shift < 3; shift++) {
                _cleanup_free_ char *text = NULL;

                memset(longer, 'x', sizeof(longer));
                for (size_t at = shift; at + 3 < sizeof(longer); at += 3)
                        memcpy(longer + at, "€", 3);
                longer[sizeof(longer) - 1] = 0;
                text = text_entry(longer);
                CHECK(strlen(text) <= KEY_TEXT_MAX && strlen(text) > KEY_TEXT_MAX - 3);
                CHECK(strncmp(text, longer, strlen(text)) == 0);
        }
}

TEST(lists_are_bounded)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;

        CHECK_EQ(entry_numbers(&writer, "few", 3), 3);
        CHECK_EQ(entry_numbers(&writer, "many", KEY_LIST_MAX + 1), KEY_LIST_MAX);
}

#if HAVE_FIDO2

TEST(tries_that_a_key_does_not_tell)
{
        KeyCall call = {.request = KEY_REQUEST_NULL};

        key_explain(&call, FIDO_ERR_PIN_INVALID, 0);
        CHECK_EQ(call.error, KEY_E_WRONG_PIN);
        CHECK(strcmp(call.why, "wrong PIN") == 0);
        key_explain(&call, FIDO_ERR_PIN_AUTH_BLOCKED, 0);
        CHECK_EQ(call.error, KEY_E_PIN_SOFT_BLOCKED);
        CHECK(!strpbrk(call.why, ":()"));
}

#endif

TEST_MAIN
