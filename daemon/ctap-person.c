/*
 * The authenticator's questions
 *
 * A locked vault is opened by the same question as everywhere (opening.h), shared with whoever else waits for it.
 * The message names the door, the program by what the kernel says of it, and the site and the account by what the
 * program says. Presence is a confirmation (ctap-presence.c), and never taken for verification, which is the PIN, by the
 * protocol or typed here (ctap-pin.c), or a finger (ctap-touch.c). The answer comes later, on the loop, so nothing here calls
 * back into the authenticator.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctap-internal.h"

#define PROGRAM_MAX 64U

typedef struct Wish {
        const char *title;
        const char *what;
        bool of_site; /* the site follows, and the account */
} Wish;

static const Wish wishes[] = {
        [AUTHENTICATOR_TO_REGISTER] = {"New passkey", "wants to register you with", true},
        [AUTHENTICATOR_TO_SIGN_IN] = {"Sign in", "wants to sign you in to", true},
        [AUTHENTICATOR_TO_SELECT] = {"Choose a security key", "wants to know whether to use this security key", false},
        [AUTHENTICATOR_TO_RESET] = {"Reset the security key",
                                    "wants to reset your security key: its PIN and all its passkeys would go", false},
        [AUTHENTICATOR_TO_PERMIT] = {"Security key", "wants to use your security key", false},
        [AUTHENTICATOR_TO_ENROLL] = {"Security key", "wants to change who can use your security key", false},
        [AUTHENTICATOR_TO_OPEN] = {"Security key", "wants to use your security key", false},
};

static const Wish *find_wish(AuthenticatorPurpose purpose)
{
        if ((size_t)purpose >= ELEMENTSOF(wishes) || !wishes[purpose].what)
                purpose = AUTHENTICATOR_TO_OPEN;
        return &wishes[purpose];
}

static const char *user_of(const AuthenticatorQuestion *question)
{
        if (question->user_name && *question->user_name)
                return question->user_name;
        return question->user_display_name && *question->user_display_name ? question->user_display_name : NULL;
}

static const char *name_door(const char *door)
{
        if (door && strcmp(door, "uhid") == 0)
                return "the security key's device";
        return door && strcmp(door, "socket") == 0 ? "the security key's socket" : "D-Bus";
}

