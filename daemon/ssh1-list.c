/*
 * Ssh1: what there is
 *
 * Listing asks nobody: a stored key is listed by its hint while the vault is locked. Its policy is in the record, so it
 * shows only while the vault is open; so do keys that were removed and can be had back.
 */
#include <errno.h>
#include <string.h>

#include "daemon/authenticator1-internal.h"
#include "daemon/settings.h"
#include "daemon/ssh1-internal.h"

#define DELETED_AT_ONCE 64U
#define LIST_MAX        ((size_t)62 * 1024 * 1024) /* bytes of a list; an array has 64 MiB at most */
#define ENTRY_FRAME     1024U                      /* of an entry: names, lengths, numbers, padding */

/* ---- GetInfo ---- */

static void count(SshAgent *agent, uint32_t *ret_keys, uint32_t *ret_stored)
{
        SshKeyInfo info;
        uint32_t last = 0;

        *ret_keys = *ret_stored = 0;
        while (ssh_agent_key_next(agent, last, &info) == SSH_OK) {
                last = info.id;
                ++*ret_keys;
                *ret_stored += info.stored;
        }
}

int ssh1_get_info(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = userdata;
        SshAgent *agent = ssh_door_agent(daemon->ssh);
        const char *path = ssh_door_socket_path(daemon->ssh);
        uint32_t keys, stored;
        int r;

        (void)daemon_find_vault(daemon);
        count(agent, &keys, &stored);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 5, "socket", "s", path ? path : "", "locked", "b",
                                          (int)ssh_agent_is_locked(agent), "keep", "b", (int)daemon->settings->ssh_keep,
                                          "keys", "u", keys, "stored", "u", stored);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}

/* ---- ListKeys ---- */

typedef struct Listing {
        Daemon *daemon;
        sd_bus_message *reply;
        size_t total;
        sd_bus_error *error;
} Listing;

static int append_names(sd_bus_message *m, const char *name, size_t n, const char *(*nth)(const SshPolicy *, size_t),
                        const SshPolicy *policy)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(m, "s", nth(policy, i));
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static const char *nth_program(const SshPolicy *policy, size_t i)
{
        return policy->programs[i];
}

static const char *nth_host(const SshPolicy *policy, size_t i)
{
        return policy->hosts[i].name;
}

static int append_policy(sd_bus_message *m, const SshPolicy *policy)
{
        int r;

        r = sd_bus_message_append(m, "{sv}{sv}", "policy-confirm", "b", (int)policy->confirm, "policy-verify", "b",
                                  (int)policy->verify);
        if (r >= 0)
                r = append_names(m, "programs", policy->n_programs, nth_program, policy);
        return r < 0 ? r : append_names(m, "hosts", policy->n_hosts, nth_host, policy);
}

