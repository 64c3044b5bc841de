/* PIN/UV tokens: permissions, relying parties, time, hosts, and the persistent one (CTAP 6.5.2.1, 6.5.5.7). */
#include <errno.h>

#include "authenticator/pin.h"
#include "tests/unit/pin-tools.h"

#define RP    "example.com"
#define OTHER "example.org"

#define ALL_BY_PIN (PERMISSION_MC | PERMISSION_GA | PERMISSION_CM | PERMISSION_LBW | PERMISSION_ACFG)

static int ask_permissions(Fixture *f, uint64_t permissions, const char *rp_id)
{
        PinCall call = {9, 2, PROTOCOL | AGREEMENT | PIN_HASH | PERMISSIONS | (rp_id ? RP_ID : 0),
                        .pin = PIN, .permissions = permissions, .rp_id = rp_id};

        return pin_call(f, &call, NULL);
}

/* ---- what may be asked for ---- */

TEST(token_in_both_protocols_is_32_bytes_encrypted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                PinCall call = {9, protocol, PROTOCOL | AGREEMENT | PIN_HASH | PERMISSIONS, .pin = PIN,
                                .permissions = PERMISSION_CM};
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                uint8_t token[32];

                CHECK_EQ(pin_call(f, &call, &reply), CTAP_OK);
                CHECK_EQ(cbor_map_size(reply), 1);
                CHECK_EQ(cbor_bytestring_length(map_get(reply, 2)), protocol == 1 ? 32 : 48);
                CHECK_EQ(client_pin_token(f, protocol, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
                CHECK_EQ(use_token(f, protocol, token, PERMISSION_CM, NULL), CTAP_OK);
                CHECK_EQ(use_token(f, 3 - protocol, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
                CHECK_EQ(use_token(f, 3, token, PERMISSION_CM, NULL), CTAP1_ERR_INVALID_PARAMETER);
        }
}

TEST(token_without_a_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(ask_permissions(f, PERMISSION_CM, NULL), CTAP2_ERR_PIN_NOT_SET);
        CHECK_EQ(pin_call(f, &(PinCall){5, 2, PROTOCOL | AGREEMENT | PIN_HASH, .pin = PIN}, NULL), CTAP2_ERR_PIN_NOT_SET);
}

TEST(permissions_zero)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(ask_permissions(f, 0, NULL), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(permission_be_needs_a_sensor)
{
        _cleanup_(fixture_freep) Fixture *without = fixture_with_pin(NULL), *with = fixture_with_pin(use_fingers);

        CHECK_EQ(ask_permissions(without, PERMISSION_BE, NULL), CTAP2_ERR_UNAUTHORIZED_PERMISSION);
        CHECK_EQ(ask_permissions(without, PERMISSION_BE | PERMISSION_CM, NULL), CTAP2_ERR_UNAUTHORIZED_PERMISSION);
        CHECK_EQ(ask_permissions(with, PERMISSION_BE, NULL), CTAP_OK);
        with->enrolled = 0;
        CHECK_EQ(ask_permissions(with, PERMISSION_BE, NULL), CTAP_OK); /* or nobody could enrol the first */
        with->no_sensor = true;
        CHECK_EQ(ask_permissions(with, PERMISSION_BE, NULL), CTAP2_ERR_UNAUTHORIZED_PERMISSION);
}

TEST(permission_pcmr_is_asked_for_alone)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (unsigned other = PERMISSION_MC; other <= PERMISSION_ACFG; other <<= 1)
                CHECK_EQ(ask_permissions(f, PERMISSION_PCMR | other, RP), CTAP2_ERR_UNAUTHORIZED_PERMISSION);
        CHECK_EQ(ask_permissions(f, PERMISSION_PCMR, NULL), CTAP_OK);
}

TEST(permissions_mc_and_ga_need_an_rp_id)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(ask_permissions(f, PERMISSION_MC, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(ask_permissions(f, PERMISSION_GA | PERMISSION_CM, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(ask_permissions(f, PERMISSION_MC, RP), CTAP_OK);
}

TEST(permissions_that_mean_nothing_are_ignored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(ask_permissions(f, 0x80 | PERMISSION_CM, NULL), CTAP_OK);
        CHECK_EQ(f->host->pin[1].token.permissions, PERMISSION_CM);
        CHECK_EQ(ask_permissions(f, UINT64_C(0x100000080), NULL), CTAP_OK);
        CHECK_EQ(f->host->pin[1].token.permissions, 0);
        CHECK_EQ(ask_permissions(f, 0x80 | PERMISSION_PCMR, NULL), CTAP_OK);
        CHECK(f->a->state->has_persistent_token);
}

TEST(too_many_permissions_cost_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = {9, 2, PROTOCOL | AGREEMENT | PIN_HASH | PERMISSIONS, .pin = "0000", .permissions = PERMISSION_BE};

        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_UNAUTHORIZED_PERMISSION);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(a_token_permits_what_it_was_asked_for)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (unsigned permission = PERMISSION_MC; permission <= PERMISSION_ACFG; permission <<= 1) {
                uint8_t token[32];

                if (permission == PERMISSION_BE)
                        continue;
                CHECK_EQ(client_pin_token(f, 2, PIN, (uint8_t)permission, RP, token), CTAP_OK);
                for (unsigned other = PERMISSION_MC; other <= PERMISSION_PCMR; other <<= 1)
                        CHECK_EQ(use_token(f, 2, token, (uint8_t)other, NULL),
                                 other == permission ? CTAP_OK : CTAP2_ERR_PIN_AUTH_INVALID);
        }
}

/* ---- the legacy one ---- */

TEST(legacy_token_has_mc_and_ga)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 1, PIN, 0, NULL, token), CTAP_OK);
        CHECK_EQ(f->host->pin[0].token.permissions, PERMISSION_MC | PERMISSION_GA);
        CHECK(!f->host->pin[0].token.bound && !f->host->pin[0].token.user_present);
        CHECK_EQ(use_token(f, 1, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 1, token, PERMISSION_GA, RP), CTAP_OK);
}

TEST(legacy_token_takes_neither_permissions_nor_rp_id)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = {5, 2, PROTOCOL | AGREEMENT | PIN_HASH | PERMISSIONS, .pin = "0000", .permissions = PERMISSION_MC,
                        .rp_id = RP};

        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        call.permissions = 0;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        call.members ^= PERMISSIONS | RP_ID;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(a_forced_change_refuses_tokens)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        f->a->state->force_pin_change = true;
        CHECK_EQ(client_pin_token(f, 2, PIN, 0, NULL, token), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_PCMR, NULL, token), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX); /* the PIN was right */
        CHECK(!f->host->pin[1].token.in_use && !f->a->state->has_persistent_token);
        CHECK_EQ(client_pin_change(f, 2, PIN, "8462"), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, "8462", 0, NULL, token), CTAP_OK);
}

