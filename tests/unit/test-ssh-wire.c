/* SSH's data types: bounds, order of bytes, one form of a number */
#include "tests/unit/ssh-agent-fixture.h"

TEST(numbers_are_big_endian)
{
        static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0};
        ByteReader reader = BYTE_READER(bytes, sizeof(bytes));

        CHECK_EQ(wire_u32(&reader), 0x01020304);
        CHECK_EQ(wire_u64(&reader), 0x05060708090a0b0c);
        CHECK(!wire_bool(&reader));
        CHECK(byte_reader_done(&reader));
        CHECK_EQ(wire_u32(&reader), 0);
        CHECK(reader.failed);
}

TEST(strings_end_where_the_bytes_do)
{
        static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 2, 'x'};
        ByteReader reader = BYTE_READER(bytes, sizeof(bytes));

        CHECK(span_is(wire_string(&reader), "abc"));
        CHECK_EQ(wire_string(&reader).size, 0);
        CHECK(!reader.failed);
        CHECK(!wire_string(&reader).data);
        CHECK(reader.failed);
        CHECK(!wire_string(&reader).data);

        reader = BYTE_READER((const uint8_t *)"\xff\xff\xff\xff", 4);
        CHECK(!wire_string(&reader).data && reader.failed);
}

TEST(text_has_no_end_inside)
{
        static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 0, 'c'};
        ByteReader reader = BYTE_READER(bytes, sizeof(bytes));

        CHECK_EQ(wire_text(&reader).size, 0);
        CHECK(reader.failed);
}

TEST(numbers_both_ways)
{
        static const struct {
                const char *value;
                size_t size;
                const char *wire;
                size_t wire_size;
        } cases[] = {
                {"", 0, "\0\0\0\0", 4},       {"\0\0", 2, "\0\0\0\0", 4},    {"\x7f", 1, "\0\0\0\1\x7f", 5},
                {"\x80", 1, "\0\0\0\2\0\x80", 6}, {"\0\x80", 2, "\0\0\0\2\0\x80", 6},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
                ByteReader reader;
                Span number;

                wire_put_number(&writer, cases[i].value, cases[i].size);
                CHECK(writer.size == cases[i].wire_size && memcmp(writer.data, cases[i].wire, writer.size) == 0);
                reader = span_reader(writer_span(&writer));
                number = wire_number(&reader);
                CHECK(byte_reader_done(&reader));
                CHECK(number.size <= 1 && (number.size == 0 || number.data[0] == (uint8_t)cases[i].value[cases[i].size - 1]));
        }
}

TEST(negative_numbers_are_none)
{
        ByteReader reader = BYTE_READER((const uint8_t *)"\0\0\0\1\x80", 5);

        CHECK(!wire_number(&reader).data && reader.failed);
}

TEST(a_string_around_what_is_written)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        size_t outer = wire_begin(&writer), inner;

        byte_writer_u8(&writer, 7);
        inner = wire_begin(&writer);
        wire_put_text(&writer, "x");
        wire_end(&writer, inner);
        wire_end(&writer, outer);
        CHECK(writer.size == 14 && memcmp(writer.data, "\0\0\0\12\7\0\0\0\5\0\0\0\1x", 14) == 0);
}

TEST(what_is_shown_is_presentable)
{
        static const struct {
                const char *from, *to;
        } cases[] = {
                {"", ""},          {"user@host", "user@host"}, {"a\33[31mb\n", "a?[31mb?"}, {"\x7f", "?"},
                {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"}, {"\xc2\x9b", "?"}, {"\xff\xfe", "??"}, {"\xc3", "?"},
                {"\xe2\x82\xac\xf0\x9f\x94\x91", "\xe2\x82\xac\xf0\x9f\x94\x91"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = wire_presentable(text_span(cases[i].from), 100);

                CHECK(text && strcmp(text, cases[i].to) == 0);
        }
        for (size_t max = 0; max < 6; max++) {
                _cleanup_free_ char *text = wire_presentable(text_span("a\xe2\x82\xac z"), max);

                CHECK(text && strlen(text) <= max && utf8_valid(text, strlen(text)));
        }
}

TEST(spans)
{
        CHECK(span_equal((Span){0}, (Span){(const uint8_t *)"x", 0}));
        CHECK(!span_is(text_span("abc"), "ab"));
        CHECK(span_ends(text_span("abc"), "bc"));
        CHECK(!span_ends(text_span("c"), "bc"));
        CHECK(!span_ends(text_span("abc"), "bd"));
}

TEST_MAIN
