/*
 * Inside of the authenticator
 *
 * A request becomes a Transaction: its CBOR is read once, then its Command runs. A command that must wait for the
 * person, or an external key, returns TRANSACTION_WAIT and is called again, from the top, with the next `step`; what it has to
 * remember it keeps in `data`. Before a command with COMMAND_STORAGE runs, and each time it is resumed, storage is open and the
 * State is read, or the transaction waits for that first. So commands are straight code that never blocks.
 *
 * Layers, lowest first: cbor; credential and state (records); record (storage); pin-protocol, token; transaction and
 * host; extensions, attestation; one file per command; ctaphid and port on top.
 */
#pragma once

#include "authenticator/cbor.h"
#include "common/bytes.h"
#include "crypto/agree.h"
#include "crypto/arena.h"
#include "crypto/certificate.h"
#include "crypto/sha.h"
#include "crypto/sign.h"

#define TRANSACTION_WAIT 0x100 /* not a status byte: the command waits for an answer */

/* COSE algorithms (RFC 9053, RFC 9864) */
#define COSE_ES256   (-7)
#define COSE_EDDSA   (-8)
#define COSE_ESP256  (-9)
#define COSE_ED25519 (-19)
#define COSE_ES384   (-35)
#define COSE_ESP384  (-51)
#define COSE_ECDH    (-25) /* ECDH-ES + HKDF-256, of key agreement */

/* ---- cose.c ---- */

typedef struct Algorithm {
        int32_t cose;
        SignKind kind;
        int32_t curve;   /* COSE crv */
        int32_t classic; /* its older name, when this is one of RFC 9864; else 0 */
} Algorithm;

/* NULL when not supported. */
const Algorithm *algorithm_find(int64_t cose);
/* The COSE_Key of a public key (section 6.1.2 of WebAuthn); at most COSE_KEY_MAX bytes. */
#define COSE_KEY_MAX 128U
void put_cose_key(CborWriter *w, const Algorithm *algorithm, const uint8_t *public_key);

/* ---- credential.c: a credential and its record ---- */

typedef struct Credential {
        AuthenticatorCredential public; /* number, id, rp, user, algorithm, protection, … */
        SignKey key;                    /* of an external one only the public half */
        uint8_t external[AUTHENTICATOR_KEY_MAX];
        size_t external_size;
        uint8_t hmac_uv[32], hmac_no_uv[32]; /* hmac-secret: CredRandomWithUV, CredRandomWithoutUV */
        bool hmac;                           /* asked for at creation; the values are there always */
        bool has_large_blob_key;
        uint8_t large_blob_key[32];
        bool has_blob;
        uint8_t blob[CRED_BLOB_MAX];
        size_t blob_size;
        bool third_party_payment;
        bool counts;       /* has a signature counter */
        uint32_t reserved; /* counter values below this one may have been used */
} Credential;

/* In the arena. NULL when it is full. */
Credential *credential_new(void);
Credential *credential_free(Credential *credential);
DEFINE_CLEANUP(Credential *, credential_free)

#define CREDENTIAL_RECORD_MAX 4096U
/* -EOVERFLOW never for a credential within its limits. The record is versioned; docs/CTAP.md describes it. */
int credential_encode(const Credential *credential, uint8_t ret[CREDENTIAL_RECORD_MAX], size_t *ret_size);
/* 0 or AUTHENTICATOR_E_DAMAGED. Number is not part of the record. */
int credential_decode(const void *record, size_t size, Credential *ret);

/* Copies at most max bytes of UTF-8 and a NUL, cut at a character's boundary (section 6.1.2; also removes nothing
 * else). */
void name_copy(char *ret, size_t max, const char *text, size_t size);
/* For showing: control characters (C0, C1, DEL, line and bidi controls) become spaces. In place. */
void name_sanitize(char *text);

/* ---- policy.c: what new credentials are made like ---- */

typedef struct Policy {
        bool external_keys;
        uint8_t attestation; /* AuthenticatorAttestation */
        uint8_t n_algorithms;
        int32_t algorithms[AUTHENTICATOR_ALGORITHMS_MAX]; /* COSE, as the owner named them */
} Policy;

