/* authenticatorCredentialManagement: who may, what is listed, what changes (CTAP 6.8). */
#include <errno.h>

#include "tests/unit/credman-tools.h"

/* ---- who may (6.8.2 to 6.8.6, first steps) ---- */

TEST(a_missing_auth_parameter_is_puat_required_before_anything_else)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (int sub = 1; sub <= 7; sub++)
                if (sub != RPS_NEXT && sub != CREDENTIALS_NEXT)
                        CHECK_EQ(credman_bare(f, sub), CTAP2_ERR_PUAT_REQUIRED);
}

TEST(mandatory_parameters_are_missed_before_the_protocol_is_looked_at)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = set_pin(f, PERMISSION_CM), bad = token;
        cbor_item_t *params;

        bad.protocol = 3;
        CHECK_EQ(credman(f, &bad, CREDENTIALS_BEGIN, NULL, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(credman(f, &bad, CREDENTIALS_BEGIN, client_map(), NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(credman(f, &bad, DELETE_CREDENTIAL, client_map(), NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(credman(f, &bad, UPDATE_USER, client_map(), NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(credman(f, &bad, UPDATE_USER, credential_params("id", 2), NULL), CTAP2_ERR_MISSING_PARAMETER);
        params = client_map();
        client_set(params, 2, client_map()); /* a descriptor without members */
        CHECK_EQ(credman(f, &bad, DELETE_CREDENTIAL, params, NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a2 01 01 04 50 00000000000000000000000000000000", NULL),
                 CTAP2_ERR_MISSING_PARAMETER); /* no protocol */
        CHECK_EQ(credman(f, &bad, GET_METADATA, NULL, NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(credman(f, &bad, CREDENTIALS_BEGIN, rp_params("a"), NULL), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(parameters_have_their_types)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *params;
        Token token = set_pin(f, PERMISSION_CM);

        CHECK_EQ(fixture_send_hex(f, 0x0a, "a1 01 61 31", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a1 01 20", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a2 01 01 02 01", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a3 01 01 03 61 32 04 40", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a3 01 01 03 02 04 01", NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        CHECK_EQ(fixture_send_hex(f, 0x0a, "a0", NULL), CTAP2_ERR_MISSING_PARAMETER);
        params = client_map();
        client_set(params, 1, client_text("not bytes"));
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, params, NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
        params = client_map();
        client_set(params, 1, client_bytes("short", 5));
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, params, NULL), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(a_wrong_auth_parameter_is_pin_auth_invalid)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token, wrong;

        make(f, "a.example", "alice");
        token = wrong = set_pin(f, PERMISSION_CM);
        wrong.bytes[31] ^= 1;
        CHECK_EQ(credman(f, &wrong, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &wrong, RPS_BEGIN, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &wrong, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &wrong, DELETE_CREDENTIAL, credential_params("id", 2), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP_OK);
}

TEST(the_auth_parameter_covers_subcommand_and_parameters)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_map(), *params = rp_params("a.example"), *other = rp_params("b.example");
        const uint8_t metadata = GET_METADATA, begin = CREDENTIALS_BEGIN;
        Token token;

        make(f, "a.example", "alice");
        token = set_pin(f, PERMISSION_CM);
        client_set(map, 1, client_int(RPS_BEGIN));
        client_set(map, 3, client_int(2));
        client_set(map, 4, subcommand_auth(&token, &metadata, 1, NULL));
        CHECK_EQ(client_send(f, 0x0a, map, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        map = client_map();
        client_set(map, 1, client_int(CREDENTIALS_BEGIN));
        client_set(map, 2, params);
        client_set(map, 3, client_int(2));
        client_set(map, 4, subcommand_auth(&token, &begin, 1, other));
        CHECK_EQ(client_send(f, 0x0a, map, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        cbor_decref(&other);
}

TEST(a_token_without_cm_is_pin_auth_invalid)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make(f, "a.example", "alice");
        token = set_pin(f, PERMISSION_LBW | PERMISSION_ACFG);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        token = get_token(f, 2, PERMISSION_MC | PERMISSION_GA, "a.example");
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        token = get_token(f, 2, /* legacy */ 0, NULL);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(both_protocols_do)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make(f, "a.example", "alice");
        set_pin(f, PERMISSION_CM);
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                token = get_token(f, protocol, PERMISSION_CM, NULL);
                CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP_OK);
                CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP_OK);
        }
}

TEST(an_unknown_subcommand_is_invalid_subcommand)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = set_pin(f, PERMISSION_CM);

        CHECK_EQ(credman_bare(f, 0), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(credman_bare(f, 8), CTAP2_ERR_INVALID_SUBCOMMAND);
        CHECK_EQ(credman_bare(f, 0x101), CTAP2_ERR_INVALID_SUBCOMMAND); /* not the same as 1 */
        CHECK_EQ(credman(f, &token, 9, NULL, NULL), CTAP2_ERR_INVALID_SUBCOMMAND);
}

TEST(a_token_of_one_rp_sees_and_changes_that_rp_only)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Id alice, bob;
        Token token;

        alice = make(f, "a.example", "alice");
        bob = make(f, "b.example", "bob");
        set_pin(f, PERMISSION_CM);
        token = get_token(f, 2, PERMISSION_CM, "a.example");
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("b.example"), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(bob.data, bob.size), NULL),
                 CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&bob, "bob", "x", NULL), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 2);

        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP_OK);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&alice, "alice", "x", NULL), NULL), CTAP_OK);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(alice.data, alice.size), NULL), CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(a_token_of_no_rp_is_not_bound_by_listing_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make(f, "a.example", "alice");
        make(f, "b.example", "bob");
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP_OK);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("b.example"), NULL), CTAP_OK);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP_OK);
}

