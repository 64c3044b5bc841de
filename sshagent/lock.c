/*
 * Locking the agent with a passphrase (ssh-add -x, -X)
 *
 * Of the passphrase only a hash is kept, keyed by a random key in the arena. Guesses are judged one at a time, whoever makes
 * them: after a wrong one nothing is judged for a while, which grows. That holds up nobody but those who guess.
 */
#include <string.h>

#include "crypto/seal.h"
#include "sshagent/internal.h"

#define DELAY_FIRST_MS 100U
#define DELAY_MAX_MS   10000U

void lock_done(SshAgent *agent)
{
        agent->lock_key = key_free(agent->lock_key);
        explicit_bzero(agent->lock_hash, sizeof(agent->lock_hash));
        agent->lock_failures = 0;
        agent->lock_until = 0;
}

bool ssh_agent_is_locked(const SshAgent *agent)
{
        return agent->lock_key;
}

static Step lock(SshClient *client, Span passphrase)
{
        SshAgent *agent = client->agent;

        agent->lock_key = key_new_random();
        if (!agent->lock_key && ready_evict(agent))
                agent->lock_key = key_new_random();
        if (!agent->lock_key)
                return STEP_FAIL;
        mac(agent->lock_key, passphrase.data, passphrase.size, agent->lock_hash, sizeof(agent->lock_hash));
        ready_clear(agent);
        agent->changed = true;
        return reply_success(client);
}

static Step wait_until(SshClient *client, uint64_t until)
{
        client->request.pending = PENDING_TIME;
        client->request.until = until;
        return STEP_WAIT;
}

static Step unlock(SshClient *client, Span passphrase)
{
        SshAgent *agent = client->agent;
        uint64_t now = agent_now(agent), delay = DELAY_FIRST_MS;
        uint8_t hash[sizeof(agent->lock_hash)];
        bool right;

        if (now < agent->lock_until)
                return wait_until(client, agent->lock_until);
        mac(agent->lock_key, passphrase.data, passphrase.size, hash, sizeof(hash));
        right = bytes_equal(hash, agent->lock_hash, sizeof(hash));
        explicit_bzero(hash, sizeof(hash));
        if (right) {
                lock_done(agent);
                agent->changed = true;
                return reply_success(client);
        }
        for (unsigned i = 0; i < agent->lock_failures && delay < DELAY_MAX_MS; i++)
                delay *= 2;
        if (delay > DELAY_MAX_MS)
                delay = DELAY_MAX_MS;
        agent->lock_failures++;
        agent->lock_until = now + delay;
        client->request.failed = true;
        return wait_until(client, agent->lock_until);
}

Step request_lock(SshClient *client, ByteReader *reader, bool on)
{
        Span passphrase = wire_text(reader);

        if (!byte_reader_done(reader) || passphrase.size == 0 || on == ssh_agent_is_locked(client->agent))
                return STEP_FAIL;
        return on ? lock(client, passphrase) : unlock(client, passphrase);
}
