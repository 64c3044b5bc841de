/*
 * What the files of the security key share: its clients, and what storage has to tell
 */
#pragma once

#include "daemon/ask.h"
#include "daemon/batch.h"
#include "daemon/caller.h"
#include "daemon/ctap.h"
#include "daemon/listener.h"
#include "daemon/opening.h"
#include "daemon/own-socket.h"
#include "daemon/tpm.h"

#define CTAP_NEVER              UINT64_MAX
#define CTAP_KEY_ALGORITHMS_MAX 8U

/*
 * Who uses the authenticator through a host: the host's userdata. Its owner embeds it and says what happens to an
 * answer of the person's and at a deadline; both may end the client.
 */
typedef struct CtapClient CtapClient;
typedef struct CtapUhid CtapUhid;
typedef struct CtapPresence CtapPresence;
typedef struct CtapTouch CtapTouch;
typedef struct CtapPin CtapPin;
typedef struct CtapWork CtapWork;
typedef struct CtapSeal CtapSeal;
typedef struct CtapSealWait CtapSealWait;
typedef struct CtapFingers CtapFingers;
struct CtapClient {
        Ctap *ctap;
        const char *door; /* how it came in: "bus", "socket", "uhid" */
        Caller *caller;   /* on the bus; NULL: */
        pid_t pid;        /* the peer of a socket, */
        int fd;           /* and the socket */
        CtapUhid *uhid;   /* of the kernel's device: which program it is, is told by the channel */
        const char *sentence, *user, *host_name; /* of one that knows more of what it is for, or NULL */

        Opening *opening; /* the question of the host, if it has one: for the vault, */
        CtapPresence *presence; /* or for presence, */
        CtapClient *present_next; /* with others that the same prompt is for; */
        CtapTouch *touch; /* or for a finger, */
        CtapPin *pin;     /* or for the PIN; */
        CtapWork *work;   /* or no question: an external key is at work; */
        CtapSealWait *sealed; /* or storage waits for the TPM */

        sd_event_source *timer, *soon;
        uint64_t deadline; /* milliseconds, CTAP_NEVER */

        void *owner;
        void (*answered)(CtapClient *client, AuthenticatorAnswer answer);
        void (*due)(CtapClient *client);
        void (*key_done)(CtapClient *client, const AuthenticatorKeyResult *result);
        AuthenticatorHost *host;
};

typedef struct CtapConnection CtapConnection;
typedef struct CtapHost CtapHost;
typedef struct CtapOwn CtapOwn;
typedef struct CtapEnterprise CtapEnterprise;

struct Ctap {
        Daemon *daemon;
        Authenticator *authenticator;
        CtapEnterprise *enterprise;

        OwnSocket socket;
        Listener listener;
        CtapConnection *connections;
        unsigned n_connections;
        bool full;

        CtapHost *hosts; /* of callers on the bus */
        unsigned n_hosts;
        CtapOwn *own; /* requests of the daemon's own */

        CtapPresence *presences; /* questions that are open */

        CtapUhid *uhid;       /* the kernel's device, or NULL */
        CtapFingers *fingers; /* fprintd, or NULL */

        CtapSeal *seal;
        AuthenticatorKeys keys;
        int32_t key_algorithms[CTAP_KEY_ALGORITHMS_MAX]; /* what the TPM can do, ends with 0 */
        TpmCall *looking;

        /* What the change under way does, to be told when it is durable; and for whom. */
        const CtapClient *acting;
        uint32_t acting_channel; /* of its host */
        unsigned made, removed, restored;
        bool durable; /* and is to be logged when its reply has gone out */
        sd_event_source *changed;
        bool pin_blocked, pin_soft_blocked; /* said already */
        uint64_t plugged_in;                /* ctap_now() of the last power cycle, or 0 */
};

/* ---- ctap-authenticator.c ---- */

/* Something has ended what clients wait for: looks at their deadlines, and tells them from the loop. */
void ctap_rearm(Ctap *ctap);

/* ---- ctap-client.c ---- */