TEST(the_persistent_token_reads_and_changes_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;
        Id id, other;

        id = make(f, "a.example", "alice");
        other = make(f, "a.example", "bob");
        make(f, "b.example", "bob");
        set_pin(f, PERMISSION_CM);
        token = get_token(f, 2, PERMISSION_PCMR, NULL);
        for (int i = 0; i < 2; i++) {
                CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP_OK);
                CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, NULL), CTAP_OK);
                CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP_OK);
                CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP_OK);
                CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP_OK);
                CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size), NULL),
                         CTAP2_ERR_PIN_AUTH_INVALID);
                CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&other, "bob", NULL, NULL), NULL),
                         CTAP2_ERR_PIN_AUTH_INVALID);
                /* It goes with the PIN only, not with the power. */
                authenticator_power_cycle(f->a);
                f->now += TOKEN_USE_TIME + 1;
                fixture_restart(f);
        }
        CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, NULL), CTAP_OK);
        CHECK_EQ(client_pin_change(f, 2, PIN, "4711"), CTAP_OK);
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

/* ---- the prototype (6.13) ---- */

TEST(the_prototype_does_the_same)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;
        Id id;

        id = make(f, "a.example", "alice");
        make(f, "b.example", "bob");
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(send_credman(f, 0x41, &token, GET_METADATA, NULL, NULL), CTAP_OK);
        CHECK_EQ(send_credman(f, 0x41, &token, RPS_BEGIN, NULL, NULL), CTAP_OK);
        CHECK_EQ(send_credman(f, 0x41, NULL, RPS_NEXT, NULL, NULL), CTAP_OK);
        CHECK_EQ(send_credman(f, 0x41, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP_OK);
        CHECK_EQ(send_credman(f, 0x41, &token, UPDATE_USER, user_params(&id, "alice", "x", NULL), NULL), CTAP_OK);
        CHECK_EQ(send_credman(f, 0x41, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size), NULL), CTAP_OK);
        CHECK_EQ(send_credman(f, 0x41, NULL, GET_METADATA, NULL, NULL), CTAP2_ERR_PUAT_REQUIRED);
}

