/*
 * A FIDO2 authenticator: bytes in, bytes out
 *
 * The core of a CTAP 2.1 and 2.3 authenticator with CTAP1/U2F, and the framing of CTAPHID. It opens no file and no
 * socket, starts no thread and reads no clock: time, randomness, storage and the person are reached through
 * AuthenticatorOps. Any number of instances may exist; each is used by one thread at a time.
 *
 *   Authenticator      one security key: PIN, settings, credentials
 *   AuthenticatorHost  one client of it (a connection, a device node): its PIN tokens, its enumerations, one
 * transaction at a time AuthenticatorPort  a host that speaks CTAPHID reports of 64 bytes
 *
 * Functions that return int answer 0, a positive value that is an outcome (named at the function), or a negative
 * errno, which is fatal for the call. `ret` parameters are written only on success. "CTAP" below is Client to
 * Authenticator Protocol 2.3 (Proposed Standard, 2026-02-26); section numbers are those of CTAP 2.1, which 2.3 keeps.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef KEYFOB_AUTHENTICATOR_H
#define KEYFOB_AUTHENTICATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AUTHENTICATOR_API __attribute__((visibility("default")))
#else
#define AUTHENTICATOR_API
#endif

typedef struct Authenticator Authenticator;
typedef struct AuthenticatorHost AuthenticatorHost;
typedef struct AuthenticatorPort AuthenticatorPort;

/* ---- limits that callers meet ---- */

#define AUTHENTICATOR_MESSAGE_MAX 7609U /* bytes of a request or reply: what CTAPHID can carry (section 11.2.4) */
#define AUTHENTICATOR_REPORT_SIZE 64U   /* bytes of a CTAPHID report */
#define AUTHENTICATOR_ID_MAX      1023U /* bytes of a credential id */
#define AUTHENTICATOR_USER_ID_MAX 64U
#define AUTHENTICATOR_NAME_MAX    64U                 /* bytes that are kept of a name; cut at a UTF-8 boundary */
#define AUTHENTICATOR_RP_ID_MAX   255U                /* bytes of an rpId that are kept */
#define AUTHENTICATOR_RECORD_MAX  ((size_t)64 * 1024) /* bytes of a record in storage */
#define AUTHENTICATOR_PIN_MAX     63U                 /* bytes of a PIN in UTF-8 */

/* ---- status bytes (section 8.2): positive outcomes, and the first byte of a CTAP2 reply ---- */

enum ctap_status {
        CTAP_OK = 0x00,
        CTAP1_ERR_INVALID_COMMAND = 0x01,
        CTAP1_ERR_INVALID_PARAMETER = 0x02,
        CTAP1_ERR_INVALID_LENGTH = 0x03,
        CTAP1_ERR_INVALID_SEQ = 0x04,
        CTAP1_ERR_TIMEOUT = 0x05,
        CTAP1_ERR_CHANNEL_BUSY = 0x06,
        CTAP1_ERR_LOCK_REQUIRED = 0x0a,
        CTAP1_ERR_INVALID_CHANNEL = 0x0b,
        CTAP2_ERR_CBOR_UNEXPECTED_TYPE = 0x11,
        CTAP2_ERR_INVALID_CBOR = 0x12,
        CTAP2_ERR_MISSING_PARAMETER = 0x14,
        CTAP2_ERR_LIMIT_EXCEEDED = 0x15,
        CTAP2_ERR_FP_DATABASE_FULL = 0x17,
        CTAP2_ERR_LARGE_BLOB_STORAGE_FULL = 0x18,
        CTAP2_ERR_CREDENTIAL_EXCLUDED = 0x19,
        CTAP2_ERR_PROCESSING = 0x21,
        CTAP2_ERR_INVALID_CREDENTIAL = 0x22,
        CTAP2_ERR_USER_ACTION_PENDING = 0x23,
        CTAP2_ERR_OPERATION_PENDING = 0x24,
        CTAP2_ERR_NO_OPERATIONS = 0x25,
        CTAP2_ERR_UNSUPPORTED_ALGORITHM = 0x26,
        CTAP2_ERR_OPERATION_DENIED = 0x27,
        CTAP2_ERR_KEY_STORE_FULL = 0x28,
        CTAP2_ERR_UNSUPPORTED_OPTION = 0x2b,
        CTAP2_ERR_INVALID_OPTION = 0x2c,
        CTAP2_ERR_KEEPALIVE_CANCEL = 0x2d,
        CTAP2_ERR_NO_CREDENTIALS = 0x2e,
        CTAP2_ERR_USER_ACTION_TIMEOUT = 0x2f,
        CTAP2_ERR_NOT_ALLOWED = 0x30,
        CTAP2_ERR_PIN_INVALID = 0x31,
        CTAP2_ERR_PIN_BLOCKED = 0x32,
        CTAP2_ERR_PIN_AUTH_INVALID = 0x33,
        CTAP2_ERR_PIN_AUTH_BLOCKED = 0x34,
        CTAP2_ERR_PIN_NOT_SET = 0x35,
        CTAP2_ERR_PUAT_REQUIRED = 0x36,
        CTAP2_ERR_PIN_POLICY_VIOLATION = 0x37,
        CTAP2_ERR_REQUEST_TOO_LARGE = 0x39,
        CTAP2_ERR_ACTION_TIMEOUT = 0x3a,
        CTAP2_ERR_UP_REQUIRED = 0x3b,
        CTAP2_ERR_UV_BLOCKED = 0x3c,
        CTAP2_ERR_INTEGRITY_FAILURE = 0x3d,
        CTAP2_ERR_INVALID_SUBCOMMAND = 0x3e,
        CTAP2_ERR_UV_INVALID = 0x3f,
        CTAP2_ERR_UNAUTHORIZED_PERMISSION = 0x40,
        CTAP1_ERR_OTHER = 0x7f,
};

