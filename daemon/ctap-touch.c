/*
 * A finger is waited for
 *
 * First it is looked up where the program's person is: who came in over the network is never kept waiting for a reader
 * that he can't touch. Then the reader is taken, and only when it waits for a finger is the person told so; whoever refuses
 * there ends it. Whatever makes the reader unusable is answered "blocked" at once, with which clients go on to the PIN.
 */
#include <errno.h>

#include "daemon/ask.h"
#include "daemon/ctap-fingers.h"
#include "daemon/finger-names.h"
#include "daemon/settings.h"
#include "daemon/where.h"

struct CtapTouch {
        CtapClient *client;
        AuthenticatorQuestionKind kind;
        unsigned finger; /* removal */
        AskAbout about;
        char *message;
        Where *where;
        FprintTask *task; /* an enrolment's belongs to that */
        Ask *shown;
};

static CtapFingers *fingers_of(const CtapTouch *touch)
{
        return touch->client->ctap->fingers;
}

static void hide(CtapTouch *touch)
{
        touch->shown = ask_cancel(touch->shown);
}

CtapTouch *ctap_touch_cancel(CtapTouch *touch)
{
        CtapEnrollment *enrollment;

        if (!touch)
                return NULL;
        enrollment = fingers_of(touch)->enrollment;
        if (enrollment && enrollment->touch == touch)
                enrollment->touch = NULL;
        where_cancel(touch->where);
        fprint_task_cancel(touch->task);
        hide(touch);
        ask_about_done(&touch->about);
        free(touch->message);
        free(touch);
        return NULL;
}
DEFINE_CLEANUP(CtapTouch *, ctap_touch_cancel)

static void answer(CtapTouch *touch, AuthenticatorAnswer what)
{
        CtapClient *client = touch->client;
        CtapFingers *fingers = fingers_of(touch);

        client->touch = ctap_touch_cancel(touch);
        fingers->again = what == AUTHENTICATOR_NO_MATCH ? client : NULL;
        client->answered(client, what);
        fingers->again = NULL;
}

/* ---- the person is told ---- */

static void on_shown(void *userdata, const AskAnswer *heard)
{
        CtapTouch *touch = userdata;

        secret_free(heard->secret);
        touch->shown = NULL;
        if (heard->outcome == ASK_DENIED)
                answer(touch, AUTHENTICATOR_NO);
}

/* Nobody to tell is no error: the reader may light up by itself. */
static void show(CtapTouch *touch, const char *problem)
{
        bool enrolls = touch->kind == AUTHENTICATOR_ASK_SAMPLE;

        hide(touch);
        (void)ask_start(touch->client->ctap->daemon,
                        &(AskRequest){
                                .kind = ASK_SHOW,
                                .purpose = enrolls ? "enroll-finger" : "user-verification",
                                .title = enrolls ? "Enroll a finger" : "Fingerprint",
                                .message = touch->message,
                                .error = problem,
                                .retries = -1,
                                .caller = touch->client->caller,
                                .about = touch->about,
                        },
                        on_shown, touch, &touch->shown);
}

/* ---- the reader ---- */

static void on_verifying(void *userdata, FprintEvent event, FprintSample sample)
{
        CtapTouch *touch = userdata;

        switch (event) {
        case FPRINT_WAITS:
                if (!touch->shown)
                        show(touch, NULL);
                return;
        case FPRINT_AGAIN:
                show(touch, fprint_sample_advice(sample));
                return;
        case FPRINT_STAGE:
                return;
        default:
                break;
        }
        touch->task = NULL;
        answer(touch, event == FPRINT_DONE       ? AUTHENTICATOR_YES
                      : event == FPRINT_NO_MATCH ? AUTHENTICATOR_NO_MATCH
                                                 : AUTHENTICATOR_BLOCKED);
}

void ctap_touch_scanned(CtapFingers *fingers, FprintEvent event, FprintSample sample)
{
        CtapEnrollment *enrollment = fingers->enrollment;
        CtapTouch *touch = enrollment->touch;

        if (!touch)
                return;
        if (event == FPRINT_WAITS)
                show(touch, NULL);
        else
                answer(touch, enrollment->n_scans > 0 ? AUTHENTICATOR_YES : AUTHENTICATOR_BLOCKED);
}

static void on_removing(void *userdata, FprintEvent event, FprintSample sample)
{
        CtapTouch *touch = userdata;
        Ctap *ctap = touch->client->ctap;

        touch->task = NULL;
        if (event == FPRINT_DONE)
                (void)finger_name_set(ctap->daemon, touch->finger, NULL);
        answer(touch, event == FPRINT_DONE ? AUTHENTICATOR_YES : AUTHENTICATOR_BLOCKED);
}

