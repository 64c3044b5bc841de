/*
 * RSA from raw numbers
 *
 * What comes from outside is checked before it is used: a private key whose numbers don't belong together gives its factors
 * away with a single signature (Boneh, DeMillo, Lipton). OpenSSL checks each signature that it makes by the remainder theorem
 * against the public exponent, so the relations between the numbers are enough here; nobody tests for primes.
 */
#include "crypto/rsa.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/pkey.h"
#include "crypto/sha.h"

DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free)
DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)

unsigned rsa_bits(const RsaPublic *key)
{
        unsigned bits;

        if (key->n.size < RSA_BITS_MIN / 8 || key->n.size > RSA_SIZE_MAX || key->e.size == 0 ||
            key->e.size > RSA_EXPONENT_MAX || key->n.bytes[0] == 0 || key->e.bytes[0] == 0)
                return 0;
        bits = (unsigned)key->n.size * 8 - ((unsigned)__builtin_clz(key->n.bytes[0]) - 24);
        if (bits < RSA_BITS_MIN || !(key->n.bytes[key->n.size - 1] & 1) || !(key->e.bytes[key->e.size - 1] & 1) ||
            (key->e.size == 1 && key->e.bytes[0] == 1))
                return 0;
        return bits;
}

/* A key's numbers, and what follows from them. */
typedef struct Numbers {
        BIGNUM *n, *e, *d, *p, *q, *iqmp, *dp, *dq;
        BN_CTX *ctx;
} Numbers;

static void numbers_done(Numbers *numbers)
{
        BN_free(numbers->n);
        BN_free(numbers->e);
        BN_clear_free(numbers->d);
        BN_clear_free(numbers->p);
        BN_clear_free(numbers->q);
        BN_clear_free(numbers->iqmp);
        BN_clear_free(numbers->dp);
        BN_clear_free(numbers->dq);
        BN_CTX_free(numbers->ctx);
}

/* number mod (prime - 1) */
static BIGNUM *reduce(const BIGNUM *number, const BIGNUM *prime, BN_CTX *ctx)
{
        _cleanup_(BN_clear_freep) BIGNUM *less = BN_secure_new(), *left = BN_secure_new();

        if (!less || !left || !BN_copy(less, prime) || !BN_sub_word(less, 1))
                return NULL;
        BN_set_flags(less, BN_FLG_CONSTTIME);
        if (!BN_mod(left, number, less, ctx))
                return NULL;
        BN_set_flags(left, BN_FLG_CONSTTIME);
        return TAKE_PTR(left);
}

static bool within(const RsaNumber *number, size_t max)
{
        return number->size > 0 && number->size <= max && number->bytes[0] != 0;
}

static int numbers_read(const RsaPrivate *key, Numbers *ret)
{
        const RsaPublic *public = &key->public;

        if (rsa_bits(public) == 0 || !within(&key->d, public->n.size) || !within(&key->p, public->n.size) ||
            !within(&key->q, public->n.size) || !within(&key->iqmp, public->n.size) ||
            !(key->p.bytes[key->p.size - 1] & 1) || !(key->q.bytes[key->q.size - 1] & 1) ||
            (key->p.size == 1 && key->p.bytes[0] == 1) || (key->q.size == 1 && key->q.bytes[0] == 1))
                return -EINVAL;
        ret->ctx = BN_CTX_secure_new();
        ret->n = BN_bin2bn(public->n.bytes, (int)public->n.size, NULL);
        ret->e = BN_bin2bn(public->e.bytes, (int)public->e.size, NULL);
        ret->d = bn_new_secret(key->d.bytes, key->d.size);
        ret->p = bn_new_secret(key->p.bytes, key->p.size);
        ret->q = bn_new_secret(key->q.bytes, key->q.size);
        ret->iqmp = bn_new_secret(key->iqmp.bytes, key->iqmp.size);
        if (!ret->ctx || !ret->n || !ret->e || !ret->d || !ret->p || !ret->q || !ret->iqmp)
                return openssl_failed(-ENOMEM);
        ret->dp = reduce(ret->d, ret->p, ret->ctx);
        ret->dq = reduce(ret->d, ret->q, ret->ctx);
        return ret->dp && ret->dq ? 0 : openssl_failed(-ENOMEM);
}

