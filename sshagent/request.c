/*
 * Requests
 *
 * One function for each message; what is not understood fails and does nothing. While the agent is locked by a passphrase
 * there are no keys; a connection can be bound all the same, because its client does that once, at its beginning.
 */
#include <errno.h>

#include "sshagent/internal.h"

Step reply_success(SshClient *client)
{
        size_t begun = wire_begin(&client->out);

        byte_writer_u8(&client->out, SSH_AGENT_SUCCESS);
        wire_end(&client->out, begun);
        return STEP_DONE;
}

/* Where a stored key may be used is in its record, which is read when that matters, if storage is open. */
static bool is_shown(SshClient *client, Entry *entry)
{
        if (entry->dead)
                return false;
        if (entry->n_destinations > 0 && client->sessions.n > 0)
                (void)agent_load(client->agent, entry);
        return client_permits(client, entry, NULL, NULL);
}

/* Keys beyond the longest message are left out: with them no client could read any. */
static Step request_list(SshClient *client)
{
        SshAgent *agent = client->agent;
        size_t begun = wire_begin(&client->out), count_at;
        uint32_t n = 0;
        ByteWriter count = BYTE_WRITER_NULL;

        byte_writer_u8(&client->out, SSH_AGENT_IDENTITIES_ANSWER);
        count_at = client->out.size;
        wire_put_u32(&client->out, 0);
        for (size_t i = 0; i < agent->n_entries && !ssh_agent_is_locked(agent); i++) {
                Entry *entry = agent->entries[i];
                size_t before = client->out.size;

                if (!is_shown(client, entry))
                        continue;
                wire_put_string(&client->out, entry->blob.all.data, entry->blob.all.size);
                wire_put_text(&client->out, entry->comment);
                if (client->out.failed)
                        return STEP_FAIL;
                if (client->out.size - begun - 4 > SSH_MESSAGE_MAX) {
                        client->out.size = before;
                        break;
                }
                n++;
        }
        if (client->out.failed)
                return STEP_FAIL;
        count = (ByteWriter){.data = client->out.data + count_at, .capacity = 4};
        wire_put_u32(&count, n);
        wire_end(&client->out, begun);
        return STEP_DONE;
}

static Step request_query(SshClient *client, ByteReader *reader)
{
        size_t begun = wire_begin(&client->out);

        if (!byte_reader_done(reader))
                return STEP_REFUSE;
        byte_writer_u8(&client->out, SSH_AGENT_EXTENSION_RESPONSE);
        wire_put_text(&client->out, "query");
        wire_put_text(&client->out, "query");
        wire_put_text(&client->out, "session-bind@openssh.com");
        wire_end(&client->out, begun);
        return STEP_DONE;
}

static Step request_extension(SshClient *client, ByteReader *reader)
{
        Span name = wire_text(reader);

        if (span_is(name, "session-bind@openssh.com"))
                return sessions_bind(&client->sessions, reader) == 0 ? reply_success(client)
                       : ssh_agent_is_locked(client->agent)          ? STEP_FAIL
                                                                     : STEP_REFUSE;
        if (span_is(name, "query") && !ssh_agent_is_locked(client->agent))
                return request_query(client, reader);
        return STEP_FAIL;
}

static Step request_remove(SshClient *client, ByteReader *reader)
{
        Span blob = wire_string(reader);
        Entry *entry = byte_reader_done(reader) ? agent_find(client->agent, blob) : NULL;
        Step step;

        if (!entry)
                return STEP_FAIL;
        step = client_may_change(client, entry);
        if (step != STEP_DONE)
                return step;
        return agent_remove(client->agent, entry) == 0 ? reply_success(client) : STEP_FAIL;
}

/* Keys in memory go at once, whatever becomes of the stored ones. */
static Step request_remove_all(SshClient *client)
{
        SshAgent *agent = client->agent;
        bool stored = false, failed = false;
        Step step;

        for (size_t i = 0; i < agent->n_entries;)
                if (agent->entries[i]->stored) {
                        stored |= !agent->entries[i]->dead;
                        i++;
                } else {
                        agent_drop(agent, agent->entries[i]);
                }
        if (!stored)
                return reply_success(client);
        if (sessions_remote(&client->sessions))
                return STEP_FAIL;
        step = client_open_storage(client, NULL);
        if (step != STEP_DONE)
                return step;
        for (size_t i = 0; i < agent->n_entries;)
                if (agent_remove(agent, agent->entries[i]) != 0) {
                        failed = true;
                        i++;
                }
        return failed ? STEP_FAIL : reply_success(client);
}

Step request_run(SshClient *client, Span body)
{
        ByteReader reader = span_reader(body);
        uint8_t type = byte_reader_u8(&reader);
        bool locked = ssh_agent_is_locked(client->agent);

        if (client->request.failed)
                return STEP_FAIL;
        if (locked && type != SSH_AGENTC_UNLOCK && type != SSH_AGENTC_REQUEST_IDENTITIES && type != SSH_AGENTC_EXTENSION)
                return STEP_FAIL;
        switch (type) {
        case SSH_AGENTC_REQUEST_IDENTITIES:
                return byte_reader_done(&reader) ? request_list(client) : STEP_FAIL;
        case SSH_AGENTC_SIGN_REQUEST:
                return request_sign(client, &reader);
        case SSH_AGENTC_ADD_IDENTITY:
        case SSH_AGENTC_ADD_ID_CONSTRAINED:
                return request_add(client, &reader);
        case SSH_AGENTC_REMOVE_IDENTITY:
                return request_remove(client, &reader);
        case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
                return byte_reader_done(&reader) ? request_remove_all(client) : STEP_FAIL;
        case SSH_AGENTC_LOCK:
        case SSH_AGENTC_UNLOCK:
                return request_lock(client, &reader, type == SSH_AGENTC_LOCK);
        case SSH_AGENTC_EXTENSION:
                return request_extension(client, &reader);
        default:
                return STEP_FAIL; /* smart cards, too: nobody's library is loaded here */
        }
}
