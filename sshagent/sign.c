/*
 * Signing
 *
 * The order of checks: is there the key; do its constraints allow this connection to use it for this; is storage open; does the
 * owner's policy allow the program and the host; does the person. All of it is looked at again after each wait, then
 * the signature is made: at once, elsewhere when it takes long, or by a security key.
 */
#include <errno.h>
#include <string.h>

#include "crypto/sha.h"
#include "sshagent/internal.h"
#include "sshagent/private.h"
#include "sshagent/signature.h"

/* What is asked for. */
typedef struct Wanted {
        Span key, data;
        uint32_t flags;
        Entry *entry;
        Subject subject;
        const Session *session; /* of a login, when the connection is bound to it */
        DestinationNames names; /* of hosts, as far as they are sure */
} Wanted;

static Step put_signature(SshClient *client, Span signature)
{
        size_t begun = wire_begin(&client->out);

        byte_writer_u8(&client->out, SSH_AGENT_SIGN_RESPONSE);
        wire_put_string(&client->out, signature.data, signature.size);
        wire_end(&client->out, begun);
        return STEP_DONE;
}

/* The constraints of whoever added the key. Behind another host a login must name, in what is signed, the key of the host that it is
 * for, as OpenSSH wants: a server that looks at that key takes the signature from no one in between. */
static bool constraints_permit(SshClient *client, Wanted *wanted)
{
        const Subject *subject = &wanted->subject;

        if (wanted->entry->n_destinations == 0)
                return true;
        if (client->sessions.n > 1 && subject->host_key.size == 0)
                return false;
        return wanted->session && client_permits(client, wanted->entry, &subject->user, &wanted->names);
}

/* The hosts of the owner's policy: only from here, straight to one of them, and only to log in. */
static bool hosts_permit(SshClient *client, Wanted *wanted)
{
        const SshPolicy *policy = &wanted->entry->policy;
        const SshPolicyHost *host;
        _cleanup_free_ uint8_t *plain = NULL;
        size_t size;
        Blob blob;

        if (!policy->hosts)
                return true;
        if (!wanted->session || client->sessions.n != 1 || blob_read(session_key(wanted->session), &blob) < 0 ||
            blob_write_plain(&blob, &plain, &size) < 0)
                return false;
        host = policy_find_host(policy, (Span){plain, size});
        if (host && wanted->names.last.size == 0)
                wanted->names.last = (Span){(const uint8_t *)host->name, strlen(host->name)};
        return host;
}

static Step programs_permit(SshClient *client, const Wanted *wanted)
{
        Step step;

        if (!wanted->entry->policy.programs)
                return STEP_DONE;
        if (!client->program) {
                step = client_ask(client, SSH_ASK_PROGRAM, wanted->entry, NULL, NULL);
                if (step != STEP_DONE)
                        return step;
        }
        return client->program && policy_has_program(&wanted->entry->policy, client->program) ? STEP_DONE : STEP_FAIL;
}

static Step person_permits(SshClient *client, const Wanted *wanted)
{
        const Entry *entry = wanted->entry;

        if (entry->policy.verify)
                return client_ask(client, SSH_ASK_VERIFY, entry, &wanted->subject, &wanted->names);
        if (entry->confirm || entry->policy.confirm)
                return client_ask(client, SSH_ASK_CONFIRM, entry, &wanted->subject, &wanted->names);
        return STEP_DONE;
}

static Step sign_here(SshClient *client, const Wanted *wanted)
{
        uint8_t value[SIGN_SIGNATURE_MAX];
        Signer *signer;
        size_t size, begun, inner;

        if (ready_get(client->agent, wanted->entry, &signer) != 0 ||
            signer_sign(signer, wanted->data.data, wanted->data.size, value, &size) < 0)
                return STEP_FAIL;
        begun = wire_begin(&client->out);
        byte_writer_u8(&client->out, SSH_AGENT_SIGN_RESPONSE);
        inner = wire_begin(&client->out);
        if (ssh_signature_put(&client->out, wanted->entry->blob.kind, wanted->flags, value, size) < 0)
                return STEP_FAIL;
        wire_end(&client->out, inner);
        wire_end(&client->out, begun);
        return STEP_DONE;
}

static int make_work(SshAgent *agent, const Wanted *wanted, SshWork **ret)
{
        _cleanup_(opened_done) Opened opened = {0};
        RsaSigner *signer;
        int r;

        if (wanted->entry->blob.kind == SSH_KEY_RSA) {
                r = ready_get_rsa(agent, wanted->entry, &signer);
                return r == 0 ? work_new_rsa(wanted->entry, signer, wanted->flags, wanted->data, ret) : r;
        }
        r = agent_open(agent, wanted->entry, &opened);
        if (r == 0)
                do
                        r = work_new(agent->seal_key, wanted->entry, opened.secret, wanted->flags, wanted->data, ret);
                while (r == -ENOMEM && ready_evict(agent));
        return r;
}

static Step sign_elsewhere(SshClient *client, const Wanted *wanted)
{
        SshAgent *agent = client->agent;
        SshWork *work;
        Span signature;
        Step step;

        if (make_work(agent, wanted, &work) != 0)
                return STEP_FAIL;
        if (agent->ops->compute && agent->ops->compute(agent->userdata, client, work) == SSH_LATER) {
                client->request.pending = PENDING_WORK;
                client->request.work = work;
                client->request.key = wanted->entry->id;
                return STEP_WAIT;
        }
        ssh_work_run(work);
        signature = work_result(work);
        step = signature.size > 0 ? put_signature(client, signature) : STEP_FAIL;
        ssh_work_free(work);
        return step;
}

