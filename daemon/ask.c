/*
 * Asking the person
 *
 * A question walks down a line of prompters. Each of them has its own idea of how many questions it can show, so
 * questions wait in the order in which they came; one source of the loop hands them out and ends them, which is why no
 * answer ever comes inside ask_start(). A prompter that fails or leaves passes its question on to the next in line; a
 * person who refuses has answered.
 */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "daemon/ask-internal.h"

#define ASKS_MAX 256U

#define LINE_LENGTH 7U

/* A notification takes no focus from whoever is typing, which is what a key that asks for a touch should do. What
 * decides more gets the window that it needs. */
static const AskWay *const presence_line[LINE_LENGTH] = {
        &ask_by_own_agent, &ask_by_session_agent, &ask_by_notification, &ask_by_plasma,
        &ask_by_desktop,   &ask_by_plasma_perhaps, &ask_by_pinentry,
};
static const AskWay *const usual_line[LINE_LENGTH] = {
        &ask_by_own_agent,      &ask_by_session_agent, &ask_by_plasma,   &ask_by_desktop,
        &ask_by_plasma_perhaps, &ask_by_notification,  &ask_by_pinentry,
};

time_t ask_now(void)
{
        return (time_t)(clock_usec() / 1000000);
}

void asker_pump(Asker *asker)
{
        (void)sd_event_source_set_enabled(asker->pump, SD_EVENT_ONESHOT);
}

/* ---- life of a question ---- */

static Ask *ask_free(Ask *ask)
{
        if (!ask)
                return NULL;
        free(ask->purpose);
        free(ask->title);
        free(ask->message);
        free(ask->error);
        for (size_t i = 0; i < ask->n_choices; i++)
                free(ask->choices[i]);
        free(ask->choices);
        ask_about_done(&ask->about);
        free(ask);
        return NULL;
}
DEFINE_CLEANUP(Ask *, ask_free)

/* Whoever has the question no longer has it; `cancel`: and should take it away. */
static void take_back(Ask *ask, bool cancel)
{
        const AskWay *way = TAKE_PTR(ask->way);

        if (way)
                way->end(ask, cancel);
        asker_pump(ask->asker);
}

static void unlink_ask(Ask *ask)
{
        Ask **p = &ask->asker->asks;

        while (*p != ask)
                p = &(*p)->next;
        *p = ask->next;
        ask->asker->n_asks--;
}

void ask_finish(Ask *ask, const AskAnswer *answer)
{
        AskDone done = ask->done;
        void *userdata = ask->userdata;

        take_back(ask, /* cancel= */ false);
        unlink_ask(ask);
        ask_free(ask);
        done(userdata, answer);
}

void ask_pass_on(Ask *ask, bool failed)
{
        take_back(ask, /* cancel= */ false);
        ask->failed |= failed;
        ask->stage++;
}

void ask_seen_to(Ask *ask)
{
        take_back(ask, /* cancel= */ false);
        ask->shown = true;
}

/* ---- the line ---- */

/* Gives a question to whoever is next and free. false: it has ended, and the list of questions may have changed. */
static bool advance(Ask *ask)
{
        bool presence = strcmp(ask->purpose, "user-presence") == 0 || strcmp(ask->purpose, "ssh-confirm") == 0;
        const AskWay *const *line = presence ? presence_line : usual_line;

        for (; ask->stage < LINE_LENGTH; ask->stage++) {
                int r = line[ask->stage]->ask(ask);

                if (r > 0)
                        ask->way = line[ask->stage];
                if (r >= 0)
                        return true;
                ask->failed |= r != -ENOENT;
        }
        ask_finish(ask, &(AskAnswer){.outcome = ask->failed ? ASK_FAILED : ASK_NO_PROMPTER});
        return false;
}

static int on_pump(sd_event_source *source, void *userdata)
{
        Asker *asker = userdata;

        for (Ask *ask = asker->asks; ask;) {
                if (ask->way || ask->shown || advance(ask))
                        ask = ask->next;
                else
                        ask = asker->asks;
        }
        return 0;
}

/* ---- coming and going ---- */

static int copy(char **ret, const char *text)
{
        _cleanup_free_ char *new = strndup(text ? text : "", HELPER_TEXT_MAX);

        if (!new)
                return -ENOMEM;
        *ret = TAKE_PTR(new);
        return 0;
}

static int copy_choices(Ask *ask, const char *const *choices)
{
        size_t n = 0;
        int r;

        while (choices && choices[n])
                n++;
        if ((ask->kind == ASK_CHOOSE) != (n > 0) || n > ASK_CHOICES_MAX)
                return -EINVAL;
        ask->choices = calloc(n + 1, sizeof(*ask->choices));
        if (!ask->choices)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = copy(&ask->choices[i], choices[i]);
                if (r < 0)
                        return r;
                ask->n_choices++;
        }
        return 0;
}

int ask_start(Daemon *daemon, const AskRequest *request, AskDone done, void *userdata, Ask **ret)
{
        _cleanup_(ask_freep) Ask *ask = NULL;
        AskAbout about = request->about;
        Asker *asker = daemon->asker;
        Ask **last;
        int r;

        if (asker->n_asks >= ASKS_MAX)
                return -ENOBUFS;
        ask = calloc(1, sizeof(*ask));
        if (!ask)
                return -ENOMEM;
        ask->asker = asker;
        ask->kind = request->kind;
        ask->retries = request->retries;
        ask->done = done;
        ask->userdata = userdata;
        ask->id = ++asker->last_id;
        r = copy(&ask->purpose, request->purpose);
        if (r >= 0)
                r = copy(&ask->title, request->title);
        if (r >= 0)
                r = copy(&ask->message, request->message);
        if (r >= 0)
                r = copy(&ask->error, request->error);
        if (r >= 0)
                r = copy_choices(ask, request->choices);
        if (request->caller) {
                about.program = caller_program(request->caller);
                about.pid = caller_pid(request->caller);
                ask->own = asker_find_agent(asker, request->caller);
        }
        if (r >= 0)
                r = ask_about_copy(&ask->about, &about);
        if (r < 0)
                return r;

        for (last = &asker->asks; *last;)
                last = &(*last)->next;
        *last = ask;
        asker->n_asks++;
        asker_pump(asker);
        *ret = TAKE_PTR(ask);
        return 0;
}

Ask *ask_cancel(Ask *ask)
{
        if (!ask)
                return NULL;
        take_back(ask, /* cancel= */ true);
        unlink_ask(ask);
        return ask_free(ask);
}

void asker_bus_gone(Daemon *daemon)
{
        if (!daemon->asker)
                return;
        for (Ask *ask = daemon->asker->asks; ask; ask = ask->next)
                if (ask->way == &ask_by_desktop || ask->way == &ask_by_notification || ask->way == &ask_by_plasma ||
                    ask->way == &ask_by_plasma_perhaps)
                        ask_pass_on(ask, /* failed= */ false);
}

int asker_new(Daemon *daemon, Asker **ret)
{
        _cleanup_(asker_freep) Asker *asker = calloc(1, sizeof(*asker));
        int r;

        if (!asker)
                return -ENOMEM;
        asker->daemon = daemon;
        r = sd_event_add_defer(daemon->event, &asker->pump, on_pump, asker);
        if (r >= 0)
                r = sd_event_source_set_enabled(asker->pump, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(asker);
        return 0;
}

Asker *asker_free(Asker *asker)
{
        if (!asker)
                return NULL;
        while (asker->asks)
                ask_cancel(asker->asks);
        asker_free_agents(asker);
        sd_event_source_disable_unref(asker->pump);
        free(asker);
        return NULL;
}
