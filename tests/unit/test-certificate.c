/* Self-signed certificates, read back with OpenSSL. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/certificate.h"
#include "tests/unit/crypto-tools.h"

#define LONGEST "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXY~"

static SignKey generate(void)
{
        SignKey key;

        CHECK(arena_init() >= 0);
        CHECK_EQ(sign_generate(SIGN_P256, &key), 0);
        return key;
}

static X509 *decode(const uint8_t *der, size_t size)
{
        const unsigned char *p = der;
        X509 *certificate = d2i_X509(NULL, &p, (long)size);

        CHECK(certificate);
        CHECK(p == der + size);
        return certificate;
}

static void check_time(const ASN1_TIME *time, int type, const char *want)
{
        CHECK_EQ(ASN1_STRING_type(time), type);
        CHECK_EQ(ASN1_STRING_length(time), (int)strlen(want));
        CHECK(memcmp(ASN1_STRING_get0_data(time), want, strlen(want)) == 0);
}

static void check_certificate(const SignKey *key, const char *name)
{
        uint8_t der[CERTIFICATE_SELF_MAX];
        char text[128];
        size_t size;
        X509 *certificate;
        const ASN1_BIT_STRING *public_key;

        CHECK_EQ(certificate_self(key, name, der, &size), 0);
        certificate = decode(der, size);
        CHECK_EQ(X509_get_version(certificate), X509_VERSION_3);
        CHECK_EQ(ASN1_INTEGER_get(X509_get0_serialNumber(certificate)), 1);
        CHECK_EQ(X509_get_signature_nid(certificate), NID_ecdsa_with_SHA256);
        CHECK_EQ(X509_NAME_entry_count(X509_get_subject_name(certificate)), 1);
        CHECK_EQ(X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof(text)),
                 (int)strlen(name));
        CHECK(strcmp(text, name) == 0);
        CHECK_EQ(X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)), 0);
        check_time(X509_get0_notBefore(certificate), V_ASN1_UTCTIME, "000101000000Z");
        check_time(X509_get0_notAfter(certificate), V_ASN1_GENERALIZEDTIME, "99991231235959Z");
        CHECK_EQ(X509_get_ext_count(certificate), 1);
        CHECK(X509_EXTENSION_get_critical(X509_get_ext(certificate, 0)));
        CHECK_EQ(X509_check_ca(certificate), 0);
        CHECK(X509_get_extension_flags(certificate) & EXFLAG_BCONS);

        public_key = X509_get0_pubkey_bitstr(certificate);
        CHECK_EQ(ASN1_STRING_length(public_key), 65);
        CHECK_EQ(ASN1_STRING_get0_data(public_key)[0], 4);
        CHECK(memcmp(ASN1_STRING_get0_data(public_key) + 1, key->public_key, 64) == 0);
        CHECK_EQ(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
        X509_free(certificate);

        der[size - 1] ^= 1;
        certificate = decode(der, size);
        CHECK(X509_verify(certificate, X509_get0_pubkey(certificate)) != 1);
        X509_free(certificate);
        ERR_clear_error();
}

TEST(it_is_what_it_should_be)
{
        SignKey key = generate();

        CHECK_EQ(strlen(LONGEST), 64);
        check_certificate(&key, "Keyfob");
        check_certificate(&key, "K");
        check_certificate(&key, LONGEST);
}

/* All but the signature is the same each time. */
TEST(it_says_nothing_more)
{
        SignKey key = generate();
        unsigned char *signed_part[2] = {NULL, NULL};
        int sizes[2];

        for (unsigned i = 0; i < 2; i++) {
                uint8_t der[CERTIFICATE_SELF_MAX];
                size_t size;
                X509 *certificate;

                CHECK_EQ(certificate_self(&key, "Keyfob", der, &size), 0);
                certificate = decode(der, size);
                sizes[i] = i2d_re_X509_tbs(certificate, &signed_part[i]);
                CHECK(sizes[i] > 0);
                X509_free(certificate);
        }
        CHECK_EQ(sizes[0], sizes[1]);
        CHECK(memcmp(signed_part[0], signed_part[1], (size_t)sizes[0]) == 0);
        OPENSSL_free(signed_part[0]);
        OPENSSL_free(signed_part[1]);
}

TEST(names_and_keys_that_are_refused)
{
        SignKey key = generate(), other = {.kind = SIGN_ED25519}, none = key;
        uint8_t der[CERTIFICATE_SELF_MAX];
        size_t size = 77;

        CHECK_EQ(certificate_self(&key, "", der, &size), -EINVAL);
        CHECK_EQ(certificate_self(&key, LONGEST "!", der, &size), -EINVAL);
        CHECK_EQ(certificate_self(&key, "a\nb", der, &size), -EINVAL);
        CHECK_EQ(certificate_self(&key, "a\x7f", der, &size), -EINVAL);
        CHECK_EQ(certificate_self(&key, "Schl\xc3\xbcssel", der, &size), -EINVAL);
        CHECK_EQ(certificate_self(&other, "Keyfob", der, &size), -EINVAL);
        memset(none.private_key, 0, sizeof(none.private_key));
        CHECK_EQ(certificate_self(&none, "Keyfob", der, &size), -EINVAL);
        none = key;
        none.public_key[5] ^= 1;
        CHECK_EQ(certificate_self(&none, "Keyfob", der, &size), -EINVAL);
        CHECK_EQ(size, 77);
        CHECK_NO_ERRORS();
}

TEST(a_full_arena_is_told_and_nothing_stays_in_it)
{
        SignKey key = generate();
        uint8_t der[CERTIFICATE_SELF_MAX];
        size_t size, used = CRYPTO_secure_used();
        void *all = arena_fill();

        CHECK_EQ(certificate_self(&key, "Keyfob", der, &size), -ENOMEM);
        CHECK_NO_ERRORS();
        arena_drain(all);
        CHECK_AS_ARENA_DRAINS(certificate_self(&key, "Keyfob", der, &size));
        CHECK_EQ(CRYPTO_secure_used(), used);
}

TEST_MAIN
