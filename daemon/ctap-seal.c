/*
 * Passkeys that the TPM seals
 *
 * When the vault has been unlocked and its class of passkeys is sealed, the TPM is asked for its part of the key;
 * until it has answered, the security key's storage is locked, and who waits for that waits here. The secret is an
 * agreement between a key that never leaves the TPM and one that was thrown away after its public half was noted, so
 * the helper, which carries the answer, has in it nothing that opens anything without the vault's root.
 *
 * A TPM that can't answer is asked again by the next who needs it. Nothing else of the vault waits for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/agree.h"
#include "daemon/ctap-internal.h"
#include "daemon/log.h"
#include "daemon/present.h"
#include "daemon/tpm.h"

#define CLASS          VAULT_CLASS_PASSKEYS
#define PARAMS_VERSION 1U
#define POINT_SIZE     64U

_Static_assert(1 + POINT_SIZE + 4 + TPM_KEY_MAX <= VAULT_SEAL_PARAMS_MAX, "the vault takes all params");

struct CtapSealWait {
        Ctap *ctap;
        CtapSealDone done;
        void *userdata;
        CtapSealWait *next;
};

struct CtapSeal {
        Ctap *ctap;
        TpmCall *call; /* the TPM is at it */
        CtapSealWait *waits;
        char problem[512]; /* why it could not, or "" */
};

/* ---- state ---- */

bool ctap_seal_is_open(const Ctap *ctap)
{
        const Vault *vault = ctap->daemon->vault;

        return vault && vault_is_unlocked(vault) &&
               (vault_class_is_open(vault, CLASS) || !vault_class_params(vault, CLASS));
}

const char *ctap_seal_problem(const Ctap *ctap)
{
        return ctap->seal->problem;
}

/* Says it once, not with every request that meets it. */
static void note(CtapSeal *seal, const char *why)
{
        char problem[sizeof(seal->problem)] = "";

        if (why)
                (void)snprintf(problem, sizeof(problem), "passkeys are sealed by the TPM: %s", why);
        present_in_line(problem); /* it may have been cut inside a character */
        if (why && strcmp(problem, seal->problem) != 0)
                log_line(LOG_WARNING, "%s", problem);
        memcpy(seal->problem, problem, sizeof(problem));
}

/* ---- asking the TPM ---- */

void ctap_seal_params(ByteWriter *params, const uint8_t point[POINT_SIZE], const ByteWriter *key)
{
        byte_writer_u8(params, PARAMS_VERSION);
        byte_writer_raw(params, point, POINT_SIZE);
        byte_writer_blob(params, key->data, key->size);
}

int ctap_seal_question(const void *params, size_t size, ByteWriter *ret)
{
        ByteReader reader = BYTE_READER(params, size);
        const uint8_t *point, *key;
        size_t key_size;

        if (byte_reader_u8(&reader) != PARAMS_VERSION)
                return -EBADMSG;
        point = byte_reader_raw(&reader, POINT_SIZE);
        key = byte_reader_blob(&reader, TPM_KEY_MAX, &key_size);
        if (!byte_reader_done(&reader))
                return -EBADMSG;
        byte_writer_blob(ret, key, key_size);
        byte_writer_blob(ret, point, POINT_SIZE);
        return ret->failed ? -ENOMEM : 0;
}

const uint8_t *ctap_seal_answer(ByteReader *fields)
{
        size_t size;
        const uint8_t *secret = byte_reader_blob(fields, TPM_COORDINATE_MAX, &size);

        return secret && size == VAULT_DEVICE_SIZE && byte_reader_done(fields) ? secret : NULL;
}

/* Each may start something new, or end the daemon's part of the next. */
static void finish(CtapSeal *seal, int result)
{
        CtapSealWait *waits = TAKE_PTR(seal->waits);

        while (waits) {
                CtapSealWait *wait = waits;
                CtapSealDone done = wait->done;
                void *userdata = wait->userdata;

                waits = wait->next;
                seal->waits = waits; /* so that who is cancelled by done() is found */
                free(wait);
                done(userdata, result);
                waits = TAKE_PTR(seal->waits);
        }
}