void policy_default(Policy *ret);
bool policy_is_default(const Policy *policy);
void policy_encode(const Policy *policy, ByteWriter *w);
bool policy_decode(ByteReader *reader, Policy *ret);
/* NULL when it is not offered. */
const Algorithm *policy_find(const Authenticator *a, const Policy *policy, int64_t cose);
/* In the order in which getInfo names them; NULL past the end. */
const Algorithm *policy_nth(const Authenticator *a, const Policy *policy, size_t i);
/* Whether it names one of RFC 9864: then its clients are new enough for other names that are new. */
bool policy_names_new(const Policy *policy);
/* What ops.keys calls this algorithm; 0 when it can't do it. */
int32_t keys_algorithm(const Authenticator *a, const Algorithm *algorithm);

/* ---- state.c: what the authenticator remembers beside credentials ---- */

typedef struct State {
        uint64_t number; /* its record; 0: none yet, these are factory settings */
        bool pin_set;
        uint8_t pin_hash[16]; /* left half of SHA-256 of the PIN (section 6.5.4) */
        uint8_t pin_length;   /* code points */
        uint8_t pin_retries, uv_retries;
        bool force_pin_change, always_uv, enterprise, long_touch, pin_complexity;
        uint8_t min_pin_length;
        uint8_t n_min_pin_rps;
        uint8_t min_pin_rps[MIN_PIN_RP_IDS_MAX][32]; /* hashes of rpIds */
        bool has_persistent_token;
        uint8_t persistent_token[32];
        uint8_t device_id[16], store_id[16]; /* encIdentifier, encCredStoreState */
        uint32_t n_discoverable;             /* discoverable credentials */
        uint32_t n_credentials;              /* all */
        uint32_t uv_since_pin;               /* getInfo 0x17 */
        uint64_t blob_number;                /* record of the large-blob array, 0 none */
        Policy policy;
} State;

/* Factory settings with fresh random ids. */
int state_init(Authenticator *a, State *ret);
#define STATE_RECORD_MAX 1024U
int state_encode(const State *state, uint8_t ret[STATE_RECORD_MAX], size_t *ret_size);
int state_decode(const void *record, size_t size, State *ret); /* 0 or AUTHENTICATOR_E_DAMAGED */
/* The note: the part that getInfo shows, readable while locked. */
#define STATE_NOTE_MAX 64U
int state_note_encode(const State *state, uint8_t ret[STATE_NOTE_MAX], size_t *ret_size);
int state_note_decode(const void *note, size_t size, State *ret);
/* What is known while storage is locked; factory settings, which are likely, where nothing is, even on failure: a status
 * or -errno. */
int state_noted(Authenticator *a, State *ret, bool *ret_known);

/* ---- record.c: storage, with outcomes as CTAP statuses ---- */

enum MarkKind {
        MARK_CREDENTIAL = 1,      /* every credential; value zero */
        MARK_ID = 2,              /* SHA-256 of the credential id */
        MARK_RP = 3,              /* rpIdHash: every credential of this RP */
        MARK_ACCOUNT = 4,         /* SHA-256(rpIdHash ‖ user id), discoverable ones only */
        MARK_DISCOVERABLE = 5,    /* every discoverable one; value zero */
        MARK_RP_DISCOVERABLE = 6, /* rpIdHash of discoverable ones */
        MARK_STATE = 7,           /* the State; value zero */
        MARK_BLOB = 8,            /* the large-blob array; value zero */
};

/*
 * All answer CTAP_OK, a status, or a negative errno: NO_CREDENTIALS (not found), KEY_STORE_FULL, INVALID_CREDENTIAL
 * (damaged), and CTAP2_ERR_OPERATION_PENDING (locked: the transaction opens storage and begins again).
 */
int record_status(int storage_result);
int record_find(Authenticator *a, enum MarkKind kind, const uint8_t value[32] /* NULL: zero */, uint64_t before,
                uint64_t *ret, size_t max, size_t *ret_n);
/* Reads and decodes a credential, and sets its number. */
int record_credential(Authenticator *a, uint64_t number, Credential *ret);
/* By id, and of this RP (rp_id_hash NULL: any). NO_CREDENTIALS. */
int record_credential_by_id(Authenticator *a, const uint8_t *id, size_t id_size, const uint8_t *rp_id_hash,
                            Credential *ret);
/* Only whether there is one of this RP: without reading it, when storage's index is enough (it is: ids are random). */
int record_has_id(Authenticator *a, const uint8_t *id, size_t id_size, uint64_t *ret_number);

