/* Attestation statements, verified as a relying party does: packed (self, enterprise), fido-u2f, none; which one is
 * chosen. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/unit/ceremony-tools.h"

/* ---- verifying ---- */

static const uint8_t *statement_bytes(const cbor_item_t *reply, const char *name, size_t *ret_size)
{
        const uint8_t *bytes;

        CHECK_EQ(value_bytes(map_get_text(map_get(reply, 3), name), 1, SIZE_MAX, &bytes, ret_size), CTAP_OK);
        return bytes;
}

/* A signature over authData ‖ clientDataHash. */
static bool signature_fits(const cbor_item_t *reply, const SignKey *key)
{
        uint8_t message[2048];
        size_t size, signature_size;
        const uint8_t *data = reply_bytes(reply, 2, &size);
        const uint8_t *signature = statement_bytes(reply, "sig", &signature_size);

        memcpy(message, data, size);
        memcpy(message + size, client_hash, sizeof(client_hash));
        return sign_verify(key, message, size + sizeof(client_hash), signature, signature_size) == 0;
}

/* The P-256 key of the first certificate of x5c. */
static SignKey certified_key(const cbor_item_t *reply)
{
        const cbor_item_t *x5c = map_get_text(map_get(reply, 3), "x5c");
        SignKey key = {.kind = SIGN_P256};
        const uint8_t *der;
        uint8_t point[65];
        size_t size, n;
        X509 *certificate;

        CHECK_EQ(value_array(x5c, 4, &n), CTAP_OK);
        CHECK(n >= 1);
        CHECK_EQ(value_bytes(array_get(x5c, 0), 1, SIZE_MAX, &der, &size), CTAP_OK);
        certificate = d2i_X509(NULL, &der, (long)size);
        CHECK(certificate);
        CHECK(EVP_PKEY_get_octet_string_param(X509_get0_pubkey(certificate), "encoded-pub-key", point, sizeof(point),
                                              &size));
        CHECK_EQ(size, sizeof(point));
        memcpy(key.public_key, point + 1, 64);
        X509_free(certificate);
        return key;
}

/* ---- requests ---- */

/* keys 10 (0: absent) and 11 (NULL: absent). */
static cbor_item_t *request(int alg, int enterprise, const char *const *formats)
{
        cbor_item_t *map = client_make_request(RP, USER, alg), *list;

        if (enterprise)
                client_set(map, 10, client_int(enterprise));
        if (!formats)
                return map;
        list = client_array();
        for (size_t i = 0; formats[i]; i++)
                client_push(list, client_text(formats[i]));
        client_set(map, 11, list);
        return map;
}

static cbor_item_t *make_with(Fixture *f, int alg, int enterprise, const char *const *formats)
{
        cbor_item_t *reply = NULL;

        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, request(alg, enterprise, formats), &reply), CTAP_OK);
        return reply;
}

#define FORMATS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- formats ---- */

TEST(packed_self_attestation_is_the_default)
{
        static const int algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_ESP256, COSE_ED25519, COSE_ES384, COSE_ESP384};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = make_with(f, algorithms[i], 0, NULL);
                Made made = made_of(reply);

                CHECK(reply_text_is(reply, 1, "packed"));
                CHECK_EQ(cbor_map_size(map_get(reply, 3)), 2);
                CHECK(signature_fits(reply, &made.key));
                CHECK(!map_get(reply, 4));
        }
}

TEST(attestation_formats_preference_none)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = make_with(f, COSE_ES256, 0, FORMATS("none"));

        CHECK(reply_text_is(reply, 1, "none"));
        CHECK_EQ(cbor_map_size(map_get(reply, 3)), 0);
        CHECK(auth_flags(reply) & AT);
}

TEST(attestation_formats_preference_takes_the_first_that_is_supported)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *packed = make_with(f, COSE_ES256, 0, FORMATS("tpm", "packed", "none"));
        _cleanup_(cbor_item_donep) cbor_item_t *u2f = make_with(f, COSE_ES256, 0, FORMATS("fido-u2f", "packed"));
        _cleanup_(cbor_item_donep) cbor_item_t *unknown = make_with(f, COSE_ES256, 0, FORMATS("tpm", "apple"));

        CHECK(reply_text_is(packed, 1, "packed"));
        CHECK(reply_text_is(u2f, 1, "fido-u2f"));
        CHECK(reply_text_is(unknown, 1, "packed"));
}

/* Section 8.6 of WebAuthn. */
TEST(fido_u2f_statement_verifies)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = make_with(f, COSE_ESP256, 0, FORMATS("fido-u2f"));
        static const uint8_t no_aaguid[16];
        uint8_t message[256] = {0};
        size_t size, signature_size, n = 0;
        const uint8_t *data = reply_bytes(reply, 2, &size);
        const uint8_t *signature = statement_bytes(reply, "sig", &signature_size);
        Made made = made_of(reply);
        SignKey key = certified_key(reply);

        CHECK(memcmp(data + 37, no_aaguid, sizeof(no_aaguid)) == 0);
        CHECK(memcmp(key.public_key, made.key.public_key, 64) == 0);
        message[n++] = 0;
        memcpy(message + n, data, 32);
        memcpy(message + (n += 32), client_hash, 32);
        memcpy(message + (n += 32), made.id, made.id_size);
        message[n += made.id_size] = 4;
        memcpy(message + n + 1, made.key.public_key, 64);
        CHECK_EQ(sign_verify(&key, message, n + 65, signature, signature_size), 0);
}

