/*
 * What new credentials are made like
 *
 * The owner's choice: which algorithms are offered and named, whether keys are made here or by ops.keys, and what is attested. It
 * is part of the state, and of the note, because getInfo tells it while storage is locked, too. Factory settings are not written
 * at all, so that who never chose has the records that every version reads.
 *
 * RFC 9864 gave the same algorithms new names. Some released clients refuse an authenticator altogether that names what
 * they don't know, so the new names are accepted wherever the old ones are offered, and named only when they were chosen.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"

#define FLAG_EXTERNAL_KEYS 0x01U

void policy_default(Policy *ret)
{
        *ret = (Policy){.algorithms = {COSE_ES256, COSE_EDDSA, COSE_ES384}, .n_algorithms = 3};
}

bool policy_is_default(const Policy *policy)
{
        Policy factory;

        policy_default(&factory);
        return !policy->external_keys && policy->attestation == factory.attestation &&
               policy->n_algorithms == factory.n_algorithms &&
               memcmp(policy->algorithms, factory.algorithms, factory.n_algorithms * sizeof(factory.algorithms[0])) == 0;
}

/* ---- in records ---- */

void policy_encode(const Policy *policy, ByteWriter *w)
{
        byte_writer_u8(w, policy->external_keys ? FLAG_EXTERNAL_KEYS : 0);
        byte_writer_u8(w, policy->attestation);
        byte_writer_u8(w, policy->n_algorithms);
        for (size_t i = 0; i < policy->n_algorithms; i++)
                byte_writer_u32(w, (uint32_t)policy->algorithms[i]);
}

bool policy_decode(ByteReader *reader, Policy *ret)
{
        uint8_t flags = byte_reader_u8(reader);

        *ret = (Policy){.external_keys = flags & FLAG_EXTERNAL_KEYS};
        ret->attestation = byte_reader_u8(reader);
        ret->n_algorithms = byte_reader_u8(reader);
        if (flags > FLAG_EXTERNAL_KEYS || ret->attestation > AUTHENTICATOR_ATTEST_CERTIFICATE || ret->n_algorithms == 0 ||
            ret->n_algorithms > AUTHENTICATOR_ALGORITHMS_MAX)
                return false;
        for (size_t i = 0; i < ret->n_algorithms; i++) {
                ret->algorithms[i] = (int32_t)byte_reader_u32(reader);
                if (!algorithm_find(ret->algorithms[i]))
                        return false;
        }
        return !reader->failed;
}

/* ---- what is offered ---- */

static bool is_named(const Policy *policy, int32_t cose)
{
        for (size_t i = 0; i < policy->n_algorithms; i++)
                if (policy->algorithms[i] == cose)
                        return true;
        return false;
}

int32_t keys_algorithm(const Authenticator *a, const Algorithm *algorithm)
{
        const int32_t *cose = a->ops.keys ? a->ops.keys->algorithms : NULL;

        for (; cose && *cose != 0; cose++)
                if (*cose == algorithm->cose || *cose == algorithm->classic)
                        return *cose;
        return 0;
}

const Algorithm *policy_find(const Authenticator *a, const Policy *policy, int64_t cose)
{
        const Algorithm *algorithm = algorithm_find(cose);

        if (!algorithm || !(is_named(policy, algorithm->cose) || is_named(policy, algorithm->classic)))
                return NULL;
        return policy->external_keys && keys_algorithm(a, algorithm) == 0 ? NULL : algorithm;
}

const Algorithm *policy_nth(const Authenticator *a, const Policy *policy, size_t i)
{
        for (size_t at = 0, n = 0; at < policy->n_algorithms; at++) {
                const Algorithm *algorithm = policy_find(a, policy, policy->algorithms[at]);

                if (algorithm && n++ == i)
                        return algorithm;
        }
        return NULL;
}

bool policy_names_new(const Policy *policy)
{
        for (size_t i = 0; i < policy->n_algorithms; i++)
                if (algorithm_find(policy->algorithms[i])->classic != 0)
                        return true;
        return false;
}

/* ---- the owner's ---- */

int authenticator_policy(Authenticator *a, AuthenticatorPolicy *ret)
{
        const State *state;
        State noted;
        bool known;
        int r;

        r = authenticator_load(a);
        state = r == CTAP_OK ? a->state : &noted;
        if (r == CTAP2_ERR_OPERATION_PENDING)
                r = state_noted(a, &noted, &known);
        if (r != CTAP_OK)
                return r;
        *ret = (AuthenticatorPolicy){
                .external_keys = state->policy.external_keys,
                .always_uv = state->always_uv,
                .enterprise = state->enterprise,
                .attestation = (AuthenticatorAttestation)state->policy.attestation,
                .n_algorithms = state->policy.n_algorithms,
        };
        memcpy(ret->algorithms, state->policy.algorithms, sizeof(ret->algorithms));
        return CTAP_OK;
}

static int check(const Authenticator *a, const AuthenticatorPolicy *wanted, Policy *ret)
{
        Policy policy = {.external_keys = wanted->external_keys, .attestation = (uint8_t)wanted->attestation};

        if (wanted->n_algorithms == 0 || wanted->n_algorithms > AUTHENTICATOR_ALGORITHMS_MAX ||
            wanted->attestation > AUTHENTICATOR_ATTEST_CERTIFICATE)
                return CTAP1_ERR_INVALID_PARAMETER;
        for (size_t i = 0; i < wanted->n_algorithms; i++) {
                if (!algorithm_find(wanted->algorithms[i]))
                        return CTAP2_ERR_UNSUPPORTED_ALGORITHM;
                if (is_named(&policy, wanted->algorithms[i]))
                        return CTAP1_ERR_INVALID_PARAMETER;
                policy.algorithms[policy.n_algorithms++] = wanted->algorithms[i];
        }
        if (policy.external_keys && !a->ops.keys)
                return CTAP2_ERR_UNSUPPORTED_OPTION;
        if (!policy_nth(a, &policy, 0)) /* the external keys can do none of them */
                return CTAP2_ERR_UNSUPPORTED_ALGORITHM;
        *ret = policy;
        return CTAP_OK;
}

int authenticator_set_policy(Authenticator *a, const AuthenticatorPolicy *wanted)
{
        _cleanup_(change_donep) Change change = {0};
        Policy policy;
        int r;

        r = check(a, wanted, &policy);
        if (r == CTAP_OK)
                r = change_begin(a, &change);
        if (r != CTAP_OK)
                return r;
        /* One that was enabled stays so without its certificate, until it is turned off. */
        if (wanted->enterprise && !a->enterprise && !a->state->enterprise)
                return CTAP2_ERR_UNSUPPORTED_OPTION;
        change.state->policy = policy;
        change.state->always_uv = wanted->always_uv;
        change.state->enterprise = wanted->enterprise;
        return change_commit(&change);
}
