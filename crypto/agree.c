/*
 * ECDH on P-256
 *
 * One multiplication of points, which OpenSSL does in constant time here. Through EVP_PKEY_derive() the same costs twice
 * as much, because each peer would become a key object first. The private number stays in the arena, in OpenSSL's form.
 */
#include "crypto/agree.h"

#include <errno.h>
#include <string.h>

#include "crypto/pkey.h"

#define COORDINATE_SIZE 32U

struct AgreeKey {
        EC_GROUP *group;
        BIGNUM *private_key;
        uint8_t public_key[2 * COORDINATE_SIZE];
};

AgreeKey *agree_key_free(AgreeKey *key)
{
        if (!key)
                return NULL;
        BN_clear_free(key->private_key);
        EC_GROUP_free(key->group);
        free(key);
        return NULL;
}

static int agree_key_new_from_pair(const SignKey *pair, AgreeKey **ret)
{
        _cleanup_(agree_key_freep) AgreeKey *key = calloc(1, sizeof(*key));

        if (!key)
                return -ENOMEM;
        key->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        key->private_key = bn_new_secret(pair->private_key, COORDINATE_SIZE);
        if (!key->group || !key->private_key)
                return openssl_failed(-ENOMEM);
        memcpy(key->public_key, pair->public_key, sizeof(key->public_key));
        *ret = TAKE_PTR(key);
        return 0;
}

int agree_key_new(AgreeKey **ret)
{
        SignKey pair;
        int r;

        r = sign_generate(SIGN_P256, &pair);
        if (r < 0)
                return r;
        r = agree_key_new_from_pair(&pair, ret);
        explicit_bzero(&pair, sizeof(pair));
        return r;
}

int agree_key_new_from(const uint8_t private_key[32], AgreeKey **ret)
{
        SignKey pair = {.kind = SIGN_P256};
        int r;

        memcpy(pair.private_key, private_key, COORDINATE_SIZE);
        r = sign_complete(&pair);
        if (r == 0)
                r = agree_key_new_from_pair(&pair, ret);
        explicit_bzero(&pair, sizeof(pair));
        return r;
}

void agree_public(const AgreeKey *key, uint8_t ret[64])
{
        memcpy(ret, key->public_key, sizeof(key->public_key));
}

int agree(const AgreeKey *key, const uint8_t peer[64], uint8_t ret[32])
{
        _cleanup_(BN_CTX_freep) BN_CTX *ctx = BN_CTX_secure_new();
        _cleanup_(EC_POINT_clear_freep) EC_POINT *theirs = EC_POINT_new(key->group),
                                                 *shared = EC_POINT_new(key->group);
        _cleanup_(BN_clear_freep) BIGNUM *x = BN_secure_new();
        uint8_t octets[1 + 2 * COORDINATE_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};

        if (!ctx || !theirs || !shared || !x)
                return openssl_failed(-ENOMEM);
        memcpy(octets + 1, peer, 2 * COORDINATE_SIZE);
        /* Refuses coordinates that are not below p, and what is not on the curve; infinity has no such form. */
        if (EC_POINT_oct2point(key->group, theirs, octets, sizeof(octets), ctx) != 1)
                return openssl_failed(-EINVAL);
        /* The order of the group is prime, so that the product is not infinity either. */
        if (EC_POINT_mul(key->group, shared, NULL, theirs, key->private_key, ctx) != 1 ||
            EC_POINT_get_affine_coordinates(key->group, shared, x, NULL, ctx) != 1 ||
            BN_bn2binpad(x, ret, COORDINATE_SIZE) < 0)
                return openssl_failed(-ENOMEM);
        return 0;
}
