/*
 * Raw values into OpenSSL
 *
 * EVP_PKEY_fromdata() takes numbers as they are and checks that the point is on the curve. It does not check the private
 * value, so that is done here, against the order of the group.
 */
#include "crypto/pkey.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/cryptoerr.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <string.h>

DEFINE_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free)
DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)

static const Curve curves[] = {
        {SIGN_P256, NID_X9_62_prime256v1, SN_X9_62_prime256v1, 32, 32,
         {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51}},
        {SIGN_P384, NID_secp384r1, SN_secp384r1, 48, 48,
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
          0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73}},
        {SIGN_P521, NID_secp521r1, SN_secp521r1, 66, 64,
         {0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09,
          0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38,
          0x64, 0x09}},
};

const Curve *curve_find(SignKind kind)
{
        for (size_t i = 0; i < ELEMENTSOF(curves); i++)
                if (curves[i].kind == kind)
                        return &curves[i];
        return NULL;
}

bool curve_has_scalar(const Curve *curve, const uint8_t *scalar)
{
        unsigned below = 0, bits = 0;

        /* The borrow of scalar - order. */
        for (size_t i = curve->size; i-- > 0;) {
                below = ((unsigned)scalar[i] - curve->order[i] - below) >> 8 & 1;
                bits |= scalar[i];
        }
        return below & (bits != 0);
}

int openssl_failed(int otherwise)
{
        int r = otherwise;

        for (unsigned long e = ERR_get_error(); e != 0; e = ERR_get_error())
                if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE ||
                    (ERR_GET_LIB(e) == ERR_LIB_CRYPTO && ERR_GET_REASON(e) == CRYPTO_R_SECURE_MALLOC_FAILURE))
                        r = -ENOMEM;
        return r;
}

BIGNUM *bn_new_secret(const uint8_t *bytes, size_t size)
{
        BIGNUM *number = BN_secure_new();

        if (number && BN_bin2bn(bytes, (int)size, number)) {
                BN_set_flags(number, BN_FLG_CONSTTIME);
                return number;
        }
        BN_clear_free(number);
        return NULL;
}

int pkey_new(const SignKey *key, bool with_private, EVP_PKEY **ret)
{
        const Curve *curve = curve_find(key->kind);
        _cleanup_(BN_clear_freep) BIGNUM *private = NULL;
        _cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = NULL;
        _cleanup_(OSSL_PARAM_freep) OSSL_PARAM *params = NULL;
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
        EVP_PKEY *pkey = NULL;
        uint8_t point[1 + SIGN_PUBLIC_MAX] = {POINT_CONVERSION_UNCOMPRESSED};

        if (!curve || (with_private && !curve_has_scalar(curve, key->private_key)))
                return -EINVAL;
        memcpy(point + 1, key->public_key, 2 * curve->size);

        build = OSSL_PARAM_BLD_new();
        if (!build || !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) ||
            !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curve->size))
                return openssl_failed(-ENOMEM);
        if (with_private) {
                private = bn_new_secret(key->private_key, curve->size);
                if (!private || !OSSL_PARAM_BLD_push_BN_pad(build, OSSL_PKEY_PARAM_PRIV_KEY, private, curve->size))
                        return openssl_failed(-ENOMEM);
        }
        params = OSSL_PARAM_BLD_to_param(build);
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1)
                return openssl_failed(-ENOMEM);
        if (EVP_PKEY_fromdata(ctx, &pkey, with_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
                return openssl_failed(-EINVAL);
        *ret = pkey;
        return 0;
}