/*
 * A change: state and credentials together, durable when change_commit() returns CTAP_OK; then a->state is
 * `change.state`. Between begin and commit nothing waits. _cleanup_(change_donep) rolls back what was not committed.
 */
typedef struct Change {
        Authenticator *a;
        State *state; /* a copy in the arena, to be changed */
        bool open;
} Change;
int change_begin(Authenticator *a, Change *ret);
/* Makes a credential (sets its number), or stores a changed one under its number; keeps the counts in state up to date
 * and gives it a new store_id. KEY_STORE_FULL. */
int change_put_credential(Change *change, Credential *credential);
/* The same without a new store_id and counts: a counter's reservation. */
int change_put_counter(Change *change, Credential *credential);
int change_remove_credential(Change *change, const Credential *credential, bool keep);
/* Brings back a removed one and reads it. NO_CREDENTIALS, KEY_STORE_FULL. */
int change_restore_credential(Change *change, uint64_t number, Credential *ret);
/* Writes the state (and its note) when it differs, and commits. */
int change_commit(Change *change);
void change_done(Change *change);
static inline void change_donep(Change *change)
{
        change_done(change);
}

/* ---- pin-protocol.c: pinUvAuthProtocol 1 and 2 (sections 6.5.6, 6.5.7) ---- */

#define PIN_PROTOCOL_MAX 2U
#define PIN_TOKEN_SIZE   32U
#define PIN_IV_SIZE      16U

/* What both sides derive from an ECDH exchange: protocol 1 one key of 32 bytes, protocol 2 an HMAC key and an AES key.
 * Wipe it. */
typedef struct SharedSecret {
        uint8_t protocol;
        uint8_t hmac_key[32], aes_key[32];
} SharedSecret;

/* The host's key agreement key of this protocol, made when first asked for; CTAP1_ERR_INVALID_PARAMETER for another
 * protocol. */
int protocol_public_key(AuthenticatorHost *host, uint64_t protocol, uint8_t ret[64]);
void protocol_regenerate(AuthenticatorHost *host, uint64_t protocol);
int protocol_decapsulate(AuthenticatorHost *host, uint64_t protocol, const uint8_t peer[64], SharedSecret *ret);
/* `ret` gets size + PIN_IV_SIZE (protocol 2) or size bytes. */
int protocol_encrypt(Authenticator *a, const SharedSecret *secret, const uint8_t *plain, size_t size, uint8_t *ret,
                     size_t *ret_size);
/* CTAP1_ERR_INVALID_PARAMETER for a size that can't be. */
int protocol_decrypt(const SharedSecret *secret, const uint8_t *cipher, size_t size, uint8_t *ret, size_t *ret_size);
/* Constant time. key: a shared secret's hmac_key or a token. CTAP_OK or CTAP2_ERR_PIN_AUTH_INVALID. */
int protocol_verify(uint64_t protocol, const uint8_t key[32], const void *message, size_t size, const uint8_t *mac,
                    size_t mac_size);

/* ---- token.c: pinUvAuthTokens (section 6.5.2.1) ---- */

#define PERMISSION_MC   0x01U
#define PERMISSION_GA   0x02U
#define PERMISSION_CM   0x04U
#define PERMISSION_BE   0x08U
#define PERMISSION_LBW  0x10U
#define PERMISSION_ACFG 0x20U
#define PERMISSION_PCMR 0x40U

typedef struct PinToken {
        bool in_use;
        uint8_t *bytes; /* PIN_TOKEN_SIZE of them, in the arena; NULL when it is not in use */
        uint8_t permissions;
        bool bound;
        uint8_t rp_id_hash[32];
        bool user_verified, user_present;
        uint64_t issued, used; /* used 0: not yet */
} PinToken;

/* New bytes, in use, verified; ends the host's tokens of all protocols before. */
int token_issue(AuthenticatorHost *host, uint64_t protocol, uint8_t permissions, const uint8_t *rp_id_hash,
                bool present, PinToken **ret);
void token_end(AuthenticatorHost *host); /* all protocols of this host */
void token_end_all(Authenticator *a);    /* of every host */
/* Checks a pinUvAuthParam with the host's token of this protocol: times, MAC; counts as use. PIN_AUTH_INVALID;
 * INVALID_PARAMETER (protocol). */
int token_check(AuthenticatorHost *host, uint64_t protocol, const void *message, size_t size, const uint8_t *param,
                size_t param_size, PinToken **ret);
