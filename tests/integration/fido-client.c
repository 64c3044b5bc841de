/*
 * libfido2 as a client of the daemon's socket, one scenario at a time
 *
 * usage: fido-client SOCKET SCENARIO…. Each scenario is what a program does with a security key: it makes credentials, has them
 * verified by libfido2's own relying-party functions, and manages the key. test_libfido2.py starts it with a person who
 * says yes. A scenario that fails stops the program with file, line and expression.
 */
#include <fido/config.h>
#include <fido/credman.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/es384.h>

#include "tests/integration/fido-client.h"
#include "tests/integration/fido-socket.h"

static const char *path;
static const unsigned char hash[32] = {0xc1, 0xd1, 0xe1};
static const unsigned char user_id[] = {1, 2, 3, 4};

fido_dev_t *open_key(void)
{
        fido_dev_t *dev;
        int r = FIDO_ERR_INTERNAL;

        dev = fido_socket_open(path, &r);
        CHECK_EQ(r, FIDO_OK);
        return dev;
}

void close_key(fido_dev_t **dev)
{
        if (*dev) {
                (void)fido_dev_close(*dev);
                fido_dev_free(dev);
        }
}

fido_cred_t *new_cred_of(int type, const char *rp_id, const unsigned char *id, size_t id_size)
{
        fido_cred_t *cred = fido_cred_new();

        CHECK(cred);
        CHECK_EQ(fido_cred_set_type(cred, type), FIDO_OK);
        CHECK_EQ(fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)), FIDO_OK);
        CHECK_EQ(fido_cred_set_rp(cred, rp_id, "Example"), FIDO_OK);
        CHECK_EQ(fido_cred_set_user(cred, id, id_size, "alice", "Alice Liddell", NULL), FIDO_OK);
        return cred;
}

fido_cred_t *new_cred(int type, bool resident)
{
        fido_cred_t *cred = new_cred_of(type, RP, user_id, sizeof(user_id));

        if (resident)
                CHECK_EQ(fido_cred_set_rk(cred, FIDO_OPT_TRUE), FIDO_OK);
        return cred;
}

void verify_cred(const fido_cred_t *cred)
{
        if (strcmp(fido_cred_fmt(cred), "packed") == 0 && !fido_cred_x5c_ptr(cred))
                CHECK_EQ(fido_cred_verify_self(cred), FIDO_OK);
        else if (strcmp(fido_cred_fmt(cred), "none") != 0)
                CHECK_EQ(fido_cred_verify(cred), FIDO_OK);
}

fido_assert_t *new_assert_of(const char *rp_id, const fido_cred_t *allowed)
{
        fido_assert_t *assert = fido_assert_new();

        CHECK(assert);
        CHECK_EQ(fido_assert_set_clientdata_hash(assert, hash, sizeof(hash)), FIDO_OK);
        CHECK_EQ(fido_assert_set_rp(assert, rp_id), FIDO_OK);
        if (allowed)
                CHECK_EQ(fido_assert_allow_cred(assert, fido_cred_id_ptr(allowed), fido_cred_id_len(allowed)), FIDO_OK);
        return assert;
}

fido_assert_t *new_assert(const fido_cred_t *allowed)
{
        return new_assert_of(RP, allowed);
}

int verify_assert(const fido_assert_t *assert, size_t i, const fido_cred_t *cred)
{
        __attribute__((cleanup(es256_pk_free))) es256_pk_t *es256 = es256_pk_new();
        __attribute__((cleanup(es384_pk_free))) es384_pk_t *es384 = es384_pk_new();
        __attribute__((cleanup(eddsa_pk_free))) eddsa_pk_t *eddsa = eddsa_pk_new();
        const unsigned char *key = fido_cred_pubkey_ptr(cred);
        size_t size = fido_cred_pubkey_len(cred);
        const void *pk = NULL;

        switch (fido_cred_type(cred)) {
        case COSE_ES256:
                CHECK_EQ(es256_pk_from_ptr(es256, key, size), FIDO_OK);
                pk = es256;
                break;
        case COSE_ES384:
                CHECK_EQ(es384_pk_from_ptr(es384, key, size), FIDO_OK);
                pk = es384;
                break;
        case COSE_EDDSA:
                CHECK_EQ(eddsa_pk_from_ptr(eddsa, key, size), FIDO_OK);
                pk = eddsa;
                break;
        default:
                return FIDO_ERR_INTERNAL;
        }
        return fido_assert_verify(assert, i, fido_cred_type(cred), pk);
}

