/*
 * What went wrong with a key, and what helps
 */
#include "helper/key-internal.h"

typedef struct ErrorLine {
        int code;
        KeyError error;
        const char *why;
} ErrorLine;

static const ErrorLine lines[] = {
        {FIDO_ERR_PIN_BLOCKED, KEY_E_PIN_BLOCKED,
         "the key's PIN is blocked: only keyfob key reset makes the key usable again, and all that is on it is lost"},
        {FIDO_ERR_PIN_NOT_SET, KEY_E_NOT_FOUND, "the key has no PIN yet: run keyfob key pin set"},
        {FIDO_ERR_PIN_REQUIRED, KEY_E_NOT_ALLOWED, "the key wants its PIN for this"},
        {FIDO_ERR_UNAUTHORIZED_PERM, KEY_E_NOT_ALLOWED, "the key does not allow this by that PIN"},
        {FIDO_ERR_UV_BLOCKED, KEY_E_PIN_SOFT_BLOCKED, "too many fingers were not recognised: use the PIN"},
        {FIDO_ERR_CHANNEL_BUSY, KEY_E_BUSY, "another program uses the key: let it end first"},
        {FIDO_ERR_LOCK_REQUIRED, KEY_E_BUSY, "another program uses the key: let it end first"},
        {FIDO_ERR_ACTION_TIMEOUT, KEY_E_CANCELLED, "nobody touched the key in time: try again, and touch it"},
        {FIDO_ERR_USER_ACTION_TIMEOUT, KEY_E_CANCELLED, "nobody touched the key in time: try again, and touch it"},
        {FIDO_ERR_OPERATION_DENIED, KEY_E_CANCELLED, "refused at the key"},
        {FIDO_ERR_KEEPALIVE_CANCEL, KEY_E_CANCELLED, "cancelled"},
        {FIDO_ERR_NO_CREDENTIALS, KEY_E_NOT_FOUND, "there is no such passkey: see keyfob key passkey list"},
        {FIDO_ERR_INVALID_CREDENTIAL, KEY_E_NOT_FOUND, "there is no such passkey: see keyfob key passkey list"},
        {FIDO_ERR_NOTFOUND, KEY_E_NOT_FOUND, "the passkey has no blob"},
        {FIDO_ERR_NOT_ALLOWED, KEY_E_NOT_ALLOWED,
         "the key does not allow this now: unplug it, plug it in again, and try once more"},
        {FIDO_ERR_KEY_STORE_FULL, KEY_E_LIMITS, "the key is full: delete a passkey first"},
        {FIDO_ERR_LARGEBLOB_STORAGE_FULL, KEY_E_LIMITS, "no room for this on the key: delete another blob first"},
        {FIDO_ERR_FP_DATABASE_FULL, KEY_E_LIMITS, "no room for another finger: delete one first"},
        {FIDO_ERR_REQUEST_TOO_LARGE, KEY_E_LIMITS, "too large for this key"},
        {FIDO_ERR_LIMIT_EXCEEDED, KEY_E_LIMITS, "too large or too many for this key"},
        {FIDO_ERR_INVALID_LENGTH, KEY_E_INVALID, "a value is too short or too long for this key"},
        {FIDO_ERR_INVALID_PARAMETER, KEY_E_INVALID, "the key does not take such a value"},
        {FIDO_ERR_INVALID_COMMAND, KEY_E_UNSUPPORTED, "this key can't do that"},
        {FIDO_ERR_UNSUPPORTED_OPTION, KEY_E_UNSUPPORTED, "this key can't do that"},
        {FIDO_ERR_INVALID_OPTION, KEY_E_UNSUPPORTED, "this key can't do that"},
        {FIDO_ERR_UNSUPPORTED_EXTENSION, KEY_E_UNSUPPORTED, "this key can't do that"},
        {FIDO_ERR_INVALID_ARGUMENT, KEY_E_INVALID, "a value is not allowed here"},
        {FIDO_ERR_RX_INVALID_CBOR, KEY_E_IO, "the key's answer makes no sense"},
        {FIDO_ERR_RX_NOT_CBOR, KEY_E_IO, "the key's answer makes no sense"},
        {FIDO_ERR_INVALID_CBOR, KEY_E_IO, "the key's answer makes no sense"},
};

/* ": 3 tries left", or "" when the key does not say. */
static const char *tries(KeyCall *call, char *ret, size_t size)
{
        int n;

        ret[0] = 0;
        if (call->dev && fido_dev_get_retry_count(call->dev, &n) == FIDO_OK)
                (void)snprintf(ret, size, ": %d %s left", n, n == 1 ? "try" : "tries");
        return ret;
}

static void explain_policy(KeyCall *call)
{
        uint64_t least = call->info ? fido_cbor_info_minpinlen(call->info) : 0;

        if (call->request.new_pin)
                (void)key_refuse(call, KEY_E_INVALID,
                                 "that PIN is not allowed: at least %llu characters, 63 bytes at most, and none that "
                                 "the key finds too simple",
                                 (unsigned long long)(least > 0 ? least : 4));
        else
                (void)key_refuse(call, KEY_E_NOT_ALLOWED,
                                 "the key wants a new PIN first: run keyfob key pin change");
}

void key_explain(KeyCall *call, int r, uint64_t waited_ms)
{
        char left[32];

        if (r == KEY_REFUSED)
                return;
        switch (r) {
        case FIDO_ERR_PIN_INVALID:
        case FIDO_ERR_PIN_AUTH_INVALID:
        case FIDO_ERR_UV_INVALID:
                (void)key_refuse(call, KEY_E_WRONG_PIN, "wrong PIN%s", tries(call, left, sizeof(left)));
                return;
        case FIDO_ERR_PIN_AUTH_BLOCKED:
                (void)key_refuse(call, KEY_E_PIN_SOFT_BLOCKED,
                                 "too many wrong PINs in a row%s; unplug the key, plug it in again, and try once more",
                                 tries(call, left, sizeof(left)));
                return;
        case FIDO_ERR_PIN_POLICY_VIOLATION:
                explain_policy(call);
                return;
        case FIDO_ERR_TX:
        case FIDO_ERR_RX:
                if (call->touch && waited_ms >= KEY_WAIT_MS)
                        r = FIDO_ERR_ACTION_TIMEOUT;
                else {
                        (void)key_refuse(call, KEY_E_IO,
                                         "the key was unplugged or does not answer: plug it in again and try once more");
                        return;
                }
                break;
        default:
                break;
        }
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i].code == r) {
                        (void)key_refuse(call, lines[i].error, "%s", lines[i].why);
                        return;
                }
        (void)key_refuse(call, KEY_E_IO, "the key failed: %s", fido_strerr(r));
}
