/*
 * libkeyfob: passwords and other secrets, kept by the Keyfob daemon
 *
 * Every function that returns int answers 0 when done, a positive enum keyfob_error for an outcome that a program may
 * want to handle, or a negative errno (-ENOMEM, -EINVAL for a broken argument) when the call could not be carried out
 * at all. `ret` parameters are written only when 0 is returned. Strings are UTF-8 and end with a NUL byte; they stay
 * the caller's when passed in, and belong to the object they were found in when handed out. Secrets are bytes with a
 * length.
 *
 * Calls block until the daemon has answered. After KEYFOB_E_UNREACHABLE a handle stays of no use, also when the daemon is
 * back: close it and connect anew. A handle may be used by one thread at a time and not in a child after
 * fork(). The library installs no signal handlers, prints nothing and reads no terminal.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef KEYFOB_KEYFOB_H
#define KEYFOB_KEYFOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KEYFOB_API __attribute__((visibility("default")))
#else
#define KEYFOB_API
#endif

/* The numbers never change; later versions may add some. */
enum keyfob_error {
        KEYFOB_OK = 0,
        KEYFOB_E_NOT_FOUND = 1,    /* no such item, collection or slot */
        KEYFOB_E_INVALID = 2,      /* an argument was refused, or is not UTF-8 */
        KEYFOB_E_LOCKED = 3,       /* it is there, but must be unlocked first */
        KEYFOB_E_CANCELLED = 4,    /* the person said no */
        KEYFOB_E_UNREACHABLE = 5,  /* no daemon, or it went away */
        KEYFOB_E_WRONG_SECRET = 6, /* wrong password or key file */
        KEYFOB_E_DAMAGED = 7,      /* stored data is not authentic */
        KEYFOB_E_NO_VAULT = 8,     /* nothing was set up yet: keyfob init */
        KEYFOB_E_EXISTS = 9,
        KEYFOB_E_NO_PROMPTER = 10, /* a password is needed and there is nobody to ask */
        KEYFOB_E_BUSY = 11,        /* another daemon has the vault */
        KEYFOB_E_LIMITS = 12,      /* too large or too many */
        KEYFOB_E_LAST_SLOT = 13,
        KEYFOB_E_UNSUPPORTED = 14, /* the daemon does not know this */
        KEYFOB_E_UNSAFE = 15,      /* a file of the vault has a wrong owner or mode */
        KEYFOB_E_IO = 16,          /* disk full, read error, … */
        KEYFOB_E_REFUSED = 17,     /* the other end belongs to someone else, or denies access */
        KEYFOB_E_PROTOCOL = 18,    /* the answer made no sense */
        KEYFOB_E_OTHER = 19,
        KEYFOB_E_NOT_ALLOWED = 20,      /* not at this time: keyfob authenticator replug */
        KEYFOB_E_PIN_BLOCKED = 21,      /* too many wrong PINs: keyfob authenticator pin reset */
        KEYFOB_E_PIN_SOFT_BLOCKED = 22, /* several wrong PINs in a row: keyfob authenticator replug */
};

/* A fixed English phrase for any value these functions return. Never NULL; static. */
KEYFOB_API const char *keyfob_strerror(int error);

/* Version of the library, "MAJOR.MINOR.PATCH". Static. */
KEYFOB_API const char *keyfob_version(void);

/* ---- connection ---- */

/* A connection to the daemon. */
typedef struct keyfob keyfob;

enum keyfob_flags {
        KEYFOB_START = 1 << 0,       /* start the daemon when none runs */
        KEYFOB_SOCKET_ONLY = 1 << 1, /* the daemon's own socket, never the session bus */
        KEYFOB_BUS_ONLY = 1 << 2,    /* the session bus, never the own socket */
};

/*
 * Connects: to the daemon's own socket ($XDG_RUNTIME_DIR/keyfob/bus; without that variable also
 * /run/user/UID/keyfob/bus and /tmp/keyfob-UID/bus), else on the session bus. The other end must belong to the same
 * user or to root.
 *
 * flags: any of enum keyfob_flags, 0 for none. KEYFOB_E_UNREACHABLE when there is no daemon, KEYFOB_E_REFUSED when
 * there is one that belongs to someone else, -ENAMETOOLONG when XDG_RUNTIME_DIR is too long for a socket. End it with
 * keyfob_close().
 */