/* AUTHENTICATOR_LATER, or AUTHENTICATOR_BLOCKED. */
static int take_reader(CtapTouch *touch)
{
        CtapFingers *fingers = fingers_of(touch);
        int r;

        switch (touch->kind) {
        case AUTHENTICATOR_ASK_SAMPLE:
                /* A reset by another client may have ended it meanwhile. */
                r = fingers->enrollment && fingers->enrollment->touch == touch ? ctap_enrollment_start(fingers) : -ECANCELED;
                if (r >= 0 && fingers->enrollment->left < fingers->enrollment->stages)
                        show(touch, NULL);
                break;
        case AUTHENTICATOR_ASK_REMOVAL:
                r = fprint_task_start(fingers->fprint, FPRINT_DELETE, touch->finger, on_removing, touch, &touch->task);
                break;
        default:
                r = fprint_task_start(fingers->fprint, FPRINT_VERIFY, 0, on_verifying, touch, &touch->task);
        }
        return r < 0 ? AUTHENTICATOR_BLOCKED : AUTHENTICATOR_LATER;
}

/* ---- where the person is ---- */

static void on_where(void *userdata, bool remote)
{
        CtapTouch *touch = userdata;

        touch->where = NULL;
        if (remote || take_reader(touch) == AUTHENTICATOR_BLOCKED)
                answer(touch, AUTHENTICATOR_BLOCKED);
}

/*
 * Whom the kernel's device can't name counts as local, as with a key on the desk: several programs may have it open. On
 * a socket and on the bus the pid is known for as long as the client is there.
 */
static bool needs_look(const CtapTouch *touch)
{
        const CtapClient *client = touch->client;

        if (client->ctap->daemon->settings->remote_fingerprint || touch->kind == AUTHENTICATOR_ASK_REMOVAL)
                return false;
        return !client->uhid || touch->about.pid > 0;
}

/* ---- questions ---- */

static int touch_new(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question, CtapTouch **ret)
{
        bool swipe = false;
        _cleanup_(ctap_touch_cancelp) CtapTouch *touch = calloc(1, sizeof(*touch));
        FprintState state;
        int r;

        if (!touch)
                return -ENOMEM;
        touch->client = client;
        touch->kind = question->kind;
        fprint_state(client->ctap->fingers->fprint, &state);
        swipe = state.swipe;
        r = ask_about_copy(&touch->about, about);
        if (r >= 0)
                r = ctap_message(about, question,
                                 swipe ? "Swipe your finger over the reader." : "Touch the fingerprint reader.",
                                 &touch->message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(touch);
        return 0;
}

/* AUTHENTICATOR_LATER when the touch has to be made. */
static int answer_now(CtapFingers *fingers, const CtapClient *client, const AuthenticatorQuestion *question)
{
        const CtapEnrollment *enrollment = fingers->enrollment;

        if (question->kind != AUTHENTICATOR_ASK_SAMPLE)
                return AUTHENTICATOR_LATER;
        if (!enrollment || enrollment->host != client->host)
                return AUTHENTICATOR_BLOCKED;
        return enrollment->n_scans > 0 ? AUTHENTICATOR_YES : AUTHENTICATOR_LATER;
}

int ctap_touch_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question)
{
        CtapFingers *fingers = client->ctap->fingers;
        _cleanup_(ctap_touch_cancelp) CtapTouch *touch = NULL;
        int r;

        if (!fingers)
                return AUTHENTICATOR_BLOCKED;
        r = answer_now(fingers, client, question);
        if (r == AUTHENTICATOR_LATER)
                r = touch_new(client, about, question, &touch);
        if (!touch)
                return r;
        if (touch->kind == AUTHENTICATOR_ASK_SAMPLE)
                fingers->enrollment->touch = touch;
        if (touch->kind == AUTHENTICATOR_ASK_REMOVAL)
                touch->finger = (unsigned)finger_find(question->enrollment, question->enrollment_size);

        if (fingers->again != client && needs_look(touch)) {
                if (where_start(client->ctap->daemon, touch->about.pid, on_where, touch, &touch->where) < 0)
                        r = AUTHENTICATOR_BLOCKED; /* nobody can tell: the same as afar */
        } else {
                if (fingers->again == client)
                        show(touch, "That finger was not recognized.");
                r = take_reader(touch);
        }
        if (r == AUTHENTICATOR_LATER)
                client->touch = TAKE_PTR(touch);
        return r;
}
