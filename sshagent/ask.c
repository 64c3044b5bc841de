/*
 * Asking the owner
 *
 * A question is asked once for a request; what was answered is kept until the request is. A question tells what it is for as
 * far as that is sure: where a login goes to only when the connection is bound to the very session.
 */
#include <errno.h>
#include <string.h>

#include "sshagent/internal.h"

static void forget_texts(Request *request)
{
        free(request->host);
        free(request->via);
        free(request->user);
        request->host = request->via = request->user = NULL;
        request->host_key[0] = 0;
        request->question = (SshQuestion){0};
}

void request_done(Request *request)
{
        forget_texts(request);
        free(request->application);
        free(request->handle);
        byte_writer_done(&request->signature);
        *request = (Request){0};
}

bool client_permits(SshClient *client, const Entry *entry, const Span *user, DestinationNames *ret)
{
        if (entry->n_destinations == 0)
                return true;
        /* While the record is locked nobody knows where the key may be used: it is shown, but not to other machines. */
        if (!entry->destinations)
                return !sessions_remote(&client->sessions) && !user;
        return destinations_permit((Span){entry->destinations, entry->destinations_size}, &client->sessions, user,
                                   agent_wall(client->agent), ret);
}

/* The fingerprint of a session's host, as a new string. */
static char *host_text(const Session *session)
{
        char text[SSH_FINGERPRINT_SIZE];
        Blob blob;

        if (blob_read(session_key(session), &blob) < 0)
                return NULL;
        blob_fingerprint_of(&blob, text);
        return strdup(text);
}

/* The session that a login is for, when the connection is bound to it. */
static const Session *session_of(const SshClient *client, const Subject *subject)
{
        const Session *last = client->sessions.n > 0 ? &client->sessions.list[client->sessions.n - 1] : NULL;

        if (!last || last->forwarded || subject->kind != SUBJECT_LOGIN || !span_equal(session_id(last), subject->session) ||
            (subject->host_key.size > 0 && !span_equal(session_key(last), subject->host_key)))
                return NULL;
        return last;
}

/* A copy that can be shown; an empty name is none. */
static int take_text(Span text, char **ret, const char **ret_shown)
{
        if (text.size == 0)
                return 0;
        *ret = wire_presentable(text, SSH_COMMENT_MAX);
        *ret_shown = *ret;
        return *ret ? 0 : -ENOMEM;
}

static int describe_via(SshClient *client, const DestinationNames *names)
{
        Request *request = &client->request;
        const Session *via = NULL;

        for (size_t i = 0; i < client->sessions.n; i++)
                if (client->sessions.list[i].forwarded)
                        via = &client->sessions.list[i];
        if (!via)
                return 0;
        if (names && names->via.size > 0)
                return take_text(names->via, &request->via, &request->question.via);
        request->via = host_text(via);
        request->question.via = request->via;
        return request->via ? 0 : -ENOMEM;
}

int client_describe(SshClient *client, SshQuestionKind kind, const Entry *entry, const Subject *subject,
                    const DestinationNames *names)
{
        Request *request = &client->request;
        SshQuestion *question = &request->question;
        const Session *target;
        Blob blob;
        int r;

        forget_texts(request);
        question->kind = kind;
        if (entry) {
                agent_info(client->agent, entry, &request->info);
                question->key = &request->info;
        }
        if (!subject)
                return 0;
        question->purpose = subject_purpose(subject);
        target = session_of(client, subject);
        if (target && blob_read(session_key(target), &blob) == 0) {
                blob_fingerprint_of(&blob, request->host_key);
                question->host_key = request->host_key;
        }
        r = target && names ? take_text(names->last, &request->host, &question->host) : 0;
        if (r == 0)
                r = take_text(subject->user, &request->user, &question->user);
        return r < 0 ? r : describe_via(client, names);
}

static bool answered(const Request *request, SshQuestionKind kind, const Entry *entry)
{
        switch (kind) {
        case SSH_ASK_STORAGE:
                return request->storage;
        case SSH_ASK_PROGRAM:
                return request->program;
        case SSH_ASK_CONFIRM:
                return request->agreed == entry->id;
        case SSH_ASK_VERIFY:
                return request->agreed == entry->id && request->verified;
        default:
                return false;
        }
}

static void note_yes(Request *request)
{
        switch (request->asked) {
        case SSH_ASK_STORAGE:
                request->storage = true;
                break;
        case SSH_ASK_PROGRAM:
                request->program = true;
                break;
        case SSH_ASK_VERIFY:
                request->verified = true;
                request->agreed = request->key;
                break;
        case SSH_ASK_CONFIRM:
        default:
                request->verified = false;
                request->agreed = request->key;
                break;
        }
}

Step client_ask(SshClient *client, SshQuestionKind kind, const Entry *entry, const Subject *subject,
                const DestinationNames *names)
{
        SshAgent *agent = client->agent;
        Request *request = &client->request;
        int r;

        if (answered(request, kind, entry))
                return STEP_DONE;
        if (client_describe(client, kind, entry, subject, names) < 0)
                return STEP_FAIL;
        request->asked = kind;
        request->key = entry ? entry->id : 0;
        r = agent->ops->ask ? agent->ops->ask(agent->userdata, client, &request->question) : SSH_NOBODY;
        if (r == SSH_LATER) {
                request->pending = PENDING_QUESTION;
                return STEP_WAIT;
        }
        if (r != SSH_YES)
                return STEP_FAIL;
        note_yes(request);
        return STEP_DONE;
}

void ssh_client_answer(SshClient *client, SshAnswer answer)
{
        if (client->request.pending != PENDING_QUESTION || answer == SSH_LATER)
                return;
        agent_enter(client->agent);
        if (answer == SSH_YES)
                note_yes(&client->request);
        else
                client->request.failed = true;
        client_resume(client);
        agent_leave(client->agent);
}

Step client_open_storage(SshClient *client, const Entry *entry)
{
        Step step;

        if (agent_storage_open(client->agent))
                return STEP_DONE;
        if (client->request.storage)
                return STEP_FAIL; /* it was opened, and is locked again */
        step = client_ask(client, SSH_ASK_STORAGE, entry, NULL, NULL);
        return step != STEP_DONE ? step : agent_storage_open(client->agent) ? STEP_DONE : STEP_FAIL;
}
