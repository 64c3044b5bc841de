/*
 * A certificate that says nothing
 *
 * Everything in it but the key and the signature is the same for each credential and each user: no time of making, no
 * random serial number. So it tells a website nothing that the public key does not.
 */
#include "crypto/certificate.h"

#include <errno.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/pkey.h"

#define NAME_MAX_SIZE 64U /* ub-common-name of RFC 5280 */

#define NOT_BEFORE "20000101000000Z"
#define NOT_AFTER  "99991231235959Z"

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_NAME *, X509_NAME_free)
DEFINE_CLEANUP(BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free)

static bool name_is_valid(const char *name)
{
        size_t size = strlen(name);

        for (size_t i = 0; i < size; i++)
                if (name[i] < ' ' || name[i] > '~')
                        return false;
        return size > 0 && size <= NAME_MAX_SIZE;
}

/* What is signed, without the key. */
static int fill(X509 *certificate, const char *name)
{
        _cleanup_(X509_NAME_freep) X509_NAME *subject = X509_NAME_new();
        /* As it comes, it says that this is not a CA. */
        _cleanup_(BASIC_CONSTRAINTS_freep) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();

        if (!subject || !constraints ||
            !X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)name, -1,
                                        /* loc= */ -1, /* set= */ 0) ||
            !X509_set_version(certificate, X509_VERSION_3) ||
            !ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) ||
            !ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), NOT_BEFORE) ||
            !ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), NOT_AFTER) ||
            !X509_set_subject_name(certificate, subject) || !X509_set_issuer_name(certificate, subject) ||
            X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints, /* crit= */ 1, X509V3_ADD_DEFAULT) != 1)
                return openssl_failed(-ENOMEM);
        return 0;
}

int certificate_self(const SignKey *key, const char *name, uint8_t ret[CERTIFICATE_SELF_MAX], size_t *ret_size)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(X509_freep) X509 *certificate = NULL;
        int size, r;

        if (key->kind != SIGN_P256 || !name_is_valid(name))
                return -EINVAL;
        r = pkey_new(key, /* with_private= */ true, &pkey);
        if (r < 0)
                return r;
        certificate = X509_new();
        if (!certificate)
                return openssl_failed(-ENOMEM);
        r = fill(certificate, name);
        if (r < 0)
                return r;
        if (!X509_set_pubkey(certificate, pkey) || !X509_sign(certificate, pkey, EVP_sha256()))
                return openssl_failed(-ENOMEM);
        size = i2d_X509(certificate, NULL);
        if (size <= 0)
                return openssl_failed(-ENOMEM);
        if ((size_t)size > CERTIFICATE_SELF_MAX)
                return -EINVAL;
        (void)i2d_X509(certificate, &ret);
        *ret_size = (size_t)size;
        return 0;
}
