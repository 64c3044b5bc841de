/*
 * CTAP1/U2F: registrations and signatures in the messages of 2014 (section 7; FIDO U2F Raw Message Formats 1.2)
 *
 * A U2F request is answered at once, whatever the person does. So presence is a latch: the request that finds none
 * starts the question and is told "not yet" (0x6985), the client repeats it, and the first repetition after the
 * person agreed uses the touch up. The latch belongs to one request of one channel, so nobody can use up what another
 * one was given, or take its question away: whoever else wants the person waits. A client that stops asking, or does
 * something else, takes its question with it; a refusal lasts for as long as the same request is repeated. Only
 * storage that must be opened first, and an external key, are waited for.
 *
 * What is made here is a credential like any other, found by its id: getAssertion can use it, as U2F can use an ES256
 * credential of makeCredential that needs no verification.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/external.h"
#include "authenticator/transaction.h"
#include "authenticator/u2f.h"

/* Status words */
#define SW_OK                       0x9000
#define SW_WRONG_LENGTH             0x6700
#define SW_CONDITIONS_NOT_SATISFIED 0x6985 /* the person is wanted, or for check-only: the key handle is ours */
#define SW_COMMAND_NOT_ALLOWED      0x6986 /* alwaysUv is on (section 7.2.4), or ES256 off */
#define SW_WRONG_DATA               0x6a80 /* the key handle is not ours */
#define SW_NO_SPACE                 0x6a84
#define SW_INS_NOT_SUPPORTED        0x6d00
#define SW_CLA_NOT_SUPPORTED        0x6e00
#define SW_UNKNOWN                  0x6f00
#define SW_MIN                      0x6000 /* below are CTAP's status bytes */

#define INS_REGISTER     0x01
#define INS_AUTHENTICATE 0x02
#define INS_VERSION      0x03

#define P1_CHECK_ONLY   0x07
#define P1_ENFORCE      0x03
#define P1_DONT_ENFORCE 0x08

#define CHALLENGE_SIZE   32U
#define APPLICATION_SIZE 32U
#define POINT_SIZE       65U /* uncompressed */
#define REGISTERED       0x05U /* the first byte of a registration, for the sake of the first U2F */
#define HEAD_SIZE        5U    /* of a signature: presence, counter */
#define VERSION_TEXT     "U2F_V2"

enum {
        STEP_BEGIN,
        STEP_MADE,   /* by an external key */
        STEP_SIGNED, /* the same */
};

typedef struct Apdu {
        uint8_t cla, ins, p1;
        const uint8_t *data; /* challenge, application, and for a signature size and bytes of the key handle */
        size_t size;
        bool well_formed;
} Apdu;

/* ---- the latch ---- */

void u2f_withdraw(AuthenticatorHost *host)
{
        if (host->latch.state == LATCH_ASKING)
                question_withdraw(host);
        host->latch = (U2fLatch){0};
}

static bool latch_of_channel(const U2fLatch *latch, uint32_t channel)
{
        return latch->state != LATCH_NONE && latch->channel == channel;
}

void u2f_drop_channel(AuthenticatorHost *host, uint32_t channel)
{
        if (latch_of_channel(&host->latch, channel))
                u2f_withdraw(host);
}

bool u2f_asks_other(const AuthenticatorHost *host, uint32_t channel)
{
        return host->latch.state == LATCH_ASKING && host->latch.channel != channel;
}

void u2f_answer(AuthenticatorHost *host, AuthenticatorAnswer answer)
{
        bool given = answer == AUTHENTICATOR_YES;

        if (host->latch.state != LATCH_ASKING || answer == AUTHENTICATOR_LATER)
                return;
        host->asking = false;
        host->waits_for = 0;
        host->question_deadline = UINT64_MAX;
        host->latch.state = given ? LATCH_GIVEN : LATCH_REFUSED;
        host->latch.until = authenticator_now(host->a) + (given ? U2F_PRESENCE_TIME : PRESENCE_TIME);
}

uint64_t u2f_deadline(const AuthenticatorHost *host)
{
        if (host->latch.state != LATCH_ASKING)
                return UINT64_MAX; /* what is over is noticed when it is looked at */
        return host->latch.until < host->question_deadline ? host->latch.until : host->question_deadline;
}

