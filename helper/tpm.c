/*
 * HELPER_TPM: keys inside a TPM 2.0
 *
 * Each request is one conversation: reach the TPM, make or load a key, use it, leave nothing behind. Keys are made so
 * that they never leave the TPM, can be used by who knows their authorization value, and neither count nor suffer
 * wrong tries: the value is random, and a lockout that another program has caused must not lock out passkeys. A PIN is
 * another matter: it can be guessed, so wrong ones count.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#include "helper/request.h"
#include "helper/tpm-error.h"
#include "helper/tpm-internal.h"

#define KEY_ATTRIBUTES (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN)

typedef struct CurveFacts {
        TPM2_ECC_CURVE id;
        TPM2_ALG_ID hash;
        size_t size; /* of a coordinate, and of the hash */
} CurveFacts;

static const CurveFacts curves[] = {
        [TPM_P256] = {TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, 32},
        [TPM_P384] = {TPM2_ECC_NIST_P384, TPM2_ALG_SHA384, 48},
};

/* ---- answers ---- */

/* A number with its leading zeros. */
static void write_coordinate(ByteWriter *writer, size_t size, const BYTE *data, size_t n)
{
        uint8_t *room = byte_writer_reserve(writer, size);

        if (!room)
                return;
        if (n > size) {
                writer->failed = true;
                return;
        }
        memset(room, 0, size);
        memcpy(room + size - n, data, n);
}

static void write_point(ByteWriter *writer, size_t size, const TPMS_ECC_POINT *point)
{
        byte_writer_u32(writer, (uint32_t)(2 * size));
        write_coordinate(writer, size, point->x.buffer, point->x.size);
        write_coordinate(writer, size, point->y.buffer, point->y.size);
}

/* ---- INFO ---- */

typedef struct Facts {
        char manufacturer[5], firmware[32];
        bool locked_out;
        uint32_t seconds, tries, wrong;
        unsigned curves;
} Facts;

static void note_property(Facts *facts, uint32_t version[2], const TPMS_TAGGED_PROPERTY *property)
{
        switch (property->property) {
        case TPM2_PT_MANUFACTURER:
                for (unsigned i = 0; i < 4; i++) {
                        char c = (char)(property->value >> (24 - 8 * i));

                        facts->manufacturer[i] = c > ' ' && c < 0x7f ? c : 0;
                }
                break;
        case TPM2_PT_FIRMWARE_VERSION_1:
                version[0] = property->value;
                break;
        case TPM2_PT_FIRMWARE_VERSION_2:
                version[1] = property->value;
                break;
        case TPM2_PT_PERMANENT:
                facts->locked_out = property->value & TPMA_PERMANENT_INLOCKOUT;
                break;
        case TPM2_PT_MAX_AUTH_FAIL:
                facts->tries = property->value;
                break;
        case TPM2_PT_LOCKOUT_COUNTER:
                facts->wrong = property->value;
                break;
        case TPM2_PT_LOCKOUT_INTERVAL:
                facts->seconds = property->value;
                break;
        }
}

static bool read_properties(Tpm *tpm, uint32_t first, Facts *facts, uint32_t version[2])
{
        TPMS_CAPABILITY_DATA *data = NULL;
        TPMI_YES_NO more;

        if (!tpm_ok(tpm, Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                            TPM2_CAP_TPM_PROPERTIES, first, TPM2_MAX_TPM_PROPERTIES, &more, &data)))
                return false;
        for (uint32_t i = 0; i < data->data.tpmProperties.count && i < TPM2_MAX_TPM_PROPERTIES; i++)
                note_property(facts, version, &data->data.tpmProperties.tpmProperty[i]);
        Esys_Free(data);
        return true;
}

