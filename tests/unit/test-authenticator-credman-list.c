/* authenticatorCredentialManagement: lists that are fetched one by one (CTAP 6.8.3, 6.8.4, and section 6 of stateful commands). */
#include "tests/unit/credman-tools.h"

/* ---- what is listed ---- */

TEST(rps_are_listed_once_each_with_their_hash_and_the_total_comes_first)
{
        static const char *const rp_ids[] = {"c.example", "a.example", "b.example"}; /* newest credential first */
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make(f, "a.example", "alice");
        make(f, "b.example", "alice");
        make(f, "a.example", "bob");
        make(f, "c.example", "alice");
        make_with(f, "d.example", "hidden", /* rk= */ false);
        token = set_pin(f, PERMISSION_CM);
        for (size_t i = 0; i < 3; i++) {
                _cleanup_reply_ cbor_item_t *reply = NULL;
                uint8_t hash[SHA256_SIZE];

                CHECK_EQ(credman(f, i == 0 ? &token : NULL, i == 0 ? RPS_BEGIN : RPS_NEXT, NULL, &reply), CTAP_OK);
                CHECK_EQ(cbor_map_size(reply), i == 0 ? 3 : 2);
                CHECK(text_equals(map_get_text(map_get(reply, 3), "id"), rp_ids[i]));
                CHECK(text_equals(map_get_text(map_get(reply, 3), "name"), rp_ids[i]));
                sha256(rp_ids[i], strlen(rp_ids[i]), hash);
                CHECK(bytes_are(map_get(reply, 4), hash, sizeof(hash)));
                if (i == 0)
                        CHECK_EQ(get_int(reply, 5), 3);
        }
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
}

TEST(no_discoverable_credentials_is_no_credentials)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token;

        make_with(f, "a.example", "hidden", /* rk= */ false);
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), NULL), CTAP2_ERR_NO_CREDENTIALS);
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP2_ERR_NOT_ALLOWED);
}

/* What is not told at makeCredential is what credentials have by themselves. */
static void check_plain(const cbor_item_t *reply, const char *user, const Id *id)
{
        bool payment = true;

        CHECK(bytes_are(map_get_text(map_get(reply, 6), "id"), user, strlen(user)));
        CHECK(text_equals(map_get_text(map_get(reply, 6), "name"), user));
        CHECK(text_equals(map_get_text(map_get(reply, 6), "displayName"), user));
        CHECK(bytes_are(map_get_text(map_get(reply, 7), "id"), id->data, id->size));
        CHECK(text_equals(map_get_text(map_get(reply, 7), "type"), "public-key"));
        CHECK_EQ(get_int(reply, 10), 1);
        CHECK(!map_get(reply, 11));
        CHECK_EQ(value_bool(map_get(reply, 12), &payment), CTAP_OK);
        CHECK(!payment);
}

TEST(credentials_of_an_rp_are_listed_newest_first_and_the_total_comes_first)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_reply_ cbor_item_t *first = NULL, *second = NULL;
        Id alice, bob;
        Token token;

        alice = make(f, "a.example", "alice");
        make(f, "b.example", "other");
        bob = make(f, "a.example", "bob");
        make_with(f, "a.example", "hidden", /* rk= */ false);
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), &first), CTAP_OK);
        CHECK_EQ(cbor_map_size(first), 6);
        check_plain(first, "bob", &bob);
        CHECK_EQ(get_int(first, 9), 2);
        CHECK_EQ(credman(f, NULL, CREDENTIALS_NEXT, NULL, &second), CTAP_OK);
        CHECK_EQ(cbor_map_size(second), 5);
        check_plain(second, "alice", &alice);
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("nobody.example"), NULL), CTAP2_ERR_NO_CREDENTIALS);
}

