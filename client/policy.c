/*
 * Policy: what the security key makes new credentials like, as its owner chooses
 */
#include "client/client.h"

#include <errno.h>

#define ALGORITHMS_MAX 16U

typedef struct PolicyReply {
        keyfob_policy policy;
        const char *algorithms[ALGORITHMS_MAX];
} PolicyReply;

KEYFOB_API keyfob_policy *keyfob_policy_free(keyfob_policy *policy)
{
        return client_info_free(policy);
}

static int read_policy(sd_bus_message *m, PolicyReply *all)
{
        keyfob_policy policy = {.keys = "",
                                .seal = "",
                                .attestation = "",
                                .tpm = "",
                                .tpm_manufacturer = "",
                                .tpm_firmware = "",
                                .algorithms = all->algorithms,
                                .n_algorithms = ALGORITHMS_MAX};
        int always_uv = 0, enterprise = 0, locked_out = 0, r;
        const ClientField fields[] = {
                {"keys", "s", &policy.keys, NULL},
                {"seal", "s", &policy.seal, NULL},
                {"algorithms", "as", all->algorithms, &policy.n_algorithms},
                {"attestation", "s", &policy.attestation, NULL},
                {"always-uv", "b", &always_uv, NULL},
                {"enterprise-attestation", "b", &enterprise, NULL},
                {"tpm", "s", &policy.tpm, NULL},
                {"tpm-manufacturer", "s", &policy.tpm_manufacturer, NULL},
                {"tpm-firmware", "s", &policy.tpm_firmware, NULL},
                {"tpm-locked-out", "b", &locked_out, NULL},
        };

        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        policy.always_uv = always_uv;
        policy.enterprise_attestation = enterprise;
        policy.tpm_locked_out = locked_out;
        all->policy = policy;
        return 0;
}

KEYFOB_API int keyfob_policy_get(keyfob *k, keyfob_policy **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_policy_freep) keyfob_policy *policy = NULL;
        PolicyReply *all;
        int r;

        if (!k || !ret)
                return -EINVAL;
        r = client_authenticator_message(k, "GetPolicy", &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_PATIENT, &reply);
        if (r != 0)
                return r;
        all = client_info_new(reply, sizeof(*all));
        if (!all)
                return -ENOMEM;
        policy = &all->policy;
        r = read_policy(reply, all);
        if (r < 0)
                return client_fail_errno(k, r);
        *ret = TAKE_PTR(policy);
        return 0;
}

static int append_change(sd_bus_message *m, const keyfob_policy_change *change)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(m, "keys", change->keys);
        if (r >= 0)
                r = client_append_string(m, "seal", change->seal);
        if (r >= 0)
                r = client_append_string(m, "attestation", change->attestation);
        if (r >= 0)
                r = client_append_strings(m, "algorithms", change->n_algorithms > 0 ? change->algorithms : NULL,
                                          change->n_algorithms);
        if (r >= 0)
                r = client_append_choice(m, "always-uv", change->always_uv);
        if (r >= 0)
                r = client_append_choice(m, "enterprise-attestation", change->enterprise_attestation);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

KEYFOB_API int keyfob_policy_set(keyfob *k, const keyfob_policy_change *change, const void *auth, size_t auth_size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        uint8_t *room = NULL;
        int r;

        if (!k || !change || !client_is_bytes(auth, auth_size) || (change->n_algorithms > 0 && !change->algorithms))
                return -EINVAL;
        if (auth && auth_size == 0)
                return client_fail(k, KEYFOB_E_WRONG_SECRET, "an empty password opens nothing");
        r = client_authenticator_message(k, "SetPolicy", &call);
        if (r != 0)
                return r;
        r = append_change(call, change);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_bool(call, "abandon-sealed", change->abandon_sealed);
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
