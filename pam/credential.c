/*
 * Credentials
 *
 * A list that owns what is in it. P-256 points are kept without the byte that says they are not compressed.
 */
#include "pam/credential.h"

#include <errno.h>
#include <string.h>

#define POINT_SIZE   64U
#define EDDSA_SIZE   32U
#define RSA_SIZE     259U /* modulus and exponent, as in pam_u2f's files */
#define UNCOMPRESSED 4U

void credential_done(Credential *credential)
{
        free(credential->id);
        free(credential->rp);
        *credential = (Credential){0};
}

void credentials_done(Credentials *credentials)
{
        for (size_t i = 0; i < credentials->n; i++)
                credential_done(credentials->list + i);
        free(credentials->list);
        *credentials = CREDENTIALS_NULL;
}

int credentials_add(Credentials *credentials, Credential *credential)
{
        Credential *list = reallocarray(credentials->list, credentials->n + 1, sizeof(*list));

        if (!list) {
                credential_done(credential);
                return -ENOMEM;
        }
        credentials->list = list;
        list[credentials->n++] = *credential;
        *credential = (Credential){0};
        return 0;
}

int credential_set_key(Credential *credential, Algorithm algorithm, const uint8_t *key, size_t size)
{
        if (algorithm == ALGORITHM_ES256 && size == POINT_SIZE + 1 && key[0] == UNCOMPRESSED) {
                key++;
                size--;
        }
        if (size != (algorithm == ALGORITHM_ES256 ? POINT_SIZE : algorithm == ALGORITHM_EDDSA ? EDDSA_SIZE : RSA_SIZE))
                return -EBADMSG;
        memcpy(credential->key, key, size);
        credential->key_size = size;
        credential->algorithm = algorithm;
        return 0;
}
