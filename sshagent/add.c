/*
 * Adding keys
 *
 * A key that is there already gets the comment and the constraints that come now, as in OpenSSH; if it is stored, in its record,
 * whose policy stays. The owner may want every key stored that is to stay; one with a lifetime is not, and another machine
 * can't have any stored.
 */
#include <errno.h>
#include <string.h>

#include "sshagent/constraint.h"
#include "sshagent/internal.h"
#include "sshagent/private.h"

/* What a message adds. */
typedef struct Added {
        Entry *entry;
        ByteWriter secret;
        Constraints constraints;
} Added;

static void added_done(Added *added)
{
        entry_free(added->entry);
        byte_writer_done(&added->secret);
}

/* Security keys are the owner's own; nobody's library is loaded for them. */
static bool provider_fits(const Constraints *constraints, SshKeyKind kind)
{
        if (!constraints->has_provider)
                return true;
        return blob_is_sk(kind) &&
               (span_is(constraints->provider, "internal") || span_is(constraints->provider, "libsk-keyfob.so") ||
                span_ends(constraints->provider, "/libsk-keyfob.so"));
}

static int read_added(ByteReader *reader, Added *ret)
{
        uint8_t *bytes;
        size_t size;
        Span comment, handle;
        int r;

        r = private_read(reader, &bytes, &size, &ret->secret);
        if (r == 0)
                r = entry_new(bytes, size, &ret->entry);
        if (r < 0)
                return r;
        comment = wire_text(reader);
        if (reader->failed || comment.size > SSH_COMMENT_MAX)
                return -EINVAL;
        r = constraints_read(reader, &ret->constraints);
        if (r == 0 && !provider_fits(&ret->constraints, ret->entry->blob.kind))
                r = -EINVAL;
        if (r == 0 && blob_is_sk(ret->entry->blob.kind))
                r = private_sk((Span){ret->secret.data, ret->secret.size}, &ret->entry->sk_flags, &handle);
        if (r == 0)
                r = entry_set_comment(ret->entry, comment);
        if (r == 0)
                r = entry_set_destinations(ret->entry, ret->constraints.destinations, ret->constraints.n_destinations);
        ret->entry->confirm = ret->constraints.confirm;
        return r;
}

static int set_lifetime(SshAgent *agent, Added *added, bool store)
{
        const Constraints *constraints = &added->constraints;

        if (!constraints->has_lifetime)
                return 0;
        if (store && !agent->ops->wall)
                return -EINVAL;
        added->entry->death = agent_now(agent) + (uint64_t)constraints->lifetime * 1000;
        if (store)
                added->entry->end = agent_wall(agent) + constraints->lifetime;
        return 0;
}

/* Writes the record before the key is listed. */
static Step store_added(SshClient *client, Added *added, Entry *old)
{
        SshAgent *agent = client->agent;
        Entry *entry = added->entry;

        if (old && old->stored) {
                if (policy_copy(&old->policy, &entry->policy) < 0)
                        return STEP_FAIL;
                entry->stored = true;
                entry->number = old->number;
        }
        return agent_store(agent, entry, (Span){added->secret.data, added->secret.size}) == 0 ? STEP_DONE : STEP_FAIL;
}

Step request_add(SshClient *client, ByteReader *reader)
{
        _cleanup_(added_done) Added added = {0};
        SshAgent *agent = client->agent;
        bool remote = sessions_remote(&client->sessions), store;
        Entry *old;
        Step step;

        if (read_added(reader, &added) < 0)
                return STEP_FAIL;
        old = agent_find(agent, added.entry->blob.all);
        if (old) {
                step = client_may_change(client, old);
                if (step != STEP_DONE)
                        return step;
        }
        store = (old && old->stored) || (!remote && !added.constraints.has_lifetime && agent->ops->keeps &&
                                         agent->ops->keeps(agent->userdata));
        if (store) {
                step = client_open_storage(client, old);
                if (step != STEP_DONE)
                        return step;
        }
        if (agent_too_much(agent, added.entry, added.secret.size) || (!old && agent_room(agent) != 0) ||
            set_lifetime(agent, &added, store) < 0)
                return STEP_FAIL;
        if (store) {
                step = store_added(client, &added, old);
                if (step != STEP_DONE)
                        return step;
        } else if (agent_seal(agent, added.entry, (Span){added.secret.data, added.secret.size}) < 0) {
                return STEP_FAIL;
        }
        if (agent_put(agent, old, added.entry) != 0)
                return STEP_FAIL;
        TAKE_PTR(added.entry);
        return reply_success(client);
}
