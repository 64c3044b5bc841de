/*
 * Proof
 *
 * libfido2 checks the hash of the RP's name, the signature and the bits that were asked for; the bits are looked at once more here, in
 * the data that was signed, because everything hangs on them. The challenge is what libfido2 hashes: random bytes, and what they are
 * for, each with its length before it, so that what one machine or service was told is of no use to another.
 */
#include "pam/proof.h"

#include <errno.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <string.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "crypto/sha.h"
#include "pam/counters.h"
#include "pam/slots.h"

#define PURPOSE     "keyfob login 1"
#define RANDOM_SIZE 32U
#define FLAG_UP     0x01U
#define FLAG_UV     0x04U

_Static_assert(ALGORITHM_ES256 == COSE_ES256 && ALGORITHM_EDDSA == COSE_EDDSA && ALGORITHM_RS256 == COSE_RS256, "as libfido2 has them");

Proof proof_of(const Login *login, const Credential *credential, bool own)
{
        const Options *options = login->options;
        Proof proof = {.credential = credential, .presence = FIDO_OPT_OMIT, .verification = FIDO_OPT_OMIT};

        if (credential->presence || options->presence == DEMAND_YES)
                proof.presence = FIDO_OPT_TRUE;
        else if (options->presence == DEMAND_NO)
                proof.presence = FIDO_OPT_FALSE;
        /* From afar a finger on the key would be someone else's: what is typed comes from there. */
        proof.pin = credential->pin || options->pin == DEMAND_YES || login->remote;
        if (proof.pin || credential->verification || options->verification == DEMAND_YES || own)
                proof.verification = FIDO_OPT_TRUE;
        else if (options->verification == DEMAND_NO)
                proof.verification = FIDO_OPT_FALSE;
        return proof;
}

/* ---- asked ---- */

static int set_challenge(const Login *login, fido_assert_t *assertion)
{
        ByteWriter data = BYTE_WRITER_NULL;
        uint8_t random[RANDOM_SIZE];
        int r = 0;

        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return -EIO;
        byte_writer_string(&data, PURPOSE);
        byte_writer_blob(&data, random, sizeof(random));
        byte_writer_string(&data, login->host);
        byte_writer_string(&data, login->service);
        byte_writer_string(&data, login->user.name);
        if (data.failed || fido_assert_set_clientdata(assertion, data.data, data.size) != FIDO_OK)
                r = -ENOMEM;
        byte_writer_done(&data);
        return r;
}

const char *proof_rp(const Login *login, const Credential *credential)
{
        return credential->rp ? credential->rp : credential->of_u2f ? login->appid : login->origin;
}

static int begin(const Login *login, const Proof *proof, fido_opt_t presence, fido_opt_t verification, fido_assert_t **ret)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = fido_assert_new();
        const Credential *credential = proof->credential;
        bool resident = credential->id_size == 0;
        const uint8_t *id = resident ? proof->id : credential->id;
        size_t id_size = resident ? proof->id_size : credential->id_size;
        int r;

        if (!assertion)
                return -ENOMEM;
        r = set_challenge(login, assertion);
        if (r < 0)
                return r;
        if (fido_assert_set_rp(assertion, proof_rp(login, credential)) != FIDO_OK ||
            (id_size > 0 && fido_assert_allow_cred(assertion, id, id_size) != FIDO_OK) ||
            fido_assert_set_up(assertion, presence) != FIDO_OK || fido_assert_set_uv(assertion, verification) != FIDO_OK)
                return -EIO;
        *ret = TAKE_PTR(assertion);
        return 0;
}

int proof_begin(const Login *login, const Proof *proof, fido_assert_t **ret)
{
        return begin(login, proof, proof->presence, proof->verification, ret);
}

int proof_begin_probe(const Login *login, const Proof *proof, fido_assert_t **ret)
{
        return begin(login, proof, FIDO_OPT_FALSE, FIDO_OPT_OMIT, ret);
}

int proof_want_secret(const Login *login, const Proof *proof, fido_assert_t *assertion)
{
        const Credential *credential = proof->credential;
        bool resident = credential->id_size == 0;

        if (!slots_have(login->mirror, resident ? proof->id : credential->id, resident ? proof->id_size : credential->id_size,
                        proof_rp(login, credential)))
                return 0;
        if (fido_assert_set_extensions(assertion, FIDO_EXT_HMAC_SECRET) != FIDO_OK ||
            fido_assert_set_hmac_salt(assertion, login->mirror->hmac_salt, sizeof(login->mirror->hmac_salt)) != FIDO_OK)
                return -EIO;
        return 0;
}

/* ---- answered ---- */

/* A key that brings no secret logs in all the same, while libfido2 would want what was asked for: so it is asked for here by what this
 * statement brought. */
