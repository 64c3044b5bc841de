/* PINs: how they are set, changed, tried and guessed (CTAP 6.5.5.2 to 6.5.5.6). */
#include "authenticator/pin.h"
#include "tests/unit/pin-tools.h"

#define SET_CALL(text) ((PinCall){3, 2, PROTOCOL | AGREEMENT | PARAM | NEW_PIN, .new_pin = (text)})
#define CHANGE_CALL(old, text)                                                                                         \
        ((PinCall){4, 2, PROTOCOL | AGREEMENT | PARAM | NEW_PIN | PIN_HASH, .pin = (old), .new_pin = (text)})

/* ---- requests ---- */

TEST(subcommand_missing_or_unknown)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a0", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 01 01", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 00", NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 08", NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 0a", NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 1b0000000100000001", NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
}

TEST(types_of_all_members_are_checked)
{
        static const char *const wrong[] = {
                "a1 02 61 31",          "a1 02 20",             "a2 01 61 31 02 01",    "a2 02 01 03 01",
                "a2 02 01 04 61 31",    "a2 02 01 05 01",       "a2 02 01 06 80",       "a2 02 01 09 20",
                "a2 02 01 09 41 01",    "a2 02 01 0a 41 61",    "80",
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, wrong[i], NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a2 02 01 07 61 31", NULL), CTAP_OK); /* not known: not looked at */
}

TEST(missing_members_are_found_before_a_try_is_used)
{
        static const PinCall calls[] = {
                {3, 2, PROTOCOL | AGREEMENT | PARAM | NEW_PIN, .new_pin = "8462"},
                {4, 2, PROTOCOL | AGREEMENT | PARAM | NEW_PIN | PIN_HASH, .pin = "0000", .new_pin = "8462"},
                {5, 2, PROTOCOL | AGREEMENT | PIN_HASH, .pin = "0000"},
                {9, 2, PROTOCOL | AGREEMENT | PIN_HASH | PERMISSIONS, .pin = "0000", .permissions = PERMISSION_CM},
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                for (unsigned member = PROTOCOL; member <= RP_ID; member <<= 1) {
                        PinCall call = calls[i];

                        if (!(call.members & member))
                                continue;
                        call.members &= ~member;
                        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_MISSING_PARAMETER);
                }
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(unsupported_protocol_is_found_before_a_try_is_used)
{
        static const int subcommands[] = {3, 4, 5, 9};
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (size_t i = 0; i < ELEMENTSOF(subcommands); i++) {
                PinCall call = {subcommands[i], 3, PROTOCOL | AGREEMENT | PARAM | NEW_PIN | PIN_HASH | PERMISSIONS,
                                .pin = "0000", .new_pin = "8462", .permissions = PERMISSION_CM};

                CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        }
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(what_blocks_the_pin_is_told_before_the_key_is_looked_at)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        PinCall change = CHANGE_CALL(PIN, "8462"), token = {5, 2, PROTOCOL | AGREEMENT | PIN_HASH, .pin = PIN};

        change.bad_point = token.bad_point = true;
        CHECK_EQ(pin_call(f, &change, NULL), CTAP2_ERR_PIN_NOT_SET);
        CHECK_EQ(pin_call(f, &token, NULL), CTAP2_ERR_PIN_NOT_SET);
        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        f->a->pin_soft_blocked = true;
        CHECK_EQ(pin_call(f, &change, NULL), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(pin_call(f, &token, NULL), CTAP2_ERR_PIN_AUTH_BLOCKED);
        f->a->state->pin_retries = 0;
        CHECK_EQ(pin_call(f, &change, NULL), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(pin_call(f, &token, NULL), CTAP2_ERR_PIN_BLOCKED);
}

TEST(a_point_that_is_not_on_the_curve_costs_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = CHANGE_CALL("0000", "8462");

        call.bad_point = true;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        call.subcommand = 5;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

/* ---- setPIN ---- */

TEST(set_pin_in_both_protocols_lasts)
{
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                PinCall call = SET_CALL(PIN);
                cbor_item_t *reply;

                call.protocol = protocol;
                CHECK_EQ(pin_call(f, &call, &reply), CTAP_OK);
                CHECK(!reply); /* a status byte and nothing else */
                fixture_restart(f);
                CHECK_EQ(try_token(f, PIN), CTAP_OK);
                CHECK_EQ(try_token(f, "2932"), CTAP2_ERR_PIN_INVALID);
        }
}

TEST(set_pin_when_there_is_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(pin_call(f, &SET_CALL("8462"), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
}

TEST(set_pin_checks_its_mac)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        PinCall call = SET_CALL(PIN);

        call.bad_mac = true;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_NOT_SET);
}

TEST(new_pin_has_64_bytes_with_its_padding)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        PinCall call = SET_CALL(PIN);

        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                call.protocol = protocol;
                call.raw_new_pin = false;
                call.new_pin_size = 48;
                CHECK_EQ(pin_call(f, &call, NULL), CTAP1_ERR_INVALID_PARAMETER);
                call.new_pin_size = 80;
                CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_POLICY_VIOLATION);
                call.new_pin_size = 512;
                CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_POLICY_VIOLATION);
                call.raw_new_pin = true; /* cannot be decrypted */
                call.new_pin_size = 33;
                CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        }
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_NOT_SET);
}