void set_pin(fido_dev_t *dev)
{
        if (!fido_dev_has_pin(dev))
                CHECK_EQ(fido_dev_set_pin(dev, PIN, NULL), FIDO_OK);
}

/* ---- scenarios ---- */

TEST(info)
{
        _key_ *dev = open_key();
        __attribute__((cleanup(fido_cbor_info_free))) fido_cbor_info_t *info = fido_cbor_info_new();
        bool v21 = false;

        CHECK(fido_dev_is_fido2(dev));
        CHECK(fido_dev_supports_credman(dev));
        CHECK(fido_dev_supports_cred_prot(dev));
        CHECK(fido_dev_supports_permissions(dev));
        CHECK(!fido_dev_supports_uv(dev));
        CHECK_EQ(fido_dev_get_cbor_info(dev, info), FIDO_OK);
        for (size_t i = 0; i < fido_cbor_info_versions_len(info); i++)
                v21 = v21 || strcmp(fido_cbor_info_versions_ptr(info)[i], "FIDO_2_1") == 0;
        CHECK(v21);
        CHECK_EQ(fido_cbor_info_maxmsgsiz(info), 7609);
        CHECK_EQ(fido_cbor_info_aaguid_len(info), 16);
}

TEST(algorithms)
{
        static const int types[] = {COSE_ES256, COSE_EDDSA, COSE_ES384};
        _key_ *dev = open_key();

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                _cred_ *cred = new_cred(types[i], /* resident= */ false);
                _assert_ *assert = NULL;

                CHECK_EQ(fido_dev_make_cred(dev, cred, NULL), FIDO_OK);
                verify_cred(cred);
                CHECK_EQ(fido_cred_type(cred), types[i]);
                assert = new_assert(cred);
                CHECK_EQ(fido_dev_get_assert(dev, assert, NULL), FIDO_OK);
                CHECK_EQ(fido_assert_count(assert), 1);
                CHECK_EQ(verify_assert(assert, 0, cred), FIDO_OK);
        }
}

TEST(another_hash_does_not_verify)
{
        static const unsigned char other[32] = {9};
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false);
        _assert_ *assert = NULL;

        CHECK_EQ(fido_dev_make_cred(dev, cred, NULL), FIDO_OK);
        assert = new_assert(cred);
        CHECK_EQ(fido_dev_get_assert(dev, assert, NULL), FIDO_OK);
        CHECK_EQ(fido_assert_set_clientdata_hash(assert, other, sizeof(other)), FIDO_OK);
        CHECK_EQ(verify_assert(assert, 0, cred), FIDO_ERR_INVALID_SIG);
}

TEST(exclude_and_probe)
{
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false), *again = new_cred(COSE_ES256, false);
        _assert_ *probe = NULL, *miss = new_assert(NULL);
        unsigned char unknown[32] = {7};

        CHECK_EQ(fido_dev_make_cred(dev, cred, NULL), FIDO_OK);
        CHECK_EQ(fido_cred_exclude(again, fido_cred_id_ptr(cred), fido_cred_id_len(cred)), FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, again, NULL), FIDO_ERR_CREDENTIAL_EXCLUDED);

        probe = new_assert(cred);
        CHECK_EQ(fido_assert_set_up(probe, FIDO_OPT_FALSE), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, probe, NULL), FIDO_OK);
        CHECK_EQ(fido_assert_flags(probe, 0) & 0x01, 0);
        CHECK_EQ(verify_assert(probe, 0, cred), FIDO_OK);

        CHECK_EQ(fido_assert_allow_cred(miss, unknown, sizeof(unknown)), FIDO_OK);
        CHECK_EQ(fido_assert_set_up(miss, FIDO_OPT_FALSE), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, miss, NULL), FIDO_ERR_NO_CREDENTIALS);
}

