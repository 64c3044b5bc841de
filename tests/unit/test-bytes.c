/* Binary formats: what is written is read back, and nothing is read past the end. */
#include <stdint.h>

#include "common/bytes.h"
#include "common/hex.h"
#include "tests/unit/test.h"

TEST(what_is_written_is_read)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        static const uint8_t layout[] = {1, 2, 1, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 0, 0, 'h', 'i'};
        _cleanup_free_ char *text = NULL;
        ByteReader reader;

        byte_writer_u8(&writer, 1);
        byte_writer_u16(&writer, 0x0102);
        byte_writer_u32(&writer, 0x01020304);
        byte_writer_u64(&writer, UINT64_C(0x0102030405060708));
        byte_writer_string(&writer, "hi");
        CHECK(!writer.failed);
        CHECK_EQ(writer.size, sizeof(layout));
        CHECK(memcmp(writer.data, layout, sizeof(layout)) == 0);

        reader = BYTE_READER(writer.data, writer.size);
        CHECK_EQ(byte_reader_u8(&reader), 1);
        CHECK_EQ(byte_reader_u16(&reader), 0x0102);
        CHECK_EQ(byte_reader_u32(&reader), 0x01020304);
        CHECK(byte_reader_u64(&reader) == UINT64_C(0x0102030405060708));
        CHECK(!byte_reader_done(&reader));
        text = byte_reader_string(&reader, 2);
        CHECK(text && strcmp(text, "hi") == 0);
        CHECK(byte_reader_done(&reader));
}

TEST(every_cut_is_noticed)
{
        static const uint8_t data[] = {3, 0, 0, 0, 'a', 'b', 'c', 9, 9};

        for (size_t size = 0; size < sizeof(data); size++) {
                ByteReader reader = BYTE_READER(data, size);
                size_t n;

                (void)byte_reader_blob(&reader, 16, &n);
                (void)byte_reader_u16(&reader);
                CHECK(!byte_reader_done(&reader));
                CHECK_EQ(byte_reader_u64(&reader), 0);
        }
}

TEST(a_length_beyond_the_limit_fails)
{
        static const uint8_t data[] = {3, 0, 0, 0, 'a', 'b', 'c'}, huge[] = {0xff, 0xff, 0xff, 0xff, 1};
        ByteReader reader = BYTE_READER(data, sizeof(data));
        size_t n = 1;

        CHECK(!byte_reader_blob(&reader, 2, &n));
        CHECK_EQ(n, 0);
        CHECK(reader.failed);
        reader = BYTE_READER(huge, sizeof(huge));
        CHECK(!byte_reader_blob(&reader, SIZE_MAX, &n));
        CHECK(reader.failed);
}

TEST(a_writer_grows)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;

        for (unsigned i = 0; i < 5000; i++)
                byte_writer_u32(&writer, i);
        CHECK_EQ(writer.size, 20000);
        for (unsigned i = 0; i < 5000; i++) {
                ByteReader reader = BYTE_READER(writer.data + (size_t)4 * i, 4);

                CHECK_EQ(byte_reader_u32(&reader), i);
        }
}

/* Nothing may be at NULL, where even adding 0 is undefined; the sanitizer sees it. */
TEST(nothing_is_read_and_written)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        ByteReader reader = BYTE_READER(NULL, 0);

        CHECK(!byte_reader_raw(&reader, 0));
        CHECK(byte_reader_done(&reader));
        CHECK(!byte_reader_raw(&reader, 1));
        CHECK(reader.failed);

        byte_writer_raw(&writer, NULL, 0);
        CHECK(!writer.failed);
        CHECK_EQ(writer.size, 0);
        byte_writer_blob(&writer, NULL, 0);
        CHECK_EQ(writer.size, 4);
}

TEST(utf8)
{
        static const char *const good[] = {
                "", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x91", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
        static const char *const bad[] = {
                "\x80", "\xc3",     "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                "\xff", "\xe2\x82", "a\xc3("};

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                CHECK(utf8_valid(good[i], strlen(good[i])));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK(!utf8_valid(bad[i], strlen(bad[i])));
        CHECK(!utf8_valid("a\0b", 3));
        CHECK(utf8_valid(NULL, 0));
}

TEST(characters_that_are_not_shown)
{
        static const char *const shown[] = {" ", "~", "\xc2\xa0", "\xd8\x9b", "\xe2\x80\x90", "\xe2\x82\xac", "\xf0\x9f\x94\x91"};
        static const char *const not_shown[] = {"\x1b",         "\n",           "\x7f",         "\xc2\x80",     "\xc2\x9f",    "\xd8\x9c",
                                                "\xe2\x80\x8e", "\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"};
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(shown); i++)
                CHECK(!utf8_is_control(shown[i], &size) && size == strlen(shown[i]));
        for (size_t i = 0; i < ELEMENTSOF(not_shown); i++)
                CHECK(utf8_is_control(not_shown[i], &size) && size == strlen(not_shown[i]));
}

TEST(hex)
{
        uint8_t bytes[3];
        char text[7];

        CHECK_EQ(hex_decode("00ffA5", bytes, 3), 0);
        hex_encode(bytes, 3, text);
        CHECK(strcmp(text, "00ffa5") == 0);
        CHECK(hex_decode("00ff", bytes, 3) < 0);
        CHECK(hex_decode("00ffg5", bytes, 3) < 0);
}

TEST_MAIN