TEST(each_algorithm_is_listed_with_the_public_key_of_the_registration)
{
        static const int algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_ES384, COSE_ESP256, COSE_ED25519, COSE_ESP384};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        SignKey keys[ELEMENTSOF(algorithms)];
        Token token;

        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++) {
                _cleanup_reply_ cbor_item_t *reply = NULL;
                char user[2] = {(char)('a' + i), 0};
                const uint8_t *id;
                size_t size;

                CHECK_EQ(client_make(f, "a.example", user, algorithms[i], true, &reply), CTAP_OK);
                client_attested(reply, &id, &size, &keys[i]);
        }
        token = set_pin(f, PERMISSION_CM);
        for (size_t i = ELEMENTSOF(algorithms); i-- > 0;) {
                _cleanup_reply_ cbor_item_t *reply = NULL;
                bool first = i + 1 == ELEMENTSOF(algorithms), ec2;
                const cbor_item_t *key;
                size_t half;

                CHECK_EQ(credman(f, first ? &token : NULL, first ? CREDENTIALS_BEGIN : CREDENTIALS_NEXT,
                                 first ? rp_params("a.example") : NULL, &reply),
                         CTAP_OK);
                key = map_get(reply, 8);
                CHECK_EQ(get_int(key, 3), algorithms[i]);
                ec2 = keys[i].kind != SIGN_ED25519;
                half = sign_public_size(keys[i].kind) / (ec2 ? 2 : 1);
                CHECK(bytes_are(map_get(key, -2), keys[i].public_key, half));
                CHECK(ec2 ? bytes_are(map_get(key, -3), keys[i].public_key + half, half) : !map_get(key, -3));
        }
}

TEST(protection_large_blob_key_and_payment_are_listed)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        cbor_item_t *map = client_make_request("a.example", "alice", COSE_ES256), *extensions = client_map(),
                    *options = client_map();
        _cleanup_reply_ cbor_item_t *made = NULL, *reply = NULL;
        bool payment = false;
        Token token;

        client_set_text(extensions, "credProtect", client_int(3));
        client_set_text(extensions, "largeBlobKey", cbor_build_bool(true));
        client_set_text(extensions, "thirdPartyPayment", cbor_build_bool(true));
        client_set_text(options, "rk", cbor_build_bool(true));
        client_set(map, 6, extensions);
        client_set(map, 7, options);
        CHECK_EQ(client_send(f, 0x01, map, &made), CTAP_OK);
        token = set_pin(f, PERMISSION_CM);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), &reply), CTAP_OK);
        CHECK_EQ(cbor_map_size(reply), 7);
        CHECK_EQ(get_int(reply, 10), 3);
        CHECK(bytes_are(map_get(reply, 11), cbor_bytestring_handle(map_get(made, 5)), 32));
        CHECK_EQ(value_bool(map_get(reply, 12), &payment), CTAP_OK);
        CHECK(payment);
}

/* ---- many ---- */

/* 500 RPs with four credentials each, in the order of users, so that an RP's are far apart. */
#define RPS   500U
#define USERS 4U

static void rp_name(char ret[32], size_t i)
{
        snprintf(ret, 32, "rp-%03zu.example", i);
}

TEST(two_thousand_credentials_are_listed_completely_and_without_duplicates)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        bool seen[RPS] = {false};
        unsigned gets;
        char name[32];
        Token token;

        for (size_t user = 0; user < USERS; user++)
                for (size_t i = 0; i < RPS; i++) {
                        char user_name[2] = {(char)('a' + user), 0};

                        rp_name(name, i);
                        make(f, name, user_name);
                }
        token = set_pin(f, PERMISSION_CM);
        f->n_gets = 0;
        for (size_t n = 0; n < RPS; n++) {
                _cleanup_reply_ cbor_item_t *reply = NULL;
                const cbor_item_t *id;
                unsigned number;

                gets = f->n_gets;
                CHECK_EQ(credman(f, n == 0 ? &token : NULL, n == 0 ? RPS_BEGIN : RPS_NEXT, NULL, &reply), CTAP_OK);
                /* One pass at the beginning, one record for each step. */
                CHECK(f->n_gets - gets <= (n == 0 ? RPS * USERS + 1 : 1));
                if (n == 0)
                        CHECK_EQ(get_int(reply, 5), RPS);
                id = map_get_text(map_get(reply, 3), "id");
                snprintf(name, sizeof(name), "%.*s", (int)cbor_string_length(id), (const char *)cbor_string_handle(id));
                CHECK_EQ(sscanf(name, "rp-%03u.example", &number), 1);
                CHECK(number < RPS && !seen[number]);
                seen[number] = true;
        }
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        for (size_t i = 0; i < RPS; i += 97) {
                rp_name(name, i);
                for (size_t user = USERS; user-- > 0;) {
                        _cleanup_reply_ cbor_item_t *reply = NULL;
                        bool first = user == USERS - 1;
                        char user_name = (char)('a' + user);

                        CHECK_EQ(credman(f, first ? &token : NULL, first ? CREDENTIALS_BEGIN : CREDENTIALS_NEXT,
                                         first ? rp_params(name) : NULL, &reply),
                                 CTAP_OK);
                        CHECK(bytes_are(map_get_text(map_get(reply, 6), "id"), &user_name, 1));
                        if (first)
                                CHECK_EQ(get_int(reply, 9), USERS);
                }
                CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        }
}