TEST(pin_then_verification)
{
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ true), *without = new_cred(COSE_ES256, true);
        _assert_ *assert = NULL, *wrong = NULL;
        int retries = 0;

        set_pin(dev);
        CHECK(fido_dev_has_pin(dev));
        CHECK_EQ(fido_dev_make_cred(dev, without, NULL), FIDO_ERR_PIN_REQUIRED);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        verify_cred(cred);
        CHECK(fido_cred_flags(cred) & 0x04);

        assert = new_assert(NULL);
        CHECK_EQ(fido_assert_set_uv(assert, FIDO_OPT_TRUE), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, assert, PIN), FIDO_OK);
        CHECK(fido_assert_flags(assert, 0) & 0x04);
        CHECK_EQ(verify_assert(assert, 0, cred), FIDO_OK);
        CHECK_EQ(fido_assert_user_id_len(assert, 0), sizeof(user_id));
        CHECK(memcmp(fido_assert_user_id_ptr(assert, 0), user_id, sizeof(user_id)) == 0);

        wrong = new_assert(NULL);
        CHECK_EQ(fido_dev_get_assert(dev, wrong, "00000000"), FIDO_ERR_PIN_INVALID);
        CHECK_EQ(fido_dev_get_retry_count(dev, &retries), FIDO_OK);
        CHECK_EQ(retries, 7);
        CHECK_EQ(fido_dev_set_pin(dev, NEW_PIN, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_set_pin(dev, PIN, NEW_PIN), FIDO_OK);
        CHECK_EQ(fido_dev_get_retry_count(dev, &retries), FIDO_OK);
        CHECK_EQ(retries, 8);
}

TEST(hmac_secret)
{
        static const unsigned char salt[64] = {5, 6};
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false);
        _assert_ *one = NULL, *same = NULL, *verified = NULL;

        set_pin(dev);
        CHECK_EQ(fido_cred_set_extensions(cred, FIDO_EXT_HMAC_SECRET), FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        verify_cred(cred);

        one = new_assert(cred);
        same = new_assert(cred);
        verified = new_assert(cred);
        CHECK_EQ(fido_assert_set_extensions(one, FIDO_EXT_HMAC_SECRET), FIDO_OK);
        CHECK_EQ(fido_assert_set_hmac_salt(one, salt, 32), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, one, NULL), FIDO_OK);
        CHECK_EQ(fido_assert_hmac_secret_len(one, 0), 32);
        CHECK_EQ(fido_assert_set_extensions(same, FIDO_EXT_HMAC_SECRET), FIDO_OK);
        CHECK_EQ(fido_assert_set_hmac_salt(same, salt, 64), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, same, NULL), FIDO_OK);
        CHECK_EQ(fido_assert_hmac_secret_len(same, 0), 64);
        CHECK(memcmp(fido_assert_hmac_secret_ptr(one, 0), fido_assert_hmac_secret_ptr(same, 0), 32) == 0);

        /* With verification it is another secret. */
        CHECK_EQ(fido_assert_set_extensions(verified, FIDO_EXT_HMAC_SECRET), FIDO_OK);
        CHECK_EQ(fido_assert_set_hmac_salt(verified, salt, 32), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, verified, PIN), FIDO_OK);
        CHECK(memcmp(fido_assert_hmac_secret_ptr(one, 0), fido_assert_hmac_secret_ptr(verified, 0), 32) != 0);
}

TEST(protection_and_blob)
{
        static const unsigned char blob[] = "a small blob";
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ true);
        _assert_ *hidden = NULL, *read = NULL;

        set_pin(dev);
        CHECK_EQ(fido_cred_set_extensions(cred, FIDO_EXT_CRED_PROTECT | FIDO_EXT_CRED_BLOB), FIDO_OK);
        CHECK_EQ(fido_cred_set_prot(cred, FIDO_CRED_PROT_UV_REQUIRED), FIDO_OK);
        CHECK_EQ(fido_cred_set_blob(cred, blob, sizeof(blob)), FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        verify_cred(cred);
        CHECK_EQ(fido_cred_prot(cred), FIDO_CRED_PROT_UV_REQUIRED);

        hidden = new_assert(cred);
        CHECK_EQ(fido_dev_get_assert(dev, hidden, NULL), FIDO_ERR_NO_CREDENTIALS);
        read = new_assert(cred);
        CHECK_EQ(fido_assert_set_extensions(read, FIDO_EXT_CRED_BLOB), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, read, PIN), FIDO_OK);
        CHECK_EQ(fido_assert_blob_len(read, 0), sizeof(blob));
        CHECK(memcmp(fido_assert_blob_ptr(read, 0), blob, sizeof(blob)) == 0);
}

