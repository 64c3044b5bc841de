/* Extensions of makeCredential and getAssertion: inputs of every kind, what they do, outputs in canonical order. */
#include "tests/unit/ceremony-tools.h"

/* ---- requests with one extension; the value is taken over ---- */

static cbor_item_t *one(const char *name, cbor_item_t *value)
{
        cbor_item_t *map = client_map();

        client_set_text(map, name, value);
        return map;
}

static cbor_item_t *make_with(cbor_item_t *extensions, bool rk)
{
        cbor_item_t *map = make_request();

        client_set(map, 6, extensions);
        if (rk)
                client_set(map, 7, boolean("rk", true));
        return map;
}

static cbor_item_t *assert_with(const Made *made, cbor_item_t *extensions, bool up)
{
        cbor_item_t *map = client_assert_request(RP);

        if (made)
                set_list(map, 3, made, 1);
        client_set(map, 4, extensions);
        if (!up)
                client_set(map, 5, boolean("up", false));
        return map;
}

/* Sends; the reply's outputs, or NULL. */
static cbor_item_t *outputs_of(Fixture *f, uint8_t command, cbor_item_t *map, Made *ret_made)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        CHECK_EQ(client_send(f, command, map, &reply), CTAP_OK);
        if (ret_made)
                *ret_made = made_of(reply);
        return auth_extensions(reply);
}

static bool output_bool(const cbor_item_t *outputs, const char *name)
{
        bool value = false;

        CHECK_EQ(value_bool(map_get_text(outputs, name), &value), CTAP_OK);
        return value;
}

static uint64_t output_uint(const cbor_item_t *outputs, const char *name)
{
        uint64_t value = 0;

        CHECK_EQ(value_uint(map_get_text(outputs, name), UINT64_MAX, &value), CTAP_OK);
        return value;
}

static size_t output_bytes(const cbor_item_t *outputs, const char *name, const uint8_t **ret)
{
        size_t size = 0;

        CHECK_EQ(value_bytes(map_get_text(outputs, name), 0, SIZE_MAX, ret, &size), CTAP_OK);
        return size;
}

/* ---- all ---- */

TEST(wrong_types_of_inputs)
{
        static const char *const of_make[] = {"credBlob",          "credProtect",        "hmac-secret",
                                              "largeBlobKey",      "minPinLength",       "hmac-secret-mc",
                                              "thirdPartyPayment", "pinComplexityPolicy"};
        static const char *const of_assert[] = {"credBlob", "hmac-secret", "largeBlobKey", "thirdPartyPayment"};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(of_make); i++)
                CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(one(of_make[i], client_text("x")), true)),
                         CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        for (size_t i = 0; i < ELEMENTSOF(of_assert); i++)
                CHECK_EQ(send(f, GET_ASSERTION, assert_with(NULL, one(of_assert[i], client_text("x")), true)),
                         CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(f->n_asked, 0);
}

TEST(inputs_that_belong_to_the_other_command_are_ignored)
{
        static const char *const names[] = {"credProtect", "minPinLength", "hmac-secret-mc", "pinComplexityPolicy"};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                CHECK(!outputs_of(f, GET_ASSERTION, assert_with(&made, one(names[i], client_text("x")), true), NULL));
}

/* auth_extensions() checks the order: cbor_read() refuses another one. */
TEST(outputs_are_canonical)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;
        cbor_item_t *inputs = client_map();

        client_set_text(inputs, "credBlob", client_bytes("blob", 4));
        client_set_text(inputs, "credProtect", client_int(2));
        client_set_text(inputs, "hmac-secret", cbor_build_bool(true));
        client_set_text(inputs, "largeBlobKey", cbor_build_bool(true));
        client_set_text(inputs, "minPinLength", cbor_build_bool(true));
        client_set_text(inputs, "thirdPartyPayment", cbor_build_bool(true));
        client_set_text(inputs, "pinComplexityPolicy", cbor_build_bool(true));
        state_of(f)->n_min_pin_rps = 1;
        sha256(RP, strlen(RP), state_of(f)->min_pin_rps[0]);
        outputs = outputs_of(f, MAKE_CREDENTIAL, make_with(inputs, true), NULL);
        CHECK_EQ(cbor_map_size(outputs), 5);
}

/* ---- credProtect ---- */