/* `deleted` NULL: it is there. */
static int append_key(Listing *list, const SshKeyInfo *info, const VaultDeleted *deleted)
{
        sd_bus_message *m = list->reply;
        int r;

        list->total += ENTRY_FRAME + info->blob_size + strlen(info->comment);
        if (list->total > LIST_MAX) {
                sd_bus_error_setf(list->error, KEYFOB_ERROR_LIMITS, "more than %zu MiB to list", LIST_MAX >> 20);
                return -E2BIG;
        }
        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = authenticator1_append_bytes(m, "blob", info->blob, info->blob_size);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "type", "s", info->type, "comment", "s",
                                          info->comment, "fingerprint", "s", info->fingerprint, "bits", "u",
                                          (uint32_t)info->bits, "certificate", "b", (int)info->certificate, "stored", "b",
                                          (int)(info->stored && !deleted), "confirm", "b", (int)info->confirm,
                                          "destinations", "u", (uint32_t)info->n_destinations);
        if (r >= 0 && info->lifetime_left > 0 && !deleted)
                r = sd_bus_message_append(m, "{sv}", "lifetime", "u", info->lifetime_left);
        if (r >= 0 && info->application)
                r = sd_bus_message_append(m, "{sv}{sv}", "application", "s", info->application, "sk-flags", "u",
                                          (uint32_t)info->sk_flags);
        if (r >= 0 && deleted)
                r = sd_bus_message_append(m, "{sv}{sv}", "removed", "t", deleted->removed, "number", "t",
                                          deleted->number);
        if (r >= 0 && info->stored && info->policy && !deleted)
                r = append_policy(m, info->policy);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int list_present(Listing *list)
{
        SshAgent *agent = ssh_door_agent(list->daemon->ssh);
        SshKeyInfo info;
        uint32_t last = 0;
        int r;

        while (ssh_agent_key_next(agent, last, &info) == SSH_OK) {
                last = info.id;
                r = append_key(list, &info, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- what was removed ---- */

static bool nothing_is_open(void *userdata)
{
        return false;
}

static uint64_t no_time(void *userdata)
{
        return 0;
}

int ssh1_read_hint(const void *hint, size_t size, SshAgent **ret_agent, SshKeyInfo *ret)
{
        static const SshAgentOps ops = {.now = no_time, .wall = no_time, .is_open = nothing_is_open};
        _cleanup_(ssh_agent_freep) SshAgent *agent = NULL;
        int r;

        r = ssh_agent_new(&ops, NULL, &agent);
        if (r == 0)
                r = ssh_agent_stored(agent, /* number= */ 1, hint, size);
        if (r == 0)
                r = ssh_agent_key_next(agent, 0, ret);
        if (r == 0)
                *ret_agent = TAKE_PTR(agent);
        return r;
}

static int append_deleted(Listing *list, const VaultDeleted *deleted, uint8_t *hint)
{
        _cleanup_(ssh_agent_freep) SshAgent *agent = NULL;
        SshKeyInfo info;
        size_t size;
        int r;

        r = vault_hint_get_deleted(list->daemon->vault, VAULT_CLASS_SSH, deleted->number, hint, SSH_HINT_MAX, &size);
        if (r == VAULT_E_DAMAGED || r == VAULT_E_NOT_FOUND || r == VAULT_E_LIMIT)
                return 0;
        if (r != 0)
                return daemon_error(list->daemon, list->error, r);
        r = ssh1_read_hint(hint, size, &agent, &info);
        if (r < 0)
                return r;
        return r == 0 ? append_key(list, &info, deleted) : 0;
}

static int list_deleted(Listing *list)
{
        _cleanup_free_ uint8_t *hint = malloc(SSH_HINT_MAX);
        VaultDeleted deleted[DELETED_AT_ONCE];
        uint64_t before = UINT64_MAX;
        size_t n;
        int r;

        if (!hint)
                return -ENOMEM;
        do {
                r = vault_record_deleted(list->daemon->vault, VAULT_CLASS_SSH, before, deleted, DELETED_AT_ONCE, &n);
                if (r != 0)
                        return daemon_error(list->daemon, list->error, r);
                for (size_t i = 0; i < n; i++) {
                        r = append_deleted(list, &deleted[i], hint);
                        if (r < 0)
                                return r;
                        before = deleted[i].number;
                }
        } while (n == DELETED_AT_ONCE);
        return 0;
}

static int list(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Listing listing = {.daemon = waiting->daemon, .error = error};
        int r;

        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        listing.reply = reply;
        r = waiting->options.deleted ? list_deleted(&listing) : list_present(&listing);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

int ssh1_list_keys(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"deleted", NULL};
        Waiting *waiting;
        int r;

        r = ssh1_begin(userdata, m, /* key= */ NULL, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = waiting->options.deleted
                    ? ssh1_unlock(waiting, "Enter the password of your Keyfob vault, to list keys of ssh.", list, error)
                    : list(waiting, error);
        return waiting_started(waiting, r);
}