/* ---- relying parties ---- */

TEST(a_bound_token_is_for_one_rp)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, ALL_BY_PIN, RP, token), CTAP_OK);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_MC, OTHER), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_MC, RP), CTAP_OK);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_ACFG, NULL), CTAP_OK);
}

TEST(first_use_binds_an_unbound_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, 0, NULL, token), CTAP_OK);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_MC, RP), CTAP_OK);
        CHECK(f->host->pin[1].token.bound);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_GA, OTHER), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_GA, RP), CTAP_OK);
}

TEST(a_refused_use_binds_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_MC, RP), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK(!f->host->pin[1].token.bound);
}

/* ---- use ---- */

TEST(presence_spends_a_token_except_lbw)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, ALL_BY_PIN, RP, token), CTAP_OK);
        CHECK(f->host->pin[1].token.user_verified);
        token_spend(&f->host->pin[1].token);
        CHECK(!f->host->pin[1].token.user_verified && !f->host->pin[1].token.user_present);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_MC, RP), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_ACFG, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_LBW, NULL), CTAP_OK);
}

TEST(mc_and_ga_want_a_verified_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, ALL_BY_PIN, RP, token), CTAP_OK);
        f->host->pin[1].token.user_verified = false;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_GA, RP), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
}

TEST(a_wrong_mac_is_no_use)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        token[31] ^= 1;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(f->host->pin[1].token.used, 0);
}

TEST(a_wiped_token_is_no_key)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32], zeros[32] = {0}, mac[32];
        PinToken *found;

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        token_end(f->host);
        CHECK(!f->host->pin[1].token.bytes);
        hmac_sha256(zeros, 32, "message", 7, mac);
        CHECK_EQ(token_check(f->host, 2, "message", 7, mac, 32, &found), CTAP2_ERR_PIN_AUTH_INVALID);
}

/* ---- time ---- */

TEST(a_token_must_be_used_within_30_seconds)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(TOKEN_INITIAL_TIME, 30000);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        f->now += TOKEN_INITIAL_TIME;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        f->now += TOKEN_INITIAL_TIME + 1;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK(!f->host->pin[1].token.in_use);
        f->now -= TOKEN_INITIAL_TIME;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID); /* it has ended for good */
}

TEST(a_used_token_lives_ten_minutes)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(TOKEN_USE_TIME, 600000);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
        f->now += TOKEN_USE_TIME / 2;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
        f->now += TOKEN_USE_TIME / 2;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK); /* use does not prolong it */
        f->now += 1;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(what_a_token_remembers_of_presence_goes_with_time)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        f->host->pin[1].token.user_present = true;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
        CHECK(f->host->pin[1].token.user_present);
        f->now += TOKEN_PRESENT_TIME;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
        CHECK(f->host->pin[1].token.user_present);
        f->now += 1;
        (void)use_token(f, 2, token, PERMISSION_CM, NULL);
        CHECK(!f->host->pin[1].token.user_present);
}

/* ---- hosts ---- */