TEST(cred_protect_is_stored_and_told)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (int protection = 1; protection <= 3; protection++) {
                _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;

                outputs = outputs_of(f, MAKE_CREDENTIAL, make_with(one("credProtect", client_int(protection)), false),
                                     NULL);
                CHECK_EQ(output_uint(outputs, "credProtect"), protection);
        }
        CHECK(!outputs_of(f, MAKE_CREDENTIAL, make_request(), NULL));
}

TEST(cred_protect_out_of_range)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(one("credProtect", client_int(0)), false)),
                 CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(one("credProtect", client_int(4)), false)),
                 CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->n_asked, 0);
}

/* ---- credBlob ---- */

TEST(cred_blob_is_kept_and_given_back)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (int rk = 0; rk < 2; rk++) {
                _cleanup_(cbor_item_donep) cbor_item_t *made_outputs = NULL, *outputs = NULL;
                uint8_t blob[CRED_BLOB_MAX];
                const uint8_t *got;
                Made made;

                memset(blob, 0x40 + rk, sizeof(blob));
                made_outputs = outputs_of(f, MAKE_CREDENTIAL,
                                          make_with(one("credBlob", client_bytes(blob, sizeof(blob))), rk), &made);
                CHECK(output_bool(made_outputs, "credBlob"));
                outputs = outputs_of(f, GET_ASSERTION, assert_with(&made, boolean("credBlob", true), true), NULL);
                CHECK_EQ(output_bytes(outputs, "credBlob", &got), sizeof(blob));
                CHECK(memcmp(got, blob, sizeof(blob)) == 0);
                CHECK(!outputs_of(f, GET_ASSERTION, assert_with(&made, boolean("credBlob", false), true), NULL));
        }
}

TEST(cred_blob_that_is_too_long_is_not_kept)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *made_outputs = NULL, *outputs = NULL;
        uint8_t blob[CRED_BLOB_MAX + 1] = {0};
        const uint8_t *got;
        Made made;

        made_outputs = outputs_of(f, MAKE_CREDENTIAL,
                                  make_with(one("credBlob", client_bytes(blob, sizeof(blob))), true), &made);
        CHECK(!output_bool(made_outputs, "credBlob"));
        outputs = outputs_of(f, GET_ASSERTION, assert_with(&made, boolean("credBlob", true), true), NULL);
        CHECK_EQ(output_bytes(outputs, "credBlob", &got), 0);
}

/* ---- largeBlobKey ---- */

TEST(large_blob_key_is_the_credentials)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL, *other = NULL, *assertion = NULL, *unasked = NULL;
        const uint8_t *key, *other_key, *again;
        size_t size;
        Made made;

        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, make_with(boolean("largeBlobKey", true), true), &reply), CTAP_OK);
        made = made_of(reply);
        key = reply_bytes(reply, 5, &size);
        CHECK_EQ(size, 32);
        CHECK(!auth_extensions(reply));
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_with(&made, boolean("largeBlobKey", true), true), &assertion),
                 CTAP_OK);
        again = reply_bytes(assertion, 7, &size);
        CHECK(size == 32 && memcmp(again, key, 32) == 0);
        CHECK_EQ(client_send(f, GET_ASSERTION, assert_request(&made, true), &unasked), CTAP_OK);
        CHECK(!map_get(unasked, 7));
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, make_with(boolean("largeBlobKey", true), true), &other), CTAP_OK);
        other_key = reply_bytes(other, 5, &size);
        CHECK(memcmp(other_key, key, 32) != 0);
}

TEST(large_blob_key_must_be_true_and_discoverable)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        f->n_asked = 0;
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(boolean("largeBlobKey", true), false)), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(boolean("largeBlobKey", false), true)), CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(send(f, GET_ASSERTION, assert_with(&made, boolean("largeBlobKey", false), true)),
                 CTAP2_ERR_INVALID_OPTION);
        CHECK_EQ(f->n_asked, 0);
}

TEST(large_blob_key_of_a_credential_without_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        Made made = make_for(f, RP, USER, true);

        CHECK_EQ(client_send(f, GET_ASSERTION, assert_with(&made, boolean("largeBlobKey", true), true), &reply),
                 CTAP_OK);
        CHECK(!map_get(reply, 7));
}

/* ---- minPinLength, pinComplexityPolicy ---- */

