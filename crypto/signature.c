/*
 * Signatures that are made elsewhere
 *
 * A device signs a digest and gives two numbers; WebAuthn wants them as DER (X9.62): a sequence of two integers, each
 * without leading zeros, but with one before a first bit that is set, because integers have a sign.
 */
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "crypto/pkey.h"
#include "crypto/sha.h"

#define DER_INTEGER  0x02
#define DER_SEQUENCE 0x30
#define DER_LENGTH_1 0x81 /* the length is in the next byte */

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
        case SIGN_P521:
                sha512(data, size, ret);
                *ret_size = SHA512_SIZE;
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
        uint8_t both[SIGN_SIGNATURE_MAX], *end, *to = ret;
        size_t n;

        if (!curve || size != 2 * curve->size)
                return -EINVAL;
        end = put_integer(both, pair, curve->size);
        end = put_integer(end, pair + curve->size, curve->size);
        n = (size_t)(end - both);
        *to++ = DER_SEQUENCE;
        if (n > 0x7f)
                *to++ = DER_LENGTH_1;
        *to++ = (uint8_t)n;
        memcpy(to, both, n);
        *ret_size = (size_t)(to - ret) + n;
        return 0;
}

/* The next integer, right-aligned. Neither a negative one nor one with zeros to spare is what a signer writes. */
static bool get_integer(ByteReader *reader, uint8_t *ret, size_t size)
{
        uint8_t tag = byte_reader_u8(reader), n = byte_reader_u8(reader);
        const uint8_t *bytes = byte_reader_raw(reader, n);

        if (!bytes || tag != DER_INTEGER || n == 0 || bytes[0] & 0x80)
                return false;
        if (bytes[0] == 0 && n > 1) {
                if (!(bytes[1] & 0x80))
                        return false;
                bytes++;
                n--;
        }
        if (n > size)
                return false;
        memset(ret, 0, size - n);
        memcpy(ret + size - n, bytes, n);
        return true;
}

int signature_decode(SignKind kind, const uint8_t *signature, size_t signature_size, uint8_t ret[2 * SIGN_PRIVATE_MAX])
{
        const Curve *curve = curve_find(kind);
        ByteReader reader = BYTE_READER(signature, signature_size);
        uint8_t pair[2 * SIGN_PRIVATE_MAX], tag, n;

        if (!curve)
                return -EINVAL;
        tag = byte_reader_u8(&reader);
        n = byte_reader_u8(&reader);
        if (n == DER_LENGTH_1) {
                n = byte_reader_u8(&reader);
                if (n <= 0x7f)
                        return -EBADMSG;
        } else if (n > 0x7f) {
                return -EBADMSG;
        }
        if (tag != DER_SEQUENCE || n != reader.size || !get_integer(&reader, pair, curve->size) ||
            !get_integer(&reader, pair + curve->size, curve->size) || !byte_reader_done(&reader))
                return -EBADMSG;
        memcpy(ret, pair, 2 * curve->size);
        return 0;
}
