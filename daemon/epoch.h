/*
 * Epoch: an old copy of the vault that was put back is noticed
 *
 * What the vault had come to is kept in $XDG_STATE_HOME/keyfob/, and moves on at most hourly, or when slots, keys or collections were
 * changed. It is held against the vault each time that is unlocked. When the vault is behind, that is said, in the log, in
 * Status and in the property Epoch, and nothing is written there until the owner decides.
 *
 * A counter in the TPM, where there is one that may be used, goes along with it, so that both can't be put back together unnoticed.
 */
#pragma once

#include "common/bytes.h"
#include "daemon/daemon.h"

/* Makes the directory, which comes before the sandbox. Where it can't be made, nothing is kept, and the log says so. */
int epoch_new(Daemon *daemon, Epoch **ret);
Epoch *epoch_free(Epoch *epoch);
DEFINE_CLEANUP(Epoch *, epoch_free)

/* The directory, or NULL. */
const char *epoch_directory(const Epoch *epoch);

/* The vault was unlocked: compares, says, keeps. */
void epoch_unlocked(Daemon *daemon);
/* Whether slots, keys or collections were changed since it was looked at. */
bool epoch_is_due(const Daemon *daemon);
/* It may have been changed, and that is durable and was answered: keeps it, if that is due. */
void epoch_idle(Daemon *daemon);
/* It got other keys: what was kept by the old ones, and was right, is kept by them. */
void epoch_rekeyed(Daemon *daemon);
/* The owner takes the present state as right; of a locked vault, from when it is unlocked. */
void epoch_accept(Daemon *daemon);
/* It was closed, or locked. */
void epoch_closed(Daemon *daemon);

/* As of the last time it was compared. */
VaultEpoch epoch_state(const Daemon *daemon);
/* "closed", "new", "current", "old", "foreign". */
const char *epoch_state_name(VaultEpochState state);
/* Whether the owner has something to decide. */
bool epoch_is_bad(const Daemon *daemon);

/* ---- the counter ---- */

typedef struct EpochCounterFacts {
        const char *state;   /* "none", "checking", "current", "unreachable", "ahead", "behind", "gone", "unknown" */
        const char *problem; /* one line, or "" */
        uint32_t handle;     /* where it is in the TPM; 0: there is none, or it is not known */
} EpochCounterFacts;

/* As of the last time the TPM was asked. What it points to is valid until the next event. */
EpochCounterFacts epoch_counter(const Daemon *daemon);

/* Asks a TPM that could not be asked once more. Whether there is an answer to wait for. */
bool epoch_settle(Daemon *daemon);

/* The fields of TPM_COUNTER_REMOVE; nothing when there is no counter. */
void epoch_counter_fields(const Daemon *daemon, ByteWriter *ret);
/* The counter is not there any more, and the word goes, too. Nothing is kept then until the vault is unlocked the next time. -errno. */
int epoch_forget(Daemon *daemon);

typedef struct EpochWait EpochWait;
typedef void (*EpochDone)(void *userdata);

/* done() runs when the TPM has answered, or nothing is asked any more. -ENOMEM. */
int epoch_wait(Daemon *daemon, EpochDone done, void *userdata, EpochWait **ret);
/* NULL allowed. Returns NULL. The pointer is dead after done(). */
EpochWait *epoch_wait_cancel(EpochWait *wait);
