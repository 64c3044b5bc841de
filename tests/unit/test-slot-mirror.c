/* The slot mirror: what is written is read, what is out of bounds is not. */
#include <errno.h>

#include "common/bytes.h"
#include "common/slot-mirror.h"
#include "tests/unit/test.h"

/* Two of each kind, out of order. */
static SlotMirror *an_example(void)
{
        SlotMirror *mirror = calloc(1, sizeof(*mirror));

        CHECK(mirror);
        memset(mirror->vault, 0xaa, sizeof(mirror->vault));
        memset(mirror->hmac_salt, 0xbb, sizeof(mirror->hmac_salt));
        mirror->uid = 1000;
        for (unsigned i = 0; i < 4; i++) {
                SlotMirrorEntry *entry = &mirror->slots[mirror->n++];

                memset(entry->id, (int)(4 - i), sizeof(entry->id));
                if (i % 2 == 0) {
                        entry->kind = SLOT_MIRROR_LOGIN;
                        entry->memory_kib = SLOT_MIRROR_MEMORY_MIN_KIB + i;
                        entry->passes = SLOT_MIRROR_PASSES_MIN + i;
                        memset(entry->kdf_salt, 0xcc, sizeof(entry->kdf_salt));
                        continue;
                }
                entry->kind = SLOT_MIRROR_FIDO2;
                entry->uv = i == 3;
                (void)snprintf(entry->rp_id, sizeof(entry->rp_id), "pam://host%u", i);
                entry->credential_size = 16 + i;
                memset(entry->credential, 0xdd, entry->credential_size);
        }
        return mirror;
}

static ByteWriter written(SlotMirror *mirror)
{
        ByteWriter writer = BYTE_WRITER_NULL;

        slot_mirror_write(mirror, &writer);
        CHECK(!writer.failed);
        return writer;
}

TEST(what_is_written_is_read)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = an_example(), *got = NULL;
        _cleanup_(byte_writer_done) ByteWriter bytes = written(mirror), again = BYTE_WRITER_NULL;

        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), 0);
        CHECK_EQ(got->n, 4);
        CHECK_EQ(got->uid, 1000);
        CHECK(memcmp(got, mirror, sizeof(*got)) == 0);
        CHECK_EQ(got->slots[0].id[0], 1);
        CHECK(got->slots[0].uv && strcmp(got->slots[0].rp_id, "pam://host3") == 0);

        slot_mirror_write(got, &again);
        CHECK_EQ(again.size, bytes.size);
        CHECK(memcmp(again.data, bytes.data, bytes.size) == 0);
}

TEST(every_cut_and_every_tail_is_refused)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = an_example();
        _cleanup_(byte_writer_done) ByteWriter bytes = written(mirror);
        SlotMirror *got = NULL;

        for (size_t size = 0; size < bytes.size; size++)
                CHECK_EQ(slot_mirror_read(bytes.data, size, &got), -EBADMSG);
        byte_writer_u8(&bytes, 0);
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), -EBADMSG);
}

/* Where the fields of the first slot, of kind login, begin. */
#define SLOTS_AT (4U + 14U + 16U + 4U + 32U + 4U)

static void check_login(uint32_t memory_kib, uint32_t passes, int expected)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = an_example(), *got = NULL;
        _cleanup_(byte_writer_done) ByteWriter bytes = BYTE_WRITER_NULL;

        mirror->n = 1;
        bytes = written(mirror);
        for (unsigned i = 0; i < 4; i++) {
                bytes.data[SLOTS_AT + 17 + i] = (uint8_t)(memory_kib >> (8 * i));
                bytes.data[SLOTS_AT + 21 + i] = (uint8_t)(passes >> (8 * i));
        }
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), expected);
}

TEST(a_login_costs_enough_and_not_too_much)
{
        check_login(SLOT_MIRROR_MEMORY_MIN_KIB, SLOT_MIRROR_PASSES_MIN, 0);
        check_login(SLOT_MIRROR_MEMORY_MIN_KIB - 1, SLOT_MIRROR_PASSES_MIN, -EBADMSG);
        check_login(SLOT_MIRROR_MEMORY_MIN_KIB, SLOT_MIRROR_PASSES_MIN - 1, -EBADMSG);
        check_login(SLOT_MIRROR_MEMORY_MAX_KIB, 16, 0);
        check_login(SLOT_MIRROR_MEMORY_MAX_KIB, 17, -EBADMSG);
        check_login(SLOT_MIRROR_MEMORY_MAX_KIB + 1, SLOT_MIRROR_PASSES_MIN, -EBADMSG);
        check_login(SLOT_MIRROR_MEMORY_MIN_KIB, UINT32_MAX, -EBADMSG);
}

TEST(slots_that_no_login_can_use_are_left_out)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = an_example(), *got = NULL;
        _cleanup_(byte_writer_done) ByteWriter bytes = BYTE_WRITER_NULL;

        mirror->slots[0].passes = 1;
        mirror->slots[1].credential_size = 0;
        mirror->slots[3].rp_id[0] = '\n';
        bytes = written(mirror);
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), 0);
        CHECK_EQ(got->n, 1);
        CHECK_EQ(got->slots[0].id[0], 2);
}

