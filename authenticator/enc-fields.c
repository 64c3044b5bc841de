/*
 * encIdentifier and encCredStoreState (section 6.4): known again by whoever holds the persistent token
 *
 * IV ‖ AES-128-CBC under a key that is derived from the token. The IV is fresh each time, so nobody else can tell two
 * answers of one authenticator from those of two.
 */
#include <string.h>

#include "authenticator/internal.h"
#include "crypto/cbc.h"

#define FIELD_KEY_SIZE 16U

int enc_field(Authenticator *a, const char *name, const uint8_t plain[16], uint8_t ret[ENC_FIELD_SIZE])
{
        static const uint8_t salt[32];
        uint8_t key[FIELD_KEY_SIZE];
        int r;

        r = authenticator_random(a, ret, PIN_IV_SIZE);
        if (r < 0)
                return r;
        hkdf_sha256(salt, sizeof(salt), a->state->persistent_token, sizeof(a->state->persistent_token), name,
                    strlen(name), key, sizeof(key));
        r = cbc_encrypt(key, sizeof(key), ret, plain, 16, ret + PIN_IV_SIZE);
        explicit_bzero(key, sizeof(key));
        return r;
}