TEST(large_blob)
{
        static const char text[] = "some text that a relying party keeps on the key, more than fits in a credential's own blob";
        unsigned char *read = NULL;
        size_t size = 0;
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ true);
        char big[3000];

        set_pin(dev);
        CHECK_EQ(fido_cred_set_extensions(cred, FIDO_EXT_LARGEBLOB_KEY), FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        CHECK_EQ(fido_cred_largeblob_key_len(cred), 32);
        CHECK_EQ(fido_dev_largeblob_set(dev, fido_cred_largeblob_key_ptr(cred), 32, (const unsigned char *)text,
                                        sizeof(text), PIN),
                 FIDO_OK);
        CHECK_EQ(fido_dev_largeblob_get(dev, fido_cred_largeblob_key_ptr(cred), 32, &read, &size), FIDO_OK);
        CHECK_EQ(size, sizeof(text));
        CHECK(memcmp(read, text, size) == 0);
        free(read);

        /* Not compressible, so that several fragments of credentials' blobs are in the array. */
        for (size_t i = 0; i < sizeof(big); i++)
                big[i] = (char)(rand() >> 8);
        CHECK_EQ(fido_dev_largeblob_set(dev, fido_cred_largeblob_key_ptr(cred), 32, (const unsigned char *)big,
                                        sizeof(big), PIN),
                 FIDO_OK);
        CHECK_EQ(fido_dev_largeblob_get(dev, fido_cred_largeblob_key_ptr(cred), 32, &read, &size), FIDO_OK);
        CHECK_EQ(size, sizeof(big));
        CHECK(memcmp(read, big, size) == 0);
        free(read);
        CHECK_EQ(fido_dev_largeblob_remove(dev, fido_cred_largeblob_key_ptr(cred), 32, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_largeblob_get(dev, fido_cred_largeblob_key_ptr(cred), 32, &read, &size),
                 FIDO_ERR_NOTFOUND);
}

TEST(credential_management)
{
        __attribute__((cleanup(fido_credman_metadata_free))) fido_credman_metadata_t *meta = fido_credman_metadata_new();
        __attribute__((cleanup(fido_credman_rp_free))) fido_credman_rp_t *rps = fido_credman_rp_new();
        __attribute__((cleanup(fido_credman_rk_free))) fido_credman_rk_t *rk = fido_credman_rk_new(), *left =
                fido_credman_rk_new();
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ true), *renamed = new_cred(COSE_ES256, true);
        const fido_cred_t *listed;
        size_t before;
        bool found = false;

        set_pin(dev);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        CHECK_EQ(fido_credman_get_dev_metadata(dev, meta, PIN), FIDO_OK);
        CHECK(fido_credman_rk_existing(meta) >= 1);
        CHECK(fido_credman_rk_remaining(meta) > 0);
        CHECK_EQ(fido_credman_get_dev_rp(dev, rps, PIN), FIDO_OK);
        for (size_t i = 0; i < fido_credman_rp_count(rps); i++)
                found = found || strcmp(fido_credman_rp_id(rps, i), RP) == 0;
        CHECK(found);

        CHECK_EQ(fido_credman_get_dev_rk(dev, RP, rk, PIN), FIDO_OK);
        before = fido_credman_rk_count(rk);
        CHECK(before >= 1);
        listed = fido_credman_rk(rk, 0);
        CHECK_EQ(strcmp(fido_cred_user_name(listed), "alice"), 0);
        CHECK_EQ(strcmp(fido_cred_display_name(listed), "Alice Liddell"), 0);

        fido_cred_free(&renamed);
        renamed = fido_cred_new();
        CHECK_EQ(fido_cred_set_id(renamed, fido_cred_id_ptr(listed), fido_cred_id_len(listed)), FIDO_OK);
        CHECK_EQ(fido_cred_set_user(renamed, user_id, sizeof(user_id), "alice2", "Alice Two", NULL), FIDO_OK);
        CHECK_EQ(fido_credman_set_dev_rk(dev, renamed, PIN), FIDO_OK);
        CHECK_EQ(fido_credman_get_dev_rk(dev, RP, left, PIN), FIDO_OK);
        CHECK_EQ(strcmp(fido_cred_user_name(fido_credman_rk(left, 0)), "alice2"), 0);

        CHECK_EQ(fido_credman_del_dev_rk(dev, fido_cred_id_ptr(listed), fido_cred_id_len(listed), PIN), FIDO_OK);
        fido_credman_rk_free(&left);
        left = fido_credman_rk_new();
        if (before > 1) {
                CHECK_EQ(fido_credman_get_dev_rk(dev, RP, left, PIN), FIDO_OK);
                CHECK_EQ(fido_credman_rk_count(left), before - 1);
        } else {
                CHECK_EQ(fido_credman_get_dev_rk(dev, RP, left, PIN), FIDO_ERR_NO_CREDENTIALS);
        }
}

