/* What is written is canonical and fits: CBOR, COSE keys, names. */
#include <stdint.h>
#include <sys/wait.h>

#include "authenticator/internal.h"
#include "common/hex.h"
#include "tests/unit/test.h"

#define BYTES_MAX 256U

static size_t from_hex(const char *hex, uint8_t ret[BYTES_MAX])
{
        size_t size = strlen(hex) / 2;

        CHECK(strlen(hex) % 2 == 0 && size <= BYTES_MAX);
        CHECK_EQ(hex_decode(hex, ret, size), 0);
        return size;
}

static bool canonical(const CborWriter *w)
{
        _cleanup_(cbor_item_donep) cbor_item_t *item = NULL;

        return !w->failed && cbor_writer_complete(w) && cbor_read(w->data, w->size, &item) == CTAP_OK;
}

#define X32 "5820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define Y32 "5820202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static void same_as_libcbor(const CborWriter *w, cbor_item_t *item)
{
        uint8_t expected[BYTES_MAX];
        size_t size = cbor_serialize(item, expected, sizeof(expected));

        CHECK(size > 0 && canonical(w));
        CHECK_EQ(w->size, size);
        CHECK(memcmp(w->data, expected, size) == 0);
        cbor_decref(&item);
}

static cbor_item_t *uint_item(uint64_t value)
{
        return value <= UINT8_MAX  ? cbor_build_uint8((uint8_t)value) :
               value <= UINT16_MAX ? cbor_build_uint16((uint16_t)value) :
               value <= UINT32_MAX ? cbor_build_uint32((uint32_t)value) :
                                     cbor_build_uint64(value);
}

TEST(integers_are_written_as_short_as_can_be)
{
        static const uint64_t values[] = {0,      1,          23,         24,          255,       256,
                                          65535,  65536,      0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX};
        uint8_t data[16];

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                CborWriter w = CBOR_WRITER(data, sizeof(data));
                cbor_item_t *item;

                put_uint(&w, values[i]);
                same_as_libcbor(&w, uint_item(values[i]));
                if (values[i] > INT64_MAX)
                        continue;
                w = CBOR_WRITER(data, sizeof(data));
                put_int(&w, (int64_t)values[i]);
                same_as_libcbor(&w, uint_item(values[i]));
                w = CBOR_WRITER(data, sizeof(data));
                put_int(&w, -1 - (int64_t)values[i]);
                item = uint_item(values[i]);
                cbor_mark_negint(item);
                same_as_libcbor(&w, item);
        }
}

static void write_all(CborWriter *w)
{
        put_map(w, 5);
        put_uint(w, 1);
        put_bytes(w, "\xff\0", 2);
        put_uint(w, 300);
        put_array(w, 3);
        put_bool(w, true);
        put_array(w, 0);
        put_map(w, 1);
        put_text(w, "a");
        put_bool(w, false);
        put_int(w, -7);
        put_text_n(w, "abc", 2);
        put_text(w, "raw");
        put_raw(w, "\x82\x01\x02", 3);
        put_text(w, "zzzz");
        put_map(w, 0);
}

static const char *const all_hex = "a50142ff0019012c83f580a16161f426626162637261778201026" "47a7a7a7aa0";

TEST(maps_and_arrays_are_written)
{
        uint8_t data[64], expected[BYTES_MAX];
        size_t size = from_hex(all_hex, expected);
        CborWriter w = CBOR_WRITER(data, sizeof(data));

        write_all(&w);
        CHECK(canonical(&w));
        CHECK_EQ(w.size, size);
        CHECK(memcmp(data, expected, size) == 0);
}

TEST(a_writer_never_leaves_its_memory)
{
        uint8_t expected[BYTES_MAX];
        size_t size = from_hex(all_hex, expected);

        for (size_t capacity = 0; capacity <= size; capacity++) {
                _cleanup_free_ uint8_t *data = malloc(capacity ? capacity : 1);
                CborWriter w = CBOR_WRITER(data, capacity);

                CHECK(data);
                write_all(&w);
                CHECK_EQ(w.failed, capacity < size);
                CHECK(w.size <= capacity);
                CHECK(memcmp(data, expected, w.size) == 0); /* what fitted, and nothing after what did not */
        }
}

static void write_keys_in_wrong_order(CborWriter *w)
{
        put_map(w, 2);
        put_uint(w, 2);
        put_uint(w, 0);
        put_uint(w, 1);
}

static void write_a_key_twice(CborWriter *w)
{
        put_map(w, 2);
        put_text(w, "a");
        put_map(w, 1);
        put_text(w, "a");
        put_uint(w, 0);
        put_text(w, "a");
}