/* ---- the state of a list (section 6) ---- */

/* Three RPs, of which a.example has three credentials. */
static Token make_lists(Fixture *f)
{
        make(f, "a.example", "alice");
        make(f, "a.example", "bob");
        make(f, "a.example", "carol");
        make(f, "b.example", "alice");
        make(f, "c.example", "alice");
        return set_pin(f, PERMISSION_CM);
}

static int begin(Fixture *f, const Token *token, int number)
{
        return credman(f, token, number, number == CREDENTIALS_BEGIN ? rp_params("a.example") : NULL, NULL);
}

TEST(a_next_without_its_begin_is_not_allowed)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = make_lists(f);

        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED); /* that was another subcommand */
}

TEST(any_other_command_or_subcommand_ends_a_list)
{
        static const int kinds[] = {RPS_BEGIN, CREDENTIALS_BEGIN};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = make_lists(f);

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                int next = kinds[i] + 1;

                CHECK_EQ(begin(f, &token, kinds[i]), CTAP_OK);
                CHECK_EQ(credman_bare(f, next), CTAP_OK);
                CHECK_EQ(begin(f, &token, kinds[i]), CTAP_OK);
                CHECK_EQ(fixture_send(f, "\x04", 1, NULL), CTAP_OK);
                CHECK_EQ(credman_bare(f, next), CTAP2_ERR_NOT_ALLOWED);
                CHECK_EQ(begin(f, &token, kinds[i]), CTAP_OK);
                CHECK_EQ(credman(f, &token, GET_METADATA, NULL, NULL), CTAP_OK);
                CHECK_EQ(credman_bare(f, next), CTAP2_ERR_NOT_ALLOWED);
                CHECK_EQ(begin(f, &token, kinds[i]), CTAP_OK);
                CHECK_EQ(credman_bare(f, 99), CTAP2_ERR_INVALID_SUBCOMMAND);
                CHECK_EQ(credman_bare(f, next), CTAP2_ERR_NOT_ALLOWED);
                CHECK_EQ(begin(f, &token, kinds[i]), CTAP_OK);
                CHECK_EQ(fixture_send(f, "\x99", 1, NULL), CTAP1_ERR_INVALID_COMMAND);
                CHECK_EQ(credman_bare(f, next), CTAP2_ERR_NOT_ALLOWED);
                CHECK_EQ(begin(f, &token, kinds[i]), CTAP_OK);
                CHECK_EQ(begin(f, &token, kinds[1 - i]), CTAP_OK);
                CHECK_EQ(credman_bare(f, next), CTAP2_ERR_NOT_ALLOWED);
        }
}

TEST(a_list_waits_for_thirty_seconds_after_each_step)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = make_lists(f);

        CHECK_EQ(begin(f, &token, CREDENTIALS_BEGIN), CTAP_OK);
        f->now += ENUMERATION_TIME - 1;
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP_OK);
        f->now += ENUMERATION_TIME - 1;
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP_OK);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        f->now += ENUMERATION_TIME;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        f->now -= 1;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
}

TEST(a_list_ends_with_the_token_that_permitted_it)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = make_lists(f);

        /* It expires: */
        f->now += TOKEN_USE_TIME - 10;
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP2_ERR_PIN_AUTH_INVALID); /* never used in time */
        token = get_token(f, 2, PERMISSION_CM, NULL);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        f->now += TOKEN_USE_TIME - 10;
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        f->now += 10;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP_OK);
        f->now += 1;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        /* another channel of the host gets a new one: */
        token = get_token(f, 2, PERMISSION_CM, NULL);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        f->channel = 2;
        (void)get_token(f, 2, PERMISSION_CM, NULL);
        f->channel = 1;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        /* the power goes: */
        token = get_token(f, 2, PERMISSION_CM, NULL);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        authenticator_power_cycle(f->a);
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
}

/* However the clock runs on while the command does: the token is looked at once. */
TEST(a_list_that_begins_while_its_token_expires_begins_or_not)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Token token = make_lists(f);
        unsigned n_begun = 0;
        uint64_t issued;
        int r;

        token = get_token(f, 2, PERMISSION_CM, NULL);
        issued = f->now;
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        f->step = 1;
        for (uint64_t before = 50; before > 0; before--) {
                f->now = issued + TOKEN_USE_TIME - before;
                r = begin(f, &token, RPS_BEGIN);
                CHECK(r == CTAP_OK || r == CTAP2_ERR_PIN_AUTH_INVALID);
                n_begun += r == CTAP_OK;
        }
        CHECK(n_begun > 0 && n_begun < 50);
}

