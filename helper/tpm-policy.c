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

bool tpm_policy_digest(Tpm *tpm, const TpmRequest *request, TPM2B_DIGEST *ret)
{
        TPM2B_DIGEST *digest = NULL;
        ESYS_TR trial;
        bool ok;

        if (!tpm_session_start(tpm, TPM2_SE_TRIAL, ESYS_TR_NONE, &trial))
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
        return tpm_session_open(tpm, TPM2_SE_POLICY, /* both= */ true) && apply(tpm, request, tpm->session);
}
