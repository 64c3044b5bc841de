/*
 * Unlock frame: what the PAM module hands to the daemon, in one packet, and the packet that answers it
 *
 * The socket is $XDG_RUNTIME_DIR/keyfob/unlock, SOCK_SEQPACKET: one packet is one frame, and a frame has one size, so
 * there is nothing to wait for in the middle. What is handed over is a slot key and never a password: the module has
 * derived it (docs/FORMAT.md has how, for each kind of slot), so that no KDF runs for whoever connects.
 *
 *   request   raw(4) "KFUF", u8 1, u8 UnlockFrameKind, raw(16) slot id, raw(32) slot key,
 *             raw(32) new slot key, u32 memory in KiB, u32 passes, raw(16) salt, zeros up to UNLOCK_FRAME_SIZE
 *   answer    raw(4) "KFUA", u8 1, u8 UnlockStatus, u16 0, u32 seconds to wait, zeros up to UNLOCK_ANSWER_SIZE
 *
 * What a kind does not use is zero.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define UNLOCK_SOCKET      "unlock" /* its name in the socket directory, and among descriptors that are passed */
#define UNLOCK_FRAME_SIZE  128U
#define UNLOCK_ANSWER_SIZE 16U
#define UNLOCK_ID_SIZE     16U
#define UNLOCK_KEY_SIZE    32U
#define UNLOCK_SALT_SIZE   16U

typedef enum UnlockFrameKind {
        UNLOCK_FRAME_OPEN = 1,    /* open the vault with this slot key (slots of the kinds login and fido2) */
        UNLOCK_FRAME_REPLACE = 2, /* a login slot gets a new password: the old slot key proves, the new one replaces it */
        _UNLOCK_FRAME_KIND_MAX,
} UnlockFrameKind;

typedef enum UnlockStatus {
        UNLOCK_DONE = 0,        /* the vault is open, or the slot is replaced and durable */
        UNLOCK_WRONG_KEY = 1,   /* that is not the slot's key: the password is another one */
        UNLOCK_NO_SLOT = 2,     /* no such slot: what is mirrored is out of date */
        UNLOCK_NO_VAULT = 3,    /* no vault, or it can't be opened */
        UNLOCK_NOT_ALLOWED = 4, /* a slot of that kind is not opened by a frame */
        UNLOCK_WAIT = 5,        /* too many frames in a short time, right or wrong: try again in `seconds` */
        UNLOCK_DAMAGED = 6,     /* the slot, or what it opens */
        UNLOCK_INVALID = 7,     /* no frame of this version, or parameters out of limits */
        UNLOCK_FAILED = 8,      /* anything else; if the power goes then, what was to be written may be there, as with UNLOCK_DAMAGED */
        _UNLOCK_STATUS_MAX,
} UnlockStatus;

typedef struct UnlockFrame {
        UnlockFrameKind kind;
        uint8_t slot[UNLOCK_ID_SIZE];
        uint8_t key[UNLOCK_KEY_SIZE];

        /* UNLOCK_FRAME_REPLACE: Argon2id's parameters (as crypto/kdf.h limits them) and what came out. */
        uint8_t new_key[UNLOCK_KEY_SIZE];
        uint32_t memory_kib, passes;
        uint8_t salt[UNLOCK_SALT_SIZE];
} UnlockFrame;

typedef struct UnlockAnswer {
        UnlockStatus status;
        uint32_t seconds; /* UNLOCK_WAIT */
} UnlockAnswer;

/* The caller wipes frames in either form: they hold keys. */
void unlock_frame_encode(const UnlockFrame *frame, uint8_t ret[UNLOCK_FRAME_SIZE]);
/* 0, or -EBADMSG: another size, another version, an unknown kind, or something where there should be zeros. */
int unlock_frame_decode(const void *data, size_t size, UnlockFrame *ret);

void unlock_answer_encode(const UnlockAnswer *answer, uint8_t ret[UNLOCK_ANSWER_SIZE]);
int unlock_answer_decode(const void *data, size_t size, UnlockAnswer *ret);

/* One line for the person and the log, in words; NULL for UNLOCK_DONE. */
const char *unlock_status_text(UnlockStatus status);
