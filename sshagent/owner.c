/*
 * What the owner does with his keys
 *
 * No protocol and no constraint stands between. Everything here that changes a stored key writes its record first; if that
 * fails, nothing has changed.
 */
#include <errno.h>
#include <string.h>

#include "sshagent/internal.h"
#include "sshagent/private.h"

int ssh_agent_key_next(SshAgent *agent, uint32_t prev_id, SshKeyInfo *ret)
{
        int r = SSH_E_NOT_FOUND;

        agent_enter(agent);
        for (size_t i = 0; i < agent->n_entries; i++) {
                Entry *entry = agent->entries[i];

                if (entry->dead || entry->id <= prev_id)
                        continue;
                (void)agent_load(agent, entry); /* it is listed all the same */
                agent_info(agent, entry, ret);
                r = SSH_OK;
                break;
        }
        agent_leave(agent);
        return r;
}

int ssh_agent_key_get(SshAgent *agent, uint32_t id, SshKeyInfo *ret)
{
        Entry *entry;

        agent_enter(agent);
        entry = agent_find_id(agent, id);
        if (entry) {
                (void)agent_load(agent, entry);
                agent_info(agent, entry, ret);
        }
        agent_leave(agent);
        return entry ? SSH_OK : SSH_E_NOT_FOUND;
}

static bool comment_valid(const char *comment)
{
        return strlen(comment) <= SSH_COMMENT_MAX;
}

/* Stores a key that nobody has yet. Takes `bytes`. */
static int store_new(SshAgent *agent, uint8_t *bytes, size_t size, Span secret, const char *comment, const SshPolicy *policy,
                     uint32_t *ret_id)
{
        _cleanup_(entry_freep) Entry *entry = NULL;
        uint8_t flags = 0;
        Span handle;
        int r;

        r = entry_new(bytes, size, &entry);
        if (r == 0 && agent_find(agent, entry->blob.all))
                return SSH_E_EXISTS;
        if (r == 0 && blob_is_sk(entry->blob.kind))
                r = private_sk(secret, &flags, &handle);
        if (r == 0)
                r = entry_set_comment(entry, (Span){(const uint8_t *)comment, strlen(comment)});
        if (r == 0 && policy)
                r = policy_copy(policy, &entry->policy);
        if (r == 0)
                r = agent_room(agent);
        if (r != 0)
                return r;
        entry->sk_flags = flags;
        r = agent_store(agent, entry, secret);
        if (r == 0)
                r = agent_put(agent, NULL, entry);
        if (r != 0)
                return r;
        *ret_id = TAKE_PTR(entry)->id;
        return SSH_OK;
}

struct SshDraft {
        uint8_t *bytes;
        size_t size;
        ByteWriter secret;
};

SshDraft *ssh_draft_free(SshDraft *draft)
{
        if (!draft)
                return NULL;
        free(draft->bytes);
        byte_writer_done(&draft->secret);
        free(draft);
        return NULL;
}

int ssh_draft_new(SshKeyKind kind, unsigned bits, SshDraft **ret)
{
        _cleanup_(ssh_draft_freep) SshDraft *draft = calloc(1, sizeof(*draft));
        int r;

        if (!draft)
                return -ENOMEM;
        if (kind == SSH_KEY_RSA && bits % 8 != 0)
                return SSH_E_INVALID;
        r = private_generate(kind, kind == SSH_KEY_RSA && bits == 0 ? SSH_RSA_BITS_DEFAULT : bits, &draft->bytes,
                             &draft->size, &draft->secret);
        if (r < 0)
                return r == -EINVAL ? SSH_E_INVALID : r;
        *ret = TAKE_PTR(draft);
        return SSH_OK;
}

int ssh_agent_add_draft(SshAgent *agent, SshDraft *draft, const char *comment, const SshPolicy *policy, uint32_t *ret_id)
{
        int r;

        if (!comment_valid(comment) || (policy && !ssh_policy_valid(policy)) || !draft->bytes)
                return SSH_E_INVALID;
        if (!agent_storage_open(agent))
                return SSH_E_LOCKED;
        agent_enter(agent);
        r = store_new(agent, TAKE_PTR(draft->bytes), draft->size, (Span){draft->secret.data, draft->secret.size}, comment,
                      policy, ret_id);
        agent_leave(agent);
        return r;
}

