/*
 * Reaching the TPM, the storage root key, and the session
 *
 * Where the configuration names nothing, the kernel's resource manager is used and nothing else is tried: the
 * library's own list ends with ports on this machine, where any user could play a TPM to us.
 *
 * The storage root key is the parent of ours. Its name is kept with each key, and is compared before the key's secrets
 * are sent: so a TPM that was cleared or exchanged is told apart from a damaged one, and who sits on the wires can't
 * put his own parent in the place of the one that the key was made under.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "helper/tpm-error.h"
#include "helper/tpm-internal.h"

#define USUAL_TCTI    "device:/dev/tpmrm0"
#define DEVICE_PREFIX "device:"
#define SRK_HANDLE    0x81000001U /* TCG TPM v2.0 Provisioning Guidance, 7.8 */

/* TCG TPM v2.0 Provisioning Guidance, 7.5.1: what a storage root key is. */
#define SRK_ATTRIBUTES                                                                                                \
        (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |                           \
         TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

static const TPM2B_PUBLIC srk_template = {
        .publicArea =
                {
                        .type = TPM2_ALG_ECC,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = SRK_ATTRIBUTES,
                        .parameters.eccDetail =
                                {
                                        .symmetric = {.algorithm = TPM2_ALG_AES,
                                                      .keyBits.aes = 128,
                                                      .mode.aes = TPM2_ALG_CFB},
                                        .scheme.scheme = TPM2_ALG_NULL,
                                        .curveID = TPM2_ECC_NIST_P256,
                                        .kdf.scheme = TPM2_ALG_NULL,
                                },
                },
};

bool tpm_fail(Tpm *tpm, TpmProblem problem, const char *why)
{
        tpm->problem = problem;
        tpm->why = why;
        return false;
}

bool tpm_ok(Tpm *tpm, TSS2_RC rc)
{
        TpmError error;

        if (rc == TSS2_RC_SUCCESS)
                return true;
        error = tpm_error(rc);
        return tpm_fail(tpm, error.problem, error.why);
}

/* What the library reports as one and the same. */
static bool check_device(Tpm *tpm, const char *path)
{
        if (access(path, R_OK | W_OK) == 0)
                return true;
        if (errno == EACCES || errno == EPERM)
                return tpm_fail(tpm, TPM_PROBLEM_NOT_PERMITTED,
                                "the TPM may not be used by this user: add it to the group tss and log in anew");
        return tpm_fail(tpm, TPM_PROBLEM_NONE_HERE,
                        "there is no TPM here: turn it on in the firmware, or name it by [tpm] tcti in keyfobd.conf");
}

bool tpm_open(Tpm *tpm, const char *tcti)
{
        *tpm = (Tpm){.parent = ESYS_TR_NONE, .session = ESYS_TR_NONE, .key = ESYS_TR_NONE};

        /* The library tells stderr what we tell better. */
        if (setenv("TSS2_LOG", "all+none", /* overwrite= */ 1) < 0)
                return tpm_fail(tpm, TPM_PROBLEM_FAILED, strerror(ENOMEM));
        if (!*tcti)
                tcti = USUAL_TCTI;
        if (strncmp(tcti, DEVICE_PREFIX, strlen(DEVICE_PREFIX)) == 0 &&
            !check_device(tpm, tcti + strlen(DEVICE_PREFIX)))
                return false;
        return tpm_ok(tpm, Tss2_TctiLdr_Initialize(tcti, &tpm->tcti)) &&
               tpm_ok(tpm, Esys_Initialize(&tpm->esys, tpm->tcti, NULL));
}

static void flush(Tpm *tpm, ESYS_TR *handle)
{
        if (*handle != ESYS_TR_NONE)
                (void)Esys_FlushContext(tpm->esys, *handle);
        *handle = ESYS_TR_NONE;
}

static void parent_close(Tpm *tpm)
{
        if (tpm->parent_made)
                flush(tpm, &tpm->parent);
        else if (tpm->parent != ESYS_TR_NONE)
                (void)Esys_TR_Close(tpm->esys, &tpm->parent);
        tpm->parent = ESYS_TR_NONE;
        tpm->parent_made = false;
}

void tpm_close(Tpm *tpm)
{
        if (tpm->esys) {
                flush(tpm, &tpm->key);
                flush(tpm, &tpm->session);
                parent_close(tpm);
                Esys_Finalize(&tpm->esys);
        }
        if (tpm->tcti)
                Tss2_TctiLdr_Finalize(&tpm->tcti);
}

/* ---- the parent ---- */

static bool take_name(Tpm *tpm)
{
        TPM2B_NAME *name = NULL;

        if (!tpm_ok(tpm, Esys_TR_GetName(tpm->esys, tpm->parent, &name)))
                return false;
        tpm->parent_name = *name;
        Esys_Free(name);
        return tpm->parent_name.size <= TPM_PARENT_MAX ||
               tpm_fail(tpm, TPM_PROBLEM_FAILED, "the TPM's storage root key has an odd name");
}

static bool has_name(const Tpm *tpm, const TpmBytes *name)
{
        return !name ||
               (tpm->parent_name.size == name->size && memcmp(tpm->parent_name.name, name->data, name->size) == 0);
}

/* Whether it is a storage key that can't leave and doesn't count tries. */
static bool is_srk(Tpm *tpm)
{
        TPM2B_PUBLIC *area = NULL;
        bool fits;

        if (Esys_ReadPublic(tpm->esys, tpm->parent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, NULL, NULL) !=
            TSS2_RC_SUCCESS)
                return false;
        fits = (area->publicArea.objectAttributes & SRK_ATTRIBUTES) == SRK_ATTRIBUTES &&
               (area->publicArea.type == TPM2_ALG_ECC || area->publicArea.type == TPM2_ALG_RSA);
        Esys_Free(area);
        return fits;
}

/* False without a problem when there is none. */
static bool parent_find(Tpm *tpm)
{
        if (Esys_TR_FromTPMPublic(tpm->esys, SRK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tpm->parent) !=
            TSS2_RC_SUCCESS) {
                tpm->parent = ESYS_TR_NONE;
                return false;
        }
        if (is_srk(tpm) && take_name(tpm))
                return true;
        parent_close(tpm);
        tpm->problem = 0;
        return false;
}

static bool parent_make(Tpm *tpm)
{
        const TPM2B_SENSITIVE_CREATE nothing = {0};
        const TPM2B_DATA outside = {0};
        const TPML_PCR_SELECTION registers = {0};

        parent_close(tpm);
        if (!tpm_ok(tpm, Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                            &nothing, &srk_template, &outside, &registers, &tpm->parent, NULL, NULL,
                                            NULL, NULL))) {
                tpm->parent = ESYS_TR_NONE;
                return false;
        }
        tpm->parent_made = true;
        return take_name(tpm);
}

