/*
 * Presence: is somebody there, and agrees?
 *
 * One prompt for one cause. A browser asks every device, and every channel of a device, at once which one the person
 * means; such questions of one program, through whatever door, share a prompt and its answer, which goes when the last
 * of them is withdrawn. Every other question is a prompt of its own.
 *
 * Where several accounts fit and somebody in the line of prompters can let the person choose, choosing is the
 * confirmation. Where nobody can, a plain confirmation leaves the choice to the client.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctap-internal.h"
#include "daemon/present.h"

struct CtapPresence {
        Ctap *ctap;
        Ask *ask;
        bool joinable, answered;
        AskAbout about; /* ours */
        const char *title;
        char *message;
        CtapClient *clients; /* who waits for the answer: present_next */
        CtapPresence *next;
};

static CtapPresence *presence_free(CtapPresence *presence)
{
        if (!presence)
                return NULL;
        for (CtapPresence **p = &presence->ctap->presences; *p; p = &(*p)->next) {
                if (*p == presence) {
                        *p = presence->next;
                        break;
                }
        }
        ask_cancel(presence->ask);
        ask_about_done(&presence->about);
        free(presence->message);
        free(presence);
        return NULL;
}
DEFINE_CLEANUP(CtapPresence *, presence_free)

/* ---- the answer ---- */

static void answer_all(CtapPresence *presence, AuthenticatorAnswer answer)
{
        CtapClient *client;

        presence->joinable = false;
        presence->answered = true;
        while ((client = presence->clients)) {
                presence->clients = TAKE_PTR(client->present_next);
                client->presence = NULL;
                client->answered(client, answer); /* may be the client's end */
        }
        presence_free(presence);
}

static int confirm(CtapPresence *presence);

static void on_asked(void *userdata, const AskAnswer *answer)
{
        static const AuthenticatorAnswer answers[] = {
                [ASK_ALLOWED] = AUTHENTICATOR_YES,
                [ASK_DENIED] = AUTHENTICATOR_NO,
                [ASK_NO_PROMPTER] = AUTHENTICATOR_NOBODY,
                [ASK_FAILED] = AUTHENTICATOR_NOBODY,
        };
        CtapPresence *presence = userdata;

        presence->ask = NULL;
        answer_all(presence, answers[answer->outcome]);
}

static void on_chosen(void *userdata, const AskAnswer *answer)
{
        CtapPresence *presence = userdata;

        presence->ask = NULL;
        switch (answer->outcome) {
        case ASK_ALLOWED:
                /* A choice that has become void leaves the accounts to the client, as a confirmation does. */
                (void)authenticator_choose(presence->clients->host, answer->choice);
                answer_all(presence, AUTHENTICATOR_YES);
                return;
        case ASK_DENIED:
                answer_all(presence, AUTHENTICATOR_NO);
                return;
        case ASK_NO_PROMPTER:
        case ASK_FAILED:
                if (confirm(presence) < 0)
                        answer_all(presence, AUTHENTICATOR_NOBODY);
                return;
        }
}

/* ---- the question ---- */

static int start(CtapPresence *presence, const char *message, const char *const *choices, AskDone done)
{
        return ask_start(presence->ctap->daemon,
                         &(AskRequest){
                                 .kind = choices ? ASK_CHOOSE : ASK_CONFIRM,
                                 .purpose = "user-presence",
                                 .title = presence->title,
                                 .message = message,
                                 .retries = -1,
                                 .choices = choices,
                                 .caller = presence->clients->caller,
                                 .about = presence->about,
                         },
                         done, presence, &presence->ask);
}

static int confirm(CtapPresence *presence)
{
        return start(presence, presence->message, NULL, on_asked);
}

/* "alice", or "alice (Alice Example)" where there is more to say. */
static char *name_account(const AuthenticatorAccount *account)
{
        _cleanup_free_ char *user = presentable(account->user_name), *shown = presentable(account->user_display_name);
        char *name;

        if (!user || !shown)
                return NULL;
        if (!*user && !*shown)
                return strdup("an account without a name");
        if (!*user || !*shown || strcmp(user, shown) == 0)
                return TAKE_PTR(*(*user ? &user : &shown));
        return asprintf(&name, "%s (%s)", user, shown) < 0 ? NULL : name;
}

static int choose(CtapPresence *presence, const AuthenticatorQuestion *question)
{
        const char *names[AUTHENTICATOR_ACCOUNTS_MAX + 1] = {NULL};
        _cleanup_free_ char *message = NULL;
        int r = 0;

        _Static_assert(AUTHENTICATOR_ACCOUNTS_MAX <= ASK_CHOICES_MAX, "all that are named can be asked for");
        if (asprintf(&message, "%s Which account?", presence->message) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        for (unsigned i = 0; r == 0 && i < question->n_accounts && i < AUTHENTICATOR_ACCOUNTS_MAX; i++) {
                names[i] = name_account(&question->accounts[i]);
                r = names[i] ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = start(presence, message, names, on_chosen);
        for (unsigned i = 0; names[i]; i++)
                free((char *)(uintptr_t)names[i]);
        return r;
}

/* ---- who waits ---- */

static void join(CtapPresence *presence, CtapClient *client)
{
        client->presence = presence;
        client->present_next = presence->clients;
        presence->clients = client;
}

/* A question of the same program that is open already. Who isn't known is not the same as anybody. */
static CtapPresence *find(const Ctap *ctap, pid_t pid)
{
        for (CtapPresence *presence = ctap->presences; presence; presence = presence->next)
                if (presence->joinable && pid > 0 && presence->about.pid == pid)
                        return presence;
        return NULL;
}

int ctap_presence_start(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question,
                        const char *title)
{
        _cleanup_(presence_freep) CtapPresence *presence = NULL;
        bool joinable = question->purpose == AUTHENTICATOR_TO_SELECT;
        CtapPresence *open = joinable ? find(client->ctap, about->pid) : NULL;
        int r;

        if (open) {
                join(open, client);
                return AUTHENTICATOR_LATER;
        }
        presence = calloc(1, sizeof(*presence));
        if (!presence)
                return -ENOMEM;
        presence->ctap = client->ctap;
        presence->title = title;
        presence->joinable = joinable;
        join(presence, client);
        r = ask_about_copy(&presence->about, about);
        if (r >= 0)
                r = ctap_message(about, question, "", &presence->message);
        if (r >= 0)
                r = question->accounts && question->n_accounts > 1 ? choose(presence, question) : confirm(presence);
        if (r < 0) {
                client->presence = NULL;
                return r;
        }
        presence->next = client->ctap->presences;
        client->ctap->presences = presence;
        presence = NULL;
        return AUTHENTICATOR_LATER;
}

void ctap_presence_cancel(CtapClient *client)
{
        CtapPresence *presence = TAKE_PTR(client->presence);
        CtapClient **p;

        if (!presence)
                return;
        for (p = &presence->clients; *p != client;)
                p = &(*p)->present_next;
        *p = TAKE_PTR(client->present_next);
        if (!presence->clients && !presence->answered)
                presence_free(presence);
}