/* ---- the person ---- */

typedef enum AuthenticatorQuestionKind {
        AUTHENTICATOR_ASK_STORAGE = 1,  /* storage is locked: have it opened */
        AUTHENTICATOR_ASK_PRESENCE,     /* is somebody there, and agrees? */
        AUTHENTICATOR_ASK_VERIFICATION, /* is it the owner? By a built-in method, never by a mere confirmation: a finger,
                                           or, of hosts that ask for it (authenticator_host_ask_pin()), the PIN */
        AUTHENTICATOR_ASK_SAMPLE,       /* one sample of a finger that is being enrolled */
        AUTHENTICATOR_ASK_KEY,          /* no question: only what authenticator_host_waits_for() says of external keys */
        AUTHENTICATOR_ASK_REMOVAL,      /* nothing to ask either: fingerprints->remove() takes its time. YES when it is done */
} AuthenticatorQuestionKind;

/* One of the accounts that can sign in: so that the person can choose. Texts as in AuthenticatorQuestion, "" when
 * unknown. */
typedef struct AuthenticatorAccount {
        const char *user_name;
        const char *user_display_name;
} AuthenticatorAccount;
#define AUTHENTICATOR_ACCOUNTS_MAX 32U /* that are named in a question; more are left to the client's own list */

typedef enum AuthenticatorPurpose {
        AUTHENTICATOR_TO_REGISTER = 1, /* a new credential */
        AUTHENTICATOR_TO_SIGN_IN,
        AUTHENTICATOR_TO_SELECT, /* which authenticator is meant */
        AUTHENTICATOR_TO_RESET,
        AUTHENTICATOR_TO_PERMIT, /* a PIN/UV token with permissions */
        AUTHENTICATOR_TO_ENROLL, /* a finger */
        AUTHENTICATOR_TO_OPEN,   /* storage, for any other request */
} AuthenticatorPurpose;

/* Texts are UTF-8 without control characters and bounded; they come from the client, so they say only what it claims.
 * NULL when unknown. */
