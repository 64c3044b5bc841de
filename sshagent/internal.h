/*
 * What the files of the agent share
 *
 * Failure has three forms inside: a negative errno, an SshResult of the owner's storage, and for requests a Step, which says
 * how far one has come.
 */
#pragma once

#include "crypto/arena.h"
#include "sshagent/blob.h"
#include "sshagent/destination.h"
#include "sshagent/session.h"
#include "sshagent/subject.h"

#define NEVER       UINT64_MAX
#define READY_MAX   16U
#define READY_RSA_MAX 4U
#define READY_RSA_MS  2000U /* after its last use */
#define OUTPUT_MAX  ((size_t)256 * 1024) /* to be sent, before another request is begun */

/* ---- keys (key.c, record.c, policy.c) ---- */

typedef struct Entry {
        uint32_t id;
        uint8_t *bytes; /* the blob's */
        Blob blob;
        char fingerprint[SSH_FINGERPRINT_SIZE];
        char *comment; /* presentable */
        bool confirm;
        uint8_t *destinations;
        size_t destinations_size, n_destinations;
        uint64_t death; /* on the monotonic clock */
        uint64_t end;   /* the same in seconds since 1970, of a stored key; 0: none */
        uint8_t sk_flags;
        char *application; /* of a security key; presentable */

        uint8_t *sealed; /* the private half of a key in memory */
        size_t sealed_size;

        bool stored;
        bool loaded; /* destinations and policy are the record's */
        bool dead;   /* its lifetime is over, but its record could not be removed yet */
        uint64_t number;
        SshPolicy policy;
} Entry;

Entry *entry_free(Entry *entry);
DEFINE_CLEANUP(Entry *, entry_free)
/* Takes `bytes`, which must be a blob. 0, -EINVAL, -ENOMEM; `bytes` is freed then. */
int entry_new(uint8_t *bytes, size_t size, Entry **ret);
int entry_set_comment(Entry *entry, Span comment);
int entry_set_destinations(Entry *entry, Span destinations, size_t n);

/* The private half of a key, while it is used. */
typedef struct Opened {
        Span secret;
        uint8_t *memory; /* in the arena */
        size_t size;
        Secret *record;
} Opened;
void opened_done(Opened *opened);

Entry *agent_find(SshAgent *agent, Span bytes);
Entry *agent_find_id(SshAgent *agent, uint32_t id);
/* Makes room for one more key. 0, SSH_E_FULL, -ENOMEM. */
int agent_room(SshAgent *agent);
/* Puts an entry in the place of `old`, or at the end; takes it. 0, SSH_E_FULL, -ENOMEM. */
int agent_put(SshAgent *agent, Entry *old, Entry *entry);
void agent_drop(SshAgent *agent, Entry *entry);
/* Whether all keys and this one, with a private half of that size, are too much to be in memory. */
bool agent_too_much(const SshAgent *agent, const Entry *entry, size_t secret_size);
/* Seals the private half of a key that is to be in memory. */
int agent_seal(SshAgent *agent, Entry *entry, Span secret);
/* 0, an SshResult of storage, -EINVAL, -ENOMEM. What a record says of its key is taken over. */
int agent_open(SshAgent *agent, Entry *entry, Opened *ret);
/* Sees to it that what only the record says is known. */
int agent_load(SshAgent *agent, Entry *entry);
/* Writes the record of a key, a new one if it has none yet. */
int agent_store(SshAgent *agent, Entry *entry, Span secret);
/* Removes a key, and its record. */
int agent_remove(SshAgent *agent, Entry *entry);
void agent_info(SshAgent *agent, const Entry *entry, SshKeyInfo *ret);
bool agent_storage_open(SshAgent *agent);
uint64_t agent_now(SshAgent *agent);
uint64_t agent_wall(SshAgent *agent);
/* When a stored key's life ends, in seconds since 1970; 0: never. */
void agent_set_end(SshAgent *agent, Entry *entry, uint64_t end);

int record_write(const Entry *entry, Span secret, ByteWriter *record, ByteWriter *hint);
/* `entry` gets what the record says; `ret_secret` points into it. 0, SSH_E_DAMAGED, -ENOMEM. */
int record_read(Span record, Entry *entry, Span *ret_secret);
int hint_read(Span hint, Entry **ret);

int policy_copy(const SshPolicy *policy, SshPolicy *ret);
bool policy_has_program(const SshPolicy *policy, const char *program);
/* NULL when no host has the key. */
const SshPolicyHost *policy_find_host(const SshPolicy *policy, Span key);
void policy_write(const SshPolicy *policy, ByteWriter *writer);
int policy_read(ByteReader *reader, SshPolicy *ret);

/* ---- keys that are ready to sign (ready.c) ---- */

typedef struct Ready {
        uint32_t id;
        Signer *signer;
        uint64_t used;
} Ready;

/* An RSA key, which is on the ordinary heap while it is ready, and not for long. */
typedef struct ReadyRsa {
        uint32_t id;
        RsaSigner *signer;
        uint64_t until;
} ReadyRsa;

/* The same of an RSA key: a copy, which is the caller's. */
int ready_get_rsa(SshAgent *agent, Entry *entry, RsaSigner **ret);
/* When the next of these is to go, and having it go. */
uint64_t ready_deadline(const SshAgent *agent);
void ready_tick(SshAgent *agent, uint64_t now);
/* 0, or what agent_open() says. The signer stays the agent's. */
int ready_get(SshAgent *agent, Entry *entry, Signer **ret);
void ready_drop(SshAgent *agent, uint32_t id);
/* Frees the one that was used longest ago; false when there is none. */
bool ready_evict(SshAgent *agent);
void ready_clear(SshAgent *agent);

