/*
 * Signatures that are made elsewhere
 *
 * A device signs a digest and gives two numbers; WebAuthn wants them as DER (X9.62): a sequence of two integers, each
 * without leading zeros, but with one before a first bit that is set, because integers have a sign.
 */
#include <errno.h>
#include <string.h>

#include "crypto/pkey.h"
#include "crypto/sha.h"

#define DER_INTEGER  0x02
#define DER_SEQUENCE 0x30

int sign_digest(SignKind kind, const void *data, size_t size, uint8_t ret[SIGN_DIGEST_MAX], size_t *ret_size)
{
        unsigned n;

        switch (kind) {
        case SIGN_P256:
                sha256(data, size, ret);
                *ret_size = SHA256_SIZE;
                return 0;
        case SIGN_P384:
                if (EVP_Digest(data, size, ret, &n, EVP_sha384(), NULL) != 1)
                        return openssl_failed(-EIO);
                *ret_size = n;
                return 0;
        default:
                return -EINVAL;
        }
}

static uint8_t *put_integer(uint8_t *to, const uint8_t *number, size_t size)
{
        bool sign;

        for (; size > 1 && *number == 0; size--)
                number++;
        sign = *number & 0x80;
        *to++ = DER_INTEGER;
        *to++ = (uint8_t)(size + sign);
        if (sign)
                *to++ = 0;
        memcpy(to, number, size);
        return to + size;
}

int signature_encode(SignKind kind, const uint8_t *pair, size_t size, uint8_t ret[SIGN_SIGNATURE_MAX],
                     size_t *ret_size)
{
        const Curve *curve = curve_find(kind);
        uint8_t *end;

        if (!curve || size != 2 * curve->size)
                return -EINVAL;
        end = put_integer(ret + 2, pair, curve->size);
        end = put_integer(end, pair + curve->size, curve->size);
        ret[0] = DER_SEQUENCE;
        ret[1] = (uint8_t)(end - ret - 2); /* below 128: at most 2 × 51 */
        *ret_size = (size_t)(end - ret);
        return 0;
}
