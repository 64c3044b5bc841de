/* authenticatorConfig: who may, and what each setting does (CTAP 6.11). */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "authenticator/pin.h"
#include "tests/unit/pin-tools.h"

#define ENTERPRISE  1
#define ALWAYS_UV   2
#define MIN_PIN     3
#define LONG_TOUCH  4

typedef struct ConfigCall {
        int subcommand;
        unsigned protocol; /* 0: no token */
        uint8_t token[32];
        bool bad_mac;
        unsigned fail_at;
} ConfigCall;

/* Sends it, with params (taken over; NULL: none) under the token. */
static int send_config(Fixture *f, const ConfigCall *call, cbor_item_t *params)
{
        cbor_item_t *map = client_map();
        uint8_t message[34 + 4096];
        size_t size = 34;
        int r;

        memset(message, 0xff, 32);
        message[32] = CONFIG;
        message[33] = (uint8_t)call->subcommand;
        client_set(map, 1, client_int(call->subcommand));
        if (params) {
                size += client_serialize(params, message + 34, sizeof(message) - 34);
                client_set(map, 2, params);
        }
        if (call->protocol) {
                message[0] ^= call->bad_mac;
                client_set(map, 3, client_int(call->protocol));
                client_set(map, 4, client_auth(call->protocol, call->token, message, size));
        }
        f->fail_at = call->fail_at;
        r = client_send(f, CONFIG, map, NULL);
        f->fail_at = 0;
        return r;
}

/* With a new token. */
static int config(Fixture *f, int subcommand, cbor_item_t *params)
{
        ConfigCall call = {.subcommand = subcommand, .protocol = 2};

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_ACFG, NULL, call.token), CTAP_OK);
        return send_config(f, &call, params);
}

static int config_free(Fixture *f, int subcommand, cbor_item_t *params)
{
        return send_config(f, &(ConfigCall){.subcommand = subcommand}, params);
}

/* Parameters of setMinPINLength: -1 is absent. */
static cbor_item_t *min_pin(int64_t length, int n_rp_ids, int force, int complexity)
{
        cbor_item_t *map = client_map();

        if (length >= 0)
                client_set(map, 1, client_int(length));
        if (n_rp_ids >= 0) {
                cbor_item_t *array = client_array();

                for (int i = 0; i < n_rp_ids; i++) {
                        char rp_id[] = "0.example.com";

                        rp_id[0] = (char)('0' + i);
                        client_push(array, client_text(rp_id));
                }
                client_set(map, 2, array);
        }
        if (force >= 0)
                client_set(map, 3, cbor_build_bool(force));
        if (complexity >= 0)
                client_set(map, 4, cbor_build_bool(complexity));
        return map;
}

static void again(Fixture *f)
{
        fixture_restart(f);
        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
}

/* ---- who may ---- */

TEST(subcommand_missing_or_not_supported)
{
        static const int unknown[] = {0, 5, 0xff, 0x100};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *with_pin = fixture_with_pin(NULL);

        CHECK_EQ(fixture_send_hex(f, CONFIG, "a0", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CONFIG, "a1 02 a0", NULL), CTAP2_ERR_MISSING_PARAMETER);
        for (size_t i = 0; i < ELEMENTSOF(unknown); i++) {
                CHECK_EQ(config_free(f, unknown[i], NULL), CTAP1_ERR_INVALID_PARAMETER);
                CHECK_EQ(config_free(with_pin, unknown[i], NULL), CTAP1_ERR_INVALID_PARAMETER);
        }
}

