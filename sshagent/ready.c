/*
 * Keys that are ready to sign
 *
 * Making one ready costs as much as a signature, so the few that were used last stay so. They are in the arena, which others
 * need, too: when it is full, the one that was used longest ago goes. RSA keys are on the ordinary heap while they are ready, because
 * OpenSSL puts them there, so they stay only for as long as more signatures are likely.
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

static void empty_rsa(ReadyRsa *ready)
{
        rsa_signer_free(ready->signer);
        *ready = (ReadyRsa){0};
}

void ready_drop(SshAgent *agent, uint32_t id)
{
        for (size_t i = 0; i < READY_RSA_MAX; i++)
                if (agent->ready_rsa[i].id == id)
                        empty_rsa(&agent->ready_rsa[i]);
        for (size_t i = 0; i < READY_MAX; i++)
                if (agent->ready[i].id == id)
                        empty(&agent->ready[i]);
}

void ready_clear(SshAgent *agent)
{
        for (size_t i = 0; i < READY_RSA_MAX; i++)
                empty_rsa(&agent->ready_rsa[i]);
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

/* ---- RSA ---- */

uint64_t ready_deadline(const SshAgent *agent)
{
        uint64_t deadline = NEVER;

        for (size_t i = 0; i < READY_RSA_MAX; i++)
                if (agent->ready_rsa[i].signer && agent->ready_rsa[i].until < deadline)
                        deadline = agent->ready_rsa[i].until;
        return deadline;
}

void ready_tick(SshAgent *agent, uint64_t now)
{
        for (size_t i = 0; i < READY_RSA_MAX; i++)
                if (agent->ready_rsa[i].signer && agent->ready_rsa[i].until <= now)
                        empty_rsa(&agent->ready_rsa[i]);
}

/* The place of this key, or else the one that is best given to it. */
static ReadyRsa *place_of(SshAgent *agent, uint32_t id)
{
        ReadyRsa *place = &agent->ready_rsa[0];

        for (size_t i = 0; i < READY_RSA_MAX; i++) {
                ReadyRsa *ready = &agent->ready_rsa[i];

                if (ready->signer && ready->id == id)
                        return ready;
                if (ready->until < place->until) /* an empty one has none */
                        place = ready;
        }
        return place;
}

int ready_get_rsa(SshAgent *agent, Entry *entry, RsaSigner **ret)
{
        _cleanup_(opened_done) Opened opened = {0};
        ReadyRsa *ready = place_of(agent, entry->id);
        RsaSigner *signer;
        int r;

        if (!ready->signer || ready->id != entry->id) {
                r = agent_open(agent, entry, &opened);
                if (r != 0)
                        return r;
                do
                        r = private_rsa_signer(&entry->blob, opened.secret, &signer);
                while (r == -ENOMEM && ready_evict(agent));
                if (r < 0)
                        return r;
                empty_rsa(ready);
                *ready = (ReadyRsa){.id = entry->id, .signer = signer};
        }
        ready->until = agent_now(agent) + READY_RSA_MS;
        return rsa_signer_copy(ready->signer, ret);
}