static bool aborts(void (*write)(CborWriter *w))
{
        uint8_t data[64];
        CborWriter w = CBOR_WRITER(data, sizeof(data));
        int status;
        pid_t pid;

        (void)fflush(stdout);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
                if (!freopen("/dev/null", "w", stderr))
                        _exit(1);
                write(&w);
                _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(a_wrong_order_of_keys_is_asserted)
{
#ifndef NDEBUG
        const bool asserted = true;
#else
        const bool asserted = false;
#endif
        CHECK(!aborts(write_all));
        CHECK_EQ(aborts(write_keys_in_wrong_order), asserted);
        CHECK_EQ(aborts(write_a_key_twice), asserted);
}

TEST(public_keys_are_written)
{
        static const struct {
                int32_t algorithm;
                const char *hex;
        } keys[] = {
                {COSE_ES256, "a5010203262001" "21" X32 "22" Y32},
                {COSE_ESP256, "a5010203282001" "21" X32 "22" Y32},
                {COSE_EDDSA, "a4010103272006" "21" X32},
                {COSE_ED25519, "a4010103322006" "21" X32},
        };
        uint8_t public_key[SIGN_PUBLIC_MAX], data[COSE_KEY_MAX], expected[BYTES_MAX];

        for (unsigned i = 0; i < sizeof(public_key); i++)
                public_key[i] = (uint8_t)i;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                CborWriter w = CBOR_WRITER(data, sizeof(data));
                size_t size = from_hex(keys[i].hex, expected);

                put_cose_key(&w, algorithm_find(keys[i].algorithm), public_key);
                CHECK(canonical(&w));
                CHECK_EQ(w.size, size);
                CHECK(memcmp(data, expected, size) == 0);
        }
}

TEST(every_algorithm_has_a_key_that_fits)
{
        static const int32_t expected[] = {COSE_ES256, COSE_EDDSA, COSE_ES384, COSE_ESP256, COSE_ED25519, COSE_ESP384};
        uint8_t public_key[SIGN_PUBLIC_MAX] = {0}, data[COSE_KEY_MAX];

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                const Algorithm *algorithm = algorithm_find(expected[i]);
                CborWriter w = CBOR_WRITER(data, sizeof(data));

                CHECK(algorithm && algorithm->cose == expected[i]);
                put_cose_key(&w, algorithm, public_key);
                CHECK(canonical(&w));
        }
        CHECK(!algorithm_find(COSE_ECDH) && !algorithm_find(-257) && !algorithm_find(0) && !algorithm_find(INT64_MIN));
}

/* ---- names ---- */

static bool copies(const char *text, size_t size, size_t max, const char *expected)
{
        char name[16];

        memset(name, 'x', sizeof(name));
        name_copy(name, max, text, size);
        return strcmp(name, expected) == 0 && name[max + 1] == 'x';
}

TEST(names_are_cut_between_characters)
{
        CHECK(copies("", 0, 4, ""));
        CHECK(copies("abcd", 4, 4, "abcd"));
        CHECK(copies("abcde", 5, 4, "abcd"));
        CHECK(copies("abc\xc3\xa9", 5, 5, "abc\xc3\xa9"));
        CHECK(copies("abc\xc3\xa9", 5, 4, "abc"));
        CHECK(copies("ab\xe2\x82\xac", 5, 4, "ab"));
        CHECK(copies("ab\xe2\x82\xac", 5, 3, "ab"));
        CHECK(copies("\xf0\x9f\x98\x80z", 5, 3, ""));
        CHECK(copies("\xf0\x9f\x98\x80z", 5, 4, "\xf0\x9f\x98\x80"));
        CHECK(copies("abc", 3, 0, ""));
        CHECK(copies("a\0b\0", 4, 8, "a b ")); /* nothing hides behind a NUL */
}

static bool sanitizes(const char *text, const char *expected)
{
        char copy[64];

        strcpy(copy, text);
        name_sanitize(copy);
        return strcmp(copy, expected) == 0;
}

TEST(names_are_made_fit_for_showing)
{
        CHECK(sanitizes("", ""));
        CHECK(sanitizes("Zo\xc3\xab \xf0\x9f\x98\x80 \xe2\x82\xac", "Zo\xc3\xab \xf0\x9f\x98\x80 \xe2\x82\xac"));
        CHECK(sanitizes("a\x01" "b\nc\r\td\x1f" "e\x7f" "f\x1b[0m", "a b c  d e f [0m"));
        CHECK(sanitizes("a\xc2\x80" "b\xc2\x9f" "c\xc2\xa0" "d", "a b c\xc2\xa0" "d"));
        CHECK(sanitizes("a\xe2\x80\xa8" "b\xe2\x80\xa9" "c", "a b c"));
        CHECK(sanitizes("\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae", "     "));
        CHECK(sanitizes("\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "       "));
        CHECK(sanitizes("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"));
}

TEST_MAIN
