/* CBOR of requests: what is not canonical or too large is refused before anything is built; what is written is canonical. */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

#include "authenticator/internal.h"
#include "common/hex.h"
#include "tests/unit/test.h"

#define BYTES_MAX 8192U

/* Stands before libcbor's, to see when a tree is built, and to let memory be short. */
static unsigned n_loads;
static bool short_of_memory;

cbor_item_t *cbor_load(cbor_data source, size_t size, struct cbor_load_result *result)
{
        cbor_item_t *(*real)(cbor_data, size_t, struct cbor_load_result *);

        n_loads++;
        if (short_of_memory) {
                result->error.code = CBOR_ERR_MEMERROR;
                return NULL;
        }
        *(void **)&real = dlsym(RTLD_NEXT, "cbor_load");
        CHECK(real);
        return real(source, size, result);
}

/* From memory of exactly that size, so that a sanitizer sees one byte too many. */
static int read_bytes(const uint8_t *data, size_t size)
{
        _cleanup_(cbor_item_donep) cbor_item_t *item = NULL;
        _cleanup_free_ uint8_t *copy = calloc(1, size ? size : 1);
        unsigned before = n_loads;
        int r;

        CHECK(copy);
        if (size > 0)
                memcpy(copy, data, size);
        r = cbor_read(copy, size, &item);
        CHECK(!item == (r != CTAP_OK));
        CHECK_EQ(n_loads - before, r == CTAP_OK ? 1 : 0);
        return r;
}

static size_t from_hex(const char *hex, uint8_t ret[BYTES_MAX])
{
        size_t size = strlen(hex) / 2;

        CHECK(strlen(hex) % 2 == 0 && size <= BYTES_MAX);
        CHECK_EQ(hex_decode(hex, ret, size), 0);
        return size;
}

static cbor_item_t *read_hex(const char *hex)
{
        uint8_t data[BYTES_MAX];
        cbor_item_t *item = NULL;

        CHECK_EQ(cbor_read(data, from_hex(hex, data), &item), CTAP_OK);
        return item;
}

static void expect_all(const char *const *vectors, size_t n, int expected)
{
        for (size_t i = 0; i < n; i++) {
                uint8_t data[BYTES_MAX];
                int r = read_bytes(data, from_hex(vectors[i], data));

                if (r != expected)
                        fprintf(stderr, "%s\n", vectors[i]);
                CHECK_EQ(r, expected);
        }
}

#define ACCEPTED(...)                                                                                                 \
        do {                                                                                                           \
                static const char *const vectors_[] = {__VA_ARGS__};                                                   \
                expect_all(vectors_, ELEMENTSOF(vectors_), CTAP_OK);                                                   \
        } while (0)
#define REFUSED(...)                                                                                                  \
        do {                                                                                                           \
                static const char *const vectors_[] = {__VA_ARGS__};                                                   \
                expect_all(vectors_, ELEMENTSOF(vectors_), CTAP2_ERR_INVALID_CBOR);                                    \
        } while (0)

/* ---- reading ---- */

TEST(nothing_is_not_cbor)
{
        CHECK_EQ(read_bytes(NULL, 0), CTAP2_ERR_INVALID_CBOR);
}

TEST(minimal_heads_are_accepted)
{
        ACCEPTED("00", "17", "1818", "18ff", "190100", "19ffff", "1a00010000", "1affffffff", "1b0000000100000000",
                 "1bffffffffffffffff");
        ACCEPTED("20", "37", "3818", "38ff", "390100", "39ffff", "3a00010000", "3affffffff", "3b0000000100000000",
                 "3bffffffffffffffff");
        ACCEPTED("40", "4100", "60", "6161", "80", "8100", "a0", "a10000", "f4", "f5");
}

TEST(integers_longer_than_needed_are_refused)
{
        REFUSED("1800", "1817", "190000", "190017", "1900ff", "1a00000000", "1a0000ffff", "1b0000000000000000",
                "1b00000000ffffffff");
        REFUSED("3800", "3817", "390000", "3900ff", "3a0000ffff", "3b00000000ffffffff");
        /* within a map, as key and as value */
        REFUSED("a1180100", "a1011801", "a119000100", "a101190001");
}

