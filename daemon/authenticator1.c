/*
 * org.keyfob.Authenticator1: its vtable, Transact, and what takes presence
 *
 * The security key for programs that are on the bus anyway; data/org.keyfob.Authenticator1.xml describes it. What only
 * a protocol over tokens may do goes through Transact; the other methods are the owner's tools, which ask the vault's
 * owner instead: for presence, or for a slot of the vault opened afresh.
 */
#include "daemon/authenticator1.h"

#include <errno.h>

#include "daemon/authenticator1-internal.h"

/* ---- what the methods share ---- */

void authenticator1_act(CtapClient *actor, const Waiting *waiting)
{
        *actor = (CtapClient){.ctap = waiting->daemon->ctap, .caller = waiting->resource.caller, .fd = -1};
        waiting->daemon->ctap->acting = actor;
}

void authenticator1_acted(const Waiting *waiting)
{
        ctap_acted(waiting->daemon->ctap);
}

int authenticator1_finish(Waiting *waiting, int status, sd_bus_error *error)
{
        if (status != CTAP_OK)
                return daemon_ctap_error(waiting->daemon, error, status);
        return waiting_finish(waiting, NULL);
}

static int open_storage(Waiting *waiting, sd_bus_error *error)
{
        return waiting_storage(waiting, waiting->after, error);
}

int authenticator1_unlock(Waiting *waiting, const char *message, WaitingNext next, sd_bus_error *error)
{
        waiting->after = next;
        return waiting_unlock(waiting, message, open_storage, error);
}

int authenticator1_proved(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        int r;

        r = authenticator1_unlock_proved(waiting, error);
        return r < 0 ? r : waiting_storage(waiting, next, error);
}

int authenticator1_unlock_proved(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        int r;

        r = store1_same_keys(waiting, error);
        if (r < 0)
                return r;
        if (vault_is_unlocked(daemon->vault))
                return 0;
        return daemon_error(daemon, error, opening_unlock(daemon, waiting->root));
}

int authenticator1_ask(Waiting *waiting, const char *title, const char *message, WaitingNext next)
{
        return waiting_ask(waiting, ASK_CONFIRM, "user-presence", title, message, /* problem= */ NULL,
                           /* ret_secret= */ NULL, next);
}

/* ---- Transact, AskForPin ---- */

static int host_of(Daemon *daemon, sd_bus_message *m, CtapHost **ret, sd_bus_error *error)
{
        Caller *caller;
        int r;

        r = caller_of(daemon, m, &caller);
        if (r >= 0)
                r = ctap_host_of(daemon->ctap, caller, ret);
        if (r == -ENOBUFS)
                return sd_bus_error_set(error, KEYFOB_ERROR_LIMITS,
                                        "too many programs use the security key: close some first");
        return r;
}

static int method_transact(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        const void *request;
        CtapHost *host;
        size_t size;
        int r;

        r = sd_bus_message_read_array(m, 'y', &request, &size);
        if (r < 0)
                return r;
        if (size > AUTHENTICATOR_MESSAGE_MAX)
                return sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS, "a request has at most %u bytes",
                                         AUTHENTICATOR_MESSAGE_MAX);
        (void)daemon_find_vault(daemon);
        r = host_of(daemon, m, &host, error);
        if (r < 0)
                return r;
        r = ctap_host_request(host, m, request, size);
        if (r == -EBUSY)
                return sd_bus_error_set(error, KEYFOB_ERROR_BUSY,
                                        "another request of this program waits: let it end first");
        return r < 0 ? r : 1;
}

static int method_ask_for_pin(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        CtapHost *host;
        int r;

        r = host_of(userdata, m, &host, error);
        if (r < 0)
                return r;
        ctap_host_ask_pin(host);
        return sd_bus_reply_method_return(m, NULL);
}

/* ---- Replug, Reset ---- */

static int replug(Waiting *waiting, sd_bus_error *error)
{
        ctap_replug(waiting->daemon->ctap);
        return waiting_finish(waiting, NULL);
}

