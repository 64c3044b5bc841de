/* getInfo: every field, what it says while locked, what changes it, the encrypted ones. */
#include "crypto/cbc.h"
#include "tests/unit/ceremony-tools.h"

static cbor_item_t *info_of(Fixture *f)
{
        cbor_item_t *reply = NULL;

        CHECK_EQ(client_send(f, GET_INFO, NULL, &reply), CTAP_OK);
        return reply;
}

static int64_t number(const cbor_item_t *info, int key)
{
        int64_t value = -1;

        (void)value_int(map_get(info, key), &value);
        return value;
}

/* 1 true, 0 false, -1 absent. */
static int truth(const cbor_item_t *item)
{
        bool value;

        if (!item)
                return -1;
        CHECK_EQ(value_bool(item, &value), CTAP_OK);
        return value;
}

static int option(const cbor_item_t *info, const char *name)
{
        return truth(map_get_text(map_get(info, 4), name));
}

static bool lists(const cbor_item_t *info, int key, const char *expected)
{
        const cbor_item_t *list = map_get(info, key);
        const char *text;
        size_t n, size;

        CHECK_EQ(value_array(list, 64, &n), CTAP_OK);
        for (size_t i = 0; i < n; i++) {
                CHECK_EQ(value_text(array_get(list, i), 64, &text, &size), CTAP_OK);
                if (text_is(text, size, expected))
                        return true;
        }
        return false;
}

/* client_send() refuses replies that are not canonical, so order is checked everywhere. */
TEST(get_info_of_a_new_authenticator)
{
        static const struct {
                int key;
                int64_t value;
        } numbers[] = {
                {0x05, AUTHENTICATOR_MESSAGE_MAX},
                {0x07, CREDENTIALS_IN_LIST_MAX},
                {0x08, CREDENTIAL_ID_SIZE},
                {0x0b, LARGE_BLOB_ARRAY_MAX},
                {0x0d, PIN_MIN_DEFAULT},
                {0x0e, 1},
                {0x0f, CRED_BLOB_MAX},
                {0x10, MIN_PIN_RP_IDS_MAX},
                {0x14, CREDENTIALS_DEFAULT},
                {0x1d, AUTHENTICATOR_PIN_MAX},
        };
        static const int absent[] = {0x11, 0x12, 0x13, 0x15, 0x17, 0x19, 0x1c, 0x1e};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);
        const uint8_t *aaguid;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                CHECK_EQ(number(info, numbers[i].key), numbers[i].value);
        for (size_t i = 0; i < ELEMENTSOF(absent); i++)
                CHECK(!map_get(info, absent[i]));
        aaguid = reply_bytes(info, 3, &size);
        CHECK(size == 16 && memcmp(aaguid, f->config.aaguid, 16) == 0);
        CHECK_EQ(truth(map_get(info, 0x0c)), 0);
        CHECK_EQ(truth(map_get(info, 0x18)), 0);
        CHECK_EQ(truth(map_get(info, 0x1b)), 0);
        CHECK_EQ(f->n_asked + f->n_writes, 0);
}

/* What it announces must fit: as many of its ids as a list may have, and the rest of a request. */
TEST(a_way_that_loses_long_messages)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;

        authenticator_host_limit(f->host, 1500);
        info = info_of(f);
        CHECK_EQ(number(info, 0x05), 1500);
        CHECK_EQ(number(info, 0x07), 19);
        CHECK_EQ(number(info, 0x08), CREDENTIAL_ID_SIZE);
}

TEST(versions_and_extensions)
{
        static const char *const versions[] = {"U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1"};
        static const char *const extensions[] = {"credBlob",          "credProtect",        "hmac-secret",
                                                 "largeBlobKey",      "minPinLength",       "hmac-secret-mc",
                                                 "thirdPartyPayment", "pinComplexityPolicy"};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);

        CHECK_EQ(cbor_array_size(map_get(info, 1)), ELEMENTSOF(versions));
        for (size_t i = 0; i < ELEMENTSOF(versions); i++)
                CHECK(lists(info, 1, versions[i]));
        CHECK_EQ(cbor_array_size(map_get(info, 2)), ELEMENTSOF(extensions));
        for (size_t i = 0; i < ELEMENTSOF(extensions); i++)
                CHECK(lists(info, 2, extensions[i]));
}

