/*
 * Logging in with a security key
 *
 * Credential after credential is looked for in what is plugged in. The one that has it is asked in the way that it and the
 * administrator want: by touch, by its own verification, by PIN. Its own verification (a finger on the key) gives way to the PIN when it
 * fails or is blocked, in the same call. Few wrong PINs block a key for good, so what is left is looked up and shown before each
 * question, the last ones are not spent, and nothing that was typed elsewhere is tried as one. Who has several keys is told by name
 * which one it is.
 */
#include "pam/key-login.h"

#include <errno.h>
#include <stdio.h>

#include "pam/keys.h"
#include "pam/pending.h"
#include "pam/slots.h"

#define TURNS_MAX     3U
#define KEY_NAME_SIZE (NAMES_NAME_SIZE + 3)
#define QUESTION_SIZE 256U
#define LIST_SIZE     512U
#define CUE           "Touch the security key%s."
#define CUE_QUESTION  "Press ENTER, then touch the security key%s."
#define INSERT        "Plug in the security key, then press ENTER."
#define INSERT_ONE    "Plug in one of your security keys (%s), then press ENTER."

/* Continues what enum LoginOutcome counts; never leaves this file. */
enum { TRY_NEXT = 100, TRY_PIN };

typedef struct Attempt {
        Login *login;
        fido_dev_t *dev;
        Proof proof;
        bool certain; /* it has the credential */
        bool *cued, *silent; /* the second: it does not answer */
} Attempt;

/* ---- what the person is told ---- */

static bool wants_touch(const Proof *proof)
{
        return proof->presence != FIDO_OPT_FALSE;
}

/* With a blank before it, or nothing where there is no choice, no name, or where it could be another key. */
static const char *name_of(const Attempt *attempt, char ret[KEY_NAME_SIZE])
{
        char name[NAMES_NAME_SIZE];

        ret[0] = 0;
        if (attempt->certain && login_key_name(attempt->login, attempt->proof.credential, name))
                (void)snprintf(ret, KEY_NAME_SIZE, " \"%s\"", name);
        return ret;
}

/* Once in a call: before the wait, because some programs show it only with a question. */
static int cue(const Attempt *attempt)
{
        const Options *options = attempt->login->options;
        _cleanup_(secret_freep) Secret *nothing = NULL;
        char name[KEY_NAME_SIZE], text[QUESTION_SIZE];
        int r;

        if (!options->cue || *attempt->cued || (!wants_touch(&attempt->proof) && attempt->proof.verification != FIDO_OPT_TRUE))
                return 0;
        *attempt->cued = true;
        (void)name_of(attempt, name);
        if (options->cue_question)
                (void)snprintf(text, sizeof(text), CUE_QUESTION, name);
        else
                (void)snprintf(text, sizeof(text), CUE, name);
        if (!options->cue_question) {
                talk_say(&attempt->login->talk, "%s", options->cue_prompt ? options->cue_prompt : text);
                return 0;
        }
        r = talk_ask(&attempt->login->talk, /* echo= */ true, options->cue_prompt ? options->cue_prompt : text, &nothing);
        return r < 0 ? r : 0;
}

static const struct {
        int error;
        const char *text;
} words[] = {
        {FIDO_ERR_PIN_BLOCKED, "The PIN of the security key is blocked. It can only be reset."},
        {FIDO_ERR_PIN_AUTH_BLOCKED, "Too many wrong PINs in a row: plug the security key out and in again."},
        {FIDO_ERR_UV_BLOCKED, "The security key takes no fingers any more, until its PIN was given."},
        {FIDO_ERR_UV_INVALID, "The security key did not know the finger."},
        {FIDO_ERR_PIN_INVALID, "That is not the PIN of the security key."},
        {FIDO_ERR_ACTION_TIMEOUT, "Nobody touched the security key in time."},
        {FIDO_ERR_USER_ACTION_TIMEOUT, "Nobody touched the security key in time."},
        {FIDO_ERR_OPERATION_DENIED, "It was refused on the security key."},
        {FIDO_ERR_NO_CREDENTIALS, "This security key is not one of yours here."},
};

static void say_error(const Login *login, int error)
{
        log_debug(&login->log, "the security key answered: %s", fido_strerr(error));
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (words[i].error == error)
                        talk_complain(&login->talk, "%s", words[i].text);
}

/* ---- one question to the key ---- */

/* FIDO_OK and *ret, another error of libfido2's, or a negative errno below all of those. */
static int ask_key(const Attempt *attempt, const char *pin, fido_assert_t **ret, int *ret_errno)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
        int r;

        *ret_errno = proof_begin(attempt->login, &attempt->proof, &assertion);
        if (*ret_errno == 0)
                *ret_errno = proof_want_secret(attempt->login, &attempt->proof, assertion);
        if (*ret_errno == 0)
                *ret_errno = cue(attempt);
        if (*ret_errno != 0)
                return FIDO_ERR_INTERNAL;
        r = fido_dev_get_assert(attempt->dev, assertion, pin);
        *attempt->silent = key_is_silent(r);
        if (r == FIDO_OK)
                *ret = TAKE_PTR(assertion);
        return r;
}

