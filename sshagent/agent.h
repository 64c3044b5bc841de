/*
 * SshAgent: an ssh-agent, bytes in, bytes out (RFC 9987 and the extensions of OpenSSH)
 *
 * An instance holds keys, a client is one connection to it. Nothing here does I/O, waits or knows the time: the owner hands in
 * what came and takes out what is to be sent, and what needs a person, the vault, another thread or a security key is asked
 * of him by SshAgentOps and answered later. While a client's request is pending, its further requests wait, in order; other
 * clients go on.
 *
 * Keys that were added by clients are in memory, sealed by a key in the arena; stored ones are records of the owner's, which
 * are read when they are used. A few keys are kept ready to sign. What can be shown of a stored key while storage is locked
 * is its hint, which the owner gives back at start: it holds nothing secret, and nothing is believed that only it says.
 *
 * Returns: 0, a positive SshResult, or a negative errno (-ENOMEM …), after which nothing of the call was done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/secret.h"

typedef struct SshAgent SshAgent;
typedef struct SshClient SshClient;
typedef struct SshWork SshWork;

typedef enum SshResult {
        SSH_OK = 0,
        SSH_E_LOCKED,    /* storage is, or the agent (ssh-add -x) */
        SSH_E_NOT_FOUND,
        SSH_E_FULL,
        SSH_E_DAMAGED,
        SSH_E_INVALID,   /* not a key, or of a kind that is not supported */
        SSH_E_EXISTS,
        _SSH_RESULT_MAX,
} SshResult;

/* Limits: those of OpenSSH where it has one. */
#define SSH_MESSAGE_MAX      ((size_t)256 * 1024) /* bytes of one message, without its length */
#define SSH_CHUNK_MAX        ((size_t)64 * 1024)  /* bytes that a client's owner hands in at once */
#define SSH_SESSIONS_MAX     16U                  /* session ids that a connection can be bound to */
#define SSH_SESSION_ID_MAX   128U
#define SSH_DESTINATIONS_MAX 1024U /* constraints of one key */
#define SSH_KEYS_MAX         4096U
#define SSH_KEYS_BYTES_MAX   ((size_t)16 * 1024 * 1024) /* of all keys in memory */
#define SSH_COMMENT_MAX      1024U
#define SSH_HINT_MAX         ((size_t)64 * 1024)
#define SSH_RECORD_MAX       ((size_t)256 * 1024)
#define SSH_POLICY_MAX       64U /* programs, and hosts */

/* ---- keys ---- */

typedef enum SshKeyKind {
        SSH_KEY_ED25519 = 1,
        SSH_KEY_ECDSA_P256,
        SSH_KEY_ECDSA_P384,
        SSH_KEY_ECDSA_P521,
        SSH_KEY_RSA,
        SSH_KEY_SK_ECDSA,
        SSH_KEY_SK_ED25519,
        _SSH_KEY_KIND_MAX,
} SshKeyKind;

/* A host that a policy allows: its name, and the public keys (wire format) that it shows. */
typedef struct SshPolicyHost {
        char *name;
        uint8_t *key;
        size_t key_size;
} SshPolicyHost;

/* What the owner wants of a key, beyond what its constraints say. */
typedef struct SshPolicy {
        bool confirm;            /* ask before each use */
        bool verify;             /* ask for the owner's verification before each use */
        char **programs;         /* those that may use it: absolute paths, names of apps (common/app-name.h); NULL: all */
        size_t n_programs;
        SshPolicyHost *hosts;    /* hosts that it may log in to, by bound sessions only; NULL: all */
        size_t n_hosts;
} SshPolicy;
void ssh_policy_done(SshPolicy *policy);
/* Whether a key may have it: what SSH_E_INVALID is about otherwise. */
bool ssh_policy_valid(const SshPolicy *policy);

/* What can be told of a key. Borrowed: good until the agent is called again. */
typedef struct SshKeyInfo {
        uint32_t id;               /* of this run; never given again */
        SshKeyKind kind;
        const char *type;          /* "ssh-ed25519", "sk-ssh-ed25519-cert-v01@openssh.com", … */
        const uint8_t *blob;       /* the public key or certificate, wire format */
        size_t blob_size;
        const char *comment;       /* presentable: no control characters */
        char fingerprint[64];      /* "SHA256:…" of the plain public key */
        unsigned bits;
        bool certificate;
        bool stored;
        uint64_t number;           /* of the record, if stored */
        bool confirm;              /* by constraint */
        uint32_t lifetime_left;    /* seconds; 0: for ever */
        size_t n_destinations;     /* constraints restrict-destination-v00@openssh.com */
        const char *application;   /* sk; else NULL */
        uint8_t sk_flags;
        const SshPolicy *policy;   /* NULL while storage is locked: not known; and in questions */
} SshKeyInfo;

