/*
 * Built-in user verification: a finger instead of the PIN
 *
 * A wrong finger, and a refusal, use up a try; that is stored before anything follows from it, and a right finger counts only
 * when the tries it gives back are stored. Who has run out, or cannot be asked, gets UV_BLOCKED: clients then go on
 * with the PIN, which gives the tries back. A question that ran out of time was no guess and costs nothing.
 */
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

unsigned uv_retries_left(const Authenticator *a)
{
        return a->state->pin_set && a->state->pin_retries == 0 ? 0 : a->state->uv_retries;
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

static int ask(Transaction *t, AuthenticatorPurpose purpose, const AuthenticatorQuestion *about)
{
        AuthenticatorQuestion question = *about;

        question.kind = AUTHENTICATOR_ASK_VERIFICATION;
        question.purpose = purpose;
        return transaction_ask(t, &question);
}

/* What an answer means; ANOTHER_FINGER may be tried. */
static int judge(Transaction *t, unsigned asked)
{
        int r;

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

int uv_perform(Transaction *t, AuthenticatorPurpose purpose, const AuthenticatorQuestion *about, unsigned *tries)
{
        bool answered = *tries > 0; /* this is a transaction that waited */
        int r;

        for (;;) {
                if (uv_retries_left(t->a) == 0)
                        return CTAP2_ERR_UV_BLOCKED;
                if (!answered) {
                        (*tries)++;
                        r = ask(t, purpose, about);
                        if (r != CTAP_OK)
                                return r;
                }
                r = judge(t, *tries);
                if (r != ANOTHER_FINGER)
                        return r;
                answered = false;
        }
}
