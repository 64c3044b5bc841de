/* hmac-secret against the vectors of WebAuthn, and what it refuses (CTAP 12.5, 12.8). */
#include <errno.h>

#include "authenticator/pin.h"
#include "tests/unit/pin-tools.h"
#include "tests/unit/webauthn-prf.h"

static size_t unhex(const char *text, uint8_t *ret)
{
        CHECK_EQ(hex_decode(text, ret, strlen(text) / 2), 0);
        return strlen(text) / 2;
}

static Credential *vector_credential(void)
{
        Credential *credential = credential_new();

        CHECK(credential);
        (void)unhex(PRF_CRED_RANDOM, credential->hmac_uv);
        memset(credential->hmac_no_uv, 0x55, sizeof(credential->hmac_no_uv));
        return credential;
}

/* ---- vectors ---- */

static uint8_t next_iv[16];

static int give_iv(void *userdata, void *ret, size_t size)
{
        CHECK_EQ(size, sizeof(next_iv));
        memcpy(ret, next_iv, size);
        return 0;
}

static void check_vector(unsigned protocol, const char *secret_hex, const char *salt_enc_hex, const char *output_enc_hex)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        _cleanup_(agree_key_freep) AgreeKey *platform = NULL;
        HmacSecretInput input = {.present = true, .protocol = protocol};
        uint8_t key[32], secret[64], salt_enc[80], mac[32], expected[80], output[HMAC_SECRET_OUTPUT_MAX];
        size_t size, expected_size;

        sha256_two(PRF_SEED, strlen(PRF_SEED), "\x05", 1, key);
        CHECK_EQ(agree_key_new_from(key, &f->host->pin[protocol - 1].agreement), 0);
        (void)unhex(PRF_PLATFORM_PRIVATE_KEY, key);
        CHECK_EQ(agree_key_new_from(key, &platform), 0);
        agree_public(platform, input.peer);
        (void)unhex(secret_hex, secret);
        input.salt_enc = salt_enc;
        input.salt_enc_size = unhex(salt_enc_hex, salt_enc);
        hmac_sha256(secret, 32, salt_enc, input.salt_enc_size, mac);
        input.salt_auth = mac;
        input.salt_auth_size = mac_size(protocol);
        expected_size = unhex(output_enc_hex, expected);
        if (protocol == 2) {
                memcpy(next_iv, expected, sizeof(next_iv));
                f->a->ops.random = give_iv;
        }
        CHECK_EQ(hmac_secret_compute(f->host, &input, credential, /* verified= */ true, output, &size), CTAP_OK);
        CHECK_EQ(size, expected_size);
        CHECK(memcmp(output, expected, size) == 0);
}

TEST(vector_of_webauthn_one_salt_protocol_1)
{
        check_vector(1, PRF_SHARED_SECRET_1, PRF_SALT_ENC_SINGLE_1, PRF_OUTPUT_ENC_SINGLE_1);
}

TEST(vector_of_webauthn_one_salt_protocol_2)
{
        check_vector(2, PRF_SHARED_SECRET_2, PRF_SALT_ENC_SINGLE_2, PRF_OUTPUT_ENC_SINGLE_2);
}

TEST(vector_of_webauthn_two_salts_protocol_2)
{
        check_vector(2, PRF_SHARED_SECRET_2, PRF_SALT_ENC_TWO_2, PRF_OUTPUT_ENC_TWO_2);
}

/* ---- by a client ---- */

typedef struct Ask {
        ClientPin pin;
        uint8_t salt_enc[128], mac[32];
        size_t salt_enc_size;
        HmacSecretInput input;
} Ask;

static void ask_begin(Fixture *f, unsigned protocol, const void *salts, size_t size, Ask *ret)
{
        client_pin_begin(f, protocol, &ret->pin);
        client_encrypt(&ret->pin, salts, size, ret->salt_enc, &ret->salt_enc_size);
        hmac_sha256(ret->pin.secret.hmac_key, 32, ret->salt_enc, ret->salt_enc_size, ret->mac);
        ret->input = (HmacSecretInput){.present = true,
                                       .protocol = protocol,
                                       .salt_enc = ret->salt_enc,
                                       .salt_enc_size = ret->salt_enc_size,
                                       .salt_auth = ret->mac,
                                       .salt_auth_size = mac_size(protocol)};
        memcpy(ret->input.peer, ret->pin.public_key, sizeof(ret->input.peer));
}

/* One or two salts; what the client decrypts. */
static void evaluate(Fixture *f, unsigned protocol, bool verified, size_t n_salts, uint8_t ret[64])
{
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        uint8_t salts[64], output[HMAC_SECRET_OUTPUT_MAX];
        size_t size;
        Ask ask;

        (void)unhex(PRF_SALT1, salts);
        (void)unhex(PRF_SALT2, salts + 32);
        ask_begin(f, protocol, salts, n_salts * 32, &ask);
        CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, verified, output, &size), CTAP_OK);
        CHECK_EQ(size, n_salts * 32 + (protocol == 2 ? 16 : 0));
        client_decrypt(&ask.pin, output, size, ret, &size);
        CHECK_EQ(size, n_salts * 32);
}

TEST(one_and_two_salts_in_both_protocols)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t first[32], second[32], outputs[64];

        (void)unhex(PRF_OUTPUT1, first);
        (void)unhex(PRF_OUTPUT2, second);
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                evaluate(f, protocol, true, 1, outputs);
                CHECK(memcmp(outputs, first, 32) == 0);
                evaluate(f, protocol, true, 2, outputs);
                CHECK(memcmp(outputs, first, 32) == 0 && memcmp(outputs + 32, second, 32) == 0);
        }
}