TEST(fido_u2f_is_for_p256_only)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = make_with(f, COSE_EDDSA, 0, FORMATS("fido-u2f"));

        CHECK(reply_text_is(reply, 1, "packed"));
}

/* ---- enterprise ---- */

static char pem[8192];

/* A key and a certificate of its own, as an administrator gives them. */
static void make_pem(void)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = X509_new();
        BIO *bio = BIO_new(BIO_s_mem());
        X509_EXTENSION *constraints = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:FALSE");
        int size;

        CHECK(key && certificate && bio && constraints);
        CHECK(X509_set_version(certificate, X509_VERSION_3) && X509_set_pubkey(certificate, key));
        CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
        CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400));
        CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                         (const unsigned char *)"Example", -1, -1, 0));
        CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)));
        CHECK(X509_add_ext(certificate, constraints, -1) && X509_sign(certificate, key, EVP_sha256()) > 0);
        CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) &&
              PEM_write_bio_X509(bio, certificate));
        size = BIO_read(bio, pem, sizeof(pem) - 1);
        CHECK(size > 0);
        pem[size] = 0;
        X509_EXTENSION_free(constraints);
        X509_free(certificate);
        EVP_PKEY_free(key);
        BIO_free(bio);
}

static void with_enterprise(Fixture *f)
{
        static const char *const rp_ids[] = {"intra.example.com", RP, NULL};

        make_pem();
        f->config.enterprise_pem = pem;
        f->config.enterprise_pem_size = strlen(pem);
        f->config.enterprise_rp_ids = rp_ids;
}

static void with_enterprise_for_nobody(Fixture *f)
{
        with_enterprise(f);
        f->config.enterprise_rp_ids = NULL;
}

TEST(enterprise_attestation_not_capable_or_not_enabled)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *g = fixture_new(with_enterprise);

        state_of(f)->enterprise = true; /* without a certificate */
        CHECK_EQ(send(f, MAKE_CREDENTIAL, request(COSE_ES256, 1, NULL)), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(send(g, MAKE_CREDENTIAL, request(COSE_ES256, 1, NULL)), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(send(g, MAKE_CREDENTIAL, request(COSE_ES256, 3, NULL)), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(f->n_asked + g->n_asked, 0);
}

TEST(get_info_tells_that_enterprise_attestation_can_be_enabled)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *g = fixture_new(with_enterprise);
        _cleanup_(cbor_item_donep) cbor_item_t *without = NULL, *with = NULL;
        uint64_t first = 0;

        CHECK_EQ(client_send(f, GET_INFO, NULL, &without), CTAP_OK);
        CHECK_EQ(client_send(g, GET_INFO, NULL, &with), CTAP_OK);
        CHECK(!map_get_text(map_get(without, 4), "ep"));
        CHECK(cbor_is_bool(map_get_text(map_get(with, 4), "ep")));
        CHECK(!cbor_get_bool(map_get_text(map_get(with, 4), "ep"))); /* not yet */
        CHECK_EQ(cbor_array_size(map_get(with, 0x1f)), cbor_array_size(map_get(without, 0x1f)) + 1);
        CHECK_EQ(value_uint(cbor_array_handle(map_get(with, 0x1f))[0], UINT8_MAX, &first), CTAP_OK);
        CHECK_EQ(first, 1);
}

TEST(enterprise_attestation_has_two_kinds)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_enterprise);
        cbor_item_t *zero = make_request();

        state_of(f)->enterprise = true;
        CHECK_EQ(send(f, MAKE_CREDENTIAL, request(COSE_ES256, 3, NULL)), CTAP2_ERR_INVALID_OPTION);
        client_set(zero, 10, client_int(0));
        CHECK_EQ(send(f, MAKE_CREDENTIAL, zero), CTAP2_ERR_INVALID_OPTION);
}

TEST(enterprise_attestation_verifies_under_the_administrators_key)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_enterprise);

        state_of(f)->enterprise = true;
        for (int kind = 1; kind <= 2; kind++) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = make_with(f, COSE_EDDSA, kind, NULL);
                SignKey key = certified_key(reply);
                bool granted = false;
                int64_t alg = 0;

                CHECK(reply_text_is(reply, 1, "packed"));
                CHECK_EQ(value_bool(map_get(reply, 4), &granted), CTAP_OK);
                CHECK(granted);
                CHECK_EQ(value_int(map_get_text(map_get(reply, 3), "alg"), &alg), CTAP_OK);
                CHECK_EQ(alg, COSE_ES256);
                CHECK(signature_fits(reply, &key));
        }
}

TEST(enterprise_attestation_1_is_for_known_rps_only)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_enterprise_for_nobody);
        _cleanup_(cbor_item_donep) cbor_item_t *vendor = NULL, *platform = NULL;
        Made made;

        state_of(f)->enterprise = true;
        vendor = make_with(f, COSE_ES256, 1, NULL);
        made = made_of(vendor);
        CHECK(!map_get(vendor, 4));
        CHECK(signature_fits(vendor, &made.key));
        platform = make_with(f, COSE_ES256, 2, NULL);
        CHECK(map_get(platform, 4) != NULL);
}

TEST(preferred_format_goes_before_enterprise_attestation)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_enterprise);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        state_of(f)->enterprise = true;
        reply = make_with(f, COSE_ES256, 2, FORMATS("none"));
        CHECK(reply_text_is(reply, 1, "none"));
        CHECK(!map_get(reply, 4));
}

TEST_MAIN
