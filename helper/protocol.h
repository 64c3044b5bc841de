/*
 * What keyfobd and keyfob-helper say to each other
 *
 * A SOCK_SEQPACKET socketpair; one message is one packet of at most HELPER_PACKET_MAX bytes, made with common/bytes.h:
 *
 *   request: u32 id, u8 operation, then its fields          reply: u32 id, u8 result (HelperResult), then its fields
 *
 * The daemon picks ids; replies come in any order. The helper ends when the socket does. It never sees a vault key: it
 * carries what people type and what key files contain.
 *
 *   HELPER_ASK     u8 kind (HelperAskKind), u32 pid of the caller (0: unknown), string title, string message, string error
 *                  -> blob secret (HELPER_ASK_SECRET, _NEW_SECRET, _PIN), nothing for the others
 *                  results: OK, DENIED (cancelled by the person), NO_PROMPTER, FAILED (string why)
 *   HELPER_CANCEL  u32 id of a task (ASK, READ_KEY, KEY, TPM); it is taken away and answered DENIED. No reply of its own.
 *   HELPER_IDENTIFY u32 pid  -> string executable (absolute path), string comm, string unit (of systemd's), u8 confinement
 *                  (HelperConfinement), string app ("flatpak:ID", "snap:NAME"; "" of one that is not confined). What can't be
 *                  told is "". FAILED when it is gone or not ours
 *   HELPER_READ_KEY string path (absolute) -> blob content (at most HELPER_KEY_MAX); FAILED (string why). A file that
 *                  others may write is refused.
 *   HELPER_PROBE   -> u8 1 when pinentry could be used by someone (it is installed), else 0
 *   HELPER_WHO_HAS string uniq of a HID device -> u16 n, then n times: u32 pid, string name; the processes of this user
 *                  that have its hidraw node open, at most HELPER_WHO_MAX of them
 *   HELPER_WHERE   u32 pid -> u8 1 when it belongs to a remote session (ssh, a session that logind calls remote), else 0
 *   HELPER_KEY     other people's security keys: helper/key.h. A task.
 *   HELPER_TPM     helper/tpm.h. A task.
 */
#pragma once

#define HELPER_PACKET_MAX 65536U
#define HELPER_KEY_MAX    4096U
#define HELPER_TEXT_MAX   4096U
#define HELPER_WHO_MAX    16U
#define HELPER_UNIT_MAX   256U

/* The descriptor the helper finds its socket on. */
#define HELPER_FD 3

typedef enum HelperOperation {
        HELPER_ASK = 1,
        HELPER_CANCEL = 2,
        HELPER_IDENTIFY = 3,
        HELPER_READ_KEY = 4,
        HELPER_PROBE = 5,
        HELPER_WHO_HAS = 6,
        HELPER_WHERE = 7,
        HELPER_KEY = 8,
        HELPER_TPM = 9,
} HelperOperation;

typedef enum HelperAskKind {
        HELPER_ASK_CONFIRM = 1,
        HELPER_ASK_SECRET = 2,
        HELPER_ASK_NEW_SECRET = 3, /* asked twice, must agree */
        HELPER_ASK_SHOW = 4,       /* shown until it is cancelled; never OK */
        HELPER_ASK_PIN = 5,        /* a secret that is called so */
} HelperAskKind;

typedef enum HelperResult {
        HELPER_OK = 0,
        HELPER_DENIED = 1,
        HELPER_NO_PROMPTER = 2,
        HELPER_FAILED = 3,
        HELPER_PROGRESS = 4, /* of a task: the answer is still to come */
} HelperResult;

typedef enum HelperConfinement {
        HELPER_CONFINEMENT_UNKNOWN = 0, /* it may not be looked at */
        HELPER_FREE = 1,
        HELPER_CONFINED = 2, /* it runs in a sandbox of Flatpak's or as a snap */
} HelperConfinement;
