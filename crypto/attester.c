/*
 * What an administrator provides for enterprise attestation
 *
 * A mistake in the file would show only at the websites, which would refuse the attestation without saying why. So what
 * they check is checked when the file is read (WebAuthn section 8.2.1), and each refusal has a phrase for people.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/certificate.h"
#include "crypto/pkey.h"

#define AAGUID_SIZE 16U
#define AAGUID_OID  "1.3.6.1.4.1.45724.1.1.4" /* id-fido-gen-ce-aaguid */

DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free)
DEFINE_CLEANUP(BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(X509 *, X509_free)

typedef struct Link {
        uint8_t *der;
        size_t size;
} Link;

struct Attester {
        SignKey *key; /* in the arena; of no kind until the file's key was read */
        Link chain[CERTIFICATE_CHAIN_MAX];
        size_t n_chain;
};

/* One "-----BEGIN name-----" of a PEM file, in the arena, because it may be a private key. */
typedef struct Block {
        char *name;
        char *header;
        unsigned char *data;
        long size;
} Block;

static void block_done(Block *block)
{
        OPENSSL_secure_free(block->name);
        OPENSSL_secure_free(block->header);
        OPENSSL_secure_clear_free(block->data, block->size > 0 ? (size_t)block->size : 0);
        *block = (Block){0};
}

Attester *attester_free(Attester *attester)
{
        if (!attester)
                return NULL;
        for (size_t i = 0; i < attester->n_chain; i++)
                free(attester->chain[i].der);
        arena_free(attester->key);
        free(attester);
        return NULL;
}

static int refuse(const char **ret_why, const char *why)
{
        *ret_why = why;
        return openssl_failed(-EINVAL);
}

/* 1, 0 at the end of the text, or an error. */
static int read_block(BIO *bio, Block *ret, const char **ret_why)
{
        Block block = {0};

        if (PEM_read_bio_ex(bio, &block.name, &block.header, &block.data, &block.size, PEM_FLAG_SECURE) == 1) {
                *ret = block;
                return 1;
        }
        if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
                ERR_clear_error();
                return 0;
        }
        return refuse(ret_why, "it is not valid PEM");
}

/* The private number of a key that OpenSSL has read, without a stop on the heap. */
static int read_private(const EVP_PKEY *pkey, uint8_t ret[32])
{
        /* As the machine orders it. */
        Key *native = key_new();
        BIGNUM *number = NULL;
        OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
        int r = -ENOMEM;

        if (native) {
                params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native->bytes, sizeof(native->bytes));
                number = BN_secure_new();
                if (number && EVP_PKEY_get_params(pkey, params) == 1 && params[0].return_size <= sizeof(native->bytes) &&
                    BN_native2bn(native->bytes, (int)params[0].return_size, number) && BN_bn2binpad(number, ret, 32) == 32)
                        r = 0;
        }
        BN_clear_free(number);
        key_free(native);
        return r < 0 ? openssl_failed(-EINVAL) : 0;
}

static int take_key(Attester *attester, const Block *block, const char **ret_why)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        const unsigned char *p = block->data;
        char group[32];
        int r;

        if (attester->key->kind != 0)
                return refuse(ret_why, "it has more than one private key");
        if (block->header && block->header[0] != '\0')
                return refuse(ret_why, "the private key is encrypted");
        pkey = d2i_AutoPrivateKey(NULL, &p, block->size);
        if (!pkey || p != block->data + block->size)
                return refuse(ret_why, "the private key cannot be read");
        if (!EVP_PKEY_is_a(pkey, "EC") || !EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ||
            strcmp(group, SN_X9_62_prime256v1) != 0)
                return refuse(ret_why, "the private key is not one of P-256");
        r = read_private(pkey, attester->key->private_key);
        if (r < 0)
                return r == -EINVAL ? refuse(ret_why, "the private key cannot be read") : r;
        attester->key->kind = SIGN_P256;
        r = sign_complete(attester->key);
        return r == -EINVAL ? refuse(ret_why, "the private key is out of range") : r;
}

static int take_certificate(Attester *attester, const Block *block, const char **ret_why)
{
        _cleanup_(X509_freep) X509 *certificate = NULL;
        Link *link = &attester->chain[attester->n_chain];
        const unsigned char *p = block->data;

        if (attester->n_chain == CERTIFICATE_CHAIN_MAX)
                return refuse(ret_why, "it has too many certificates");
        if (block->size <= 0 || (size_t)block->size > CERTIFICATE_DER_MAX)
                return refuse(ret_why, "a certificate is too large");
        certificate = d2i_X509(NULL, &p, block->size);
        if (!certificate || p != block->data + block->size)
                return refuse(ret_why, "a certificate cannot be read");
        link->der = malloc((size_t)block->size);
        if (!link->der)
                return -ENOMEM;
        memcpy(link->der, block->data, (size_t)block->size);
        link->size = (size_t)block->size;
        attester->n_chain++;
        return 0;
}

static int take(Attester *attester, const Block *block, const char **ret_why)
{
        if (strcmp(block->name, PEM_STRING_X509) == 0)
                return take_certificate(attester, block, ret_why);
        if (strcmp(block->name, PEM_STRING_PKCS8INF) == 0 || strcmp(block->name, PEM_STRING_ECPRIVATEKEY) == 0)
                return take_key(attester, block, ret_why);
        if (strcmp(block->name, PEM_STRING_PKCS8) == 0)
                return refuse(ret_why, "the private key is encrypted");
        /* `openssl ecparam -genkey` writes the name of the curve before the key. */
        if (strcmp(block->name, PEM_STRING_ECPARAMETERS) == 0)
                return 0;
        return refuse(ret_why, "it has something else than certificates and a private key");
}

