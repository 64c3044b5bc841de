/*
 * Outcomes
 *
 * Three answers make OpenSSH go on: asking for the PIN, asking whether to overwrite, and looking at the next key. So
 * "PIN required" is said only where a PIN may help: never after a refusal, and never when it is blocked.
 */
#include "ssh/outcome.h"

#include <fido.h>

#include "common/cleanup.h"
#include "ssh/say.h"

typedef struct Outcome {
        int error;
        int result;
        const char *ours, *others; /* what is said: of Keyfob, of another security key */
} Outcome;

static const Outcome outcomes[] = {
        {FIDO_ERR_PIN_REQUIRED, SK_ERROR_PIN_REQUIRED, NULL, NULL},
        {FIDO_ERR_PIN_INVALID, SK_ERROR_PIN_REQUIRED, NULL, NULL},
        /* nobody to ask, or fingers that are not known */
        {FIDO_ERR_UV_BLOCKED, SK_ERROR_PIN_REQUIRED, NULL, NULL},
        {FIDO_ERR_UV_INVALID, SK_ERROR_PIN_REQUIRED, NULL, NULL},
        {FIDO_ERR_PIN_AUTH_BLOCKED, SK_ERROR_GENERAL,
         "too many wrong PINs in a row: run keyfob authenticator replug, then try again",
         "too many wrong PINs in a row: plug the security key out and in, then try again"},
        {FIDO_ERR_PIN_BLOCKED, SK_ERROR_GENERAL,
         "the PIN of the security key is blocked: set a new one with keyfob authenticator pin reset",
         "the PIN of the security key is blocked"},
        {FIDO_ERR_PIN_NOT_SET, SK_ERROR_UNSUPPORTED,
         "the security key has no PIN: set one with keyfob authenticator pin set",
         "the security key has no PIN: set one with keyfob key pin set"},
        {FIDO_ERR_PIN_POLICY_VIOLATION, SK_ERROR_GENERAL,
         "the PIN of the security key must be changed: keyfob authenticator pin change",
         "the PIN of the security key must be changed: keyfob key pin change"},
        {FIDO_ERR_OPERATION_DENIED, SK_ERROR_GENERAL,
         "it was refused, or nobody could be asked for consent: see keyfob-prompt-agent in keyfob(1)",
         "the security key refused"},
        {FIDO_ERR_NOT_ALLOWED, SK_ERROR_GENERAL,
         "the vault is locked, and nobody could be asked for its password: run keyfob unlock",
         "the security key does not allow this now"},
        {FIDO_ERR_ACTION_TIMEOUT, SK_ERROR_GENERAL, "nobody answered in time", "nobody touched the security key in time"},
        {FIDO_ERR_USER_ACTION_TIMEOUT, SK_ERROR_GENERAL, "nobody answered in time",
         "nobody touched the security key in time"},
        {FIDO_ERR_KEEPALIVE_CANCEL, SK_ERROR_GENERAL, "it was cancelled: the vault was locked, or the security key reset",
         "the security key cancelled it"},
        {FIDO_ERR_NO_CREDENTIALS, SK_ERROR_NO_DEVICE, "the key is not, or not any more, among Keyfob's passkeys",
         "the security key does not have this key"},
        {FIDO_ERR_CREDENTIAL_EXCLUDED, SK_ERROR_EXISTS, NULL, NULL},
        {FIDO_ERR_KEY_STORE_FULL, SK_ERROR_GENERAL, "there is no room for another passkey",
         "there is no room for another resident key"},
        {FIDO_ERR_UNSUPPORTED_ALGORITHM, SK_ERROR_UNSUPPORTED,
         "new keys of this type are turned off: see keyfob passkey policy",
         "the security key does not know keys of this type"},
        {FIDO_ERR_UNSUPPORTED_OPTION, SK_ERROR_UNSUPPORTED, NULL, NULL},
        {FIDO_ERR_UNSUPPORTED_EXTENSION, SK_ERROR_UNSUPPORTED, NULL, NULL},
        {FIDO_ERR_INVALID_OPTION, SK_ERROR_UNSUPPORTED, NULL, NULL},
        {FIDO_ERR_TX, SK_ERROR_GENERAL, "the connection to keyfobd was lost", "the security key does not answer"},
        {FIDO_ERR_RX, SK_ERROR_GENERAL, "the connection to keyfobd was lost", "the security key does not answer"},
};

int outcome_of(int error, bool keyfob, const char **ret_line)
{
        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++) {
                if (outcomes[i].error != error)
                        continue;
                *ret_line = keyfob ? outcomes[i].ours : outcomes[i].others;
                return outcomes[i].result;
        }
        *ret_line = NULL;
        return SK_ERROR_GENERAL;
}

int outcome_say(int error, bool keyfob)
{
        const char *line;
        int r = outcome_of(error, keyfob, &line);

        if (line)
                say("%s", line);
        else if (r == SK_ERROR_GENERAL)
                say("%s: %s", keyfob ? "the security key could not do it" : "the security key answered", fido_strerr(error));
        return r;
}
