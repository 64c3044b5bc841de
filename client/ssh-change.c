/*
 * The ssh-agent, as it can be changed: keys made, kept, removed and brought back, and who may use one
 *
 * Each may ask: for the vault, for a touch of the security key that is to hold a new key, for the owner where a policy is
 * loosened. So none has a time limit. Whatever may carry a secret is wiped.
 */
#include "client/client.h"

#include <errno.h>
#include <string.h>

static int new_message(keyfob *k, const char *method, sd_bus_message **ret)
{
        return client_sensitive_message(k, KEYFOB_SSH_INTERFACE, method, ret);
}

/* As an entry of an a{sv}: a(say). NULL adds nothing. */
static int append_hosts(sd_bus_message *m, const keyfob_ssh_host *hosts, size_t n)
{
        int r;

        if (!hosts)
                return 0;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "hosts");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(say)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(say)");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = sd_bus_message_open_container(m, 'r', "say");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", hosts[i].name);
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', hosts[i].key, hosts[i].key_size);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        for (unsigned i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* ---- a new key ---- */

static int append_new_key(sd_bus_message *m, const keyfob_ssh_new_key *key)
{
        int r;

        r = client_append_string(m, "type", key->type);
        if (r >= 0)
                r = client_append_u32(m, "bits", key->bits);
        if (r >= 0)
                r = client_append_string(m, "comment", key->comment);
        if (r >= 0)
                r = client_append_bool(m, "confirm", key->confirm);
        if (r >= 0)
                r = client_append_bool(m, "verify", key->verify);
        if (r >= 0)
                r = client_append_strings(m, "programs", key->n_programs > 0 ? key->programs : NULL, key->n_programs);
        if (r >= 0)
                r = append_hosts(m, key->n_hosts > 0 ? key->hosts : NULL, key->n_hosts);
        if (r >= 0)
                r = client_append_string(m, "device", key->device);
        if (r >= 0)
                r = client_append_string(m, "application", key->application);
        if (r >= 0)
                r = client_append_string(m, "user", key->user);
        if (r >= 0)
                r = client_append_bool(m, "resident", key->resident);
        if (r >= 0)
                r = client_append_bool(m, "verify-required", key->verify_required);
        if (r >= 0)
                r = client_append_bool(m, "no-touch-required", key->no_touch_required);
        return r;
}

KEYFOB_API int keyfob_ssh_add(keyfob *k, const keyfob_ssh_new_key *key, keyfob_value **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *line;
        uint8_t *room = NULL;
        int r;

        if (!k || !key || !ret || !client_is_bytes(key->pin, key->pin_size) || (key->n_programs > 0 && !key->programs) ||
            (key->n_hosts > 0 && !key->hosts))
                return -EINVAL;
        if (key->pin && key->pin_size == 0)
                return client_fail(k, KEYFOB_E_INVALID, "a PIN must not be empty");
        r = new_message(k, "AddKey", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_new_key(call, key);
        if (r >= 0 && key->pin)
                r = client_append_room(call, "pin", key->pin_size, &room);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);
        if (key->pin)
                client_fill_pieces(room, &(ClientPiece){key->pin, key->pin_size}, 1);
        r = client_call(k, call, CLIENT_ASKS | CLIENT_LISTENS, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read(reply, "s", &line);
        return r < 0 ? client_fail_errno(k, r) : client_value_new(line, strlen(line), ret);
}

/* ---- one that is there ---- */

/* A call for one key that has no option of its own. */
static int call_for(keyfob *k, const char *method, const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || !key)
                return -EINVAL;
        r = new_message(k, method, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "sa{sv}", key, 0);
        return r < 0 ? client_fail_append(k, r) : client_call(k, call, CLIENT_ASKS, NULL);
}

KEYFOB_API int keyfob_ssh_keep(keyfob *k, const char *key)
{
        return call_for(k, "KeepKey", key);
}

KEYFOB_API int keyfob_ssh_remove(keyfob *k, const char *key)
{
        return call_for(k, "RemoveKey", key);
}

KEYFOB_API int keyfob_ssh_undelete(keyfob *k, uint64_t number)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k)
                return -EINVAL;
        r = new_message(k, "UndeleteKey", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "ta{sv}", number, 0);
        return r < 0 ? client_fail_append(k, r) : client_call(k, call, CLIENT_ASKS, NULL);
}

static int append_policy(sd_bus_message *m, const keyfob_ssh_policy *policy)
{
        int r;

        r = client_append_choice(m, "confirm", policy->confirm);
        if (r >= 0)
                r = client_append_choice(m, "verify", policy->verify);
        if (r >= 0)
                r = client_append_strings(m, "programs", policy->programs, policy->n_programs);
        if (r >= 0)
                r = append_hosts(m, policy->hosts, policy->n_hosts);
        if (r >= 0)
                r = client_append_string(m, "comment", policy->comment);
        return r;
}

KEYFOB_API int keyfob_ssh_set_policy(keyfob *k, const char *key, const keyfob_ssh_policy *policy, const void *auth,
                                     size_t auth_size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        uint8_t *room = NULL;
        int r;

        if (!k || !key || !policy || !client_is_bytes(auth, auth_size) || (policy->n_programs > 0 && !policy->programs) ||
            (policy->n_hosts > 0 && !policy->hosts))
                return -EINVAL;
        if (auth && auth_size == 0)
                return client_fail(k, KEYFOB_E_WRONG_SECRET, "an empty password opens nothing");
        r = new_message(k, "SetPolicy", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_policy(call, policy);
        if (r >= 0 && auth)
                r = client_append_room(call, "auth", auth_size, &room);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);
        if (auth)
                client_fill_pieces(room, &(ClientPiece){auth, auth_size}, 1);
        return client_call(k, call, CLIENT_ASKS, NULL);
}