KEYFOB_API int keyfob_connect(unsigned flags, keyfob **ret);

/* Ends the connection and frees the handle. NULL is allowed. Returns NULL. */
KEYFOB_API keyfob *keyfob_close(keyfob *k);

/* What the daemon said about the last call that failed, one line with the remedy, or "" when it said nothing. It is
 * good until the next call on this handle. */
KEYFOB_API const char *keyfob_message(const keyfob *k);

/* ---- values ---- */

typedef struct keyfob_attribute {
        const char *name;
        const char *value;
} keyfob_attribute;

/* A secret that was read. The bytes are in memory that is locked where the limit allows and left out of core dumps,
 * and are wiped by keyfob_value_free(). Made by the library only; later versions may add fields at the end. */
typedef struct keyfob_value {
        const void *data;         /* followed by a NUL byte that size does not count */
        size_t size;              /* bytes; may be 0 */
        const char *content_type; /* "text/plain" unless the writer said otherwise */
        const char *path;         /* the item's object path */
        const keyfob_attribute *attributes;
        size_t n_attributes;
} keyfob_value;

/* Wipes and frees. NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_value *keyfob_value_free(keyfob_value *value);

/*
 * Reads the password of a user at a service: the most recently changed item that has the attributes service and
 * username. KEYFOB_E_NOT_FOUND; KEYFOB_E_LOCKED: call keyfob_unlock() and try again. Free *ret with
 * keyfob_value_free().
 */
KEYFOB_API int keyfob_get(keyfob *k, const char *service, const char *user, keyfob_value **ret);

/*
 * Stores the password of a user at a service (at most 4 MiB; size 0 is allowed, data may then be NULL). The item that
 * keyfob_get() would read gets the value; if there is none, one is made in the default collection, with the attributes
 * that python keyring gives it. Durable when 0 is returned. KEYFOB_E_LOCKED, KEYFOB_E_LIMITS.
 */
KEYFOB_API int keyfob_set(keyfob *k, const char *service, const char *user, const void *data, size_t size);

/* Deletes the item that keyfob_get() would read. It can be brought back for a while: keyfob undelete.
 * KEYFOB_E_NOT_FOUND, KEYFOB_E_LOCKED. */
KEYFOB_API int keyfob_delete(keyfob *k, const char *service, const char *user);

/* ---- items by attributes ---- */

/* keyfob_get() and keyfob_delete() for any attributes; n is their number, at least 1. */
KEYFOB_API int keyfob_lookup(keyfob *k, const keyfob_attribute *attributes, size_t n, keyfob_value **ret);
KEYFOB_API int keyfob_remove(keyfob *k, const keyfob_attribute *attributes, size_t n);

/* What to store. Fields that are not set must be zero: begin with `= {0}`. */
typedef struct keyfob_new_item {
        const char *label;                  /* NULL: "" */
        const keyfob_attribute *attributes; /* names are unique */
        size_t n_attributes;
        const keyfob_attribute
                *match; /* an item with these gets the value instead; NULL: only one with equal attributes */
        size_t n_match;
        const char *collection;   /* name or alias; NULL: "default" */
        const char *content_type; /* NULL: "text/plain" */
        const void *data;
        size_t size; /* bytes, at most 4 MiB */
} keyfob_new_item;

/* Stores an item; durable when 0 is returned. ret_created (may be NULL): false when an item was there and got the
 * value. */
KEYFOB_API int keyfob_store(keyfob *k, const keyfob_new_item *item, bool *ret_created);

/* An item without its value. That of a locked item has label "", no attributes and times 0. */
typedef struct keyfob_item {
        const char *path;
        const char *label;
        const keyfob_attribute *attributes;
        size_t n_attributes;
        uint64_t created, modified; /* seconds since 1970-01-01 00:00 UTC */
        bool locked;
} keyfob_item;

typedef struct keyfob_items {
        const keyfob_item *items;
        size_t n;
} keyfob_items;