TEST(lists_of_two_channels_and_two_hosts_do_not_disturb_each_other)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorHost *first = f->host, *second = NULL;
        Token token = make_lists(f), other;

        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        f->channel = 2;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(begin(f, &token, CREDENTIALS_BEGIN), CTAP_OK);
        CHECK_EQ(authenticator_host_new(f->a, f, &second), 0);
        f->host = second;
        f->channel = 1;
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP2_ERR_PIN_AUTH_INVALID); /* the token is the first host's */
        other = get_token(f, 2, PERMISSION_CM, NULL);
        CHECK_EQ(begin(f, &other, RPS_BEGIN), CTAP_OK);
        f->host = first;
        for (int i = 0; i < 2; i++) {
                f->channel = 1;
                CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP_OK);
                f->channel = 2;
                CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP_OK);
                f->host = second;
                f->channel = 1;
                CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP_OK);
                f->host = first;
        }
        (void)authenticator_host_free(second);
}

/* ---- what changes in the meantime ---- */

TEST(what_is_deleted_in_the_meantime_is_left_out)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorCredential credential;
        _cleanup_reply_ cbor_item_t *rp = NULL, *last = NULL;
        Token token = make_lists(f);
        uint64_t number = UINT64_MAX;

        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK); /* c.example, then b and a */
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK(strcmp(credential.rp_id, "b.example") == 0);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        CHECK_EQ(credman(f, NULL, RPS_NEXT, NULL, &rp), CTAP_OK);
        CHECK(text_equals(map_get_text(map_get(rp, 3), "id"), "a.example"));
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);

        CHECK_EQ(begin(f, &token, CREDENTIALS_BEGIN), CTAP_OK); /* carol, then bob and alice */
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK(strcmp(credential.user_name, "bob") == 0);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        CHECK_EQ(credman(f, NULL, CREDENTIALS_NEXT, NULL, &last), CTAP_OK);
        CHECK(text_equals(map_get_text(map_get(last, 6), "name"), "alice"));

        /* The rest of a list, and the newest of an RP that has others. */
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        number = UINT64_MAX;
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK(strcmp(credential.user_name, "carol") == 0);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP_OK);
        CHECK_EQ(begin(f, &token, RPS_BEGIN), CTAP_OK);
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK_EQ(authenticator_credential_delete(f->a, number), CTAP_OK);
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
}

TEST(damaged_credentials_are_not_listed_and_stop_nothing)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_reply_ cbor_item_t *rps = NULL, *credentials = NULL;
        AuthenticatorCredential credential;
        uint64_t number = UINT64_MAX;
        Token token = make_lists(f);
        size_t size;

        for (int i = 0; i < 3; i++) {
                CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
                if (i != 1) /* all of c.example, one of a.example */
                        fixture_record(f, number, &size)[0] ^= 0xff;
        }
        CHECK_EQ(credman(f, &token, RPS_BEGIN, NULL, &rps), CTAP_OK);
        CHECK_EQ(get_int(rps, 5), 2);
        CHECK(text_equals(map_get_text(map_get(rps, 3), "id"), "b.example"));
        CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP_OK);
        CHECK_EQ(credman(f, &token, CREDENTIALS_BEGIN, rp_params("a.example"), &credentials), CTAP_OK);
        CHECK_EQ(get_int(credentials, 9), 2);
        CHECK(text_equals(map_get_text(map_get(credentials, 6), "name"), "bob"));
        CHECK_EQ(credman_bare(f, CREDENTIALS_NEXT), CTAP_OK);
}

TEST(a_storage_failure_in_the_middle_does_not_skip_anything)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_reply_ cbor_item_t *reply = NULL;
        Token token = make_lists(f);
        unsigned at;

        for (at = 1; at < 20; at++) {
                f->fail_at = at;
                if (begin(f, &token, RPS_BEGIN) == CTAP_OK)
                        break;
                f->fail_at = 0;
                CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP2_ERR_NOT_ALLOWED);
        }
        CHECK(at > 5 && at < 20);
        for (at = 1; at <= 2; at++) {
                f->fail_at = at;
                CHECK_EQ(credman_bare(f, RPS_NEXT), CTAP1_ERR_OTHER);
        }
        f->fail_at = 0;
        CHECK_EQ(credman(f, NULL, RPS_NEXT, NULL, &reply), CTAP_OK);
        CHECK(text_equals(map_get_text(map_get(reply, 3), "id"), "b.example"));
}

TEST_MAIN
