/*
 * Slot mirror: what must be known of key slots where the vault can't be read
 *
 * At login the home may be encrypted still, and files of the user are not to be trusted by root. So what is public of the
 * slots that a login can open (ways to derive a key, nothing that opens anything) is kept once more, owned by root, in
 * SLOT_MIRROR_DIR/UID. The daemon makes the bytes (org.keyfob.Store1.MirrorSlots), the owner's tool puts them there.
 * Who reads them takes nothing on trust: sizes are bounded, and costs have a minimum, so that nobody makes passwords
 * cheap to guess, and a maximum, so that nobody makes logging in take forever.
 *
 *   text "keyfob slots 1", raw(16) vault id, u32 uid, raw(32) salt for hmac-secret, u32 number of slots, then for each
 *   raw(16) id, u8 kind, and of a login slot u32 memory in KiB, u32 passes, raw(16) salt (Argon2id, one lane)
 *                            of a fido2 slot u8 1 with user verification, text rp id, blob credential id
 *
 * Integers are little-endian, a text or blob has its length before it as u32. Ids ascend. One login slot may stand there twice, with
 * ascending salts: while its password is being changed, and as long as nobody knows whether it was, there are two ways to derive its key.
 * The daemon knows which is true and writes one; only the PAM module writes both.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define SLOT_MIRROR_DIR "/var/lib/keyfob"

#define SLOT_MIRROR_SLOTS_MAX      64U
#define SLOT_MIRROR_WAYS_MAX       2U /* of one login slot */
#define SLOT_MIRROR_ENTRIES_MAX    (SLOT_MIRROR_SLOTS_MAX + SLOT_MIRROR_WAYS_MAX - 1U)
#define SLOT_MIRROR_SIZE_MAX       98304U /* of the file: more than all slots need */
#define SLOT_MIRROR_ID_SIZE        16U
#define SLOT_MIRROR_SALT_SIZE      32U
#define SLOT_MIRROR_KDF_SALT_SIZE  16U
#define SLOT_MIRROR_RP_MAX         253U
#define SLOT_MIRROR_CREDENTIAL_MAX 1023U

/* The least is the vault's own (crypto/kdf.h); the most is what a login may cost: memory, and memory times passes. */
#define SLOT_MIRROR_MEMORY_MIN_KIB (64U * 1024U)
#define SLOT_MIRROR_MEMORY_MAX_KIB (1024U * 1024U)
#define SLOT_MIRROR_PASSES_MIN     3U
#define SLOT_MIRROR_WORK_MAX_KIB   (16U * 1024U * 1024U)

typedef enum SlotMirrorKind { /* numbers of the vault's format */
        SLOT_MIRROR_LOGIN = 5,
        SLOT_MIRROR_FIDO2 = 6,
} SlotMirrorKind;

typedef struct SlotMirrorEntry {
        uint8_t id[SLOT_MIRROR_ID_SIZE];
        SlotMirrorKind kind;

        /* SLOT_MIRROR_LOGIN: slot key = Argon2id(password), 32 bytes. */
        uint32_t memory_kib, passes;
        uint8_t kdf_salt[SLOT_MIRROR_KDF_SALT_SIZE];

        /* SLOT_MIRROR_FIDO2: slot key = HKDF-SHA256(hmac-secret of the mirror's salt; info: text "keyfob slot fido2" ‖ id). */
        bool uv; /* the hmac-secret of a verified user is another one */
        char rp_id[SLOT_MIRROR_RP_MAX + 1];
        uint8_t credential[SLOT_MIRROR_CREDENTIAL_MAX];
        size_t credential_size;
} SlotMirrorEntry;

typedef struct SlotMirror {
        uint8_t vault[SLOT_MIRROR_ID_SIZE];
        uint32_t uid;
        uint8_t hmac_salt[SLOT_MIRROR_SALT_SIZE];
        size_t n;
        SlotMirrorEntry slots[SLOT_MIRROR_ENTRIES_MAX];
} SlotMirror;

/* 0, -EBADMSG (not of this form, or something is out of its limits), -ENOMEM. */
int slot_mirror_read(const void *data, size_t size, SlotMirror **ret);
SlotMirror *slot_mirror_free(SlotMirror *mirror);
DEFINE_CLEANUP(SlotMirror *, slot_mirror_free)

/* Whether a login costs enough, and not more than it may. */
bool slot_mirror_cost_valid(uint32_t memory_kib, uint32_t passes);

/* Sorts the entries, leaves out those that no reader would take, and writes the rest, appended. */
struct ByteWriter;
void slot_mirror_write(SlotMirror *mirror, struct ByteWriter *ret);

/* The info of HKDF for a fido2 slot. */
#define SLOT_FIDO2_INFO      "keyfob slot fido2"
#define SLOT_FIDO2_INFO_SIZE (4U + sizeof(SLOT_FIDO2_INFO) - 1U + SLOT_MIRROR_ID_SIZE)
void slot_fido2_info(const uint8_t id[SLOT_MIRROR_ID_SIZE], uint8_t ret[SLOT_FIDO2_INFO_SIZE]);