TEST(pin_length_is_counted_in_code_points)
{
        static const struct {
                const char *pin;
                int status;
        } cases[] = {
                {"", CTAP2_ERR_PIN_POLICY_VIOLATION},
                {"293", CTAP2_ERR_PIN_POLICY_VIOLATION},
                {"\xc3\xa4\xc3\xb6\xc3\xbc", CTAP2_ERR_PIN_POLICY_VIOLATION},                 /* 3, in 6 bytes */
                {"\xf0\x9f\x94\x91\xf0\x9f\x94\x92", CTAP2_ERR_PIN_POLICY_VIOLATION},         /* 2, in 8 bytes */
                {"\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac", CTAP_OK},                            /* 4 */
                {"29\xff\xff", CTAP2_ERR_PIN_POLICY_VIOLATION},                               /* not UTF-8 */
                {"293\xed\xa0\x80", CTAP2_ERR_PIN_POLICY_VIOLATION},                          /* a surrogate */
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

                CHECK_EQ(pin_call(f, &SET_CALL(cases[i].pin), NULL), cases[i].status);
                CHECK_EQ(try_token(f, cases[i].pin), cases[i].status == CTAP_OK ? CTAP_OK : CTAP2_ERR_PIN_NOT_SET);
        }
}

TEST(pin_has_at_most_63_bytes)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        char pin[65] = "";

        memset(pin, 'x', 64);
        CHECK_EQ(pin_call(f, &SET_CALL(pin), NULL), CTAP2_ERR_PIN_POLICY_VIOLATION);
        pin[63] = 0;
        CHECK_EQ(pin_call(f, &SET_CALL(pin), NULL), CTAP_OK);
        CHECK_EQ(f->a->state->pin_length, 63);
        CHECK_EQ(try_token(f, pin), CTAP_OK);
}

TEST(pin_store_refuses_what_is_no_text)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t bytes[64];

        CHECK_EQ(authenticator_load(f->a), CTAP_OK);
        memset(bytes, '1', sizeof(bytes));
        CHECK_EQ(pin_store(f->a, bytes, 64), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(pin_store(f->a, bytes, 0), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(pin_store(f->a, (const uint8_t *)"29\0\0", 4), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK(!f->a->state->pin_set);
}

/* ---- changePIN ---- */

TEST(change_pin_in_both_protocols)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = CHANGE_CALL(PIN, "8462");

        CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
        CHECK_EQ(try_token(f, "8462"), CTAP_OK);
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_INVALID);
        call = CHANGE_CALL("8462", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f");
        call.protocol = 1;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP_OK);
        CHECK_EQ(f->a->state->pin_length, 4);
        fixture_restart(f);
        CHECK_EQ(try_token(f, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"), CTAP_OK);
}

TEST(change_pin_without_a_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, "8462"), NULL), CTAP2_ERR_PIN_NOT_SET);
}

TEST(change_pin_with_a_bad_mac_costs_no_try)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = CHANGE_CALL("0000", "8462");

        call.bad_mac = true;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX);
}

TEST(change_pin_checks_the_new_one_after_the_old_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(pin_call(f, &CHANGE_CALL("0000", "1"), NULL), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX - 1);
        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, "1"), NULL), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(pin_retries(f), PIN_RETRIES_MAX); /* the old one was right */
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
}

TEST(change_to_the_same_pin_is_refused_only_when_a_change_is_forced)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, PIN), NULL), CTAP_OK);
        f->a->state->force_pin_change = true;
        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, PIN), NULL), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK(f->a->state->force_pin_change);
        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, "8462"), NULL), CTAP_OK);
        CHECK(!f->a->state->force_pin_change);
        CHECK_EQ(try_token(f, "8462"), CTAP_OK);
}

/* ---- tries ---- */

TEST(pin_retries_count_down_and_come_back)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(pin_retries(f), 8);
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(pin_retries(f), 7);
        fixture_restart(f);
        CHECK_EQ(pin_retries(f), 7);
        CHECK_EQ(pin_call(f, &CHANGE_CALL("0000", "8462"), NULL), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(pin_retries(f), 6);
        f->a->state->uv_retries = 1;
        f->a->state->uv_since_pin = 9;
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
        CHECK_EQ(pin_retries(f), 8);
        CHECK_EQ(f->a->state->uv_retries, UV_RETRIES_MAX);
        CHECK_EQ(f->a->state->uv_since_pin, 0);
}

