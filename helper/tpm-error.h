/*
 * TpmError: what a response code of tpm2-tss means to the person
 */
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "helper/tpm.h"

typedef struct TpmError {
        TpmProblem problem;
        const char *why; /* one line with the remedy; static */
} TpmError;

/* `rc` is not 0. */
TpmError tpm_error(TSS2_RC rc);

/* A TPM's own code without the place it speaks of; 0 when it comes from a layer of the software. */
TSS2_RC tpm_error_code(TSS2_RC rc);