/* Frees a list with everything in it. NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_items *keyfob_items_free(keyfob_items *items);

/* Items that have all these attributes, in a collection (name or alias; NULL: in all), at most `limit` (0: no limit).
 * An empty result is not an error. Free *ret with keyfob_items_free(). */
KEYFOB_API int keyfob_search(keyfob *k, const keyfob_attribute *attributes, size_t n, const char *collection,
                             unsigned limit, keyfob_items **ret);

/* Every item of a collection (name or alias; NULL: of all). Free *ret with keyfob_items_free(). */
KEYFOB_API int keyfob_list(keyfob *k, const char *collection, keyfob_items **ret);

/* ---- lock state ---- */

/*
 * Unlocks the vault with a secret (of any of its slots, `size` bytes), or, when secret is NULL, by what needs no
 * question (a key file that is there), else by asking: the callback of keyfob_set_prompt(), the session's prompter,
 * pinentry. collection: name or alias of one that has a password of its own; NULL: the vault. KEYFOB_E_WRONG_SECRET,
 * KEYFOB_E_CANCELLED, KEYFOB_E_NO_PROMPTER (at once, when there is nobody to ask), KEYFOB_E_NO_VAULT.
 */
KEYFOB_API int keyfob_unlock(keyfob *k, const char *collection, const void *secret, size_t size);

/* Locks a collection (name, alias or object path); NULL: everything. */
KEYFOB_API int keyfob_lock(keyfob *k, const char *collection);

/* The state of the vault in short. Made by the library; later versions may add fields at the end. */
typedef struct keyfob_status {
        const char *version; /* of the daemon */
        const char *vault;   /* "absent", "locked", "unlocked", "partly", "busy", "damaged" */
        const char *vault_path;
        const char *secrets_name; /* who serves org.freedesktop.secrets: "owned", "taken" (someone else), "none" */
        const char *socket;       /* the daemon's own socket */
        uint64_t items;
        bool unprotected;   /* the vault opens without any secret */
        bool memory_locked; /* keys cannot be swapped out */
        bool tampered;      /* a collection failed its check: keyfob check */
} keyfob_status;

/* Free *ret with keyfob_status_free(). */
KEYFOB_API int keyfob_get_status(keyfob *k, keyfob_status **ret);
KEYFOB_API keyfob_status *keyfob_status_free(keyfob_status *status);

/* ---- backups ---- */

/* What was written; filled in by the library. */
typedef struct keyfob_backup_report {
        uint64_t size;     /* bytes */
        uint64_t items;
        uint64_t modified; /* seconds: when something in it was changed last */
        uint64_t checked;  /* records that were read and verified: 0 when the vault is locked */
        uint64_t damaged;  /* of these */
        bool sound;        /* nothing that was checked is amiss */
} keyfob_backup_report;

/*
 * Writes a sealed copy of the vault to `fd`, an empty regular file that is open for reading and writing and stays the caller's. It is
 * synced, and was read again, when this returns; on failure the file may have a part of it. Works locked, too. ret may be NULL.
 * KEYFOB_E_INVALID: not such a file; KEYFOB_E_BUSY: another backup is being made; KEYFOB_E_IO.
 */
KEYFOB_API int keyfob_backup(keyfob *k, int fd, keyfob_backup_report *ret);

#define KEYFOB_RESTORE_CONFIRMED 1U /* don't ask whether to replace the vault */
#define KEYFOB_RESTORE_DAMAGED   2U /* take a backup that is damaged, as it is */

/*
 * Puts a backup, a regular file that is open for reading and stays the caller's, in the place of the vault, which is kept in
 * snapshots/ beside it. It is opened by `secret` (a password, a key file's content, a recovery code), NULL: by asking, as keyfob_unlock()
 * does; and verified before anything changes. All collections then are those of the backup, and it is unlocked.
 * KEYFOB_E_DAMAGED (or no backup at all), KEYFOB_E_WRONG_SECRET, KEYFOB_E_UNSUPPORTED (of a later version), KEYFOB_E_CANCELLED.
 */
KEYFOB_API int keyfob_restore(keyfob *k, int fd, unsigned flags, const void *secret, size_t size);

/* ---- the security key ---- */

/* What is known of the security key without asking anybody. Made by the library; later versions may add fields at the
 * end. */
