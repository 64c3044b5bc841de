/* The owner's policy: which algorithms are offered and named, alwaysUv, attestation; what refuses it, and what keeps it */
#include "tests/unit/ceremony-tools.h"
#include "tests/unit/u2f-tools.h"

#define ES(...) {.algorithms = {__VA_ARGS__}, .n_algorithms = ELEMENTSOF(((const int32_t[]){__VA_ARGS__}))}

static AuthenticatorPolicy policy_of(Fixture *f)
{
        AuthenticatorPolicy policy;

        CHECK_EQ(authenticator_policy(f->a, &policy), CTAP_OK);
        return policy;
}

static void set_policy(Fixture *f, AuthenticatorPolicy policy)
{
        CHECK_EQ(authenticator_set_policy(f->a, &policy), CTAP_OK);
}

static int64_t made_algorithm(Fixture *f, int wanted)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        AuthenticatorCredential found;
        int status = client_make(f, RP, USER, wanted, false, &reply);
        Made made;

        if (status != CTAP_OK) {
                CHECK_EQ(status, CTAP2_ERR_UNSUPPORTED_ALGORITHM);
                return 0;
        }
        made = made_of(reply);
        CHECK_EQ(authenticator_credential_find(f->a, made.id, made.id_size, &found), CTAP_OK);
        return found.algorithm;
}

/* "-7 -8 …", and the versions. */
static void info_says(Fixture *f, const char *algorithms, const char *versions)
{
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;
        const cbor_item_t *list;
        char text[128] = "";

        CHECK_EQ(client_send(f, GET_INFO, NULL, &info), CTAP_OK);
        list = map_get(info, 0x0a);
        for (size_t i = 0; list && i < cbor_array_size(list); i++) {
                int64_t alg;

                CHECK_EQ(value_int(map_get_text(array_get(list, i), "alg"), &alg), CTAP_OK);
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", (int)alg);
        }
        CHECK(strcmp(text + !!*text, algorithms) == 0);
        *text = 0;
        list = map_get(info, 1);
        for (size_t i = 0; i < cbor_array_size(list); i++) {
                const cbor_item_t *version = array_get(list, i);

                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %.*s",
                               (int)cbor_string_length(version), (const char *)cbor_string_handle(version));
        }
        CHECK(strcmp(text + 1, versions) == 0);
}

#define VERSIONS "FIDO_2_0 FIDO_2_1_PRE FIDO_2_1"

/* ---- factory settings ---- */

TEST(factory_settings_name_what_released_clients_know)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorPolicy policy = policy_of(f);

        CHECK(!policy.external_keys && !policy.always_uv && !policy.enterprise);
        CHECK_EQ(policy.attestation, AUTHENTICATOR_ATTEST_SELF);
        CHECK_EQ(policy.n_algorithms, 3);
        CHECK(policy.algorithms[0] == COSE_ES256 && policy.algorithms[1] == COSE_EDDSA &&
              policy.algorithms[2] == COSE_ES384);
        info_says(f, "-7 -8 -35", "U2F_V2 " VERSIONS);
}

TEST(new_names_are_accepted_where_old_ones_are_offered)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(made_algorithm(f, COSE_ESP256), COSE_ESP256);
        CHECK_EQ(made_algorithm(f, COSE_ED25519), COSE_ED25519);
        set_policy(f, (AuthenticatorPolicy)ES(COSE_ES384));
        CHECK_EQ(made_algorithm(f, COSE_ESP384), COSE_ESP384);
        CHECK_EQ(made_algorithm(f, COSE_ESP256), 0);
        CHECK_EQ(made_algorithm(f, COSE_ED25519), 0);
}

/* ---- what is offered ---- */

TEST(what_is_named_is_offered_and_told_in_that_order)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        set_policy(f, (AuthenticatorPolicy)ES(COSE_EDDSA, COSE_ES256));
        info_says(f, "-8 -7", "U2F_V2 " VERSIONS);
        CHECK_EQ(made_algorithm(f, COSE_ES384), 0);
        CHECK_EQ(made_algorithm(f, COSE_ES256), COSE_ES256);
        set_policy(f, (AuthenticatorPolicy)ES(COSE_ES256, COSE_ESP256));
        info_says(f, "-7 -9", "U2F_V2 " VERSIONS " FIDO_2_3");
        set_policy(f, (AuthenticatorPolicy)ES(COSE_ED25519));
        info_says(f, "-19", VERSIONS " FIDO_2_3");
        CHECK_EQ(made_algorithm(f, COSE_EDDSA), 0); /* the other way round it is not */
        CHECK_EQ(made_algorithm(f, COSE_ED25519), COSE_ED25519);
}

