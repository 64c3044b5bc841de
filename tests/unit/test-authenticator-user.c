/* makeCredential and getAssertion: presence, PIN tokens, built-in verification, alwaysUv, excludeList. */
#include "tests/unit/ceremony-tools.h"

typedef struct Ceremony {
        uint8_t code;
        int options, auth; /* keys of the request */
        uint8_t permission;
} Ceremony;

static const Ceremony both[] = {
        {MAKE_CREDENTIAL, 7, 8, PERMISSION_MC},
        {GET_ASSERTION, 5, 6, PERMISSION_GA},
};

static cbor_item_t *request_of(const Ceremony *c)
{
        return c->code == MAKE_CREDENTIAL ? make_request() : client_assert_request(RP);
}

/* One that has a discoverable credential, and after that a PIN. */
static Fixture *with_pin(void (*adjust)(Fixture *f))
{
        Fixture *f = fixture_new(adjust);
        unsigned enrolled = f->enrolled;

        f->enrolled = 0;
        (void)make_for(f, RP, USER, true);
        f->enrolled = enrolled;
        set_pin(f);
        f->n_asked = 0;
        return f;
}

/* ---- a touch to select (step 1) ---- */

TEST(empty_pin_uv_auth_param_asks_for_a_touch_and_tells_whether_a_pin_is_set)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                cbor_item_t *map = request_of(&both[i]);

                client_set(map, both[i].auth, client_bytes("", 0));
                CHECK_EQ(send(f, both[i].code, map), CTAP2_ERR_PIN_NOT_SET);
                CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_SELECT);
        }
        CHECK_EQ(f->n_asked, 2);
        set_pin(f);
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                cbor_item_t *map = request_of(&both[i]);

                client_set(map, both[i].auth, client_bytes("", 0));
                CHECK_EQ(send(f, both[i].code, map), CTAP2_ERR_PIN_INVALID);
        }
        CHECK_EQ(f->n_asked, 4);
}

TEST(empty_pin_uv_auth_param_refused_or_left_alone)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        static const struct {
                AuthenticatorAnswer answer;
                int status;
        } cases[] = {
                {AUTHENTICATOR_NO, CTAP2_ERR_OPERATION_DENIED},
                {AUTHENTICATOR_NOBODY, CTAP2_ERR_OPERATION_DENIED},
                {AUTHENTICATOR_TIMED_OUT, CTAP2_ERR_USER_ACTION_TIMEOUT},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cbor_item_t *map = make_request();

                client_set(map, 8, client_bytes("", 0));
                f->answer = cases[i].answer;
                CHECK_EQ(send(f, MAKE_CREDENTIAL, map), cases[i].status);
        }
}

/* ---- the protocol (step 2) ---- */

TEST(pin_uv_auth_protocol_missing_or_unknown)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                cbor_item_t *without = request_of(&both[i]), *zero = request_of(&both[i]),
                            *three = request_of(&both[i]);

                client_set(without, both[i].auth, client_bytes(client_hash, 16));
                client_set(zero, both[i].auth, client_bytes(client_hash, 16));
                client_set(zero, both[i].auth + 1, client_int(0));
                client_set(three, both[i].auth, client_bytes(client_hash, 16));
                client_set(three, both[i].auth + 1, client_int(3));
                CHECK_EQ(send(f, both[i].code, without), CTAP2_ERR_MISSING_PARAMETER);
                CHECK_EQ(send(f, both[i].code, zero), CTAP1_ERR_INVALID_PARAMETER);
                CHECK_EQ(send(f, both[i].code, three), CTAP1_ERR_INVALID_PARAMETER);
        }
        CHECK_EQ(f->n_asked, 0);
}

/* The order of the specification's steps: 2 before 3 before 5. */
TEST(statuses_come_in_the_order_of_the_steps)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_make_request(RP, USER, -257), *other = client_make_request(RP, USER, -257);

        client_set(map, 7, boolean("up", false));
        client_set(map, 8, client_bytes(client_hash, 16));
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP2_ERR_MISSING_PARAMETER);
        client_set(other, 7, boolean("up", false));
        CHECK_EQ(send(f, MAKE_CREDENTIAL, other), CTAP2_ERR_UNSUPPORTED_ALGORITHM);
}