typedef struct keyfob_authenticator {
        const char *aaguid;       /* which model it is */
        const char *ctap_socket;  /* where CTAPHID is spoken; "" when nowhere */
        uint32_t passkeys;        /* discoverable ones */
        uint32_t passkeys_left;   /* room for more */
        uint32_t min_pin_length;  /* code points */
        uint32_t reset_window_ms; /* how long keyfob_authenticator_reset() is allowed; 0: not now */
        int pin_retries;          /* wrong PINs until it is blocked; -1: not known while locked */
        bool locked;
        bool pin_set;
        bool pin_soft_blocked; /* until keyfob_authenticator_replug() */
        bool force_pin_change; /* the PIN must be changed before it is good for anything else */
        bool pin_complexity;
        bool always_uv;
        bool enterprise_attestation;
        bool long_touch_for_reset;
        const char *tpm_problem; /* why a TPM does not do what passkeys need it for; "" when nothing is wrong */
        const char *uhid;        /* "ready" when it is a device of the kernel's, else why it is not */
} keyfob_authenticator;

/* Free *ret with keyfob_authenticator_free(). */
KEYFOB_API int keyfob_authenticator_info(keyfob *k, keyfob_authenticator **ret);
/* NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_authenticator *keyfob_authenticator_free(keyfob_authenticator *authenticator);

/*
 * The PIN: UTF-8, 4 to 63 bytes, `size` of them. Setting one where there is one: KEYFOB_E_EXISTS. A wrong old one:
 * KEYFOB_E_WRONG_SECRET, KEYFOB_E_PIN_SOFT_BLOCKED, KEYFOB_E_PIN_BLOCKED; none: KEYFOB_E_NOT_FOUND. One that is too
 * short or too simple: KEYFOB_E_INVALID. keyfob_authenticator_reset_pin() takes a secret of any slot of the vault
 * (`auth`, NULL: it is asked for) instead of the old PIN. These and all that follow may have the vault unlocked first,
 * as keyfob_unlock() does without a secret.
 */
KEYFOB_API int keyfob_authenticator_set_pin(keyfob *k, const void *pin, size_t size);
KEYFOB_API int keyfob_authenticator_change_pin(keyfob *k, const void *old_pin, size_t old_size, const void *new_pin,
                                               size_t new_size);
KEYFOB_API int keyfob_authenticator_reset_pin(keyfob *k, const void *auth, size_t auth_size, const void *pin,
                                              size_t size);

/* As if the key were pulled out and put in again: asks for presence, ends all connections to it, lifts the block after
 * wrong PINs in a row, and allows a reset for ten seconds. KEYFOB_E_CANCELLED, KEYFOB_E_NO_PROMPTER. */
KEYFOB_API int keyfob_authenticator_replug(keyfob *k);

/* Factory settings: asks for presence. The PIN goes, and all passkeys, which stay restorable for 30 days.
 * KEYFOB_E_NOT_ALLOWED later than ten seconds after keyfob_authenticator_replug(). */
KEYFOB_API int keyfob_authenticator_reset(keyfob *k);

/* A passkey, or a credential for a second factor. Its names were chosen by others: clean them before you show them. */
typedef struct keyfob_passkey {
        const uint8_t *id;
        size_t id_size; /* bytes, 1 to 1023 */
        const char *rp_id; /* the site; "" when it was made by U2F */
        const char *rp_name;
        const uint8_t *user_id;
        size_t user_id_size; /* bytes, 0 to 64 */
        const char *user_name;
        const char *user_display_name;
        int32_t algorithm;   /* as COSE numbers them: -7 is ES256 */
        uint32_t protection; /* credProtect: 1 user verification optional, 2 also with a list of credentials, 3 required */
        bool discoverable;   /* found without being named: a passkey */
        bool u2f;
        bool backup_eligible;
        uint64_t created; /* seconds since 1970-01-01 00:00 UTC */
        uint64_t removed; /* of a deleted one, else 0 */
        uint64_t number;  /* of a deleted one, for keyfob_passkey_undelete() */
        bool device_bound; /* its key is in the machine's TPM and never leaves it */
} keyfob_passkey;