static int expect(fido_assert_t *assertion, size_t i)
{
        int r = fido_assert_set_extensions(assertion, 0);

        if (r != FIDO_OK || fido_assert_hmac_secret_len(assertion, i) == 0)
                return r;
        return fido_assert_set_extensions(assertion, FIDO_EXT_HMAC_SECRET);
}

static int verify(fido_assert_t *assertion, size_t i, const Credential *credential)
{
        es256_pk_t *es256 = NULL;
        eddsa_pk_t *eddsa = NULL;
        rs256_pk_t *rs256 = NULL;
        int r = expect(assertion, i);

        if (r != FIDO_OK)
                return r;
        r = FIDO_ERR_INTERNAL;
        switch (credential->algorithm) {
        case ALGORITHM_ES256:
                es256 = es256_pk_new();
                if (es256 && es256_pk_from_ptr(es256, credential->key, credential->key_size) == FIDO_OK)
                        r = fido_assert_verify(assertion, i, COSE_ES256, es256);
                es256_pk_free(&es256);
                break;
        case ALGORITHM_EDDSA:
                eddsa = eddsa_pk_new();
                if (eddsa && eddsa_pk_from_ptr(eddsa, credential->key, credential->key_size) == FIDO_OK)
                        r = fido_assert_verify(assertion, i, COSE_EDDSA, eddsa);
                eddsa_pk_free(&eddsa);
                break;
        case ALGORITHM_RS256:
                rs256 = rs256_pk_new();
                if (rs256 && rs256_pk_from_ptr(rs256, credential->key, credential->key_size) == FIDO_OK)
                        r = fido_assert_verify(assertion, i, COSE_RS256, rs256);
                rs256_pk_free(&rs256);
                break;
        default:
                break;
        }
        return r;
}

bool proof_is_by(fido_assert_t *assertion, size_t i, const Credential *credential)
{
        return verify(assertion, i, credential) == FIDO_OK;
}

/* Without a list of what is allowed, a key says which it was; with a list of one it need not. */
const uint8_t *proof_id(const Proof *proof, const fido_assert_t *assertion, size_t i, size_t *ret_size)
{
        const Credential *credential = proof->credential;

        if (credential->id_size > 0) {
                *ret_size = credential->id_size;
                return credential->id;
        }
        if (fido_assert_id_len(assertion, i) > 0) {
                *ret_size = fido_assert_id_len(assertion, i);
                return fido_assert_id_ptr(assertion, i);
        }
        *ret_size = proof->id_size;
        return proof->id;
}

static bool has_bits(const Proof *proof, uint8_t flags)
{
        bool presence = proof->presence != FIDO_OPT_FALSE, verification = proof->verification == FIDO_OPT_TRUE;

        return (!presence || flags & FLAG_UP) && (!verification || flags & FLAG_UV);
}

/* With one credential allowed a key need not say which it was. */
static bool is_id(const fido_assert_t *assertion, size_t i, const Credential *credential)
{
        size_t size = fido_assert_id_len(assertion, i);

        return credential->id_size == 0 || size == 0 ||
               (size == credential->id_size && memcmp(fido_assert_id_ptr(assertion, i), credential->id, size) == 0);
}

/* What a key calls a resident credential is not among what it signs, so a copy could say what it likes: that one is told apart by its
 * public key. */
static int check_counter(const Login *login, const Credential *credential, const fido_assert_t *assertion, size_t i)
{
        uint32_t counter = fido_assert_sigcount(assertion, i);
        uint8_t hash[SHA256_SIZE];

        if (credential->id_size > 0)
                return counters_check(login, credential->id, credential->id_size, counter);
        sha256(credential->key, credential->key_size, hash);
        return counters_check(login, hash, sizeof(hash), counter);
}

int proof_check(const Login *login, const Proof *proof, fido_assert_t *assertion, size_t *ret_i)
{
        fido_opt_t presence = proof->presence == FIDO_OPT_FALSE ? FIDO_OPT_FALSE : FIDO_OPT_TRUE;

        if (fido_assert_set_up(assertion, presence) != FIDO_OK || fido_assert_set_uv(assertion, proof->verification) != FIDO_OK)
                return -EIO;
        for (size_t i = 0; i < fido_assert_count(assertion); i++) {
                if (!is_id(assertion, i, proof->credential) || verify(assertion, i, proof->credential) != FIDO_OK)
                        continue;
                if (!has_bits(proof, fido_assert_flags(assertion, i))) {
                        log_error(&login->log, "a security key signed, but not that somebody is there or was verified");
                        continue;
                }
                if (ret_i)
                        *ret_i = i;
                return check_counter(login, proof->credential, assertion, i);
        }
        log_error(&login->log, "what the security key signed does not fit the authfile");
        return LOGIN_REFUSED;
}