/* ---- options (steps 4 to 8) ---- */

TEST(option_uv_needs_a_built_in_method_that_is_enabled)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *g = fixture_new(with_fingers);

        g->enrolled = 0;
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                cbor_item_t *map = request_of(&both[i]), *other = request_of(&both[i]);

                client_set(map, both[i].options, boolean("uv", true));
                CHECK_EQ(send(f, both[i].code, map), CTAP2_ERR_INVALID_OPTION);
                client_set(other, both[i].options, boolean("uv", true));
                CHECK_EQ(send(g, both[i].code, other), CTAP2_ERR_INVALID_OPTION);
        }
}

TEST(option_rk_is_not_one_of_get_assertion)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_assert_request(RP);

        client_set(map, 5, boolean("rk", false));
        CHECK_EQ(send(f, GET_ASSERTION, map), CTAP2_ERR_UNSUPPORTED_OPTION);
}

TEST(discoverable_credentials_need_the_owner_once_a_pin_is_set)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);

        CHECK_EQ(client_make(f, RP, "bob", COSE_ES256, true, NULL), CTAP2_ERR_PUAT_REQUIRED);
        CHECK_EQ(f->n_asked, 0);
}

TEST(other_credentials_do_not)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, &reply), CTAP_OK);
        CHECK_EQ(auth_flags(reply), UP | AT);
}

TEST(always_uv_wants_the_owner_for_everything_but_probes)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, true);

        state_of(f)->always_uv = true;
        f->n_asked = 0;
        for (int pin = 0; pin < 2; pin++) {
                CHECK_EQ(client_make(f, RP, "bob", COSE_ES256, false, NULL), CTAP2_ERR_PUAT_REQUIRED);
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, true)), CTAP2_ERR_PUAT_REQUIRED);
                CHECK_EQ(send(f, GET_ASSERTION, assert_request(&made, false)), CTAP_OK);
                if (pin == 0)
                        set_pin(f);
        }
        CHECK_EQ(f->n_asked, 0);
}

TEST(always_uv_reads_the_finger_unasked)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(with_fingers);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

        state_of(f)->always_uv = true;
        CHECK_EQ(client_make(f, RP, USER, COSE_ES256, false, &reply), CTAP_OK);
        CHECK_EQ(auth_flags(reply), UP | UV | AT);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
        CHECK_EQ(f->n_asked, 1);
}

/* ---- tokens (step 11 of 6.1.2, 6 of 6.2.2) ---- */

TEST(token_verifies_with_both_protocols_and_is_spent_by_presence)
{
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
                        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                        cbor_item_t *map = request_of(&both[i]), *again = request_of(&both[i]);
                        uint8_t token[32];

                        get_token(f, protocol, both[i].permission, RP, token);
                        set_auth(map, both[i].auth, protocol, token);
                        CHECK_EQ(client_send(f, both[i].code, map, &reply), CTAP_OK);
                        CHECK_EQ(auth_flags(reply) & (UP | UV), UP | UV);
                        CHECK_EQ(f->n_asked, 1);
                        set_auth(again, both[i].auth, protocol, token);
                        CHECK_EQ(send(f, both[i].code, again), CTAP2_ERR_PIN_AUTH_INVALID);
                        CHECK_EQ(f->n_asked, 1);
                }
        }
}

TEST(legacy_token_may_make_and_assert)
{
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
                cbor_item_t *map = request_of(&both[i]);
                uint8_t token[32];

                get_token(f, 1, 0, NULL, token);
                set_auth(map, both[i].auth, 1, token);
                CHECK_EQ(send(f, both[i].code, map), CTAP_OK);
        }
}