void u2f_tick(AuthenticatorHost *host)
{
        uint64_t now = authenticator_now(host->a);

        if (host->latch.state == LATCH_ASKING && host->question_deadline <= now) {
                question_withdraw(host);
                host->latch.state = LATCH_REFUSED;
                host->latch.until = now + PRESENCE_TIME;
        } else if (host->latch.state != LATCH_NONE && host->latch.until <= now) {
                u2f_withdraw(host);
        }
}

/* CTAP_OK when the person has agreed to this very request, else SW_CONDITIONS_NOT_SATISFIED or -errno. */
static int presence(Transaction *t, const Apdu *apdu, const AuthenticatorQuestion *question)
{
        U2fLatch *latch = &t->host->latch;
        uint8_t request[32];
        uint64_t now = authenticator_now(t->a);
        bool same;
        int r;

        u2f_tick(t->host);
        sha256_two(&apdu->ins, 1, apdu->data, apdu->size, request);
        same = latch->channel == t->channel->id && memcmp(request, latch->request, sizeof(request)) == 0;
        if (same && latch->state == LATCH_GIVEN) {
                u2f_withdraw(t->host);
                return CTAP_OK;
        }
        if (same && latch->state != LATCH_NONE) {
                latch->until = now + (latch->state == LATCH_ASKING ? U2F_POLL_TIME : PRESENCE_TIME);
                return SW_CONDITIONS_NOT_SATISFIED;
        }
        /* One person, one question: whoever asked first is first served. */
        if ((latch->state == LATCH_ASKING || latch->state == LATCH_GIVEN) && !latch_of_channel(latch, t->channel->id))
                return SW_CONDITIONS_NOT_SATISFIED;
        u2f_withdraw(t->host);
        r = transaction_ask(t, question);
        if (r == CTAP_OK && t->answer == AUTHENTICATOR_YES)
                return CTAP_OK;
        if (r < 0)
                return r;
        memcpy(latch->request, request, sizeof(request));
        latch->channel = t->channel->id;
        latch->state = r == TRANSACTION_WAIT ? LATCH_ASKING : LATCH_REFUSED;
        latch->until = now + (r == TRANSACTION_WAIT ? U2F_POLL_TIME : PRESENCE_TIME);
        return SW_CONDITIONS_NOT_SATISFIED;
}

/* ---- registration ---- */

/* Browsers and libraries register for these only to have a key touched; nothing ever signs in there. */
static bool only_a_blink(const uint8_t *challenge, const uint8_t *application)
{
        static const char *const names[] = {"make.me.blink", ".dummy"};
        uint8_t hash[SHA256_SIZE], empty[SHA256_SIZE], chromium[APPLICATION_SIZE];

        memset(chromium, 'A', sizeof(chromium));
        if (memcmp(application, chromium, sizeof(chromium)) == 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                sha256(names[i], strlen(names[i]), hash);
                if (memcmp(application, hash, sizeof(hash)) == 0)
                        return true;
        }
        /* libfido2: a site of this name may exist, but not with a challenge from empty client data. */
        sha256("localhost", strlen("localhost"), hash);
        sha256("", 0, empty);
        return memcmp(application, hash, sizeof(hash)) == 0 && memcmp(challenge, empty, sizeof(empty)) == 0;
}

/* It has its key already. */
static int fill(Authenticator *a, const uint8_t *application, Credential *ret)
{
        AuthenticatorCredential *public = &ret->public;
        int r;

        public->id_size = CREDENTIAL_ID_SIZE;
        r = authenticator_random(a, public->id, CREDENTIAL_ID_SIZE);
        if (r == 0)
                r = authenticator_random(a, ret->hmac_uv, sizeof(ret->hmac_uv));
        if (r == 0)
                r = authenticator_random(a, ret->hmac_no_uv, sizeof(ret->hmac_no_uv));
        if (r < 0)
                return r;
        memcpy(public->rp_id_hash, application, APPLICATION_SIZE);
        public->algorithm = COSE_ES256;
        public->protection = 1;
        public->u2f = true;
        public->backup_eligible = a->config.backup_eligible && !public->external;
        public->created = a->ops.clock(a->userdata);
        ret->counts = a->config.counters || public->external;
        return CTAP_OK;
}