TEST(the_prototype_takes_a_token_from_before_permissions_and_no_narrower_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make(f, "a.example", "alice");
        set_pin(f, PERMISSION_CM);
        token = get_token(f, 1, /* legacy */ 0, NULL);
        CHECK_EQ(send_credman(f, 0x41, &token, GET_METADATA, NULL, NULL), CTAP_OK);
        token = get_token(f, 1, PERMISSION_MC | PERMISSION_GA, "a.example");
        CHECK_EQ(send_credman(f, 0x41, &token, GET_METADATA, NULL, NULL), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(send_credman(f, 0x41, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP2_ERR_PIN_AUTH_INVALID);
}

/* ---- metadata (6.8.2) ---- */

TEST(metadata_counts_discoverable_credentials_and_what_is_left)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(small_store);
        _cleanup_reply_ cbor_item_t *first = NULL, *second = NULL;
        Token token;
        Id id;

        id = make(f, "a.example", "alice");
        make(f, "a.example", "bob");
        CHECK_EQ(client_make(f, "a.example", "carol", COSE_ES256, /* rk= */ false, NULL), CTAP_OK);
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, &first), CTAP_OK);
        CHECK_EQ(cbor_map_size(first), 2);
        CHECK_EQ(get_int(first, 1), 2);
        CHECK_EQ(get_int(first, 2), 10 - 3);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size), NULL), CTAP_OK);
        CHECK_EQ(credman(f, &token, GET_METADATA, NULL, &second), CTAP_OK);
        CHECK_EQ(get_int(second, 1), 1);
        CHECK_EQ(get_int(second, 2), 10 - 2);
}

/* ---- deleteCredential (6.8.5) ---- */

TEST(deleting_removes_it_from_lists_and_sign_ins_and_it_stays_restorable)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        _cleanup_reply_ cbor_item_t *reply = NULL;
        uint8_t store_id[16];
        Token token;
        Id id;

        id = make(f, "a.example", "alice");
        CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, &credential), CTAP_OK);
        token = set_pin(f, PERMISSION_CM);
        memcpy(store_id, f->a->state->store_id, sizeof(store_id));
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size), &reply), CTAP_OK);
        CHECK(!reply);
        CHECK(memcmp(store_id, f->a->state->store_id, sizeof(store_id)) != 0);
        CHECK_EQ(f->a->state->n_discoverable, 0);
        CHECK_EQ(f->a->state->n_credentials, 0);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size), NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(client_send(f, 0x02, client_assert_request("a.example"), NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(authenticator_credential_restore(f->a, credential.number), CTAP_OK);
        CHECK_EQ(client_send(f, 0x02, client_assert_request("a.example"), NULL), CTAP_OK);
}

TEST(what_is_not_a_discoverable_credential_is_not_deleted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *params = client_map(), *descriptor = client_map();
        Token token;
        Id hidden, id;

        id = make(f, "a.example", "alice");
        hidden = make_with(f, "a.example", "bob", /* rk= */ false);
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(hidden.data, hidden.size), NULL),
                 CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&hidden, "bob", "x", NULL), NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size - 1), NULL),
                 CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, credential_params("", 0), NULL), CTAP2_ERR_NO_CREDENTIALS);
        client_set_text(descriptor, "id", client_bytes(id.data, id.size));
        client_set_text(descriptor, "type", client_text("other"));
        client_set(params, 2, descriptor);
        CHECK_EQ(credman(f, &token, DELETE_CREDENTIAL, params, NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 2);
}

/* ---- updateUserInformation (6.8.6) ---- */

TEST(updating_replaces_both_names_and_removes_what_is_missing_or_empty)
{
        static const struct {
                const char *name, *display_name;
        } cases[] = {{"new", "New Name"}, {"only", NULL}, {NULL, "Only Shown"}, {"", ""}, {"back", "Again"}, {NULL, NULL}};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;
        Id id;

        id = make(f, "a.example", "alice");
        token = set_pin(f, PERMISSION_CM);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_reply_ cbor_item_t *none = NULL, *reply = NULL;
                const char *name = cases[i].name, *display_name = cases[i].display_name;
                uint8_t store_id[16];
                const cbor_item_t *user;

                memcpy(store_id, f->a->state->store_id, sizeof(store_id));
                CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "alice", name, display_name), &none), CTAP_OK);
                CHECK(!none);
                CHECK(memcmp(store_id, f->a->state->store_id, sizeof(store_id)) != 0);
                CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), &reply), CTAP_OK);
                user = map_get(reply, 6);
                CHECK(bytes_are(map_get_text(user, "id"), "alice", 5));
                CHECK(name && *name ? text_equals(map_get_text(user, "name"), name) : !map_get_text(user, "name"));
                CHECK(display_name && *display_name ? text_equals(map_get_text(user, "displayName"), display_name) :
                                                      !map_get_text(user, "displayName"));
                CHECK_EQ(get_int(reply, 9), 1);
        }
        CHECK_EQ(f->a->state->n_discoverable, 1);
}

