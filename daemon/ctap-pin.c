/*
 * The PIN, asked for by the daemon
 *
 * A program whose host asks for the PIN never sees it: it is typed at the person's own prompt, goes to the authenticator,
 * and is wiped. The authenticator counts and compares; here one question follows another for as long as another try may
 * help. It stands for all of them that the client may cancel, or leave, at any time.
 */
#include <errno.h>

#include "daemon/ctap-internal.h"

struct CtapPin {
        CtapClient *client;
        AskAbout about;
        char *message;
        Ask *ask;
};

CtapPin *ctap_pin_cancel(CtapPin *pin)
{
        if (!pin)
                return NULL;
        ask_cancel(pin->ask);
        ask_about_done(&pin->about);
        free(pin->message);
        free(pin);
        return NULL;
}
DEFINE_CLEANUP(CtapPin *, ctap_pin_cancel)

static void answer(CtapPin *pin, AuthenticatorAnswer what)
{
        CtapClient *client = pin->client;

        client->pin = ctap_pin_cancel(pin);
        client->answered(client, what); /* may be the client's end */
}

/* -1: not known. */
static int tries_left(const CtapPin *pin)
{
        AuthenticatorStatus status;

        if (authenticator_status(ctap_authenticator(pin->client->ctap), &status) != CTAP_OK ||
            status.pin_retries == UINT8_MAX)
                return -1;
        return status.pin_retries;
}

static void on_typed(void *userdata, const AskAnswer *heard);

static int ask(CtapPin *pin, const char *problem)
{
        return ask_start(pin->client->ctap->daemon,
                         &(AskRequest){
                                 .kind = ASK_SECRET,
                                 .purpose = "user-verification",
                                 .title = "PIN of the security key",
                                 .message = pin->message,
                                 .error = problem,
                                 .retries = tries_left(pin),
                                 .caller = pin->client->caller,
                                 .about = pin->about,
                         },
                         on_typed, pin, &pin->ask);
}

/* AUTHENTICATOR_LATER: another try is asked for. */
static AuthenticatorAnswer try_pin(CtapPin *pin, const Secret *typed)
{
        CtapClient *client = pin->client;
        Ctap *ctap = client->ctap;
        const char *problem;
        int r;

        ctap->acting = client;
        r = authenticator_pin_verify(client->host, typed->data, typed->size);
        ctap_acted(ctap);
        switch (r) {
        case CTAP_OK:
                return AUTHENTICATOR_YES;
        case CTAP2_ERR_PIN_INVALID:
                problem = "That PIN is wrong.";
                break;
        case CTAP2_ERR_PIN_POLICY_VIOLATION:
                problem = "A PIN has at least 4 characters, and at most 63 bytes.";
                break;
        default:
                return AUTHENTICATOR_BLOCKED;
        }
        return ask(pin, problem) < 0 ? AUTHENTICATOR_NOBODY : AUTHENTICATOR_LATER;
}

static void on_typed(void *userdata, const AskAnswer *heard)
{
        static const AuthenticatorAnswer answers[] = {
                [ASK_DENIED] = AUTHENTICATOR_NO,
                [ASK_NO_PROMPTER] = AUTHENTICATOR_NOBODY,
                [ASK_FAILED] = AUTHENTICATOR_NOBODY,
        };
        _cleanup_(secret_freep) Secret *typed = heard->secret;
        CtapPin *pin = userdata;
        AuthenticatorAnswer what;

        pin->ask = NULL;
        what = heard->outcome == ASK_ALLOWED ? try_pin(pin, typed) : answers[heard->outcome];
        if (what != AUTHENTICATOR_LATER)
                answer(pin, what);
}

int ctap_pin_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question)
{
        _cleanup_(ctap_pin_cancelp) CtapPin *pin = calloc(1, sizeof(*pin));
        int r;

        if (!pin)
                return -ENOMEM;
        pin->client = client;
        r = ask_about_copy(&pin->about, about);
        if (r >= 0)
                r = ctap_message(about, question, "Enter the PIN of your security key.", &pin->message);
        if (r >= 0)
                r = ask(pin, /* problem= */ NULL);
        if (r < 0)
                return r;
        client->pin = TAKE_PTR(pin);
        return AUTHENTICATOR_LATER;
}
