/*
 * Asking by agents (org.keyfob.PromptAgent1)
 *
 * An agent answers one question at a time; what is only shown doesn't count, for nobody answers it. An answer that
 * makes no sense is a failure of the agent's, not a refusal of the person's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ask-internal.h"
#include "daemon/door.h"
#include "daemon/log.h"
#include "daemon/prompter1.h"
#include "daemon/settings.h"
#include "store/slot.h"

struct AskAgent {
        CallerResource resource;
        Asker *asker;
        char *path;
        bool session;
        Ask *asking;
        AskAgent *next;
};

static const char *const kind_names[] = {
        [ASK_CONFIRM] = "confirm",
        [ASK_SECRET] = "secret",
        [ASK_NEW_SECRET] = "new-secret",
        [ASK_CHOOSE] = "choose",
        [ASK_SHOW] = "show",
};

/* ---- the question ---- */

static int append_text(sd_bus_message *message, const char *key, const char *value)
{
        return value && *value ? sd_bus_message_append(message, "{sv}", key, "s", value) : 0;
}

static int append_number(sd_bus_message *message, const char *key, int64_t value)
{
        return value >= 0 ? sd_bus_message_append(message, "{sv}", key, "u", (uint32_t)value) : 0;
}

static int append_choices(sd_bus_message *message, const Ask *ask)
{
        int r;

        if (ask->n_choices == 0)
                return 0;
        r = sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", "choices");
        if (r >= 0)
                r = sd_bus_message_open_container(message, SD_BUS_TYPE_VARIANT, "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(message, ask->choices);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int make_call(const Ask *ask, const AskAgent *agent, sd_bus_message **ret)
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
                {"host", ask->about.host},
                {"door", ask->about.door},
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
                r = append_choices(message, ask);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}

/* ---- the answer ---- */

/* The number of a choice, in decimal digits. */
static bool read_choice(const Ask *ask, const uint8_t *digits, size_t size, unsigned *ret)
{
        unsigned n = 0;

        if (size < 1 || size > 2 || (size == 2 && digits[0] == '0'))
                return false;
        for (size_t i = 0; i < size; i++) {
                if (digits[i] < '0' || digits[i] > '9')
                        return false;
                n = n * 10 + (unsigned)(digits[i] - '0');
        }
        *ret = n;
        return n < ask->n_choices;
}

/* The agent is to take it from the screen. */
static void call_off(const Ask *ask, const AskAgent *agent)
{
        const Caller *caller = agent->resource.caller;
        char id[16];

        if (!caller)
                return;
        (void)snprintf(id, sizeof(id), "%u", ask->id);
        (void)sd_bus_call_method_async(caller_bus(caller), NULL, caller_sender(caller), agent->path,
                                       KEYFOB_AGENT_INTERFACE, "Cancel", NULL, NULL, "s", id);
        doors_asked(ask->asker->daemon, caller_bus(caller));
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        AskAnswer answer = {.outcome = ASK_ALLOWED};
        Ask *ask = userdata;
        const void *bytes;
        size_t size;
        int allowed;

        (void)sd_bus_message_sensitive(reply);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY)) {
                /* The person let the time pass; else the agent has gone, and someone else may be asked. */
                if (ask_now() - ask->since < ASK_SECONDS) {
                        ask_pass_on(ask, /* failed= */ false);
                        return 1;
                }
                call_off(ask, ask->agent);
                if (ask->kind == ASK_SHOW)
                        ask_seen_to(ask);
                else
                        ask_finish(ask, &(AskAnswer){.outcome = ASK_DENIED});
                return 1;
        }
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "b", &allowed) < 0 ||
            sd_bus_message_read_array(reply, 'y', &bytes, &size) < 0 || size > SLOT_SECRET_MAX ||
            (allowed && ask->kind == ASK_CHOOSE && !read_choice(ask, bytes, size, &answer.choice))) {
                ask_pass_on(ask, /* failed= */ true);
                return 1;
        }
        if (!allowed)
                answer.outcome = ASK_DENIED;
        else if (ask_wants_secret(ask) && secret_new_from(&answer.secret, bytes, size) < 0)
                answer.outcome = ASK_FAILED;
        if (allowed && ask->kind == ASK_SHOW)
                ask_seen_to(ask);
        else
                ask_finish(ask, &answer);
        return 1;
}