TEST(types_are_checked)
{
        static const char *const wrong[] = {"a1 01 61 31", "a2 01 03 02 01", "a2 01 03 02 a1 01 61 31", "a2 01 03 02 a1 02 01",
                                            "a2 01 03 02 a1 02 81 01", "a2 01 03 02 a1 03 01", "a2 01 03 02 a1 04 00"};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *with_pin = fixture_with_pin(NULL);

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                CHECK_EQ(fixture_send_hex(f, CONFIG, wrong[i], NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(with_pin, CONFIG, "a3 01 02 03 61 31 04 40", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(with_pin, CONFIG, "a3 01 02 03 01 04 01", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
}

TEST(nobody_protects_it_so_anybody_may)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        ConfigCall call = {.subcommand = LONG_TOUCH, .protocol = 2};

        CHECK_EQ(config_free(f, MIN_PIN, min_pin(6, -1, -1, -1)), CTAP_OK);
        CHECK_EQ(f->a->state->min_pin_length, 6);
        CHECK_EQ(send_config(f, &call, NULL), CTAP_OK); /* a token from nowhere is not looked at */
}

TEST(with_a_pin_or_a_finger_a_token_is_wanted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL), *finger = fixture_new(use_fingers);

        for (int subcommand = ALWAYS_UV; subcommand <= LONG_TOUCH; subcommand++) {
                CHECK_EQ(config_free(f, subcommand, NULL), CTAP2_ERR_PUAT_REQUIRED);
                CHECK_EQ(config_free(finger, subcommand, NULL), CTAP2_ERR_PUAT_REQUIRED);
        }
        CHECK(!f->a->state->always_uv && !f->a->state->long_touch);
}

TEST(the_token_is_checked)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                ConfigCall call = {.subcommand = MIN_PIN, .protocol = protocol};

                CHECK_EQ(client_pin_token(f, protocol, PIN, PERMISSION_ACFG, NULL, call.token), CTAP_OK);
                call.bad_mac = true;
                CHECK_EQ(send_config(f, &call, min_pin(6, -1, -1, -1)), CTAP2_ERR_PIN_AUTH_INVALID);
                call.bad_mac = false;
                call.protocol = 3 - protocol;
                CHECK_EQ(send_config(f, &call, min_pin(6, -1, -1, -1)), CTAP2_ERR_PIN_AUTH_INVALID);
                call.protocol = 3;
                CHECK_EQ(send_config(f, &call, min_pin(6, -1, -1, -1)), CTAP1_ERR_INVALID_PARAMETER);
                CHECK_EQ(f->a->state->min_pin_length, PIN_MIN_DEFAULT);
                call.protocol = protocol;
                CHECK_EQ(send_config(f, &call, min_pin(4, 1, -1, -1)), CTAP_OK);
                CHECK_EQ(send_config(f, &call, min_pin(4, 1, -1, -1)), CTAP_OK); /* it is not used up */
        }
        CHECK_EQ(fixture_send_hex(f, CONFIG, "a2 01 02 04 40", NULL), CTAP2_ERR_MISSING_PARAMETER); /* no protocol */
}

TEST(the_mac_covers_subcommand_and_parameters)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32], message[64] = {0};
        cbor_item_t *map = client_map();

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_ACFG, NULL, token), CTAP_OK);
        memset(message, 0xff, 32);
        message[32] = CONFIG;
        message[33] = LONG_TOUCH;
        client_set(map, 1, client_int(ALWAYS_UV));
        client_set(map, 3, client_int(2));
        client_set(map, 4, client_auth(2, token, message, 34));
        CHECK_EQ(client_send(f, CONFIG, map, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        message[33] = ALWAYS_UV; /* and not a parameter more */
        map = client_map();
        client_set(map, 1, client_int(ALWAYS_UV));
        client_set(map, 2, client_map());
        client_set(map, 3, client_int(2));
        client_set(map, 4, client_auth(2, token, message, 34));
        CHECK_EQ(client_send(f, CONFIG, map, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK(!f->a->state->always_uv);
}

TEST(the_permission_is_acfg_for_any_rp)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        ConfigCall call = {.subcommand = LONG_TOUCH, .protocol = 2};

        CHECK_EQ(client_pin_token(f, 2, PIN, 0xff & ~(PERMISSION_ACFG | PERMISSION_BE | PERMISSION_PCMR), "example.com",
                                  call.token), CTAP_OK);
        CHECK_EQ(send_config(f, &call, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_PCMR, NULL, call.token), CTAP_OK);
        CHECK_EQ(send_config(f, &call, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK(!f->a->state->long_touch);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_ACFG | PERMISSION_GA, "example.com", call.token), CTAP_OK);
        CHECK_EQ(send_config(f, &call, NULL), CTAP_OK);
        CHECK_EQ(use_token(f, 2, call.token, PERMISSION_GA, "example.com"), CTAP_OK); /* it keeps its permissions */
}

/* ---- enterprise attestation ---- */

static char pem[4096];

static void make_pem(Fixture *f)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = X509_new();
        BIO *bio = BIO_new(BIO_s_mem());
        int size;

        CHECK(key && certificate && bio);
        CHECK(X509_set_version(certificate, X509_VERSION_3));
        CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
        CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
        CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
        CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                         (const uint8_t *)"A test", -1, -1, 0));
        CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)));
        CHECK(X509_set_pubkey(certificate, key));
        CHECK(X509_add1_ext_i2d(certificate, NID_basic_constraints, &(BASIC_CONSTRAINTS){0}, 0, 0));
        CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
        CHECK(PEM_write_bio_X509(bio, certificate) && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
        size = BIO_read(bio, pem, sizeof(pem));
        CHECK(size > 0);
        f->config.enterprise_pem = pem;
        f->config.enterprise_pem_size = (size_t)size;
        BIO_free(bio);
        X509_free(certificate);
        EVP_PKEY_free(key);
}