/* a × b mod prime (or prime - 1, when `less`) is 1. */
static int product_is_one(const BIGNUM *a, const BIGNUM *b, const BIGNUM *prime, bool less, BN_CTX *ctx)
{
        _cleanup_(BN_clear_freep) BIGNUM *modulus = BN_secure_new(), *left = BN_secure_new();

        if (!modulus || !left || !BN_copy(modulus, prime) || (less && !BN_sub_word(modulus, 1)) ||
            !BN_mod_mul(left, a, b, modulus, ctx))
                return openssl_failed(-ENOMEM);
        return BN_is_one(left) ? 0 : -EINVAL;
}

int rsa_check(const RsaPrivate *key)
{
        _cleanup_(numbers_done) Numbers it = {0};
        _cleanup_(BN_clear_freep) BIGNUM *product = NULL;
        int r;

        r = numbers_read(key, &it);
        if (r < 0)
                return r;
        product = BN_secure_new();
        if (!product || !BN_mul(product, it.p, it.q, it.ctx))
                return openssl_failed(-ENOMEM);
        if (BN_cmp(product, it.n) != 0 || BN_cmp(it.d, it.n) >= 0 || BN_cmp(it.iqmp, it.p) >= 0)
                return -EINVAL;
        r = product_is_one(it.d, it.e, it.p, /* less= */ true, it.ctx);
        if (r == 0)
                r = product_is_one(it.d, it.e, it.q, /* less= */ true, it.ctx);
        if (r == 0)
                r = product_is_one(it.iqmp, it.q, it.p, /* less= */ false, it.ctx);
        return r;
}

static int make(OSSL_PARAM_BLD *build, int selection, EVP_PKEY **ret)
{
        _cleanup_(OSSL_PARAM_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        EVP_PKEY *pkey = NULL;

        if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1)
                return openssl_failed(-ENOMEM);
        if (EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
                return openssl_failed(-EINVAL);
        *ret = pkey;
        return 0;
}

static int make_private(const RsaPrivate *key, EVP_PKEY **ret)
{
        _cleanup_(numbers_done) Numbers it = {0};
        _cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = NULL;
        int r;

        r = numbers_read(key, &it);
        if (r < 0)
                return r;
        build = OSSL_PARAM_BLD_new();
        if (!build || !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, it.n) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, it.e) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, it.d) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, it.p) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, it.q) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1, it.dp) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2, it.dq) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, it.iqmp))
                return openssl_failed(-ENOMEM);
        return make(build, EVP_PKEY_KEYPAIR, ret);
}

static int make_public(const RsaPublic *key, EVP_PKEY **ret)
{
        _cleanup_(BN_freep) BIGNUM *n = BN_bin2bn(key->n.bytes, (int)key->n.size, NULL);
        _cleanup_(BN_freep) BIGNUM *e = BN_bin2bn(key->e.bytes, (int)key->e.size, NULL);
        _cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

        if (!n || !e || !build || !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) ||
            !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
                return openssl_failed(-ENOMEM);
        return make(build, EVP_PKEY_PUBLIC_KEY, ret);
}

static int hash(RsaHash which, const void *data, size_t size, uint8_t ret[SHA512_SIZE], const EVP_MD **ret_md)
{
        const EVP_MD *md = which == RSA_WITH_SHA1     ? EVP_sha1()
                           : which == RSA_WITH_SHA256 ? EVP_sha256()
                           : which == RSA_WITH_SHA512 ? EVP_sha512()
                                                      : NULL;

        if (!md)
                return -EINVAL;
        if (EVP_Digest(data, size, ret, NULL, md, NULL) != 1)
                return openssl_failed(-ENOMEM);
        *ret_md = md;
        return 0;
}

struct RsaSigner {
        EVP_PKEY *pkey; /* counts its users by itself */
        size_t size;
};