static int store(Authenticator *a, Credential *credential)
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = change_put_credential(&change, credential);
        if (r == CTAP_OK)
                r = change_commit(&change);
        return r;
}

static int registration(Transaction *t, const Apdu *apdu, const Credential *credential)
{
        const uint8_t *challenge = apdu->data, *application = apdu->data + CHALLENGE_SIZE;
        uint8_t memory[1 + APPLICATION_SIZE + CHALLENGE_SIZE + CREDENTIAL_ID_SIZE + POINT_SIZE];
        uint8_t point[POINT_SIZE] = {4}, certificate[CERTIFICATE_SELF_MAX];
        CborWriter message = CBOR_WRITER(memory, sizeof(memory));
        Signature signature;
        size_t size;
        int r;

        memcpy(point + 1, credential->key.public_key, sizeof(point) - 1);
        put_raw(&message, &(uint8_t){0}, 1);
        put_raw(&message, application, APPLICATION_SIZE);
        put_raw(&message, challenge, CHALLENGE_SIZE);
        put_raw(&message, credential->public.id, CREDENTIAL_ID_SIZE);
        put_raw(&message, point, sizeof(point));
        r = attestation_certify(credential, &message, certificate, &size, &signature);
        if (r < 0)
                return r;

        put_raw(&t->reply, &(uint8_t){REGISTERED}, 1);
        put_raw(&t->reply, point, sizeof(point));
        put_raw(&t->reply, &(uint8_t){CREDENTIAL_ID_SIZE}, 1);
        put_raw(&t->reply, credential->public.id, CREDENTIAL_ID_SIZE);
        put_raw(&t->reply, certificate, size);
        put_raw(&t->reply, signature.bytes, signature.size);
        return SW_OK;
}

/* The person has agreed to it; the key is made here, or t->work has it. */
static int make(Transaction *t, const Apdu *apdu, bool blink)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        _cleanup_(signer_freep) Signer *signer = NULL; /* the certificate's maker has its own */
        const uint8_t *application = apdu->data + CHALLENGE_SIZE;
        int r;

        if (!credential)
                return -ENOMEM;
        if (t->step == STEP_MADE)
                r = external_made(t, algorithm_find(COSE_ES256), credential);
        else
                r = spare_take(t->a, SIGN_P256, &credential->key, &signer);
        if (r == CTAP_OK)
                r = fill(t->a, application, credential);
        if (r == CTAP_OK && !blink)
                r = store(t->a, credential);
        return r == CTAP_OK ? registration(t, apdu, credential) : r;
}

static int do_register(Transaction *t, const Apdu *apdu)
{
        const uint8_t *application = apdu->data + CHALLENGE_SIZE;
        AuthenticatorQuestion question = {
                .kind = AUTHENTICATOR_ASK_PRESENCE,
                .purpose = AUTHENTICATOR_TO_REGISTER,
                .rp_id_hash = application,
        };
        bool blink = only_a_blink(apdu->data, application);
        int r;

        if (t->step == STEP_MADE)
                return make(t, apdu, blink);
        if (!policy_find(t->a, &t->a->state->policy, COSE_ES256) && !blink)
                return SW_COMMAND_NOT_ALLOWED;
        r = presence(t, apdu, &question);
        if (t->host->asking && !external_wanted(t->a))
                spare_order(t->host, SIGN_P256);
        if (r != CTAP_OK)
                return r;
        if (!external_wanted(t->a) || blink)
                return make(t, apdu, blink);
        t->step = STEP_MADE;
        return external_make(t, algorithm_find(COSE_ES256));
}

/* ---- authentication ---- */

/* The credential of this key handle, if it is U2F's to use. */
static int find(Transaction *t, const Apdu *apdu, Credential *ret)
{
        const uint8_t *application = apdu->data + CHALLENGE_SIZE, *handle = application + APPLICATION_SIZE + 1;
        const Algorithm *algorithm;
        int r;

        r = record_credential_by_id(t->a, handle, handle[-1], application, ret);
        if (r == CTAP2_ERR_NO_CREDENTIALS || r == CTAP2_ERR_INVALID_CREDENTIAL)
                return SW_WRONG_DATA;
        if (r != CTAP_OK)
                return r;
        algorithm = algorithm_find(ret->public.algorithm);
        if (!algorithm || algorithm->kind != SIGN_P256 || ret->public.protection >= 3)
                return SW_WRONG_DATA;
        return CTAP_OK;
}