TEST(enterprise_attestation_needs_a_certificate)
{
        _cleanup_(fixture_freep) Fixture *without = fixture_new(NULL), *with = fixture_new(make_pem);

        CHECK_EQ(config_free(without, ENTERPRISE, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(config_free(with, ENTERPRISE, NULL), CTAP_OK);
        CHECK_EQ(config_free(with, ENTERPRISE, client_map()), CTAP_OK); /* on it stays; parameters are ignored */
        again(with);
        CHECK(with->a->state->enterprise);
}

/* ---- alwaysUv ---- */

TEST(always_uv_is_toggled)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(config(f, ALWAYS_UV, NULL), CTAP_OK);
        again(f);
        CHECK(f->a->state->always_uv);
        CHECK_EQ(config(f, ALWAYS_UV, NULL), CTAP_OK);
        again(f);
        CHECK(!f->a->state->always_uv);
}

TEST(always_uv_without_a_pin_can_only_be_switched_off)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(config_free(f, ALWAYS_UV, NULL), CTAP_OK);
        CHECK(f->a->state->always_uv);
        CHECK_EQ(config_free(f, LONG_TOUCH, NULL), CTAP2_ERR_PUAT_REQUIRED);
        CHECK_EQ(config_free(f, MIN_PIN, min_pin(6, -1, -1, -1)), CTAP2_ERR_PUAT_REQUIRED);
        CHECK_EQ(config_free(f, ALWAYS_UV, NULL), CTAP_OK);
        CHECK(!f->a->state->always_uv);
        CHECK_EQ(config_free(f, ALWAYS_UV, NULL), CTAP_OK);
        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        CHECK_EQ(config_free(f, ALWAYS_UV, NULL), CTAP2_ERR_PUAT_REQUIRED);
}

/* ---- setMinPINLength ---- */

TEST(the_minimum_only_grows)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(config(f, MIN_PIN, min_pin(3, -1, -1, -1)), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(config(f, MIN_PIN, min_pin(0, -1, -1, -1)), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(config(f, MIN_PIN, min_pin(4, -1, -1, -1)), CTAP_OK);
        CHECK_EQ(config(f, MIN_PIN, NULL), CTAP_OK);
        CHECK_EQ(config(f, MIN_PIN, min_pin(64, -1, -1, -1)), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(config(f, MIN_PIN, min_pin(0x104, -1, -1, -1)), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(config(f, MIN_PIN, min_pin(INT64_C(0x100000004), -1, -1, -1)), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(f->a->state->min_pin_length, 4);
        CHECK_EQ(config(f, MIN_PIN, min_pin(63, -1, -1, -1)), CTAP_OK);
        again(f);
        CHECK_EQ(f->a->state->min_pin_length, 63);
}

TEST(a_pin_that_is_too_short_now_must_be_changed)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(config(f, MIN_PIN, min_pin(5, -1, -1, -1)), CTAP_OK);
        CHECK(f->a->state->force_pin_change);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_ACFG, NULL, token), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_change(f, 2, PIN, "8462"), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_change(f, 2, PIN, "84629"), CTAP_OK);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(client_pin_token(f, 2, "84629", PERMISSION_ACFG, NULL, token), CTAP_OK);
}

TEST(a_pin_that_is_long_enough_stays)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        ConfigCall call = {.subcommand = MIN_PIN, .protocol = 2};

        CHECK_EQ(client_pin_set(f, 2, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac"), CTAP_OK); /* 5 code points */
        CHECK_EQ(client_pin_token(f, 2, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac", PERMISSION_ACFG, NULL, call.token),
                 CTAP_OK);
        CHECK_EQ(send_config(f, &call, min_pin(5, -1, -1, -1)), CTAP_OK);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(send_config(f, &call, min_pin(6, -1, -1, -1)), CTAP_OK);
        CHECK(f->a->state->force_pin_change);
}

TEST(a_change_of_pin_can_be_forced)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t token[32], persistent[32];

        CHECK_EQ(config_free(f, MIN_PIN, min_pin(-1, -1, 1, -1)), CTAP2_ERR_PIN_NOT_SET);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_PCMR, NULL, persistent), CTAP_OK);
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, 0, -1)), CTAP_OK);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, 1, -1)), CTAP_OK);
        CHECK(!f->host->pin[1].token.in_use); /* tokens have ended */
        CHECK_EQ(use_persistent(f, 2, persistent), CTAP2_ERR_PIN_AUTH_INVALID);
        again(f);
        CHECK(f->a->state->force_pin_change);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_change(f, 2, PIN, PIN), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_change(f, 2, PIN, "8462"), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, "8462", PERMISSION_CM, NULL, token), CTAP_OK);
}

