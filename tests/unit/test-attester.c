/* Attestation keys and chains from PEM: what is accepted, and a phrase for each reason to refuse. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "crypto/certificate.h"
#include "tests/unit/crypto-tools.h"

static const uint8_t our_aaguid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

#define AAGUID_OURS  "04100102030405060708090a0b0c0d0e0f10"
#define AAGUID_OTHER "04100102030405060708090a0b0c0d0e0f11"
#define AAGUID_BARE  "0102030405060708090a0b0c0d0e0f10"

typedef struct Shape {
        bool version_1, ca, no_constraints, critical, twice, large;
        const char *aaguid; /* the value of the extension */
} Shape;

/* A leaf's key and its two issuers'. */
typedef struct World {
        EVP_PKEY *key, *middle, *root;
        BIO *pem;
} World;

static EVP_PKEY *generate(void)
{
        EVP_PKEY *key;

        CHECK(arena_init() >= 0);
        key = EVP_EC_gen("P-256");
        CHECK(key);
        return key;
}

static World world_init(void)
{
        return (World){generate(), generate(), generate(), BIO_new(BIO_s_mem())};
}

static void world_done(World *world)
{
        EVP_PKEY_free(world->key);
        EVP_PKEY_free(world->middle);
        EVP_PKEY_free(world->root);
        BIO_free(world->pem);
        ERR_clear_error();
}

static void add_extension(X509 *certificate, const char *oid_text, const void *value, int size, bool critical)
{
        ASN1_OBJECT *oid = OBJ_txt2obj(oid_text, 1);
        ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
        X509_EXTENSION *extension;

        CHECK(oid && octets && ASN1_OCTET_STRING_set(octets, value, size));
        extension = X509_EXTENSION_create_by_OBJ(NULL, oid, critical, octets);
        CHECK(extension && X509_add_ext(certificate, extension, -1));
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(octets);
        ASN1_OBJECT_free(oid);
}

static X509 *certificate_new(const Shape *shape, const char *subject, EVP_PKEY *key, const char *issuer,
                             EVP_PKEY *issuer_key)
{
        static const uint8_t large[CERTIFICATE_DER_MAX];
        X509 *certificate = X509_new();
        BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
        uint8_t value[32];

        CHECK(certificate && constraints);
        CHECK(X509_set_version(certificate, shape->version_1 ? X509_VERSION_1 : X509_VERSION_3));
        CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7));
        CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
        CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), 1000));
        CHECK(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_ASC,
                                         (const uint8_t *)subject, -1, -1, 0));
        CHECK(X509_NAME_add_entry_by_NID(X509_get_issuer_name(certificate), NID_commonName, MBSTRING_ASC,
                                         (const uint8_t *)issuer, -1, -1, 0));
        CHECK(X509_set_pubkey(certificate, key));
        constraints->ca = shape->ca ? 0xff : 0;
        if (!shape->no_constraints && !shape->version_1)
                CHECK(X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints, 1, 0) == 1);
        for (unsigned i = 0; shape->aaguid && i < (shape->twice ? 2 : 1); i++)
                add_extension(certificate, "1.3.6.1.4.1.45724.1.1.4", value, (int)unhex(shape->aaguid, value),
                              shape->critical);
        if (shape->large)
                add_extension(certificate, "1.2.3.4", large, sizeof(large), false);
        CHECK(X509_sign(certificate, issuer_key, EVP_sha256()));
        BASIC_CONSTRAINTS_free(constraints);
        return certificate;
}

static void add_certificate(World *world, const Shape *shape, const char *subject, EVP_PKEY *key, const char *issuer,
                            EVP_PKEY *issuer_key)
{
        X509 *certificate = certificate_new(shape, subject, key, issuer, issuer_key);

        CHECK(PEM_write_bio_X509(world->pem, certificate));
        X509_free(certificate);
}

static void add_leaf(World *world, const Shape *shape)
{
        add_certificate(world, shape, "leaf", world->key, "middle", world->middle);
}