TEST(who_was_not_verified_gets_other_values)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t salt[32], key[32], expected[32], outputs[64];

        (void)unhex(PRF_SALT1, salt);
        memset(key, 0x55, sizeof(key));
        hmac_sha256(key, sizeof(key), salt, sizeof(salt), expected);
        evaluate(f, 2, false, 1, outputs);
        CHECK(memcmp(outputs, expected, 32) == 0);
        evaluate(f, 2, true, 1, outputs);
        CHECK(memcmp(outputs, expected, 32) != 0);
}

TEST(a_wrong_salt_auth_is_pin_auth_invalid)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        uint8_t salt[32] = {1}, output[HMAC_SECRET_OUTPUT_MAX];
        size_t size;
        Ask ask;

        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                ask_begin(f, protocol, salt, 32, &ask);
                ask.mac[0] ^= 1;
                CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size),
                         CTAP2_ERR_PIN_AUTH_INVALID);
                ask.mac[0] ^= 1;
                ask.input.salt_auth_size--;
                CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size),
                         CTAP2_ERR_PIN_AUTH_INVALID);
                ask.input.salt_auth_size++;
                ask.salt_enc[0] ^= 1;
                CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size),
                         CTAP2_ERR_PIN_AUTH_INVALID);
        }
}

TEST(sizes_that_no_protocol_has_are_invalid_length)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        uint8_t salts[112] = {1}, output[HMAC_SECRET_OUTPUT_MAX];
        size_t size;
        Ask ask;

        ask_begin(f, 1, salts, 16, &ask);
        CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size), CTAP1_ERR_INVALID_LENGTH);
        ask_begin(f, 1, salts, 96, &ask);
        CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size), CTAP1_ERR_INVALID_LENGTH);
        ask_begin(f, 2, salts, 32, &ask);
        for (ask.input.salt_enc_size = 0; ask.input.salt_enc_size < 32; ask.input.salt_enc_size++)
                CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size),
                         CTAP1_ERR_INVALID_LENGTH);
}

TEST(sizes_that_the_other_protocol_has_are_invalid_parameter)
{
        static const struct {
                unsigned protocol;
                size_t size;
        } cases[] = {{1, 48}, {1, 80}, {2, 16}, {2, 48}};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        uint8_t salts[80] = {1}, output[HMAC_SECRET_OUTPUT_MAX];
        size_t size;
        Ask ask;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ask_begin(f, cases[i].protocol, salts, cases[i].size, &ask);
                CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size),
                         CTAP1_ERR_INVALID_PARAMETER);
        }
}

TEST(a_key_that_is_not_on_the_curve_is_invalid_parameter)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        uint8_t salt[32] = {1}, output[HMAC_SECRET_OUTPUT_MAX];
        size_t size;
        Ask ask;

        ask_begin(f, 2, salt, 32, &ask);
        ask.input.peer[5] ^= 1;
        CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(no_random_bytes_no_output)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(credential_freep) Credential *credential = vector_credential();
        uint8_t salt[32] = {1}, output[HMAC_SECRET_OUTPUT_MAX];
        size_t size;
        Ask ask;

        ask_begin(f, 2, salt, 32, &ask);
        f->fail_random_at = 1;
        CHECK_EQ(hmac_secret_compute(f->host, &ask.input, credential, true, output, &size), -EIO);
}

/* ---- the input ---- */

enum { IN_AGREEMENT = 1, IN_SALT_ENC = 2, IN_SALT_AUTH = 4, IN_PROTOCOL = 8 };

static int read_input(Fixture *f, unsigned members, unsigned protocol, HmacSecretInput *ret)
{
        _cleanup_(cbor_item_donep) cbor_item_t *map = client_map();
        static const uint8_t bytes[32] = {1};
        ClientPin pin;

        client_pin_begin(f, 2, &pin);
        if (members & IN_AGREEMENT)
                client_set(map, 1, client_pin_key(&pin));
        if (members & IN_SALT_ENC)
                client_set(map, 2, client_bytes(bytes, 32));
        if (members & IN_SALT_AUTH)
                client_set(map, 3, client_bytes(bytes, 16));
        if (members & IN_PROTOCOL)
                client_set(map, 4, client_int(protocol));
        return hmac_secret_read(map, ret);
}

TEST(input_has_a_key_two_strings_and_a_protocol)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        HmacSecretInput input;

        CHECK_EQ(read_input(f, 15, 2, &input), CTAP_OK);
        CHECK(input.present && input.protocol == 2);
        CHECK_EQ(read_input(f, 7, 0, &input), CTAP_OK);
        CHECK_EQ(input.protocol, 1); /* the default */
        CHECK_EQ(read_input(f, 14, 2, &input), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(read_input(f, 13, 2, &input), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(read_input(f, 11, 2, &input), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(read_input(f, 15, 0, &input), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(read_input(f, 15, 3, &input), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(input_types_are_checked)
{
        static const char *const wrong[] = {
                "f5",                   /* not a map */
                "a3 01 01 02 40 03 40", /* the key */
                "a3 01 a0 02 01 03 40", /* saltEnc */
                "a3 01 a0 02 40 03 01", /* saltAuth */
                "a4 01 a0 02 40 03 40 04 40", /* protocol */
        };
        HmacSecretInput input = {0};

        CHECK_EQ(hmac_secret_read(NULL, &input), CTAP2_ERR_MISSING_PARAMETER);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                _cleanup_(cbor_item_donep) cbor_item_t *item = NULL;
                uint8_t bytes[64];

                CHECK_EQ(cbor_read(bytes, fixture_hex(wrong[i], bytes, sizeof(bytes)), &item), CTAP_OK);
                CHECK_EQ(hmac_secret_read(item, &input), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
                CHECK(!input.present);
        }
}

TEST_MAIN
