/*
 * Signatures
 *
 * A security key wraps r and s into DER; OpenSSH wants both as plain big-endian numbers. Of P-256 all lengths fit one
 * byte, so anything else is refused.
 */
#include "ssh/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define ED25519_SIZE 64U
#define P256_SIZE    32U
#define DER_INTEGER  0x02
#define DER_SEQUENCE 0x30

int signature_copy(const uint8_t *data, size_t size, uint8_t **ret, size_t *ret_size)
{
        uint8_t *copy = NULL;

        if (data && size > 0) {
                copy = malloc(size);
                if (!copy)
                        return -ENOMEM;
                memcpy(copy, data, size);
        }
        *ret = copy;
        *ret_size = copy ? size : 0;
        return 0;
}

/* Takes a tag, its length and that many bytes off the front. */
static int take(uint8_t tag, const uint8_t **data, size_t *size, const uint8_t **ret, size_t *ret_size)
{
        size_t n;

        if (*size < 2 || (*data)[0] != tag || (*data)[1] >= 0x80)
                return -EBADMSG;
        n = (*data)[1];
        if (n > *size - 2)
                return -EBADMSG;
        *ret = *data + 2;
        *ret_size = n;
        *data += 2 + n;
        *size -= 2 + n;
        return 0;
}

/* A positive number. */
static int take_number(const uint8_t **data, size_t *size, const uint8_t **ret, size_t *ret_size)
{
        const uint8_t *number;
        size_t n;
        int r;

        r = take(DER_INTEGER, data, size, &number, &n);
        if (r < 0)
                return r;
        if (n == 0 || number[0] >= 0x80)
                return -EBADMSG;
        while (n > 0 && number[0] == 0) {
                number++;
                n--;
        }
        if (n == 0 || n > P256_SIZE)
                return -EBADMSG;
        *ret = number;
        *ret_size = n;
        return 0;
}

static int read_ecdsa(const uint8_t *signature, size_t size, struct sk_sign_response *ret)
{
        const uint8_t *sequence, *numbers[2];
        size_t rest, sizes[2], sig_s_size;
        _cleanup_free_ uint8_t *sig_s = NULL;
        int r;

        r = take(DER_SEQUENCE, &signature, &size, &sequence, &rest);
        for (unsigned i = 0; r == 0 && i < 2; i++)
                r = take_number(&sequence, &rest, &numbers[i], &sizes[i]);
        if (r < 0)
                return r;
        if (size > 0 || rest > 0)
                return -EBADMSG;
        r = signature_copy(numbers[1], sizes[1], &sig_s, &sig_s_size);
        if (r == 0)
                r = signature_copy(numbers[0], sizes[0], &ret->sig_r, &ret->sig_r_len);
        if (r < 0)
                return r;
        ret->sig_s = TAKE_PTR(sig_s);
        ret->sig_s_len = sig_s_size;
        return 0;
}

int signature_read(uint32_t algorithm, const uint8_t *signature, size_t size, struct sk_sign_response *ret)
{
        if (!signature)
                return -EBADMSG;
        if (algorithm == SK_ECDSA)
                return read_ecdsa(signature, size, ret);
        if (size != ED25519_SIZE)
                return -EBADMSG;
        return signature_copy(signature, size, &ret->sig_r, &ret->sig_r_len);
}