TEST(options_without_a_sensor)
{
        static const struct {
                const char *name;
                int value;
        } options[] = {
                {"ep", -1},
                {"rk", 1},
                {"up", 1},
                {"uv", -1},
                {"plat", 0},
                {"uvAcfg", -1},
                {"alwaysUv", 0},
                {"credMgmt", 1},
                {"authnrCfg", 1},
                {"bioEnroll", -1},
                {"clientPin", 0},
                {"largeBlobs", 1},
                {"uvBioEnroll", -1},
                {"perCredMgmtRO", 1},
                {"pinUvAuthToken", 1},
                {"setMinPINLength", 1},
                {"makeCredUvNotRqd", 1},
                {"credentialMgmtPreview", 1},
                {"userVerificationMgmtPreview", -1},
                {"noMcGaPermissionsWithClientPin", -1},
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                CHECK_EQ(option(info, options[i].name), options[i].value);
}

TEST(options_with_a_sensor)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_fingers);

        for (int enrolled = 1; enrolled >= 0; enrolled--) {
                _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;

                f->enrolled = (unsigned)enrolled;
                info = info_of(f);
                CHECK_EQ(option(info, "uv"), enrolled);
                CHECK_EQ(option(info, "bioEnroll"), enrolled);
                CHECK_EQ(option(info, "userVerificationMgmtPreview"), enrolled);
                CHECK_EQ(option(info, "uvAcfg"), 1);
                CHECK_EQ(option(info, "uvBioEnroll"), 1);
                CHECK(number(info, 0x11) > 0);
                CHECK_EQ(number(info, 0x12), 2);
                CHECK_EQ(number(info, 0x17), 0);
        }
        f->no_sensor = true;
        {
                _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);

                CHECK_EQ(option(info, "uv"), -1);
                CHECK(!map_get(info, 0x12));
        }
}

TEST(protocols_algorithms_formats_transports)
{
        static const int algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_ES384};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);
        const cbor_item_t *protocols = map_get(info, 6), *list = map_get(info, 0x0a);
        size_t n;

        CHECK_EQ(cbor_array_size(protocols), 2);
        CHECK_EQ(cbor_get_int(array_get(protocols, 0)), 2); /* the preferred one first */
        CHECK_EQ(cbor_get_int(array_get(protocols, 1)), 1);
        CHECK_EQ(value_array(list, 64, &n), CTAP_OK);
        CHECK_EQ(n, ELEMENTSOF(algorithms));
        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++) {
                bool found = false;

                for (size_t j = 0; j < n; j++) {
                        int64_t alg = 0;

                        CHECK_EQ(value_int(map_get_text(array_get(list, j), "alg"), &alg), CTAP_OK);
                        CHECK(map_get_text(array_get(list, j), "type") != NULL);
                        found = found || alg == algorithms[i];
                }
                CHECK(found);
        }
        CHECK(lists(info, 0x16, "packed") && lists(info, 0x16, "fido-u2f"));
        CHECK(lists(info, 0x09, "internal") && lists(info, 0x1a, "internal"));
        CHECK_EQ(cbor_array_size(map_get(info, 0x1f)), 3);
}

static void no_transports(Fixture *f)
{
        f->config.transports = NULL;
}

TEST(transports_that_are_not_known_are_left_out)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(no_transports);
        _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);

        CHECK(!map_get(info, 0x09));
        CHECK(!map_get(info, 0x1a));
}

TEST(it_follows_the_state)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;
        State *state = state_of(f);

        state->pin_set = state->force_pin_change = state->long_touch = state->pin_complexity = true;
        state->min_pin_length = 7;
        state->n_credentials = 3;
        info = info_of(f);
        CHECK_EQ(option(info, "clientPin"), 1);
        CHECK_EQ(truth(map_get(info, 0x0c)), 1);
        CHECK_EQ(truth(map_get(info, 0x18)), 1);
        CHECK_EQ(truth(map_get(info, 0x1b)), 1);
        CHECK_EQ(number(info, 0x0d), 7);
        CHECK_EQ(number(info, 0x14), CREDENTIALS_DEFAULT - 3);
}

TEST(always_uv_ends_u2f_and_make_cred_uv_not_rqd)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;

        state_of(f)->always_uv = true;
        info = info_of(f);
        CHECK(!lists(info, 1, "U2F_V2"));
        CHECK_EQ(cbor_array_size(map_get(info, 1)), 3);
        CHECK_EQ(option(info, "alwaysUv"), 1);
        CHECK_EQ(option(info, "makeCredUvNotRqd"), 0);
}

/* ---- while storage is locked ---- */

static void locked_at_first(Fixture *f)
{
        f->locked = true;
}

TEST(locked_before_anything_was_noted)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(locked_at_first);
        _cleanup_(cbor_item_donep) cbor_item_t *info = info_of(f);

        CHECK_EQ(option(info, "clientPin"), 0);
        CHECK_EQ(number(info, 0x0d), PIN_MIN_DEFAULT);
        CHECK(!map_get(info, 0x14)); /* not known */
        CHECK_EQ(f->n_asked, 0);
}

