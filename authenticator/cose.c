/*
 * COSE: algorithms and keys
 *
 * Several identifiers can stand for one algorithm (RFC 9864 names the curve, RFC 9053 does not). A credential keeps the one
 * that its relying party asked for, so the table is by identifier.
 */
#include <string.h>

#include "authenticator/internal.h"

#define KEY_TYPE_OKP 1
#define KEY_TYPE_EC2 2
#define CURVE_P256    1
#define CURVE_P384    2
#define CURVE_ED25519 6

/* Labels (RFC 9053, section 7) */
#define LABEL_TYPE      1
#define LABEL_ALGORITHM 3
#define LABEL_CURVE     (-1)
#define LABEL_X         (-2)
#define LABEL_Y         (-3)

#define COORDINATE_SIZE 32U /* of P-256 */

static const Algorithm algorithms[] = {
        {COSE_ES256, SIGN_P256, CURVE_P256, 0},
        {COSE_EDDSA, SIGN_ED25519, CURVE_ED25519, 0},
        {COSE_ES384, SIGN_P384, CURVE_P384, 0},
        {COSE_ESP256, SIGN_P256, CURVE_P256, COSE_ES256},
        {COSE_ED25519, SIGN_ED25519, CURVE_ED25519, COSE_EDDSA},
        {COSE_ESP384, SIGN_P384, CURVE_P384, COSE_ES384},
};

const Algorithm *algorithm_find(int64_t cose)
{
        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++)
                if (algorithms[i].cose == cose)
                        return algorithms + i;
        return NULL;
}

void put_cose_key(CborWriter *w, const Algorithm *algorithm, const uint8_t *public_key)
{
        bool ec2 = algorithm->kind != SIGN_ED25519;
        size_t size = sign_public_size(algorithm->kind) / (ec2 ? 2 : 1);

        put_map(w, ec2 ? 5 : 4);
        put_int(w, LABEL_TYPE);
        put_int(w, ec2 ? KEY_TYPE_EC2 : KEY_TYPE_OKP);
        put_int(w, LABEL_ALGORITHM);
        put_int(w, algorithm->cose);
        put_int(w, LABEL_CURVE);
        put_int(w, algorithm->curve);
        put_int(w, LABEL_X);
        put_bytes(w, public_key, size);
        if (!ec2)
                return;
        put_int(w, LABEL_Y);
        put_bytes(w, public_key + size, size);
}

/* A member that must have one value. */
static int must_be(const cbor_item_t *key, int label, int64_t expected)
{
        int64_t value;
        int r;

        r = value_int(map_get(key, label), &value);
        if (r == CTAP2_ERR_LIMIT_EXCEEDED || (r == CTAP_OK && value != expected))
                return CTAP1_ERR_INVALID_PARAMETER;
        return r;
}

static int read_coordinate(const cbor_item_t *key, int label, const uint8_t **ret)
{
        size_t size;
        int r;

        r = value_bytes(map_get(key, label), COORDINATE_SIZE, COORDINATE_SIZE, ret, &size);
        return r == CTAP2_ERR_LIMIT_EXCEEDED || r == CTAP1_ERR_INVALID_LENGTH ? CTAP1_ERR_INVALID_PARAMETER : r;
}

int value_cose_agreement(const cbor_item_t *item, uint8_t ret[64])
{
        const uint8_t *x, *y;
        int r;

        r = value_map(item);
        if (r == CTAP_OK)
                r = must_be(item, LABEL_TYPE, KEY_TYPE_EC2);
        if (r == CTAP_OK)
                r = must_be(item, LABEL_ALGORITHM, COSE_ECDH);
        if (r == CTAP_OK)
                r = must_be(item, LABEL_CURVE, CURVE_P256);
        if (r == CTAP_OK)
                r = read_coordinate(item, LABEL_X, &x);
        if (r == CTAP_OK)
                r = read_coordinate(item, LABEL_Y, &y);
        if (r != CTAP_OK)
                return r;
        memcpy(ret, x, COORDINATE_SIZE);
        memcpy(ret + COORDINATE_SIZE, y, COORDINATE_SIZE);
        return CTAP_OK;
}
