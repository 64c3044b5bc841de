/*
 * Authfiles: whatever they say, credentials are whole and within their limits
 *
 * The first byte says how many credentials count and whether OpenSSH's keys do.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "pam/authfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(credentials_done) Credentials credentials = CREDENTIALS_NULL;
        AuthfileRules rules = {.user = "alice"};
        int r;

        if (size < 1)
                return 0;
        rules.max = 1 + (data[0] & 31);
        rules.ssh_keys = data[0] & 32;
        r = authfile_read((const char *)data + 1, size - 1, &rules, &credentials);
        PROMISE(r == 0 || r == AUTHFILE_NOBODY || r == AUTHFILE_WRONG);
        PROMISE((r == 0) == (credentials.n > 0));
        PROMISE(credentials.n <= rules.max);
        for (size_t i = 0; i < credentials.n; i++) {
                const Credential *credential = credentials.list + i;

                PROMISE(credential->id_size <= CREDENTIAL_ID_MAX && (credential->id_size == 0 || credential->id));
                PROMISE(credential->key_size == (credential->algorithm == ALGORITHM_ES256    ? 64U
                                                 : credential->algorithm == ALGORITHM_EDDSA ? 32U
                                                                                            : 259U));
                PROMISE(!credential->of_u2f || credential->presence);
                PROMISE(!credential->rp || strlen(credential->rp) > 0);
        }
        return 0;
}
