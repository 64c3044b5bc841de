/*
 * The helper's parsers: packets of the daemon, and text on its way to pinentry
 */
#include <errno.h>

#include "helper/escape.h"
#include "helper/request.h"
#include "tests/unit/test.h"

static ByteWriter head(uint32_t id, uint8_t operation)
{
        ByteWriter writer = BYTE_WRITER_NULL;

        byte_writer_u32(&writer, id);
        byte_writer_u8(&writer, operation);
        return writer;
}

static ByteWriter ask_packet(uint8_t kind, const char *title, const char *message, const char *error)
{
        ByteWriter writer = head(7, HELPER_ASK);

        byte_writer_u8(&writer, kind);
        byte_writer_u32(&writer, 1234);
        byte_writer_string(&writer, title);
        byte_writer_string(&writer, message);
        byte_writer_string(&writer, error);
        return writer;
}

TEST(ask)
{
        _cleanup_(byte_writer_done) ByteWriter packet = ask_packet(HELPER_ASK_SECRET, "Keyfob", "Größe?", "");
        _cleanup_(request_done) Request request = REQUEST_NULL;

        CHECK_EQ(request_parse(packet.data, packet.size, &request), 0);
        CHECK_EQ(request.id, 7);
        CHECK_EQ(request.operation, HELPER_ASK);
        CHECK_EQ(request.kind, HELPER_ASK_SECRET);
        CHECK_EQ(request.pid, 1234);
        CHECK(strcmp(request.title, "Keyfob") == 0);
        CHECK(strcmp(request.message, "Größe?") == 0);
        CHECK(strcmp(request.error, "") == 0);
}

TEST(every_cut_of_an_ask_is_refused)
{
        _cleanup_(byte_writer_done) ByteWriter packet = ask_packet(HELPER_ASK_CONFIRM, "t", "m", "e");
        Request request = REQUEST_NULL;

        for (size_t size = 0; size < packet.size; size++)
                CHECK_EQ(request_parse(packet.data, size, &request), -EBADMSG);
        byte_writer_u8(&packet, 0);
        CHECK_EQ(request_parse(packet.data, packet.size, &request), -EBADMSG);
        CHECK(!request.title);
}

TEST(bad_asks)
{
        static const char *const texts[] = {"\xff", "\xc0\x80", "\xed\xa0\x80"};
        Request request = REQUEST_NULL;
        char longer[HELPER_TEXT_MAX + 2];

        for (unsigned kind = 0; kind < 256; kind++) {
                _cleanup_(byte_writer_done) ByteWriter packet = ask_packet((uint8_t)kind, "t", "m", "e");
                _cleanup_(request_done) Request parsed = REQUEST_NULL;
                bool good = kind >= HELPER_ASK_CONFIRM && kind <= HELPER_ASK_PIN;

                CHECK_EQ(request_parse(packet.data, packet.size, &parsed), good ? 0 : -EBADMSG);
        }

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(byte_writer_done) ByteWriter packet = ask_packet(HELPER_ASK_SECRET, "t", texts[i], "");

                CHECK_EQ(request_parse(packet.data, packet.size, &request), -EBADMSG);
        }

        memset(longer, 'x', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = 0;
        _cleanup_(byte_writer_done) ByteWriter packet = ask_packet(HELPER_ASK_SECRET, longer, "m", "");
        CHECK_EQ(request_parse(packet.data, packet.size, &request), -EBADMSG);
}

TEST(others)
{
        _cleanup_(byte_writer_done) ByteWriter cancel = head(1, HELPER_CANCEL), who = head(2, HELPER_IDENTIFY),
                                               key = head(3, HELPER_READ_KEY), relative = head(4, HELPER_READ_KEY),
                                               probe = head(5, HELPER_PROBE), unknown = head(6, 99);
        _cleanup_(request_done) Request request = REQUEST_NULL;
        uint32_t id;

        byte_writer_u32(&cancel, 55);
        CHECK_EQ(request_parse(cancel.data, cancel.size, &request), 0);
        CHECK_EQ(request.target, 55);

        byte_writer_u32(&who, 66);
        CHECK_EQ(request_parse(who.data, who.size, &request), 0);
        CHECK_EQ(request.pid, 66);

        CHECK_EQ(request_parse(probe.data, probe.size, &request), 0);
        CHECK_EQ(request.operation, HELPER_PROBE);

        byte_writer_string(&relative, "key");
        CHECK_EQ(request_parse(relative.data, relative.size, &request), -EBADMSG);
        CHECK_EQ(request_parse(unknown.data, unknown.size, &request), -EBADMSG);
        CHECK_EQ(request_id(unknown.data, unknown.size, &id), 0);
        CHECK_EQ(id, 6);
        CHECK_EQ(request_id(unknown.data, 3, &id), -EBADMSG);

        byte_writer_string(&key, "/etc/key");
        CHECK_EQ(request_parse(key.data, key.size, &request), 0);
        CHECK(strcmp(request.path, "/etc/key") == 0);
}

TEST(a_failure_is_cut_to_its_limit)
{
        _cleanup_(byte_writer_done) ByteWriter reply = BYTE_WRITER_NULL;
        char why[HELPER_TEXT_MAX * 2];

        memset(why, 'w', sizeof(why) - 1);
        why[sizeof(why) - 1] = 0;
        reply_failed(&reply, 9, why);
        CHECK_EQ(reply.size, 4 + 1 + 4 + HELPER_TEXT_MAX);
        CHECK_EQ(reply.data[4], HELPER_FAILED);
}

static bool escapes_to(const char *text, size_t max, const char *expected)
{
        _cleanup_free_ char *escaped = escape_text(text, max);

        CHECK(escaped && strlen(escaped) <= max);
        return strcmp(escaped, expected) == 0;
}

TEST(escaping)
{
        CHECK(escapes_to("", 10, ""));
        CHECK(escapes_to("plain", 10, "plain"));
        CHECK(escapes_to("50%\nmore", 20, "50%25%0Amore"));
        CHECK(escapes_to("\r\x1b[2Jx\x7f", 20, "??[2Jx?"));
        CHECK(escapes_to("\xc2\x9bm", 20, "?m"));
        CHECK(escapes_to("höhe", 20, "höhe"));
}

TEST(escaping_cuts_between_characters)
{
        CHECK(escapes_to("0123456789", 10, "0123456789"));
        CHECK(escapes_to("0123456789x", 10, "0123456…"));
        CHECK(escapes_to("ääääää", 10, "äää…"));
        CHECK(escapes_to("%%%%%%", 10, "%25%25…"));
        CHECK(escapes_to("ab%%%%", 10, "ab%25…"));
}

TEST_MAIN
