/*
 * Errors: from D-Bus names to numbers and phrases
 *
 * The daemon's own names map one to one. What the bus, the kernel or sd-bus says when the daemon is not there is one
 * outcome for the caller, KEYFOB_E_UNREACHABLE, whichever of the dozen ways it happened in. The daemon's sentence is
 * kept on the handle, because it knows the remedy and we do not.
 */
#include "client/client.h"

#include <errno.h>
#include <string.h>

static const struct {
        const char *name;
        int error;
} error_names[] = {
        {KEYFOB_ERROR_NOT_FOUND, KEYFOB_E_NOT_FOUND},
        {KEYFOB_ERROR_INVALID, KEYFOB_E_INVALID},
        {KEYFOB_ERROR_LOCKED, KEYFOB_E_LOCKED},
        {KEYFOB_ERROR_CANCELLED, KEYFOB_E_CANCELLED},
        {KEYFOB_ERROR_WRONG_SECRET, KEYFOB_E_WRONG_SECRET},
        {KEYFOB_ERROR_DAMAGED, KEYFOB_E_DAMAGED},
        {KEYFOB_ERROR_NO_VAULT, KEYFOB_E_NO_VAULT},
        {KEYFOB_ERROR_EXISTS, KEYFOB_E_EXISTS},
        {KEYFOB_ERROR_NO_PROMPTER, KEYFOB_E_NO_PROMPTER},
        {KEYFOB_ERROR_BUSY, KEYFOB_E_BUSY},
        {KEYFOB_ERROR_LIMITS, KEYFOB_E_LIMITS},
        {KEYFOB_ERROR_LAST_SLOT, KEYFOB_E_LAST_SLOT},
        {KEYFOB_ERROR_UNSUPPORTED, KEYFOB_E_UNSUPPORTED},
        {KEYFOB_ERROR_UNSAFE, KEYFOB_E_UNSAFE},
        {KEYFOB_ERROR_IO, KEYFOB_E_IO},
        {KEYFOB_ERROR_NOT_ALLOWED, KEYFOB_E_NOT_ALLOWED},
        {KEYFOB_ERROR_PIN_BLOCKED, KEYFOB_E_PIN_BLOCKED},
        {KEYFOB_ERROR_PIN_SOFT_BLOCKED, KEYFOB_E_PIN_SOFT_BLOCKED},
        {"org.freedesktop.Secret.Error.IsLocked", KEYFOB_E_LOCKED},
        {"org.freedesktop.Secret.Error.NoSuchObject", KEYFOB_E_NOT_FOUND},
        {SD_BUS_ERROR_UNKNOWN_OBJECT, KEYFOB_E_NOT_FOUND},
        {SD_BUS_ERROR_INVALID_ARGS, KEYFOB_E_INVALID},
        {SD_BUS_ERROR_INVALID_SIGNATURE, KEYFOB_E_PROTOCOL},
        {SD_BUS_ERROR_INCONSISTENT_MESSAGE, KEYFOB_E_PROTOCOL},
        {SD_BUS_ERROR_ACCESS_DENIED, KEYFOB_E_REFUSED},
        {SD_BUS_ERROR_AUTH_FAILED, KEYFOB_E_REFUSED},
        {SD_BUS_ERROR_LIMITS_EXCEEDED, KEYFOB_E_LIMITS},
        {SD_BUS_ERROR_NOT_SUPPORTED, KEYFOB_E_UNSUPPORTED},
        {SD_BUS_ERROR_UNKNOWN_METHOD, KEYFOB_E_UNSUPPORTED},
        {SD_BUS_ERROR_UNKNOWN_INTERFACE, KEYFOB_E_UNSUPPORTED},
        {SD_BUS_ERROR_IO_ERROR, KEYFOB_E_IO},
        {SD_BUS_ERROR_NO_REPLY, KEYFOB_E_UNREACHABLE},
        {SD_BUS_ERROR_TIMEOUT, KEYFOB_E_UNREACHABLE},
        {SD_BUS_ERROR_DISCONNECTED, KEYFOB_E_UNREACHABLE},
        {SD_BUS_ERROR_NO_SERVER, KEYFOB_E_UNREACHABLE},
        {SD_BUS_ERROR_SERVICE_UNKNOWN, KEYFOB_E_UNREACHABLE},
        {SD_BUS_ERROR_NAME_HAS_NO_OWNER, KEYFOB_E_UNREACHABLE},
        {SD_BUS_ERROR_NO_MEMORY, -ENOMEM},
};