TEST(wrong_pin_uv_auth_param)
{
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
                cbor_item_t *map = request_of(&both[i]), *early = request_of(&both[i]);
                uint8_t token[32];

                set_auth(early, both[i].auth, 2, client_hash);
                CHECK_EQ(send(f, both[i].code, early), CTAP2_ERR_PIN_AUTH_INVALID); /* there is no token */
                get_token(f, 2, both[i].permission, RP, token);
                token[0] ^= 1;
                set_auth(map, both[i].auth, 2, token);
                CHECK_EQ(send(f, both[i].code, map), CTAP2_ERR_PIN_AUTH_INVALID);
                CHECK_EQ(f->n_asked, 0);
        }
}

TEST(pin_uv_auth_param_is_never_ignored_where_no_pin_is_set)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = make_request();

        set_auth(map, 8, 2, client_hash);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(token_needs_the_permission)
{
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
                cbor_item_t *map = request_of(&both[i]);
                uint8_t token[32];

                get_token(f, 2, both[1 - i].permission, RP, token);
                set_auth(map, both[i].auth, 2, token);
                CHECK_EQ(send(f, both[i].code, map), CTAP2_ERR_PIN_AUTH_INVALID);
        }
}

TEST(token_of_another_rp)
{
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
                cbor_item_t *map = request_of(&both[i]);
                uint8_t token[32];

                get_token(f, 2, both[i].permission, "example.com", token);
                set_auth(map, both[i].auth, 2, token);
                CHECK_EQ(send(f, both[i].code, map), CTAP2_ERR_PIN_AUTH_INVALID);
        }
}

/* Probes don't use a token up, but bind it. */
TEST(token_is_bound_to_the_first_rp)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
        cbor_item_t *first = client_assert_request(RP), *other = client_assert_request("example.com"),
                    *again = client_assert_request(RP);
        _cleanup_(cbor_item_donep) cbor_item_t *probe = NULL;
        uint8_t token[32];

        get_token(f, 2, 0, NULL, token);
        client_set(first, 5, boolean("up", false));
        set_auth(first, 6, 2, token);
        CHECK_EQ(client_send(f, GET_ASSERTION, first, &probe), CTAP_OK);
        CHECK_EQ(auth_flags(probe), UV);
        set_auth(other, 6, 2, token);
        CHECK_EQ(send(f, GET_ASSERTION, other), CTAP2_ERR_PIN_AUTH_INVALID);
        set_auth(again, 6, 2, token);
        CHECK_EQ(send(f, GET_ASSERTION, again), CTAP_OK);
}

/* pinUvAuthParam goes before the option (step 5). */
TEST(token_goes_before_option_uv)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
        cbor_item_t *map = make_request();
        uint8_t token[32];

        get_token(f, 2, PERMISSION_MC, RP, token);
        client_set(map, 7, boolean("uv", true));
        set_auth(map, 8, 2, token);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP_OK);
}

TEST(token_that_saw_the_user_needs_no_touch)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
        cbor_item_t *map = make_request();
        uint8_t token[32];

        get_token(f, 2, PERMISSION_MC, RP, token);
        f->host->pin[1].token.user_present = true; /* as after getPinUvAuthTokenUsingUv */
        set_auth(map, 8, 2, token);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP_OK);
        CHECK_EQ(f->n_asked, 0);
        CHECK(!f->host->pin[1].token.user_present);
}

TEST(lbw_stays_when_a_token_is_spent)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);
        cbor_item_t *map = make_request();
        uint8_t token[32];

        get_token(f, 2, PERMISSION_MC | PERMISSION_LBW, RP, token);
        set_auth(map, 8, 2, token);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP_OK);
        CHECK_EQ(f->host->pin[1].token.permissions, PERMISSION_LBW);
}

/* ---- built-in verification (step 11.2) ---- */

static int send_uv(Fixture *f, const Ceremony *c, cbor_item_t **ret_reply)
{
        cbor_item_t *map = request_of(c);

        client_set(map, c->options, boolean("uv", true));
        return client_send(f, c->code, map, ret_reply);
}