/* Those that can be made. */
TEST(attestation_formats_are_those_of_the_algorithms)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *both = NULL, *one = NULL;

        CHECK_EQ(client_send(f, GET_INFO, NULL, &both), CTAP_OK);
        CHECK_EQ(cbor_array_size(map_get(both, 0x16)), 2);
        set_policy(f, (AuthenticatorPolicy)ES(COSE_EDDSA, COSE_ES384));
        CHECK_EQ(client_send(f, GET_INFO, NULL, &one), CTAP_OK);
        CHECK_EQ(cbor_array_size(map_get(one, 0x16)), 1);
}

TEST(credentials_of_before_go_on_signing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        set_policy(f, (AuthenticatorPolicy)ES(COSE_EDDSA));
        CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP_OK);
}

TEST(without_es256_nothing_registers_by_u2f)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Registration before = registered(f, "example.com"), reg = to_register("example.com", 1),
                     blink = to_register("make.me.blink", 1);
        unsigned asked = f->n_asked;

        set_policy(f, (AuthenticatorPolicy)ES(COSE_ES384));
        CHECK_EQ(do_register(f, &reg), SW_OFF);
        CHECK_EQ(f->n_asked, asked);
        CHECK_EQ(do_register(f, &blink), SW_OK); /* which key is it? */
        CHECK_EQ(do_authenticate(f, &before, ENFORCE, 2, NULL, NULL), SW_OK);
}

/* ---- the rest ---- */

TEST(always_uv_is_part_of_it)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorPolicy policy = policy_of(f);

        policy.always_uv = true;
        set_policy(f, policy);
        CHECK(policy_of(f).always_uv && state_of(f)->always_uv);
        info_says(f, "-7 -8 -35", VERSIONS);
        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, NULL), CTAP2_ERR_PUAT_REQUIRED);
}

TEST(attestation_is_left_out_unless_the_client_wants_one)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *none = NULL, *packed = NULL;
        AuthenticatorPolicy policy = policy_of(f);
        cbor_item_t *map = make_request(), *formats = client_array();

        policy.attestation = AUTHENTICATOR_ATTEST_NONE;
        set_policy(f, policy);
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, make_request(), &none), CTAP_OK);
        CHECK(reply_text_is(none, 1, "none"));
        CHECK_EQ(cbor_map_size(map_get(none, 3)), 0);
        client_push(formats, client_text("packed"));
        client_set(map, 11, formats);
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, map, &packed), CTAP_OK);
        CHECK(reply_text_is(packed, 1, "packed"));
}

TEST(a_certificate_comes_with_es256_unless_the_client_wants_another_format)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *own = NULL, *packed = NULL, *eddsa = NULL;
        AuthenticatorPolicy policy = policy_of(f);
        cbor_item_t *map = make_request(), *formats = client_array();

        policy.attestation = AUTHENTICATOR_ATTEST_CERTIFICATE;
        set_policy(f, policy);
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, make_request(), &own), CTAP_OK);
        CHECK(reply_text_is(own, 1, "fido-u2f"));
        CHECK_EQ(cbor_array_size(map_get_text(map_get(own, 3), "x5c")), 1);
        client_push(formats, client_text("packed"));
        client_set(map, 11, formats);
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, map, &packed), CTAP_OK);
        CHECK(reply_text_is(packed, 1, "packed"));
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, client_make_request(RP, USER, COSE_EDDSA), &eddsa), CTAP_OK);
        CHECK(reply_text_is(eddsa, 1, "packed"));
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, client_make_request(RP, USER, -257), NULL),
                 CTAP2_ERR_UNSUPPORTED_ALGORITHM);
        CHECK_EQ(policy_of(f).attestation, AUTHENTICATOR_ATTEST_CERTIFICATE);
}