void ssh_client_worked(SshClient *client, SshWork *work)
{
        Request *request = &client->request;
        Span signature;

        if (request->pending != PENDING_WORK || request->work != work)
                return;
        agent_enter(client->agent);
        signature = work_result(work);
        byte_writer_raw(&request->signature, signature.data, signature.size);
        request->failed = signature.size == 0;
        request->work = NULL;
        ssh_work_free(work);
        client_resume(client);
        agent_leave(client->agent);
}

/* Whether the result is what was asked for, and its signature as SSH has it. */
static bool take_result(const SshSkRequest *request, const SshSkResult *result, ByteWriter *ret)
{
        if (result->answer != SSH_YES || result->signature_size > sizeof(result->signature) ||
            (request->presence && !(result->flags & SSH_SK_PRESENCE)) ||
            (request->verification && !(result->flags & SSH_SK_VERIFICATION)))
                return false;
        return ssh_signature_put_sk(ret, request->kind, result->flags, result->counter, result->signature,
                                    result->signature_size) == 0;
}

void ssh_client_sk_done(SshClient *client, const SshSkResult *result)
{
        Request *request = &client->request;

        if (request->pending != PENDING_SK || result->answer == SSH_LATER)
                return;
        agent_enter(client->agent);
        request->failed = !take_result(&request->sk, result, &request->signature);
        client_resume(client);
        agent_leave(client->agent);
}

static Step sign_by_device(SshClient *client, const Wanted *wanted)
{
        _cleanup_(opened_done) Opened opened = {0};
        SshAgent *agent = client->agent;
        Request *request = &client->request;
        const Entry *entry = wanted->entry;
        Span handle, application = entry->blob.application;
        uint8_t flags;

        /* What signs for the web must not be tricked into it: only what is SSH's for sure. */
        if ((application.size < 4 || memcmp(application.data, "ssh:", 4) != 0) && wanted->subject.kind != SUBJECT_LOGIN &&
            wanted->subject.kind != SUBJECT_FILE)
                return STEP_FAIL;
        if (!agent->ops->sk_sign || agent_open(agent, wanted->entry, &opened) != 0 ||
            private_sk(opened.secret, &flags, &handle) < 0 ||
            client_describe(client, SSH_ASK_CONFIRM, entry, &wanted->subject, &wanted->names) < 0)
                return STEP_FAIL;
        request->application = strndup((const char *)application.data, application.size);
        request->handle = malloc(handle.size + 1);
        if (!request->application || !request->handle)
                return STEP_FAIL;
        memcpy(request->handle, handle.data, handle.size);
        request->sk = (SshSkRequest){
                .kind = entry->blob.kind,
                .application = request->application,
                .key_handle = request->handle,
                .key_handle_size = handle.size,
                .presence = flags & SSH_SK_PRESENCE,
                .verification = flags & SSH_SK_VERIFICATION,
                .question = &request->question,
        };
        sha256(wanted->data.data, wanted->data.size, request->sk.message_hash);
        if (agent->ops->sk_sign(agent->userdata, client, &request->sk) != SSH_LATER)
                return STEP_FAIL;
        request->pending = PENDING_SK;
        request->key = entry->id;
        return STEP_WAIT;
}

/* Reads the request and finds its key. */
static bool read_wanted(SshClient *client, ByteReader *reader, Wanted *ret)
{
        ret->key = wire_string(reader);
        ret->data = wire_string(reader);
        ret->flags = wire_u32(reader);
        if (!byte_reader_done(reader))
                return false;
        ret->entry = agent_find(client->agent, ret->key);
        if (!ret->entry)
                return false;
        ret->subject = subject_read(ret->data, &ret->entry->blob);
        if (ret->subject.kind == SUBJECT_LOGIN)
                ret->session = sessions_login(&client->sessions, ret->subject.session, ret->subject.host_key);
        return true;
}

Step request_sign(SshClient *client, ByteReader *reader)
{
        ByteWriter *made = &client->request.signature;
        Wanted wanted = {0};
        Step step;

        /* Made elsewhere: it is not given away when the key went meanwhile. */
        if (made->size > 0)
                return made->failed || !agent_find_id(client->agent, client->request.key)
                               ? STEP_FAIL
                               : put_signature(client, (Span){made->data, made->size});
        if (!read_wanted(client, reader, &wanted))
                return STEP_FAIL;
        if (wanted.entry->stored) {
                /* A hint is enough to refuse. */
                if (wanted.entry->n_destinations > 0 && client->sessions.n == 0)
                        return STEP_FAIL;
                step = client_open_storage(client, wanted.entry);
                if (step != STEP_DONE)
                        return step;
                if (agent_load(client->agent, wanted.entry) != 0)
                        return STEP_FAIL;
                if (client->agent->ops->used)
                        client->agent->ops->used(client->agent->userdata);
        }
        if (!constraints_permit(client, &wanted) || !hosts_permit(client, &wanted))
                return STEP_FAIL;
        step = programs_permit(client, &wanted);
        if (step == STEP_DONE)
                step = person_permits(client, &wanted);
        if (step != STEP_DONE)
                return step;
        if (blob_is_sk(wanted.entry->blob.kind))
                return sign_by_device(client, &wanted);
        if (wanted.entry->blob.kind == SSH_KEY_ED25519 || wanted.entry->blob.kind == SSH_KEY_ECDSA_P256)
                return sign_here(client, &wanted);
        return sign_elsewhere(client, &wanted);
}
