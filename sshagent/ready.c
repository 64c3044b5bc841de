/*
 * Keys that are ready to sign
 *
 * Making one ready costs as much as a signature, so the few that were used last stay so. They are in the arena, which others
 * need, too: when it is full, the one that was used longest ago goes.
 */
#include <errno.h>

#include "sshagent/internal.h"
#include "sshagent/private.h"

static void empty(Ready *ready)
{
        signer_free(ready->signer);
        *ready = (Ready){0};
}

bool ready_evict(SshAgent *agent)
{
        Ready *oldest = NULL;

        for (size_t i = 0; i < READY_MAX; i++)
                if (agent->ready[i].signer && (!oldest || agent->ready[i].used < oldest->used))
                        oldest = &agent->ready[i];
        if (!oldest)
                return false;
        empty(oldest);
        return true;
}

void ready_drop(SshAgent *agent, uint32_t id)
{
        for (size_t i = 0; i < READY_MAX; i++)
                if (agent->ready[i].id == id)
                        empty(&agent->ready[i]);
}

void ready_clear(SshAgent *agent)
{
        while (ready_evict(agent))
                ;
}

static Ready *room(SshAgent *agent)
{
        for (;;) {
                for (size_t i = 0; i < READY_MAX; i++)
                        if (!agent->ready[i].signer)
                                return &agent->ready[i];
                (void)ready_evict(agent);
        }
}

int ready_get(SshAgent *agent, Entry *entry, Signer **ret)
{
        _cleanup_(opened_done) Opened opened = {0};
        Signer *signer;
        Ready *ready;
        int r;

        for (size_t i = 0; i < READY_MAX; i++)
                if (agent->ready[i].id == entry->id && agent->ready[i].signer) {
                        agent->ready[i].used = ++agent->ready_clock;
                        *ret = agent->ready[i].signer;
                        return 0;
                }
        r = agent_open(agent, entry, &opened);
        if (r != 0)
                return r;
        do
                r = private_signer(&entry->blob, opened.secret, &signer);
        while (r == -ENOMEM && ready_evict(agent));
        if (r < 0)
                return r;
        ready = room(agent);
        *ready = (Ready){.id = entry->id, .signer = signer, .used = ++agent->ready_clock};
        *ret = signer;
        return 0;
}