TEST(locked_the_note_answers)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *info = NULL;
        uint8_t token[32];

        (void)make_for(f, RP, USER, true);
        set_pin(f);
        get_token(f, 2, PERMISSION_PCMR, NULL, token);
        authenticator_forget(f->a);
        f->locked = true;
        f->n_asked = 0;
        info = info_of(f);
        CHECK_EQ(option(info, "clientPin"), 1);
        CHECK_EQ(number(info, 0x14), CREDENTIALS_DEFAULT - 1);
        CHECK(!map_get(info, 0x19));
        CHECK(!map_get(info, 0x1e));
        CHECK_EQ(f->n_asked, 0);
}

/* ---- encIdentifier, encCredStoreState ---- */

/* HKDF and AES by hand (section 6.4); the token is what the platform was given. */
static void open_field(const cbor_item_t *info, int key, const char *name, const uint8_t token[32], uint8_t ret[16])
{
        static const uint8_t salt[32];
        uint8_t aes_key[16];
        size_t size;
        const uint8_t *field = reply_bytes(info, key, &size);

        CHECK_EQ(size, 32);
        hkdf_sha256(salt, sizeof(salt), token, 32, name, strlen(name), aes_key, sizeof(aes_key));
        CHECK_EQ(cbc_decrypt(aes_key, sizeof(aes_key), field, field + 16, 16, ret), 0);
}

TEST(encrypted_fields_need_a_persistent_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *before = NULL, *after = NULL, *again = NULL;
        const uint8_t *field, *other;
        uint8_t token[32], opened[16];
        size_t size;

        set_pin(f);
        before = info_of(f);
        CHECK(!map_get(before, 0x19));
        CHECK(!map_get(before, 0x1e));
        get_token(f, 2, PERMISSION_PCMR, NULL, token);
        after = info_of(f);
        again = info_of(f);
        open_field(after, 0x19, "encIdentifier", token, opened);
        CHECK(memcmp(opened, state_of(f)->device_id, 16) == 0);
        open_field(again, 0x19, "encIdentifier", token, opened);
        CHECK(memcmp(opened, state_of(f)->device_id, 16) == 0);
        open_field(after, 0x1e, "encCredStoreState", token, opened);
        CHECK(memcmp(opened, state_of(f)->store_id, 16) == 0);
        field = reply_bytes(after, 0x19, &size);
        other = reply_bytes(again, 0x19, &size);
        CHECK(memcmp(field, other, 32) != 0); /* a fresh IV */
}

TEST(encrypted_fields_need_random_bytes)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t token[32];

        set_pin(f);
        get_token(f, 2, PERMISSION_PCMR, NULL, token);
        for (unsigned at = 1; at <= 2; at++) {
                f->fail_random_at = at;
                CHECK_EQ(send(f, GET_INFO, NULL), CTAP1_ERR_OTHER);
        }
        CHECK_EQ(send(f, GET_INFO, NULL), CTAP_OK);
}

TEST(store_state_changes_with_the_credentials_and_the_identifier_does_not)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_(cbor_item_donep) cbor_item_t *before = NULL, *unlisted = NULL, *after = NULL;
        uint8_t token[32], id[16], id_after[16], state[16], state_after[16];
        AuthenticatorCredential credential;
        uint64_t number = UINT64_MAX;

        (void)make_for(f, RP, USER, true);
        set_pin(f);
        get_token(f, 2, PERMISSION_PCMR, NULL, token);
        before = info_of(f);
        open_field(before, 0x19, "encIdentifier", token, id);
        open_field(before, 0x1e, "encCredStoreState", token, state);

        (void)make_for(f, RP, "bob", false); /* which no list shows */
        unlisted = info_of(f);
        open_field(unlisted, 0x1e, "encCredStoreState", token, state_after);
        CHECK(memcmp(state, state_after, 16) == 0);

        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK_EQ(authenticator_credential_next(f->a, &number, &credential), CTAP_OK);
        CHECK(credential.discoverable);
        CHECK_EQ(authenticator_credential_rename(f->a, number, "ann", NULL), CTAP_OK);
        after = info_of(f);
        open_field(after, 0x19, "encIdentifier", token, id_after);
        open_field(after, 0x1e, "encCredStoreState", token, state_after);
        CHECK(memcmp(id, id_after, 16) == 0);
        CHECK(memcmp(state, state_after, 16) != 0);
}

TEST_MAIN