TEST(finger_verifies_and_is_presence)
{
        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                _cleanup_(fixture_freep) Fixture *f = with_pin(with_fingers);
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;

                CHECK_EQ(send_uv(f, &both[i], &reply), CTAP_OK);
                CHECK_EQ(auth_flags(reply) & (UP | UV), UP | UV);
                CHECK_EQ(f->n_asked, 1);
                CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
        }
}

TEST(failed_finger_sends_clients_to_the_pin)
{
        static const AuthenticatorAnswer answers[] = {AUTHENTICATOR_NO, AUTHENTICATOR_NO_MATCH, AUTHENTICATOR_BLOCKED,
                                                      AUTHENTICATOR_NOBODY};

        for (size_t i = 0; i < ELEMENTSOF(both); i++)
                for (size_t j = 0; j < ELEMENTSOF(answers); j++) {
                        _cleanup_(fixture_freep) Fixture *f = with_pin(with_fingers);

                        f->verification_answer = answers[j];
                        CHECK_EQ(send_uv(f, &both[i], NULL), CTAP2_ERR_PUAT_REQUIRED);
                        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_VERIFICATION);
                }
}

TEST(failed_finger_without_a_pin_is_never_denied)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_fingers);

        f->verification_answer = AUTHENTICATOR_NO;
        CHECK_EQ(send_uv(f, &both[0], NULL), CTAP2_ERR_UV_INVALID);
        f->verification_answer = AUTHENTICATOR_NO_MATCH;
        CHECK_EQ(send_uv(f, &both[0], NULL), CTAP2_ERR_UV_INVALID);
        CHECK_EQ(send_uv(f, &both[0], NULL), CTAP2_ERR_UV_BLOCKED);
}

TEST(finger_that_nobody_laid_down)
{
        _cleanup_(fixture_freep) Fixture *f = with_pin(with_fingers);

        f->verification_answer = AUTHENTICATOR_TIMED_OUT;
        CHECK_EQ(send_uv(f, &both[0], NULL), CTAP2_ERR_USER_ACTION_TIMEOUT);
}

/* ---- presence (step 14) ---- */

TEST(presence_refused_or_left_alone)
{
        static const struct {
                AuthenticatorAnswer answer;
                int status;
        } cases[] = {
                {AUTHENTICATOR_NO, CTAP2_ERR_OPERATION_DENIED},
                {AUTHENTICATOR_NOBODY, CTAP2_ERR_OPERATION_DENIED},
                {AUTHENTICATOR_TIMED_OUT, CTAP2_ERR_USER_ACTION_TIMEOUT},
        };

        for (size_t i = 0; i < ELEMENTSOF(both); i++)
                for (size_t j = 0; j < ELEMENTSOF(cases); j++) {
                        _cleanup_(fixture_freep) Fixture *f = with_pin(NULL);

                        f->answer = cases[j].answer;
                        CHECK_EQ(send(f, both[i].code, request_of(&both[i])), cases[j].status);
                        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
                }
}

TEST(questions_name_what_is_asked_without_control_characters)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(client_make(f, "exa\nmple.org", "al\xe2\x80\xaeice", COSE_ES256, true, NULL), CTAP_OK);
        CHECK_EQ(f->asked.kind, AUTHENTICATOR_ASK_PRESENCE);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_REGISTER);
        CHECK(strcmp(f->rp_id, "exa mple.org") == 0);
        CHECK(strcmp(f->user_name, "al ice") == 0);
        CHECK(strcmp(f->user_display_name, "al ice") == 0);
        CHECK(!f->asked.excluded);
        (void)make_for(f, RP, "al\xe2\x80\xaeice", true);
        CHECK_EQ(send(f, GET_ASSERTION, client_assert_request(RP)), CTAP_OK);
        CHECK_EQ(f->asked.purpose, AUTHENTICATOR_TO_SIGN_IN);
        CHECK(strcmp(f->rp_id, RP) == 0);
        CHECK(strcmp(f->user_name, "al ice") == 0);
        CHECK_EQ(f->asked.n_accounts, 1);
}

