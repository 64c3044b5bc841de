/*
 * TpmRequest: the body of HELPER_TPM, decoded (tpm.h). What it points to is the body's.
 */
#pragma once

#include <stdbool.h>

#include "common/bytes.h"
#include "helper/tpm.h"

typedef struct TpmBytes {
        const uint8_t *data;
        size_t size;
} TpmBytes;

typedef struct TpmRequest {
        TpmOperation operation;
        char tcti[TPM_TCTI_MAX + 1];
        TpmUse use;           /* MAKE */
        TpmCurve curve;       /* MAKE */
        const uint8_t *auth;  /* TPM_AUTH_SIZE bytes; all but INFO and COUNTER_REMOVE */
        TpmBytes parent;      /* of the key: SIGN, EXCHANGE */
        TpmBytes public_area; /* the same */
        TpmBytes private_area;
        bool pin;       /* of a bound key: its wrong authorizations count */
        uint32_t pcrs;  /* and what it is bound to */
        TpmBytes input; /* SIGN: the digest; EXCHANGE: x ‖ y */

        /* COUNTER_* */
        const uint8_t *tag; /* TPM_TAG_SIZE bytes */
        uint32_t handle;    /* 0: of READ */
        uint64_t count;     /* MOVE; not 0 */
        uint64_t seconds;   /* MAKE, MOVE */
} TpmRequest;

/* 0, or -EBADMSG. */
int tpm_request_parse(const void *body, size_t size, TpmRequest *ret);

/* A failure of TPM_*. */
void tpm_reply_failed(ByteWriter *reply, uint32_t id, TpmProblem problem, const char *why);