int client_error_from_name(const char *name)
{
        for (size_t i = 0; name && i < ELEMENTSOF(error_names); i++)
                if (strcmp(error_names[i].name, name) == 0)
                        return error_names[i].error;
        return KEYFOB_E_OTHER;
}

int client_fail(keyfob *k, int result, const char *message)
{
        char *copy = message && message[0] ? strdup(message) : NULL;

        free(k->message);
        k->message = copy;
        return result;
}

int client_fail_errno(keyfob *k, int r)
{
        switch (r) {
        case -ECONNRESET:
        case -ECONNREFUSED:
        case -ECONNABORTED:
        case -ENOTCONN:
        case -EPIPE:
        case -ESHUTDOWN:
        case -ETIMEDOUT:
        case -EHOSTUNREACH:
                return client_fail(k, KEYFOB_E_UNREACHABLE, "the connection to the daemon was lost");
        case -EBADMSG:
        case -ENXIO:
                return client_fail(k, KEYFOB_E_PROTOCOL, "the daemon's answer makes no sense");
        case -ENOBUFS:
        case -EMSGSIZE:
                return client_fail(k, KEYFOB_E_LIMITS, "too much for one message");
        default:
                return client_fail(k, r, NULL);
        }
}

int client_fail_append(keyfob *k, int r)
{
        if (r == -EINVAL)
                return client_fail(k, KEYFOB_E_INVALID, "names, attributes and labels must be UTF-8 text");
        return client_fail_errno(k, r);
}

int client_fail_error(keyfob *k, const sd_bus_error *error, int r)
{
        int result;

        if (!sd_bus_error_is_set(error))
                return client_fail_errno(k, r);

        result = client_error_from_name(error->name);
        /* sd-bus names errno values after System.Error; those say more as an errno */
        if (result == KEYFOB_E_OTHER && strncmp(error->name, "System.Error.", strlen("System.Error.")) == 0)
                return client_fail_errno(k, r < 0 ? r : -sd_bus_error_get_errno(error));
        if (result == KEYFOB_E_UNREACHABLE)
                return client_fail(k, result, "the connection to the daemon was lost");
        return client_fail(k, result, error->message);
}

KEYFOB_API const char *keyfob_message(const keyfob *k)
{
        return k && k->message ? k->message : "";
}

KEYFOB_API const char *keyfob_version(void)
{
        return KEYFOB_VERSION;
}

KEYFOB_API const char *keyfob_strerror(int error)
{
        switch (error) {
        case KEYFOB_OK:
                return "done";
        case KEYFOB_E_NOT_FOUND:
                return "not found";
        case KEYFOB_E_INVALID:
                return "not a valid argument";
        case KEYFOB_E_LOCKED:
                return "locked";
        case KEYFOB_E_CANCELLED:
                return "cancelled";
        case KEYFOB_E_UNREACHABLE:
                return "the daemon cannot be reached";
        case KEYFOB_E_WRONG_SECRET:
                return "wrong password or key";
        case KEYFOB_E_DAMAGED:
                return "stored data is damaged";
        case KEYFOB_E_NO_VAULT:
                return "no vault yet: run keyfob init";
        case KEYFOB_E_EXISTS:
                return "it exists already";
        case KEYFOB_E_NO_PROMPTER:
                return "a password is needed and there is nobody to ask";
        case KEYFOB_E_BUSY:
                return "the vault is in use by another process";
        case KEYFOB_E_LIMITS:
                return "too large or too many";
        case KEYFOB_E_LAST_SLOT:
                return "the last slot cannot be removed";
        case KEYFOB_E_UNSUPPORTED:
                return "the daemon does not support this";
        case KEYFOB_E_UNSAFE:
                return "a file of the vault has the wrong owner or mode";
        case KEYFOB_E_IO:
                return "input or output error";
        case KEYFOB_E_REFUSED:
                return "refused";
        case KEYFOB_E_PROTOCOL:
                return "the daemon's answer makes no sense";
        case KEYFOB_E_OTHER:
                return "the daemon reported an unknown error";
        case KEYFOB_E_NOT_ALLOWED:
                return "not allowed now";
        case KEYFOB_E_PIN_BLOCKED:
                return "the PIN is blocked until a new one is set";
        case KEYFOB_E_PIN_SOFT_BLOCKED:
                return "too many wrong PINs in a row";
        default:
                return error < 0 ? strerror(-error) : "unknown error";
        }
}
