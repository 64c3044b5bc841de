/*
 * Scenarios that come to the key's limits and rules: what a client meets when the PIN is wrong, a list is long, or a setting is on
 */
#include <fido/config.h>
#include <fido/credman.h>

#include "tests/integration/fido-client.h"

/* What ssh-keygen -t ed25519-sk -O resident -O verify-required does, a login with the key, and ssh-keygen -K. */
TEST(ssh_key)
{
        static const unsigned char id[32] = {0};
        __attribute__((cleanup(fido_credman_rp_free))) fido_credman_rp_t *rps = fido_credman_rp_new();
        __attribute__((cleanup(fido_credman_rk_free))) fido_credman_rk_t *rks = fido_credman_rk_new();
        _key_ *dev = open_key();
        _cred_ *cred = NULL;
        _assert_ *before = new_assert_of("ssh:", NULL), *lookup = new_assert_of("ssh:", NULL), *probe = NULL, *login = NULL;
        const fido_cred_t *listed = NULL;
        size_t n = 0;

        set_pin(dev);
        CHECK_EQ(fido_assert_set_up(before, FIDO_OPT_FALSE), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, before, PIN), FIDO_ERR_NO_CREDENTIALS);
        for (int i = 0; i < 2; i++) { /* the second one takes the place of the first */
                fido_cred_free(&cred);
                cred = new_cred_of(COSE_EDDSA, "ssh:", id, sizeof(id));
                CHECK_EQ(fido_cred_set_rk(cred, FIDO_OPT_TRUE), FIDO_OK);
                CHECK_EQ(fido_cred_set_prot(cred, FIDO_CRED_PROT_UV_REQUIRED), FIDO_OK);
                CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
                verify_cred(cred);
        }

        /* Whether the account has a key: without a touch, by the PIN. */
        CHECK_EQ(fido_assert_set_up(lookup, FIDO_OPT_FALSE), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, lookup, PIN), FIDO_OK);
        CHECK_EQ(fido_assert_count(lookup), 1);
        CHECK_EQ(fido_assert_user_id_len(lookup, 0), sizeof(id));
        CHECK_EQ(fido_assert_flags(lookup, 0) & 0x05, 0x04);

        /* Who has no PIN does not even learn that it is there. */
        probe = new_assert_of("ssh:", cred);
        CHECK_EQ(fido_assert_set_up(probe, FIDO_OPT_FALSE), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, probe, NULL), FIDO_ERR_NO_CREDENTIALS);

        login = new_assert_of("ssh:", cred);
        CHECK_EQ(fido_dev_get_assert(dev, login, PIN), FIDO_OK);
        CHECK_EQ(fido_assert_flags(login, 0) & 0x05, 0x05);
        CHECK_EQ(verify_assert(login, 0, cred), FIDO_OK);

        CHECK_EQ(fido_credman_get_dev_rp(dev, rps, PIN), FIDO_OK);
        for (size_t i = 0; i < fido_credman_rp_count(rps); i++)
                n += strcmp(fido_credman_rp_id(rps, i), "ssh:") == 0;
        CHECK_EQ(n, 1);
        CHECK_EQ(fido_credman_get_dev_rk(dev, "ssh:", rks, PIN), FIDO_OK);
        CHECK_EQ(fido_credman_rk_count(rks), 1);
        listed = fido_credman_rk(rks, 0);
        CHECK_EQ(fido_cred_type(listed), COSE_EDDSA);
        CHECK_EQ(fido_cred_prot(listed), FIDO_CRED_PROT_UV_REQUIRED);
        CHECK_EQ(fido_cred_user_id_len(listed), sizeof(id));
        CHECK_EQ(fido_cred_id_len(listed), fido_cred_id_len(cred));
        CHECK(memcmp(fido_cred_id_ptr(listed), fido_cred_id_ptr(cred), fido_cred_id_len(cred)) == 0);
        CHECK_EQ(fido_cred_pubkey_len(listed), fido_cred_pubkey_len(cred));
        CHECK(memcmp(fido_cred_pubkey_ptr(listed), fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred)) == 0);
}