static void add_issuers(World *world)
{
        add_certificate(world, &(Shape){.ca = true}, "middle", world->middle, "root", world->root);
        add_certificate(world, &(Shape){.ca = true}, "root", world->root, "root", world->root);
}

static void add_key(World *world, EVP_PKEY *key)
{
        CHECK(PEM_write_bio_PrivateKey(world->pem, key, NULL, NULL, 0, NULL, NULL));
}

static void add_text(World *world, const char *text)
{
        CHECK_EQ(BIO_puts(world->pem, text), (int)strlen(text));
}

static const char *text_of(const World *world, size_t *ret_size)
{
        char *text;
        long size = BIO_get_mem_data(world->pem, &text);

        CHECK(size >= 0);
        *ret_size = (size_t)size;
        return text;
}

/* Refused for that reason; nothing stays behind. */
static void check_refused_text(const char *text, size_t size, const char *reason)
{
        Attester *attester = NULL;
        const char *why = NULL;
        size_t used = CRYPTO_secure_used();

        ERR_clear_error();
        CHECK_EQ(attester_new(text, size, our_aaguid, &attester, &why), -EINVAL);
        CHECK(!attester);
        CHECK(why);
        if (!strstr(why, reason)) {
                fprintf(stderr, "\"%s\", not \"%s\"\n", why, reason);
                CHECK(!"the reason");
        }
        CHECK_EQ(attester_new(text, size, our_aaguid, &attester, NULL), -EINVAL);
        CHECK_NO_ERRORS();
        CHECK_EQ(CRYPTO_secure_used(), used);
}

static void check_refused(const World *world, const char *reason)
{
        size_t size;
        const char *text = text_of(world, &size);

        check_refused_text(text, size, reason);
}

static void check_accepted(const World *world, size_t n)
{
        size_t size, der_size = 0, used = CRYPTO_secure_used(), signature_size;
        const char *text = text_of(world, &size), *why = "untouched";
        uint8_t signature[SIGN_SIGNATURE_MAX];
        Attester *attester = NULL;
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        int r;

        ERR_clear_error();
        r = attester_new(text, size, our_aaguid, &attester, &why);
        if (r < 0)
                fprintf(stderr, "%s\n", why);
        CHECK_EQ(r, 0);
        CHECK(strcmp(why, "untouched") == 0);
        CHECK_NO_ERRORS();

        /* The key is the one of the certificate, and of the file. */
        CHECK_EQ(attester_key(attester)->kind, SIGN_P256);
        CHECK(CRYPTO_secure_allocated(attester_key(attester)));
        CHECK_EQ(sign(attester_key(attester), "x", 1, signature, &signature_size), 0);
        CHECK(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, world->key));
        CHECK_EQ(EVP_DigestVerify(md, signature, signature_size, (const uint8_t *)"x", 1), 1);
        EVP_MD_CTX_free(md);

        for (size_t i = 0; i < n; i++) {
                const uint8_t *der = attester_certificate(attester, i, &der_size);
                const unsigned char *p = der;
                X509 *certificate = d2i_X509(NULL, &p, (long)der_size);

                CHECK(certificate && p == der + der_size);
                X509_free(certificate);
        }
        CHECK(!attester_certificate(attester, n, &der_size));
        CHECK(!attester_certificate(attester, SIZE_MAX, &der_size));
        attester_free(attester);
        CHECK_EQ(CRYPTO_secure_used(), used);
}