typedef struct AuthenticatorQuestion {
        AuthenticatorQuestionKind kind;
        AuthenticatorPurpose purpose;
        const char *rp_id;         /* NULL with U2F, which knows a hash only */
        const uint8_t *rp_id_hash; /* 32 bytes, or NULL */
        const char *user_name;
        const char *user_display_name;
        unsigned n_accounts;       /* how many credentials can answer; 0 not known */
        /* Presence or verification before a sign-in for which the client named no credential, and where more than one
         * and at most AUTHENTICATOR_ACCOUNTS_MAX fit: these n_accounts, newest first; else NULL. Who can let the
         * person choose calls authenticator_choose() before the answer (sections 6.2.2 and 6.2.3: userSelected); who
         * doesn't leaves the choice to the client. */
        const AuthenticatorAccount *accounts;
        bool excluded;             /* to register: one is there already, and the answer will be no */
        bool long_touch;           /* to reset: a confirmation that takes longer is wanted */
        bool by_pin;               /* verification: not by a finger, but by the PIN; see authenticator_pin_verify() */
        unsigned timeout_ms;       /* the question is withdrawn then */
        const uint8_t *enrollment; /* sample, removal: the template's id, */
        size_t enrollment_size;    /* and its size */
} AuthenticatorQuestion;

typedef enum AuthenticatorAnswer {
        AUTHENTICATOR_LATER = 0, /* of ops->ask() only: authenticator_answer() follows */
        AUTHENTICATOR_YES,
        AUTHENTICATOR_NO, /* the person refused */
        AUTHENTICATOR_TIMED_OUT,
        AUTHENTICATOR_NO_MATCH, /* verification: not the owner's finger */
        AUTHENTICATOR_BLOCKED,  /* verification can't be tried now (sensor gone, too many tries) */
        AUTHENTICATOR_NOBODY,   /* there is nobody who can be asked */
} AuthenticatorAnswer;

/* ---- what an instance is made of ---- */

typedef struct AuthenticatorConfig {
        uint8_t aaguid[16];
        uint32_t firmware_version;
        const char *const *transports; /* "usb", "internal", …; ends with NULL; NULL: none named */
        bool backup_eligible;          /* credentials can be copied: flag BE (WebAuthn L3, 6.1.3) */
        bool counters;                 /* signature counters that grow, one per credential; else they stay 0 */
        uint32_t credentials_max;      /* 0: 100,000 */
        unsigned presence_timeout_ms;  /* 0: 30 s */
        unsigned storage_timeout_ms;   /* 0: 120 s */
        const void *enterprise_pem;    /* certificate chain and key for enterprise attestation, or NULL */
        size_t enterprise_pem_size;
        const char *const
                *enterprise_rp_ids; /* who gets it with enterpriseAttestation 1; ends with NULL; NULL: nobody */
} AuthenticatorConfig;

/* A record is bytes with marks to find it by. Numbers ascend in the order of making and never come twice. */
typedef struct AuthenticatorMark {
        uint8_t kind;
        uint8_t value[32];
} AuthenticatorMark;
#define AUTHENTICATOR_MARKS_MAX 8U

/* Outcomes of storage operations, beside 0 and negative errnos. */
enum authenticator_storage {
        AUTHENTICATOR_E_NOT_FOUND = 1,
        AUTHENTICATOR_E_LOCKED = 2,
        AUTHENTICATOR_E_FULL = 3,
        AUTHENTICATOR_E_DAMAGED = 4,
        AUTHENTICATOR_E_LATER = 5, /* of fingerprints->remove() only */
};

/* Built-in fingerprints (sections 6.7, 6.5.5.4): all of these, or no `fingerprints` at all. */
typedef struct AuthenticatorFingerprints {
        /* Whether a sensor is there, and how many fingers are enrolled. */
        int (*state)(void *userdata, bool *ret_available, unsigned *ret_enrolled);
        /* Fingerprint kind (1 touch, 2 swipe), samples that an enrolment needs, bytes of a friendly name. */
        int (*sensor)(void *userdata, unsigned *ret_kind, unsigned *ret_samples, unsigned *ret_name_max);
        /* The i-th template. AUTHENTICATOR_E_NOT_FOUND past the last one. Ids have at most 32 bytes, names at most 64.
         */
        int (*get)(void *userdata, unsigned i, uint8_t ret_id[32], size_t *ret_id_size, char ret_name[65]);
        /* Begins an enrolment: gives it an id. Samples are then asked for by ask() (AUTHENTICATOR_ASK_SAMPLE); after
         * an answer: sample() says how it was (0 good, 1–14 as in section 6.7.1) and how many are still to come; 0
         * left: it is enrolled. */
        int (*begin)(void *userdata, AuthenticatorHost *host, uint8_t ret_id[32], size_t *ret_id_size);
        int (*sample)(void *userdata, AuthenticatorHost *host, unsigned *ret_status, unsigned *ret_left);
        void (*cancel)(void *userdata, AuthenticatorHost *host);
        int (*rename)(void *userdata, const uint8_t *id, size_t id_size, const char *name);
        /* AUTHENTICATOR_E_LATER: nothing is removed yet, and ask() is to do it (AUTHENTICATOR_ASK_REMOVAL); the client is
         * told that it is not allowed when the answer is not YES. */
        int (*remove)(void *userdata, const uint8_t *id, size_t id_size);
} AuthenticatorFingerprints;