/* A site is named as its host is; what is no such name could be a sentence, and look like one of ours. */
static const char *quote_site(const char *rp_id)
{
        static const char of_hosts[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/";

        return *rp_id && rp_id[strspn(rp_id, of_hosts)] == 0 ? "" : "\"";
}

/* 'The program "browser" (process 12, through the security key's device) wants to sign you in to example.org as
 * "alice".' */
int ctap_message(const AskAbout *about, const AuthenticatorQuestion *question, const char *then, char **ret)
{
        const Wish *wish = find_wish(question->purpose);
        _cleanup_free_ char *message = NULL;
        size_t size;
        FILE *text;

        text = open_memstream(&message, &size);
        if (!text)
                return -ENOMEM;
        if (about->sentence) {
                (void)fprintf(text, "%s%s%s", about->sentence, *then ? " " : "", then);
                if (fclose(text) < 0 || !message)
                        return -ENOMEM;
                *ret = TAKE_PTR(message);
                return 0;
        }
        if (about->program)
                (void)fprintf(text, "The program \"%s\"", about->program);
        else
                (void)fputs("A program", text);
        if (about->pid > 0)
                (void)fprintf(text, " (process %d, through %s)", about->pid, name_door(about->door));
        else
                (void)fprintf(text, " that uses %s", name_door(about->door));
        (void)fprintf(text, " %s", wish->what);
        if (wish->of_site && about->rp_id)
                (void)fprintf(text, " %s%s%s", quote_site(about->rp_id), about->rp_id, quote_site(about->rp_id));
        else if (wish->of_site)
                (void)fputs(" a site that it does not name", text);
        else if (about->rp_id)
                (void)fprintf(text, " for %s%s%s", quote_site(about->rp_id), about->rp_id, quote_site(about->rp_id));
        if (wish->of_site && about->user)
                (void)fprintf(text, " as \"%s\"", about->user);
        if (wish->of_site && question->n_accounts > 1)
                (void)fprintf(text, " (one of %u accounts)", question->n_accounts);
        if (question->excluded)
                (void)fputs(", where you are registered already: nothing will be made", text);
        (void)fprintf(text, ".%s%s", *then ? " " : "", then);
        if (fclose(text) < 0 || !message)
                return -ENOMEM;
        *ret = TAKE_PTR(message);
        return 0;
}

/* ---- the vault ---- */

static AuthenticatorAnswer answer_of(int result)
{
        switch (result) {
        case 0:
                return AUTHENTICATOR_YES;
        case OPENING_CANCELLED:
        case VAULT_E_WRONG_SECRET:
                return AUTHENTICATOR_NO;
        default:
                return AUTHENTICATOR_NOBODY;
        }
}

static void on_opened(void *userdata, int result, Root *opened)
{
        _cleanup_(root_freep) Root *root = opened;
        CtapClient *client = userdata;
        int answer;

        client->opening = NULL;
        if (result == 0 && root)
                result = opening_unlock(client->ctap->daemon, root);
        answer = answer_of(result);
        if (answer == AUTHENTICATOR_YES && !ctap_seal_is_open(client->ctap))
                answer = ctap_seal_ask(client);
        if (answer != AUTHENTICATOR_LATER)
                client->answered(client, answer < 0 ? AUTHENTICATOR_NOBODY : (AuthenticatorAnswer)answer);
}

static int ask_storage(CtapClient *client, const AskAbout *about, const AuthenticatorQuestion *question)
{
        Daemon *daemon = client->ctap->daemon;
        _cleanup_free_ char *message = NULL;
        int r;

        if (!daemon->vault)
                return AUTHENTICATOR_NOBODY;
        if (vault_is_unlocked(daemon->vault) && !ctap_seal_is_open(client->ctap))
                return ctap_seal_ask(client);
        r = ctap_message(about, question, OPENING_QUESTION, &message);
        if (r < 0)
                return r;
        r = opening_start(daemon,
                          &(OpeningRequest){
                                  .caller = client->caller,
                                  .about = *about,
                                  .interactive = true,
                                  .unlock = true,
                                  .purpose = "unlock",
                                  .message = message,
                          },
                          on_opened, client, &client->opening);
        return r < 0 ? r : AUTHENTICATOR_LATER;
}

/* ---- operations ---- */

int ctap_ask(void *userdata, AuthenticatorHost *host, const AuthenticatorQuestion *question)
{
        _cleanup_(ask_about_done) AskAbout about = {0};
        CtapClient *client = authenticator_host_userdata(host);
        char program[PROGRAM_MAX];
        pid_t pid;
        int r;

        ctap_client_identify(client, program, sizeof(program), &pid);
        r = ask_about_copy(&about, &(AskAbout){
                                           .program = program[0] ? program : NULL,
                                           .pid = pid,
                                           .rp_id = question->rp_id,
                                           .user = client->user ? client->user : user_of(question),
                                           .host = client->host_name,
                                           .sentence = client->sentence,
                                           .door = client->door,
                                   });
        if (r < 0)
                return r;

        switch (question->kind) {
        case AUTHENTICATOR_ASK_STORAGE:
                return ask_storage(client, &about, question);
        case AUTHENTICATOR_ASK_PRESENCE:
                return ctap_presence_start(client, &about, question, find_wish(question->purpose)->title);
        case AUTHENTICATOR_ASK_VERIFICATION:
                return question->by_pin ? ctap_pin_start(client, &about, question) :
                                          ctap_touch_start(client, &about, question);
        case AUTHENTICATOR_ASK_SAMPLE:
        case AUTHENTICATOR_ASK_REMOVAL:
                return ctap_touch_start(client, &about, question);
        case AUTHENTICATOR_ASK_KEY:
                break;
        }
        return AUTHENTICATOR_BLOCKED;
}

void ctap_withdraw(void *userdata, AuthenticatorHost *host)
{
        CtapClient *client = authenticator_host_userdata(host);

        client->opening = opening_cancel(client->opening);
        ctap_presence_cancel(client);
        client->touch = ctap_touch_cancel(client->touch);
        client->pin = ctap_pin_cancel(client->pin);
        client->sealed = ctap_seal_wait_cancel(client->sealed);
}

void ctap_wink(void *userdata, AuthenticatorHost *host)
{
        Ctap *ctap = userdata;

        asker_wink(ctap->daemon);
}
