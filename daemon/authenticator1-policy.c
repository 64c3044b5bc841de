/*
 * Authenticator1: what new credentials are made like
 *
 * Showing it asks the TPM how it is, so that who chooses knows what there is to choose from. Changing it wants a slot
 * of the vault opened afresh, as all does that makes the security key less than it was. What a TPM is needed for is
 * tried before anything is changed.
 */
#include <errno.h>
#include <string.h>

#include "daemon/authenticator1-internal.h"
#include "daemon/tpm.h"

#define KEEP (-1)

static const char *const key_places[] = {"software", "tpm", NULL};
static const char *const seals[] = {"none", "tpm", NULL};
static const char *const attestations[] = {"self", "none", "certificate", NULL};

typedef struct AlgorithmName {
        const char *name;
        int32_t cose;
} AlgorithmName;

static const AlgorithmName algorithms[] = {
        {"es256", -7}, {"eddsa", -8}, {"es384", -35}, {"esp256", -9}, {"ed25519", -19}, {"esp384", -51},
};
_Static_assert(ELEMENTSOF(algorithms) <= AUTHENTICATOR_ALGORITHMS_MAX, "the policy takes all of them");

/* ---- GetPolicy ---- */

static int append_algorithms(sd_bus_message *m, const AuthenticatorPolicy *policy)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "algorithms");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < policy->n_algorithms; i++)
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(algorithms); k++)
                        if (algorithms[k].cose == policy->algorithms[i])
                                r = sd_bus_message_append(m, "s", algorithms[k].name);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_tpm(sd_bus_message *m, const Waiting *waiting)
{
        ByteReader fields;
        TpmFacts facts;

        if (waiting->tpm_problem != 0)
                return sd_bus_message_append(m, "{sv}", "tpm", "s", waiting->tpm_why);
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        if (tpm_read_facts(&fields, &facts) < 0)
                return sd_bus_message_append(m, "{sv}", "tpm", "s", "the TPM answered what can't be understood");
        ctap_keys_allow(waiting->daemon->ctap, facts.curves);
        return sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "tpm", "s", "", "tpm-manufacturer", "s",
                                     facts.manufacturer, "tpm-firmware", "s", facts.firmware, "tpm-locked-out", "b",
                                     (int)facts.locked_out);
}

static int show(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = waiting->daemon;
        AuthenticatorPolicy policy;
        bool sealed = daemon->vault && vault_class_is_sealed(daemon->vault, VAULT_CLASS_PASSKEYS);
        int r;

        r = authenticator_policy(ctap_authenticator(daemon->ctap), &policy);
        if (r != CTAP_OK)
                return daemon_ctap_error(daemon, error, r);
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "keys", "s", key_places[policy.external_keys],
                                          "seal", "s", seals[sealed], "always-uv", "b", (int)policy.always_uv,
                                          "attestation", "s", attestations[policy.attestation],
                                          "enterprise-attestation", "b", (int)policy.enterprise);
        if (r >= 0)
                r = append_algorithms(reply, &policy);
        if (r >= 0)
                r = append_tpm(reply, waiting);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

int authenticator1_get_policy(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Waiting *waiting;
        int r;

        (void)daemon_find_vault(userdata);
        r = waiting_new(userdata, m, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        return waiting_started(waiting, waiting_tpm(waiting, TPM_INFO, NULL, show));
}

/* ---- what is wished ---- */

PolicyWish *policy_wish_free(PolicyWish *wish)
{
        if (!wish)
                return NULL;
        byte_writer_done(&wish->params);
        explicit_bzero(wish, sizeof(*wish));
        free(wish);
        return NULL;
}

static int read_choice(sd_bus_message *m, const char *what, const char *const *choices, int *ret, sd_bus_error *error)
{
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r < 0)
                return r;
        for (int i = 0; choices[i]; i++)
                if (strcmp(choices[i], text) == 0) {
                        *ret = i;
                        return 0;
                }
        return store1_invalid(error, "%s is %s or %s, not '%.32s'", what, choices[0], choices[1], text);
}

static int read_algorithms(sd_bus_message *m, PolicyWish *wish, sd_bus_error *error)
{
        const char *text;
        size_t k;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &text)) > 0) {
                for (k = 0; k < ELEMENTSOF(algorithms) && strcmp(algorithms[k].name, text) != 0; k++)
                        ;
                if (k == ELEMENTSOF(algorithms)) {
                        daemon_error_quote(error, KEYFOB_ERROR_UNSUPPORTED,
                                           "no algorithm '%.32s': there are es256, eddsa, es384, esp256, ed25519 and "
                                           "esp384",
                                           text);
                        return -EOPNOTSUPP;
                }
                if (wish->n_algorithms == AUTHENTICATOR_ALGORITHMS_MAX)
                        return store1_invalid(error, "an algorithm is named twice");
                wish->algorithms[wish->n_algorithms++] = algorithms[k].cose;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0 && wish->n_algorithms == 0)
                return store1_invalid(error, "name one algorithm at least");
        return r;
}