/*
 * Keys that live elsewhere, as in a TPM: their private part never comes here. Credentials with such a key are bound to
 * this device (BE=0) and count their signatures. Work is done for one host at a time, and takes long: make() and sign()
 * answer AUTHENTICATOR_LATER, and authenticator_key_answer() follows; or a status at once, when it can't be done
 * (CTAP2_ERR_PROCESSING: busy, try again; CTAP1_ERR_OTHER); or a negative errno. They never call back into the core.
 */
typedef struct AuthenticatorKeys {
        /* The COSE algorithms that it can do, ends with 0. */
        const int32_t *algorithms;
        int (*make)(void *userdata, AuthenticatorHost *host, int32_t algorithm);
        /* `key` is what make() gave; `message` is signed as the algorithm says (ES256: ECDSA over its SHA-256). */
        int (*sign)(void *userdata, AuthenticatorHost *host, int32_t algorithm, const void *key, size_t key_size,
                    const void *message, size_t size);
        /* Nobody waits for the host's work any more; it must not be answered. */
        void (*withdraw)(void *userdata, AuthenticatorHost *host);
} AuthenticatorKeys;

#define AUTHENTICATOR_KEY_MAX 1024U /* bytes that stand for an external key */

/* What has become of the work. */
typedef struct AuthenticatorKeyResult {
        int status;     /* CTAP_OK, or what the client is told: CTAP2_ERR_PROCESSING, CTAP1_ERR_OTHER,
                           CTAP2_ERR_INVALID_CREDENTIAL (the key is of another device, or destroyed) */
        const void *key; /* of make(): what stands for it, 1 to AUTHENTICATOR_KEY_MAX bytes; opaque to the core, stored
                            with the credential */
        size_t key_size;
        const uint8_t *public_key; /* of make(): x and y of the algorithm's curve, big-endian */
        size_t public_key_size;
        const uint8_t *signature; /* of sign(): DER (WebAuthn L3, 6.5.5) */
        size_t signature_size;
} AuthenticatorKeyResult;