TEST(pin_policy_is_told_to_listed_rps_only)
{
        static const char *const names[] = {"minPinLength", "pinComplexityPolicy"};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;
                State *state = state_of(f);

                state->n_min_pin_rps = 1;
                sha256("example.com", 11, state->min_pin_rps[0]);
                CHECK(!outputs_of(f, MAKE_CREDENTIAL, make_with(boolean(names[i], true), false), NULL));
                state->n_min_pin_rps = 2;
                sha256(RP, strlen(RP), state->min_pin_rps[1]);
                state->min_pin_length = 6;
                state->pin_complexity = true;
                CHECK(!outputs_of(f, MAKE_CREDENTIAL, make_with(boolean(names[i], false), false), NULL));
                outputs = outputs_of(f, MAKE_CREDENTIAL, make_with(boolean(names[i], true), false), NULL);
                CHECK_EQ(cbor_map_size(outputs), 1);
                if (i == 0)
                        CHECK_EQ(output_uint(outputs, names[i]), 6);
                else
                        CHECK(output_bool(outputs, names[i]));
        }
}

/* ---- thirdPartyPayment ---- */

TEST(third_party_payment_is_told_when_it_signs)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (int payment = 0; payment < 2; payment++) {
                _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;
                Made made;

                CHECK(!outputs_of(f, MAKE_CREDENTIAL, make_with(boolean("thirdPartyPayment", payment), payment),
                                  &made));
                outputs = outputs_of(f, GET_ASSERTION, assert_with(&made, boolean("thirdPartyPayment", true), true),
                                     NULL);
                CHECK_EQ(output_bool(outputs, "thirdPartyPayment"), payment);
                CHECK(!outputs_of(f, GET_ASSERTION, assert_with(&made, boolean("thirdPartyPayment", false), true),
                                  NULL));
        }
}

/* ---- hmac-secret, hmac-secret-mc ---- */

static const uint8_t salts[64] = {1, 2, 3, [32] = 4, 5, 6};

static cbor_item_t *hmac_input(const ClientPin *pin, size_t size)
{
        cbor_item_t *map = client_map();
        uint8_t cipher[80];
        size_t cipher_size;

        client_encrypt(pin, salts, size, cipher, &cipher_size);
        client_set(map, 1, client_pin_key(pin));
        client_set(map, 2, client_bytes(cipher, cipher_size));
        client_set(map, 3, client_auth(pin->protocol, pin->secret.hmac_key, cipher, cipher_size));
        if (pin->protocol != 1)
                client_set(map, 4, client_int(pin->protocol));
        return map;
}

static void decrypt_output(const ClientPin *pin, const cbor_item_t *outputs, const char *name, size_t expected,
                           uint8_t ret[64])
{
        const uint8_t *cipher;
        uint8_t plain[96];
        size_t size = output_bytes(outputs, name, &cipher);

        client_decrypt(pin, cipher, size, plain, &size);
        CHECK_EQ(size, expected);
        memcpy(ret, plain, size);
}

static void get_secrets(Fixture *f, unsigned protocol, const Made *made, bool verified, size_t size, uint8_t ret[64])
{
        _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;
        uint8_t token[32];
        cbor_item_t *map;
        ClientPin pin;

        if (verified)
                get_token(f, protocol, PERMISSION_GA, RP, token);
        client_pin_begin(f, protocol, &pin);
        map = assert_with(made, one("hmac-secret", hmac_input(&pin, size)), true);
        if (verified)
                set_auth(map, 6, protocol, token);
        outputs = outputs_of(f, GET_ASSERTION, map, NULL);
        decrypt_output(&pin, outputs, "hmac-secret", size, ret);
}

TEST(hmac_secret_is_the_credentials_and_differs_by_verification)
{
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;
                _cleanup_(credential_freep) Credential *credential = credential_new();
                uint8_t unverified[64], again[64], verified[64], expected[32];
                Made made;

                outputs = outputs_of(f, MAKE_CREDENTIAL, make_with(boolean("hmac-secret", true), true), &made);
                CHECK(output_bool(outputs, "hmac-secret"));
                set_pin(f);
                get_secrets(f, protocol, &made, false, 64, unverified);
                get_secrets(f, 3 - protocol, &made, false, 32, again);
                get_secrets(f, protocol, &made, true, 64, verified);
                CHECK(memcmp(unverified, again, 32) == 0);
                CHECK(memcmp(unverified, unverified + 32, 32) != 0);
                CHECK(memcmp(unverified, verified, 32) != 0);
                CHECK_EQ(record_credential_by_id(f->a, made.id, made.id_size, NULL, credential), CTAP_OK);
                hmac_sha256(credential->hmac_uv, 32, salts + 32, 32, expected);
                CHECK(memcmp(verified + 32, expected, 32) == 0);
                hmac_sha256(credential->hmac_no_uv, 32, salts, 32, expected);
                CHECK(memcmp(unverified, expected, 32) == 0);
        }
}