static int read_wish(sd_bus_message *m, const char *name, const char *contents, PolicyWish *wish, sd_bus_error *error)
{
        const char *type = strcmp(name, "algorithms") == 0                                                 ? "as"
                           : strcmp(name, "always-uv") == 0 || strcmp(name, "enterprise-attestation") == 0 ? "b"
                                                                                                           : "s";

        if (strcmp(contents, type) != 0)
                return store1_invalid(error, "'%.64s' has type %.16s, not %s", name, contents, type);
        if (strcmp(name, "keys") == 0)
                return read_choice(m, "keys", key_places, &wish->keys, error);
        if (strcmp(name, "seal") == 0)
                return read_choice(m, "seal", seals, &wish->seal, error);
        if (strcmp(name, "attestation") == 0)
                return read_choice(m, "attestation", attestations, &wish->attestation, error);
        if (strcmp(name, "always-uv") == 0)
                return sd_bus_message_read(m, "b", &wish->always_uv);
        if (strcmp(name, "enterprise-attestation") == 0)
                return sd_bus_message_read(m, "b", &wish->enterprise);
        return read_algorithms(m, wish, error);
}

static bool is_known(const char *name)
{
        static const char *const names[] = {"keys",      "seal",        "algorithms",
                                            "always-uv", "attestation", "enterprise-attestation"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static int read_wishes(sd_bus_message *m, PolicyWish *wish, sd_bus_error *error)
{
        const char *name, *contents;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && !is_known(name))
                        r = store1_invalid(error, "there is no '%.64s' in the policy", name);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r >= 0)
                        r = sd_bus_message_enter_container(m, 'v', contents);
                if (r >= 0)
                        r = read_wish(m, name, contents, wish, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- SetPolicy ---- */

static int set_error(Daemon *daemon, sd_bus_error *error, int status)
{
        switch (status) {
        case CTAP2_ERR_UNSUPPORTED_ALGORITHM:
                sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED,
                                 "the TPM can do none of these algorithms: name es256 among them");
                return -EOPNOTSUPP;
        case CTAP2_ERR_UNSUPPORTED_OPTION:
                sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED,
                                 "that is not to be had here: enterprise attestation needs a certificate in "
                                 "/etc/keyfob, keys in the TPM a keyfob that is built with it");
                return -EOPNOTSUPP;
        case CTAP1_ERR_INVALID_PARAMETER:
                return store1_invalid(error, "an algorithm is named twice");
        default:
                return daemon_ctap_error(daemon, error, status);
        }
}

/* The policy as it would be. */
static void merge(const PolicyWish *wish, AuthenticatorPolicy *policy)
{
        if (wish->keys != KEEP)
                policy->external_keys = wish->keys;
        if (wish->always_uv != KEEP)
                policy->always_uv = wish->always_uv;
        if (wish->enterprise != KEEP)
                policy->enterprise = wish->enterprise;
        if (wish->attestation != KEEP)
                policy->attestation = (AuthenticatorAttestation)wish->attestation;
        if (wish->n_algorithms > 0) {
                memcpy(policy->algorithms, wish->algorithms, sizeof(policy->algorithms));
                policy->n_algorithms = wish->n_algorithms;
        }
}

static int apply(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        Authenticator *authenticator = ctap_authenticator(daemon->ctap);
        AuthenticatorPolicy policy;
        int r;

        r = store1_same_keys(waiting, error); /* the vault may have got new ones while the TPM was at work */
        if (r < 0)
                return r;
        r = authenticator_policy(authenticator, &policy);
        if (r != CTAP_OK)
                return daemon_ctap_error(daemon, error, r);
        merge(waiting->wish, &policy);
        r = authenticator_set_policy(authenticator, &policy);
        if (r != CTAP_OK)
                return set_error(daemon, error, r);
        return authenticator1_seal(waiting, error);
}

static int tpm_seen(Waiting *waiting, sd_bus_error *error)
{
        ByteReader fields;
        TpmFacts facts;

        if (waiting->tpm_problem != 0) {
                sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED, waiting->tpm_why);
                return -EOPNOTSUPP;
        }
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        if (tpm_read_facts(&fields, &facts) < 0)
                return -EBADMSG;
        ctap_keys_allow(waiting->daemon->ctap, facts.curves);
        return authenticator1_seal_prepare(waiting, apply, error);
}

/* The owner has proved himself, and storage is open. */
static int set(Waiting *waiting, sd_bus_error *error)
{
        const PolicyWish *wish = waiting->wish;

        /* Taking it off needs nothing of the TPM that opening has not had already. */
        if (wish->keys == 1 || wish->seal == 1)
                return waiting_tpm(waiting, TPM_INFO, NULL, tpm_seen);
        return apply(waiting, error);
}

static int set_proved(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->options.abandon_sealed)
                return authenticator1_abandon(waiting, set, error);
        return authenticator1_proved(waiting, set, error);
}

int authenticator1_set_policy(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "interactive", "abandon-sealed", NULL};
        PolicyWish *wish;
        Waiting *waiting;
        int r;

        r = store1_need_vault(userdata, error);
        if (r < 0)
                return r;
        wish = calloc(1, sizeof(*wish));
        if (!wish)
                return -ENOMEM;
        *wish = (PolicyWish){.keys = KEEP, .seal = KEEP, .always_uv = KEEP, .enterprise = KEEP, .attestation = KEEP};
        r = read_wishes(m, wish, error);
        if (r >= 0)
                r = waiting_new(userdata, m, allowed, error, &waiting);
        if (r < 0) {
                policy_wish_free(wish);
                return r;
        }
        waiting->wish = wish;
        r = waiting_open(waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL, /* unlock= */ false,
                         "verify", "Enter a password of your Keyfob vault, to change the policy of the security key.",
                         set_proved);
        return waiting_started(waiting, r);
}