typedef struct AuthenticatorOps {
        /* Random bytes fit for keys. */
        int (*random)(void *userdata, void *ret, size_t size);
        /* Milliseconds of a clock that never goes back; seconds since the epoch. */
        uint64_t (*now)(void *userdata);
        uint64_t (*clock)(void *userdata);

        /*
         * Asks the person. Returns an answer at once, AUTHENTICATOR_LATER, or a negative errno. It never calls back
         * into the core. One question at a time for each host. withdraw(): the question is off (cancelled, timed out,
         * host gone); it must not be answered any more.
         */
        int (*ask)(void *userdata, AuthenticatorHost *host, const AuthenticatorQuestion *question);
        void (*withdraw)(void *userdata, AuthenticatorHost *host);

        /*
         * Storage. is_open(): whether it can be read; if not, ask() is called with AUTHENTICATOR_ASK_STORAGE. A change
         * is made between begin() and commit(), which makes it durable, or rollback(). put() with *number 0 makes a
         * record (and sets *number), else replaces the content and keeps the marks. remove() with `keep` leaves it
         * restorable for the owner. find() gives up to `max` numbers below `before` that have the mark, newest first.
         * restore() brings back a removed record. An operation may answer AUTHENTICATOR_E_LOCKED at any time.
         */
        bool (*is_open)(void *userdata);
        int (*begin)(void *userdata);
        int (*commit)(void *userdata);
        void (*rollback)(void *userdata);
        int (*get)(void *userdata, uint64_t number, void *ret, size_t capacity, size_t *ret_size);
        int (*find)(void *userdata, const AuthenticatorMark *mark, uint64_t before, uint64_t *ret, size_t max,
                    size_t *ret_n);
        int (*put)(void *userdata, uint64_t *number, const AuthenticatorMark *marks, size_t n_marks, const void *data,
                   size_t size);
        int (*remove)(void *userdata, uint64_t number, bool keep);
        int (*restore)(void *userdata, uint64_t number);
        /* How many records there are, deleted ones left out. NULL: the authenticator counts its credentials itself, which is one
         * more record to write for each. */
        int (*count)(void *userdata, uint64_t *ret);

        /* A note that is readable while storage is locked: what getInfo answers then. Not secret, at most 1024 bytes.
         * note_put() is called within a change. AUTHENTICATOR_E_NOT_FOUND when there is none yet. */
        int (*note_get)(void *userdata, void *ret, size_t capacity, size_t *ret_size);
        int (*note_put)(void *userdata, const void *data, size_t size);

        /* Whether a verified backup made after `created` (seconds) has the credential in it: flag BS. NULL: never. */
        bool (*backed_up)(void *userdata, uint64_t created);
        /* The WINK of CTAPHID: show which one you are. NULL: nothing to show, and the capability is not announced. */
        void (*wink)(void *userdata, AuthenticatorHost *host);
        /* NULL: no built-in user verification. */
        const AuthenticatorFingerprints *fingerprints;
        /* NULL: software keys only. */
        const AuthenticatorKeys *keys;
} AuthenticatorOps;

/* ---- life ---- */

/* Makes an instance. config and ops are copied, what they point to is not and must outlive it (enterprise_pem may go).
 * -EINVAL when a required op is missing or the enterprise PEM is not fit. It begins as if powered up long ago: no
 * reset is allowed before authenticator_power_cycle(). */
AUTHENTICATOR_API int authenticator_new(const AuthenticatorConfig *config, const AuthenticatorOps *ops, void *userdata,
                                        Authenticator **ret);
/* Wipes and frees. All hosts must be gone. NULL is allowed. Returns NULL. */
AUTHENTICATOR_API Authenticator *authenticator_free(Authenticator *authenticator);

/* The moment of power-up (section 6.6): ends all tokens and enumerations, clears the block after three wrong PINs, and
 * allows a reset for ten seconds. Pending transactions end with CTAP2_ERR_KEEPALIVE_CANCEL at the next
 * authenticator_host_tick(). */
AUTHENTICATOR_API void authenticator_power_cycle(Authenticator *authenticator);

/* Storage was locked, or replaced: wipes all that was read from it. */
AUTHENTICATOR_API void authenticator_forget(Authenticator *authenticator);

/* ---- hosts ---- */

AUTHENTICATOR_API int authenticator_host_new(Authenticator *authenticator, void *userdata, AuthenticatorHost **ret);
/* Withdraws its question, wipes, frees. NULL is allowed. Returns NULL. */
AUTHENTICATOR_API AuthenticatorHost *authenticator_host_free(AuthenticatorHost *host);
AUTHENTICATOR_API void *authenticator_host_userdata(const AuthenticatorHost *host);
/* The way to this host loses what is longer: getInfo announces messages of at most `size` bytes (maxMsgSize, section
 * 6.4: 1024 to AUTHENTICATOR_MESSAGE_MAX), and lists of credentials that fit, and fragments of large blobs are no longer
 * (section 6.10.2). Other messages are still taken. */
AUTHENTICATOR_API void authenticator_host_limit(AuthenticatorHost *host, size_t size);

/*
 * The owner of the instance can ask this host's client's person for the PIN himself, on a prompt that no client sees. Then
 * built-in verification of this host is there as soon as there is a PIN (that need not be changed first): getInfo says
 * so, and the option `uv`, getPinUvAuthTokenUsingUvWithPermissions and alwaysUv lead to AUTHENTICATOR_ASK_VERIFICATION. A
 * finger is asked for first where one is enrolled; who does not lay it down, or refuses, or cannot be asked, is asked with
 * `by_pin`. What the client is told then: OPERATION_DENIED by who refused, PIN_BLOCKED and PIN_AUTH_BLOCKED, and where there is
 * nobody to ask UV_BLOCKED by clientPIN, PUAT_REQUIRED by the option: it may ask for the PIN itself.
 */
