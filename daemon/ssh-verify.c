/*
 * Is it the owner?
 *
 * Who wants to use such a key shows that he is its owner, each time: by a finger, where one is enrolled and the program
 * runs on this machine, else by a password of the vault, typed. What opens the vault by itself proves nothing here,
 * and a confirmation does not either. Wrong fingers are few: then only a password goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctap-fingers.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/ssh-internal.h"
#include "daemon/where.h"

#define FINGERS_AT_ONCE 3U
#define WRONG_MAX       5U /* in a row, until a password or a finger was right */

struct SshVerification {
        SshDoor *door;
        AskAbout about;
        char *message;
        unsigned tries;

        Where *where;
        FprintTask *task;
        Ask *shown;
        Opening *opening;

        SshVerified done;
        void *userdata;
};

SshVerification *ssh_verification_cancel(SshVerification *verification)
{
        if (!verification)
                return NULL;
        where_cancel(verification->where);
        fprint_task_cancel(verification->task);
        ask_cancel(verification->shown);
        opening_cancel(verification->opening);
        ask_about_done(&verification->about);
        free(verification->message);
        free(verification);
        return NULL;
}
DEFINE_CLEANUP(SshVerification *, ssh_verification_cancel)

static void answer(SshVerification *verification, SshAnswer what)
{
        SshVerified done = verification->done;
        void *userdata = verification->userdata;

        if (what == SSH_YES)
                verification->door->wrong_fingers = 0;
        ssh_verification_cancel(verification);
        done(userdata, what);
}

/* ---- a password ---- */

static void on_opened(void *userdata, int result, Root *opened)
{
        _cleanup_(root_freep) Root *root = opened;
        SshVerification *verification = userdata;

        verification->opening = NULL;
        if (result == OPENING_NO_SLOT)
                log_line(LOG_WARNING, "a key of ssh wants its owner verified, and there is neither a finger nor a password "
                                      "of the vault to do that with");
        if (result == 0 && root)
                answer(verification, SSH_YES);
        else
                answer(verification,
                       result == OPENING_CANCELLED || result == VAULT_E_WRONG_SECRET ? SSH_NO : SSH_NOBODY);
}

static int ask_password(SshVerification *verification)
{
        _cleanup_free_ char *message = NULL;
        int r;

        if (asprintf(&message, "%s Enter a password of your Keyfob vault, to show that it is you.",
                     verification->message) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        r = opening_start(verification->door->daemon,
                          &(OpeningRequest){
                                  .about = verification->about,
                                  .interactive = true,
                                  .by_person = true,
                                  .purpose = "user-verification",
                                  .message = message,
                          },
                          on_opened, verification, &verification->opening);
        return r < 0 ? r : SSH_LATER;
}

static void go_on_with_password(SshVerification *verification)
{
        verification->shown = ask_cancel(verification->shown);
        if (ask_password(verification) != SSH_LATER)
                answer(verification, SSH_NOBODY);
}

/* ---- a finger ---- */

static Fprint *reader_of(const SshDoor *door)
{
        const CtapFingers *fingers = door->daemon->ctap->fingers;

        return fingers ? fingers->fprint : NULL;
}

static bool finger_is_there(const SshDoor *door)
{
        Fprint *fprint = reader_of(door);
        FprintState state;

        if (!fprint || !door->daemon->settings->fingerprint || door->wrong_fingers >= WRONG_MAX)
                return false;
        fprint_state(fprint, &state);
        return state.known && state.available && state.fingers != 0;
}

static void on_shown(void *userdata, const AskAnswer *heard)
{
        SshVerification *verification = userdata;

        secret_free(heard->secret);
        verification->shown = NULL;
        if (heard->outcome == ASK_DENIED)
                answer(verification, SSH_NO);
}

/* Nobody to tell is no error: the reader may light up by itself. */
static void show(SshVerification *verification, const char *problem)
{
        verification->shown = ask_cancel(verification->shown);
        (void)ask_start(verification->door->daemon,
                        &(AskRequest){
                                .kind = ASK_SHOW,
                                .purpose = "user-verification",
                                .title = "Fingerprint",
                                .message = verification->message,
                                .error = problem,
                                .retries = -1,
                                .about = verification->about,
                        },
                        on_shown, verification, &verification->shown);
}

static bool take_reader(SshVerification *verification);

static void on_finger(void *userdata, FprintEvent event, FprintSample sample)
{
        SshVerification *verification = userdata;

        switch (event) {
        case FPRINT_WAITS:
                if (!verification->shown)
                        show(verification, NULL);
                return;
        case FPRINT_AGAIN:
                show(verification, fprint_sample_advice(sample));
                return;
        case FPRINT_STAGE:
                return;
        default:
                break;
        }
        verification->task = NULL;
        if (event == FPRINT_DONE) {
                answer(verification, SSH_YES);
                return;
        }
        if (event == FPRINT_NO_MATCH) {
                verification->door->wrong_fingers++;
                if (++verification->tries < FINGERS_AT_ONCE && finger_is_there(verification->door)) {
                        show(verification, "That finger was not recognized.");
                        if (take_reader(verification))
                                return;
                }
        }
        go_on_with_password(verification);
}

static bool take_reader(SshVerification *verification)
{
        return fprint_task_start(reader_of(verification->door), FPRINT_VERIFY, 0, on_finger, verification,
                                 &verification->task) >= 0;
}

static void on_where(void *userdata, bool remote)
{
        SshVerification *verification = userdata;

        verification->where = NULL;
        if (remote || !finger_is_there(verification->door) || !take_reader(verification))
                go_on_with_password(verification);
}

/* ---- the question ---- */

static int start(SshVerification *verification)
{
        SshDoor *door = verification->door;
        int r;

        if (!finger_is_there(door))
                return ask_password(verification);
        if (door->daemon->settings->remote_fingerprint)
                return take_reader(verification) ? SSH_LATER : ask_password(verification);
        r = where_start(door->daemon, verification->about.pid, on_where, verification, &verification->where);
        return r < 0 ? ask_password(verification) : SSH_LATER; /* nobody can tell: the same as afar */
}

int ssh_verification_start(SshDoor *door, const AskAbout *about, const char *message, SshVerified done, void *userdata,
                           SshVerification **ret)
{
        _cleanup_(ssh_verification_cancelp) SshVerification *verification = calloc(1, sizeof(*verification));
        int r;

        if (!verification)
                return -ENOMEM;
        verification->door = door;
        verification->done = done;
        verification->userdata = userdata;
        r = ask_about_copy(&verification->about, about);
        if (r < 0)
                return r;
        verification->message = strdup(message);
        if (!verification->message)
                return -ENOMEM;
        r = start(verification);
        if (r == SSH_LATER)
                *ret = TAKE_PTR(verification);
        return r;
}
