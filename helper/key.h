/*
 * HELPER_KEY: security keys of other makers, through libfido2
 *
 * All operations have one form, in which each uses what it needs (common/bytes.h):
 *
 *   u8 operation (KeyOperation), string key, blob pin, blob new pin, blob id, string name, string display name,
 *   u32 what is given (KeyGiven), u32 smallest length of a PIN, blob content
 *
 * `key` is a path, a serial number or a product; "" when there is only one. An empty PIN is none.
 *
 *   KEY_LIST                          -> an item for each key
 *   KEY_FIND                          -> string path; touches no key, so it is quick
 *   KEY_INFO                          -> an entry after the other
 *   KEY_PIN_SET new pin, KEY_PIN_CHANGE pin, new pin
 *   KEY_PASSKEYS pin                  -> an item for each
 *   KEY_PASSKEY_RENAME id, KEY_GIVEN_NAME: name, KEY_GIVEN_DISPLAY_NAME: display name, pin
 *   KEY_PASSKEY_DELETE id, pin
 *   KEY_FINGERS pin                   -> an item for each
 *   KEY_FINGER_ENROLL name, pin       -> blob id
 *   KEY_FINGER_RENAME id, name, pin; KEY_FINGER_DELETE id, pin
 *   KEY_BLOB_GET id of a passkey, pin -> blob content
 *   KEY_BLOB_SET id, content, pin; KEY_BLOB_DELETE id, pin
 *   KEY_CONFIGURE pin, and what is given
 *   KEY_RESET
 *   KEY_SIGN id (the handle of a key of ssh, which says what device it is: `key` is ""), name: application, content: SHA-256 of what
 *     is signed, pin, KEY_GIVEN_PRESENCE, KEY_GIVEN_VERIFICATION -> u8 flags, u32 counter, blob signature (ES256: DER)
 *   KEY_ENROLL name: application, display name: user, content: 32 bytes, pin, KEY_GIVEN_ED25519 (else P-256), KEY_GIVEN_RESIDENT,
 *     KEY_GIVEN_VERIFICATION -> blob public key (04 ‖ x ‖ y, or 32 bytes), blob handle. KEY_E_EXISTS where a resident one has that name
 *   KEY_HMAC_MAKE name: relying party, display name: user, pin, KEY_GIVEN_VERIFICATION -> blob id of a credential with hmac-secret
 *   KEY_HMAC name: relying party, content: 32 bytes of salt, then a blob for each id of a credential, pin, KEY_GIVEN_VERIFICATION
 *     -> blob id of the credential that it was, blob of 32 bytes. One question to the key that has one of them, whichever that is when
 *     `key` is "". With verification the answer is another one than without.
 * The last four fail with KEY_E_PIN_REQUIRED when they are to be asked again with the PIN.
 *
 * A failure is HELPER_FAILED: string why, u8 KeyError; when the second is missing, it is KEY_E_IO.
 * Before the answer, HELPER_PROGRESS: u8 KeyProgress, then
 *
 *   KEY_PROGRESS_TOUCH   nothing: the key waits for a touch
 *   KEY_PROGRESS_SAMPLE  u8 how many samples are left, string what was wrong with this one ("good": nothing)
 *   KEY_PROGRESS_ITEM    the entries of one item
 *
 * An entry is string name, u8 type, value. The types are those of D-Bus: 'b' u8, 'u' u32, 'i' u32, 't' u64, 's' string,
 * 'y' blob (an array of bytes); and lists: 'S' u16 n, strings; 'I' u16 n, u32 each; 'B' u16 n, a string and an u8 each.
 */
#pragma once

#define KEY_SELECTOR_MAX 1024U
#define KEY_PIN_MAX      255U
#define KEY_ID_MAX       1023U
#define KEY_TEXT_MAX     1024U  /* of one name, from either side */
#define KEY_CONTENT_MAX  60000U /* of a large blob */
#define KEY_LIST_MAX     256U   /* entries of a list in an entry */
#define KEY_HASH_SIZE    32U
#define KEY_HMAC_SIZE    32U /* of a salt of hmac-secret, and of what comes of it */
#define KEY_HMAC_IDS_MAX 32U /* credentials that one question is about */

typedef enum KeyOperation {
        KEY_LIST = 1,
        KEY_FIND = 2,
        KEY_INFO = 3,
        KEY_PIN_SET = 4,
        KEY_PIN_CHANGE = 5,
        KEY_PASSKEYS = 6,
        KEY_PASSKEY_RENAME = 7,
        KEY_PASSKEY_DELETE = 8,
        KEY_FINGERS = 9,
        KEY_FINGER_ENROLL = 10,
        KEY_FINGER_RENAME = 11,
        KEY_FINGER_DELETE = 12,
        KEY_BLOB_GET = 13,
        KEY_BLOB_SET = 14,
        KEY_BLOB_DELETE = 15,
        KEY_CONFIGURE = 16,
        KEY_RESET = 17,
        KEY_SIGN = 18,
        KEY_ENROLL = 19,
        KEY_HMAC_MAKE = 20,
        KEY_HMAC = 21,
        _KEY_OPERATION_MAX,
} KeyOperation;

typedef enum KeyGiven {
        KEY_GIVEN_NAME = 1 << 0,
        KEY_GIVEN_DISPLAY_NAME = 1 << 1,
        KEY_GIVEN_ALWAYS_UV = 1 << 2, /* to be on; without ALWAYS_UV_SET it means nothing */
        KEY_GIVEN_ALWAYS_UV_SET = 1 << 3,
        KEY_GIVEN_MIN_PIN = 1 << 4,
        KEY_GIVEN_FORCE_PIN_CHANGE = 1 << 5,
        KEY_GIVEN_ENTERPRISE = 1 << 6,
        KEY_GIVEN_PRESENCE = 1 << 7,
        KEY_GIVEN_VERIFICATION = 1 << 8,
        KEY_GIVEN_ED25519 = 1 << 9,
        KEY_GIVEN_RESIDENT = 1 << 10,
        KEY_GIVEN_ALL = (1 << 11) - 1,
} KeyGiven;

typedef enum KeyProgress {
        KEY_PROGRESS_TOUCH = 1,
        KEY_PROGRESS_SAMPLE = 2,
        KEY_PROGRESS_ITEM = 3,
} KeyProgress;

typedef enum KeyError {
        KEY_E_IO = 1,
        KEY_E_NOT_FOUND = 2,
        KEY_E_BUSY = 3,
        KEY_E_WRONG_PIN = 4,
        KEY_E_PIN_BLOCKED = 5,
        KEY_E_PIN_SOFT_BLOCKED = 6,
        KEY_E_NOT_ALLOWED = 7,
        KEY_E_UNSUPPORTED = 8,
        KEY_E_CANCELLED = 9,
        KEY_E_INVALID = 10,
        KEY_E_LIMITS = 11,
        KEY_E_EXISTS = 12,
        KEY_E_DENIED = 13, /* by the system: who may open the device */
        KEY_E_PIN_REQUIRED = 14,
} KeyError;
