/*
 * Keys inside the TPM
 *
 * What the authenticator keeps of such a key is what the TPM needs to load it again, and the value that authorizes its
 * use; both are of no use elsewhere. A signature is made over a digest that is computed here, and comes back as two
 * numbers.
 *
 * Which curves a TPM can do is known once it was asked (ctap_keys_look()); until then the usual ones are assumed, and
 * a TPM that can't says so when it is to make a key.
 */
#include <errno.h>
#include <string.h>

#include "crypto/seal.h"
#include "crypto/sign.h"
#include "daemon/ctap-internal.h"
#include "daemon/log.h"
#include "daemon/tpm.h"

_Static_assert(TPM_KEY_MAX <= AUTHENTICATOR_KEY_MAX, "the authenticator takes every key");

typedef struct KeyKind {
        int32_t algorithm; /* COSE */
        SignKind sign;
        TpmCurve curve;
} KeyKind;

static const KeyKind kinds[] = {
        {-7, SIGN_P256, TPM_P256},
        {-9, SIGN_P256, TPM_P256},
        {-35, SIGN_P384, TPM_P384},
        {-51, SIGN_P384, TPM_P384},
};
_Static_assert(ELEMENTSOF(kinds) < CTAP_KEY_ALGORITHMS_MAX, "all, and the end");

struct CtapWork {
        CtapClient *client;
        TpmCall *call;
        const KeyKind *kind;
        uint8_t auth[TPM_AUTH_SIZE];
};

static const KeyKind *find_kind(int32_t algorithm)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (kinds[i].algorithm == algorithm)
                        return &kinds[i];
        return NULL;
}

/* ---- results ---- */

static int status_of(TpmProblem problem)
{
        switch (problem) {
        case TPM_PROBLEM_BUSY:
                return CTAP2_ERR_PROCESSING;
        case TPM_PROBLEM_FOREIGN:
                return CTAP2_ERR_INVALID_CREDENTIAL;
        default:
                return CTAP1_ERR_OTHER;
        }
}

/* Ends the work and tells the client, which may end with it. */
static void finish(CtapWork *work, const AuthenticatorKeyResult *result)
{
        CtapClient *client = work->client;

        client->work = NULL;
        explicit_bzero(work, sizeof(*work));
        free(work);
        client->key_done(client, result);
}

static void finish_failed(CtapWork *work, TpmProblem problem, const char *why)
{
        /* What stops all work is said once, by tpm.c. */
        if (problem == TPM_PROBLEM_FOREIGN || problem == TPM_PROBLEM_UNSUPPORTED)
                log_line(LOG_WARNING, "a passkey's key in the TPM could not be used: %s", why);
        if (problem == TPM_PROBLEM_UNSUPPORTED)
                ctap_keys_look(work->client->ctap);
        finish(work, &(AuthenticatorKeyResult){.status = status_of(problem)});
}

static void on_made(void *userdata, const TpmAnswer *answer)
{
        _cleanup_(byte_writer_done) ByteWriter key = BYTE_WRITER_NULL;
        uint8_t point[2 * TPM_COORDINATE_MAX];
        CtapWork *work = userdata;
        size_t size;

        if (answer->problem != 0) {
                finish_failed(work, answer->problem, answer->why);
                return;
        }
        if (tpm_read_made(answer->fields, work->auth, &key, point, &size) < 0) {
                finish(work, &(AuthenticatorKeyResult){.status = CTAP1_ERR_OTHER});
                return;
        }
        finish(work, &(AuthenticatorKeyResult){.status = CTAP_OK,
                                               .key = key.data,
                                               .key_size = key.size,
                                               .public_key = point,
                                               .public_key_size = size});
}

static void on_signed(void *userdata, const TpmAnswer *answer)
{
        uint8_t signature[SIGN_SIGNATURE_MAX];
        CtapWork *work = userdata;
        const uint8_t *pair;
        size_t n, size;

        if (answer->problem != 0) {
                finish_failed(work, answer->problem, answer->why);
                return;
        }
        pair = byte_reader_blob(answer->fields, (size_t)2 * TPM_COORDINATE_MAX, &n);
        if (!pair || !byte_reader_done(answer->fields) ||
            signature_encode(work->kind->sign, pair, n, signature, &size) < 0) {
                finish(work, &(AuthenticatorKeyResult){.status = CTAP1_ERR_OTHER});
                return;
        }
        finish(work, &(AuthenticatorKeyResult){.status = CTAP_OK, .signature = signature, .signature_size = size});
}