/* ---- what is asked of the owner ---- */

typedef enum SshAnswer {
        SSH_LATER = 0, /* ssh_client_answer() follows */
        SSH_YES,
        SSH_NO,
        SSH_NOBODY, /* there is nobody who can be asked */
} SshAnswer;

typedef enum SshQuestionKind {
        SSH_ASK_STORAGE = 1, /* have it opened */
        SSH_ASK_CONFIRM,     /* may the key be used for this? */
        SSH_ASK_VERIFY,      /* the same, and is it the owner? Never answered YES by a mere confirmation */
        SSH_ASK_PROGRAM,     /* no question: say by ssh_client_set_program() who the client is, then answer YES */
} SshQuestionKind;

/* Good until it is answered or withdrawn, with all that it points to. */
typedef struct SshQuestion {
        SshQuestionKind kind;
        const SshKeyInfo *key;     /* NULL: not about one key */
        const char *host;          /* where the signature logs in, by name, when that is known for sure; else NULL */
        const char *host_key;      /* "SHA256:…" of the host's key when the session is bound; else NULL */
        const char *via;           /* the last host that the agent was forwarded through, by name or fingerprint; NULL: not forwarded */
        const char *user;          /* the account there, of a request to log in; else NULL */
        const char *purpose;       /* "log in", "sign a git commit or file" (its namespace in `user`), … a constant text */
} SshQuestion;

/* What a security key is to sign. Good until ssh_client_sk_done() or withdraw(). */
typedef struct SshSkRequest {
        SshKeyKind kind;
        const char *application;
        const uint8_t *key_handle;
        size_t key_handle_size;
        uint8_t message_hash[32];  /* SHA-256 of what is signed: clientDataHash */
        bool presence, verification;
        const SshQuestion *question; /* for whom, as of SSH_ASK_CONFIRM */
} SshSkRequest;

typedef struct SshSkResult {
        SshAnswer answer;          /* YES: the rest is set */
        uint8_t flags;             /* of authenticatorData */
        uint32_t counter;
        uint8_t signature[128];    /* ECDSA: DER; Ed25519: 64 bytes */
        size_t signature_size;
} SshSkResult;

typedef struct SshAgentOps {
        uint64_t (*now)(void *userdata);  /* milliseconds, monotonic, sleep of the machine counted */
        uint64_t (*wall)(void *userdata); /* seconds since 1970: how long stored keys live, and certificates of hosts */

        /* Result SshAnswer, or a negative errno (counts as NO). Never calls back into the agent. */
        int (*ask)(void *userdata, SshClient *client, const SshQuestion *question);
        /* The client's question or work is not waited for any more. */
        void (*withdraw)(void *userdata, SshClient *client);

        /* Something that takes long: run ssh_work_run() on any thread, then call ssh_client_worked(). NULL, or another
         * result than SSH_LATER: it is run at once. */
        int (*compute)(void *userdata, SshClient *client, SshWork *work);

        /* A security key is to sign: SSH_LATER and ssh_client_sk_done(), or another SshAnswer at once. NULL: SSH_NO. */
        int (*sk_sign)(void *userdata, SshClient *client, const SshSkRequest *request);

        /* Storage: each call is durable when it returns. put() with *number 0 makes a record; the hint goes with it and
         * can be read while storage is locked. get() appends to an empty Secret. SSH_E_LOCKED at any time. */
        bool (*is_open)(void *userdata);
        int (*put)(void *userdata, uint64_t *number, const void *data, size_t size, const void *hint, size_t hint_size);
        int (*get)(void *userdata, uint64_t number, Secret *ret);
        int (*remove)(void *userdata, uint64_t number); /* it stays restorable for the owner's time */

        /* A stored key is used; it may have been read long ago. NULL: nobody wants to know. */
        void (*used)(void *userdata);
        /* Whether a key that a client adds is to be stored at once (the owner's configuration). NULL: never. */
        bool (*keeps)(void *userdata);
        /* Keys came, went or changed. Called at most once for each call into the agent, at its end. */
        void (*changed)(void *userdata);
} SshAgentOps;

/* ---- life ---- */

int ssh_agent_new(const SshAgentOps *ops, void *userdata, SshAgent **ret);
/* All clients must be gone. Wipes. NULL allowed. Returns NULL. */
SshAgent *ssh_agent_free(SshAgent *agent);
DEFINE_CLEANUP(SshAgent *, ssh_agent_free)