/* A key with resident credentials of this name, but not with this one: another one of the user's may be. */
static bool is_by_another(const Attempt *attempt, fido_assert_t *assertion)
{
        const Credential *credential = attempt->proof.credential;

        for (size_t i = 0; i < fido_assert_count(assertion); i++)
                if (proof_is_by(assertion, i, credential))
                        return false;
        return credential->id_size == 0 && !attempt->certain;
}

/* What is missing to open the vault is no reason to keep somebody out. */
static int check(const Attempt *attempt, fido_assert_t *assertion)
{
        Login *login = attempt->login;
        const uint8_t *id;
        size_t i = 0, size;
        int r;

        r = proof_check(login, &attempt->proof, assertion, &i);
        if (r == LOGIN_REFUSED && is_by_another(attempt, assertion))
                return TRY_NEXT;
        if (r != 0 || !login->mirror)
                return r;
        id = proof_id(&attempt->proof, assertion, i, &size);
        if (slots_frame_of_key(login->mirror, id, size, assertion, i, &login->frames) < 0)
                log_error(&login->log, "the vault is not opened: out of memory");
        return 0;
}

/* What a failure leads to, where there is no PIN yet. */
static int next_after(const Attempt *attempt, int error)
{
        bool verifies = attempt->proof.verification == FIDO_OPT_TRUE;

        switch (error) {
        case FIDO_ERR_PIN_REQUIRED:
                return TRY_PIN;
        case FIDO_ERR_UV_BLOCKED:
        case FIDO_ERR_UV_INVALID:
        case FIDO_ERR_UNSUPPORTED_OPTION:
        case FIDO_ERR_INVALID_OPTION:
        case FIDO_ERR_UNAUTHORIZED_PERM:
                return verifies ? TRY_PIN : TRY_NEXT;
        case FIDO_ERR_OPERATION_DENIED:
        case FIDO_ERR_ACTION_TIMEOUT:
        case FIDO_ERR_USER_ACTION_TIMEOUT:
                return LOGIN_REFUSED; /* somebody was there, and this is the answer */
        default:
                return TRY_NEXT;
        }
}

static int without_pin(const Attempt *attempt)
{
        bool verifies = attempt->proof.verification == FIDO_OPT_TRUE;
        int r, error = FIDO_ERR_INTERNAL;

        for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
                _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;

                error = ask_key(attempt, /* pin= */ NULL, &assertion, &r);
                if (r < 0)
                        return r;
                if (error == FIDO_OK)
                        return check(attempt, assertion);
                say_error(attempt->login, error);
                if (error != FIDO_ERR_UV_INVALID || !verifies)
                        break;
        }
        return next_after(attempt, error);
}

/* ---- by PIN ---- */

static int ask_pin(const Attempt *attempt, int left, Secret **ret)
{
        const Login *login = attempt->login;
        char question[QUESTION_SIZE], name[KEY_NAME_SIZE];
        bool also = login->options->cue && wants_touch(&attempt->proof) && !login->options->cue_question;

        (void)snprintf(question, sizeof(question), "PIN of the security key%s (%d %s left)%s: ", name_of(attempt, name), left,
                       left == 1 ? "try" : "tries", also ? ", then touch it" : "");
        return talk_ask(&login->talk, /* echo= */ false, question, ret);
}

static int with_pin_once(const Attempt *attempt, int left, int *ret_error)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
        _cleanup_(string_wipe_freep) char *pin = NULL;
        _cleanup_(secret_freep) Secret *typed = NULL;
        int r;

        r = ask_pin(attempt, left, &typed);
        if (r == TALK_NOTHING)
                return LOGIN_REFUSED;
        if (r < 0)
                return r;
        pin = secret_strdup(typed);
        if (!pin)
                return -ENOMEM;
        *ret_error = ask_key(attempt, pin, &assertion, &r);
        if (r < 0)
                return r;
        if (*ret_error == FIDO_OK)
                return check(attempt, assertion);
        say_error(attempt->login, *ret_error);
        return LOGIN_REFUSED;
}

static int with_pin(const Attempt *attempt)
{
        const Login *login = attempt->login;
        int left, r = LOGIN_REFUSED, error;

        if (!fido_dev_has_pin(attempt->dev)) {
                talk_complain(&login->talk, "The security key has no PIN, and one is wanted here: see keyfob key pin set.");
                return TRY_NEXT;
        }
        for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
                if (fido_dev_get_retry_count(attempt->dev, &left) != FIDO_OK)
                        return TRY_NEXT;
                if (left == 0) {
                        say_error(login, FIDO_ERR_PIN_BLOCKED);
                        return LOGIN_REFUSED;
                }
                if (left < (int)login->options->keep_tries) {
                        talk_complain(&login->talk, "Only %d tries of the PIN are left before the security key is blocked: they are not "
                                                    "spent here. The right PIN, given to keyfob key pin change, brings them back.", left);
                        return LOGIN_REFUSED;
                }
                error = FIDO_OK;
                r = with_pin_once(attempt, left, &error);
                if (error == FIDO_ERR_NO_CREDENTIALS)
                        return TRY_NEXT;
                if (r != LOGIN_REFUSED || error != FIDO_ERR_PIN_INVALID)
                        return r;
        }
        return r;
}