AUTHENTICATOR_API void authenticator_host_ask_pin(AuthenticatorHost *host);

/* The host's memory; good until its next call. */
typedef struct AuthenticatorReply {
        const uint8_t *data;
        size_t size;
} AuthenticatorReply;

#define AUTHENTICATOR_PENDING 1 /* no reply yet */

/*
 * Handles one request: CTAP2 (command byte and CBOR; the reply is a status byte and CBOR) or U2F (an APDU; the reply
 * ends with a status word). `channel` tells apart the clients of one host: enumerations belong to it. 0 and *ret,
 * AUTHENTICATOR_PENDING, or -EBUSY when a transaction is pending already. Malformed requests are replies, not errors.
 */
AUTHENTICATOR_API int authenticator_request(AuthenticatorHost *host, uint32_t channel, const void *request,
                                            size_t size, AuthenticatorReply *ret);
AUTHENTICATOR_API int authenticator_u2f_request(AuthenticatorHost *host, uint32_t channel, const void *request,
                                                size_t size, AuthenticatorReply *ret);

/* The person's answer to the host's question. Same results as authenticator_request(); an answer to no question
 * changes nothing and is AUTHENTICATOR_PENDING. */
AUTHENTICATOR_API int authenticator_answer(AuthenticatorHost *host, AuthenticatorAnswer answer,
                                           AuthenticatorReply *ret);

/* To be called before the answer AUTHENTICATOR_YES to a question with accounts: the person has chosen the i-th of them.
 * -EINVAL when there is no such question or account. */
AUTHENTICATOR_API int authenticator_choose(AuthenticatorHost *host, unsigned i);

/*
 * To be called before the answer AUTHENTICATOR_YES to a question `by_pin`, which is none without it: tries the PIN that the
 * person gave. Tries are counted as the protocol counts them, and none is a finger's. CTAP_OK: right.
 * CTAP2_ERR_PIN_INVALID: wrong, the question stands. CTAP2_ERR_PIN_POLICY_VIOLATION: no PIN can be like that, and it cost no
 * try; the question stands. CTAP2_ERR_PIN_AUTH_BLOCKED, _PIN_BLOCKED: wrong, and no more can be tried; any other status: it
 * could not be tried. Then answer AUTHENTICATOR_BLOCKED. -EINVAL when there is no such question.
 */
AUTHENTICATOR_API int authenticator_pin_verify(AuthenticatorHost *host, const void *pin, size_t size);

/* The external key's work is done. Same results as authenticator_answer(). */
AUTHENTICATOR_API int authenticator_key_answer(AuthenticatorHost *host, const AuthenticatorKeyResult *result,
                                               AuthenticatorReply *ret);

/* The channel whose request the host's question or work is about, of CTAP2 or U2F; 0 when there is none. */
AUTHENTICATOR_API uint32_t authenticator_host_channel(const AuthenticatorHost *host);

/* Cancels the pending transaction of this channel: 0 and the reply KEEPALIVE_CANCEL, or AUTHENTICATOR_PENDING when
 * there is none. */
AUTHENTICATOR_API int authenticator_cancel(AuthenticatorHost *host, uint32_t channel, AuthenticatorReply *ret);

/* The host's next deadline on the clock of ops->now(), UINT64_MAX none. At or after it call authenticator_host_tick():
 * same results as authenticator_answer(). */
AUTHENTICATOR_API uint64_t authenticator_host_deadline(const AuthenticatorHost *host);
AUTHENTICATOR_API int authenticator_host_tick(AuthenticatorHost *host, AuthenticatorReply *ret);

/* What a pending transaction waits for: a question's kind, or 0. */
AUTHENTICATOR_API int authenticator_host_waits_for(const AuthenticatorHost *host);
/* Drops what is kept for a channel that has ended. */
AUTHENTICATOR_API void authenticator_host_drop_channel(AuthenticatorHost *host, uint32_t channel);

/* ---- ports: CTAPHID (section 11.2) ---- */