/* ---- the ways ---- */

static AskAgent *find_session_agent(const Asker *asker)
{
        for (AskAgent *agent = asker->agents; agent; agent = agent->next)
                if (agent->session)
                        return agent;
        return NULL;
}

static int ask_agent(Ask *ask, AskAgent *agent)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        if (!agent)
                return -ENOENT;
        if (agent->asking && ask->kind != ASK_SHOW)
                return 0;
        r = make_call(ask, agent, &message);
        if (r >= 0)
                r = sd_bus_call_async(caller_bus(agent->resource.caller), &ask->call, message, on_answer, ask,
                                      (uint64_t)(ASK_SECONDS + 1) * 1000000);
        if (r < 0)
                return r == -ENOENT ? -EIO : r;
        doors_asked(ask->asker->daemon, caller_bus(agent->resource.caller));
        ask->agent = agent;
        ask->since = ask_now();
        if (ask->kind != ASK_SHOW)
                agent->asking = ask;
        return 1;
}

static int ask_own_agent(Ask *ask)
{
        return ask_agent(ask, ask->own);
}

static int ask_session_s_agent(Ask *ask)
{
        AskAgent *agent = find_session_agent(ask->asker);

        return ask_agent(ask, agent == ask->own ? NULL : agent); /* it has had its turn */
}

static void end(Ask *ask, bool cancel)
{
        AskAgent *agent = TAKE_PTR(ask->agent);

        ask->call = sd_bus_slot_unref(ask->call);
        if (agent->asking == ask)
                agent->asking = NULL;
        if (cancel)
                call_off(ask, agent);
}

const AskWay ask_by_own_agent = {.ask = ask_own_agent, .end = end};
const AskWay ask_by_session_agent = {.ask = ask_session_s_agent, .end = end};

/* ---- agents come and go ---- */

static AskAgent *agent_free(AskAgent *agent)
{
        Asker *asker;

        if (!agent)
                return NULL;
        asker = agent->asker;
        for (AskAgent **p = &asker->agents; *p; p = &(*p)->next) {
                if (*p == agent) {
                        *p = agent->next;
                        break;
                }
        }
        for (Ask *ask = asker->asks; ask; ask = ask->next) {
                if (ask->agent == agent)
                        ask_pass_on(ask, /* failed= */ false);
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
        agent_free((AskAgent *)resource);
}

static AskAgent *find_agent(const Asker *asker, const Caller *caller, const char *path)
{
        for (AskAgent *agent = asker->agents; agent; agent = agent->next)
                if (agent->resource.caller == caller && (!path || strcmp(agent->path, path) == 0))
                        return agent;
        return NULL;
}

AskAgent *asker_find_agent(const Asker *asker, const Caller *caller)
{
        return find_agent(asker, caller, NULL);
}

bool ask_has_own_agent(const Daemon *daemon, const Caller *caller)
{
        const AskAgent *agent = caller ? asker_find_agent(daemon->asker, caller) : NULL;

        return agent && !agent->session;
}

int asker_add_agent(Daemon *daemon, Caller *caller, const char *path, bool session)
{
        Asker *asker = daemon->asker;
        AskAgent *agent;
        int r;

        if (session && !daemon->settings->session_agent)
                return -EACCES;
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
        AskAgent *agent = find_agent(daemon->asker, caller, path);

        if (!agent)
                return -ENOENT;
        agent_free(agent);
        return 0;
}

void asker_free_agents(Asker *asker)
{
        while (asker->agents)
                agent_free(asker->agents);
}

bool ask_session_agent(const Daemon *daemon, pid_t *ret_pid)
{
        const AskAgent *agent = find_session_agent(daemon->asker);

        if (!agent)
                return false;
        if (ret_pid)
                *ret_pid = caller_pid(agent->resource.caller);
        return true;
}
