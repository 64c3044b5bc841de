/*
 * What the files of the ssh-agent's door share: its connections, and the processes that they come from
 */
#pragma once

#include "daemon/ask.h"
#include "daemon/batch.h"
#include "daemon/caller.h"
#include "daemon/helper-link.h"
#include "daemon/job.h"
#include "daemon/key-talk.h"
#include "daemon/listener.h"
#include "daemon/opening.h"
#include "daemon/own-socket.h"
#include "daemon/ssh.h"
#include "helper/key.h"

#define SSH_NEVER       UINT64_MAX
#define SSH_PROGRAM_MAX 64U

typedef struct SshConnection SshConnection;
typedef struct SshPeer SshPeer;
typedef struct SshSignature SshSignature;
typedef struct SshToken SshToken;
typedef struct SshVerification SshVerification;

/* A process that has connections. What is shared out is shared out among these. */
struct SshPeer {
        pid_t pid;
        unsigned n_connections;
        unsigned n_questions;         /* that wait for the person */
        SshSignature *first, **last;  /* that wait for a worker */
        SshPeer *next_waiting;        /* in the line of those that have some */
        SshPeer *next;
};

/* What is there of a message that is not whole. */
typedef struct SshFrame {
        uint32_t size, left;
        unsigned n_header;
        size_t held;
} SshFrame;

struct SshConnection {
        SshDoor *door;
        SshPeer *peer;
        SshClient *client;
        int fd;
        sd_event_source *io;
        uint32_t events;
        bool dead; /* to be ended when the agent is out of the way */
        SshFrame frame;

        /* What its request waits for: at most one of these, */
        Ask *ask;
        Opening *opening;
        SshVerification *verification;
        HelperCall *identifying;
        SshSignature *signature;
        SshToken *token;
        bool asks; /* and whether it counts as a question of its peer's */

        SshConnection *previous, *next; /* the one that said something last comes first */
};

struct SshDoor {
        Daemon *daemon;
        SshAgentOps ops;
        SshAgent *agent;
        OwnSocket socket;
        Listener listener;
        sd_event_source *timer, *settling, *changed;
        uint64_t deadline; /* milliseconds, SSH_NEVER */

        SshConnection *first, *last;
        unsigned n_connections, connections_max;
        size_t held; /* bytes that are kept for connections */
        bool full;   /* said already */
        uint64_t answered; /* microseconds, when a request was done with last */

        SshPeer *peers, *waiting;
        unsigned n_working; /* signatures that the workers have */

        unsigned wrong_fingers; /* in a row */
};

/* ---- ssh-socket.c ---- */

int ssh_socket_new(SshDoor *door);
int ssh_socket_open(SshDoor *door);
void ssh_socket_free(SshDoor *door);
/* The end of every entry that came for a connection: says what is to be said, and sees to what comes next. It may be gone then. */
void ssh_connection_settle(SshConnection *connection);

/* ---- ssh-peer.c ---- */

/* The process's peer, made when it is new. NULL: no memory. */
SshPeer *ssh_peer_enter(SshDoor *door, pid_t pid);
void ssh_peer_leave(SshDoor *door, SshPeer *peer);
/* Whose turn it is to give something up: the connection that can best be spared when one must go. */
SshConnection *ssh_spare_connection(SshDoor *door);
/* The same when too much is kept for connections. */
SshConnection *ssh_spare_memory(SshDoor *door);
bool ssh_connection_waits(const SshConnection *connection);

/* ---- ssh-person.c, ssh-work.c, ssh-storage.c: operations of the agent ---- */

int ssh_ask(void *userdata, SshClient *client, const SshQuestion *question);
void ssh_withdraw(void *userdata, SshClient *client);
/* Who asks, for what follows from it: the texts are the caller's. `program` has SSH_PROGRAM_MAX bytes. */
void ssh_connection_identify(const SshConnection *connection, char *program, AskAbout *ret);
/* Who wants what, in a sentence with `then` ("" for nothing) after it. New string. */
int ssh_message(const AskAbout *about, const SshQuestion *question, const char *then, char **ret);
/* Whether one more question may be open for it. */
bool ssh_connection_may_ask(const SshConnection *connection);
/* One is open now, or none. */
void ssh_connection_count(SshConnection *connection, bool asks);

int ssh_compute(void *userdata, SshClient *client, SshWork *work);
void ssh_signature_cancel(SshConnection *connection);
/* Gives the workers what waits for them, as far as they have room. */
void ssh_signatures_start(SshDoor *door);

void ssh_storage_ops(SshAgentOps *ops);
/* Has the agent list what is stored. */
void ssh_storage_list(SshDoor *door);

/* ---- ssh-verify.c: is it the owner? ---- */

typedef void (*SshVerified)(void *userdata, SshAnswer answer);

/* A finger, else a password of the vault. An SshAnswer or a negative errno; done() follows SSH_LATER and never runs inside. */
int ssh_verification_start(SshDoor *door, const AskAbout *about, const char *message, SshVerified done, void *userdata,
                           SshVerification **ret);
/* NULL allowed. Returns NULL. The pointer is dead after done(). */
SshVerification *ssh_verification_cancel(SshVerification *verification);

/* ---- ssh-token.c: signatures of security keys ---- */

int ssh_sk_sign(void *userdata, SshClient *client, const SshSkRequest *request);
SshToken *ssh_token_cancel(SshToken *token);