/* As many as getInfo says, and one more. */
TEST(largest_list)
{
        __attribute__((cleanup(fido_cbor_info_free))) fido_cbor_info_t *info = fido_cbor_info_new();
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false);
        _assert_ *assert = new_assert(NULL);
        unsigned char unknown[32] = {7};
        uint64_t max;

        CHECK_EQ(fido_dev_make_cred(dev, cred, NULL), FIDO_OK);
        CHECK_EQ(fido_dev_get_cbor_info(dev, info), FIDO_OK);
        max = fido_cbor_info_maxcredcntlst(info);
        CHECK(max > 1);
        for (uint64_t i = 0; i < max - 1; i++) {
                unknown[1] = (unsigned char)i;
                CHECK_EQ(fido_assert_allow_cred(assert, unknown, sizeof(unknown)), FIDO_OK);
        }
        CHECK_EQ(fido_assert_allow_cred(assert, fido_cred_id_ptr(cred), fido_cred_id_len(cred)), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, assert, NULL), FIDO_OK);
        CHECK_EQ(verify_assert(assert, 0, cred), FIDO_OK);
        CHECK_EQ(fido_assert_allow_cred(assert, unknown, sizeof(unknown)), FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, assert, NULL), FIDO_ERR_LIMIT_EXCEEDED);
}

TEST(three_wrong_pins)
{
        static const int expected[] = {FIDO_ERR_PIN_INVALID, FIDO_ERR_PIN_INVALID, FIDO_ERR_PIN_AUTH_BLOCKED,
                                       FIDO_ERR_PIN_AUTH_BLOCKED};
        _key_ *dev = open_key(), *other = NULL;
        _assert_ *assert = new_assert(NULL);
        int retries = 0;

        set_pin(dev);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                CHECK_EQ(fido_dev_get_assert(dev, assert, "00000000"), expected[i]);
        CHECK_EQ(fido_dev_get_retry_count(dev, &retries), FIDO_OK);
        CHECK_EQ(retries, 5); /* the fourth one was not looked at */
        other = open_key();   /* a new connection is no power cycle */
        CHECK_EQ(fido_dev_get_assert(other, assert, PIN), FIDO_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(fido_dev_set_pin(other, NEW_PIN, PIN), FIDO_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(fido_dev_get_retry_count(other, &retries), FIDO_OK);
        CHECK_EQ(retries, 5);
}

TEST(forced_pin_change)
{
        __attribute__((cleanup(fido_cbor_info_free))) fido_cbor_info_t *info = fido_cbor_info_new();
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ true);

        set_pin(dev);
        CHECK_EQ(fido_dev_force_pin_change(dev, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_get_cbor_info(dev, info), FIDO_OK);
        CHECK(fido_cbor_info_new_pin_required(info));
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(fido_dev_set_pin(dev, PIN, PIN), FIDO_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(fido_dev_set_pin(dev, NEW_PIN, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_get_cbor_info(dev, info), FIDO_OK);
        CHECK(!fido_cbor_info_new_pin_required(info));
        CHECK_EQ(fido_dev_make_cred(dev, cred, NEW_PIN), FIDO_OK);
}

TEST(pin_length_for_listed_parties)
{
        const char *const listed[] = {"a.example", RP};
        _key_ *dev = open_key();
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false);

        set_pin(dev);
        CHECK_EQ(fido_dev_set_pin_minlen(dev, 6, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_set_pin_minlen_rpid(dev, listed, ELEMENTSOF(listed), PIN), FIDO_OK);
        CHECK_EQ(fido_cred_set_pin_minlen(cred, 6), FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        CHECK_EQ(fido_cred_pin_minlen(cred), 6);
}

TEST(always_verified)
{
        _key_ *dev = open_key(), *again = NULL;
        _cred_ *cred = new_cred(COSE_ES256, /* resident= */ false), *without = new_cred(COSE_ES256, false),
               *u2f = new_cred(COSE_ES256, false);
        _assert_ *assert = NULL;

        set_pin(dev);
        CHECK_EQ(fido_dev_toggle_always_uv(dev, PIN), FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, without, NULL), FIDO_ERR_PIN_REQUIRED);
        CHECK_EQ(fido_dev_make_cred(dev, cred, PIN), FIDO_OK);
        assert = new_assert(cred);
        CHECK_EQ(fido_dev_get_assert(dev, assert, NULL), FIDO_ERR_PIN_REQUIRED);
        CHECK_EQ(fido_dev_get_assert(dev, assert, PIN), FIDO_OK);
        CHECK_EQ(fido_assert_flags(assert, 0) & 0x05, 0x05);
        again = open_key();
        fido_dev_force_u2f(again);
        CHECK(fido_dev_make_cred(again, u2f, NULL) != FIDO_OK);
}