TEST(updating_another_user_id_is_an_invalid_parameter)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;
        Id id;

        id = make(f, "a.example", "alice");
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "alicf", "x", NULL), NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "alic", "x", NULL), NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "alice2", "x", NULL), NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "", "x", NULL), NULL), CTAP1_ERR_INVALID_PARAMETER);
        id.data[0] ^= 1;
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "alice", "x", NULL), NULL), CTAP2_ERR_NO_CREDENTIALS);
}

TEST(long_names_are_cut_at_a_character)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_reply_ cbor_item_t *reply = NULL;
        char name[200], expected[AUTHENTICATOR_NAME_MAX + 1] = "";
        Token token;
        Id id;

        id = make(f, "a.example", "alice");
        token = set_pin(f, PERMISSION_CM);
        strcpy(name, "x");
        strcpy(expected, "x");
        for (int i = 0; i < 60; i++)
                strcat(name, "\u20ac"); /* 3 bytes: 1 + 21 * 3 = 64 fit */
        for (int i = 0; i < 21; i++)
                strcat(expected, "\u20ac");
        CHECK_EQ(credman(f, &token, UPDATE_USER, user_params(&id, "alice", name, name + 1), NULL), CTAP_OK);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), &reply), CTAP_OK);
        CHECK(text_equals(map_get_text(map_get(reply, 6), "name"), expected));
        CHECK_EQ(cbor_string_length(map_get_text(map_get(reply, 6), "displayName")), 63);
}

/* ---- when storage fails or is locked ---- */

TEST(a_storage_failure_anywhere_leaves_nothing_half_done)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        Token token;
        int r = CTAP1_ERR_OTHER;
        Id id;

        id = make(f, "a.example", "alice");
        token = set_pin(f, PERMISSION_CM);
        for (unsigned at = 1; r != CTAP_OK; at++) {
                State before = *f->a->state;

                CHECK(at < 20);
                f->fail_at = at;
                r = credman(f, &token, UPDATE_USER, user_params(&id, "alice", "renamed", "Renamed"), NULL);
                if (r == CTAP_OK)
                        break;
                f->fail_at = 0;
                CHECK_EQ(r, CTAP1_ERR_OTHER);
                CHECK(memcmp(&before, f->a->state, sizeof(before)) == 0);
                CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, &credential), CTAP_OK);
                CHECK(strcmp(credential.user_name, "alice") == 0);
        }
        r = CTAP1_ERR_OTHER;
        for (unsigned at = 1; r != CTAP_OK; at++) {
                CHECK(at < 20);
                f->fail_at = at;
                r = credman(f, &token, DELETE_CREDENTIAL, credential_params(id.data, id.size), NULL);
                if (r == CTAP_OK)
                        break;
                f->fail_at = 0;
                CHECK_EQ(f->a->state->n_discoverable, 1);
                CHECK_EQ(fixture_count(f, MARK_DISCOVERABLE, NULL), 1);
                CHECK_EQ(authenticator_credential_find(f->a, id.data, id.size, &credential), CTAP_OK);
                CHECK(strcmp(credential.user_name, "renamed") == 0);
        }
        CHECK_EQ(fixture_count(f, MARK_DISCOVERABLE, NULL), 0);
}

TEST(a_locked_store_is_opened_within_the_request)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make(f, "a.example", "alice");
        set_pin(f, PERMISSION_CM);
        token = get_token(f, 2, PERMISSION_PCMR, NULL);
        f->locked = true;
        authenticator_forget(f->a);
        f->n_asked = 0;
        CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, NULL), CTAP_OK);
        CHECK_EQ(f->n_asked, 1);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_STORAGE);
}

TEST_MAIN