/* PIN_AUTH_INVALID unless it has the permission, and is bound to this RP or to none (then it is bound now; rp_id_hash
 * NULL: no RP is concerned). */
int token_permit(PinToken *token, uint8_t permission, const uint8_t *rp_id_hash);
/* After presence was tested in mc or ga: what it remembers of the person goes, and its permissions except lbw
 * (section 6.5.2.1). */
void token_spend(PinToken *token);
/* The same check for the persistent token (pcmr): CTAP_OK or PIN_AUTH_INVALID. */
int token_check_persistent(Authenticator *a, uint64_t protocol, const void *message, size_t size, const uint8_t *param,
                           size_t param_size);

/* ---- pin.c: the PIN itself ---- */

/* Whether a new PIN (decrypted, without padding) follows the policy: code points, bytes, UTF-8, complexity.
 * CTAP_OK or CTAP2_ERR_PIN_POLICY_VIOLATION. */
int pin_check_policy(const State *state, const uint8_t *pin, size_t size);
/* One try, with the left half of the PIN's hash: the retry is used up durably before the comparison
 * (section 6.5.5.7.1). CTAP_OK, PIN_INVALID, PIN_AUTH_BLOCKED, PIN_BLOCKED. `host` (may be NULL) gets a new key
 * agreement key when it was wrong. */
int pin_try(Authenticator *a, AuthenticatorHost *host, const uint8_t hash[16]);
/* Stores a new PIN and full retries, ends tokens, the persistent one too. */
int pin_store(Authenticator *a, const uint8_t *pin, size_t size);

/* ---- transaction.c, host.c ---- */

typedef struct Transaction Transaction;
typedef struct Channel Channel;

typedef enum CommandFlags {
        COMMAND_STORAGE = 1 << 0,     /* storage must be open */
        COMMAND_ENUMERATION = 1 << 1, /* goes on with an enumeration: any other command ends it */
        COMMAND_NO_BODY = 1 << 2,     /* has no parameters: bytes after the command are ignored */
        COMMAND_SILENT = 1 << 3,      /* never asks anybody, so it need not wait for another channel's question */
} CommandFlags;

typedef struct Command {
        uint8_t code;
        CommandFlags flags;
        int (*run)(Transaction *t);
        /* Called once while the person is asked, after the question has gone out: for work that can be done before the answer
         * is known. What it makes is the transaction's and goes with it; a failure is left to run(). NULL: there is none. */
        void (*ahead)(Transaction *t);
} Command;

struct Transaction {
        Authenticator *a;
        AuthenticatorHost *host;
        Channel *channel;
        const Command *command;
        cbor_item_t *body; /* the request's map, or NULL */
        uint8_t *raw;      /* the request as it came, command byte included; of U2F the APDU */
        size_t raw_size;
        int step;                   /* 0 at first; the command sets it before it waits */
        AuthenticatorAnswer answer; /* what the person answered when it is resumed */
        unsigned n_accounts;        /* that its question named */
        unsigned chosen;            /* which of them the person chose, from 1 on; 0: none */
        bool by_pin, pin_right;     /* the question is for the PIN, and it was right */
        const AuthenticatorKeyResult *work; /* what has become of the external key's work when it is resumed after that */
        void *data;                 /* the command's own, with its destructor */
        size_t data_size;
        void (*data_free)(void *data);
        CborWriter reply; /* after the status byte */
};

/*
 * Asks the person. CTAP_OK: answered at once, t->answer is set; TRANSACTION_WAIT: return it; the command will be
 * called again with t->answer set; or -errno. t->step = 2; r = transaction_ask(t, &question); if (r != 0) return r;
 * [case 2:] r = presence_status(t->answer); …
 */
int transaction_ask(Transaction *t, const AuthenticatorQuestion *question);
/* YES → CTAP_OK, NO → OPERATION_DENIED, TIMED_OUT → USER_ACTION_TIMEOUT, NOBODY and others → OPERATION_DENIED. */
int presence_status(AuthenticatorAnswer answer);
/* t->data of `size` zeroed bytes, wiped and freed with the transaction after done(). Not of the arena: any number of
 * clients may be waiting, and keys need it, so a secret in it is a pointer to the arena. -ENOMEM. */
int transaction_data(Transaction *t, size_t size, void (*done)(void *data));

