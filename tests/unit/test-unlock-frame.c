/* Unlock frames: one form for each, and nothing else is taken. */
#include <errno.h>
#include <stdbool.h>

#include "common/unlock-frame.h"
#include "tests/unit/test.h"

static UnlockFrame a_frame(UnlockFrameKind kind)
{
        UnlockFrame frame = {.kind = kind};

        memset(frame.slot, 0x11, sizeof(frame.slot));
        memset(frame.key, 0x22, sizeof(frame.key));
        if (kind == UNLOCK_FRAME_REPLACE) {
                memset(frame.new_key, 0x33, sizeof(frame.new_key));
                memset(frame.salt, 0x44, sizeof(frame.salt));
                frame.memory_kib = 0x00010203;
                frame.passes = 4;
        }
        return frame;
}

static void check_round_trip(UnlockFrameKind kind)
{
        const UnlockFrame frame = a_frame(kind);
        uint8_t bytes[UNLOCK_FRAME_SIZE];
        UnlockFrame got;

        unlock_frame_encode(&frame, bytes);
        CHECK_EQ(unlock_frame_decode(bytes, sizeof(bytes), &got), 0);
        CHECK_EQ(got.kind, kind);
        CHECK(memcmp(got.slot, frame.slot, sizeof(got.slot)) == 0);
        CHECK(memcmp(got.key, frame.key, sizeof(got.key)) == 0);
        CHECK(memcmp(got.new_key, frame.new_key, sizeof(got.new_key)) == 0);
        CHECK(memcmp(got.salt, frame.salt, sizeof(got.salt)) == 0);
        CHECK_EQ(got.memory_kib, frame.memory_kib);
        CHECK_EQ(got.passes, frame.passes);
}

TEST(frames_are_read_as_written)
{
        check_round_trip(UNLOCK_FRAME_OPEN);
        check_round_trip(UNLOCK_FRAME_REPLACE);
}

/* The bytes are a promise to modules of other versions. */
TEST(the_layout_is_fixed)
{
        const UnlockFrame frame = a_frame(UNLOCK_FRAME_REPLACE);
        uint8_t bytes[UNLOCK_FRAME_SIZE];
        static const uint8_t zeros[16];

        unlock_frame_encode(&frame, bytes);
        CHECK(memcmp(bytes, "KFUF\1\2", 6) == 0);
        CHECK(bytes[6] == 0x11 && bytes[21] == 0x11);
        CHECK(bytes[22] == 0x22 && bytes[53] == 0x22);
        CHECK(bytes[54] == 0x33 && bytes[85] == 0x33);
        CHECK(memcmp(bytes + 86, "\3\2\1\0\4\0\0\0", 8) == 0);
        CHECK(bytes[94] == 0x44 && bytes[109] == 0x44);
        CHECK(memcmp(bytes + 110, zeros, 16) == 0);
}

TEST(other_sizes_are_refused)
{
        const UnlockFrame frame = a_frame(UNLOCK_FRAME_OPEN);
        uint8_t bytes[UNLOCK_FRAME_SIZE + 1] = {0};
        UnlockFrame got;

        unlock_frame_encode(&frame, bytes);
        for (size_t size = 0; size <= sizeof(bytes); size++)
                CHECK_EQ(unlock_frame_decode(bytes, size, &got), size == UNLOCK_FRAME_SIZE ? 0 : -EBADMSG);
}

TEST(bytes_that_mean_nothing_are_refused)
{
        const UnlockFrame frame = a_frame(UNLOCK_FRAME_OPEN);
        uint8_t bytes[UNLOCK_FRAME_SIZE];
        UnlockFrame got;

        unlock_frame_encode(&frame, bytes);
        for (size_t i = 0; i < sizeof(bytes); i++) {
                bool key = i >= 6 && i < 54;

                bytes[i] ^= 0x40;
                CHECK_EQ(unlock_frame_decode(bytes, sizeof(bytes), &got), key ? 0 : -EBADMSG);
                bytes[i] ^= 0x40;
        }
}

TEST(answers_are_read_as_written)
{
        uint8_t bytes[UNLOCK_ANSWER_SIZE];
        UnlockAnswer got;

        for (int status = 0; status < _UNLOCK_STATUS_MAX; status++) {
                unlock_answer_encode(&(UnlockAnswer){.status = (UnlockStatus)status, .seconds = 7}, bytes);
                CHECK_EQ(unlock_answer_decode(bytes, sizeof(bytes), &got), 0);
                CHECK_EQ(got.status, status);
                CHECK_EQ(got.seconds, 7);
                CHECK((unlock_status_text(got.status) == NULL) == (status == UNLOCK_DONE));
        }
        CHECK_EQ(unlock_answer_decode(bytes, sizeof(bytes) - 1, &got), -EBADMSG);
        bytes[5] = _UNLOCK_STATUS_MAX;
        CHECK_EQ(unlock_answer_decode(bytes, sizeof(bytes), &got), -EBADMSG);
        bytes[5] = 0;
        bytes[15] = 1;
        CHECK_EQ(unlock_answer_decode(bytes, sizeof(bytes), &got), -EBADMSG);
}

/* Frames are counted whether their keys are right or not. */
TEST(who_has_to_wait_is_not_told_that_keys_were_wrong)
{
        CHECK(!strstr(unlock_status_text(UNLOCK_WAIT), "wrong"));
}

TEST_MAIN