TEST(lengths_longer_than_needed_are_refused)
{
        REFUSED("580100", "59000100", "5a0000000100", "5b000000000000000100");
        REFUSED("780161", "79000161", "7a0000000161", "7b000000000000000161");
        REFUSED("980100", "99000100", "9a0000000100", "9b000000000000000100");
        REFUSED("b8010000", "b900010000", "ba000000010000", "bb00000000000000010000");
        REFUSED("5800", "7800", "9800", "b800");
}

TEST(strings_of_each_head_size_are_accepted)
{
        static const size_t sizes[] = {0, 1, 23, 24, 255, 256, 7000};
        uint8_t data[BYTES_MAX], short_data[BYTES_MAX];

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                CborWriter w = CBOR_WRITER(data, sizeof(data));

                memset(short_data, 'x', sizeof(short_data));
                put_text_n(&w, (const char *)short_data, sizes[i]);
                CHECK_EQ(read_bytes(data, w.size), CTAP_OK);
                if (sizes[i] > 0)
                        CHECK_EQ(read_bytes(data, w.size - 1), CTAP2_ERR_INVALID_CBOR);
        }
}

TEST(indefinite_lengths_are_refused)
{
        REFUSED("5f4100ff", "5fff", "7f6161ff", "7fff", "9f00ff", "9fff", "bf0000ff", "bfff", "ff");
        REFUSED("a1019f00ff", "a101bf0000ff", "a1015f4100ff", "a1017f6161ff", "8100ff", "a1ff00");
}

TEST(tags_floats_and_other_simple_values_are_refused)
{
        REFUSED("c000", "c11a514b67b0", "d81843010203", "d9d9f700", "da0000000100", "db000000000000000100");
        REFUSED("f90000", "f93c00", "f97e00", "fa47c35000", "fb3ff199999999999a");
        REFUSED("f6", "f7", "e0", "f3", "f800", "f814", "f820", "f8ff", "a101f6", "a101f7", "81f6", "a1f600");
        /* reserved heads */
        REFUSED("1c", "1d", "1e", "1f", "3c", "3f", "5c", "7c", "9c", "bc", "dc", "fc", "fd", "fe");
}

TEST(keys_must_ascend)
{
        ACCEPTED("a201000200", "a200002000", "a201006000", "a220006000", "a217001818" "00");
        ACCEPTED("a238ff00390100" "00"); /* -256, -257 */
        ACCEPTED("a3616100616200626161" "00");
        ACCEPTED("a26161006261" "6100"); /* "a" before "aa" */
        ACCEPTED("a2617a00626161" "00"); /* "z" before "aa": the shorter one first */
        ACCEPTED("a4010003002000" "2100"); /* 1, 3, -1, -2: a COSE key's */
        ACCEPTED("a218ff002000", "a2190100" "002000", "a238ff006000"); /* the major type before the length */
        REFUSED("a2200018ff00", "a2600038ff00", "a23900ff" "003800" "00", "a2410000" "2000");
        REFUSED("a202000100", "a220000000", "a260000100", "a260002000", "a2181800" "1700");
        REFUSED("a2616200616100", "a2626161006161" "00", "a262616100617a00", "a26161000100");
        REFUSED("a2210020" "00", "a420002100010003" "00");
        /* a later one, and in a map within */
        REFUSED("a3010003000200", "a101a202000100", "81a202000100");
}

TEST(keys_must_not_repeat)
{
        REFUSED("a201000100", "a220002000", "a2616100616100", "a260006000", "a3010002000200", "a101a201000100");
        REFUSED("a2410000410000");
}

TEST(keys_are_plain)
{
        ACCEPTED("a1410000", "a10000", "a12000", "a1616100");
        REFUSED("a18000", "a1a000", "a1f400", "a1f500", "a1810000", "a200008000");
}

TEST(exactly_one_value_is_read)
{
        REFUSED("0000", "a000", "a0a0", "a1000000", "8000", "f4f4", "6000", "4000", "a0ff", "a0f6");
}