/* ---- verify.c: built-in user verification (section 6.5.5.4, "performBuiltInUv") ---- */

bool uv_available(Authenticator *a);  /* a sensor is there */
bool uv_configured(Authenticator *a); /* and a finger is enrolled */
/* The same of all that verifies this host's person, the PIN that he can be asked for included. `state`: what is known. */
bool host_uv_available(const AuthenticatorHost *host);
bool host_uv_configured(const AuthenticatorHost *host, const State *state);

/* How far the verification of one request has come: zeroed at first, kept by the caller. */
typedef struct UvProgress {
        unsigned asked; /* questions */
        bool by_pin;    /* the last one was for the PIN */
} UvProgress;
/*
 * Begins or goes on: call with t->step at a step of the caller's own, again after TRANSACTION_WAIT. CTAP_OK verified;
 * UV_INVALID, UV_BLOCKED, USER_ACTION_TIMEOUT; of a host that asks for the PIN also OPERATION_DENIED, PIN_BLOCKED,
 * PIN_AUTH_BLOCKED.
 */
int uv_perform(Transaction *t, AuthenticatorPurpose purpose, const AuthenticatorQuestion *about, UvProgress *progress);

/* ---- channels: what one client of a host is in the middle of ---- */

typedef enum EnumerationKind {
        ENUMERATION_NONE,
        ENUMERATION_ASSERTIONS,
        ENUMERATION_RPS,
        ENUMERATION_CREDENTIALS,
        ENUMERATION_SAMPLES, /* of a finger that is being enrolled */
} EnumerationKind;

struct Channel {
        uint32_t id;
        uint64_t used; /* now() */
        EnumerationKind enumeration;
        uint64_t deadline; /* of the enumeration */
        void *data;        /* the command's, in the arena or on the heap */
        void (*data_free)(void *data);
        /* largeBlobs: an array that is being written (section 6.10.2) */
        uint8_t *blob;
        size_t blob_expected, blob_size;
};
/* Ends the enumeration and frees its data. */
void channel_clear(Channel *channel);
/* Forgets a large-blob array that is half written. */
void channel_drop_blob(Channel *channel);

/* Presence latch of U2F (section 7): see u2f.c. */
typedef struct U2fLatch {
        enum { LATCH_NONE, LATCH_ASKING, LATCH_GIVEN, LATCH_REFUSED } state;
        uint32_t channel;    /* whose request it is about, */
        uint8_t request[32]; /* and a hash of it */
        uint64_t until;      /* then it is forgotten */
} U2fLatch;

struct AuthenticatorHost {
        Authenticator *a;
        AuthenticatorHost *next;
        void *userdata;
        Transaction *transaction; /* pending or running, or NULL */
        bool asking;              /* ops->ask() answered LATER, and neither answer nor withdrawal has come */
        bool opening;             /* the question is the storage's, and the command has not run yet */
        int waits_for;            /* AuthenticatorQuestionKind */
        uint64_t question_deadline;
        bool ahead;   /* the transaction's command works ahead at the next tick */
        int spare;    /* SignKind of a key to be made at a tick when nothing is pending; 0: none */
        bool working; /* an external key, for the transaction */
        uint64_t work_deadline;
        bool ended; /* power cycle: the pending transaction is over */
        bool asks_pin;      /* its person can be asked for the PIN: built-in verification */
        size_t message_max; /* that getInfo announces; 0: what a message can have */
        struct {
                AgreeKey *agreement;
                PinToken token;
        } pin[PIN_PROTOCOL_MAX]; /* by protocol - 1 */
        Channel channels[HOST_CHANNELS_MAX];
        U2fLatch latch;
        uint8_t *reply; /* AUTHENTICATOR_MESSAGE_MAX bytes */
        size_t reply_size;
};

typedef struct Spare Spare;

struct Authenticator {
        AuthenticatorConfig config;
        AuthenticatorOps ops;
        void *userdata;
        AuthenticatorHost *hosts;
        Attester *enterprise;
        State *state;       /* in the arena; NULL: not read since it was opened */
        unsigned pin_wrong; /* in a row, since power-up */
        bool pin_soft_blocked;
        uint64_t powered_up; /* now() of it */
        bool reset_allowed;  /* a power cycle has been, and nothing but getInfo since matters: see reset.c */
        uint64_t generation; /* grows when enumerations must end */
        void *counters;      /* counter.c */
        void *signers;       /* signers.c */
        Spare *spares[SIGN_ED25519 + 1];
};

