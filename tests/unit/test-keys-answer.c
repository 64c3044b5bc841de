/*
 * What the helper tells about security keys, in terms of the bus: whatever it is, nothing breaks
 */
#include <errno.h>
#include <sys/socket.h>

#include "daemon/keys1-internal.h"
#include "tests/unit/test.h"

/* Messages can be made for a connection that never comes about. */
typedef struct Bus {
        sd_bus *bus;
        int other;
} Bus;

static Bus bus_new(void)
{
        Bus bus = {0};
        int pair[2];

        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        bus.other = pair[1];
        CHECK(sd_bus_new(&bus.bus) >= 0 && sd_bus_set_fd(bus.bus, pair[0], pair[0]) >= 0);
        CHECK(sd_bus_set_server(bus.bus, 1, (sd_id128_t){.bytes = {1}}) >= 0 && sd_bus_start(bus.bus) >= 0);
        return bus;
}

static void bus_done(Bus *bus)
{
        sd_bus_close_unref(bus->bus);
        (void)close(bus->other);
}

static ByteWriter entries(void)
{
        ByteWriter writer = BYTE_WRITER_NULL;

        byte_writer_string(&writer, "b");
        byte_writer_u8(&writer, 'b');
        byte_writer_u8(&writer, 1);
        byte_writer_string(&writer, "u");
        byte_writer_u8(&writer, 'u');
        byte_writer_u32(&writer, 7);
        byte_writer_string(&writer, "i");
        byte_writer_u8(&writer, 'i');
        byte_writer_u32(&writer, (uint32_t)-7);
        byte_writer_string(&writer, "t");
        byte_writer_u8(&writer, 't');
        byte_writer_u64(&writer, UINT64_C(1) << 40);
        byte_writer_string(&writer, "s");
        byte_writer_u8(&writer, 's');
        byte_writer_string(&writer, "text");
        byte_writer_string(&writer, "y");
        byte_writer_u8(&writer, 'y');
        byte_writer_blob(&writer, "id", 2);
        byte_writer_string(&writer, "S");
        byte_writer_u8(&writer, 'S');
        byte_writer_u16(&writer, 2);
        byte_writer_string(&writer, "one");
        byte_writer_string(&writer, "two");
        byte_writer_string(&writer, "I");
        byte_writer_u8(&writer, 'I');
        byte_writer_u16(&writer, 1);
        byte_writer_u32(&writer, (uint32_t)-8);
        byte_writer_string(&writer, "B");
        byte_writer_u8(&writer, 'B');
        byte_writer_u16(&writer, 1);
        byte_writer_string(&writer, "rk");
        byte_writer_u8(&writer, 1);
        return writer;
}

static int append(const Bus *bus, const uint8_t *data, size_t size, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        ByteReader reader = BYTE_READER(data, size);
        int r;

        CHECK(sd_bus_message_new_signal(bus->bus, &m, "/", "a.b", "C") >= 0);
        r = keys1_append_entries(m, &reader);
        if (r >= 0) {
                CHECK(sd_bus_message_seal(m, 1, 0) >= 0);
                CHECK(strcmp(sd_bus_message_get_signature(m, 1), "a{sv}") == 0);
                CHECK(sd_bus_message_skip(m, "a{sv}") >= 0);
                if (ret) {
                        CHECK(sd_bus_message_rewind(m, 1) >= 0);
                        *ret = sd_bus_message_ref(m);
                }
        }
        return r;
}

TEST(each_type)
{
        _cleanup_(byte_writer_done) ByteWriter writer = entries();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        static const char *const types[] = {"b", "u", "i", "t", "s", "ay", "as", "ai", "a{sb}"};
        _cleanup_(bus_done) Bus bus = bus_new();
        const char *name, *contents;

        CHECK_EQ(append(&bus, writer.data, writer.size, &m), 0);
        CHECK(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                CHECK(sd_bus_message_enter_container(m, 'e', "sv") > 0);
                CHECK(sd_bus_message_read(m, "s", &name) > 0);
                CHECK(sd_bus_message_peek_type(m, NULL, &contents) > 0);
                CHECK(strcmp(contents, types[i]) == 0);
                CHECK(sd_bus_message_skip(m, "v") >= 0);
                CHECK(sd_bus_message_exit_container(m) >= 0);
        }
        CHECK(sd_bus_message_at_end(m, 0) > 0);
}

/* Cuts between entries are fine; all others, and whatever has become of one, are not misread. */
TEST(cut_and_changed)
{
        _cleanup_(byte_writer_done) ByteWriter writer = entries();
        _cleanup_(bus_done) Bus bus = bus_new();
        size_t whole = 0;

        for (size_t size = 0; size <= writer.size; size++) {
                int r = append(&bus, writer.data, size, NULL);

                CHECK(r == 0 || r == -EBADMSG);
                whole += r == 0;
        }
        CHECK_EQ(whole, 10); /* none, one, … nine */
        for (size_t at = 0; at < writer.size; at++)
                for (unsigned value = 0; value < 256; value += 5) {
                        uint8_t was = writer.data[at];
                        int r;

                        writer.data[at] = (uint8_t)value;
                        r = append(&bus, writer.data, writer.size, NULL);
                        CHECK(r == 0 || r == -EBADMSG);
                        writer.data[at] = was;
                }
}

static void check_error(HelperResult result, const ByteWriter *fields, const char *name, const char *message)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        ByteReader reader = BYTE_READER(fields->data, fields->size);

        CHECK(keys1_error(&error, result, &reader) < 0);
        CHECK(strcmp(error.name, name) == 0);
        CHECK(strstr(error.message, message) != NULL);
}

TEST(errors)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;

        check_error(HELPER_NO_PROMPTER, &fields, KEYFOB_ERROR_IO, "has ended");
        check_error(HELPER_DENIED, &fields, KEYFOB_ERROR_CANCELLED, "cancelled");
        check_error(HELPER_FAILED, &fields, KEYFOB_ERROR_IO, "makes no sense");
        byte_writer_string(&fields, "why");
        check_error(HELPER_FAILED, &fields, KEYFOB_ERROR_IO, "why");
        byte_writer_u8(&fields, KEY_E_WRONG_PIN);
        check_error(HELPER_FAILED, &fields, KEYFOB_ERROR_WRONG_SECRET, "why");
        fields.data[fields.size - 1] = 200;
        check_error(HELPER_FAILED, &fields, KEYFOB_ERROR_IO, "why");
}

TEST_MAIN