TEST(what_cannot_be_is_refused_and_changes_nothing)
{
        static const struct {
                AuthenticatorPolicy policy;
                int status;
        } bad[] = {
                {{.n_algorithms = 0}, CTAP1_ERR_INVALID_PARAMETER},
                {{.n_algorithms = 9}, CTAP1_ERR_INVALID_PARAMETER},
                {ES(COSE_ES256, COSE_ES256), CTAP1_ERR_INVALID_PARAMETER},
                {ES(COSE_ES256, -257), CTAP2_ERR_UNSUPPORTED_ALGORITHM},
                {ES(0), CTAP2_ERR_UNSUPPORTED_ALGORITHM},
                {{.algorithms = {COSE_ES256}, .n_algorithms = 1, .attestation = (AuthenticatorAttestation)3},
                 CTAP1_ERR_INVALID_PARAMETER},
                {{.algorithms = {COSE_ES256}, .n_algorithms = 1, .external_keys = true}, CTAP2_ERR_UNSUPPORTED_OPTION},
                {{.algorithms = {COSE_ES256}, .n_algorithms = 1, .enterprise = true}, CTAP2_ERR_UNSUPPORTED_OPTION},
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_EQ(authenticator_set_policy(f->a, &bad[i].policy), bad[i].status);
        CHECK_EQ(f->n_writes, 0);
        CHECK_EQ(policy_of(f).n_algorithms, 3);
        f->locked = true;
        authenticator_forget(f->a);
        CHECK_EQ(authenticator_set_policy(f->a, &(AuthenticatorPolicy)ES(COSE_ES256)), CTAP2_ERR_OPERATION_PENDING);
}

TEST(a_certificate_that_went_does_not_stand_in_the_way)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorPolicy policy = policy_of(f);

        set_policy(f, policy);
        f->a->state->enterprise = true; /* enabled while there was one */
        policy = policy_of(f);
        CHECK(policy.enterprise);
        policy.always_uv = true;
        set_policy(f, policy);
        policy.enterprise = false;
        set_policy(f, policy);
        policy.enterprise = true;
        CHECK_EQ(authenticator_set_policy(f->a, &policy), CTAP2_ERR_UNSUPPORTED_OPTION);
}

/* ---- how long it lasts ---- */

TEST(a_locked_authenticator_says_the_same)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        f->locked = true;
        info_says(f, "-7 -8 -35", "U2F_V2 " VERSIONS);
        CHECK_EQ(policy_of(f).n_algorithms, 3);
        f->locked = false;
        set_policy(f, (AuthenticatorPolicy)ES(COSE_ESP256));
        fixture_restart(f);
        f->locked = true;
        info_says(f, "-9", VERSIONS " FIDO_2_3");
        CHECK(policy_of(f).n_algorithms == 1 && policy_of(f).algorithms[0] == COSE_ESP256);
        CHECK_EQ(f->n_asked, 0);
}

TEST(a_reset_keeps_what_is_the_owners)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorPolicy policy = ES(COSE_EDDSA, COSE_ES256);

        policy.always_uv = true;
        policy.attestation = AUTHENTICATOR_ATTEST_NONE;
        set_policy(f, policy);
        authenticator_power_cycle(f->a);
        CHECK_EQ(send(f, RESET, NULL), CTAP_OK);
        policy = policy_of(f);
        CHECK(!policy.always_uv);
        CHECK_EQ(policy.attestation, AUTHENTICATOR_ATTEST_NONE);
        CHECK(policy.n_algorithms == 2 && policy.algorithms[0] == COSE_EDDSA);
        fixture_restart(f);
        CHECK_EQ(policy_of(f).n_algorithms, 2);
}

TEST(a_failure_leaves_the_policy_as_it_was)
{
        for (unsigned at = 1; at < 6; at++) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                int r;

                CHECK_EQ(policy_of(f).n_algorithms, 3);
                f->fail_at = at;
                r = authenticator_set_policy(f->a, &(AuthenticatorPolicy)ES(COSE_EDDSA));
                f->fail_at = 0;
                CHECK_EQ(policy_of(f).n_algorithms, r == CTAP_OK ? 1 : 3);
                fixture_restart(f);
                CHECK_EQ(policy_of(f).n_algorithms, r == CTAP_OK ? 1 : 3);
        }
}

TEST_MAIN