void ctap_client_done(CtapClient *client);
/* Has due() called at a time of ctap_now(); CTAP_NEVER: not. */
void ctap_client_arm(CtapClient *client, uint64_t deadline);
/* Who it is, by what the kernel or the bus says: the program's name ("" when unknown) and the pid, 0 when unknown. */
void ctap_client_identify(const CtapClient *client, char *ret_program, size_t size, pid_t *ret_pid);
uint64_t ctap_now(void *userdata);

/* ---- ctap-person.c, ctap-storage.c: operations of the authenticator ---- */

int ctap_ask(void *userdata, AuthenticatorHost *host, const AuthenticatorQuestion *question);
void ctap_withdraw(void *userdata, AuthenticatorHost *host);
void ctap_wink(void *userdata, AuthenticatorHost *host);
void ctap_storage_ops(AuthenticatorOps *ops);
/* What was noted is of a state that is gone. A result of the vault's. */
int ctap_storage_forget_note(Ctap *ctap);
/* Who wants what of the person, in a sentence with `then` ("" for nothing) after it. New string. */
int ctap_message(const AskAbout *about, const AuthenticatorQuestion *question, const char *then, char **ret);

/* A change is durable: it is told to whoever listens, a moment later. */
void ctap_changed(Ctap *ctap);
/* Who acted has its reply: what it changed is logged, and nobody acts. */
void ctap_acted(Ctap *ctap);

/* ---- ctap-presence.c ---- */

/* Question AUTHENTICATOR_ASK_PRESENCE: result of the operation ask(). `title` is a constant. */
int ctap_presence_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question,
                        const char *title);
void ctap_presence_cancel(CtapClient *client);

/* ---- ctap-fingers.c: fprintd ---- */

int ctap_fingers_new(Ctap *ctap);
void ctap_fingers_free(Ctap *ctap);
/* Operations of the authenticator, or NULL when the settings turn fingerprints off. */
const AuthenticatorFingerprints *ctap_fingers_ops(const Ctap *ctap);
/* Questions AUTHENTICATOR_ASK_VERIFICATION, _SAMPLE and _REMOVAL: results of the operation ask(). Sets client->touch. */
int ctap_touch_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question);
/* NULL allowed. Returns NULL. */
CtapTouch *ctap_touch_cancel(CtapTouch *touch);

/* ---- ctap-pin.c ---- */

/* Question AUTHENTICATOR_ASK_VERIFICATION by_pin: result of the operation ask(). Sets client->pin. */
int ctap_pin_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question);
/* NULL allowed. Returns NULL. */
CtapPin *ctap_pin_cancel(CtapPin *pin);

/* ---- ctap-keys.c: keys inside the TPM ---- */

/* NULL when built without TPM. */
const AuthenticatorKeys *ctap_keys_ops(Ctap *ctap);
CtapWork *ctap_work_cancel(CtapWork *work);
/* Asks the TPM what it can do. */
void ctap_keys_look(Ctap *ctap);
/* It can do these: bits 1 << TpmCurve. */
void ctap_keys_allow(Ctap *ctap, unsigned curves);

/* ---- ctap-seal.c: the class of passkeys, sealed by the TPM ---- */

int ctap_seal_new(Ctap *ctap);
void ctap_seal_free(Ctap *ctap);
/* Whether storage is open, and waits for no TPM. */
bool ctap_seal_is_open(const Ctap *ctap);

/* 0, VAULT_E_DEVICE or another result of the vault's. */
typedef void (*CtapSealDone)(void *userdata, int result);
/* Of an unlocked vault whose class is closed: has the TPM asked. done() never runs inside. 0, VAULT_E_DEVICE, VAULT_E_LOCKED
 * when it isn't unlocked any more, or a negative errno. */
int ctap_seal_wait(Ctap *ctap, CtapSealDone done, void *userdata, CtapSealWait **ret);
/* NULL allowed. Returns NULL. The pointer is dead after done(). */
CtapSealWait *ctap_seal_wait_cancel(CtapSealWait *wait);
/* The same for a client whose host asks for storage: a result of the operation ask(). */
int ctap_seal_ask(CtapClient *client);

