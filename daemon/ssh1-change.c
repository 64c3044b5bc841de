/*
 * Ssh1: keeping, removing and restoring keys, and what they may be used for
 *
 * A policy is made stricter by any program that may read the vault, and looser only by who opens a slot of it afresh: a program
 * that was kept from a key can't let itself in.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "daemon/ssh1-internal.h"

#define PASSWORD "Enter the password of your Keyfob vault, "

static int finish(Waiting *waiting, int result, sd_bus_error *error)
{
        int r;

        ssh_door_called(waiting->daemon->ssh);
        r = ssh1_error(waiting->daemon, error, result);
        return r < 0 ? r : waiting_finish(waiting, NULL);
}

/* A call whose first argument names the key. */
static int begin(sd_bus_message *m, Daemon *daemon, const char *const *allowed, sd_bus_error *error, Waiting **ret)
{
        const char *key;
        int r;

        r = sd_bus_message_read(m, "s", &key);
        return r < 0 ? r : ssh1_begin(daemon, m, key, allowed, error, ret);
}

/* ---- KeepKey, RemoveKey ---- */

static int keep(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = ssh1_find(waiting, NULL, error);
        if (r < 0)
                return r;
        r = ssh_agent_keep(ssh_door_agent(waiting->daemon->ssh), waiting->ssh->id);
        if (r == SSH_E_EXISTS)
                return sd_bus_error_set(error, KEYFOB_ERROR_EXISTS, "the key is stored already");
        return finish(waiting, r, error);
}