typedef struct keyfob_passkeys {
        const keyfob_passkey *passkeys;
        size_t n;
} keyfob_passkeys;

/* Frees a list with everything in it. NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_passkeys *keyfob_passkeys_free(keyfob_passkeys *passkeys);

/* Those of one site (NULL: of all), newest first; or those that were deleted and can be restored. An empty result is not
 * an error. Free *ret with keyfob_passkeys_free(). */
KEYFOB_API int keyfob_passkey_list(keyfob *k, const char *rp_id, bool deleted, keyfob_passkeys **ret);

/* Gives the account another name; NULL keeps what is there. KEYFOB_E_NOT_FOUND. */
KEYFOB_API int keyfob_passkey_rename(keyfob *k, const void *id, size_t id_size, const char *user_name,
                                     const char *user_display_name);

/* It stays restorable for 30 days. KEYFOB_E_NOT_FOUND. */
KEYFOB_API int keyfob_passkey_delete(keyfob *k, const void *id, size_t id_size);

/*
 * Brings one back by its number. One of the same account that was made since takes its place among the deleted. What a
 * reset took together with a PIN wants a secret of any slot of the vault (`auth`, auth_size bytes; NULL: it is asked
 * for where it is wanted). One that is given is always tried, and unlocks a locked vault. KEYFOB_E_NOT_FOUND,
 * KEYFOB_E_WRONG_SECRET, KEYFOB_E_CANCELLED, KEYFOB_E_NO_PROMPTER.
 */
KEYFOB_API int keyfob_passkey_undelete(keyfob *k, uint64_t number, const void *auth, size_t auth_size);

/* ---- what new passkeys are made like ---- */

/* Words are those of keyfob(1). Made by the library; later versions may add fields at the end. */
typedef struct keyfob_policy {
        const char *keys;              /* "software" or "tpm" */
        const char *seal;              /* "none" or "tpm" */
        const char *const *algorithms; /* "es256", "eddsa", …; the preferred first */
        size_t n_algorithms;
        const char *attestation; /* "self", "none" or "certificate" */
        bool always_uv;
        bool enterprise_attestation;
        const char *tpm; /* why no TPM can be used, in one line; "" when one can */
        const char *tpm_manufacturer;
        const char *tpm_firmware;
        bool tpm_locked_out; /* after wrong tries of others: passkeys go on working */
} keyfob_policy;

/* Asks the TPM, too, which takes a moment. Free *ret with keyfob_policy_free(). */
KEYFOB_API int keyfob_policy_get(keyfob *k, keyfob_policy **ret);
/* NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_policy *keyfob_policy_free(keyfob_policy *policy);

/* What to change; NULL, 0 and -1 keep what is there. */
typedef struct keyfob_policy_change {
        const char *keys;
        const char *seal;
        const char *const *algorithms;
        size_t n_algorithms;
        const char *attestation;
        int always_uv;              /* 0, 1, or -1 */
        int enterprise_attestation; /* the same */
        bool abandon_sealed;        /* first give up passkeys that no TPM opens any more, for good */
} keyfob_policy_change;

/* Takes a secret of any slot of the vault (`auth`; NULL: it is asked for). KEYFOB_E_INVALID, KEYFOB_E_UNSUPPORTED (there is no
 * TPM that can be used, no such algorithm), KEYFOB_E_LOCKED (the TPM that seals passkeys does not open them),
 * KEYFOB_E_WRONG_SECRET, KEYFOB_E_CANCELLED, KEYFOB_E_NO_PROMPTER. keyfob_message() has the reason. */
KEYFOB_API int keyfob_policy_set(keyfob *k, const keyfob_policy_change *change, const void *auth, size_t auth_size);

/* ---- security keys of other makers ---- */