/* The extension's value is an OCTET STRING in an OCTET STRING. */
static int check_aaguid(const X509 *leaf, const uint8_t aaguid[AAGUID_SIZE], const char **ret_why)
{
        _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(AAGUID_OID, /* no_name= */ 1);
        uint8_t expected[2 + AAGUID_SIZE] = {V_ASN1_OCTET_STRING, AAGUID_SIZE};
        X509_EXTENSION *extension;
        const ASN1_OCTET_STRING *value;
        int i;

        if (!oid)
                return openssl_failed(-ENOMEM);
        i = X509_get_ext_by_OBJ(leaf, oid, -1);
        if (i < 0)
                return 0;
        if (X509_get_ext_by_OBJ(leaf, oid, i) >= 0)
                return refuse(ret_why, "the first certificate names the AAGUID twice");
        extension = X509_get_ext(leaf, i);
        if (X509_EXTENSION_get_critical(extension))
                return refuse(ret_why, "the first certificate's AAGUID is marked as critical");
        value = X509_EXTENSION_get_data(extension);
        memcpy(expected + 2, aaguid, AAGUID_SIZE);
        if (ASN1_STRING_length(value) != (int)sizeof(expected) ||
            memcmp(ASN1_STRING_get0_data(value), expected, sizeof(expected)) != 0)
                return refuse(ret_why, "the first certificate is for another AAGUID");
        return 0;
}

static int check_leaf(const SignKey *key, X509 *leaf, const uint8_t aaguid[AAGUID_SIZE], const char **ret_why)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(BASIC_CONSTRAINTS_freep) BASIC_CONSTRAINTS *constraints = NULL;
        int r;

        r = pkey_new(key, /* with_private= */ false, &pkey);
        if (r < 0)
                return r;
        if (X509_check_private_key(leaf, pkey) != 1)
                return refuse(ret_why, "the first certificate is not the private key's");
        if (X509_get_version(leaf) != X509_VERSION_3)
                return refuse(ret_why, "the first certificate is not of version 3");
        constraints = X509_get_ext_d2i(leaf, NID_basic_constraints, NULL, NULL);
        if (!constraints)
                return refuse(ret_why, "the first certificate does not say that it is not a CA's");
        if (constraints->ca)
                return refuse(ret_why, "the first certificate is a CA's");
        return check_aaguid(leaf, aaguid, ret_why);
}

/* Each certificate is signed by the next one. */
static int check_chain(const Attester *attester, const uint8_t aaguid[AAGUID_SIZE], const char **ret_why)
{
        _cleanup_(X509_freep) X509 *below = NULL;
        int r;

        for (size_t i = 0; i < attester->n_chain; i++) {
                const unsigned char *p = attester->chain[i].der;
                _cleanup_(X509_freep) X509 *certificate = d2i_X509(NULL, &p, (long)attester->chain[i].size);

                if (!certificate)
                        return openssl_failed(-ENOMEM);
                if (i == 0) {
                        r = check_leaf(attester->key, certificate, aaguid, ret_why);
                        if (r < 0)
                                return r;
                } else if (X509_NAME_cmp(X509_get_issuer_name(below), X509_get_subject_name(certificate)) != 0 ||
                           X509_verify(below, X509_get0_pubkey(certificate)) != 1)
                        return refuse(ret_why, "a certificate is not signed by the one after it");
                X509_free(below);
                below = TAKE_PTR(certificate);
        }
        return 0;
}

static int load(Attester *attester, BIO *bio, const uint8_t aaguid[AAGUID_SIZE], const char **ret_why)
{
        int r;

        for (;;) {
                _cleanup_(block_done) Block block = {0};

                r = read_block(bio, &block, ret_why);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                r = take(attester, &block, ret_why);
                if (r < 0)
                        return r;
        }
        if (attester->key->kind == 0)
                return refuse(ret_why, "it has no private key");
        if (attester->n_chain == 0)
                return refuse(ret_why, "it has no certificate");
        return check_chain(attester, aaguid, ret_why);
}

int attester_new(const void *pem, size_t size, const uint8_t aaguid[16], Attester **ret, const char **ret_why)
{
        _cleanup_(attester_freep) Attester *attester = NULL;
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        const char *why = NULL;
        int r;

        if (size == 0 || size > ATTESTER_PEM_MAX)
                r = refuse(&why, size == 0 ? "it is empty" : "it is too large");
        else {
                attester = calloc(1, sizeof(*attester));
                if (!attester)
                        return -ENOMEM;
                attester->key = arena_alloc(sizeof(*attester->key));
                bio = BIO_new_mem_buf(pem, (int)size);
                if (!attester->key || !bio)
                        return openssl_failed(-ENOMEM);
                r = load(attester, bio, aaguid, &why);
        }
        if (r < 0) {
                if (r == -EINVAL && ret_why)
                        *ret_why = why;
                return r;
        }
        *ret = TAKE_PTR(attester);
        return 0;
}

const SignKey *attester_key(const Attester *attester)
{
        return attester->key;
}

const uint8_t *attester_certificate(const Attester *attester, size_t i, size_t *ret_size)
{
        if (i >= attester->n_chain)
                return NULL;
        *ret_size = attester->chain[i].size;
        return attester->chain[i].der;
}
