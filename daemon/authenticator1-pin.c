/*
 * Authenticator1: the PIN of the security key
 *
 * Setting and changing it follow the protocol's rules, with its count of tries. Whoever has forgotten it, or finds it
 * blocked, shows otherwise that the vault is his: a slot opened afresh stands in for the old PIN.
 */
#include <errno.h>

#include "daemon/authenticator1-internal.h"

#define PIN_READ_MAX ((size_t)1024) /* longer ones are refused by the policy, not by us */

/* The call's options and the PINs after them: `old` may be NULL. */
static int begin(Daemon *daemon, sd_bus_message *m, const char *const *allowed, bool old, sd_bus_error *error,
                 Waiting **ret)
{
        Waiting *waiting;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        if (old)
                r = message_read_secret(m, PIN_READ_MAX, &waiting->options.old);
        if (r >= 0)
                r = message_read_secret(m, PIN_READ_MAX, &waiting->options.new);
        if (r == -EFBIG)
                r = store1_invalid(error, "a PIN has at most %u bytes", AUTHENTICATOR_PIN_MAX);
        if (r < 0) {
                waiting_free(waiting);
                return r;
        }
        *ret = waiting;
        return 0;
}

static int set(Waiting *waiting, sd_bus_error *error)
{
        const Secret *pin = waiting->options.new;
        int r;

        r = authenticator_pin_set(ctap_authenticator(waiting->daemon->ctap), pin->data, pin->size);
        if (r == CTAP2_ERR_NOT_ALLOWED)
                return sd_bus_error_set(error, KEYFOB_ERROR_EXISTS,
                                        "there is a PIN already: change it with keyfob authenticator pin change");
        return authenticator1_finish(waiting, r, error);
}

int authenticator1_set_pin(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", NULL};
        Waiting *waiting;
        int r;

        r = begin(userdata, m, allowed, /* old= */ false, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to set the PIN of the security key.",
                           set, error);
        return waiting_started(waiting, r);
}

static int change(Waiting *waiting, sd_bus_error *error)
{
        const Secret *old = waiting->options.old, *new = waiting->options.new;

        return authenticator1_finish(waiting,
                                     authenticator_pin_change(ctap_authenticator(waiting->daemon->ctap), old->data,
                                                              old->size, new->data, new->size),
                                     error);
}

int authenticator1_change_pin(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", NULL};
        Waiting *waiting;
        int r;

        r = begin(userdata, m, allowed, /* old= */ true, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to change the PIN of the security key.",
                           change, error);
        return waiting_started(waiting, r);
}

static int replace(Waiting *waiting, sd_bus_error *error)
{
        const Secret *pin = waiting->options.new;
        int r;

        r = authenticator_pin_replace(ctap_authenticator(waiting->daemon->ctap), pin->data, pin->size);
        return authenticator1_finish(waiting, r, error);
}

static int replace_proved(Waiting *waiting, sd_bus_error *error)
{
        return authenticator1_proved(waiting, replace, error);
}

int authenticator1_reset_pin(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "interactive", NULL};
        Waiting *waiting;
        int r;

        r = begin(userdata, m, allowed, /* old= */ false, error, &waiting);
        if (r < 0)
                return r;
        r = waiting_open(waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL, /* unlock= */ false,
                         "verify", "Enter a password of your Keyfob vault, to set a new PIN for the security key.",
                         replace_proved);
        return waiting_started(waiting, r);
}