static bool read_curves(Tpm *tpm, Facts *facts)
{
        TPMS_CAPABILITY_DATA *data = NULL;
        TPMI_YES_NO more;

        if (!tpm_ok(tpm, Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_ECC_CURVES,
                                            0, TPM2_MAX_ECC_CURVES, &more, &data)))
                return false;
        for (uint32_t i = 0; i < data->data.eccCurves.count && i < TPM2_MAX_ECC_CURVES; i++)
                for (unsigned k = TPM_P256; k < ELEMENTSOF(curves); k++)
                        if (data->data.eccCurves.eccCurves[i] == curves[k].id)
                                facts->curves |= 1U << k;
        Esys_Free(data);
        return true;
}

static bool read_facts(Tpm *tpm, Facts *facts)
{
        uint32_t version[2] = {0};

        if (!read_properties(tpm, TPM2_PT_FIXED, facts, version) ||
            !read_properties(tpm, TPM2_PT_VAR, facts, version) || !read_curves(tpm, facts))
                return false;
        (void)snprintf(facts->firmware, sizeof(facts->firmware), "%u.%u.%u.%u", version[0] >> 16, version[0] & 0xffff,
                       version[1] >> 16, version[1] & 0xffff);
        return true;
}

static bool info(Tpm *tpm, ByteWriter *out)
{
        Facts facts = {0};

        if (!read_facts(tpm, &facts) || !tpm_parent_open(tpm, NULL))
                return false;
        byte_writer_string(out, facts.manufacturer);
        byte_writer_string(out, facts.firmware);
        byte_writer_u8(out, (uint8_t)facts.curves);
        byte_writer_u8(out, facts.locked_out);
        byte_writer_u32(out, facts.locked_out ? facts.seconds : 0);
        return true;
}

/* ---- MAKE ---- */

static TPM2B_PUBLIC template_of(const TpmRequest *request)
{
        const CurveFacts *curve = &curves[request->curve];
        bool sign = request->use == TPM_TO_SIGN;
        TPMA_OBJECT attributes = KEY_ATTRIBUTES | (sign ? TPMA_OBJECT_SIGN_ENCRYPT : TPMA_OBJECT_DECRYPT);

        /* Where there is a policy, nothing else authorizes. */
        attributes |= request->pcrs == 0 ? TPMA_OBJECT_USERWITHAUTH : 0;
        attributes |= request->pin ? 0 : TPMA_OBJECT_NODA;
        return (TPM2B_PUBLIC){
                .publicArea =
                        {
                                .type = TPM2_ALG_ECC,
                                .nameAlg = TPM2_ALG_SHA256,
                                .objectAttributes = attributes,
                                .parameters.eccDetail =
                                        {
                                                .symmetric.algorithm = TPM2_ALG_NULL,
                                                .scheme = {.scheme = sign ? TPM2_ALG_ECDSA : TPM2_ALG_ECDH,
                                                           .details.anySig.hashAlg = curve->hash},
                                                .curveID = curve->id,
                                                .kdf.scheme = TPM2_ALG_NULL,
                                        },
                        },
        };
}

static bool create(Tpm *tpm, const TpmRequest *request, TPM2B_PRIVATE **ret_private, TPM2B_PUBLIC **ret_public)
{
        TPM2B_SENSITIVE_CREATE sensitive = {.sensitive.userAuth.size = TPM_AUTH_SIZE};
        TPM2B_PUBLIC wanted = template_of(request);
        const TPM2B_DATA outside = {0};
        const TPML_PCR_SELECTION registers = {0};
        TSS2_RC rc;

        if (request->pcrs != 0 && !tpm_policy_digest(tpm, request, &wanted.publicArea.authPolicy))
                return false;
        memcpy(sensitive.sensitive.userAuth.buffer, request->auth, TPM_AUTH_SIZE);
        rc = Esys_Create(tpm->esys, tpm->parent, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &wanted,
                         &outside, &registers, ret_private, ret_public, NULL, NULL, NULL);
        explicit_bzero(&sensitive, sizeof(sensitive));
        return tpm_ok(tpm, rc);
}

