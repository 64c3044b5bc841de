/*
 * The ssh-agent, as it can be looked at: how it stands, and its keys
 *
 * A list is the daemon's answer and pointers into it. Of a key's two lists of texts nobody knows beforehand how long they are,
 * so they are read into room for the longest and then take what they need.
 */
#include "client/client.h"

#include <errno.h>
#include <string.h>

/* Hosts and programs of one policy: more than the daemon takes. */
#define NAMES_MAX 256U

/* ---- how it stands ---- */

KEYFOB_API keyfob_ssh_agent *keyfob_ssh_agent_free(keyfob_ssh_agent *agent)
{
        return client_info_free(agent);
}

static int read_info(sd_bus_message *m, keyfob_ssh_agent *ret)
{
        keyfob_ssh_agent agent = {.socket = ""};
        int locked = 0, keep = 0, r;
        const ClientField fields[] = {
                {"socket", "s", &agent.socket, NULL}, {"keys", "u", &agent.keys, NULL}, {"stored", "u", &agent.stored, NULL},
                {"locked", "b", &locked, NULL},       {"keep", "b", &keep, NULL},
        };

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        agent.locked = locked;
        agent.keep = keep;
        *ret = agent;
        return 0;
}

KEYFOB_API int keyfob_ssh_agent_info(keyfob *k, keyfob_ssh_agent **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_ssh_agent_freep) keyfob_ssh_agent *agent = NULL;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_message_new(k, KEYFOB_SSH_INTERFACE, "GetInfo", &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        agent = client_info_new(reply, sizeof(*agent));
        if (!agent)
                return -ENOMEM;
        r = read_info(reply, agent);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(agent);
        return 0;
}

/* ---- keys ---- */

/* The array of pointers that `names` begins is a key's own; it holds both of its lists. */
static void free_names(const keyfob_ssh_key *array, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free((void *)(uintptr_t)array[i].programs);
}

KEYFOB_API keyfob_ssh_keys *keyfob_ssh_keys_free(keyfob_ssh_keys *keys)
{
        if (!keys)
                return NULL;
        free_names(keys->keys, keys->n);
        return client_list_free(keys, keys->keys);
}

static int keep_names(keyfob_ssh_key *key, const char *const *programs, const char *const *hosts)
{
        const char **names;

        if (key->n_programs + key->n_hosts == 0)
                return 0;
        names = calloc(key->n_programs + key->n_hosts, sizeof(*names));
        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < key->n_programs; i++)
                names[i] = programs[i];
        for (size_t i = 0; i < key->n_hosts; i++)
                names[key->n_programs + i] = hosts[i];
        key->programs = names;
        key->hosts = names + key->n_programs;
        return 0;
}

/* 1, 0 at the end of the list. */
static int read_key(sd_bus_message *m, void *element)
{
        const char *programs[NAMES_MAX], *hosts[NAMES_MAX];
        size_t n_programs = NAMES_MAX, n_hosts = NAMES_MAX;
        keyfob_ssh_key key = {.type = "", .comment = "", .fingerprint = "", .application = ""};
        int certificate = 0, stored = 0, confirm = 0, policy_confirm = -1, policy_verify = 0, r;
        const ClientField fields[] = {
                {"type", "s", &key.type, NULL},
                {"blob", "ay", &key.blob, &key.blob_size},
                {"comment", "s", &key.comment, NULL},
                {"fingerprint", "s", &key.fingerprint, NULL},
                {"bits", "u", &key.bits, NULL},
                {"lifetime", "u", &key.lifetime, NULL},
                {"destinations", "u", &key.destinations, NULL},
                {"application", "s", &key.application, NULL},
                {"sk-flags", "u", &key.sk_flags, NULL},
                {"certificate", "b", &certificate, NULL},
                {"stored", "b", &stored, NULL},
                {"confirm", "b", &confirm, NULL},
                {"policy-confirm", "b", &policy_confirm, NULL},
                {"policy-verify", "b", &policy_verify, NULL},
                {"programs", "as", programs, &n_programs},
                {"hosts", "as", hosts, &n_hosts},
                {"removed", "t", &key.removed, NULL},
                {"number", "t", &key.number, NULL},
        };

        programs[0] = hosts[0] = NULL;
        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r <= 0)
                return r;
        key.certificate = certificate;
        key.stored = stored;
        key.confirm = confirm;
        key.policy_known = policy_confirm >= 0;
        key.policy_confirm = policy_confirm > 0;
        key.policy_verify = policy_verify;
        /* what was not in the answer left its room as it was */
        key.n_programs = programs[0] ? n_programs : 0;
        key.n_hosts = hosts[0] ? n_hosts : 0;
        r = keep_names(&key, programs, hosts);
        if (r < 0)
                return r;
        *(keyfob_ssh_key *)element = key;
        return 1;
}

KEYFOB_API int keyfob_ssh_list(keyfob *k, bool deleted, keyfob_ssh_keys **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_ssh_keys_freep) keyfob_ssh_keys *keys = NULL;
        void *array;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_message_new(k, KEYFOB_SSH_INTERFACE, "ListKeys", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_bool(call, "deleted", deleted);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);
        r = client_call(k, call, CLIENT_ASKS, &reply);
        if (r != 0)
                return r;

        keys = client_info_new(reply, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        r = client_read_list(reply, "a{sv}", read_key, sizeof(keyfob_ssh_key), &array, &keys->n);
        keys->keys = array;
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(keys);
        return 0;
}