TEST(an_order_and_flags_of_other_forms_are_refused)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = an_example();
        _cleanup_(byte_writer_done) ByteWriter bytes = BYTE_WRITER_NULL;
        SlotMirror *got = NULL;

        mirror->slots[0] = mirror->slots[1];
        mirror->n = 1;
        bytes = written(mirror);
        bytes.data[SLOTS_AT + 17] = 2; /* uv is 0 or 1 */
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), -EBADMSG);
        bytes.data[SLOTS_AT + 17] = 1;
        bytes.data[SLOTS_AT + 16] = 7; /* no kind of a login */
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), -EBADMSG);

        byte_writer_done(&bytes);
        mirror->slots[1] = mirror->slots[0]; /* the same id twice */
        mirror->n = 2;
        bytes = written(mirror);
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), -EBADMSG);
}

/* ---- two ways ---- */

/* The mirror, with one entry for each of these salts behind its first ones. */
static SlotMirror *with_ways(SlotMirror *mirror, uint8_t id, const char *salts)
{
        for (; *salts; salts++) {
                SlotMirrorEntry *entry = &mirror->slots[mirror->n++];

                *entry = (SlotMirrorEntry){.kind = SLOT_MIRROR_LOGIN,
                                           .memory_kib = SLOT_MIRROR_MEMORY_MIN_KIB,
                                           .passes = SLOT_MIRROR_PASSES_MIN};
                memset(entry->id, id, sizeof(entry->id));
                memset(entry->kdf_salt, *salts, sizeof(entry->kdf_salt));
        }
        return mirror;
}

static int read_again(SlotMirror *mirror)
{
        _cleanup_(slot_mirror_freep) SlotMirror *got = NULL;
        _cleanup_(byte_writer_done) ByteWriter bytes = written(mirror);
        int r = slot_mirror_read(bytes.data, bytes.size, &got);

        CHECK(r < 0 ? !got : memcmp(got, mirror, sizeof(*got)) == 0);
        return r;
}

TEST(one_login_slot_may_have_two_ways)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = with_ways(an_example(), 9, "ba"), *other = NULL;

        CHECK_EQ(read_again(mirror), 0);
        CHECK_EQ(mirror->n, 6);
        CHECK(mirror->slots[4].kdf_salt[0] == 'a' && mirror->slots[5].kdf_salt[0] == 'b');

        other = with_ways(an_example(), 9, "a");
        CHECK_EQ(read_again(with_ways(other, 10, "ab")), 0);
}

TEST(ways_in_descending_order_are_refused)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = with_ways(an_example(), 9, "ab"), *got = NULL;
        _cleanup_(byte_writer_done) ByteWriter bytes = written(mirror);
        uint8_t *last = bytes.data + bytes.size - SLOT_MIRROR_KDF_SALT_SIZE;

        memset(last, 'A', SLOT_MIRROR_KDF_SALT_SIZE);
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), -EBADMSG);
        memset(last, 'a', SLOT_MIRROR_KDF_SALT_SIZE); /* the same one twice */
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), -EBADMSG);
        last[SLOT_MIRROR_KDF_SALT_SIZE - 1] = 'b';
        CHECK_EQ(slot_mirror_read(bytes.data, bytes.size, &got), 0);
}

TEST(more_ways_are_refused)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = with_ways(an_example(), 9, "abc"), *other = with_ways(an_example(), 9, "ab");

        CHECK_EQ(read_again(mirror), -EBADMSG);
        CHECK_EQ(read_again(with_ways(other, 10, "ab")), -EBADMSG); /* only one slot has them */
}

TEST(two_ways_are_of_login_slots_alone)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = with_ways(an_example(), 1, "a"); /* 1 is a fido2 slot */

        CHECK_EQ(read_again(mirror), -EBADMSG);
}

TEST(two_ways_are_no_place_for_one_slot_more)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = calloc(1, sizeof(*mirror)), *other = calloc(1, sizeof(*other));

        CHECK(mirror && other);
        for (unsigned i = 1; i < SLOT_MIRROR_SLOTS_MAX; i++)
                (void)with_ways(mirror, (uint8_t)i, "a");
        *other = *mirror;
        CHECK_EQ(read_again(with_ways(mirror, SLOT_MIRROR_SLOTS_MAX, "ab")), 0);
        CHECK_EQ(mirror->n, SLOT_MIRROR_ENTRIES_MAX);
        (void)with_ways(other, SLOT_MIRROR_SLOTS_MAX, "a");
        CHECK_EQ(read_again(with_ways(other, SLOT_MIRROR_SLOTS_MAX + 1, "a")), -EBADMSG);
}

TEST(the_info_of_a_slot_key)
{
        static const uint8_t id[SLOT_MIRROR_ID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        uint8_t info[SLOT_FIDO2_INFO_SIZE];
        _cleanup_(byte_writer_done) ByteWriter expected = BYTE_WRITER_NULL;

        slot_fido2_info(id, info);
        byte_writer_string(&expected, SLOT_FIDO2_INFO);
        byte_writer_raw(&expected, id, sizeof(id));
        CHECK_EQ(expected.size, sizeof(info));
        CHECK(memcmp(expected.data, info, sizeof(info)) == 0);
}

TEST_MAIN
