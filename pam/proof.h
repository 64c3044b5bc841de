/*
 * Proof: what a security key is to sign, and whether what it signed proves anything
 *
 * What is asked for and what is checked come from one place, so that nothing is believed because it was asked for.
 */
#pragma once

#include "pam/login.h"

typedef struct Proof {
        const Credential *credential;
        const uint8_t *id; /* of a resident credential that a security key has told: it need not choose between several then */
        size_t id_size;
        fido_opt_t presence; /* OMIT: the security key's own way, which is to want it */
        fido_opt_t verification;
        bool pin;            /* by PIN and in no other way */
} Proof;

/* What this login demands of a credential. `own`: it is in Keyfob's own security key, where a touch is no more than a click. */
Proof proof_of(const Login *login, const Credential *credential, bool own);

/* Whom the credential was made for. */
const char *proof_rp(const Login *login, const Credential *credential);

/* A new assertion with a challenge that was never used and fits only this host, service and user. 0, -ENOMEM, -EIO. */
int proof_begin(const Login *login, const Proof *proof, fido_assert_t **ret);
/* The same without anybody's consent, to find out which security key has the credential. */
int proof_begin_probe(const Login *login, const Proof *proof, fido_assert_t **ret);

/* 0 when one of the assertion's statements proves it, LOGIN_REFUSED, or a negative errno. ret_i (or NULL): which one. */
int proof_check(const Login *login, const Proof *proof, fido_assert_t *assertion, size_t *ret_i);

/* Whether the i-th statement is by this credential, whatever it says. */
bool proof_is_by(fido_assert_t *assertion, size_t i, const Credential *credential);

/* The credential's id, as far as it is known after the i-th statement. */
const uint8_t *proof_id(const Proof *proof, const fido_assert_t *assertion, size_t i, size_t *ret_size);

/* Has the same assertion bring what opens the vault, where the credential has a slot there. 0, -EIO. */
int proof_want_secret(const Login *login, const Proof *proof, fido_assert_t *assertion);

static inline void fido_assertion_done(fido_assert_t **assertion)
{
        fido_assert_free(assertion);
}