static int ask_to_sign(Transaction *t, const Apdu *apdu, const Credential *credential)
{
        char rp_id[AUTHENTICATOR_RP_ID_MAX + 1], user_name[AUTHENTICATOR_NAME_MAX + 1];
        AuthenticatorQuestion question = {
                .kind = AUTHENTICATOR_ASK_PRESENCE,
                .purpose = AUTHENTICATOR_TO_SIGN_IN,
                .rp_id_hash = credential->public.rp_id_hash,
                .n_accounts = 1,
        };

        /* One that was made by CTAP2 knows whose it is. */
        memcpy(rp_id, credential->public.rp_id, sizeof(rp_id));
        memcpy(user_name, credential->public.user_name, sizeof(user_name));
        name_sanitize(rp_id);
        name_sanitize(user_name);
        question.rp_id = rp_id[0] ? rp_id : NULL;
        question.user_name = user_name[0] ? user_name : NULL;
        return presence(t, apdu, &question);
}

/* What is signed: the application, presence and counter, the challenge. */
typedef struct Signing {
        uint8_t message[APPLICATION_SIZE + HEAD_SIZE + CHALLENGE_SIZE];
} Signing;

static int put_assertion(Transaction *t, const Signing *signing, const Signature *signature)
{
        put_raw(&t->reply, signing->message + APPLICATION_SIZE, HEAD_SIZE);
        put_raw(&t->reply, signature->bytes, signature->size);
        return SW_OK;
}

static int sign_assertion(Transaction *t, const Apdu *apdu, Credential *credential, bool present)
{
        const uint8_t *challenge = apdu->data, *application = apdu->data + CHALLENGE_SIZE;
        Signature signature;
        uint32_t count = 0;
        Signing *signing;
        int r;

        r = counter_next(t->a, credential, &count);
        if (r == CTAP_OK)
                r = transaction_data(t, sizeof(*signing), /* done= */ NULL);
        if (r != CTAP_OK)
                return r;
        signing = t->data;
        memcpy(signing->message, application, APPLICATION_SIZE);
        signing->message[APPLICATION_SIZE] = present;
        for (unsigned i = 0; i < 4; i++)
                signing->message[APPLICATION_SIZE + 1 + i] = (uint8_t)(count >> (24 - 8 * i));
        memcpy(signing->message + APPLICATION_SIZE + HEAD_SIZE, challenge, CHALLENGE_SIZE);
        t->step = STEP_SIGNED;
        if (credential->public.external)
                return external_sign(t, credential, signing->message, sizeof(signing->message));
        r = sign(&credential->key, signing->message, sizeof(signing->message), signature.bytes, &signature.size);
        return r < 0 ? r : put_assertion(t, signing, &signature);
}

static int signed_outside(Transaction *t)
{
        Signature signature;
        int r = external_signature(t, &signature);

        return r == CTAP_OK ? put_assertion(t, t->data, &signature) : r;
}

static int do_authenticate(Transaction *t, const Apdu *apdu)
{
        _cleanup_(credential_freep) Credential *credential = NULL;
        int r;

        if (t->step == STEP_SIGNED)
                return signed_outside(t);
        credential = credential_new();
        if (!credential)
                return -ENOMEM;
        r = find(t, apdu, credential);
        if (r != CTAP_OK)
                return r;
        if (apdu->p1 == P1_CHECK_ONLY)
                return SW_CONDITIONS_NOT_SATISFIED;
        if (apdu->p1 == P1_ENFORCE) {
                r = ask_to_sign(t, apdu, credential);
                if (r != CTAP_OK)
                        return r;
        }
        return sign_assertion(t, apdu, credential, apdu->p1 == P1_ENFORCE);
}

/* ---- APDUs ---- */

