/*
 * What an administrator provides for enterprise attestation
 *
 * A mistake in the file would show only at the websites, which would refuse the attestation without saying why. So what
 * they check is checked when the file is read (WebAuthn section 8.2.1), and each refusal has a phrase for people.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/certificate.h"
#include "crypto/pkey.h"

#define AAGUID_OID  "1.3.6.1.4.1.45724.1.1.4" /* id-fido-gen-ce-aaguid */
#define AAGUID_SIZE 16U
#define NUMBER_SIZE 32U

/* In base64, with line feeds. Blocks are decoded in the arena, which larger ones would fill. */
#define BLOCK_TEXT_MAX (2 * CERTIFICATE_DER_MAX)

DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free)
DEFINE_CLEANUP(BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free)
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

/*
 * The number in an ECPrivateKey (RFC 5915) of P-256, whose first bytes are always the same. OpenSSL's decoders, which know
 * every other kind of key too, leave a copy of it on the heap.
 */
static int read_number(const uint8_t *der, size_t size, bool with_curve, uint8_t ret[NUMBER_SIZE])
{
        static const uint8_t before[] = {V_ASN1_INTEGER, 1, 1, V_ASN1_OCTET_STRING, NUMBER_SIZE};
        static const uint8_t curve[] = {0xa0, 0x0a, V_ASN1_OBJECT, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
        size_t number = 2 + sizeof(before), after = number + NUMBER_SIZE;

        if (size < after + (with_curve ? sizeof(curve) : 0) || size >= 0x80 ||
            der[0] != (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED) || der[1] != size - 2 ||
            memcmp(der + 2, before, sizeof(before)) != 0 ||
            (with_curve && memcmp(der + after, curve, sizeof(curve)) != 0))
                return -EINVAL;
        memcpy(ret, der + number, NUMBER_SIZE);
        return 0;
}

/* PKCS #8: the kind and the curve stand around the ECPrivateKey. */
static int read_pkcs8(const Block *block, uint8_t ret[NUMBER_SIZE], const char **ret_why)
{
        _cleanup_(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info = NULL;
        const unsigned char *p = block->data, *der;
        const X509_ALGOR *algorithm;
        const ASN1_OBJECT *kind;
        const void *curve;
        int type, size;

        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, block->size);
        if (!info || p != block->data + block->size || !PKCS8_pkey_get0(NULL, &der, &size, &algorithm, info))
                return refuse(ret_why, "the private key cannot be read");
        X509_ALGOR_get0(&kind, &type, &curve, algorithm);
        if (OBJ_obj2nid(kind) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT ||
            OBJ_obj2nid(curve) != NID_X9_62_prime256v1 ||
            read_number(der, (size_t)size, /* with_curve= */ false, ret) < 0)
                return refuse(ret_why, "the private key is not one of P-256");
        return 0;
}

static int take_key(Attester *attester, const Block *block, const char **ret_why)
{
        SignKey *key = attester->key;
        int r;

        if (key->kind != 0)
                return refuse(ret_why, "it has more than one private key");
        if (block->header && block->header[0] != '\0')
                return refuse(ret_why, "the private key is encrypted");
        if (strcmp(block->name, PEM_STRING_PKCS8INF) == 0) {
                r = read_pkcs8(block, key->private_key, ret_why);
                if (r < 0)
                        return r;
        } else if (read_number(block->data, (size_t)block->size, /* with_curve= */ true, key->private_key) < 0)
                return refuse(ret_why, "the private key is not one of P-256");
        key->kind = SIGN_P256;
        r = sign_complete(key);
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

static bool blocks_are_short(const char *text, size_t size)
{
        const char *end = text + size, *begin, *after;

        for (; (begin = memmem(text, (size_t)(end - text), "-----BEGIN ", 11)); text = after) {
                after = memmem(begin, (size_t)(end - begin), "-----END ", 9);
                if (!after)
                        after = end;
                if ((size_t)(after - begin) > BLOCK_TEXT_MAX)
                        return false;
        }
        return true;
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

        attester = calloc(1, sizeof(*attester));
        if (!attester)
                return -ENOMEM;
        attester->key = arena_alloc(sizeof(*attester->key));
        if (!attester->key)
                return openssl_failed(-ENOMEM);
        if (size == 0)
                r = refuse(&why, "it is empty");
        else if (size > ATTESTER_PEM_MAX)
                r = refuse(&why, "it is too large");
        else if (!blocks_are_short(pem, size))
                r = refuse(&why, "a certificate is too large");
        else {
                bio = BIO_new_mem_buf(pem, (int)size);
                r = bio ? load(attester, bio, aaguid, &why) : openssl_failed(-ENOMEM);
        }
        if (r == -EINVAL && ret_why)
                *ret_why = why;
        if (r < 0)
                return r;
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