TEST(nesting_is_bounded)
{
        ACCEPTED("81818180", "8181818100", "a100a100a100a0", "a100a100a100a10000", "a10081a10080", "a10081a1008100");
        REFUSED("8181818180", "818181818100", "a100a100a100a100a0", "a10081a10081a0", "81a10081a10080");
        /* beside each other they are not nested */
        ACCEPTED("84818180818180818180818180", "a201818180028181a0");
}

TEST(counts_beyond_the_bytes_are_refused)
{
        REFUSED("5bffffffffffffffff", "7bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff");
        REFUSED("5b7fffffffffffffff00", "7b7fffffffffffffff61", "9b7fffffffffffffff00", "bb7fffffffffffffff0000");
        REFUSED("bb80000000000000000000", "bb80000000000000010000", "9b80000000000000000000"); /* doubled they wrap around */
        REFUSED("5affffffff", "7affffffff", "9affffffff", "baffffffff", "9a0001000000", "ba0001000000");
        REFUSED("81", "8200", "a1", "a100", "a2000001", "9802" "00", "42" "00", "62" "61", "a1015affffffff00");
}

TEST(items_are_bounded)
{
        uint8_t data[BYTES_MAX] = {0x99};

        data[1] = (CBOR_ITEMS_MAX - 1) >> 8;
        data[2] = (CBOR_ITEMS_MAX - 1) & 0xff;
        CHECK_EQ(read_bytes(data, 3 + CBOR_ITEMS_MAX - 1), CTAP_OK);
        data[1] = CBOR_ITEMS_MAX >> 8;
        data[2] = CBOR_ITEMS_MAX & 0xff;
        CHECK_EQ(read_bytes(data, 3 + CBOR_ITEMS_MAX), CTAP2_ERR_LIMIT_EXCEEDED);
}

TEST(text_is_strict_utf8)
{
        ACCEPTED("62c3a9", "63e282ac", "64f09f9880", "64f48fbfbf", "63ed9fbf", "63ee8080", "6100", "63610062");
        REFUSED("6180", "61c3", "62c328", "62c0af", "63e08080", "63eda080", "63edbfbf", "64f0808080", "64f4908080",
                "64f8888080", "61ff", "62e282", "6300c328");
        /* as a key, and beyond a NUL */
        REFUSED("a161ff00", "62" "00ff", "a10162c328");
        ACCEPTED("41ff", "42c328");
}

/* clientDataHash, rp, user, pubKeyCredParams, excludeList, extensions, options, pinUvAuthParam, pinUvAuthProtocol */
#define MAKE_CREDENTIAL                                                                                                \
        "a9"                                                                                                           \
        "0158201111111111111111111111111111111111111111111111111111111111111111"                                       \
        "02a26269646b6578616d706c652e636f6d646e616d656445786d70"                                                      \
        "03a362696441016" "46e616d65" "63626f62" "6b646973706c61794e616d65" "63426f62"                                 \
        "0482a263616c672664747970656a7075626c69632d6b6579a263616c672764747970656a7075626c69632d6b6579"                 \
        "0581a262696442aabb64747970656a7075626c69632d6b6579"                                                           \
        "06a26b6372656450726f74656374026b686d61632d736563726574f5"                                                     \
        "07a162726bf5"                                                                                                 \
        "085000112233445566778899aabbccddeeff"                                                                         \
        "0902"

TEST(a_request_cut_anywhere_or_grown_is_refused)
{
        uint8_t data[BYTES_MAX];
        size_t size = from_hex(MAKE_CREDENTIAL, data);

        CHECK(size > 0 && size < sizeof(data));
        CHECK_EQ(read_bytes(data, size), CTAP_OK);
        for (size_t cut = 0; cut < size; cut++)
                CHECK_EQ(read_bytes(data, cut), CTAP2_ERR_INVALID_CBOR);
        for (unsigned byte = 0; byte <= 0xff; byte++) {
                data[size] = (uint8_t)byte;
                CHECK_EQ(read_bytes(data, size + 1), CTAP2_ERR_INVALID_CBOR);
        }
}

