/*
 * Errors on the bus
 *
 * Results of the vault and of openings become D-Bus errors in this one place: a name that programs can rely on and one
 * line for the person, which says what to do where there is something to do.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctap.h"
#include "daemon/daemon.h"
#include "daemon/opening.h"
#include "daemon/present.h"
#include "keyfob/authenticator.h"

#define SECRETS_ERROR_LOCKED         "org.freedesktop.Secret.Error.IsLocked"
#define SECRETS_ERROR_NO_SUCH_OBJECT "org.freedesktop.Secret.Error.NoSuchObject"

typedef struct ErrorLine {
        int result;
        const char *name;
        const char *message;
} ErrorLine;

static const ErrorLine lines[] = {
        {VAULT_E_NO_VAULT, KEYFOB_ERROR_NO_VAULT, "no vault yet: run keyfob init"},
        {VAULT_E_EXISTS, KEYFOB_ERROR_EXISTS, "it is there already"},
        {VAULT_E_LOCKED, KEYFOB_ERROR_LOCKED, "locked: run keyfob unlock"},
        {VAULT_E_NOT_FOUND, KEYFOB_ERROR_NOT_FOUND, "not found"},
        {VAULT_E_WRONG_SECRET, KEYFOB_ERROR_WRONG_SECRET, "wrong password or key: try again"},
        {VAULT_E_DAMAGED, KEYFOB_ERROR_DAMAGED, "damaged: run keyfob check"},
        {VAULT_E_TOO_NEW, KEYFOB_ERROR_UNSUPPORTED, "the vault was made by a later version: upgrade keyfob"},
        {VAULT_E_UNSUPPORTED, KEYFOB_ERROR_UNSUPPORTED, "this build can't open that kind of slot"},
        {VAULT_E_LIMIT, KEYFOB_ERROR_LIMITS, "too large or too many"},
        {VAULT_E_LAST_SLOT, KEYFOB_ERROR_LAST_SLOT, "the last slot stays: add another one first"},
        {VAULT_E_INVALID, KEYFOB_ERROR_INVALID, "a value is not allowed here"},
        {VAULT_E_UNSAFE, KEYFOB_ERROR_UNSAFE,
         "the vault's file or directory is open to others or not yours: check owner and mode"},
        {VAULT_E_DEVICE, KEYFOB_ERROR_LOCKED,
         "locked: passkeys are sealed by the TPM, which has not opened them yet: try again"},
        {VAULT_E_UNSURE, KEYFOB_ERROR_IO,
         "the disk failed while it was written: it may or may not be kept, so look before trying again"},
        {OPENING_CANCELLED, KEYFOB_ERROR_CANCELLED, "cancelled"},
        {OPENING_NO_PROMPTER, KEYFOB_ERROR_NO_PROMPTER,
         "locked, and there is nobody to ask: run keyfob unlock in a terminal, or keyfob prompt-agent"},
        {OPENING_NO_SLOT, KEYFOB_ERROR_NO_PROMPTER,
         "locked, and no slot can be opened here: run keyfob slot list to see what it needs"},
};

static const ErrorLine ctap_lines[] = {
        {CTAP1_ERR_INVALID_PARAMETER, KEYFOB_ERROR_INVALID, "a value is not allowed here"},
        {CTAP2_ERR_NO_CREDENTIALS, KEYFOB_ERROR_NOT_FOUND, "there is no such passkey: see keyfob passkey list"},
        {CTAP2_ERR_INVALID_CREDENTIAL, KEYFOB_ERROR_DAMAGED, "that passkey is damaged: run keyfob check"},
        {CTAP2_ERR_INTEGRITY_FAILURE, KEYFOB_ERROR_DAMAGED,
         "what the security key keeps is damaged: run keyfob check, or keyfob authenticator reset"},
        {CTAP2_ERR_KEY_STORE_FULL, KEYFOB_ERROR_LIMITS, "no room for more passkeys, or the disk is full"},
        {CTAP2_ERR_NOT_ALLOWED, KEYFOB_ERROR_NOT_ALLOWED,
         "not allowed now: run keyfob authenticator replug, then try again within ten seconds"},
        {CTAP2_ERR_PIN_INVALID, KEYFOB_ERROR_WRONG_SECRET, "wrong PIN: try again"},
        {CTAP2_ERR_PIN_AUTH_BLOCKED, KEYFOB_ERROR_PIN_SOFT_BLOCKED,
         "too many wrong PINs in a row: run keyfob authenticator replug, then try again"},
        {CTAP2_ERR_PIN_BLOCKED, KEYFOB_ERROR_PIN_BLOCKED,
         "the PIN is blocked: set a new one with keyfob authenticator pin reset"},
        {CTAP2_ERR_PIN_NOT_SET, KEYFOB_ERROR_NOT_FOUND, "no PIN is set yet: run keyfob authenticator pin set"},
        {CTAP2_ERR_PIN_POLICY_VIOLATION, KEYFOB_ERROR_INVALID,
         "that PIN is not allowed: keyfob authenticator info says how long one must be"},
        {CTAP2_ERR_OPERATION_DENIED, KEYFOB_ERROR_CANCELLED,
         "refused, or there was nobody to ask: see keyfob prompt-agent"},
        {CTAP2_ERR_USER_ACTION_TIMEOUT, KEYFOB_ERROR_CANCELLED, "nobody answered in time: try again"},
        {CTAP2_ERR_KEEPALIVE_CANCEL, KEYFOB_ERROR_CANCELLED, "cancelled: the vault was locked, or the security key reset"},
        {CTAP2_ERR_PUAT_REQUIRED, KEYFOB_ERROR_NO_PROMPTER,
         "the PIN of the security key is needed, and there is nobody to ask: see keyfob prompt-agent"},
        {CTAP2_ERR_UNSUPPORTED_ALGORITHM, KEYFOB_ERROR_NOT_ALLOWED,
         "new keys of this type are turned off: see keyfob passkey policy"},
};

static const ErrorLine *find_in(const ErrorLine *list, size_t n, int result)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].result == result)
                        return &list[i];
        return NULL;
}

static const ErrorLine *find_line(int result)
{
        return find_in(lines, ELEMENTSOF(lines), result);
}

static int errno_error(sd_bus_error *error, int result)
{
        switch (-result) {
        case ENOSPC:
        case EDQUOT:
                return sd_bus_error_set(error, KEYFOB_ERROR_IO, "the disk is full: nothing was changed");
        case ENOBUFS:
                return sd_bus_error_set(error, KEYFOB_ERROR_LIMITS, "too many at once: close some first");
        case ENOMEM:
                return sd_bus_error_set_errno(error, ENOMEM);
        case EPERM:
        case EACCES:
                return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED, "not allowed: %s", strerror(-result));
        case EINVAL:
                return sd_bus_error_set(error, KEYFOB_ERROR_INVALID, "a value is not allowed here");
        default:
                return sd_bus_error_setf(error, KEYFOB_ERROR_IO, "the vault could not be read or written: %s",
                                         strerror(-result));
        }
}

int daemon_error(Daemon *daemon, sd_bus_error *error, int result)
{
        const ErrorLine *line;

        if (result == 0)
                return 0;
        if (result < 0)
                return errno_error(error, result);
        if (result == VAULT_E_BUSY && daemon->vault_holder > 0)
                return sd_bus_error_setf(error, KEYFOB_ERROR_BUSY, "process %d has the vault open: end it first",
                                         daemon->vault_holder);
        if (result == VAULT_E_BUSY)
                return sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "another process has the vault open: end it first");

        if (result == VAULT_E_DAMAGED && !daemon->vault)
                return sd_bus_error_set(
                        error, KEYFOB_ERROR_DAMAGED,
                        "the vault file is damaged: put a copy in its place (keyfob diagnose says where it is)");

        if (result == VAULT_E_DEVICE && daemon->ctap && *ctap_seal_problem(daemon->ctap))
                return sd_bus_error_setf(error, KEYFOB_ERROR_LOCKED, "locked: %s", ctap_seal_problem(daemon->ctap));

        line = find_line(result);
        if (line)
                return sd_bus_error_set(error, line->name, line->message);
        return sd_bus_error_set(error, KEYFOB_ERROR_IO, vault_strerror(result));
}

int daemon_secret_error(Daemon *daemon, sd_bus_error *error, int result)
{
        switch (result) {
        case VAULT_E_LOCKED:
                return sd_bus_error_set(error, SECRETS_ERROR_LOCKED, "locked: unlock it first");
        case VAULT_E_NOT_FOUND:
                return sd_bus_error_set(error, SECRETS_ERROR_NO_SUCH_OBJECT, "there is no such object");
        case VAULT_E_INVALID:
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "a value is not allowed here");
        case VAULT_E_LIMIT:
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too large or too many");
        default:
                return daemon_error(daemon, error, result);
        }
}

int daemon_ctap_error(Daemon *daemon, sd_bus_error *error, int status)
{
        const ErrorLine *line = find_in(ctap_lines, ELEMENTSOF(ctap_lines), status);

        if (status <= 0)
                return daemon_error(daemon, error, status);
        if (status == CTAP2_ERR_OPERATION_PENDING)
                return daemon_error(daemon, error,
                                    !daemon->vault                      ? daemon->vault_state
                                    : vault_is_unlocked(daemon->vault) ? VAULT_E_DEVICE
                                                                       : VAULT_E_LOCKED);
        if (line)
                return sd_bus_error_set(error, line->name, line->message);
        return sd_bus_error_setf(error, KEYFOB_ERROR_IO, "the security key failed with status 0x%02x",
                                 (unsigned)status);
}

int daemon_error_quote(sd_bus_error *error, const char *name, const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        present_in_line(text);
        return sd_bus_error_set(error, name, text);
}
