/*
 * org.keyfob.Ssh1: its vtable, and how a key is named
 *
 * The keys of the ssh-agent for their owner; data/org.keyfob.Ssh1.xml describes it. What only ssh's own protocol may do goes
 * through the socket. Here no constraint of a key counts, for whoever may read the vault may do as much; what a policy
 * takes away from programs is given back only to who opens a slot of the vault afresh.
 */
#include "daemon/ssh1.h"

#include <errno.h>
#include <string.h>

#include "common/base64.h"
#include "daemon/ssh1-internal.h"

SshWish *ssh_wish_free(SshWish *wish)
{
        if (!wish)
                return NULL;
        ctap_own_cancel(wish->own);
        key_talk_free(wish->talk);
        ssh_draft_free(wish->draft);
        ssh_policy_done(&wish->policy);
        secret_free(wish->pin);
        free(wish->key);
        free(wish->type);
        free(wish->device);
        free(wish->application);
        free(wish->user);
        free(wish->comment);
        free(wish);
        return NULL;
}

int ssh1_error(Daemon *daemon, sd_bus_error *error, int result)
{
        switch (result) {
        case SSH_OK:
                return 0;
        case SSH_E_LOCKED:
                return daemon_error(daemon, error, daemon->vault ? VAULT_E_LOCKED : daemon->vault_state);
        case SSH_E_NOT_FOUND:
                return sd_bus_error_set(error, KEYFOB_ERROR_NOT_FOUND, "there is no such key: see keyfob ssh list");
        case SSH_E_FULL:
                return sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS,
                                         "no room for another key: there are %u, or the disk is full", SSH_KEYS_MAX);
        case SSH_E_DAMAGED:
                return daemon_error(daemon, error, VAULT_E_DAMAGED);
        case SSH_E_INVALID:
                return sd_bus_error_set(error, KEYFOB_ERROR_INVALID, "a value is not allowed here");
        case SSH_E_EXISTS:
                return sd_bus_error_set(error, KEYFOB_ERROR_EXISTS, "there is such a key already: see keyfob ssh list");
        default:
                return daemon_error(daemon, error, result > 0 ? -EIO : result);
        }
}

int ssh1_begin(Daemon *daemon, sd_bus_message *m, const char *key, const char *const *allowed, sd_bus_error *error,
               Waiting **ret)
{
        _cleanup_(waiting_freep) Waiting *waiting = NULL;
        int r;

        /* Keys in memory need none; of one that can't be read nobody knows what is in it. */
        if (!daemon_find_vault(daemon) && daemon->vault_state != VAULT_E_NO_VAULT)
                return daemon_error(daemon, error, daemon->vault_state);
        r = waiting_new(daemon, m, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        waiting->ssh = calloc(1, sizeof(*waiting->ssh));
        if (!waiting->ssh)
                return -ENOMEM;
        if (key) {
                waiting->ssh->key = strdup(key);
                if (!waiting->ssh->key)
                        return -ENOMEM;
        }
        r = ssh1_read_wish(m, allowed, &waiting->options, waiting->ssh, error);
        if (r < 0)
                return r;
        if (waiting->ssh->comment && strlen(waiting->ssh->comment) > SSH_COMMENT_MAX)
                return store1_invalid(error, "a comment has at most %u bytes", SSH_COMMENT_MAX);
        *ret = TAKE_PTR(waiting);
        return 0;
}

int ssh1_unlock(Waiting *waiting, const char *message, WaitingNext next, sd_bus_error *error)
{
        int r;

        r = store1_need_vault(waiting->daemon, error);
        return r < 0 ? r : waiting_unlock(waiting, message, next, error);
}

/* ---- how a key is named ---- */

char *ssh1_line(const SshKeyInfo *info)
{
        _cleanup_free_ char *digits = base64_encode(info->blob, info->blob_size);
        char *line;

        if (!digits)
                return NULL;
        return asprintf(&line, "%s %s%s%s", info->type, digits, *info->comment ? " " : "", info->comment) < 0 ? NULL : line;
}

/* The digits of a public line, or all of it. */
static const char *digits_of(const char *key, size_t *ret_size)
{
        const char *space = strchr(key, ' ');

        if (space)
                key = space + strspn(space, " ");
        *ret_size = strcspn(key, " ");
        return key;
}

static bool is_named(const SshKeyInfo *info, const char *key)
{
        _cleanup_free_ char *digits = NULL;
        const char *given;
        size_t size;

        if (strcmp(info->fingerprint, key) == 0 || (*key && strcmp(info->comment, key) == 0))
                return true;
        given = digits_of(key, &size);
        if (size != (info->blob_size + 2) / 3 * 4)
                return false;
        digits = base64_encode(info->blob, info->blob_size);
        return digits && memcmp(digits, given, size) == 0;
}

int ssh1_find(Waiting *waiting, SshKeyInfo *ret, sd_bus_error *error)
{
        SshAgent *agent = ssh_door_agent(waiting->daemon->ssh);
        SshWish *wish = waiting->ssh;
        SshKeyInfo info;
        uint32_t last = 0;

        wish->id = 0;
        while (ssh_agent_key_next(agent, last, &info) == SSH_OK) {
                last = info.id;
                if (!is_named(&info, wish->key))
                        continue;
                if (wish->id != 0)
                        return store1_invalid(error, "several keys are called that: name one by its public line");
                wish->id = info.id;
        }
        if (wish->id == 0)
                return ssh1_error(waiting->daemon, error, SSH_E_NOT_FOUND);
        return ret ? ssh1_error(waiting->daemon, error, ssh_agent_key_get(agent, wish->id, ret)) : 0;
}

/* ---- the interface ---- */

#define METHOD(name, in, in_names, out, out_names, handler)                                                           \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, handler, SD_BUS_VTABLE_UNPRIVILEGED)
#define SECRET_METHOD(name, in, in_names, out, out_names, handler)                                                    \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, handler,                                         \
                                 SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE)
#define P SD_BUS_PARAM

static const sd_bus_vtable ssh1_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetInfo", "", , "a{sv}", P(info), ssh1_get_info),
        METHOD("ListKeys", "a{sv}", P(options), "aa{sv}", P(keys), ssh1_list_keys),
        SECRET_METHOD("AddKey", "a{sv}", P(options), "s", P(line), ssh1_add_key),
        METHOD("KeepKey", "sa{sv}", P(key) P(options), "", , ssh1_keep_key),
        METHOD("RemoveKey", "sa{sv}", P(key) P(options), "", , ssh1_remove_key),
        METHOD("UndeleteKey", "ta{sv}", P(number) P(options), "", , ssh1_undelete_key),
        SECRET_METHOD("SetPolicy", "sa{sv}", P(key) P(options), "", , ssh1_set_policy),
        SD_BUS_SIGNAL("KeysChanged", NULL, 0),
        SD_BUS_VTABLE_END,
};

int ssh1_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, KEYFOB_PATH, KEYFOB_SSH_INTERFACE, ssh1_vtable, daemon);
}
