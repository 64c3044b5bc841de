/*
 * The life of an agent
 *
 * Time passes between calls: whoever calls in first sees to it that keys whose lifetime is over are gone. A stored key whose
 * record can't be removed then, because storage is locked, is dead all the same, and its record goes as soon as that is possible.
 */
#include <errno.h>

#include "sshagent/internal.h"

#define BURY_AGAIN_MS 60000U

int ssh_agent_new(const SshAgentOps *ops, void *userdata, SshAgent **ret)
{
        _cleanup_(ssh_agent_freep) SshAgent *agent = calloc(1, sizeof(*agent));

        if (!agent)
                return -ENOMEM;
        agent->ops = ops;
        agent->userdata = userdata;
        agent->next_death = NEVER;
        agent->seal_key = key_new_random();
        if (!agent->seal_key)
                return -ENOMEM;
        *ret = TAKE_PTR(agent);
        return 0;
}

SshAgent *ssh_agent_free(SshAgent *agent)
{
        if (!agent)
                return NULL;
        ready_clear(agent);
        for (size_t i = 0; i < agent->n_entries; i++)
                entry_free(agent->entries[i]);
        free(agent->entries);
        lock_done(agent);
        key_free(agent->seal_key);
        free(agent);
        return NULL;
}

/* Whether a key is gone from the list now. */
static bool bury(SshAgent *agent, Entry *entry, uint64_t now)
{
        if (!entry->dead) {
                entry->dead = true;
                agent->changed = true;
                ready_drop(agent, entry->id);
        }
        if (agent_remove(agent, entry) == 0)
                return true;
        entry->death = now + BURY_AGAIN_MS;
        return false;
}

static void reap(SshAgent *agent, uint64_t now)
{
        uint64_t next = NEVER;

        for (size_t i = 0; i < agent->n_entries;) {
                Entry *entry = agent->entries[i];

                if (entry->death <= now && bury(agent, entry, now))
                        continue;
                if (entry->death < next)
                        next = entry->death;
                i++;
        }
        agent->next_death = next;
}

void agent_enter(SshAgent *agent)
{
        uint64_t now;

        if (agent->next_death == NEVER)
                return;
        now = agent_now(agent);
        if (agent->next_death <= now)
                reap(agent, now);
}

void agent_leave(SshAgent *agent)
{
        if (!agent->changed)
                return;
        agent->changed = false;
        if (agent->ops->changed)
                agent->ops->changed(agent->userdata);
}

int ssh_agent_stored(SshAgent *agent, uint64_t number, const void *hint, size_t size)
{
        _cleanup_(entry_freep) Entry *entry = NULL;
        Entry *old;
        int r;

        if (size > SSH_HINT_MAX)
                return SSH_E_INVALID;
        agent_enter(agent);
        r = hint_read((Span){hint, size}, &entry);
        if (r != 0)
                return r;
        old = agent_find(agent, entry->blob.all);
        if (old && old->stored)
                return SSH_E_EXISTS;
        entry->number = number;
        agent_set_end(agent, entry, entry->end);
        r = agent_put(agent, old, entry);
        if (r != 0)
                return r;
        TAKE_PTR(entry);
        agent_leave(agent);
        return 0;
}

static void forget(SshAgent *agent, Entry *entry)
{
        ready_drop(agent, entry->id);
        ssh_policy_done(&entry->policy);
        free(entry->destinations);
        entry->destinations = NULL;
        entry->destinations_size = 0; /* that there are some is in the hint */
        entry->loaded = false;
}

void ssh_agent_forget(SshAgent *agent, bool all)
{
        agent_enter(agent);
        for (size_t i = 0; i < agent->n_entries;) {
                Entry *entry = agent->entries[i];

                if (entry->stored && all) {
                        agent_drop(agent, entry);
                        continue;
                }
                if (entry->stored)
                        forget(agent, entry);
                i++;
        }
        agent_leave(agent);
}

uint64_t ssh_agent_deadline(const SshAgent *agent)
{
        uint64_t deadline = agent->next_death;

        for (const SshClient *client = agent->clients; client; client = client->next)
                if (client->request.pending == PENDING_TIME && client->request.until < deadline)
                        deadline = client->request.until;
        return deadline;
}

void ssh_agent_tick(SshAgent *agent)
{
        uint64_t now = agent_now(agent);

        agent_enter(agent);
        for (SshClient *client = agent->clients; client; client = client->next)
                client_tick(client, now);
        agent_leave(agent);
}