static void on_answer(void *userdata, const TpmAnswer *answer)
{
        CtapSeal *seal = userdata;
        Vault *vault = seal->ctap->daemon->vault;
        const uint8_t *secret;
        int r = VAULT_E_DEVICE;

        seal->call = NULL;
        if (answer->problem == TPM_PROBLEM_FOREIGN)
                note(seal,
                     "this one is another, or was cleared since: they open on the machine they belong to, or run "
                     "keyfob passkey policy --abandon-sealed");
        else if (answer->problem != 0)
                note(seal, answer->why);
        else {
                secret = ctap_seal_answer(answer->fields);
                r = !vault ? VAULT_E_NO_VAULT : secret ? vault_class_open(vault, CLASS, secret) : VAULT_E_WRONG_SECRET;
                note(seal, r == VAULT_E_WRONG_SECRET
                                   ? "its answer does not fit, something is damaged: run keyfob check"
                           : r < 0 ? strerror(-r)
                                   : NULL);
        }
        ctap_changed(seal->ctap);
        finish(seal, r);
}

static int ask(CtapSeal *seal)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        const Vault *vault = seal->ctap->daemon->vault;
        const Secret *params = vault ? vault_class_params(vault, CLASS) : NULL;
        int r;

        if (!params) /* locked since, by somebody else */
                return VAULT_E_LOCKED;
        if (seal->call)
                return 0;
        r = ctap_seal_question(params->data, params->size, &fields);
        if (r == -EBADMSG) {
                note(seal, "what says how is damaged, or of a later version: run keyfob check");
                return VAULT_E_DEVICE;
        }
        if (r < 0)
                return r;
        return tpm_call(seal->ctap->daemon, TPM_EXCHANGE, &fields, on_answer, seal, &seal->call);
}

void ctap_unlocked(Ctap *ctap)
{
        AuthenticatorPolicy policy;

        if (!ctap || !ctap->daemon->vault || !vault_is_unlocked(ctap->daemon->vault))
                return;
        if (!ctap_seal_is_open(ctap)) {
                (void)ask(ctap->seal);
                return;
        }
        if (authenticator_policy(ctap->authenticator, &policy) == CTAP_OK && policy.external_keys)
                ctap_keys_look(ctap);
}

/* ---- waiting ---- */

int ctap_seal_wait(Ctap *ctap, CtapSealDone done, void *userdata, CtapSealWait **ret)
{
        CtapSealWait *wait;
        int r;

        r = ask(ctap->seal);
        if (r != 0)
                return r;
        wait = malloc(sizeof(*wait));
        if (!wait)
                return -ENOMEM;
        *wait = (CtapSealWait){.ctap = ctap, .done = done, .userdata = userdata, .next = ctap->seal->waits};
        ctap->seal->waits = wait;
        *ret = wait;
        return 0;
}

CtapSealWait *ctap_seal_wait_cancel(CtapSealWait *wait)
{
        if (!wait)
                return NULL;
        for (CtapSealWait **p = &wait->ctap->seal->waits; *p; p = &(*p)->next)
                if (*p == wait) {
                        *p = wait->next;
                        break;
                }
        free(wait);
        return NULL;
}

static void on_client_open(void *userdata, int result)
{
        CtapClient *client = userdata;

        client->sealed = NULL;
        client->answered(client, result == 0 ? AUTHENTICATOR_YES : AUTHENTICATOR_NOBODY);
}

int ctap_seal_ask(CtapClient *client)
{
        int r;

        r = ctap_seal_wait(client->ctap, on_client_open, client, &client->sealed);
        if (r < 0)
                return r;
        return r == 0 ? AUTHENTICATOR_LATER : AUTHENTICATOR_NOBODY;
}

/* ---- life ---- */

int ctap_seal_new(Ctap *ctap)
{
        ctap->seal = calloc(1, sizeof(*ctap->seal));
        if (!ctap->seal)
                return -ENOMEM;
        ctap->seal->ctap = ctap;
        return 0;
}

/* Those who wait are gone already. */
void ctap_seal_free(Ctap *ctap)
{
        if (!ctap->seal)
                return;
        tpm_call_cancel(ctap->seal->call);
        free(ctap->seal);
        ctap->seal = NULL;
}