TEST(retries_need_no_protocol)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;

        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 01", &reply), CTAP_OK);
        CHECK(reply.size == 3 && memcmp(reply.data, "\xa1\x03\x08", 3) == 0); /* no powerCycleState */
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a2 01 02 02 01", NULL), CTAP_OK);
}

TEST(a_wrong_pin_ends_the_key_agreement)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = {5, 2, PROTOCOL | AGREEMENT | PIN_HASH, .pin = PIN};
        uint8_t before[64], after[64];
        ClientPin pin;

        client_pin_begin(f, 2, &pin);
        CHECK_EQ(protocol_public_key(f->host, 2, before), CTAP_OK);
        CHECK_EQ(client_send(f, CLIENT_PIN, pin_call_map(&call, &pin), NULL), CTAP_OK);
        CHECK_EQ(protocol_public_key(f->host, 2, after), CTAP_OK);
        CHECK(memcmp(before, after, 64) == 0);
        call.pin = "0000";
        CHECK_EQ(client_send(f, CLIENT_PIN, pin_call_map(&call, &pin), NULL), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(protocol_public_key(f->host, 2, after), CTAP_OK);
        CHECK(memcmp(before, after, 64) != 0);
        call.pin = PIN; /* under the old secret it cannot be read: a wrong one again */
        CHECK_EQ(client_send(f, CLIENT_PIN, pin_call_map(&call, &pin), NULL), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(pin_retries(f), 6);
}

TEST(three_wrong_in_a_row_block_until_a_power_cycle)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(pin_question(f, 1, 4), -1);
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(pin_retries(f), 5);
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, "8462"), NULL), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(pin_call(f, &(PinCall){5, 1, PROTOCOL | AGREEMENT | PIN_HASH, .pin = PIN}, NULL),
                 CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(pin_retries(f), 5); /* blocked ones are not counted */
        {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                cbor_item_t *map = client_map();

                client_set(map, 2, client_int(1));
                CHECK_EQ(client_send(f, CLIENT_PIN, map, &reply), CTAP_OK);
                CHECK(cbor_get_bool(map_get(reply, 4))); /* powerCycleState */
        }
        authenticator_power_cycle(f->a);
        CHECK_EQ(pin_question(f, 1, 4), -1);
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
        CHECK_EQ(pin_retries(f), 8);
}

TEST(a_right_pin_begins_the_row_anew)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (int i = 0; i < 3; i++) {
                CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
                CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
                CHECK_EQ(try_token(f, PIN), CTAP_OK);
        }
}

TEST(a_new_pin_of_the_owners_begins_anew)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (int i = 0; i < 3; i++)
                (void)try_token(f, "0000");
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_AUTH_BLOCKED);
        CHECK_EQ(pin_store(f->a, (const uint8_t *)"8462", 4), CTAP_OK);
        CHECK_EQ(pin_retries(f), 8);
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(try_token(f, "8462"), CTAP_OK);
}

TEST(the_row_is_the_authenticators_not_a_hosts)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        AuthenticatorHost *first = f->host, *second;

        CHECK_EQ(authenticator_host_new(f->a, NULL, &second), 0);
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
        f->host = second;
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_INVALID);
        f->host = first;
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_AUTH_BLOCKED);
        f->host = second;
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_AUTH_BLOCKED);
        f->host = first;
        (void)authenticator_host_free(second);
}

TEST(eight_wrong_block_for_good)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        for (int left = 7; left > 0; left--) {
                CHECK_EQ(try_token(f, "0000"), (8 - left) % 3 == 0 ? CTAP2_ERR_PIN_AUTH_BLOCKED : CTAP2_ERR_PIN_INVALID);
                CHECK_EQ(pin_retries(f), left);
                if ((8 - left) % 3 == 0)
                        authenticator_power_cycle(f->a);
        }
        CHECK_EQ(try_token(f, "0000"), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(pin_retries(f), 0);
        authenticator_power_cycle(f->a);
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(pin_call(f, &CHANGE_CALL(PIN, "8462"), NULL), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(pin_call(f, &(PinCall){5, 2, PROTOCOL | AGREEMENT | PIN_HASH, .pin = PIN}, NULL), CTAP2_ERR_PIN_BLOCKED);
        fixture_restart(f);
        CHECK_EQ(try_token(f, PIN), CTAP2_ERR_PIN_BLOCKED);
        CHECK_EQ(pin_retries(f), 0);
}

TEST(a_hash_of_another_size_is_a_wrong_pin)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);
        PinCall call = {5, 2, PROTOCOL | AGREEMENT | PIN_HASH, .pin = PIN};

        call.hash_size = 32;
        call.protocol = 1;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_INVALID);
        call.protocol = 2;
        CHECK_EQ(pin_call(f, &call, NULL), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(pin_retries(f), 6);
}

