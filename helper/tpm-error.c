/*
 * Response codes
 *
 * A TPM's code names a parameter, handle or session in some of its bits; they are taken off before it is compared. The
 * kernel and resource managers send a TPM's codes on under a layer of their own. What the software reports itself is
 * about reaching the TPM.
 */
#include "helper/tpm-error.h"

#include <tss2/tss2_common.h>

#include "common/cleanup.h"

#define FORMAT_ONE      0x080U
#define FORMAT_ONE_CODE 0x0bfU /* without the bits that say which parameter, handle or session */

typedef struct Meaning {
        TSS2_RC code;
        TpmProblem problem;
        const char *why; /* NULL: the usual line of the problem */
} Meaning;

static const char *const usual[_TPM_PROBLEM_MAX] = {
        [TPM_PROBLEM_FAILED] = "the TPM failed: try again, or see tpm2_selftest",
        [TPM_PROBLEM_NONE_HERE] = "the TPM can't be reached: check that it is there and [tpm] tcti in keyfobd.conf",
        [TPM_PROBLEM_NOT_PERMITTED] = "the TPM may not be used by this user",
        [TPM_PROBLEM_BUSY] = "the TPM is busy: try again in a moment",
        [TPM_PROBLEM_LOCKOUT] =
                "the TPM is locked out after wrong authorizations: wait, or run tpm2_dictionarylockout "
                "--clear-lockout",
        [TPM_PROBLEM_FOREIGN] = "the key is not of this TPM, or the TPM was cleared since: it can't be used any more",
        [TPM_PROBLEM_OWNER_AUTH] = "the TPM's owner has set a password: make its storage root key persistent at "
                                   "0x81000001 (tpm2_createprimary, tpm2_evictcontrol)",
        [TPM_PROBLEM_WRONG_PIN] = "the PIN is wrong",
        [TPM_PROBLEM_REGISTERS] =
                "this machine was started otherwise than when the key was made: its PCRs have other values",
        [TPM_PROBLEM_UNSUPPORTED] = "the TPM can't do that: choose es256",
        [TPM_PROBLEM_FULL] = "the TPM's memory is full: remove an index that nobody needs (tpm2_getcap handles-nv-index, "
                             "tpm2_nvundefine)",
};

static const char full[] = "the TPM has no room left, as another program fills it: try again when that has ended";

static const Meaning of_tpm[] = {
        {TPM2_RC_LOCKOUT, TPM_PROBLEM_LOCKOUT, NULL},
        {TPM2_RC_RETRY, TPM_PROBLEM_BUSY, NULL},
        {TPM2_RC_YIELDED, TPM_PROBLEM_BUSY, NULL},
        {TPM2_RC_CANCELED, TPM_PROBLEM_BUSY, NULL},
        {TPM2_RC_TESTING, TPM_PROBLEM_BUSY, NULL},
        {TPM2_RC_NV_RATE, TPM_PROBLEM_BUSY, NULL},
        {TPM2_RC_NV_UNAVAILABLE, TPM_PROBLEM_BUSY, NULL},
        {TPM2_RC_OBJECT_MEMORY, TPM_PROBLEM_BUSY, full},
        {TPM2_RC_OBJECT_HANDLES, TPM_PROBLEM_BUSY, full},
        {TPM2_RC_SESSION_MEMORY, TPM_PROBLEM_BUSY, full},
        {TPM2_RC_SESSION_HANDLES, TPM_PROBLEM_BUSY, full},
        {TPM2_RC_CONTEXT_GAP, TPM_PROBLEM_BUSY, full},
        {TPM2_RC_MEMORY, TPM_PROBLEM_BUSY, full},
        {TPM2_RC_INTEGRITY, TPM_PROBLEM_FOREIGN, NULL},
        {TPM2_RC_BINDING, TPM_PROBLEM_FOREIGN, NULL},
        {TPM2_RC_HANDLE, TPM_PROBLEM_FOREIGN, NULL},
        {TPM2_RC_SIZE, TPM_PROBLEM_FOREIGN, NULL},
        {TPM2_RC_TYPE, TPM_PROBLEM_FOREIGN, NULL},
        {TPM2_RC_AUTH_FAIL, TPM_PROBLEM_OWNER_AUTH, NULL},
        {TPM2_RC_BAD_AUTH, TPM_PROBLEM_OWNER_AUTH, NULL},
        {TPM2_RC_CURVE, TPM_PROBLEM_UNSUPPORTED, NULL},
        {TPM2_RC_HASH, TPM_PROBLEM_UNSUPPORTED, NULL},
        {TPM2_RC_SCHEME, TPM_PROBLEM_UNSUPPORTED, NULL},
        {TPM2_RC_NV_SPACE, TPM_PROBLEM_FULL, NULL},
        {TPM2_RC_INITIALIZE, TPM_PROBLEM_FAILED, "the TPM was not started: run tpm2_startup --clear"},
        {TPM2_RC_FAILURE, TPM_PROBLEM_FAILED, "the TPM reports a failure of its own: see tpm2_gettestresult"},
        {TPM2_RC_POLICY_FAIL, TPM_PROBLEM_REGISTERS, NULL},
        {TPM2_RC_PCR_CHANGED, TPM_PROBLEM_REGISTERS, NULL},
        {TPM2_RC_HIERARCHY, TPM_PROBLEM_NOT_PERMITTED,
         "the TPM's owner hierarchy is turned off: enable it in the firmware"},
};

static const Meaning of_software[] = {
        {TSS2_BASE_RC_TRY_AGAIN, TPM_PROBLEM_BUSY, NULL},
        {TSS2_BASE_RC_IO_ERROR, TPM_PROBLEM_NONE_HERE, NULL},
        {TSS2_BASE_RC_NO_CONNECTION, TPM_PROBLEM_NONE_HERE, NULL},
        {TSS2_BASE_RC_NOT_SUPPORTED, TPM_PROBLEM_NONE_HERE, NULL},
        {TSS2_BASE_RC_BAD_VALUE, TPM_PROBLEM_NONE_HERE, NULL},
        {TSS2_BASE_RC_NOT_IMPLEMENTED, TPM_PROBLEM_NONE_HERE, NULL},
        {TSS2_BASE_RC_MALFORMED_RESPONSE, TPM_PROBLEM_NONE_HERE, NULL},
        {TSS2_BASE_RC_NOT_PERMITTED, TPM_PROBLEM_NOT_PERMITTED, NULL},
};

TSS2_RC tpm_error_code(TSS2_RC rc)
{
        const TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

        rc &= ~(TSS2_RC)TSS2_RC_LAYER_MASK;
        if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
                return 0;
        return rc & FORMAT_ONE ? rc & FORMAT_ONE_CODE : rc;
}

static TpmError find(const Meaning *list, size_t n, TSS2_RC code)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].code == code)
                        return (TpmError){list[i].problem, list[i].why ?: usual[list[i].problem]};
        return (TpmError){TPM_PROBLEM_FAILED, usual[TPM_PROBLEM_FAILED]};
}

TpmError tpm_error(TSS2_RC rc)
{
        TSS2_RC code = tpm_error_code(rc);

        if (code != 0)
                return find(of_tpm, ELEMENTSOF(of_tpm), code);
        return find(of_software, ELEMENTSOF(of_software), rc & ~(TSS2_RC)TSS2_RC_LAYER_MASK);
}
