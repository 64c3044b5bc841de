/*
 * Asking the person
 *
 * A question walks down a line: the agent of the connection that caused it, the session agent, pinentry. Each of them
 * answers one question at a time, so questions wait in the order in which they came; one source of the loop hands them
 * out and ends them, which is why no answer ever comes inside ask_start(). An agent that fails or leaves passes its
 * question on to the next in line; a person who refuses has answered.
 */
#include "daemon/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/helper-link.h"
#include "daemon/log.h"
#include "daemon/prompter1.h"
#include "store/slot.h"

#define ASK_SECONDS 600 /* a person thinks */
#define ASKS_MAX    256U

typedef enum Stage {
        STAGE_OWN_AGENT,
        STAGE_SESSION_AGENT,
        STAGE_PINENTRY,
        STAGE_NOBODY,
} Stage;

typedef struct Agent Agent;
struct Agent {
        CallerResource resource;
        Asker *asker;
        char *path;
        bool session;
        Ask *asking;
        Agent *next;
};

struct Ask {
        Asker *asker;
        AskKind kind;
        char *purpose, *title, *message, *error;
        int retries;
        AskAbout about; /* ours */
        AskDone done;
        void *userdata;

        uint32_t id;
        Stage stage;
        bool failed;  /* someone was there, but could not ask */
        Agent *own;   /* the asking connection's, when it was asked */
        Agent *agent; /* who has the question now */
        time_t since;
        sd_bus_slot *call;
        HelperCall *pinentry;
        Ask *next;
};

struct Asker {
        Daemon *daemon;
        Ask *asks; /* in order */
        unsigned n_asks;
        Agent *agents; /* newest first */
        Ask *at_pinentry;
        uint32_t last_id;
        sd_event_source *pump;
};

static const char *const kind_names[] = {
        [ASK_CONFIRM] = "confirm",
        [ASK_SECRET] = "secret",
        [ASK_NEW_SECRET] = "new-secret",
        [ASK_CHOOSE] = "choose",
        [ASK_SHOW] = "show",
};

static time_t seconds_now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec;
}

static void set_pump(Asker *asker)
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
        ask_about_done(&ask->about);
        free(ask);
        return NULL;
}
DEFINE_CLEANUP(Ask *, ask_free)

/* Whoever has the question no longer has it; `cancel`: and should take it away. */
static void take_back(Ask *ask, bool cancel)
{
        Asker *asker = ask->asker;
        Agent *agent = TAKE_PTR(ask->agent);

        ask->call = sd_bus_slot_unref(ask->call);
        if (agent) {
                agent->asking = NULL;
                if (cancel && agent->resource.caller) {
                        char id[16];

                        (void)snprintf(id, sizeof(id), "%u", ask->id);
                        (void)sd_bus_call_method_async(caller_bus(agent->resource.caller), NULL,
                                                       caller_sender(agent->resource.caller), agent->path,
                                                       KEYFOB_AGENT_INTERFACE, "Cancel", NULL, NULL, "s", id);
                }
        }
        ask->pinentry = helper_call_cancel(ask->pinentry);
        if (asker->at_pinentry == ask)
                asker->at_pinentry = NULL;
        set_pump(asker);
}

static void unlink_ask(Ask *ask)
{
        Ask **p = &ask->asker->asks;

        while (*p != ask)
                p = &(*p)->next;
        *p = ask->next;
        ask->asker->n_asks--;
}

static void finish(Ask *ask, AskOutcome outcome, Secret *secret)
{
        AskDone done = ask->done;
        void *userdata = ask->userdata;

        take_back(ask, /* cancel= */ false);
        unlink_ask(ask);
        ask_free(ask);
        done(userdata, &(AskAnswer){.outcome = outcome, .secret = secret});
}

static void pass_on(Ask *ask)
{
        take_back(ask, /* cancel= */ false);
        ask->stage++;
}

/* ---- agents ---- */

static int append_text(sd_bus_message *message, const char *key, const char *value)
{
        return value && *value ? sd_bus_message_append(message, "{sv}", key, "s", value) : 0;
}

static int append_number(sd_bus_message *message, const char *key, int64_t value)
{
        return value >= 0 ? sd_bus_message_append(message, "{sv}", key, "u", (uint32_t)value) : 0;
}