TEST(hmac_secret_can_begin_later)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false), other = make_for(f, RP, "bob", false);
        uint8_t secret[64], other_secret[64];

        get_secrets(f, 2, &made, false, 32, secret);
        get_secrets(f, 2, &other, false, 32, other_secret);
        CHECK(memcmp(secret, other_secret, 32) != 0);
}

TEST(hmac_secret_needs_presence)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);
        ClientPin pin;

        client_pin_begin(f, 2, &pin);
        CHECK_EQ(send(f, GET_ASSERTION, assert_with(&made, one("hmac-secret", hmac_input(&pin, 32)), false)),
                 CTAP2_ERR_UNSUPPORTED_OPTION);
}

TEST(hmac_secret_false_is_as_absent)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK(!outputs_of(f, MAKE_CREDENTIAL, make_with(boolean("hmac-secret", false), false), NULL));
}

TEST(hmac_secret_with_a_wrong_mac)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);
        ClientPin pin;

        client_pin_begin(f, 2, &pin);
        pin.secret.hmac_key[0] ^= 1;
        CHECK_EQ(send(f, GET_ASSERTION, assert_with(&made, one("hmac-secret", hmac_input(&pin, 32)), true)),
                 CTAP2_ERR_PIN_AUTH_INVALID);
}

/* The salts are kept for the accounts after the first. */
TEST(hmac_secret_of_each_account)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL, *next_outputs = NULL;
        uint8_t first[64], next[64], alone[64];
        ClientPin pin;
        Made made;

        made = make_for(f, RP, "alice", true);
        (void)make_for(f, RP, "bob", true);
        client_pin_begin(f, 2, &pin);
        outputs =
                outputs_of(f, GET_ASSERTION, assert_with(NULL, one("hmac-secret", hmac_input(&pin, 64)), true), NULL);
        next_outputs = outputs_of(f, GET_NEXT_ASSERTION, NULL, NULL);
        decrypt_output(&pin, outputs, "hmac-secret", 64, first);
        decrypt_output(&pin, next_outputs, "hmac-secret", 64, next);
        CHECK(memcmp(first, next, 64) != 0);
        get_secrets(f, 2, &made, false, 64, alone);
        CHECK(memcmp(alone, next, 64) == 0);
}

TEST(hmac_secret_mc_gives_what_get_assertion_gives)
{
        for (unsigned protocol = 1; protocol <= 2; protocol++)
                for (int verified = 0; verified < 2; verified++) {
                        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                        _cleanup_(cbor_item_donep) cbor_item_t *outputs = NULL;
                        cbor_item_t *extensions = boolean("hmac-secret", true), *map;
                        uint8_t made_secrets[64], secrets[64], token[32];
                        ClientPin pin;
                        Made made;

                        set_pin(f);
                        if (verified)
                                get_token(f, protocol, PERMISSION_MC, RP, token);
                        client_pin_begin(f, protocol, &pin);
                        client_set_text(extensions, "hmac-secret-mc", hmac_input(&pin, 64));
                        map = make_with(extensions, verified);
                        if (verified)
                                set_auth(map, 8, protocol, token);
                        outputs = outputs_of(f, MAKE_CREDENTIAL, map, &made);
                        CHECK(output_bool(outputs, "hmac-secret"));
                        decrypt_output(&pin, outputs, "hmac-secret-mc", 64, made_secrets);
                        get_secrets(f, protocol, &made, verified, 64, secrets);
                        CHECK(memcmp(made_secrets, secrets, 64) == 0);
                }
}

TEST(hmac_secret_mc_needs_hmac_secret)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *both = boolean("hmac-secret", false);
        ClientPin pin;

        client_pin_begin(f, 2, &pin);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(one("hmac-secret-mc", hmac_input(&pin, 32)), false)),
                 CTAP2_ERR_MISSING_PARAMETER);
        client_set_text(both, "hmac-secret-mc", hmac_input(&pin, 32));
        CHECK_EQ(send(f, MAKE_CREDENTIAL, make_with(both, false)), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(f->n_asked, 0);
}

TEST_MAIN