/*
 * Keys that are plugged in. `key` is a path, a serial number or a product; NULL is the only one. These calls wait until the key
 * has answered, and it may want a touch: see keyfob_set_key_progress(). What wants a PIN takes its bytes (UTF-8); NULL is none.
 * Beside what is said of each: KEYFOB_E_NOT_FOUND (no such key; what wants a PIN: none is set), KEYFOB_E_WRONG_SECRET,
 * KEYFOB_E_PIN_SOFT_BLOCKED (plug it in anew), KEYFOB_E_PIN_BLOCKED (reset it), KEYFOB_E_NOT_ALLOWED, KEYFOB_E_UNSUPPORTED (by
 * the key), KEYFOB_E_CANCELLED (nobody touched it), KEYFOB_E_BUSY, KEYFOB_E_REFUSED (the device may not be opened),
 * KEYFOB_E_LIMITS (it is full), KEYFOB_E_IO (it was unplugged). keyfob_message() has the remedy.
 */
typedef struct keyfob_key {
        const char *path;
        const char *product; /* names come from the key: clean them before you show them; "" when there is none */
        const char *manufacturer;
        const char *serial;
        uint32_t vendor;
        uint32_t model;
} keyfob_key;

typedef struct keyfob_keys {
        const keyfob_key *keys;
        size_t n;
} keyfob_keys;

/* None is opened for it. Free *ret with keyfob_keys_free(). */
KEYFOB_API int keyfob_key_list(keyfob *k, keyfob_keys **ret);
KEYFOB_API keyfob_keys *keyfob_keys_free(keyfob_keys *keys);

/* How a key stands. Numbers are -1 where it does not say. Later versions may add fields at the end. */
typedef struct keyfob_key_state {
        const char *path;
        const char *aaguid; /* which model it is; "" for keys that know U2F only */
        int pin_retries;    /* wrong PINs until it is blocked */
        int uv_retries;
        int passkeys_left;
        uint32_t min_pin_length;
        uint32_t large_blobs; /* bytes for all of them; 0: it has none */
        uint64_t firmware;
        bool pin_set;
        bool force_pin_change;
        bool fingerprints; /* it has a sensor */
        bool always_uv;
        bool enterprise_attestation;
} keyfob_key_state;

/* Free *ret with keyfob_key_state_free(). */
KEYFOB_API int keyfob_key_get_state(keyfob *k, const char *key, keyfob_key_state **ret);
KEYFOB_API keyfob_key_state *keyfob_key_state_free(keyfob_key_state *state);

/* What a call that goes on says: "touch" (the key waits for one) or "sample" (of a finger was taken). */
typedef struct keyfob_key_progress {
        const char *what;
        uint32_t left;      /* samples */
        const char *status; /* "good", or in English what was wrong with the sample */
} keyfob_key_progress;

/* Runs inside the calls below. It must not use the handle. NULL: nobody is told. */
typedef void (*keyfob_key_report)(void *userdata, const keyfob_key_progress *progress);
KEYFOB_API int keyfob_set_key_progress(keyfob *k, keyfob_key_report report, void *userdata);

/* The PIN: KEYFOB_E_EXISTS when there is one; KEYFOB_E_INVALID when it is too short or too simple. */
KEYFOB_API int keyfob_key_set_pin(keyfob *k, const char *key, const void *pin, size_t size);
KEYFOB_API int keyfob_key_change_pin(keyfob *k, const char *key, const void *old_pin, size_t old_size,
                                     const void *new_pin, size_t new_size);

/* As keyfob_passkey_list() and its companions; keys do not tell when one was made. What is deleted is gone. */
KEYFOB_API int keyfob_key_list_passkeys(keyfob *k, const char *key, const void *pin, size_t size, keyfob_passkeys **ret);
KEYFOB_API int keyfob_key_rename_passkey(keyfob *k, const char *key, const void *id, size_t id_size,
                                         const char *user_name, const char *user_display_name, const void *pin,
                                         size_t size);
KEYFOB_API int keyfob_key_delete_passkey(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                         size_t size);

/* The large blob of a passkey, at most 60000 bytes; most keys have less room for all. KEYFOB_E_NOT_FOUND: it has none;
 * KEYFOB_E_UNSUPPORTED: it can't have one. Free *ret with keyfob_value_free(). */
KEYFOB_API int keyfob_key_get_blob(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                   size_t size, keyfob_value **ret);
KEYFOB_API int keyfob_key_set_blob(keyfob *k, const char *key, const void *id, size_t id_size, const void *blob,
                                   size_t blob_size, const void *pin, size_t size);
KEYFOB_API int keyfob_key_delete_blob(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                      size_t size);

