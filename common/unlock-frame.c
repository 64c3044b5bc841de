/*
 * Unlock frames
 *
 * There is one way to write each frame, and a reader takes no other: bytes that mean nothing today would be a way
 * around whoever gives them a meaning later.
 */
#include "common/unlock-frame.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

#define VERSION 1U

static const uint8_t frame_magic[4] = {'K', 'F', 'U', 'F'}, answer_magic[4] = {'K', 'F', 'U', 'A'};

/* Fixed memory, so that no copy of a key is left on the heap. */
typedef struct Cursor {
        uint8_t *at;
} Cursor;

static void put(Cursor *cursor, const void *data, size_t size)
{
        memcpy(cursor->at, data, size);
        cursor->at += size;
}

static void put_u8(Cursor *cursor, uint8_t value)
{
        put(cursor, &value, 1);
}

static void put_u32(Cursor *cursor, uint32_t value)
{
        for (unsigned i = 0; i < 4; i++)
                put_u8(cursor, (uint8_t)(value >> (8 * i)));
}

static bool is_zero(const void *data, size_t size)
{
        const uint8_t *bytes = data;
        uint8_t seen = 0;

        for (size_t i = 0; i < size; i++)
                seen |= bytes[i];
        return seen == 0;
}

/* What is left is padding. */
static bool only_zeros(ByteReader *reader)
{
        size_t size = reader->size;
        const uint8_t *data = byte_reader_raw(reader, size);

        return data && is_zero(data, size);
}

void unlock_frame_encode(const UnlockFrame *frame, uint8_t ret[UNLOCK_FRAME_SIZE])
{
        Cursor cursor = {ret};

        memset(ret, 0, UNLOCK_FRAME_SIZE);
        put(&cursor, frame_magic, sizeof(frame_magic));
        put_u8(&cursor, VERSION);
        put_u8(&cursor, (uint8_t)frame->kind);
        put(&cursor, frame->slot, UNLOCK_ID_SIZE);
        put(&cursor, frame->key, UNLOCK_KEY_SIZE);
        if (frame->kind != UNLOCK_FRAME_REPLACE)
                return;
        put(&cursor, frame->new_key, UNLOCK_KEY_SIZE);
        put_u32(&cursor, frame->memory_kib);
        put_u32(&cursor, frame->passes);
        put(&cursor, frame->salt, UNLOCK_SALT_SIZE);
}

int unlock_frame_decode(const void *data, size_t size, UnlockFrame *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        UnlockFrame frame = {0};
        const uint8_t *magic;
        uint8_t version, kind;
        int r = -EBADMSG;

        if (size != UNLOCK_FRAME_SIZE)
                return -EBADMSG;
        magic = byte_reader_raw(&reader, sizeof(frame_magic));
        version = byte_reader_u8(&reader);
        kind = byte_reader_u8(&reader);
        byte_reader_copy(&reader, frame.slot, sizeof(frame.slot));
        byte_reader_copy(&reader, frame.key, sizeof(frame.key));
        byte_reader_copy(&reader, frame.new_key, sizeof(frame.new_key));
        frame.memory_kib = byte_reader_u32(&reader);
        frame.passes = byte_reader_u32(&reader);
        byte_reader_copy(&reader, frame.salt, sizeof(frame.salt));
        frame.kind = (UnlockFrameKind)kind;

        if (!reader.failed && memcmp(magic, frame_magic, sizeof(frame_magic)) == 0 && version == VERSION && kind > 0 &&
            kind < _UNLOCK_FRAME_KIND_MAX && only_zeros(&reader) &&
            (kind == UNLOCK_FRAME_REPLACE || (is_zero(frame.new_key, sizeof(frame.new_key)) && frame.memory_kib == 0 &&
                                              frame.passes == 0 && is_zero(frame.salt, sizeof(frame.salt))))) {
                *ret = frame;
                r = 0;
        }
        explicit_bzero(&frame, sizeof(frame));
        return r;
}

void unlock_answer_encode(const UnlockAnswer *answer, uint8_t ret[UNLOCK_ANSWER_SIZE])
{
        Cursor cursor = {ret};

        memset(ret, 0, UNLOCK_ANSWER_SIZE);
        put(&cursor, answer_magic, sizeof(answer_magic));
        put_u8(&cursor, VERSION);
        put_u8(&cursor, (uint8_t)answer->status);
        cursor.at += 2;
        put_u32(&cursor, answer->seconds);
}

int unlock_answer_decode(const void *data, size_t size, UnlockAnswer *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        UnlockAnswer answer = {0};
        const uint8_t *magic;
        uint8_t version, status;

        if (size != UNLOCK_ANSWER_SIZE)
                return -EBADMSG;
        magic = byte_reader_raw(&reader, sizeof(answer_magic));
        version = byte_reader_u8(&reader);
        status = byte_reader_u8(&reader);
        if (byte_reader_u16(&reader) != 0)
                return -EBADMSG;
        answer.status = (UnlockStatus)status;
        answer.seconds = byte_reader_u32(&reader);
        if (reader.failed || memcmp(magic, answer_magic, sizeof(answer_magic)) != 0 || version != VERSION ||
            status >= _UNLOCK_STATUS_MAX || !only_zeros(&reader))
                return -EBADMSG;
        *ret = answer;
        return 0;
}

const char *unlock_status_text(UnlockStatus status)
{
        switch (status) {
        case UNLOCK_DONE:
                return NULL;
        case UNLOCK_WRONG_KEY:
                return "the key slot has another password or key";
        case UNLOCK_NO_SLOT:
                return "the key slot is gone from the vault";
        case UNLOCK_NO_VAULT:
                return "there is no vault that could be opened";
        case UNLOCK_NOT_ALLOWED:
                return "a key slot of that kind is not opened at login";
        case UNLOCK_WAIT:
                return "too many tries in a short time: try again in a moment";
        case UNLOCK_DAMAGED:
                return "the vault is damaged: run keyfob check";
        case UNLOCK_INVALID:
                return "keyfobd does not understand this: the versions differ";
        case UNLOCK_FAILED:
        case _UNLOCK_STATUS_MAX:
                break;
        }
        return "keyfobd failed: its log says why";
}