static bool write_key(Tpm *tpm, size_t size, const TPM2B_PRIVATE *private_area, const TPM2B_PUBLIC *public_area,
                      ByteWriter *out)
{
        uint8_t buffer[sizeof(TPM2B_PUBLIC) + sizeof(TPM2B_PRIVATE)];
        size_t offset = 0;

        byte_writer_blob(out, tpm->parent_name.name, tpm->parent_name.size);
        if (!tpm_ok(tpm, Tss2_MU_TPM2B_PUBLIC_Marshal(public_area, buffer, sizeof(buffer), &offset)))
                return false;
        if (offset > TPM_PUBLIC_MAX)
                return tpm_fail(tpm, TPM_PROBLEM_UNSUPPORTED, "the TPM makes keys that are too large");
        byte_writer_blob(out, buffer, offset);
        offset = 0;
        if (!tpm_ok(tpm, Tss2_MU_TPM2B_PRIVATE_Marshal(private_area, buffer, sizeof(buffer), &offset)))
                return false;
        if (offset > TPM_PRIVATE_MAX)
                return tpm_fail(tpm, TPM_PROBLEM_UNSUPPORTED, "the TPM makes keys that are too large");
        byte_writer_blob(out, buffer, offset);
        write_point(out, size, &public_area->publicArea.unique.ecc);
        return true;
}

static bool make(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        TPM2B_PRIVATE *private_area = NULL;
        TPM2B_PUBLIC *public_area = NULL;
        bool ok;

        ok = tpm_parent_open(tpm, NULL);
        do
                ok = ok && tpm_session_open(tpm, TPM2_SE_HMAC, /* both= */ true) &&
                     create(tpm, request, &private_area, &public_area);
        while (!ok && (ok = tpm_parent_again(tpm, NULL)));
        if (ok)
                ok = write_key(tpm, curves[request->curve].size, private_area, public_area, out);
        Esys_Free(private_area);
        Esys_Free(public_area);
        return ok;
}

/* ---- SIGN, EXCHANGE ---- */

/* What is wrong with a key's own authorization is not the owner's password. */
static bool used(Tpm *tpm, const TpmRequest *request, TSS2_RC rc)
{
        TSS2_RC code = tpm_error_code(rc);

        if (request->pin && (code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH))
                return tpm_fail(tpm, TPM_PROBLEM_WRONG_PIN, "the PIN is wrong");
        return tpm_ok(tpm, code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH ? TPM2_RC_INTEGRITY : rc);
}

static bool sign(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        const TPMT_TK_HASHCHECK unchecked = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
        const CurveFacts *curve = &curves[request->input.size == 32 ? TPM_P256 : TPM_P384];
        const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = curve->hash};
        TPM2B_DIGEST digest = {.size = (UINT16)request->input.size};
        TPMT_SIGNATURE *signature = NULL;

        /* A signature is no sized parameter, so it can't come encrypted. */
        if (!tpm_key_load(tpm, request, /* both= */ false))
                return false;
        memcpy(digest.buffer, request->input.data, request->input.size);
        if (!used(tpm, request,
                  Esys_Sign(tpm->esys, tpm->key, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme,
                            &unchecked, &signature)))
                return false;
        byte_writer_u32(out, (uint32_t)(2 * curve->size));
        write_coordinate(out, curve->size, signature->signature.ecdsa.signatureR.buffer,
                         signature->signature.ecdsa.signatureR.size);
        write_coordinate(out, curve->size, signature->signature.ecdsa.signatureS.buffer,
                         signature->signature.ecdsa.signatureS.size);
        Esys_Free(signature);
        return true;
}

static bool exchange(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        size_t size = request->input.size / 2;
        TPM2B_ECC_POINT point = {.point = {.x.size = (UINT16)size, .y.size = (UINT16)size}}, *shared = NULL;

        if (!tpm_key_load(tpm, request, /* both= */ true))
                return false;
        memcpy(point.point.x.buffer, request->input.data, size);
        memcpy(point.point.y.buffer, request->input.data + size, size);
        if (!used(tpm, request,
                  Esys_ECDH_ZGen(tpm->esys, tpm->key, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &point, &shared)))
                return false;
        byte_writer_u32(out, (uint32_t)size);
        write_coordinate(out, size, shared->point.x.buffer, shared->point.x.size);
        explicit_bzero(shared, sizeof(*shared));
        Esys_Free(shared);
        return true;
}