/* What is kept of a seal: the public point x ‖ y of a key that is thrown away, and the TPM's key. */
void ctap_seal_params(ByteWriter *params, const uint8_t point[64], const ByteWriter *key);
/* The fields of TPM_EXCHANGE for it. 0, -EBADMSG, -ENOMEM. */
int ctap_seal_question(const void *params, size_t size, ByteWriter *ret);
/* The device's secret from its reply, or NULL. */
const uint8_t *ctap_seal_answer(ByteReader *fields);

/* ---- ctap-uhid.c: the kernel's device ---- */

int ctap_uhid_new(Ctap *ctap);
void ctap_uhid_free(Ctap *ctap);
/* Ends the device; it comes back by itself. */
void ctap_uhid_drop(Ctap *ctap);
void ctap_uhid_rearm(Ctap *ctap);
/* Which program uses this channel. */
void ctap_uhid_identify(const CtapUhid *uhid, uint32_t channel, char *ret_program, size_t size, pid_t *ret_pid);

/* ---- ctap-guard.c ---- */

/* To be called within each change, before it is committed. 0 or a vault result. */
int ctap_guard_change(Ctap *ctap);
/* Whether this deleted passkey comes back only for who opens a slot of the vault afresh. 0, VAULT_E_NOT_FOUND,
 * VAULT_E_LOCKED. */
int ctap_is_guarded(const Ctap *ctap, uint64_t number, bool *ret);

/* ---- ctap-own.c: requests of the daemon's own ---- */

/* For whom, and what: all is copied. The person is asked for the PIN here where that is wanted. */
typedef struct CtapOwnRequest {
        Caller *caller; /* or */
        pid_t pid;      /* a process, */
        int fd;         /* at the end of this socket */
        const char *door, *sentence, *user, *host_name;
        const uint8_t *data; /* the command and its CBOR */
        size_t size;
} CtapOwnRequest;

/* `data` is the reply: a status and, when it is CTAP_OK, CBOR; NULL: a negative errno in `result`. Never runs inside. */
typedef void (*CtapOwnDone)(void *userdata, int result, const uint8_t *data, size_t size);
int ctap_own_start(Ctap *ctap, const CtapOwnRequest *request, CtapOwnDone done, void *userdata, CtapOwn **ret);
/* NULL allowed. Returns NULL. The pointer is dead after done(). */
CtapOwn *ctap_own_cancel(CtapOwn *own);
void ctap_own_rearm(Ctap *ctap);
void ctap_own_free_all(Ctap *ctap);

/* ---- ctap-enterprise.c ---- */

#define CTAP_ENTERPRISE_DIRECTORY "/etc/keyfob"

/* What an administrator has provided; empty when there is nothing, or nothing that is fit (one line is logged then).
 */
struct CtapEnterprise {
        Secret *pem;
        char **rp_ids; /* ends with NULL; NULL: nobody */
};
int ctap_enterprise_load(const char *directory, CtapEnterprise **ret);
CtapEnterprise *ctap_enterprise_free(CtapEnterprise *enterprise);
DEFINE_CLEANUP(CtapEnterprise *, ctap_enterprise_free)

/* ---- ctap-socket.c ---- */

int ctap_socket_new(Ctap *ctap);
int ctap_socket_open(Ctap *ctap);
/* Ends all connections. */
void ctap_socket_drop(Ctap *ctap);
/* Deadlines may have come nearer from outside: looks at them anew. */
void ctap_socket_rearm(Ctap *ctap);
void ctap_socket_free(Ctap *ctap);

/* ---- ctap-host.c: hosts of callers on the bus ---- */

/* Makes the caller's host when it has none. -ENOBUFS when there are too many. */
int ctap_host_of(Ctap *ctap, Caller *caller, CtapHost **ret);
/* From now on its person is asked for the PIN here: authenticator_host_ask_pin(). */
void ctap_host_ask_pin(CtapHost *host);
/* The call is answered by it, now or later. -EBUSY when one waits already. */
int ctap_host_request(CtapHost *host, sd_bus_message *call, const void *request, size_t size);
void ctap_hosts_rearm(Ctap *ctap);
void ctap_hosts_free(Ctap *ctap);