/* ---- which key ---- */

static int try_key(Login *login, fido_dev_t *dev, const Proof *proof, const KeyFound *found, bool *cued, bool *ret_silent)
{
        Attempt attempt = {login, dev, *proof, found->certain, cued, ret_silent};
        bool verifies = attempt.proof.verification == FIDO_OPT_TRUE;
        int r = TRY_PIN;

        attempt.proof.id = found->id;
        attempt.proof.id_size = found->id_size;
        if (verifies && !fido_dev_is_fido2(dev)) {
                talk_complain(&login->talk, "This security key can't verify who touches it, and that is wanted here.");
                return TRY_NEXT;
        }
        if (!attempt.proof.pin && (!verifies || fido_dev_has_uv(dev)))
                r = without_pin(&attempt);
        return r == TRY_PIN ? with_pin(&attempt) : r;
}

/* Resident credentials that a key may have come behind all that one has for certain: nobody is to type a PIN for what is not there. */
typedef struct Round {
        Keys *keys;
        bool last;     /* keys that are asked last */
        bool maybe;    /* credentials that are not certain */
        bool deferred; /* there are such */
        bool found, cued;
} Round;

static int try_credential(Login *login, Round *round, const Credential *credential)
{
        Keys *keys = round->keys;
        bool resident = credential->id_size == 0;
        int r;

        for (size_t i = 0; i < keys->n && (resident || !round->maybe); i++) {
                bool silent = false, own;
                KeyFound has;
                Proof proof;

                if (!keys->devices[i] || keys->last[i] != round->last)
                        continue;
                own = keys->made[i] || (resident && key_is_own(keys->devices[i]));
                proof = proof_of(login, credential, own);
                r = key_has(login, keys->devices + i, &proof, &has);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                round->found = true;
                if ((resident && !has.certain) != round->maybe) {
                        round->deferred = true;
                        continue;
                }
                proof = proof_of(login, credential, own || key_is_own(keys->devices[i]));
                r = try_key(login, keys->devices[i], &proof, &has, &round->cued, &silent);
                if (silent)
                        key_drop(keys->devices + i);
                if (r != TRY_NEXT)
                        return r;
        }
        return TRY_NEXT;
}

static int try_all(Login *login, Round *round)
{
        int r = TRY_NEXT;

        for (size_t i = 0; r == TRY_NEXT && i < login->credentials.n; i++)
                r = try_credential(login, round, login->credentials.list + i);
        return r;
}

/* Those that have a name, as far as there is room. */
static bool list_names(Login *login, char ret[LIST_SIZE])
{
        char name[NAMES_NAME_SIZE];
        size_t n = 0, named = 0;

        for (size_t i = 0; i < login->credentials.n; i++) {
                if (!login_key_name(login, login->credentials.list + i, name) || n + strlen(name) + sizeof(", or another") > LIST_SIZE)
                        continue;
                n += (size_t)snprintf(ret + n, LIST_SIZE - n, "%s%s", n > 0 ? ", " : "", name);
                named++;
        }
        if (named > 0 && named < login->credentials.n)
                (void)snprintf(ret + n, LIST_SIZE - n, ", or another");
        return named > 0;
}

static int insert(Login *login)
{
        _cleanup_(secret_freep) Secret *nothing = NULL;
        char list[LIST_SIZE], text[LIST_SIZE + sizeof(INSERT_ONE)];
        int r;

        (void)snprintf(text, sizeof(text), INSERT);
        if (!login->options->prompt && list_names(login, list))
                (void)snprintf(text, sizeof(text), INSERT_ONE, list);
        r = talk_ask(&login->talk, /* echo= */ true, login->options->prompt ? login->options->prompt : text, &nothing);
        return r < 0 ? r : 0;
}

int key_login(Login *login)
{
        _cleanup_close_ int pending = -1;
        _cleanup_(keys_done) Keys keys = {0};
        Round round = {.keys = &keys};
        int r;

        if (login->options->interactive) {
                r = insert(login);
                if (r < 0)
                        return r;
        }
        fido_init(/* flags= */ 0);
        r = keys_open(login, &keys);
        if (r < 0)
                return r;
        pending = pending_begin(login);
        for (unsigned turn = 0; turn < 4; turn++) {
                round.last = turn >= 2;
                round.maybe = turn % 2 == 1;
                if (round.maybe && !round.deferred)
                        continue;
                round.deferred = false;
                r = try_all(login, &round);
                if (r != TRY_NEXT)
                        return r;
        }
        if (!round.found)
                log_debug(&login->log, "%zu security keys are plugged in, and none is the user's", keys.n);
        return LOGIN_REFUSED;
}