/* Short and extended forms, with or without data and expected length (ISO 7816-4, 5.1). */
static Apdu parse(const uint8_t *raw, size_t size)
{
        Apdu apdu = {.cla = raw[0], .ins = size > 1 ? raw[1] : 0, .p1 = size > 2 ? raw[2] : 0};
        size_t left, expected;

        if (size < 4)
                return apdu;
        raw += 4;
        left = size - 4;
        apdu.well_formed = left <= 1 || (left == 3 && raw[0] == 0); /* no data: nothing, or an expected length */
        if (apdu.well_formed)
                return apdu;
        if (raw[0] == 0 && left > 3) {
                apdu.size = (size_t)raw[1] << 8 | raw[2];
                apdu.data = raw + 3;
                left -= 3;
                expected = 2;
        } else {
                apdu.size = raw[0];
                apdu.data = raw + 1;
                left -= 1;
                expected = 1;
        }
        apdu.well_formed = apdu.size == left || apdu.size + expected == left;
        return apdu;
}

static int check(const Apdu *apdu)
{
        const size_t fixed = CHALLENGE_SIZE + APPLICATION_SIZE;

        if (apdu->cla != 0)
                return SW_CLA_NOT_SUPPORTED;
        switch (apdu->ins) {
        case INS_REGISTER:
                return apdu->well_formed && apdu->size == fixed ? SW_OK : SW_WRONG_LENGTH;
        case INS_AUTHENTICATE:
                if (!apdu->well_formed || apdu->size <= fixed || apdu->size != fixed + 1 + apdu->data[fixed])
                        return SW_WRONG_LENGTH;
                if (apdu->p1 != P1_CHECK_ONLY && apdu->p1 != P1_ENFORCE && apdu->p1 != P1_DONT_ENFORCE)
                        return SW_WRONG_DATA;
                return SW_OK;
        case INS_VERSION:
                return apdu->well_formed && apdu->size == 0 ? SW_OK : SW_WRONG_LENGTH;
        default:
                return SW_INS_NOT_SUPPORTED;
        }
}

/* Known from the note when storage is locked. */
static bool disabled(Authenticator *a)
{
        AuthenticatorStatus status = {0};

        if (a->state)
                return a->state->always_uv;
        return authenticator_status(a, &status) == 0 && status.always_uv;
}

/* CTAP_OK when the state is read. What is malformed or only asks for the version never has storage opened. */
static int open_storage(Transaction *t)
{
        int r;

        r = authenticator_load(t->a);
        if (r != CTAP2_ERR_OPERATION_PENDING)
                return r;
        if (t->step != STEP_BEGIN)
                return r;              /* it begins anew */
        u2f_withdraw(t->host); /* there is one question at a time */
        r = transaction_ask(t, &(AuthenticatorQuestion){.kind = AUTHENTICATOR_ASK_STORAGE,
                                                       .purpose = AUTHENTICATOR_TO_OPEN});
        t->host->opening = r == TRANSACTION_WAIT;
        if (r != CTAP_OK)
                return r;
        return t->answer == AUTHENTICATOR_YES ? authenticator_load(t->a) : SW_CONDITIONS_NOT_SATISFIED;
}

static int handle(Transaction *t)
{
        Apdu apdu = parse(t->raw, t->raw_size);
        int r;

        r = check(&apdu);
        if (r != SW_OK)
                return r;
        if (disabled(t->a))
                return SW_COMMAND_NOT_ALLOWED;
        if (apdu.ins == INS_VERSION) {
                put_raw(&t->reply, VERSION_TEXT, strlen(VERSION_TEXT));
                return SW_OK;
        }
        r = open_storage(t);
        if (r != CTAP_OK)
                return r;
        if (t->a->state->always_uv)
                return SW_COMMAND_NOT_ALLOWED;
        return apdu.ins == INS_REGISTER ? do_register(t, &apdu) : do_authenticate(t, &apdu);
}

static int u2f_run(Transaction *t)
{
        int r = handle(t);

        if (r < 0 || r == TRANSACTION_WAIT)
                return r;
        if (r == CTAP2_ERR_OPERATION_PENDING) {
                u2f_withdraw(t->host); /* storage is asked for next */
                return r;
        }
        if (r < SW_MIN)
                r = r == CTAP2_ERR_KEY_STORE_FULL ? SW_NO_SPACE : SW_UNKNOWN;
        if (r != SW_OK)
                t->reply.size = 0;
        put_raw(&t->reply, (const uint8_t[]){(uint8_t)(r >> 8), (uint8_t)r}, 2);
        return CTAP_OK;
}

const Command command_u2f = {.run = u2f_run};
