/*
 * Tpm: one conversation with a TPM, and what it holds there
 *
 * A TPM without a resource manager has room for three objects, so one conversation has at most two, a parent and a key
 * under it, and leaves nothing behind whatever became of it.
 */
#pragma once

#include <tss2/tss2_esys.h>

#include "helper/tpm-request.h"

typedef struct Tpm {
        TSS2_TCTI_CONTEXT *tcti;
        ESYS_CONTEXT *esys;
        ESYS_TR parent; /* what the keys are under: ESYS_TR_NONE until tpm_parent_open() */
        bool parent_made;
        TPM2B_NAME parent_name;
        ESYS_TR session;
        ESYS_TR key;

        TpmProblem problem; /* what has gone wrong, or 0 */
        const char *why;
} Tpm;

/* All answer whether they did it; if not, problem and why are set. */

/* Reaches the TPM. */
bool tpm_open(Tpm *tpm, const char *tcti);
/* Leaves nothing in it. */
void tpm_close(Tpm *tpm);

/* The storage root key: the persistent one, or else one made from the standard template. With `name` the one that has
 * this name, which tells a foreign or cleared TPM before it is told anything. */
bool tpm_parent_open(Tpm *tpm, const TpmBytes *name);
/* After a failure: whether the persistent one turned out to have a password, and one was made in its place. */
bool tpm_parent_again(Tpm *tpm, const TpmBytes *name);

/* One of that kind, salted by a key or by none. */
bool tpm_session_start(Tpm *tpm, TPM2_SE kind, ESYS_TR salted_by, ESYS_TR *ret);
/* The session, salted by the parent, in place of the one before. It encrypts the first parameter of commands, and of
 * responses if `both`. */
bool tpm_session_open(Tpm *tpm, TPM2_SE kind, bool both);

/* ---- tpm-policy.c: keys that are bound ---- */

/* The digest of the policy that the request's registers, as they are, and PIN make. */
bool tpm_policy_digest(Tpm *tpm, const TpmRequest *request, TPM2B_DIGEST *ret);
/* As tpm_session_open(), and the policy is satisfied as far as that shows before the key is used. */
bool tpm_policy_open(Tpm *tpm, const TpmRequest *request);

/* Loads a key and opens the session for it. */
bool tpm_key_load(Tpm *tpm, const TpmRequest *request, bool both);

/* ---- tpm-counter.c ---- */

/* TPM_COUNTER_*: writes the answer. */
bool tpm_counter(Tpm *tpm, const TpmRequest *request, ByteWriter *out);

/* Notes what a response code means; whether it is success. */
bool tpm_ok(Tpm *tpm, TSS2_RC rc);
bool tpm_fail(Tpm *tpm, TpmProblem problem, const char *why);