static int make_call(const Ask *ask, const Agent *agent, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        const Caller *caller = agent->resource.caller;
        char id[16];
        int r;

        const struct {
                const char *key, *value;
        } texts[] = {
                {"id", id},
                {"kind", kind_names[ask->kind]},
                {"purpose", ask->purpose},
                {"title", ask->title},
                {"message", ask->message},
                {"error", ask->error},
                {"program", ask->about.program},
                {"rp_id", ask->about.rp_id},
                {"user", ask->about.user},
        };

        (void)snprintf(id, sizeof(id), "%u", ask->id);
        r = sd_bus_message_new_method_call(caller_bus(caller), &message, caller_sender(caller), agent->path,
                                           KEYFOB_AGENT_INTERFACE, "Ask");
        if (r >= 0)
                r = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                r = append_text(message, texts[i].key, texts[i].value);
        if (r >= 0)
                r = append_number(message, "pid", ask->about.pid > 0 ? ask->about.pid : -1);
        if (r >= 0)
                r = append_number(message, "retries", ask->retries);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        Ask *ask = userdata;
        const void *bytes;
        size_t size;
        int allowed;

        (void)sd_bus_message_sensitive(reply);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY)) {
                /* The person let the time pass; else the agent has gone, and someone else may be asked. */
                if (seconds_now() - ask->since >= ASK_SECONDS)
                        finish(ask, ASK_DENIED, NULL);
                else
                        pass_on(ask);
                return 1;
        }
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "b", &allowed) < 0 ||
            sd_bus_message_read_array(reply, 'y', &bytes, &size) < 0 || size > SLOT_SECRET_MAX) {
                ask->failed = true;
                pass_on(ask);
                return 1;
        }
        if (!allowed) {
                finish(ask, ASK_DENIED, NULL);
                return 1;
        }
        if (ask->kind != ASK_CONFIRM && secret_new_from(&secret, bytes, size) < 0) {
                finish(ask, ASK_FAILED, NULL);
                return 1;
        }
        finish(ask, ASK_ALLOWED, TAKE_PTR(secret));
        return 1;
}

static void ask_agent(Ask *ask, Agent *agent)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = make_call(ask, agent, &message);
        if (r >= 0)
                r = sd_bus_call_async(caller_bus(agent->resource.caller), &ask->call, message, on_answer, ask,
                                      (uint64_t)(ASK_SECONDS + 1) * 1000000);
        if (r < 0) {
                ask->failed = true;
                ask->stage++;
                set_pump(ask->asker);
                return;
        }
        ask->agent = agent;
        ask->since = seconds_now();
        agent->asking = ask;
}

static Agent *find_session_agent(const Asker *asker)
{
        for (Agent *agent = asker->agents; agent; agent = agent->next)
                if (agent->session)
                        return agent;
        return NULL;
}

static Agent *agent_free(Agent *agent)
{
        Asker *asker;

        if (!agent)
                return NULL;
        asker = agent->asker;
        for (Agent **p = &asker->agents; *p; p = &(*p)->next) {
                if (*p == agent) {
                        *p = agent->next;
                        break;
                }
        }
        for (Ask *ask = asker->asks; ask; ask = ask->next) {
                if (ask->agent == agent)
                        pass_on(ask);
                if (ask->own == agent)
                        ask->own = NULL;
        }
        if (agent->session)
                log_line(LOG_NOTICE, "the session's prompt agent has left");
        caller_detach(&agent->resource);
        free(agent->path);
        free(agent);
        return NULL;
}

static void on_agent_gone(CallerResource *resource)
{
        agent_free((Agent *)resource);
}

static Agent *find_agent(const Asker *asker, const Caller *caller, const char *path)
{
        for (Agent *agent = asker->agents; agent; agent = agent->next)
                if (agent->resource.caller == caller && (!path || strcmp(agent->path, path) == 0))
                        return agent;
        return NULL;
}

int asker_add_agent(Daemon *daemon, Caller *caller, const char *path, bool session)
{
        Asker *asker = daemon->asker;
        Agent *agent;
        int r;

        if (find_agent(asker, caller, path) || (session && find_session_agent(asker)))
                return -EEXIST;
        if (session && !caller_is_owner(caller))
                return -EPERM;

        agent = calloc(1, sizeof(*agent));
        if (!agent)
                return -ENOMEM;
        agent->asker = asker;
        agent->session = session;
        agent->path = strdup(path);
        r = agent->path ? caller_attach(caller, &agent->resource, CALLER_AGENT, on_agent_gone) : -ENOMEM;
        if (r < 0) {
                free(agent->path);
                free(agent);
                return r;
        }
        agent->next = asker->agents;
        asker->agents = agent;
        if (session)
                log_line(LOG_NOTICE, "%s (process %d) answers the session's prompts",
                         caller_program(caller)[0] ? caller_program(caller) : "a program", caller_pid(caller));
        return 0;
}