/* Reads the state, making it (factory settings, stored with the first change) when there is none. OPERATION_PENDING
 * when locked. */
int authenticator_load(Authenticator *a);
/* All its clients have gone: ends what they were in the middle of, and their tokens. */
void host_reset(AuthenticatorHost *host);
/* The channel's place; made, or taken from the one unused for longest. */
Channel *host_channel(AuthenticatorHost *host, uint32_t id);
static inline uint64_t authenticator_now(const Authenticator *a)
{
        return a->ops.now(a->userdata);
}
static inline int authenticator_random(Authenticator *a, void *ret, size_t size)
{
        return a->ops.random(a->userdata, ret, size);
}

/* ---- getInfo's truth, also used by the commands ---- */

/* Whether makeCredential and getAssertion want verification whatever the client says (alwaysUv, section 6.1.2 step 5).
 */
bool authenticator_protected(Authenticator *a); /* a PIN is set, or a finger enrolled */

/* ---- ext-hmac-secret.c (sections 12.7, 12.8) ---- */

typedef struct HmacSecretInput {
        bool present;
        uint64_t protocol;
        uint8_t peer[64];
        const uint8_t *salt_enc, *salt_auth;
        size_t salt_enc_size, salt_auth_size;
} HmacSecretInput;
/* Decodes {1: COSE_Key, 2: saltEnc, 3: saltAuth, 4: protocol (default 1)}. */
int hmac_secret_read(const cbor_item_t *item, HmacSecretInput *ret);
#define HMAC_SECRET_OUTPUT_MAX (64U + PIN_IV_SIZE)
/* Verifies saltAuth, decrypts, computes with the credential's secret (with or without UV), encrypts. */
int hmac_secret_compute(AuthenticatorHost *host, const HmacSecretInput *input, const Credential *credential,
                        bool verified, uint8_t ret[HMAC_SECRET_OUTPUT_MAX], size_t *ret_size);

/* ---- signers.c: the keys used last, ready to sign ---- */

/* The signer of a stored credential (its number is set); borrowed until the next call. 0 or -errno. */
int signers_get(Authenticator *a, const Credential *credential, Signer **ret);
void signers_forget(Authenticator *a); /* wipes them */
/* What is stored of one of these credentials, or NULL: it has to be read. */
const Credential *signers_credential(const Authenticator *a, uint64_t number);
/* It has just been read: kept, if it is one of these. */
void signers_read(Authenticator *a, const Credential *credential);
/* It is about to be written: what was read of it is forgotten. */
void signers_written(Authenticator *a, uint64_t number);

/* ---- spare.c: keys made in advance ---- */

/* Has one made when the host has nothing else to do, unless there is one. */
void spare_order(AuthenticatorHost *host, SignKind kind);
/* Makes one of this kind, unless there is one or no room. */
void spare_make(Authenticator *a, SignKind kind);
/* A new key, and if it was made in advance its signer, else NULL. 0 or -errno. */
int spare_take(Authenticator *a, SignKind kind, SignKey *ret, Signer **ret_signer);
void spares_forget(Authenticator *a); /* wipes them */

/* ---- counter.c: signature counters that grow, one per credential, reserved in blocks ---- */

#define COUNTER_BLOCK 256U
/*
 * The next value for this credential; writes only when a block is used up. 0 for one that does not count. For a new
 * one that is not stored yet it writes nothing: the first block is in the record that is about to be made.
 */
int counter_next(Authenticator *a, Credential *credential, uint32_t *ret);
void counters_forget(Authenticator *a); /* frees what is remembered */

/* ---- enc-fields.c: encIdentifier and encCredStoreState (section 6.4, 2.2) ---- */

#define ENC_FIELD_SIZE 32U
int enc_field(Authenticator *a, const char *name, const uint8_t plain[16], uint8_t ret[ENC_FIELD_SIZE]);

/* ---- commands ---- */

/* U2F is a command of its own: reads t->raw, writes the reply and status word, returns CTAP_OK (u2f.c). */
extern const Command command_u2f;
extern const Command command_make_credential, command_get_assertion, command_get_next_assertion, command_get_info,
        command_client_pin, command_reset, command_bio_enrollment, command_bio_enrollment_preview,
        command_credential_management, command_credential_management_preview, command_selection, command_large_blobs,
        command_config;