TEST(a_forced_change_is_not_taken_back)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        ConfigCall call = {.subcommand = MIN_PIN, .protocol = 2};
        PinToken *token;

        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, 1, -1)), CTAP_OK);
        CHECK_EQ(token_issue(f->host, 2, PERMISSION_ACFG, NULL, false, &token), CTAP_OK); /* as a finger gives one */
        memcpy(call.token, token->bytes, sizeof(call.token));
        CHECK_EQ(send_config(f, &call, min_pin(-1, -1, 0, -1)), CTAP_OK);
        CHECK(f->a->state->force_pin_change);
}

TEST(rp_ids_are_replaced_as_a_list)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t hash[32];

        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, MIN_PIN_RP_IDS_MAX, -1, -1)), CTAP_OK);
        CHECK_EQ(f->a->state->n_min_pin_rps, MIN_PIN_RP_IDS_MAX);
        sha256("7.example.com", 13, hash);
        CHECK(memcmp(f->a->state->min_pin_rps[7], hash, 32) == 0);
        CHECK_EQ(config(f, MIN_PIN, min_pin(6, MIN_PIN_RP_IDS_MAX + 1, -1, -1)), CTAP2_ERR_KEY_STORE_FULL);
        CHECK_EQ(f->a->state->min_pin_length, 4); /* all or nothing */
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, 0, -1, -1)), CTAP_OK); /* no string: the list stays */
        CHECK_EQ(f->a->state->n_min_pin_rps, MIN_PIN_RP_IDS_MAX);
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, 1, -1, -1)), CTAP_OK);
        again(f);
        CHECK_EQ(f->a->state->n_min_pin_rps, 1);
        sha256("0.example.com", 13, hash);
        CHECK(memcmp(f->a->state->min_pin_rps[0], hash, 32) == 0);
}

TEST(complexity_is_for_good)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, -1, 0)), CTAP_OK);
        CHECK(!f->a->state->pin_complexity);
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, -1, 1)), CTAP_OK);
        CHECK(f->a->state->pin_complexity && f->a->state->force_pin_change); /* nobody knows what the PIN is like */
        CHECK_EQ(client_pin_change(f, 2, PIN, "1234"), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_change(f, 2, PIN, "8462"), CTAP_OK);
        CHECK_EQ(client_pin_change(f, 2, "8462", PIN), CTAP_OK);
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, -1, 1)), CTAP_OK);
        CHECK(!f->a->state->force_pin_change); /* the policy was there when the PIN came */
        CHECK_EQ(config(f, MIN_PIN, min_pin(-1, -1, -1, 0)), CTAP_OK);
        again(f);
        CHECK(f->a->state->pin_complexity);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
}

TEST(complexity_before_the_first_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(config_free(f, MIN_PIN, min_pin(6, -1, -1, 1)), CTAP_OK);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(client_pin_set(f, 2, "111111"), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_set(f, 2, "29318"), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_set(f, 2, "293184"), CTAP_OK);
}

/* ---- long touch ---- */

TEST(long_touch_is_enabled)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(config(f, LONG_TOUCH, NULL), CTAP_OK);
        CHECK_EQ(config(f, LONG_TOUCH, NULL), CTAP_OK);
        again(f);
        CHECK(f->a->state->long_touch);
}

/* ---- storage ---- */

static int act_config(Fixture *f, unsigned fail_at)
{
        ConfigCall call = {.subcommand = MIN_PIN, .protocol = 2, .fail_at = fail_at};

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_ACFG, NULL, call.token), CTAP_OK);
        return send_config(f, &call, min_pin(6, 2, 1, 1));
}

static void check_config(Fixture *f, bool done)
{
        const State *state = f->a->state;

        CHECK_EQ(state->min_pin_length, done ? 6 : 4);
        CHECK_EQ(state->n_min_pin_rps, done ? 2 : 0);
        CHECK(state->force_pin_change == done && state->pin_complexity == done);
}

TEST(storage_failures_leave_all_settings_or_none)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        fail_everywhere(f, act_config, check_config);
}

TEST(a_failed_change_ends_no_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        ConfigCall call = {.subcommand = MIN_PIN, .protocol = 2, .fail_at = 3};

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_ACFG, NULL, call.token), CTAP_OK);
        CHECK_EQ(send_config(f, &call, min_pin(6, -1, -1, -1)), CTAP1_ERR_OTHER);
        CHECK_EQ(use_token(f, 2, call.token, PERMISSION_ACFG, NULL), CTAP_OK);
        CHECK_EQ(f->a->state->min_pin_length, 4);
}

TEST_MAIN