TEST(chains_that_are_right)
{
        _cleanup_(world_done) World one = world_init(), three = world_init(), four = world_init();
        EVP_PKEY *bottom = generate();

        add_key(&one, one.key);
        add_leaf(&one, &(Shape){0});
        check_accepted(&one, 1);

        add_text(&three, "subject: people write here what it is\n");
        add_leaf(&three, &(Shape){.aaguid = AAGUID_OURS});
        add_text(&three, "\n");
        add_issuers(&three);
        add_key(&three, three.key);
        check_accepted(&three, 3);

        add_certificate(&four, &(Shape){0}, "bottom", bottom, "leaf", four.key);
        add_certificate(&four, &(Shape){.ca = true}, "leaf", four.key, "middle", four.middle);
        add_issuers(&four);
        add_key(&four, bottom);
        EVP_PKEY_free(four.key);
        four.key = bottom;
        check_accepted(&four, CERTIFICATE_CHAIN_MAX);
        add_certificate(&four, &(Shape){.ca = true}, "root", four.root, "root", four.root);
        check_refused(&four, "too many certificates");
}

TEST(a_key_as_openssl_ecparam_writes_it)
{
        _cleanup_(world_done) World world = world_init();

        add_text(&world, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
        CHECK(PEM_write_bio_PrivateKey_traditional(world.pem, world.key, NULL, NULL, 0, NULL, NULL));
        add_leaf(&world, &(Shape){0});
        check_accepted(&world, 1);
}

TEST(the_bytes_of_certificates_are_kept)
{
        _cleanup_(world_done) World world = world_init();
        X509 *certificate = certificate_new(&(Shape){0}, "leaf", world.key, "middle", world.middle);
        Attester *attester = NULL;
        unsigned char *der = NULL;
        const char *text;
        const uint8_t *got;
        size_t size, got_size = 0;
        int der_size = i2d_X509(certificate, &der);

        CHECK(PEM_write_bio_X509(world.pem, certificate));
        add_key(&world, world.key);
        text = text_of(&world, &size);
        CHECK_EQ(attester_new(text, size, our_aaguid, &attester, NULL), 0);
        got = attester_certificate(attester, 0, &got_size);
        CHECK_EQ(got_size, der_size);
        CHECK(memcmp(got, der, got_size) == 0);
        attester_free(attester);
        OPENSSL_free(der);
        X509_free(certificate);
}

TEST(leaves_that_are_refused)
{
        static const struct {
                Shape shape;
                const char *reason;
        } cases[] = {
                {{.version_1 = true}, "version 3"},
                {{.ca = true}, "is a CA's"},
                {{.no_constraints = true}, "does not say that it is not a CA's"},
                {{.aaguid = AAGUID_OTHER}, "another AAGUID"},
                {{.aaguid = AAGUID_BARE}, "another AAGUID"},
                {{.aaguid = AAGUID_OURS "00"}, "another AAGUID"},
                {{.aaguid = ""}, "another AAGUID"},
                {{.aaguid = AAGUID_OURS, .critical = true}, "critical"},
                {{.aaguid = AAGUID_OURS, .twice = true}, "twice"},
                {{.large = true}, "too large"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(world_done) World world = world_init();

                add_leaf(&world, &cases[i].shape);
                add_key(&world, world.key);
                check_refused(&world, cases[i].reason);
        }
}

TEST(keys_that_do_not_fit)
{
        static const char *const other_kinds[] = {"P-384", "ED25519", "secp256k1"};
        _cleanup_(world_done) World wrong = world_init(), two = world_init(), none = world_init(), alone = world_init();

        add_leaf(&wrong, &(Shape){0});
        add_key(&wrong, wrong.middle);
        check_refused(&wrong, "not the private key's");

        add_leaf(&two, &(Shape){0});
        add_key(&two, two.key);
        add_key(&two, two.key);
        check_refused(&two, "more than one private key");

        add_leaf(&none, &(Shape){0});
        check_refused(&none, "no private key");

        add_key(&alone, alone.key);
        check_refused(&alone, "no certificate");

        for (size_t i = 0; i < ELEMENTSOF(other_kinds); i++) {
                _cleanup_(world_done) World world = world_init(), traditional = world_init();

                EVP_PKEY_free(world.key);
                world.key = i == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, other_kinds[i]) : EVP_EC_gen(other_kinds[i]);
                CHECK(world.key);
                add_leaf(&world, &(Shape){0});
                add_key(&world, world.key);
                check_refused(&world, "not one of P-256");
                if (i == 1)
                        continue;
                CHECK(PEM_write_bio_PrivateKey_traditional(traditional.pem, world.key, NULL, NULL, 0, NULL, NULL));
                check_refused(&traditional, "not one of P-256");
        }
}

TEST(encrypted_keys)
{
        _cleanup_(world_done) World pkcs8 = world_init(), traditional = world_init(), disguised = world_init();
        PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(disguised.key);
        X509_SIG *encrypted = PKCS8_encrypt(-1, EVP_aes_128_cbc(), "password", 8, NULL, 0, 1000, info);
        unsigned char *der = NULL;
        int size = i2d_X509_SIG(encrypted, &der);

        CHECK(PEM_write_bio_PKCS8PrivateKey(pkcs8.pem, pkcs8.key, EVP_aes_128_cbc(), "password", 8, NULL, NULL));
        check_refused(&pkcs8, "encrypted");

        CHECK(PEM_write_bio_PrivateKey_traditional(traditional.pem, traditional.key, EVP_aes_128_cbc(),
                                                   (const uint8_t *)"password", 8, NULL, NULL));
        check_refused(&traditional, "encrypted");

        /* Nobody is asked for a password. */
        CHECK(size > 0 && PEM_write_bio(disguised.pem, "PRIVATE KEY", "", der, size));
        check_refused(&disguised, "cannot be read");
        OPENSSL_free(der);
        X509_SIG_free(encrypted);
        PKCS8_PRIV_KEY_INFO_free(info);
}

/* ECPrivateKey of RFC 5915 with a number and the curve, no public key. */
TEST(private_numbers_out_of_range)
{
        static const struct {
                const char *number, *reason;
        } cases[] = {
                {"0000000000000000000000000000000000000000000000000000000000000001", "no certificate"},
                {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", "no certificate"},
                {"0000000000000000000000000000000000000000000000000000000000000000", "out of range"},
                {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "out of range"},
                {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "out of range"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(world_done) World world = world_init();
                uint8_t der[51] = {0};

                unhex("30310201010420", der);
                unhex(cases[i].number, der + 7);
                unhex("a00a06082a8648ce3d030107", der + 39);
                CHECK(PEM_write_bio(world.pem, "EC PRIVATE KEY", "", der, sizeof(der)));
                check_refused(&world, cases[i].reason);

                CHECK_EQ(BIO_reset(world.pem), 1);
                der[1]++;
                CHECK(PEM_write_bio(world.pem, "EC PRIVATE KEY", "", der, sizeof(der)));
                check_refused(&world, "not one of P-256");
        }
}

TEST(chains_out_of_order)
{
        _cleanup_(world_done) World swapped = world_init(), foreign = world_init(), renamed = world_init();

        add_key(&swapped, swapped.key);
        add_certificate(&swapped, &(Shape){.ca = true}, "middle", swapped.middle, "root", swapped.root);
        add_leaf(&swapped, &(Shape){0});
        check_refused(&swapped, "not the private key's");

        add_key(&foreign, foreign.key);
        add_leaf(&foreign, &(Shape){0});
        add_certificate(&foreign, &(Shape){.ca = true}, "middle", foreign.root, "root", foreign.root);
        check_refused(&foreign, "not signed by the one after it");

        add_key(&renamed, renamed.key);
        add_leaf(&renamed, &(Shape){0});
        add_certificate(&renamed, &(Shape){.ca = true}, "muddle", renamed.middle, "root", renamed.root);
        check_refused(&renamed, "not signed by the one after it");
}

TEST(garbage)
{
        _cleanup_(world_done) World other = world_init(), trailing = world_init(), base64 = world_init(),
                                    mislabelled = world_init(), huge = world_init();
        uint8_t zeros[45000] = {0};
        X509 *certificate = certificate_new(&(Shape){0}, "leaf", trailing.key, "middle", trailing.middle);
        uint8_t *der = calloc(1, CERTIFICATE_DER_MAX), *p = der;
        int size = i2d_X509(certificate, &p);

        check_refused_text("", 0, "empty");
        check_refused_text("\0\xff", 2, "no private key");
        check_refused_text("hello\n", 6, "no private key");

        CHECK(PEM_write_bio_PUBKEY(other.pem, other.key));
        check_refused(&other, "something else");

        CHECK(PEM_write_bio(trailing.pem, "CERTIFICATE", "", der, size + 1));
        check_refused(&trailing, "certificate cannot be read");

        add_text(&base64, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
        check_refused(&base64, "not valid PEM");

        CHECK(PEM_write_bio(mislabelled.pem, "PRIVATE KEY", "", der, size));
        check_refused(&mislabelled, "private key cannot be read");

        CHECK(PEM_write_bio(huge.pem, "CERTIFICATE", "", zeros, sizeof(zeros)));
        check_refused(&huge, "too large");
        free(der);
        X509_free(certificate);
}

TEST(a_text_that_is_too_large)
{
        _cleanup_(world_done) World world = world_init();
        Attester *attester = NULL;
        char *large = malloc(ATTESTER_PEM_MAX + 1);
        const char *text;
        size_t size;

        CHECK(large);
        add_key(&world, world.key);
        add_leaf(&world, &(Shape){0});
        text = text_of(&world, &size);
        memset(large, '\n', ATTESTER_PEM_MAX + 1);
        memcpy(large, text, size);
        CHECK_EQ(attester_new(large, ATTESTER_PEM_MAX, our_aaguid, &attester, NULL), 0);
        attester_free(attester);
        check_refused_text(large, ATTESTER_PEM_MAX + 1, "too large");
        free(large);
}

/* The key comes last, so that every cut takes something away. */
TEST(every_cut_and_every_changed_byte)
{
        _cleanup_(world_done) World world = world_init();
        size_t size, used, whole = 0;
        const char *text;
        char *copy;

        add_leaf(&world, &(Shape){.aaguid = AAGUID_OURS});
        add_key(&world, world.key);
        text = text_of(&world, &size);
        copy = malloc(size);
        CHECK(copy);
        used = CRYPTO_secure_used();
        ERR_clear_error();
        for (size_t n = 0; n < size; n++) {
                Attester *attester = NULL;
                int r = attester_new(text, n, our_aaguid, &attester, NULL);

                CHECK(r == -EINVAL || (r == 0 && n >= size - strlen("-----\n")));
                attester_free(attester);
        }
        for (size_t i = 0; i < size; i++) {
                Attester *attester = NULL;
                int r;

                memcpy(copy, text, size);
                copy[i] ^= 1;
                r = attester_new(copy, size, our_aaguid, &attester, NULL);
                CHECK(r == 0 || r == -EINVAL);
                CHECK(!attester == (r < 0));
                whole += r == 0;
                attester_free(attester);
                CHECK_NO_ERRORS();
        }
        /* The leaf's own signature is nobody's business here, and some bits in base64 mean nothing; the rest is checked. */
        CHECK(whole < size / 2);
        CHECK_EQ(CRYPTO_secure_used(), used);
        free(copy);
}

static int make_and_free(const char *text, size_t size, const char **why)
{
        Attester *attester = NULL;
        int r = attester_new(text, size, our_aaguid, &attester, why);

        CHECK(!attester == (r < 0));
        attester_free(attester);
        return r;
}

TEST(a_full_arena_is_told)
{
        _cleanup_(world_done) World world = world_init();
        const char *text, *why = "untouched";
        size_t size;

        add_key(&world, world.key);
        add_leaf(&world, &(Shape){0});
        text = text_of(&world, &size);
        ERR_clear_error();
        CHECK_AS_ARENA_DRAINS(make_and_free(text, size, &why));
        CHECK(strcmp(why, "untouched") == 0);
        check_accepted(&world, 1);
}

TEST_MAIN