/* ---- work (work.c) ---- */

/* Of an RSA key that is ready; takes the signer. 0, -ENOMEM. */
int work_new_rsa(const Entry *entry, RsaSigner *signer, uint32_t flags, Span data, SshWork **ret);
/* Of a key that is open; `seal` is the agent's. */
int work_new(const Key *seal_key, const Entry *entry, Span secret, uint32_t flags, Span data, SshWork **ret);
/* The signature, when it was made; else empty. */
Span work_result(const SshWork *work);

/* ---- the agent ---- */

struct SshAgent {
        const SshAgentOps *ops;
        void *userdata;
        Key *seal_key;
        Entry **entries;
        size_t n_entries, n_room;
        uint32_t last_id;
        uint64_t next_death;
        Ready ready[READY_MAX];
        ReadyRsa ready_rsa[READY_RSA_MAX];
        uint64_t ready_clock;
        SshClient *clients;
        bool changed;

        Key *lock_key; /* NULL: not locked */
        uint8_t lock_hash[32];
        unsigned lock_failures;
        uint64_t lock_until; /* no passphrase is judged before */
};

/* Every call from outside is between these: keys die, and the owner learns that something changed. */
void agent_enter(SshAgent *agent);
void agent_leave(SshAgent *agent);

/* ---- clients and requests ---- */

typedef enum Step {
        STEP_DONE,  /* the reply is written */
        STEP_WAIT,  /* something was asked for */
        STEP_FAIL,  /* SSH_AGENT_FAILURE */
        STEP_REFUSE /* SSH_AGENT_EXTENSION_FAILURE */
} Step;

typedef enum Pending {
        PENDING_NONE,
        PENDING_QUESTION,
        PENDING_WORK,
        PENDING_SK,
        PENDING_TIME,
} Pending;

/* What of a request must outlast a wait. A request is run from the top each time. */
typedef struct Request {
        Pending pending;
        SshQuestionKind asked;
        bool storage, program; /* was answered */
        uint32_t agreed;       /* the key whose use was agreed to, 0: none */
        bool verified;         /* … by a verification */
        bool failed;           /* and only its answer waits */
        uint64_t until;
        uint32_t key;          /* whose signature is made elsewhere */
        SshWork *work;
        ByteWriter signature;

        /* what the pending question, or the security key, was told */
        SshKeyInfo info;
        SshQuestion question;
        SshSkRequest sk;
        char *host, *via, *user, *comment, *name, *application;
        uint8_t *blob, *handle;
        char host_key[SSH_FINGERPRINT_SIZE];
} Request;

struct SshClient {
        SshAgent *agent;
        void *userdata;
        SshClient *prev, *next;
        char *program; /* NULL: not known */
        Sessions sessions;
        ByteWriter in, out;
        size_t in_taken, out_sent; /* how much of each is done with */
        Request request;
};

/* Runs the request whose body this is, or goes on with it (request.c). */
Step request_run(SshClient *client, Span body);
/* Writes SSH_AGENT_SUCCESS. STEP_DONE. */
Step reply_success(SshClient *client);
Step request_lock(SshClient *client, ByteReader *reader, bool lock);
Step request_add(SshClient *client, ByteReader *reader);
Step request_sign(SshClient *client, ByteReader *reader);
void request_done(Request *request);

/* Asks the owner, unless it was answered. STEP_DONE: yes. `subject` and `names` may be NULL. */
Step client_ask(SshClient *client, SshQuestionKind kind, const Entry *entry, const Subject *subject,
                const DestinationNames *names);
/* Writes down for whom something is asked. 0, -ENOMEM. */
int client_describe(SshClient *client, SshQuestionKind kind, const Entry *entry, const Subject *subject,
                    const DestinationNames *names);
/* Has storage opened, if it is not. */
Step client_open_storage(SshClient *client, const Entry *entry);
/* Whether a client may change or remove a key: it must be one that it sees, and stored ones are not for other machines. STEP_DONE
 * when it may; what a stored key's record says is known then. */
Step client_may_change(SshClient *client, Entry *entry);
/* Whether the client may see the key, or with a user log in with it. */
bool client_permits(SshClient *client, const Entry *entry, const Span *user, DestinationNames *ret);
/* Goes on with a request that waited. */
void client_resume(SshClient *client);
void client_tick(SshClient *client, uint64_t now);

void lock_done(SshAgent *agent);

/* Message types (RFC 9987). */
enum {
        SSH_AGENT_FAILURE = 5,
        SSH_AGENT_SUCCESS = 6,
        SSH_AGENTC_REQUEST_IDENTITIES = 11,
        SSH_AGENT_IDENTITIES_ANSWER = 12,
        SSH_AGENTC_SIGN_REQUEST = 13,
        SSH_AGENT_SIGN_RESPONSE = 14,
        SSH_AGENTC_ADD_IDENTITY = 17,
        SSH_AGENTC_REMOVE_IDENTITY = 18,
        SSH_AGENTC_REMOVE_ALL_IDENTITIES = 19,
        SSH_AGENTC_LOCK = 22,
        SSH_AGENTC_UNLOCK = 23,
        SSH_AGENTC_ADD_ID_CONSTRAINED = 25,
        SSH_AGENTC_EXTENSION = 27,
        SSH_AGENT_EXTENSION_FAILURE = 28,
        SSH_AGENT_EXTENSION_RESPONSE = 29,
};
