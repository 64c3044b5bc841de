/*
 * Blinding on P-256
 *
 * The group's order is prime, so r·P is as likely to be any of its points but infinity, whatever P is; and to get d·P
 * out of d·G, P, r·P and d·r·P without r is the Diffie-Hellman problem.
 */
#include "crypto/blind.h"

#include <errno.h>
#include <string.h>

#include "crypto/pkey.h"

#define COORDINATE_SIZE 32U

struct Blind {
        EC_GROUP *group;
        BIGNUM *factor;
};

Blind *blind_free(Blind *blind)
{
        if (!blind)
                return NULL;
        BN_clear_free(blind->factor);
        EC_GROUP_free(blind->group);
        free(blind);
        return NULL;
}

static int factor_new(Blind *blind)
{
        const BIGNUM *order = EC_GROUP_get0_order(blind->group);

        blind->factor = BN_secure_new();
        if (!blind->factor)
                return openssl_failed(-ENOMEM);
        do
                if (BN_priv_rand_range(blind->factor, order) != 1)
                        return openssl_failed(-ENOMEM);
        while (BN_is_zero(blind->factor));
        BN_set_flags(blind->factor, BN_FLG_CONSTTIME);
        return 0;
}

int blind_new(const uint8_t point[64], uint8_t ret_question[64], Blind **ret)
{
        _cleanup_(blind_freep) Blind *blind = calloc(1, sizeof(*blind));
        _cleanup_(BN_CTX_freep) BN_CTX *ctx = BN_CTX_secure_new();
        _cleanup_(EC_POINT_clear_freep) EC_POINT *given = NULL, *question = NULL;
        uint8_t octets[1 + 2 * COORDINATE_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
        int r;

        if (!blind || !ctx)
                return openssl_failed(-ENOMEM);
        blind->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        if (!blind->group)
                return openssl_failed(-ENOMEM);
        r = factor_new(blind);
        if (r < 0)
                return r;
        given = EC_POINT_new(blind->group);
        question = EC_POINT_new(blind->group);
        if (!given || !question)
                return openssl_failed(-ENOMEM);
        memcpy(octets + 1, point, 2 * COORDINATE_SIZE);
        if (EC_POINT_oct2point(blind->group, given, octets, sizeof(octets), ctx) != 1)
                return openssl_failed(-EINVAL);
        if (EC_POINT_mul(blind->group, question, NULL, given, blind->factor, ctx) != 1 ||
            EC_POINT_point2oct(blind->group, question, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets), ctx) !=
                    sizeof(octets))
                return openssl_failed(-ENOMEM);
        memcpy(ret_question, octets + 1, 2 * COORDINATE_SIZE);
        *ret = TAKE_PTR(blind);
        return 0;
}

int blind_take_off(const Blind *blind, const uint8_t answer[32], uint8_t ret[32])
{
        _cleanup_(BN_CTX_freep) BN_CTX *ctx = BN_CTX_secure_new();
        _cleanup_(EC_POINT_clear_freep) EC_POINT *answered = EC_POINT_new(blind->group),
                                                 *shared = EC_POINT_new(blind->group);
        _cleanup_(BN_clear_freep) BIGNUM *x = BN_secure_new(), *inverse = BN_secure_new();

        if (!ctx || !answered || !shared || !x || !inverse || !BN_bin2bn(answer, COORDINATE_SIZE, x) ||
            !BN_mod_inverse(inverse, blind->factor, EC_GROUP_get0_order(blind->group), ctx))
                return openssl_failed(-ENOMEM);
        if (EC_POINT_set_compressed_coordinates(blind->group, answered, x, 0, ctx) != 1)
                return openssl_failed(-EINVAL);
        if (EC_POINT_mul(blind->group, shared, NULL, answered, inverse, ctx) != 1 ||
            EC_POINT_get_affine_coordinates(blind->group, shared, x, NULL, ctx) != 1 ||
            BN_bn2binpad(x, ret, COORDINATE_SIZE) < 0)
                return openssl_failed(-ENOMEM);
        return 0;
}
