/*
 * Tpm: the machine's TPM, through the helper (helper/tpm.h)
 *
 * One request at a time, in the order of asking: a TPM does one thing at a time anyway, and where it has no resource
 * manager it has no room for more.
 */
#pragma once

#include "common/bytes.h"
#include "daemon/daemon.h"
#include "helper/tpm.h"

#define TPM_CALLS_MAX 64U

typedef struct TpmCall TpmCall;

typedef struct TpmAnswer {
        TpmProblem problem; /* 0: done */
        const char *why;    /* of a problem: one line with the remedy */
        ByteReader *fields; /* when done; wiped afterwards */
} TpmAnswer;

typedef void (*TpmDone)(void *userdata, const TpmAnswer *answer);

int tpm_new(Daemon *daemon, Tpm **ret);
Tpm *tpm_free(Tpm *tpm);
DEFINE_CLEANUP(Tpm *, tpm_free)

/* `fields` is what follows the TCTI. done() never runs inside. -ENOBUFS when too many wait. */
int tpm_call(Daemon *daemon, TpmOperation operation, const ByteWriter *fields, TpmDone done, void *userdata,
             TpmCall **ret);
/* Forgets it; what is under way is done all the same. NULL allowed. Returns NULL. The pointer is dead after done(). */
TpmCall *tpm_call_cancel(TpmCall *call);

/* What the last request met that failed for a reason of the TPM's; "" since one succeeded. */
const char *tpm_problem(const Daemon *daemon);

/* ---- what it answers ---- */

typedef struct TpmFacts {
        char manufacturer[TPM_TEXT_MAX + 1], firmware[TPM_TEXT_MAX + 1];
        unsigned curves; /* bits 1 << TpmCurve */
        bool locked_out;
        uint32_t seconds;
} TpmFacts;

/* The reply of TPM_INFO. 0 or -EBADMSG. */
int tpm_read_facts(ByteReader *fields, TpmFacts *ret);

/* Reads the reply of TPM_MAKE into the bytes that stand for a key (helper/tpm.h), and its public point. */
int tpm_read_made(ByteReader *fields, const uint8_t auth[TPM_AUTH_SIZE], ByteWriter *ret_key,
                  uint8_t ret_point[2 * TPM_COORDINATE_MAX], size_t *ret_point_size);