typedef struct AuthenticatorPortOps {
        /* A report to the client. A port whose client doesn't read must be freed by its owner: not from within send().
         */
        void (*send)(void *userdata, const uint8_t report[AUTHENTICATOR_REPORT_SIZE]);
} AuthenticatorPortOps;

/* Makes a port with a host of its own, whose userdata is `userdata` too. */
AUTHENTICATOR_API int authenticator_port_new(Authenticator *authenticator, const AuthenticatorPortOps *ops,
                                             void *userdata, AuthenticatorPort **ret);
AUTHENTICATOR_API AuthenticatorPort *authenticator_port_free(AuthenticatorPort *port);
AUTHENTICATOR_API AuthenticatorHost *authenticator_port_host(AuthenticatorPort *port);
/* Takes one report; shorter ones count as filled up with zeros, longer ones are ignored. Replies go out through
 * send(). */
AUTHENTICATOR_API void authenticator_port_receive(AuthenticatorPort *port, const void *report, size_t size);
AUTHENTICATOR_API void authenticator_port_answer(AuthenticatorPort *port, AuthenticatorAnswer answer);
AUTHENTICATOR_API void authenticator_port_key_answer(AuthenticatorPort *port, const AuthenticatorKeyResult *result);
/* All clients have gone, though the port stays: ends channels, their transactions and questions, and the host's
 * tokens. */
AUTHENTICATOR_API void authenticator_port_reset(AuthenticatorPort *port);
/* As for hosts; the deadlines of framing, locks and keepalives are in it. */
AUTHENTICATOR_API uint64_t authenticator_port_deadline(const AuthenticatorPort *port);
AUTHENTICATOR_API void authenticator_port_tick(AuthenticatorPort *port);

/* ---- for the owner's own tools: no protocol, no token; storage must be open, else AUTHENTICATOR_E_LOCKED is returned
 * as CTAP2_ERR_OPERATION_PENDING ---- */

typedef struct AuthenticatorStatus {
        bool known; /* false: locked and nothing was noted yet; the rest are defaults */
        bool pin_set;
        bool pin_soft_blocked; /* until a power cycle */
        uint8_t pin_retries;   /* 0: blocked; only known while storage is open, else 255 */
        uint8_t min_pin_length;
        bool force_pin_change;
        bool always_uv;
        bool enterprise; /* enterprise attestation is enabled */
        bool long_touch_for_reset;
        bool pin_complexity;
        uint32_t discoverable, discoverable_left; /* credentials */
        unsigned reset_window_ms;                 /* how much longer a reset is allowed */
} AuthenticatorStatus;

/* Works while locked, from the note. */
AUTHENTICATOR_API int authenticator_status(Authenticator *authenticator, AuthenticatorStatus *ret);

/* The first PIN: CTAP2_ERR_NOT_ALLOWED when there is one, CTAP2_ERR_PIN_POLICY_VIOLATION. */
AUTHENTICATOR_API int authenticator_pin_set(Authenticator *authenticator, const void *pin, size_t size);
/* Counts tries like the protocol does: CTAP2_ERR_PIN_INVALID, _PIN_AUTH_BLOCKED, _PIN_BLOCKED, _PIN_NOT_SET,
 * _PIN_POLICY_VIOLATION. */
AUTHENTICATOR_API int authenticator_pin_change(Authenticator *authenticator, const void *old_pin, size_t old_size,
                                               const void *new_pin, size_t new_size);
/* A new PIN and full retries, without the old one: the owner has proved himself otherwise. */
AUTHENTICATOR_API int authenticator_pin_replace(Authenticator *authenticator, const void *pin, size_t size);
/*
 * What new credentials are made like, and what is asked for. Kept with the state, and shown by getInfo while storage is
 * locked, too. Factory settings: software keys, ES256 EdDSA ES384, alwaysUv off, packed self attestation. A reset
 * keeps it, except always_uv and enterprise (section 6.6).
 */
