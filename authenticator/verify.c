/*
 * Built-in user verification: a finger instead of the PIN, or the PIN where no client sees it
 *
 * A wrong finger, and a refusal, use up a try; that is stored before anything follows from it, and a right finger counts only
 * when the tries it gives back are stored. Who has run out, or cannot be asked, gets UV_BLOCKED: clients then go on
 * with the PIN, which gives the tries back. A question that ran out of time was no guess and costs nothing.
 *
 * Where the owner of the instance can ask for the PIN himself, that going on happens here: whatever ends with fingers, but for
 * time, leads to a question for the PIN. Its tries are the PIN's own. An answer "yes" is worth nothing there unless the
 * right PIN came before it.
 */
#include <errno.h>

#include "authenticator/pin.h"

#define ANOTHER_FINGER 0x101 /* not a status byte */

static int fingers(const Authenticator *a, bool *ret_available, unsigned *ret_enrolled)
{
        *ret_available = false;
        *ret_enrolled = 0;
        return a->ops.fingerprints ? a->ops.fingerprints->state(a->userdata, ret_available, ret_enrolled) : 0;
}

bool uv_available(Authenticator *a)
{
        bool available;
        unsigned enrolled;

        return fingers(a, &available, &enrolled) == 0 && available;
}

bool uv_configured(Authenticator *a)
{
        bool available;
        unsigned enrolled;

        return fingers(a, &available, &enrolled) == 0 && available && enrolled > 0;
}

/* What can't be found out counts as protected. */
bool authenticator_protected(Authenticator *a)
{
        bool available;
        unsigned enrolled;

        if (!a->state || a->state->pin_set)
                return true;
        return fingers(a, &available, &enrolled) != 0 || enrolled > 0;
}

bool host_uv_available(const AuthenticatorHost *host)
{
        return host->asks_pin || uv_available(host->a);
}

/* One that must be changed first gets no token either (section 6.5.5.7.2). */
static bool pin_offered(const AuthenticatorHost *host, const State *state)
{
        return host->asks_pin && state->pin_set && !state->force_pin_change;
}

bool host_uv_configured(const AuthenticatorHost *host, const State *state)
{
        return pin_offered(host, state) || uv_configured(host->a);
}

static unsigned finger_tries(const Authenticator *a)
{
        return a->state->pin_set && a->state->pin_retries == 0 ? 0 : a->state->uv_retries;
}

unsigned uv_retries_left(const AuthenticatorHost *host)
{
        const State *state = host->a->state;
        unsigned fingers = finger_tries(host->a), pins = 0;

        if (!host->asks_pin)
                return fingers;
        if (!uv_configured(host->a))
                fingers = 0;
        if (pin_offered(host, state) && pin_usable(host->a) == CTAP_OK)
                pins = state->pin_retries < UV_RETRIES_MAX ? state->pin_retries : UV_RETRIES_MAX;
        return fingers > pins ? fingers : pins;
}

static void use_up_try(State *state)
{
        state->uv_retries--;
}

static void give_back_tries(State *state)
{
        state->uv_retries = UV_RETRIES_MAX;
        if (state->uv_since_pin < UINT32_MAX)
                state->uv_since_pin++;
}

/* ---- a finger ---- */

/* What an answer means; ANOTHER_FINGER may be tried. */
static int judge_finger(const Transaction *t, unsigned asked)
{
        int r;

        if (finger_tries(t->a) == 0)
                return CTAP2_ERR_UV_BLOCKED;
        switch (t->answer) {
        case AUTHENTICATOR_YES:
                return state_update(t->a, give_back_tries);
        case AUTHENTICATOR_TIMED_OUT:
                return CTAP2_ERR_USER_ACTION_TIMEOUT;
        case AUTHENTICATOR_NO_MATCH:
        case AUTHENTICATOR_NO:
                r = state_update(t->a, use_up_try);
                if (r != CTAP_OK)
                        return r;
                if (t->a->state->uv_retries == 0)
                        return CTAP2_ERR_UV_BLOCKED;
                return t->answer == AUTHENTICATOR_NO || asked >= UV_TRIES_AT_ONCE ? CTAP2_ERR_UV_INVALID : ANOTHER_FINGER;
        default:
                return CTAP2_ERR_UV_BLOCKED;
        }
}

/* ---- the PIN ---- */

int authenticator_pin_verify(AuthenticatorHost *host, const void *pin, size_t size)
{
        Transaction *t = host->transaction;
        uint8_t hash[PIN_HASH_SIZE];
        int r;

        if (!t || !t->by_pin || !host->asking || host->opening || host->ended)
                return -EINVAL;
        t->pin_right = false;
        r = authenticator_load(host->a);
        if (r != CTAP_OK)
                return r;
        if (!pin_possible(pin, size))
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        pin_hash(pin, size, hash);
        /* The client's key agreement stays: it guessed nothing, and its request goes on with that key. */
        r = pin_try(host->a, /* host= */ NULL, hash);
        explicit_bzero(hash, sizeof(hash));
        t->pin_right = r == CTAP_OK;
        return r;
}

static int judge_pin(const Transaction *t)
{
        int r;

        switch (t->answer) {
        case AUTHENTICATOR_YES:
                return t->pin_right ? CTAP_OK : CTAP2_ERR_UV_BLOCKED;
        case AUTHENTICATOR_NO:
                return CTAP2_ERR_OPERATION_DENIED;
        case AUTHENTICATOR_TIMED_OUT:
                return CTAP2_ERR_USER_ACTION_TIMEOUT;
        default:
                r = pin_usable(t->a);
                return r == CTAP_OK ? CTAP2_ERR_UV_BLOCKED : r;
        }
}

/* ---- one after the other ---- */

static int ask(Transaction *t, AuthenticatorPurpose purpose, const AuthenticatorQuestion *about, UvProgress *progress)
{
        AuthenticatorQuestion question = *about;
        int r;

        if (!progress->by_pin && (finger_tries(t->a) == 0 || !uv_configured(t->a))) {
                if (!pin_offered(t->host, t->a->state))
                        return CTAP2_ERR_UV_BLOCKED;
                progress->by_pin = true;
        }
        r = progress->by_pin ? pin_usable(t->a) : CTAP_OK;
        if (r != CTAP_OK)
                return r;
        progress->asked++;
        question.kind = AUTHENTICATOR_ASK_VERIFICATION;
        question.purpose = purpose;
        question.by_pin = progress->by_pin;
        return transaction_ask(t, &question);
}

int uv_perform(Transaction *t, AuthenticatorPurpose purpose, const AuthenticatorQuestion *about, UvProgress *progress)
{
        bool answered = progress->asked > 0; /* this is a transaction that waited */
        int r;

        for (;;) {
                if (!answered) {
                        r = ask(t, purpose, about, progress);
                        if (r != CTAP_OK)
                                return r;
                }
                answered = false;
                if (progress->by_pin)
                        return judge_pin(t);
                r = judge_finger(t, progress->asked);
                if (r == ANOTHER_FINGER)
                        continue;
                if ((r != CTAP2_ERR_UV_INVALID && r != CTAP2_ERR_UV_BLOCKED) || !pin_offered(t->host, t->a->state))
                        return r;
                progress->by_pin = true;
        }
}