int ssh1_keep_key(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {NULL};
        Waiting *waiting;
        int r;

        r = begin(m, userdata, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = ssh1_unlock(waiting, PASSWORD "to store a key of ssh.", keep, error);
        return waiting_started(waiting, r);
}

static int remove_found(Waiting *waiting, sd_bus_error *error)
{
        return finish(waiting, ssh_agent_remove(ssh_door_agent(waiting->daemon->ssh), waiting->ssh->id), error);
}

int ssh1_remove_key(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {NULL};
        SshKeyInfo info;
        Waiting *waiting;
        int r;

        r = begin(m, userdata, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = ssh1_find(waiting, &info, error);
        if (r >= 0)
                r = info.stored ? ssh1_unlock(waiting, PASSWORD "to remove a key of ssh.", remove_found, error)
                                : remove_found(waiting, error);
        return waiting_started(waiting, r);
}

/* ---- UndeleteKey ---- */

static bool is_there(SshAgent *agent, const SshKeyInfo *wanted)
{
        SshKeyInfo info;
        uint32_t last = 0;

        while (ssh_agent_key_next(agent, last, &info) == SSH_OK) {
                last = info.id;
                if (info.stored && info.blob_size == wanted->blob_size &&
                    memcmp(info.blob, wanted->blob, info.blob_size) == 0)
                        return true;
        }
        return false;
}

static int restore(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(ssh_agent_freep) SshAgent *reader = NULL;
        _cleanup_free_ uint8_t *hint = malloc(SSH_HINT_MAX);
        Daemon *daemon = waiting->daemon;
        SshAgent *agent = ssh_door_agent(daemon->ssh);
        SshKeyInfo info;
        size_t size;
        int r;

        if (!hint)
                return -ENOMEM;
        r = vault_hint_get_deleted(daemon->vault, VAULT_CLASS_SSH, waiting->number, hint, SSH_HINT_MAX, &size);
        if (r != 0)
                return r == VAULT_E_NOT_FOUND ? ssh1_error(daemon, error, SSH_E_NOT_FOUND) : daemon_error(daemon, error, r);
        r = ssh1_read_hint(hint, size, &reader, &info);
        if (r == 0 && is_there(agent, &info))
                r = SSH_E_EXISTS;
        if (r != 0)
                return ssh1_error(daemon, error, r);
        /* no time passes for who reads a hint: what is left to the key there is when it ends */
        if (info.lifetime_left > 0 && info.lifetime_left <= (uint64_t)time(NULL))
                return sd_bus_error_set(error, KEYFOB_ERROR_NOT_ALLOWED,
                                        "the key had a lifetime, which is over: it would be removed at once");
        batch_flush(daemon);
        r = vault_record_undelete(daemon->vault, VAULT_CLASS_SSH, waiting->number);
        if (r != 0)
                return daemon_error(daemon, error, r);
        batch_wrote(daemon);
        return finish(waiting, ssh_agent_stored(agent, waiting->number, hint, size), error);
}

int ssh1_undelete_key(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {NULL};
        Waiting *waiting;
        uint64_t number;
        int r;

        r = sd_bus_message_read(m, "t", &number);
        if (r >= 0)
                r = ssh1_begin(userdata, m, /* key= */ NULL, allowed, error, &waiting);
        if (r < 0)
                return r;
        waiting->number = number;
        r = ssh1_unlock(waiting, PASSWORD "to restore a key of ssh.", restore, error);
        return waiting_started(waiting, r);
}

/* ---- SetPolicy ---- */

static bool has_program(const SshPolicy *policy, const char *program)
{
        for (size_t i = 0; i < policy->n_programs; i++)
                if (strcmp(policy->programs[i], program) == 0)
                        return true;
        return false;
}

static bool has_host(const SshPolicy *policy, const SshPolicyHost *host)
{
        for (size_t i = 0; i < policy->n_hosts; i++)
                if (policy->hosts[i].key_size == host->key_size &&
                    memcmp(policy->hosts[i].key, host->key, host->key_size) == 0)
                        return true;
        return false;
}

/* Whether the wish allows anybody anything that the policy does not. */
static bool loosens(const SshWish *wish, const SshPolicy *old)
{
        const SshPolicy *new = &wish->policy;

        if ((wish->sets_confirm && old->confirm && !new->confirm) || (wish->sets_verify && old->verify && !new->verify))
                return true;
        if (wish->sets_programs && old->programs) {
                if (!new->programs)
                        return true;
                for (size_t i = 0; i < new->n_programs; i++)
                        if (!has_program(old, new->programs[i]))
                                return true;
        }
        if (wish->sets_hosts && old->hosts) {
                if (!new->hosts)
                        return true;
                for (size_t i = 0; i < new->n_hosts; i++)
                        if (!has_host(old, &new->hosts[i]))
                                return true;
        }
        return false;
}

/* The lists stay whose they are. */
static int apply(Waiting *waiting, sd_bus_error *error)
{
        SshAgent *agent = ssh_door_agent(waiting->daemon->ssh);
        const SshWish *wish = waiting->ssh;
        SshKeyInfo info;
        SshPolicy policy;
        int r;

        r = ssh_agent_key_get(agent, wish->id, &info);
        if (r == 0 && !info.policy)
                r = SSH_E_LOCKED;
        if (r != 0)
                return ssh1_error(waiting->daemon, error, r);
        policy = *info.policy;
        if (wish->sets_confirm)
                policy.confirm = wish->policy.confirm;
        if (wish->sets_verify)
                policy.verify = wish->policy.verify;
        if (wish->sets_programs) {
                policy.programs = wish->policy.programs;
                policy.n_programs = wish->policy.n_programs;
        }
        if (wish->sets_hosts) {
                policy.hosts = wish->policy.hosts;
                policy.n_hosts = wish->policy.n_hosts;
        }
        return finish(waiting, ssh_agent_change(agent, wish->id, &policy, wish->comment), error);
}

static int apply_proved(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = store1_same_keys(waiting, error);
        if (r < 0)
                return r;
        if (!vault_is_unlocked(waiting->daemon->vault)) {
                r = daemon_error(waiting->daemon, error, opening_unlock(waiting->daemon, waiting->root));
                if (r < 0)
                        return r;
        }
        return apply(waiting, error);
}

static int prove(Waiting *waiting)
{
        return waiting_open(waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL, /* unlock= */ false, "verify",
                            "Enter a password of your Keyfob vault, to allow more uses of a key of ssh.", apply_proved);
}

static int set(Waiting *waiting, sd_bus_error *error)
{
        SshKeyInfo info;
        int r;

        r = ssh1_find(waiting, &info, error);
        if (r < 0)
                return r;
        if (!info.stored)
                return store1_invalid(error, "only a stored key has a policy: run keyfob ssh keep");
        if (!info.policy)
                return ssh1_error(waiting->daemon, error, SSH_E_DAMAGED);
        /* A secret that is given is tried, wanted or not: a wrong one never passes for the right one. */
        if (waiting->options.auth || loosens(waiting->ssh, info.policy))
                return prove(waiting);
        return apply(waiting, error);
}

int ssh1_set_policy(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "comment", "confirm", "hosts", "programs", "verify", NULL};
        Waiting *waiting;
        int r;

        r = begin(m, userdata, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = ssh1_unlock(waiting, PASSWORD "to change the policy of a key of ssh.", set, error);
        return waiting_started(waiting, r);
}
