/*
 * By hand
 *
 * What fido2-assert -G reads is printed for each credential, and what it prints is read. The key is where the person is, so
 * this is good from afar. It is pam_u2f's dialogue, but that bits which a credential or the administrator wants are checked.
 */
#include "pam/manual.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "pam/proof.h"

#define QUESTION_SIZE 48U
#define LINES         4U /* hash of the challenge, RP, authenticator data, signature */

static void assertions_done(fido_assert_t ***list)
{
        for (size_t i = 0; *list && (*list)[i]; i++)
                fido_assert_free(*list + i);
        free(*list);
}

static Proof proof_by_hand(const Login *login, const Credential *credential)
{
        Proof proof = proof_of(login, credential, /* own= */ false);

        if (!credential->pin && !credential->verification && login->options->pin != DEMAND_YES &&
            login->options->verification != DEMAND_YES)
                proof.verification = FIDO_OPT_OMIT;
        return proof;
}

static int show(Login *login, size_t i, const Credential *credential, const fido_assert_t *assertion)
{
        _cleanup_free_ char *challenge = NULL, *id = NULL;
        char name[NAMES_NAME_SIZE];
        bool named = login_key_name(login, credential, name);

        challenge = base64_encode(fido_assert_clientdata_hash_ptr(assertion), fido_assert_clientdata_hash_len(assertion));
        id = credential->id_size > 0 ? base64_encode(credential->id, credential->id_size) : strdup("*");
        if (!challenge || !id)
                return -ENOMEM;
        talk_say(&login->talk, "Challenge #%zu%s%s%s:", i + 1, named ? " (" : "", name, named ? ")" : "");
        talk_say(&login->talk, "%s\n%s\n%s", challenge, fido_assert_rp_id(assertion), id);
        return 0;
}

static int decode(const Secret *line, uint8_t **ret, size_t *ret_size)
{
        int r = base64_decode((const char *)line->data, line->size, ret, ret_size);

        return r == -EINVAL ? LOGIN_REFUSED : r;
}

static int read_answer(const Login *login, size_t i, const Proof *proof, fido_assert_t *assertion)
{
        _cleanup_free_ uint8_t *data = NULL, *signature = NULL;
        Secret *lines[LINES] = {NULL};
        char question[QUESTION_SIZE];
        size_t data_size = 0, signature_size = 0;
        int r = 0;

        (void)snprintf(question, sizeof(question), "Response #%zu: ", i + 1);
        for (size_t k = 0; r == 0 && k < LINES; k++)
                r = talk_ask(&login->talk, /* echo= */ true, question, lines + k);
        if (r == TALK_NOTHING)
                r = LOGIN_REFUSED;
        if (r == 0)
                r = decode(lines[2], &data, &data_size);
        if (r == 0)
                r = decode(lines[3], &signature, &signature_size);
        for (size_t k = 0; k < LINES; k++)
                (void)secret_free(lines[k]);
        if (r != 0)
                return r;
        if (data_size == 0 || signature_size == 0 || fido_assert_set_count(assertion, 1) != FIDO_OK ||
            fido_assert_set_authdata(assertion, 0, data, data_size) != FIDO_OK ||
            fido_assert_set_sig(assertion, 0, signature, signature_size) != FIDO_OK)
                return LOGIN_REFUSED;
        return proof_check(login, proof, assertion, NULL);
}

int manual_login(Login *login)
{
        _cleanup_(assertions_done) fido_assert_t **assertions = calloc(login->credentials.n + 1, sizeof(*assertions));
        int r;

        if (!assertions)
                return -ENOMEM;
        fido_init(/* flags= */ 0);
        for (size_t i = 0; i < login->credentials.n; i++) {
                const Credential *credential = login->credentials.list + i;
                Proof proof = proof_by_hand(login, credential);

                r = proof_begin(login, &proof, assertions + i);
                if (r == 0)
                        r = show(login, i, credential, assertions[i]);
                if (r < 0)
                        return r;
        }
        talk_say(&login->talk, "Give each challenge to fido2-assert -G, and paste what it prints.");
        for (size_t i = 0; i < login->credentials.n; i++) {
                Proof proof = proof_by_hand(login, login->credentials.list + i);

                r = read_answer(login, i, &proof, assertions[i]);
                if (r != LOGIN_REFUSED)
                        return r;
        }
        return LOGIN_REFUSED;
}