RsaSigner *rsa_signer_free(RsaSigner *signer)
{
        if (!signer)
                return NULL;
        EVP_PKEY_free(signer->pkey);
        free(signer);
        return NULL;
}

int rsa_signer_new(const RsaPrivate *key, RsaSigner **ret)
{
        _cleanup_(rsa_signer_freep) RsaSigner *signer = calloc(1, sizeof(*signer));
        int r;

        if (!signer)
                return -ENOMEM;
        signer->size = key->public.n.size;
        r = make_private(key, &signer->pkey);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(signer);
        return 0;
}

int rsa_signer_copy(const RsaSigner *signer, RsaSigner **ret)
{
        RsaSigner *copy = malloc(sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        *copy = *signer;
        (void)EVP_PKEY_up_ref(copy->pkey);
        *ret = copy;
        return 0;
}

size_t rsa_signer_size(const RsaSigner *signer)
{
        return signer->size;
}

int rsa_signer_sign(const RsaSigner *signer, RsaHash which, const void *data, size_t size, uint8_t *ret)
{
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
        uint8_t hashed[SHA512_SIZE];
        const EVP_MD *md = NULL;
        size_t n = signer->size;
        int r;

        r = hash(which, data, size, hashed, &md);
        if (r < 0)
                return r;
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, signer->pkey, NULL);
        if (!ctx)
                return openssl_failed(-ENOMEM);
        if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
            EVP_PKEY_CTX_set_signature_md(ctx, md) != 1 ||
            EVP_PKEY_sign(ctx, ret, &n, hashed, (size_t)EVP_MD_get_size(md)) != 1 || n != signer->size)
                return openssl_failed(-EINVAL);
        return 0;
}

int rsa_verify(const RsaPublic *key, RsaHash which, const void *data, size_t size, const uint8_t *signature,
               size_t signature_size)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
        uint8_t hashed[SHA512_SIZE];
        const EVP_MD *md = NULL;
        int r;

        if (rsa_bits(key) == 0)
                return -EINVAL;
        if (signature_size != key->n.size)
                return -EBADMSG;
        r = hash(which, data, size, hashed, &md);
        if (r < 0)
                return r;
        r = make_public(key, &pkey);
        if (r < 0)
                return r;
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        if (!ctx)
                return openssl_failed(-ENOMEM);
        if (EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
            EVP_PKEY_CTX_set_signature_md(ctx, md) != 1 ||
            EVP_PKEY_verify(ctx, signature, signature_size, hashed, (size_t)EVP_MD_get_size(md)) != 1)
                return openssl_failed(-EBADMSG);
        return 0;
}

int rsa_generate(unsigned bits, RsaPrivate *ret, uint8_t **ret_memory)
{
        static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N,       OSSL_PKEY_PARAM_RSA_E,
                                            OSSL_PKEY_PARAM_RSA_D,       OSSL_PKEY_PARAM_RSA_FACTOR1,
                                            OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        RsaPrivate key;
        RsaNumber *numbers[] = {&key.public.n, &key.public.e, &key.d, &key.p, &key.q, &key.iqmp};
        uint8_t *memory, *at;

        if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
                return -EINVAL;
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        if (!ctx)
                return openssl_failed(-ENOMEM);
        if (EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) != 1 ||
            EVP_PKEY_keygen(ctx, &pkey) != 1)
                return openssl_failed(-EIO);

        memory = at = arena_alloc((size_t)4 * bits / 8);
        if (!memory)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(BN_clear_freep) BIGNUM *number = NULL;

                if (EVP_PKEY_get_bn_param(pkey, names[i], &number) != 1 ||
                    at + BN_num_bytes(number) > memory + (size_t)4 * bits / 8) {
                        arena_free(memory);
                        return openssl_failed(-EIO);
                }
                *numbers[i] = (RsaNumber){at, (size_t)BN_num_bytes(number)};
                at += BN_bn2bin(number, at);
        }
        *ret = key;
        *ret_memory = memory;
        return 0;
}
