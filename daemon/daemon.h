/*
 * Daemon: what the parts of keyfobd share
 *
 * One event loop, one vault, any number of doors (the session bus, the own socket's connections) with the same objects
 * behind each. Nothing here blocks: what waits for a person is an Ask, what computes for long is a Job, what makes a
 * change durable is the Batch.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "keyfob/bus.h"
#include "store/vault.h"

typedef struct AccessLog AccessLog;
typedef struct AccessPolicy AccessPolicy;
typedef struct Asker Asker;
typedef struct AutoLock AutoLock;
typedef struct Batch Batch;
typedef struct Callers Callers;
typedef struct Copying Copying;
typedef struct Ctap Ctap;
typedef struct Daemon Daemon;
typedef struct Doors Doors;
typedef struct Epoch Epoch;
typedef struct HelperLink HelperLink;
typedef struct Identities Identities;
typedef struct Jobs Jobs;
typedef struct KeysCall KeysCall;
typedef struct Openings Openings;
typedef struct Secrets Secrets;
typedef struct Settings Settings;
typedef struct SshDoor SshDoor;
typedef struct Tpm Tpm;
typedef struct Traces Traces;
typedef struct UnlockDoor UnlockDoor;
typedef struct Waiting Waiting;
typedef struct WipeWork WipeWork;

struct Daemon {
        sd_event *event;
        Settings *settings; /* settings.h; never NULL */
        Traces *traces;     /* traces.h */

        char *vault_path;
        Vault *vault;         /* NULL: see vault_state */
        int vault_state;      /* 0, or why there is none: VAULT_E_NO_VAULT, VAULT_E_BUSY, … or a negative errno */
        pid_t vault_holder;   /* VAULT_E_BUSY: whose it is, 0 unknown */
        Vault *session_vault; /* in memory; its one collection is `session` */
        uint32_t session_no;
        uint32_t slot_changes; /* how often the vault's slots were changed, and its keys: */
        uint32_t key_changes;  /* and the vault itself: */
        uint32_t vault_changes; /* who works on copies sees that they are stale */

        Doors *doors;       /* door.h: session bus and own socket */
        Callers *callers;   /* caller.h */
        Batch *batch;       /* batch.h */
        AccessLog *access;  /* access-log.h: who read and changed what */
        AccessPolicy *policy; /* access-policy.h: who may be given what */
        Jobs *jobs;         /* job.h: the KDF, one at a time, */
        Jobs *signers;      /* signatures that take long, as many at a time as there are processors, */
        Jobs *makers;       /* new keys, one at a time, */
        Jobs *copiers;      /* files of backups, one at a time, */
        Jobs *strangers;    /* and secrets of backups, whose cost somebody else may have set */
        HelperLink *helper; /* helper-link.h */
        Identities *identities; /* identity.h: who the callers are */
        Tpm *tpm;           /* tpm.h */
        Asker *asker;       /* ask.h */
        Openings *openings; /* opening.h */
        Secrets *secrets;   /* secret-service.h: sessions, prompts */
        Ctap *ctap;         /* ctap.h: the security key, its socket and its hosts */
        SshDoor *ssh;       /* ssh.h: the ssh-agent, its socket and its clients */
        Epoch *epoch;       /* epoch.h */
        UnlockDoor *unlock; /* unlock-door.h: where a login hands over a slot's key */
        AutoLock *auto_lock; /* auto-lock.h */
        Waiting *waitings;  /* store1-waiting.c: method calls that wait */
        KeysCall *keys;     /* keys1.c: calls that wait for a key of another maker */
        WipeWork *wiping;   /* store1-wipe.c: NULL when there is none */
        Copying *patient;   /* copying.h: the copy that makes way for others, or NULL */
};

/* Opens or re-opens the vault file (at start, after init). Sets vault, vault_state, vault_holder. */
int daemon_open_vault(Daemon *daemon);
/* Closes it, for another to be put in its place, and daemon_open_vault() then. */
void daemon_close_vault(Daemon *daemon);
/* When there is none yet: looks again, for another process may have let it go or put it there, and then opens by
 * itself what can be. Whether there is one now. */
bool daemon_find_vault(Daemon *daemon);

/* A note of the vault: u64, little-endian, when the last backup was begun in which passkeys were checked (seconds). */
#define BACKUP_NOTE "backup"

/* The vault that a collection number or item belongs to is told by a pair. */
typedef struct CollectionRef {
        Vault *vault; /* daemon->vault or daemon->session_vault; NULL: none */
        uint32_t no;
} CollectionRef;

typedef struct ItemRef {
        Vault *vault;
        ItemId id;
} ItemRef;

/*
 * Turns a result of the vault (positive VaultResult or negative errno) into a D-Bus error: org.keyfob.Error.* with the
 * one-line remedy. daemon_secret_error() is the same with the Secret Service's own names where it has one (IsLocked,
 * NoSuchObject). Both return a negative errno, as an sd-bus handler wants, and 0 for 0.
 */
int daemon_error(Daemon *daemon, sd_bus_error *error, int result);
int daemon_secret_error(Daemon *daemon, sd_bus_error *error, int result);
/* The same for a status of CTAP. */
int daemon_ctap_error(Daemon *daemon, sd_bus_error *error, int status);
/* As sd_bus_error_setf(), for a text that quotes others: what ends inside a character is no text that a message may have. */
int daemon_error_quote(sd_bus_error *error, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- life (keyfobd.c) ---- */

typedef struct DaemonOptions {
        const char *vault_path; /* NULL: the usual place */
        bool use_bus;           /* also the session bus */
        bool replace;           /* take org.freedesktop.secrets from its owner */
        bool sandbox;
} DaemonOptions;

/* Makes all parts, in the order that keeps keys away from what is executed. -EADDRINUSE: another keyfobd runs,
 * ret_pid. */
int daemon_new(const DaemonOptions *options, Daemon **ret, pid_t *ret_pid);
/* Commits, closes, wipes. */
Daemon *daemon_free(Daemon *daemon);
/* Gives up what is under way; NULL is allowed, and returned (store1-wipe.c). */
WipeWork *wipe_work_free(WipeWork *work);
DEFINE_CLEANUP(Daemon *, daemon_free)