bool tpm_parent_open(Tpm *tpm, const TpmBytes *name)
{
        if (parent_find(tpm) && has_name(tpm, name))
                return true;
        return parent_make(tpm) && (has_name(tpm, name) || tpm_ok(tpm, TPM2_RC_INTEGRITY));
}

bool tpm_parent_again(Tpm *tpm, const TpmBytes *name)
{
        if (tpm->problem != TPM_PROBLEM_OWNER_AUTH || tpm->parent_made || tpm->parent == ESYS_TR_NONE)
                return false;
        return parent_make(tpm) && (has_name(tpm, name) || tpm_ok(tpm, TPM2_RC_INTEGRITY));
}

/* ---- the session ---- */

bool tpm_session_start(Tpm *tpm, TPM2_SE kind, ESYS_TR salted_by, ESYS_TR *ret)
{
        const TPMT_SYM_DEF symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

        if (tpm_ok(tpm, Esys_StartAuthSession(tpm->esys, salted_by, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                              ESYS_TR_NONE, NULL, kind, &symmetric, TPM2_ALG_SHA256, ret)))
                return true;
        *ret = ESYS_TR_NONE;
        return false;
}

bool tpm_session_open(Tpm *tpm, TPM2_SE kind, bool both)
{
        const TPMA_SESSION attributes =
                TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | (both ? TPMA_SESSION_ENCRYPT : 0);

        flush(tpm, &tpm->session);
        return tpm_session_start(tpm, kind, tpm->parent, &tpm->session) &&
               tpm_ok(tpm, Esys_TRSess_SetAttributes(tpm->esys, tpm->session, attributes, 0xff));
}

/* ---- a key ---- */

static bool unmarshal_key(Tpm *tpm, const TpmRequest *request, TPM2B_PUBLIC *ret_public, TPM2B_PRIVATE *ret_private)
{
        size_t offset = 0;
        TSS2_RC rc;

        rc = Tss2_MU_TPM2B_PUBLIC_Unmarshal(request->public_area.data, request->public_area.size, &offset, ret_public);
        if (rc != TSS2_RC_SUCCESS || offset != request->public_area.size)
                return tpm_ok(tpm, TPM2_RC_SIZE);
        offset = 0;
        rc = Tss2_MU_TPM2B_PRIVATE_Unmarshal(request->private_area.data, request->private_area.size, &offset,
                                             ret_private);
        if (rc != TSS2_RC_SUCCESS || offset != request->private_area.size)
                return tpm_ok(tpm, TPM2_RC_SIZE);
        return true;
}

bool tpm_key_load(Tpm *tpm, const TpmRequest *request, bool both)
{
        TPM2B_AUTH auth = {.size = TPM_AUTH_SIZE};
        TPM2B_PUBLIC public_area = {0};
        TPM2B_PRIVATE private_area = {0};
        bool ok;

        ok = unmarshal_key(tpm, request, &public_area, &private_area) && tpm_parent_open(tpm, &request->parent);
        do
                ok = ok && tpm_session_open(tpm, TPM2_SE_HMAC, both) &&
                     tpm_ok(tpm, Esys_Load(tpm->esys, tpm->parent, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
                                           &private_area, &public_area, &tpm->key));
        while (!ok && (ok = tpm_parent_again(tpm, &request->parent)));
        if (!ok) {
                tpm->key = ESYS_TR_NONE;
                return false;
        }
        memcpy(auth.buffer, request->auth, TPM_AUTH_SIZE);
        ok = tpm_ok(tpm, Esys_TR_SetAuth(tpm->esys, tpm->key, &auth));
        explicit_bzero(&auth, sizeof(auth));
        return ok && (request->pcrs == 0 || tpm_policy_open(tpm, request));
}
