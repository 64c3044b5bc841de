/*
 * The slot mirror and unlock frames, as root and the daemon read them: what is accepted keeps every limit, and is what
 * would be written
 */
#include <string.h>

#include "common/bytes.h"
#include "common/slot-mirror.h"
#include "common/unlock-frame.h"
#include "fuzz/fuzz.h"

static void try_mirror(const uint8_t *data, size_t size)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_(byte_writer_done) ByteWriter again = BYTE_WRITER_NULL;
        size_t n_again = 0;

        if (slot_mirror_read(data, size, &mirror) < 0) {
                PROMISE(!mirror);
                return;
        }
        PROMISE(mirror->n <= SLOT_MIRROR_ENTRIES_MAX);
        for (size_t i = 0; i < mirror->n; i++) {
                const SlotMirrorEntry *entry = &mirror->slots[i];

                if (i > 0 && memcmp(entry->id, entry[-1].id, sizeof(entry->id)) == 0) {
                        PROMISE(entry->kind == SLOT_MIRROR_LOGIN && entry[-1].kind == SLOT_MIRROR_LOGIN);
                        PROMISE(memcmp(entry->kdf_salt, entry[-1].kdf_salt, sizeof(entry->kdf_salt)) > 0);
                        n_again++;
                }
                if (entry->kind == SLOT_MIRROR_LOGIN)
                        PROMISE(entry->memory_kib >= SLOT_MIRROR_MEMORY_MIN_KIB &&
                                entry->memory_kib <= SLOT_MIRROR_MEMORY_MAX_KIB &&
                                entry->passes >= SLOT_MIRROR_PASSES_MIN);
                else
                        PROMISE(entry->credential_size > 0 && strlen(entry->rp_id) <= SLOT_MIRROR_RP_MAX);
        }
        PROMISE(n_again < SLOT_MIRROR_WAYS_MAX && mirror->n - n_again <= SLOT_MIRROR_SLOTS_MAX);
        slot_mirror_write(mirror, &again);
        PROMISE(again.size == size && memcmp(again.data, data, size) == 0);
}

static void try_frame(const uint8_t *data, size_t size)
{
        uint8_t frame_again[UNLOCK_FRAME_SIZE], answer_again[UNLOCK_ANSWER_SIZE];
        UnlockAnswer answer;
        UnlockFrame frame;

        if (unlock_frame_decode(data, size, &frame) == 0) {
                unlock_frame_encode(&frame, frame_again);
                PROMISE(size == sizeof(frame_again) && memcmp(frame_again, data, size) == 0);
        }
        if (unlock_answer_decode(data, size, &answer) == 0) {
                unlock_answer_encode(&answer, answer_again);
                PROMISE(size == sizeof(answer_again) && memcmp(answer_again, data, size) == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        try_mirror(data, size);
        try_frame(data, size);
        return 0;
}