/* ---- operations ---- */

static int start(AuthenticatorHost *host, const KeyKind *kind, TpmOperation operation, const ByteWriter *fields,
                 const uint8_t auth[TPM_AUTH_SIZE], TpmDone done)
{
        CtapClient *client = authenticator_host_userdata(host);
        CtapWork *work;
        int r;

        work = calloc(1, sizeof(*work));
        if (!work)
                return -ENOMEM;
        *work = (CtapWork){.client = client, .kind = kind};
        if (auth)
                memcpy(work->auth, auth, TPM_AUTH_SIZE);
        r = tpm_call(client->ctap->daemon, operation, fields, done, work, &work->call);
        if (r < 0) {
                explicit_bzero(work, sizeof(*work));
                free(work);
                return r == -ENOBUFS ? CTAP2_ERR_PROCESSING : r;
        }
        client->work = work;
        return AUTHENTICATOR_LATER;
}

static int keys_make(void *userdata, AuthenticatorHost *host, int32_t algorithm)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        const KeyKind *kind = find_kind(algorithm);
        uint8_t auth[TPM_AUTH_SIZE];
        int r;

        if (!kind)
                return CTAP1_ERR_OTHER;
        random_bytes(auth, sizeof(auth));
        byte_writer_u8(&fields, TPM_TO_SIGN);
        byte_writer_u8(&fields, kind->curve);
        byte_writer_raw(&fields, auth, sizeof(auth));
        r = start(host, kind, TPM_MAKE, &fields, auth, on_made);
        explicit_bzero(auth, sizeof(auth));
        return r;
}

static int keys_sign(void *userdata, AuthenticatorHost *host, int32_t algorithm, const void *key, size_t key_size,
                     const void *message, size_t size)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        const KeyKind *kind = find_kind(algorithm);
        uint8_t digest[SIGN_DIGEST_MAX];
        size_t digest_size;
        int r;

        if (!kind)
                return CTAP1_ERR_OTHER;
        if (key_size > TPM_KEY_MAX)
                return CTAP2_ERR_INVALID_CREDENTIAL;
        r = sign_digest(kind->sign, message, size, digest, &digest_size);
        if (r < 0)
                return r;
        byte_writer_blob(&fields, key, key_size);
        byte_writer_blob(&fields, digest, digest_size);
        return start(host, kind, TPM_SIGN, &fields, NULL, on_signed);
}

CtapWork *ctap_work_cancel(CtapWork *work)
{
        if (!work)
                return NULL;
        tpm_call_cancel(work->call);
        explicit_bzero(work, sizeof(*work));
        free(work);
        return NULL;
}

static void keys_withdraw(void *userdata, AuthenticatorHost *host)
{
        CtapClient *client = authenticator_host_userdata(host);

        client->work = ctap_work_cancel(client->work);
}

/* ---- what the TPM can do ---- */

void ctap_keys_allow(Ctap *ctap, unsigned curves)
{
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (curves & 1U << kinds[i].curve)
                        ctap->key_algorithms[n++] = kinds[i].algorithm;
        ctap->key_algorithms[n] = 0;
}

static void on_looked(void *userdata, const TpmAnswer *answer)
{
        Ctap *ctap = userdata;
        TpmFacts facts;

        ctap->looking = NULL;
        if (answer->problem == 0 && tpm_read_facts(answer->fields, &facts) == 0)
                ctap_keys_allow(ctap, facts.curves);
}

void ctap_keys_look(Ctap *ctap)
{
        if (HAVE_TPM && !ctap->looking)
                (void)tpm_call(ctap->daemon, TPM_INFO, NULL, on_looked, ctap, &ctap->looking);
}

const AuthenticatorKeys *ctap_keys_ops(Ctap *ctap)
{
        if (!HAVE_TPM)
                return NULL;
        ctap_keys_allow(ctap, 1U << TPM_P256 | 1U << TPM_P384);
        ctap->keys = (AuthenticatorKeys){
                .algorithms = ctap->key_algorithms, .make = keys_make, .sign = keys_sign, .withdraw = keys_withdraw};
        return &ctap->keys;
}
