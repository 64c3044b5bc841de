/*
 * Policies of keys
 *
 * A key that is bound to registers is authorized by a policy alone: PolicyPCR, and with a PIN PolicyAuthValue after
 * it, in one session. What the registers held when the key was made is in the digest that the key has; the TPM
 * compares when it is used, so nothing here decides anything.
 */
#include "helper/tpm-internal.h"

static TPML_PCR_SELECTION selection_of(uint32_t pcrs)
{
        TPML_PCR_SELECTION selection = {
                .count = 1,
                .pcrSelections = {{.hash = TPM2_ALG_SHA256, .sizeofSelect = 3}},
        };

        for (unsigned i = 0; i < 3; i++)
                selection.pcrSelections[0].pcrSelect[i] = (uint8_t)(pcrs >> (8 * i));
        return selection;
}

static bool apply(Tpm *tpm, const TpmRequest *request, ESYS_TR session)
{
        const TPML_PCR_SELECTION selection = selection_of(request->pcrs);
        const TPM2B_DIGEST as_they_are = {0};

        return tpm_ok(tpm, Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
                                          &selection)) &&
               (!request->pin ||
                tpm_ok(tpm, Esys_PolicyAuthValue(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE)));
}

static bool start(Tpm *tpm, TPM2_SE kind, ESYS_TR salted_by, ESYS_TR *ret)
{
        const TPMT_SYM_DEF symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

        *ret = ESYS_TR_NONE;
        if (tpm_ok(tpm, Esys_StartAuthSession(tpm->esys, salted_by, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                              ESYS_TR_NONE, NULL, kind, &symmetric, TPM2_ALG_SHA256, ret)))
                return true;
        *ret = ESYS_TR_NONE;
        return false;
}

bool tpm_policy_digest(Tpm *tpm, const TpmRequest *request, TPM2B_DIGEST *ret)
{
        TPM2B_DIGEST *digest = NULL;
        ESYS_TR trial;
        bool ok;

        if (!start(tpm, TPM2_SE_TRIAL, ESYS_TR_NONE, &trial))
                return false;
        ok = apply(tpm, request, trial) &&
             tpm_ok(tpm, Esys_PolicyGetDigest(tpm->esys, trial, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest));
        (void)Esys_FlushContext(tpm->esys, trial);
        if (ok)
                *ret = *digest;
        Esys_Free(digest);
        return ok;
}

bool tpm_policy_open(Tpm *tpm, const TpmRequest *request)
{
        const TPMA_SESSION attributes = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;

        tpm_session_close(tpm);
        return start(tpm, TPM2_SE_POLICY, tpm->parent, &tpm->session) &&
               tpm_ok(tpm, Esys_TRSess_SetAttributes(tpm->esys, tpm->session, attributes, 0xff)) &&
               apply(tpm, request, tpm->session);
}