/* Whatever is accepted is what libcbor would write from it: the canonical form is unique. */
TEST(a_request_changed_anywhere_is_refused_or_canonical)
{
        uint8_t original[BYTES_MAX], data[BYTES_MAX], again[BYTES_MAX];
        size_t size = from_hex(MAKE_CREDENTIAL, original);
        unsigned n_accepted = 0, n_refused = 0;

        for (size_t at = 0; at < size; at++)
                for (unsigned byte = 0; byte <= 0xff; byte++) {
                        _cleanup_(cbor_item_donep) cbor_item_t *item = NULL;

                        memcpy(data, original, size);
                        data[at] = (uint8_t)byte;
                        if (cbor_read(data, size, &item) != CTAP_OK) {
                                n_refused++;
                                continue;
                        }
                        n_accepted++;
                        CHECK_EQ(cbor_serialize(item, again, sizeof(again)), size);
                        CHECK(memcmp(data, again, size) == 0);
                }
        CHECK(n_accepted > 1000 && n_refused > 1000);
}

TEST(short_memory_is_fatal)
{
        static const uint8_t data[] = {0xa0};
        cbor_item_t *item = NULL;

        short_of_memory = true;
        CHECK_EQ(cbor_read(data, sizeof(data), &item), -ENOMEM);
        short_of_memory = false;
        CHECK(!item);
}

/* ---- values ---- */

