/*
 * Connections
 *
 * Bytes come in pieces, requests one after the other. The one at the front of the buffer stays there until it is answered, which
 * may take several calls; it is run from the top each time, so that whatever changed meanwhile counts. What was in the
 * buffer is wiped when it is done with, because it may be a key or a passphrase.
 */
#include <errno.h>
#include <string.h>

#include "sshagent/internal.h"

#define HEAD       4U
#define INPUT_MAX  (HEAD + SSH_MESSAGE_MAX + SSH_CHUNK_MAX)
#define FAILURE    (HEAD + 1) /* bytes of the shortest reply, for which there is always room */
#define BUFFER_KEEP ((size_t)16 * 1024)

int ssh_client_new(SshAgent *agent, void *userdata, SshClient **ret)
{
        SshClient *client = calloc(1, sizeof(*client));

        if (!client)
                return -ENOMEM;
        client->agent = agent;
        client->userdata = userdata;
        client->next = agent->clients;
        if (client->next)
                client->next->prev = client;
        agent->clients = client;
        *ret = client;
        return 0;
}

SshClient *ssh_client_free(SshClient *client)
{
        SshAgent *agent;

        if (!client)
                return NULL;
        agent = client->agent;
        switch (client->request.pending) {
        case PENDING_QUESTION:
        case PENDING_WORK:
        case PENDING_SK:
                if (agent->ops->withdraw)
                        agent->ops->withdraw(agent->userdata, client);
                break;
        case PENDING_NONE:
        case PENDING_TIME:
                break;
        }
        if (client->next)
                client->next->prev = client->prev;
        if (client->prev)
                client->prev->next = client->next;
        else
                agent->clients = client->next;
        request_done(&client->request);
        sessions_done(&client->sessions);
        byte_writer_done(&client->in);
        byte_writer_done(&client->out);
        free(client->program);
        free(client);
        return NULL;
}

void *ssh_client_userdata(const SshClient *client)
{
        return client->userdata;
}

int ssh_client_set_program(SshClient *client, const char *program)
{
        char *copy = strdup(program);

        if (!copy)
                return -ENOMEM;
        free(client->program);
        client->program = copy;
        return 0;
}

/* The body of the message at the front. 0 when it is not all there, -EBADMSG when it is none. */
static int front(const SshClient *client, Span *ret)
{
        ByteReader reader;
        uint32_t size;

        if (client->in.size - client->in_taken < HEAD)
                return 0;
        reader = BYTE_READER(client->in.data + client->in_taken, client->in.size - client->in_taken);
        size = wire_u32(&reader);
        if (size == 0 || size > SSH_MESSAGE_MAX)
                return -EBADMSG;
        if (reader.size < size)
                return 0;
        *ret = (Span){reader.data, size};
        return 1;
}

/* Wipes the message at the front. What is behind it moves up when more comes: moving it each time would let many small
 * messages cost the square of their number. */
static void consume(SshClient *client, size_t size)
{
        ByteWriter *in = &client->in;

        explicit_bzero(in->data + client->in_taken, size);
        client->in_taken += size;
        if (client->in_taken < in->size)
                return;
        in->size = client->in_taken = 0;
        if (in->capacity > BUFFER_KEEP)
                byte_writer_done(in);
}

static int append(SshClient *client, const void *data, size_t size)
{
        ByteWriter *in = &client->in;
        size_t taken = client->in_taken;

        if (size > INPUT_MAX - (in->size - taken))
                return -ENOBUFS;
        if (taken > 0) {
                memmove(in->data, in->data + taken, in->size - taken);
                explicit_bzero(in->data + in->size - taken, taken);
                in->size -= taken;
                client->in_taken = 0;
        }
        byte_writer_raw(in, data, size);
        if (!in->failed)
                return 0;
        in->failed = false;
        return -ENOMEM;
}

/* Room for a failure, whatever else there is no room for. */
static int reserve(SshClient *client)
{
        if (!byte_writer_reserve(&client->out, FAILURE)) {
                client->out.failed = false;
                return -ENOMEM;
        }
        client->out.size -= FAILURE;
        return 0;
}

/* Runs the request at the front. Whether it is answered. */
static bool run(SshClient *client, Span body)
{
        size_t begun = client->out.size;
        uint8_t *to;
        Step step;

        step = request_run(client, body);
        if (step == STEP_WAIT)
                return false;
        if (step != STEP_DONE || client->out.failed || client->out.size - begun - HEAD > SSH_MESSAGE_MAX) {
                client->out.failed = false;
                client->out.size = begun;
                to = byte_writer_reserve(&client->out, FAILURE);
                memcpy(to, (uint8_t[FAILURE]){0, 0, 0, 1}, FAILURE);
                to[HEAD] = step == STEP_REFUSE ? SSH_AGENT_EXTENSION_FAILURE : SSH_AGENT_FAILURE;
        }
        request_done(&client->request);
        consume(client, HEAD + body.size);
        return true;
}

static int pump(SshClient *client)
{
        Span body;
        int r;

        while (client->request.pending == PENDING_NONE && client->out.size - client->out_sent < OUTPUT_MAX) {
                r = front(client, &body);
                if (r <= 0)
                        return r;
                r = reserve(client);
                if (r < 0)
                        return r;
                if (!run(client, body))
                        return 0;
        }
        return 0;
}

int ssh_client_receive(SshClient *client, const void *data, size_t size)
{
        int r;

        r = append(client, data, size);
        if (r < 0)
                return r;
        agent_enter(client->agent);
        r = pump(client);
        agent_leave(client->agent);
        return r;
}

bool ssh_client_wants(const SshClient *client)
{
        Span unused;

        return front(client, &unused) == 0; /* what is all there waits for an answer, or for room */
}

const uint8_t *ssh_client_output(const SshClient *client, size_t *ret_size)
{
        *ret_size = client->out.size - client->out_sent;
        return *ret_size > 0 ? client->out.data + client->out_sent : NULL;
}

int ssh_client_sent(SshClient *client, size_t size)
{
        ByteWriter *out = &client->out;
        int r;

        client->out_sent += size;
        if (out->size > 0 && (client->out_sent == out->size || client->out_sent > OUTPUT_MAX)) {
                /* Not only when all is sent: whoever reads slowly, but never to the end, would let it grow. */
                out->size -= client->out_sent;
                memmove(out->data, out->data + client->out_sent, out->size);
                client->out_sent = 0;
        }
        if (out->size == 0 && out->capacity > BUFFER_KEEP && client->request.pending == PENDING_NONE)
                byte_writer_done(out);
        agent_enter(client->agent);
        r = pump(client);
        agent_leave(client->agent);
        return out->size > client->out_sent ? 0 : r; /* what is answered is still to be sent */
}

void client_resume(SshClient *client)
{
        Span body;

        client->request.pending = PENDING_NONE;
        if (front(client, &body) == 1 && run(client, body))
                (void)pump(client); /* there is a reply now, and ssh_client_sent() finds what is wrong again */
}

void client_tick(SshClient *client, uint64_t now)
{
        if (client->request.pending == PENDING_TIME && client->request.until <= now)
                client_resume(client);
}