/* ---- all of them ---- */

static bool run(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        switch (request->operation) {
        case TPM_INFO:
                return info(tpm, out);
        case TPM_MAKE:
        case TPM_MAKE_BOUND:
                return make(tpm, request, out);
        case TPM_SIGN:
                return sign(tpm, request, out);
        case TPM_EXCHANGE:
        case TPM_EXCHANGE_BOUND:
                return exchange(tpm, request, out);
        case TPM_COUNTER_READ:
        case TPM_COUNTER_MAKE:
        case TPM_COUNTER_MOVE:
        case TPM_COUNTER_REMOVE:
                return tpm_counter(tpm, request, out);
        }
        return tpm_fail(tpm, TPM_PROBLEM_FAILED, "the request is malformed");
}

/* "…: wait 1000 seconds, …" where the TPM says how long. */
static void reply_lockout(Tpm *tpm, uint32_t id, ByteWriter *reply)
{
        char why[160];
        Facts facts = {0};

        if (!read_facts(tpm, &facts) || facts.seconds == 0) {
                tpm_reply_failed(reply, id, TPM_PROBLEM_LOCKOUT, tpm_error(TPM2_RC_LOCKOUT).why);
                return;
        }
        (void)snprintf(why, sizeof(why),
                       "the TPM is locked out after wrong authorizations: wait %u seconds, or run "
                       "tpm2_dictionarylockout --clear-lockout",
                       facts.seconds);
        tpm_reply_failed(reply, id, TPM_PROBLEM_LOCKOUT, why);
}

/* And how many more may be, where the TPM says that. */
static void reply_wrong_pin(Tpm *tpm, uint32_t id, ByteWriter *reply)
{
        char why[160] = "the PIN is wrong";
        Facts facts = {0};

        if (read_facts(tpm, &facts) && facts.tries > facts.wrong)
                (void)snprintf(why, sizeof(why),
                               "the PIN is wrong: the TPM takes %u more before it locks out for %u seconds",
                               facts.tries - facts.wrong, facts.seconds);
        else if (facts.tries > 0)
                (void)snprintf(why, sizeof(why), "the PIN is wrong, and the TPM has locked out: wait %u seconds",
                               facts.seconds);
        tpm_reply_failed(reply, id, TPM_PROBLEM_WRONG_PIN, why);
}

void tpm(const Request *request, ByteWriter *reply)
{
        _cleanup_(byte_writer_done) ByteWriter out = BYTE_WRITER_NULL;
        TpmRequest wanted;
        Tpm tpm;
        bool ok;

        if (tpm_request_parse(request->body->data, request->body->size, &wanted) < 0) {
                tpm_reply_failed(reply, request->id, TPM_PROBLEM_FAILED, "the request is malformed");
                return;
        }
        /* In a child of our own: it ends, and the helper says so. */
        (void)alarm(TPM_SECONDS_MAX);
        ok = tpm_open(&tpm, wanted.tcti) && run(&tpm, &wanted, &out);
        if (ok && out.failed)
                ok = tpm_fail(&tpm, TPM_PROBLEM_FAILED, "the TPM answered what can't be understood");
        if (ok) {
                reply_begin(reply, request->id, HELPER_OK);
                byte_writer_raw(reply, out.data, out.size);
        } else if (tpm.problem == TPM_PROBLEM_LOCKOUT)
                reply_lockout(&tpm, request->id, reply);
        else if (tpm.problem == TPM_PROBLEM_WRONG_PIN)
                reply_wrong_pin(&tpm, request->id, reply);
        else
                tpm_reply_failed(reply, request->id, tpm.problem, tpm.why);
        tpm_close(&tpm);
}