static int method_replug(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Waiting *waiting;
        int r;

        r = waiting_new(userdata, m, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_ask(
                waiting, "Plug the security key in anew",
                "Plug your security key in anew? Programs that use it lose their connection, and for ten "
                "seconds it can be reset.",
                replug);
        return waiting_started(waiting, r);
}

static int check_window(const Daemon *daemon)
{
        AuthenticatorStatus status;
        int r;

        r = authenticator_status(ctap_authenticator(daemon->ctap), &status);
        return r == CTAP_OK && status.reset_window_ms == 0 ? CTAP2_ERR_NOT_ALLOWED : r;
}

static int reset(Waiting *waiting, sd_bus_error *error)
{
        CtapClient actor;
        int r;

        authenticator1_act(&actor, waiting);
        r = authenticator_reset(ctap_authenticator(waiting->daemon->ctap));
        authenticator1_acted(waiting);
        return authenticator1_finish(waiting, r, error);
}

static int reset_ask(Waiting *waiting, sd_bus_error *error)
{
        return authenticator1_ask(
                waiting, "Reset the security key",
                "Reset your security key? Its PIN goes, and all its passkeys: for 30 days they can be "
                "restored with keyfob passkey undelete.",
                reset);
}

static int method_reset(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = check_window(daemon);
        if (r != 0)
                return daemon_ctap_error(daemon, error, r);
        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to reset the security key.",
                                  reset_ask, error);
        return waiting_started(waiting, r);
}

/* ---- the interface ---- */

#define METHOD(name, in, in_names, out, out_names, handler)                                                           \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, handler, SD_BUS_VTABLE_UNPRIVILEGED)
#define SECRET_METHOD(name, in, in_names, out, out_names, handler)                                                    \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, handler,                                         \
                                 SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE)
#define P SD_BUS_PARAM

static const sd_bus_vtable authenticator1_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SECRET_METHOD("Transact", "ay", P(request), "ay", P(reply), method_transact),
        SD_BUS_METHOD("AskForPin", NULL, NULL, method_ask_for_pin, SD_BUS_VTABLE_UNPRIVILEGED),
        METHOD("GetInfo", "", , "a{sv}", P(info), authenticator1_get_info),
        SECRET_METHOD("SetPin", "a{sv}ay", P(options) P(pin), "", , authenticator1_set_pin),
        SECRET_METHOD("ChangePin", "a{sv}ayay", P(options) P(old_pin) P(new_pin), "", , authenticator1_change_pin),
        SECRET_METHOD("ResetPin", "a{sv}ay", P(options) P(pin), "", , authenticator1_reset_pin),
        SD_BUS_METHOD("Replug", NULL, NULL, method_replug, SD_BUS_VTABLE_UNPRIVILEGED),
        METHOD("Reset", "a{sv}", P(options), "", , method_reset),
        METHOD("GetPolicy", "", , "a{sv}", P(policy), authenticator1_get_policy),
        SECRET_METHOD("SetPolicy", "a{sv}a{sv}", P(policy) P(options), "", , authenticator1_set_policy),
        METHOD("ListPasskeys", "a{sv}", P(options), "aa{sv}", P(passkeys), authenticator1_list_passkeys),
        METHOD("RenamePasskey", "aya{sv}", P(id) P(names), "", , authenticator1_rename_passkey),
        METHOD("DeletePasskey", "ay", P(id), "", , authenticator1_delete_passkey),
        SECRET_METHOD("UndeletePasskey", "ta{sv}", P(number) P(options), "", , authenticator1_undelete_passkey),
        METHOD("ListFingers", "", , "aa{sv}", P(fingers), authenticator1_list_fingers),
        SECRET_METHOD("EnrollFinger", "sa{sv}", P(name) P(options), "ay", P(id), authenticator1_enroll_finger),
        METHOD("RenameFinger", "aysa{sv}", P(id) P(name) P(options), "", , authenticator1_rename_finger),
        SECRET_METHOD("DeleteFinger", "aya{sv}", P(id) P(options), "", , authenticator1_delete_finger),
        SD_BUS_SIGNAL("Changed", NULL, 0),
        SD_BUS_SIGNAL_WITH_NAMES("Progress", "sa{sv}", P(what) P(details), 0),
        SD_BUS_VTABLE_END,
};

int authenticator1_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, KEYFOB_PATH, KEYFOB_AUTHENTICATOR_INTERFACE, authenticator1_vtable,
                                        daemon);
}