int ssh_agent_add_sk(SshAgent *agent, SshKeyKind kind, const uint8_t *public_key, size_t public_size, const char *application,
                     uint8_t flags, const uint8_t *key_handle, size_t key_handle_size, const char *comment,
                     const SshPolicy *policy, uint32_t *ret_id)
{
        _cleanup_(byte_writer_done) ByteWriter secret = BYTE_WRITER_NULL;
        SignKey key = {0};
        uint8_t *bytes;
        size_t size, skip = kind == SSH_KEY_SK_ECDSA;
        int r;

        if (!blob_is_sk(kind) || !comment_valid(comment) || (policy && !ssh_policy_valid(policy)) ||
            public_size != skip + sign_public_size(blob_sign_kind(kind)) || (skip && public_key[0] != 4))
                return SSH_E_INVALID;
        if (!agent_storage_open(agent))
                return SSH_E_LOCKED;
        agent_enter(agent);
        memcpy(key.public_key, public_key + skip, public_size - skip);
        private_put_sk(&secret, flags, (Span){key_handle, key_handle_size});
        r = secret.failed ? -ENOMEM
                          : blob_new(kind, &key, NULL, (Span){(const uint8_t *)application, strlen(application)}, &bytes, &size);
        if (r == 0)
                r = store_new(agent, bytes, size, (Span){secret.data, secret.size}, comment, policy, ret_id);
        agent_leave(agent);
        return r;
}

static int keep(SshAgent *agent, Entry *entry)
{
        _cleanup_(opened_done) Opened opened = {0};
        uint64_t now = agent_now(agent);
        int r;

        if (entry->stored)
                return SSH_E_EXISTS;
        if (entry->death != NEVER && !agent->ops->wall)
                return SSH_E_INVALID;
        r = agent_open(agent, entry, &opened);
        if (r != 0)
                return r;
        entry->end = entry->death == NEVER ? 0 : agent_wall(agent) + (entry->death - now + 999) / 1000;
        r = agent_store(agent, entry, opened.secret);
        if (r != 0) {
                entry->end = 0;
                return r;
        }
        free(entry->sealed);
        entry->sealed = NULL;
        entry->sealed_size = 0;
        return SSH_OK;
}

int ssh_agent_keep(SshAgent *agent, uint32_t id)
{
        Entry *entry;
        int r;

        agent_enter(agent);
        entry = agent_find_id(agent, id);
        r = entry ? keep(agent, entry) : SSH_E_NOT_FOUND;
        agent_leave(agent);
        return r;
}

int ssh_agent_remove(SshAgent *agent, uint32_t id)
{
        Entry *entry;
        int r;

        agent_enter(agent);
        entry = agent_find_id(agent, id);
        r = entry ? agent_remove(agent, entry) : SSH_E_NOT_FOUND;
        agent_leave(agent);
        return r;
}

/* Writes the record of a stored key anew, with what is not NULL, which it takes; or leaves both as they were. */
static int change_stored(SshAgent *agent, uint32_t id, char *comment, SshPolicy *policy)
{
        _cleanup_(opened_done) Opened opened = {0};
        Entry *entry = agent_find_id(agent, id);
        char *old_comment;
        SshPolicy old_policy;
        int r;

        if (!entry)
                return SSH_E_NOT_FOUND;
        if (!entry->stored)
                return SSH_E_INVALID;
        r = agent_open(agent, entry, &opened);
        if (r != 0)
                return r;
        old_comment = entry->comment;
        old_policy = entry->policy;
        if (comment)
                entry->comment = comment;
        if (policy)
                entry->policy = *policy;
        r = agent_store(agent, entry, opened.secret);
        if (r != 0) {
                entry->comment = old_comment;
                entry->policy = old_policy;
                return r;
        }
        if (comment)
                free(old_comment);
        if (policy)
                ssh_policy_done(&old_policy);
        return SSH_OK;
}

int ssh_agent_change(SshAgent *agent, uint32_t id, const SshPolicy *policy, const char *comment)
{
        _cleanup_(ssh_policy_done) SshPolicy copy = {0};
        _cleanup_free_ char *text = NULL;
        int r = 0;

        if ((policy && !ssh_policy_valid(policy)) || (comment && !comment_valid(comment)))
                return SSH_E_INVALID;
        if (policy)
                r = policy_copy(policy, &copy);
        if (r < 0)
                return r;
        if (comment) {
                text = wire_presentable((Span){(const uint8_t *)comment, strlen(comment)}, SSH_COMMENT_MAX);
                if (!text)
                        return -ENOMEM;
        }
        agent_enter(agent);
        r = change_stored(agent, id, text, policy ? &copy : NULL);
        if (r == SSH_OK) {
                copy = (SshPolicy){0};
                TAKE_PTR(text);
        }
        agent_leave(agent);
        return r;
}
