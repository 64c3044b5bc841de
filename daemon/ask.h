/*
 * Ask: a question to the person
 *
 * It goes to an agent that the asking connection registered, else to the session agent, else to the desktop's own
 * prompter, else (a confirmation or something to show) to a notification, else to pinentry by the helper, else it is
 * answered ASK_NO_PROMPTER at once. Texts are made by the daemon from checked values only. One
 * question at a time goes to each agent; others wait. Ends when cancelled, answered, or when its agent leaves (then
 * the next in line is asked).
 */
#pragma once

#include "common/secret.h"
#include "daemon/caller.h"

typedef struct Ask Ask;

typedef enum AskKind {
        ASK_CONFIRM,
        ASK_SECRET,
        ASK_NEW_SECRET,
        ASK_CHOOSE, /* one of `choices` */
        ASK_SHOW,   /* what somebody has to do elsewhere (touch the reader): nothing is answered but a refusal, and whoever
                       asked takes it away. ASK_NO_PROMPTER: nobody could be told */
} AskKind;

typedef enum AskOutcome {
        ASK_ALLOWED,
        ASK_DENIED,
        ASK_NO_PROMPTER,
        ASK_FAILED,
} AskOutcome;

/* What a question is about, where it is more than the caller itself. NULL, 0: unknown, or the caller's. */
typedef struct AskAbout {
        const char *program; /* who asks, of a client that is no Caller */
        pid_t pid;
        const char *rp_id; /* which site: as the client says */
        const char *user;  /* which account there */
        const char *host;  /* of a key of ssh: what it logs in to, by name or by its key's fingerprint */
        const char *sentence; /* what the program wants, in the place of what the security key would say */
        const char *door;  /* of the security key: "bus", "socket", "uhid", "ssh" */
} AskAbout;

/* Copies the texts, presentable (present.h). -ENOMEM leaves nothing behind. */
int ask_about_copy(AskAbout *ret, const AskAbout *about);
void ask_about_done(AskAbout *about);

#define ASK_CHOICES_MAX 32U

typedef struct AskRequest {
        AskKind kind;
        const char *purpose; /* "unlock", "create-collection", …: org.keyfob.Prompter1 */
        const char *title;
        const char *message;
        const char *error; /* what was wrong with the last answer, or NULL */
        int retries;       /* tries left, or -1 */
        const char *const *choices; /* ASK_CHOOSE: presentable texts, at least 1, at most ASK_CHOICES_MAX; ends with NULL */
        Caller *caller;    /* for whom; NULL: the daemon itself, or who is named in: */
        AskAbout about;
} AskRequest;

typedef struct AskAnswer {
        AskOutcome outcome;
        Secret *secret;  /* non-NULL only for ASK_ALLOWED of the two secret kinds; the callback owns it */
        unsigned choice; /* ASK_ALLOWED of ASK_CHOOSE */
} AskAnswer;

/* It never runs inside ask_start(). */
typedef void (*AskDone)(void *userdata, const AskAnswer *answer);

int ask_start(Daemon *daemon, const AskRequest *request, AskDone done, void *userdata, Ask **ret);
/* Takes the question away; done() is not called. NULL allowed. Returns NULL. The pointer is dead after done(), too. */
Ask *ask_cancel(Ask *ask);

/* ---- agents (prompter1.c) and life ---- */

int asker_new(Daemon *daemon, Asker **ret);
Asker *asker_free(Asker *asker);
DEFINE_CLEANUP(Asker *, asker_free)

/* An agent of this caller's at `path`. -EEXIST (this one, or a session agent, is there already), -EPERM (a session
 * agent of another user), -EACCES (no session agents: settings.h), -ENOBUFS. */
int asker_add_agent(Daemon *daemon, Caller *caller, const char *path, bool session);
/* The session bus is gone, and who asks by it. */
void asker_bus_gone(Daemon *daemon);
/* Whether what this caller causes is asked first by an agent that is there for it alone. NULL allowed. */
bool ask_has_own_agent(const Daemon *daemon, const Caller *caller);
/* Shows for a moment which security key this is, if somebody can be shown. Not more often than is useful. */
void asker_wink(Daemon *daemon);

/* -ENOENT */
int asker_remove_agent(Daemon *daemon, Caller *caller, const char *path);
