/*
 * The keys of an agent
 *
 * The private half of a key in memory is sealed by a key in the arena, on the ordinary heap, so that there can be thousands. That
 * of a stored key is in its record, and is read each time: nothing of it stays when storage is locked. Keys are listed in
 * the order in which they came; one that comes again keeps its place and its id.
 */
#include <errno.h>
#include <string.h>

#include "crypto/seal.h"
#include "sshagent/internal.h"

Entry *entry_free(Entry *entry)
{
        if (!entry)
                return NULL;
        free(entry->bytes);
        free(entry->comment);
        free(entry->application);
        free(entry->destinations);
        free(entry->sealed);
        ssh_policy_done(&entry->policy);
        free(entry);
        return NULL;
}

int entry_new(uint8_t *bytes, size_t size, Entry **ret)
{
        _cleanup_free_ uint8_t *mine = bytes;
        _cleanup_(entry_freep) Entry *entry = NULL;
        Blob blob;
        int r;

        r = blob_read((Span){mine, size}, &blob);
        if (r < 0)
                return r;
        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;
        entry->bytes = TAKE_PTR(mine);
        entry->blob = blob;
        entry->death = NEVER;
        blob_fingerprint_of(&entry->blob, entry->fingerprint);
        if (blob_is_sk(blob.kind)) {
                entry->application = wire_presentable(blob.application, blob.application.size);
                if (!entry->application)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(entry);
        return 0;
}

int entry_set_comment(Entry *entry, Span comment)
{
        char *text = wire_presentable(comment, SSH_COMMENT_MAX);

        if (!text)
                return -ENOMEM;
        free(entry->comment);
        entry->comment = text;
        return 0;
}

int entry_set_destinations(Entry *entry, Span destinations, size_t n)
{
        uint8_t *copy = NULL;

        if (n > 0) {
                copy = malloc(destinations.size);
                if (!copy)
                        return -ENOMEM;
                memcpy(copy, destinations.data, destinations.size);
        }
        free(entry->destinations);
        entry->destinations = copy;
        entry->destinations_size = n > 0 ? destinations.size : 0;
        entry->n_destinations = n;
        return 0;
}

uint64_t agent_now(SshAgent *agent)
{
        return agent->ops->now(agent->userdata);
}

uint64_t agent_wall(SshAgent *agent)
{
        return agent->ops->wall ? agent->ops->wall(agent->userdata) : 0;
}

void agent_set_end(SshAgent *agent, Entry *entry, uint64_t end)
{
        uint64_t wall = agent_wall(agent), left = end > wall ? end - wall : 0;

        entry->end = end;
        entry->death = end == 0 || left > UINT32_MAX ? NEVER : agent_now(agent) + left * 1000;
        if (entry->death < agent->next_death)
                agent->next_death = entry->death;
}

bool agent_storage_open(SshAgent *agent)
{
        return agent->ops->is_open && agent->ops->is_open(agent->userdata);
}

Entry *agent_find(SshAgent *agent, Span bytes)
{
        for (size_t i = 0; i < agent->n_entries; i++)
                if (!agent->entries[i]->dead && span_equal(agent->entries[i]->blob.all, bytes))
                        return agent->entries[i];
        return NULL;
}

Entry *agent_find_id(SshAgent *agent, uint32_t id)
{
        for (size_t i = 0; i < agent->n_entries; i++)
                if (!agent->entries[i]->dead && agent->entries[i]->id == id)
                        return agent->entries[i];
        return NULL;
}

int agent_room(SshAgent *agent)
{
        Entry **entries;
        size_t n = agent->n_room ? 2 * agent->n_room : 16;

        if (agent->n_entries >= SSH_KEYS_MAX)
                return SSH_E_FULL;
        if (agent->n_entries < agent->n_room)
                return 0;
        entries = reallocarray(agent->entries, n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        agent->entries = entries;
        agent->n_room = n;
        return 0;
}

int agent_put(SshAgent *agent, Entry *old, Entry *entry)
{
        int r;

        if (!old) {
                r = agent_room(agent);
                if (r != 0)
                        return r;
                entry->id = ++agent->last_id;
                agent->entries[agent->n_entries++] = entry;
        }
        for (size_t i = 0; old && i < agent->n_entries; i++)
                if (agent->entries[i] == old) {
                        entry->id = old->id;
                        agent->entries[i] = entry;
                        entry_free(old);
                        break;
                }
        if (entry->death < agent->next_death)
                agent->next_death = entry->death;
        agent->changed = true;
        return 0;
}

void agent_drop(SshAgent *agent, Entry *entry)
{
        for (size_t i = 0; i < agent->n_entries; i++)
                if (agent->entries[i] == entry) {
                        memmove(agent->entries + i, agent->entries + i + 1,
                                (agent->n_entries - i - 1) * sizeof(*agent->entries));
                        agent->n_entries--;
                        break;
                }
        ready_drop(agent, entry->id);
        entry_free(entry);
        agent->changed = true;
}

int agent_seal(SshAgent *agent, Entry *entry, Span secret)
{
        uint8_t *sealed = malloc(secret.size + SEAL_OVERHEAD);

        if (!sealed)
                return -ENOMEM;
        seal(agent->seal_key, entry->blob.all.data, entry->blob.all.size, secret.data, secret.size, sealed);
        free(entry->sealed);
        entry->sealed = sealed;
        entry->sealed_size = secret.size + SEAL_OVERHEAD;
        return 0;
}

void opened_done(Opened *opened)
{
        arena_free(opened->memory);
        secret_free(opened->record);
        *opened = (Opened){0};
}

static int open_record(SshAgent *agent, Entry *entry, Opened *ret)
{
        _cleanup_(secret_freep) Secret *record = NULL;
        uint64_t end = entry->end;
        int r;

        if (!agent_storage_open(agent))
                return SSH_E_LOCKED;
        r = secret_new(&record, 0);
        if (r == 0)
                r = agent->ops->get(agent->userdata, entry->number, record);
        if (r == 0)
                r = record_read((Span){record->data, record->size}, entry, &ret->secret);
        if (r != 0)
                return r;
        if (entry->end != end)
                agent_set_end(agent, entry, entry->end); /* the hint said something else */
        ret->record = TAKE_PTR(record);
        return 0;
}

int agent_open(SshAgent *agent, Entry *entry, Opened *ret)
{
        Opened opened = {0};
        int r;

        if (entry->stored)
                return open_record(agent, entry, ret);
        opened.size = entry->sealed_size - SEAL_OVERHEAD;
        do
                opened.memory = arena_alloc(opened.size);
        while (!opened.memory && ready_evict(agent));
        if (!opened.memory)
                return -ENOMEM;
        r = seal_open(agent->seal_key, entry->blob.all.data, entry->blob.all.size, entry->sealed, entry->sealed_size,
                      opened.memory);
        if (r < 0) {
                opened_done(&opened);
                return r;
        }
        opened.secret = (Span){opened.memory, opened.size};
        *ret = opened;
        return 0;
}

int agent_load(SshAgent *agent, Entry *entry)
{
        _cleanup_(opened_done) Opened opened = {0};

        if (!entry->stored)
                return 0;
        if (!agent_storage_open(agent))
                return SSH_E_LOCKED;
        return entry->loaded ? 0 : agent_open(agent, entry, &opened);
}

int agent_store(SshAgent *agent, Entry *entry, Span secret)
{
        _cleanup_(byte_writer_done) ByteWriter record = BYTE_WRITER_NULL, hint = BYTE_WRITER_NULL;
        uint64_t number = entry->stored ? entry->number : 0;
        int r;

        if (!agent_storage_open(agent))
                return SSH_E_LOCKED;
        r = record_write(entry, secret, &record, &hint);
        if (r != 0)
                return r;
        r = agent->ops->put(agent->userdata, &number, record.data, record.size, hint.data, hint.size);
        if (r != 0)
                return r;
        entry->number = number;
        entry->stored = entry->loaded = true;
        agent->changed = true;
        return 0;
}

int agent_remove(SshAgent *agent, Entry *entry)
{
        int r;

        if (entry->stored) {
                if (!agent_storage_open(agent))
                        return SSH_E_LOCKED;
                r = agent->ops->remove(agent->userdata, entry->number);
                if (r != 0 && r != SSH_E_NOT_FOUND)
                        return r;
        }
        agent_drop(agent, entry);
        return 0;
}

void agent_info(SshAgent *agent, const Entry *entry, SshKeyInfo *ret)
{
        uint64_t now = agent_now(agent), left = entry->death == NEVER || entry->death <= now ? 0 : entry->death - now;

        *ret = (SshKeyInfo){
                .id = entry->id,
                .kind = entry->blob.kind,
                .type = blob_type(entry->blob.kind, entry->blob.certificate),
                .blob = entry->blob.all.data,
                .blob_size = entry->blob.all.size,
                .comment = entry->comment,
                .bits = blob_bits(&entry->blob),
                .certificate = entry->blob.certificate,
                .stored = entry->stored,
                .number = entry->number,
                .confirm = entry->confirm,
                .lifetime_left = left / 1000 >= UINT32_MAX ? UINT32_MAX : (uint32_t)((left + 999) / 1000),
                .n_destinations = entry->n_destinations,
                .sk_flags = entry->sk_flags,
                .application = entry->application,
                .policy = entry->stored && !entry->loaded ? NULL : &entry->policy,
        };
        memcpy(ret->fingerprint, entry->fingerprint, sizeof(entry->fingerprint));
}