TEST(configuration)
{
        __attribute__((cleanup(fido_cbor_info_free))) fido_cbor_info_t *info = fido_cbor_info_new();
        _key_ *dev = open_key();

        set_pin(dev);
        CHECK_EQ(fido_dev_set_pin_minlen(dev, 6, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_get_cbor_info(dev, info), FIDO_OK);
        CHECK_EQ(fido_cbor_info_minpinlen(info), 6);
        CHECK_EQ(fido_dev_set_pin_minlen(dev, 5, PIN), FIDO_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(fido_dev_set_pin(dev, "12a4b", PIN), FIDO_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(fido_dev_toggle_always_uv(dev, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_toggle_always_uv(dev, PIN), FIDO_OK);
}

TEST(u2f)
{
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false);
        _assert_ *assert = NULL, *ctap2 = NULL;

        fido_dev_force_u2f(dev);
        CHECK_EQ(fido_dev_make_cred(dev, cred, NULL), FIDO_OK);
        CHECK_EQ(strcmp(fido_cred_fmt(cred), "fido-u2f"), 0);
        CHECK_EQ(fido_cred_verify(cred), FIDO_OK);
        assert = new_assert(cred);
        CHECK_EQ(fido_dev_get_assert(dev, assert, NULL), FIDO_OK);
        CHECK_EQ(verify_assert(assert, 0, cred), FIDO_OK);

        /* The same credential by CTAP2. */
        fido_dev_force_fido2(dev);
        ctap2 = new_assert(cred);
        CHECK_EQ(fido_dev_get_assert(dev, ctap2, NULL), FIDO_OK);
        CHECK_EQ(verify_assert(ctap2, 0, cred), FIDO_OK);
}

TEST(touch)
{
        _key_ *dev = open_key();
        int touched = 0;

        CHECK_EQ(fido_dev_get_touch_begin(dev), FIDO_OK);
        for (int i = 0; i < 500 && !touched; i++) /* as long as the key asks */
                CHECK_EQ(fido_dev_get_touch_status(dev, &touched, 50), FIDO_OK);
        CHECK(touched);
}

TEST(many_credentials_of_one_party)
{
        _key_ *dev = open_key();
        _assert_ *assert = new_assert_of("many.example", NULL);
        _cred_ *last = NULL;
        size_t n;

        set_pin(dev);
        for (unsigned char i = 0; i < 5; i++) {
                const unsigned char id[] = {'m', i};

                fido_cred_free(&last);
                last = new_cred_of(COSE_ES256, "many.example", id, sizeof(id));
                CHECK_EQ(fido_cred_set_rk(last, FIDO_OPT_TRUE), FIDO_OK);
                CHECK_EQ(fido_dev_make_cred(dev, last, PIN), FIDO_OK);
        }
        CHECK_EQ(fido_dev_get_assert(dev, assert, PIN), FIDO_OK);
        n = fido_assert_count(assert);
        CHECK_EQ(n, 5);
        for (size_t i = 0; i < n; i++) {
                CHECK_EQ(fido_assert_user_id_len(assert, i), 2);
                CHECK_EQ(fido_assert_user_id_ptr(assert, i)[1], 4 - (int)i); /* the newest first */
        }
        CHECK_EQ(verify_assert(assert, 0, last), FIDO_OK);
}

TestCase *test_first, **test_last = &test_first;

int main(int argc, char **argv)
{
        unsigned n = 0;

        if (argc < 2) {
                fprintf(stderr, "usage: fido-client SOCKET [SCENARIO...]\n");
                return 2;
        }
        path = argv[1];
        fido_init(0);
        for (TestCase *test = test_first; test; test = test->next) {
                bool wanted = argc == 2;

                for (int i = 2; i < argc; i++)
                        wanted = wanted || strcmp(argv[i], test->name) == 0;
                if (!wanted)
                        continue;
                printf("%s\n", test->name);
                fflush(stdout);
                test->run();
                n++;
        }
        return n > 0 ? 0 : 1;
}