TEST(hosts_have_tokens_of_their_own)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        AuthenticatorHost *first = f->host, *second;
        uint8_t one[32], two[32];

        CHECK_EQ(authenticator_host_new(f->a, NULL, &second), 0);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, one), CTAP_OK);
        f->host = second;
        CHECK_EQ(use_token(f, 2, one, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, two), CTAP_OK);
        CHECK(memcmp(one, two, 32) != 0);
        CHECK_EQ(use_token(f, 2, two, PERMISSION_CM, NULL), CTAP_OK);
        f->host = first;
        CHECK_EQ(use_token(f, 2, one, PERMISSION_CM, NULL), CTAP_OK); /* the other's did not end it */
        CHECK_EQ(use_token(f, 2, two, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        (void)authenticator_host_free(second);
}

TEST(a_new_token_ends_the_hosts_others)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t one[32], two[32];

        CHECK_EQ(client_pin_token(f, 1, PIN, PERMISSION_CM, NULL, one), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, two), CTAP_OK);
        CHECK_EQ(use_token(f, 1, one, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_token(f, 2, two, PERMISSION_CM, NULL), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, one), CTAP_OK);
        CHECK_EQ(use_token(f, 2, two, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(a_changed_pin_ends_the_tokens_of_all_hosts)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        AuthenticatorHost *first = f->host, *second;
        uint8_t token[32];

        CHECK_EQ(authenticator_host_new(f->a, NULL, &second), 0);
        f->host = second;
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        f->host = first;
        CHECK_EQ(client_pin_change(f, 2, PIN, "8462"), CTAP_OK);
        f->host = second;
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        f->host = first;
        (void)authenticator_host_free(second);
}

TEST(a_power_cycle_ends_tokens)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        authenticator_power_cycle(f->a);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(no_random_bytes_no_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (unsigned at = 1; at <= 2; at++) { /* the token's, the IV's */
                f->fail_random_at = at;
                CHECK_EQ(ask_permissions(f, PERMISSION_CM, NULL), CTAP1_ERR_OTHER);
                CHECK(!f->host->pin[1].token.in_use);
                f->fail_random_at = at;
                CHECK_EQ(ask_permissions(f, PERMISSION_PCMR, NULL), CTAP1_ERR_OTHER);
        }
        f->fail_random_at = 0;
        CHECK_EQ(ask_permissions(f, PERMISSION_CM, NULL), CTAP_OK);
}

/* ---- the persistent token ---- */

TEST(persistent_token_lasts_and_is_always_the_same)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t one[32], two[32];

        CHECK(!f->a->state->has_persistent_token);
        memset(one, 0, sizeof(one));
        CHECK_EQ(use_persistent(f, 2, one), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_PCMR, NULL, one), CTAP_OK);
        CHECK_EQ(use_persistent(f, 2, one), CTAP_OK);
        authenticator_power_cycle(f->a);
        fixture_restart(f);
        CHECK_EQ(use_persistent(f, 1, one), CTAP_OK);
        f->now += 10 * TOKEN_USE_TIME;
        CHECK_EQ(client_pin_token(f, 1, PIN, PERMISSION_PCMR, NULL, two), CTAP_OK);
        CHECK(memcmp(one, two, 32) == 0);
        CHECK_EQ(use_persistent(f, 2, one), CTAP_OK);
        CHECK_EQ(use_persistent(f, 3, one), CTAP1_ERR_INVALID_PARAMETER);
        one[0] ^= 1;
        CHECK_EQ(use_persistent(f, 2, one), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(persistent_token_leaves_the_hosts_token_alone)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t token[32], persistent[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_CM, NULL, token), CTAP_OK);
        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_PCMR, NULL, persistent), CTAP_OK);
        CHECK_EQ(use_token(f, 2, token, PERMISSION_CM, NULL), CTAP_OK);
        CHECK_EQ(use_token(f, 2, persistent, PERMISSION_CM, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(use_persistent(f, 2, token), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(persistent_token_goes_with_the_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        uint8_t one[32], two[32];

        CHECK_EQ(client_pin_token(f, 2, PIN, PERMISSION_PCMR, NULL, one), CTAP_OK);
        CHECK_EQ(client_pin_change(f, 2, PIN, "8462"), CTAP_OK);
        CHECK_EQ(use_persistent(f, 2, one), CTAP2_ERR_PIN_AUTH_INVALID);
        memset(two, 0, sizeof(two)); /* wiped bytes are no key */
        CHECK(memcmp(f->a->state->persistent_token, two, 32) == 0);
        CHECK_EQ(use_persistent(f, 2, two), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(client_pin_token(f, 2, "8462", PERMISSION_PCMR, NULL, two), CTAP_OK);
        CHECK(memcmp(one, two, 32) != 0);
        fixture_restart(f);
        CHECK_EQ(use_persistent(f, 2, one), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(persistent_token_is_not_given_before_it_is_stored)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = {9, 2, PROTOCOL | AGREEMENT | PIN_HASH | PERMISSIONS, .pin = PIN, .permissions = PERMISSION_PCMR};

        for (call.fail_at = 1; call.fail_at <= 9; call.fail_at++) { /* three changes of three calls */
                CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_OTHER);
                CHECK(!f->a->state->has_persistent_token);
        }
        CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
        CHECK(f->a->state->has_persistent_token);
}

TEST_MAIN