/* ---- storage ---- */

static unsigned commits_of(Fixture *f, const char *pin)
{
        unsigned before = f->n_commits;

        (void)try_token(f, pin);
        return f->n_commits - before;
}

TEST(the_try_is_stored_before_the_comparison)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        CHECK_EQ(commits_of(f, "0000"), 1); /* used up */
        CHECK_EQ(commits_of(f, PIN), 2);    /* used up, given back */
        /* Storage fails anywhere: a right and a wrong PIN cannot be told apart as long as the try is not stored. */
        for (unsigned at = 1; at <= 3; at++) {
                f->fail_at = at;
                CHECK_EQ(try_token(f, PIN), CTAP1_ERR_OTHER);
                f->fail_at = at;
                CHECK_EQ(try_token(f, "0000"), CTAP1_ERR_OTHER);
                CHECK_EQ(f->fail_at, 0);
                CHECK_EQ(f->a->pin_wrong, 0);
        }
        f->fail_at = 0;
        CHECK_EQ(pin_retries(f), 8);
        /* It is stored, then the daemon dies: the try is gone. */
        f->fail_at = 4;
        CHECK_EQ(try_token(f, PIN), CTAP1_ERR_OTHER);
        f->fail_at = 0;
        fixture_restart(f);
        CHECK_EQ(pin_retries(f), 7);
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
}

static int act_set(Fixture *f, unsigned fail_at)
{
        PinCall call = SET_CALL(PIN);

        call.fail_at = fail_at;
        return pin_call(f, &call, NULL);
}

static void check_set(Fixture *f, bool done)
{
        CHECK_EQ(try_token(f, PIN), done ? CTAP_OK : CTAP2_ERR_PIN_NOT_SET);
}

static int act_change(Fixture *f, unsigned fail_at)
{
        PinCall call = CHANGE_CALL(PIN, "8462");

        call.fail_at = fail_at;
        return pin_call(f, &call, NULL);
}

static void check_change(Fixture *f, bool done)
{
        CHECK_EQ(try_token(f, done ? "8462" : PIN), CTAP_OK);
        CHECK_EQ(try_token(f, done ? PIN : "8462"), CTAP2_ERR_PIN_INVALID);
        CHECK_EQ(try_token(f, done ? "8462" : PIN), CTAP_OK);
}

TEST(storage_failures_leave_the_old_pin_or_the_new_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        fail_everywhere(f, act_set, check_set);
        fail_everywhere(f, act_change, check_change);
}

TEST(locked_storage_is_opened_within_the_request)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_with_pin(NULL);

        f->locked = true;
        authenticator_forget(f->a);
        CHECK_EQ(try_token(f, PIN), CTAP_OK);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_STORAGE);
}

/* ---- the policy ---- */

static int policy(const State *state, const char *pin)
{
        int r;

        CHECK(pin);
        r = pin_check_policy(state, (const uint8_t *)pin, strlen(pin));
        printf("  %s: 0x%02x\n", pin, (unsigned)r);
        return r;
}

TEST(complexity_refuses_what_people_try_first)
{
        static const char *const simple[] = {
                "1111",   "000000",  "xxxxxxxx", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", "1234",     "4321", "456789", "7890",
                "890123", "0987",    "abcdef",   "zyxw",                            "1212",     "123123", "12121", "abcabcab",
                "2580",   "1379",    "112233",   "password",                        "PassWord", "Qwerty", "1q2w3e4r",
                "147258", "iloveyou",
        };
        static const char *const good[] = {
                "2931", "8462", "13790", "1235", "4320", "passw0rd", "12341", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", "121213", "9012x",
                "q\xc3\xa4yz", "2580x",
        };
        State state = {.min_pin_length = 4, .pin_complexity = true};

        for (size_t i = 0; i < ELEMENTSOF(simple); i++) {
                state.pin_complexity = true;
                CHECK_EQ(policy(&state, simple[i]), CTAP2_ERR_PIN_POLICY_VIOLATION);
                state.pin_complexity = false;
                CHECK_EQ(policy(&state, simple[i]), CTAP_OK);
        }
        state.pin_complexity = true;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                CHECK_EQ(policy(&state, good[i]), CTAP_OK);
}

TEST(policy_counts_up_to_the_minimum)
{
        State state = {.min_pin_length = 8};

        CHECK_EQ(pin_check_policy(&state, (const uint8_t *)"1234567", 7), CTAP2_ERR_PIN_POLICY_VIOLATION);
        CHECK_EQ(pin_check_policy(&state, (const uint8_t *)"12345678", 8), CTAP_OK);
        CHECK_EQ(pin_check_policy(&state, (const uint8_t *)"1234567\0", 8), CTAP2_ERR_PIN_POLICY_VIOLATION);
}

TEST_MAIN