int asker_remove_agent(Daemon *daemon, Caller *caller, const char *path)
{
        Agent *agent = find_agent(daemon->asker, caller, path);

        if (!agent)
                return -ENOENT;
        agent_free(agent);
        return 0;
}

bool ask_session_agent(const Daemon *daemon, pid_t *ret_pid)
{
        const Agent *agent = find_session_agent(daemon->asker);

        if (!agent)
                return false;
        if (ret_pid)
                *ret_pid = caller_pid(agent->resource.caller);
        return true;
}

/* ---- pinentry ---- */

static void on_pinentry(void *userdata, HelperResult result, ByteReader *fields)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        Ask *ask = userdata;
        const uint8_t *bytes;
        size_t size = 0;

        ask->pinentry = NULL;
        switch (result) {
        case HELPER_OK:
                if (ask->kind != ASK_CONFIRM) {
                        bytes = byte_reader_blob(fields, SLOT_SECRET_MAX, &size);
                        if (fields->failed || secret_new_from(&secret, bytes, size) < 0) {
                                finish(ask, ASK_FAILED, NULL);
                                return;
                        }
                }
                finish(ask, ASK_ALLOWED, TAKE_PTR(secret));
                return;
        case HELPER_DENIED:
                finish(ask, ASK_DENIED, NULL);
                return;
        case HELPER_FAILED:
        case HELPER_PROGRESS:
                ask->failed = true;
                break;
        case HELPER_NO_PROMPTER:
                break;
        }
        pass_on(ask);
}

static void ask_pinentry(Ask *ask)
{
        static const HelperAskKind kinds[] = {
                [ASK_CONFIRM] = HELPER_ASK_CONFIRM,
                [ASK_SECRET] = HELPER_ASK_SECRET,
                [ASK_NEW_SECRET] = HELPER_ASK_NEW_SECRET,
        };
        ByteWriter fields = BYTE_WRITER_NULL;

        byte_writer_u8(&fields, (uint8_t)kinds[ask->kind]);
        byte_writer_u32(&fields, (uint32_t)ask->about.pid);
        byte_writer_string(&fields, ask->title);
        byte_writer_string(&fields, ask->message);
        byte_writer_string(&fields, ask->error);
        if (helper_call(ask->asker->daemon, HELPER_ASK, &fields, on_pinentry, ask, &ask->pinentry) < 0) {
                ask->failed = true;
                ask->stage++;
                set_pump(ask->asker);
        } else {
                ask->asker->at_pinentry = ask;
        }
        byte_writer_done(&fields);
}

/* ---- the line ---- */

/* Gives a question to whoever is next and free. false: it has ended, and the list of questions may have changed. */
static bool advance(Ask *ask)
{
        Asker *asker = ask->asker;

        for (;;) {
                Agent *agent = NULL;

                switch (ask->stage) {
                case STAGE_OWN_AGENT:
                        agent = ask->own;
                        break;
                case STAGE_SESSION_AGENT:
                        agent = find_session_agent(asker);
                        if (agent == ask->own)
                                agent = NULL; /* it has had its turn */
                        break;
                case STAGE_PINENTRY:
                        if (!asker->at_pinentry)
                                ask_pinentry(ask);
                        return true;
                case STAGE_NOBODY:
                        finish(ask, ask->failed ? ASK_FAILED : ASK_NO_PROMPTER, NULL);
                        return false;
                }
                if (agent) {
                        if (!agent->asking)
                                ask_agent(ask, agent);
                        return true;
                }
                ask->stage++;
        }
}

static int on_pump(sd_event_source *source, void *userdata)
{
        Asker *asker = userdata;

        for (Ask *ask = asker->asks; ask;) {
                if (ask->agent || ask->pinentry || advance(ask))
                        ask = ask->next;
                else
                        ask = asker->asks;
        }
        return 0;
}

static int copy(char **ret, const char *text)
{
        _cleanup_free_ char *new = strndup(text ? text : "", HELPER_TEXT_MAX);

        if (!new)
                return -ENOMEM;
        *ret = TAKE_PTR(new);
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
        if (request->caller) {
                about.program = caller_program(request->caller);
                about.pid = caller_pid(request->caller);
                ask->own = find_agent(asker, request->caller, NULL);
        }
        if (r >= 0)
                r = ask_about_copy(&ask->about, &about);
        if (r < 0)
                return r;

        for (last = &asker->asks; *last;)
                last = &(*last)->next;
        *last = ask;
        asker->n_asks++;
        set_pump(asker);
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
        while (asker->agents)
                agent_free(asker->agents);
        sd_event_source_disable_unref(asker->pump);
        free(asker);
        return NULL;
}