/* A finger that a key knows. Its name was given by somebody: clean it before you show it. */
typedef struct keyfob_finger {
        const uint8_t *id;
        size_t id_size;
        const char *name;
} keyfob_finger;

typedef struct keyfob_fingers {
        const keyfob_finger *fingers;
        size_t n;
} keyfob_fingers;

/* Free *ret with keyfob_fingers_free(). */
KEYFOB_API int keyfob_key_list_fingers(keyfob *k, const char *key, const void *pin, size_t size, keyfob_fingers **ret);
KEYFOB_API keyfob_fingers *keyfob_fingers_free(keyfob_fingers *fingers);
/* `name` may be NULL. */
KEYFOB_API int keyfob_key_enroll_finger(keyfob *k, const char *key, const char *name, const void *pin, size_t size);
KEYFOB_API int keyfob_key_rename_finger(keyfob *k, const char *key, const void *id, size_t id_size, const char *name,
                                        const void *pin, size_t size);
KEYFOB_API int keyfob_key_delete_finger(keyfob *k, const char *key, const void *id, size_t id_size, const void *pin,
                                        size_t size);

enum keyfob_key_setting {
        KEYFOB_KEY_ALWAYS_UV = 1 << 0, /* it wants the PIN or a finger each time; */
        KEYFOB_KEY_NOT_ALWAYS_UV = 1 << 1,
        KEYFOB_KEY_FORCE_PIN_CHANGE = 1 << 2, /* the PIN must be changed before it is good for anything else */
        KEYFOB_KEY_ENTERPRISE = 1 << 3,       /* enterprise attestation; a reset turns it off */
};

/* Settings of enum keyfob_key_setting, and the smallest length of a PIN (0: as it is), which only grows. */
KEYFOB_API int keyfob_key_configure(keyfob *k, const char *key, unsigned settings, unsigned min_pin_length,
                                    const void *pin, size_t size);

/* Everything on the key is lost. Most allow it for some seconds after they were plugged in, and want a touch.
 * KEYFOB_E_NOT_ALLOWED: too late. */
KEYFOB_API int keyfob_key_reset(keyfob *k, const char *key);

/* ---- questions ---- */

/* A question of the daemon's. Strings are NULL and numbers negative where unknown. */
typedef struct keyfob_question {
        const char *id;
        const char *kind;    /* "confirm", "secret", "new-secret" (have it repeated), "choose" (one of `choices`), "show"
                                (what has to be done elsewhere: say it and answer true at once) */
        const char *purpose; /* "unlock", "init", "create-collection", "user-presence", … */
        const char *title;
        const char *message;
        const char *error;   /* what was wrong with the answer before */
        const char *program; /* who asks */
        int64_t pid;
        int retries;       /* tries left */
        const char *rp_id; /* the site that a security key is used for, as the program says */
        const char *user;  /* and the account there */
        const char *door;  /* how that program reached the security key: "bus", "socket", "uhid" */
        const char *const *choices; /* of "choose": at least one text, ends with NULL */
} keyfob_question;

/* Where the answer goes; good only inside the callback. */
typedef struct keyfob_answer keyfob_answer;

/* Gives a secret as the answer: it is copied to locked memory, wipe your own. 0, or -ENOMEM. */
KEYFOB_API int keyfob_answer_secret(keyfob_answer *answer, const void *data, size_t size);

/* Chooses the i-th of the choices, counted from 0. 0, or -ENOMEM. */
KEYFOB_API int keyfob_answer_choice(keyfob_answer *answer, unsigned i);

/* Returns true for yes (after keyfob_answer_secret() or keyfob_answer_choice() where one is asked for), false for no. It
 * runs inside a call on the same handle and must not use that handle. */
typedef bool (*keyfob_prompt)(void *userdata, const keyfob_question *question, keyfob_answer *answer);

/* Who answers questions that calls on this handle cause. NULL: nobody here; the session's prompter or pinentry is
 * asked. */
KEYFOB_API int keyfob_set_prompt(keyfob *k, keyfob_prompt prompt, void *userdata);

#ifdef __cplusplus
}
#endif

#include <keyfob/ssh.h>

#endif
