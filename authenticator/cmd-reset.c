/*
 * authenticatorReset (section 6.6): factory settings
 *
 * Only just after power-up, and only with somebody there: a program must not be able to do it behind its user's back.
 * Too late is told at once, without opening storage or asking anybody. Removing all credentials, the large blobs, the
 * PIN and the identity is one change: there is no state between. Removed credentials stay restorable for the owner
 * where storage can.
 */
#include <errno.h>

#include "authenticator/commands.h"
#include "authenticator/u2f.h"

#define REMOVED_AT_ONCE 64U

enum {
        STEP_BEGIN,
        STEP_OPENED,
        STEP_ASK,
        STEP_ASKED,
};

unsigned reset_window(const Authenticator *a)
{
        uint64_t since = authenticator_now(a) - a->powered_up;

        return a->reset_allowed && since < RESET_WINDOW ? (unsigned)(RESET_WINDOW - since) : 0;
}

/* Damaged ones too: by their marks, without reading them. */
static int remove_all(Authenticator *a, enum MarkKind kind, bool keep)
{
        uint64_t numbers[REMOVED_AT_ONCE], before = UINT64_MAX;
        size_t n = 0;
        int r;

        do {
                r = record_find(a, kind, /* value= */ NULL, before, numbers, REMOVED_AT_ONCE, &n);
                for (size_t i = 0; r == CTAP_OK && i < n; i++)
                        r = record_status(a->ops.remove(a->userdata, numbers[i], keep));
                if (n > 0)
                        before = numbers[n - 1];
        } while (r == CTAP_OK && n > 0);
        return r;
}

static int change_everything(Authenticator *a)
{
        _cleanup_(change_donep) Change change = {0};
        uint64_t number;
        Policy policy;
        int r;

        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = remove_all(a, MARK_CREDENTIAL, /* keep= */ true);
        if (r == CTAP_OK)
                r = remove_all(a, MARK_BLOB, /* keep= */ false);
        if (r != CTAP_OK)
                return r;
        number = change.state->number;
        policy = change.state->policy; /* the owner's, not the clients' */
        r = state_init(a, change.state);
        change.state->number = number;
        change.state->policy = policy;
        return r == CTAP_OK ? change_commit(&change) : r;
}

/*
 * A state that can't be read protects nothing any more, but a reset must be able to replace it. Until it has, it
 * counts as one with a PIN that nobody knows.
 */
static int stand_in(Authenticator *a)
{
        uint64_t number;
        State *state;
        size_t n = 0;
        int r;

        r = record_find(a, MARK_STATE, /* value= */ NULL, UINT64_MAX, &number, 1, &n);
        if (r != CTAP_OK)
                return r;
        state = arena_alloc(sizeof(*state));
        if (!state)
                return -ENOMEM;
        r = state_init(a, state);
        if (r < 0) {
                (void)arena_free(state);
                return r;
        }
        state->number = n > 0 ? number : 0;
        state->pin_set = true;
        a->state = state;
        return CTAP_OK;
}

int reset_perform(Authenticator *a, const AuthenticatorHost *except)
{
        bool damaged;
        int r;

        r = authenticator_load(a);
        damaged = r == CTAP2_ERR_INTEGRITY_FAILURE;
        if (damaged)
                r = stand_in(a);
        if (r == CTAP_OK)
                r = change_everything(a);
        if (r != CTAP_OK) {
                if (damaged)
                        a->state = arena_free(a->state);
                return r;
        }
        token_end_all(a);
        counters_forget(a);
        signers_forget(a);
        a->pin_wrong = 0;
        a->pin_soft_blocked = false;
        for (AuthenticatorHost *host = a->hosts; host; host = host->next) {
                for (size_t i = 0; i < ELEMENTSOF(host->channels); i++)
                        channel_clear(&host->channels[i]);
                u2f_withdraw(host);
                if (host->transaction && host != except)
                        host->ended = true;
        }
        return CTAP_OK;
}

static int ask(Transaction *t)
{
        t->step = STEP_ASKED;
        return transaction_ask(t, &(AuthenticatorQuestion){
                                          .kind = AUTHENTICATOR_ASK_PRESENCE,
                                          .purpose = AUTHENTICATOR_TO_RESET,
                                          .long_touch = t->a->state && t->a->state->long_touch,
                                  });
}

/* A damaged state does not stand in the way. */
static int load(Authenticator *a)
{
        int r = authenticator_load(a);

        return r == CTAP2_ERR_INTEGRITY_FAILURE ? CTAP_OK : r;
}

static int begin(Transaction *t)
{
        int r;

        if (reset_window(t->a) == 0)
                return CTAP2_ERR_NOT_ALLOWED;
        r = load(t->a);
        t->step = STEP_ASK;
        if (r != CTAP2_ERR_OPERATION_PENDING)
                return r;
        t->step = STEP_OPENED;
        return transaction_ask(
                t, &(AuthenticatorQuestion){.kind = AUTHENTICATOR_ASK_STORAGE, .purpose = AUTHENTICATOR_TO_RESET});
}

static int opened(Transaction *t)
{
        int r = t->answer == AUTHENTICATOR_NOBODY ? CTAP2_ERR_NOT_ALLOWED : presence_status(t->answer);

        if (r == CTAP_OK)
                r = load(t->a);
        t->step = STEP_ASK;
        return r == CTAP2_ERR_OPERATION_PENDING ? CTAP2_ERR_NOT_ALLOWED : r;
}

static int reset(Transaction *t)
{
        int r = CTAP_OK;

        while (r == CTAP_OK) {
                switch (t->step) {
                case STEP_BEGIN:
                        r = begin(t);
                        break;
                case STEP_OPENED:
                        r = opened(t);
                        break;
                case STEP_ASK:
                        r = ask(t);
                        break;
                default:
                        r = presence_status(t->answer);
                        return r == CTAP_OK ? reset_perform(t->a, t->host) : r;
                }
        }
        return r;
}

/* Without COMMAND_STORAGE: it may not be asked for before the time is known to be right. */
const Command command_reset = {
        .code = 0x07,
        .flags = COMMAND_NO_BODY,
        .run = reset,
};