/* At start, for each record that there is: its key is listed by this hint. SSH_E_INVALID when it is no hint. */
int ssh_agent_stored(SshAgent *agent, uint64_t number, const void *hint, size_t size);
/* Storage was locked or replaced: wipes what was read from it; with `all`, the stored keys are not listed any more either. */
void ssh_agent_forget(SshAgent *agent, bool all);

/* When to call ssh_agent_tick() next (lifetimes, delays), on the clock of ops->now(); UINT64_MAX: never. */
uint64_t ssh_agent_deadline(const SshAgent *agent);
void ssh_agent_tick(SshAgent *agent);

/* ---- clients ---- */

int ssh_client_new(SshAgent *agent, void *userdata, SshClient **ret);
/* Withdraws its question. NULL allowed. Returns NULL. */
SshClient *ssh_client_free(SshClient *client);
DEFINE_CLEANUP(SshClient *, ssh_client_free)
void *ssh_client_userdata(const SshClient *client);
/* Who the client is: the absolute path of its executable, of an app in a sandbox its name ("" when it can't be known). */
int ssh_client_set_program(SshClient *client, const char *program);

/* Takes bytes as they come, at most SSH_CHUNK_MAX while ssh_client_wants() them (-ENOBUFS when it did not, and they are too
 * many). -EBADMSG when what comes is no message (too long, empty): the connection must end. It wants nothing while a request
 * is pending and the next is there, or while much is to be sent. */
int ssh_client_receive(SshClient *client, const void *data, size_t size);
bool ssh_client_wants(const SshClient *client);
/* What is to be sent; ssh_client_sent() says how much of it was. When that was all, and what came after the requests that are answered
 * is no message, or there is no memory for the next, the result is as of ssh_client_receive(): the connection must end. */
const uint8_t *ssh_client_output(const SshClient *client, size_t *ret_size);
int ssh_client_sent(SshClient *client, size_t size);

/* Answers to what was asked for; what comes for nothing changes nothing. */
void ssh_client_answer(SshClient *client, SshAnswer answer);
void ssh_client_worked(SshClient *client, SshWork *work);
void ssh_client_sk_done(SshClient *client, const SshSkResult *result);

/* Signs, on any thread: touches nothing but the work itself. */
void ssh_work_run(SshWork *work);
/* Of work whose client is gone; withdraw() was called for it. NULL allowed. Returns NULL. */
SshWork *ssh_work_free(SshWork *work);

/* ---- for the owner's own tools: no protocol, no constraint asked ---- */

/* In the order in which they are listed. prev_id 0 begins; SSH_E_NOT_FOUND at the end. */
int ssh_agent_key_next(SshAgent *agent, uint32_t prev_id, SshKeyInfo *ret);
int ssh_agent_key_get(SshAgent *agent, uint32_t id, SshKeyInfo *ret);
bool ssh_agent_is_locked(const SshAgent *agent); /* by a client's passphrase */

#define SSH_RSA_BITS_DEFAULT 3072U

/* Makes a key, on any thread: `bits` only of SSH_KEY_RSA (1024 to 16384, a multiple of 8; 0: the default), which takes long.
 * Storing it uses the draft up. */
typedef struct SshDraft SshDraft;
int ssh_draft_new(SshKeyKind kind, unsigned bits, SshDraft **ret);
int ssh_agent_add_draft(SshAgent *agent, SshDraft *draft, const char *comment, const SshPolicy *policy, uint32_t *ret_id);
/* Wipes. NULL allowed. Returns NULL. */
SshDraft *ssh_draft_free(SshDraft *draft);
DEFINE_CLEANUP(SshDraft *, ssh_draft_free)
/* Stores a key of a security key's: the public value is as in SSH_KEY_SK_* blobs (65 bytes 04 ‖ x ‖ y, or 32). */
int ssh_agent_add_sk(SshAgent *agent, SshKeyKind kind, const uint8_t *public_key, size_t public_size, const char *application,
                     uint8_t flags, const uint8_t *key_handle, size_t key_handle_size, const char *comment,
                     const SshPolicy *policy, uint32_t *ret_id);
/* Stores a key that was in memory, with its constraints: a lifetime goes on to count, and ends a stored key, too. */
int ssh_agent_keep(SshAgent *agent, uint32_t id);
int ssh_agent_remove(SshAgent *agent, uint32_t id);
/* Stored keys only: both or neither. NULL leaves one as it is; a copy of `policy` is kept. */
int ssh_agent_change(SshAgent *agent, uint32_t id, const SshPolicy *policy, const char *comment);