#define AUTHENTICATOR_ALGORITHMS_MAX 8U
typedef enum AuthenticatorAttestation {
        AUTHENTICATOR_ATTEST_SELF = 0, /* packed, signed by the credential itself */
        AUTHENTICATOR_ATTEST_NONE = 1, /* "none", unless the client prefers a format */
        /* fido-u2f, whose certificate is of the new key itself, where the client prefers no format and the algorithm is
         * ES256: for clients that insist on a certificate */
        AUTHENTICATOR_ATTEST_CERTIFICATE = 2,
} AuthenticatorAttestation;
typedef struct AuthenticatorPolicy {
        bool external_keys; /* new credentials get keys of ops->keys, and only algorithms that it can do */
        bool always_uv;
        bool enterprise;
        AuthenticatorAttestation attestation;
        /* COSE, what is offered: the first of a client's list that is here is taken. getInfo names them in this order.
         * A name of RFC 9864 is accepted where its older name is here, and named only where it is here itself; then
         * getInfo names the version FIDO_2_3, too. Without ES256 there is no registration by U2F. */
        int32_t algorithms[AUTHENTICATOR_ALGORITHMS_MAX];
        size_t n_algorithms;
} AuthenticatorPolicy;

/* Works while locked, from the note; factory settings where nothing is known. */
AUTHENTICATOR_API int authenticator_policy(Authenticator *authenticator, AuthenticatorPolicy *ret);
/* CTAP2_ERR_UNSUPPORTED_ALGORITHM, CTAP2_ERR_UNSUPPORTED_OPTION (external keys without ops->keys; enterprise without a
 * certificate), CTAP1_ERR_INVALID_PARAMETER (no algorithm, or one twice). */
AUTHENTICATOR_API int authenticator_set_policy(Authenticator *authenticator, const AuthenticatorPolicy *policy);

/* Factory settings (section 6.6) without asking and without the ten seconds; credentials stay restorable where storage
 * can. */
AUTHENTICATOR_API int authenticator_reset(Authenticator *authenticator);

typedef struct AuthenticatorCredential {
        uint64_t number;
        uint8_t id[AUTHENTICATOR_ID_MAX];
        size_t id_size;
        uint8_t rp_id_hash[32];
        char rp_id[AUTHENTICATOR_RP_ID_MAX + 1]; /* "" when made by U2F */
        char rp_name[AUTHENTICATOR_NAME_MAX + 1];
        uint8_t user_id[AUTHENTICATOR_USER_ID_MAX];
        size_t user_id_size;
        char user_name[AUTHENTICATOR_NAME_MAX + 1];
        char user_display_name[AUTHENTICATOR_NAME_MAX + 1];
        int32_t algorithm;  /* COSE */
        uint8_t protection; /* credProtect 1, 2, 3 */
        bool discoverable;
        bool u2f; /* made by U2F */
        bool backup_eligible;
        bool external;    /* its key is one of ops->keys */
        uint64_t created; /* seconds */
} AuthenticatorCredential;

/* The credential with the largest number below *before (begin with UINT64_MAX), which becomes its number.
 * CTAP2_ERR_NO_CREDENTIALS at the end. */
AUTHENTICATOR_API int authenticator_credential_next(Authenticator *authenticator, uint64_t *before,
                                                    AuthenticatorCredential *ret);
AUTHENTICATOR_API int authenticator_credential_find(Authenticator *authenticator, const void *id, size_t id_size,
                                                    AuthenticatorCredential *ret);
/* Sets the names that are not NULL. CTAP2_ERR_NO_CREDENTIALS, CTAP1_ERR_INVALID_PARAMETER (not UTF-8). */
AUTHENTICATOR_API int authenticator_credential_rename(Authenticator *authenticator, uint64_t number,
                                                      const char *user_name, const char *user_display_name);
AUTHENTICATOR_API int authenticator_credential_delete(Authenticator *authenticator, uint64_t number);
/* Restores a deleted one; a discoverable one of the same account that came after it is deleted in turn (and stays
 * restorable). */
AUTHENTICATOR_API int authenticator_credential_restore(Authenticator *authenticator, uint64_t number);
/* What a record is, for the list of deleted ones. CTAP2_ERR_INVALID_CREDENTIAL when it is not a credential. */
AUTHENTICATOR_API int authenticator_credential_decode(const void *record, size_t size, AuthenticatorCredential *ret);

#ifdef __cplusplus
}
#endif

#endif