TEST(absent_values_are_missing)
{
        const uint8_t *bytes;
        const char *text;
        uint64_t number;
        int64_t integer;
        uint8_t key[64];
        size_t size;
        bool yes;

        CHECK_EQ(value_uint(NULL, 1, &number), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_int(NULL, &integer), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_bool(NULL, &yes), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_bytes(NULL, 0, 1, &bytes, &size), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_text(NULL, 1, &text, &size), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_map(NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_array(NULL, 1, &size), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(value_cose_agreement(NULL, key), CTAP2_ERR_MISSING_PARAMETER);
}

/* Each of a value's types against each that is wanted: the diagonal alone is right. */
TEST(wrong_types_are_told)
{
        static const char *const values[] = {"05", "25", "4105", "6135", "8105", "a10505", "f5"};

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *item = read_hex(values[i]);
                const int wrong = CTAP2_ERR_CBOR_UNEXPECTED_TYPE;
                const uint8_t *bytes;
                const char *text;
                uint64_t number = 99;
                int64_t integer = 99;
                size_t size = 99;
                uint8_t key[64];
                bool yes = false;

                CHECK_EQ(value_uint(item, 10, &number), i == 0 ? CTAP_OK : wrong);
                CHECK_EQ(number, i == 0 ? 5 : 99);
                CHECK_EQ(value_int(item, &integer), i <= 1 ? CTAP_OK : wrong);
                CHECK_EQ(integer, i == 0 ? 5 : i == 1 ? -6 : 99);
                CHECK_EQ(value_bytes(item, 0, 10, &bytes, &size), i == 2 ? CTAP_OK : wrong);
                CHECK_EQ(value_text(item, 10, &text, &size), i == 3 ? CTAP_OK : wrong);
                CHECK_EQ(value_array(item, 10, &size), i == 4 ? CTAP_OK : wrong);
                CHECK_EQ(value_map(item), i == 5 ? CTAP_OK : wrong);
                CHECK_EQ(value_bool(item, &yes), i == 6 ? CTAP_OK : wrong);
                CHECK_EQ(yes, i == 6);
                CHECK_EQ(value_cose_agreement(item, key), i == 5 ? CTAP2_ERR_MISSING_PARAMETER : wrong);
        }
}

TEST(bounds_of_values)
{
        _cleanup_(cbor_item_donep) cbor_item_t *item =
                read_hex("a70005011bffffffffffffffff023b7fffffffffffffff033b8000000000000000044301020305636162630682f4f5");
        const uint8_t *bytes;
        const char *text;
        uint64_t number;
        int64_t integer;
        size_t size;
        bool yes;

        CHECK_EQ(value_uint(map_get(item, 0), 5, &number), CTAP_OK);
        CHECK_EQ(value_uint(map_get(item, 0), 4, &number), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(value_uint(map_get(item, 1), UINT64_MAX, &number), CTAP_OK);
        CHECK(number == UINT64_MAX);
        CHECK_EQ(value_int(map_get(item, 1), &integer), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(value_int(map_get(item, 2), &integer), CTAP_OK);
        CHECK(integer == INT64_MIN);
        CHECK_EQ(value_int(map_get(item, 3), &integer), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(value_bytes(map_get(item, 4), 3, 3, &bytes, &size), CTAP_OK);
        CHECK(size == 3 && bytes[2] == 3);
        CHECK_EQ(value_bytes(map_get(item, 4), 0, 2, &bytes, &size), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(value_bytes(map_get(item, 4), 4, 9, &bytes, &size), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(value_text(map_get(item, 5), 3, &text, &size), CTAP_OK);
        CHECK(text_is(text, size, "abc"));
        CHECK(!text_is(text, size, "ab") && !text_is(text, size, "abcd") && !text_is(text, size, "abd"));
        CHECK_EQ(value_text(map_get(item, 5), 2, &text, &size), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(value_array(map_get(item, 6), 2, &size), CTAP_OK);
        CHECK_EQ(size, 2);
        CHECK_EQ(value_array(map_get(item, 6), 1, &size), CTAP2_ERR_LIMIT_EXCEEDED);
        CHECK_EQ(value_bool(array_get(map_get(item, 6), 0), &yes), CTAP_OK);
        CHECK(!yes);
        CHECK(!map_get(item, 7) && !map_get(item, -1) && !map_get_text(item, "abc"));
}

TEST(members_by_integer_and_text)
{
        _cleanup_(cbor_item_donep) cbor_item_t *item = read_hex("a500002001414102" "6103" "03626162" "04");
        uint64_t number;

        CHECK_EQ(value_uint(map_get(item, 0), 9, &number), CTAP_OK);
        CHECK_EQ(number, 0);
        CHECK_EQ(value_uint(map_get(item, -1), 9, &number), CTAP_OK);
        CHECK_EQ(number, 1);
        CHECK_EQ(value_uint(map_get_text(item, "\3"), 9, &number), CTAP_OK);
        CHECK_EQ(number, 3);
        CHECK_EQ(value_uint(map_get_text(item, "ab"), 9, &number), CTAP_OK);
        CHECK_EQ(number, 4);
        CHECK(!map_get_text(item, "A") && !map_get_text(item, "a") && !map_get_text(item, ""));
}

#define X32 "5820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define Y32 "5820202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static int read_agreement(const char *hex, uint8_t ret[64])
{
        _cleanup_(cbor_item_donep) cbor_item_t *item = read_hex(hex);

        return value_cose_agreement(item, ret);
}

TEST(keys_of_agreement)
{
        uint8_t key[64];

        CHECK_EQ(read_agreement("a501020338182001" "21" X32 "22" Y32, key), CTAP_OK);
        for (unsigned i = 0; i < 64; i++)
                CHECK_EQ(key[i], i);
        /* type, algorithm, curve */
        CHECK_EQ(read_agreement("a501010338182001" "21" X32 "22" Y32, key), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(read_agreement("a5010203262001" "21" X32 "22" Y32, key), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(read_agreement("a501020338182002" "21" X32 "22" Y32, key), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(read_agreement("a5011bffffffffffffffff0338182001" "21" X32 "22" Y32, key),
                 CTAP1_ERR_INVALID_PARAMETER);
        /* coordinates */
        CHECK_EQ(read_agreement("a501020338182001" "214100" "22" Y32, key), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(read_agreement("a501020338182001" "21" X32 "2240", key), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(read_agreement("a501020338182001" "21" X32 "22f5", key), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(read_agreement("a401020338182001" "21" X32, key), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(read_agreement("a40102200121" X32 "22" Y32, key), CTAP2_ERR_MISSING_PARAMETER);
}

TEST_MAIN