TEST(answer_may_come_later)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t request[1024] = {MAKE_CREDENTIAL};
        cbor_item_t *map = make_request();
        AuthenticatorReply reply;
        size_t size = client_serialize(map, request + 1, sizeof(request) - 1);

        cbor_decref(&map);
        f->answer = AUTHENTICATOR_LATER;
        CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_waits_for(f->host), AUTHENTICATOR_ASK_PRESENCE);
        CHECK_EQ(f->n_writes, 0);
        CHECK_EQ(authenticator_answer(f->host, AUTHENTICATOR_YES, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP_OK);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);

        CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_cancel(f->host, 1, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        CHECK_EQ(authenticator_request(f->host, 1, request, size + 1, &reply), AUTHENTICATOR_PENDING);
        CHECK_EQ(authenticator_host_tick(f->host, &reply), AUTHENTICATOR_PENDING); /* a key is made in advance */
        f->now = authenticator_host_deadline(f->host);
        CHECK_EQ(authenticator_host_tick(f->host, &reply), 0);
        CHECK_EQ(reply.data[0], CTAP2_ERR_USER_ACTION_TIMEOUT);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

/* ---- excludeList (step 12) ---- */

static int make_excluding(Fixture *f, const char *rp_id, const Made *made, const uint8_t *token)
{
        cbor_item_t *map = client_make_request(rp_id, "bob", COSE_ES256);

        set_list(map, 5, made, 1);
        if (token)
                set_auth(map, 8, 2, token);
        return send(f, MAKE_CREDENTIAL, map);
}

TEST(excluded_is_told_after_presence)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);

        f->n_asked = 0;
        CHECK_EQ(make_excluding(f, RP, &made, NULL), CTAP2_ERR_CREDENTIAL_EXCLUDED);
        CHECK_EQ(f->n_asked, 1);
        CHECK(f->asked.excluded);
        f->answer = AUTHENTICATOR_TIMED_OUT;
        CHECK_EQ(make_excluding(f, RP, &made, NULL), CTAP2_ERR_CREDENTIAL_EXCLUDED);
        f->answer = AUTHENTICATOR_NO;
        CHECK_EQ(make_excluding(f, RP, &made, NULL), CTAP2_ERR_OPERATION_DENIED);
        CHECK_EQ(fixture_count(f, MARK_CREDENTIAL, NULL), 1);
}

TEST(excluded_only_for_its_own_rp_and_type)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);
        cbor_item_t *map = make_request(), *list = client_array(), *entry = client_map();

        CHECK_EQ(make_excluding(f, "example.com", &made, NULL), CTAP_OK);
        client_set_text(entry, "id", client_bytes(made.id, made.id_size));
        client_set_text(entry, "type", client_text("private-key"));
        client_push(list, entry);
        client_set(map, 5, list);
        CHECK_EQ(send(f, MAKE_CREDENTIAL, map), CTAP_OK);
}

TEST(excluded_needs_no_touch_when_the_user_was_seen)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Made made = make_for(f, RP, USER, false);
        uint8_t token[32];

        set_pin(f);
        get_token(f, 2, PERMISSION_MC, RP, token);
        f->host->pin[1].token.user_present = true;
        f->n_asked = 0;
        CHECK_EQ(make_excluding(f, RP, &made, token), CTAP2_ERR_CREDENTIAL_EXCLUDED);
        CHECK_EQ(f->n_asked, 0);
}

TEST(protected_credentials_exclude_only_for_their_owner)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = make_request(), *extensions = client_map();
        uint8_t token[32];
        Made made;

        client_set_text(extensions, "credProtect", client_int(3));
        client_set(map, 6, extensions);
        CHECK_EQ(client_send(f, MAKE_CREDENTIAL, map, &reply), CTAP_OK);
        made = made_of(reply);
        CHECK_EQ(make_excluding(f, RP, &made, NULL), CTAP_OK);
        set_pin(f);
        get_token(f, 2, PERMISSION_MC, RP, token);
        CHECK_EQ(make_excluding(f, RP, &made, token), CTAP2_ERR_CREDENTIAL_EXCLUDED);
}

TEST_MAIN
