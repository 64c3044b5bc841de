/* What a security key signed is believed only as far as it was signed: here the test has the key and signs what it likes. */
#include "pam/proof.h"

#include <fido.h>

#include "crypto/arena.h"
#include "crypto/sha.h"
#include "crypto/sign.h"
#include "tests/unit/test.h"

#define RP        "pam://test"
#define DATA_SIZE 37U

static char host[] = "host", origin[] = RP, user[] = "alice";

typedef struct World {
        Options *options;
        Login login;
        SignKey key;
        Credential credential;
        uint8_t id[16];
} World;

static void world(World *w, SignKind kind, const char *demands)
{
        memset(w, 0, sizeof(*w));
        CHECK_EQ(arena_init(), 0);
        CHECK_EQ(options_new(&w->options), 0);
        w->login = (Login){.options = w->options, .log = {.fd = -1}, .user = {.name = user}, .service = "test", .host = host,
                           .origin = origin, .appid = origin};
        CHECK_EQ(sign_generate(kind, &w->key), 0);
        CHECK_EQ(credential_set_key(&w->credential, kind == SIGN_P256 ? ALGORITHM_ES256 : ALGORITHM_EDDSA, w->key.public_key,
                                    sign_public_size(kind)), 0);
        w->credential.id = w->id;
        w->credential.id_size = sizeof(w->id);
        w->credential.presence = strchr(demands, 'p');
        w->credential.verification = strchr(demands, 'v');
        w->credential.pin = strchr(demands, 'n');
}

/* Signs these flags for `rp` and the challenge, with one bit of what was signed changed afterwards where `broken`. */
static int answer(World *w, const char *rp, uint8_t flags, const char *other_challenge, size_t broken)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
        Proof proof = proof_of(&w->login, &w->credential, false);
        uint8_t data[DATA_SIZE] = {0}, message[DATA_SIZE + SHA256_SIZE], signature[SIGN_SIGNATURE_MAX];
        size_t size;

        CHECK_EQ(proof_begin(&w->login, &proof, &assertion), 0);
        sha256(rp, strlen(rp), data);
        data[32] = flags;
        memcpy(message, data, sizeof(data));
        if (other_challenge)
                sha256(other_challenge, strlen(other_challenge), message + DATA_SIZE);
        else
                memcpy(message + DATA_SIZE, fido_assert_clientdata_hash_ptr(assertion), SHA256_SIZE);
        CHECK_EQ(sign(&w->key, message, sizeof(message), signature, &size), 0);
        if (broken > 0)
                signature[size - broken] ^= 1;
        CHECK_EQ(fido_assert_set_count(assertion, 1), FIDO_OK);
        CHECK_EQ(fido_assert_set_authdata_raw(assertion, 0, data, sizeof(data)), FIDO_OK);
        CHECK_EQ(fido_assert_set_sig(assertion, 0, signature, size), FIDO_OK);
        return proof_check(&w->login, &proof, assertion, NULL);
}

static void check_flags(SignKind kind, const char *demands, uint8_t needed)
{
        World w;

        world(&w, kind, demands);
        for (unsigned flags = 0; flags < 8; flags++)
                CHECK_EQ(answer(&w, RP, (uint8_t)flags, NULL, 0), (flags & needed) == needed ? 0 : LOGIN_REFUSED);
        CHECK_EQ(answer(&w, RP, needed, NULL, 1), LOGIN_REFUSED);
        CHECK_EQ(answer(&w, RP, needed, "another", 0), LOGIN_REFUSED);
        CHECK_EQ(answer(&w, "pam://other", needed, NULL, 0), LOGIN_REFUSED);
        (void)options_free(w.options);
}

TEST(bits_that_are_demanded_are_signed)
{
        check_flags(SIGN_P256, "p", 1);
        check_flags(SIGN_P256, "", 1); /* a key's own way is to want a touch */
        check_flags(SIGN_P256, "pv", 5);
        check_flags(SIGN_P256, "v", 5);
        check_flags(SIGN_P256, "n", 5);
        check_flags(SIGN_ED25519, "p", 1);
        check_flags(SIGN_ED25519, "pvn", 5);
}

TEST(the_administrator_demands)
{
        World w;

        world(&w, SIGN_P256, "");
        w.options->presence = DEMAND_NO;
        CHECK_EQ(answer(&w, RP, 0, NULL, 0), 0);
        w.options->verification = DEMAND_YES;
        CHECK_EQ(answer(&w, RP, 1, NULL, 0), LOGIN_REFUSED);
        CHECK_EQ(answer(&w, RP, 4, NULL, 0), 0);
        w.options->verification = DEMAND_NO;
        w.options->pin = DEMAND_YES;
        CHECK_EQ(answer(&w, RP, 1, NULL, 0), LOGIN_REFUSED);
        w.options->pin = DEMAND_UNSET;
        w.credential.verification = true; /* a credential demands more than the administrator */
        CHECK_EQ(answer(&w, RP, 1, NULL, 0), LOGIN_REFUSED);
        w.credential.verification = false;
        w.login.remote = true;
        CHECK_EQ(answer(&w, RP, 1, NULL, 0), LOGIN_REFUSED);
        CHECK_EQ(answer(&w, RP, 5, NULL, 0), 0);
        (void)options_free(w.options);
}

TEST(another_key)
{
        World w, other;

        world(&w, SIGN_P256, "p");
        world(&other, SIGN_P256, "p");
        w.key = other.key;
        CHECK_EQ(answer(&w, RP, 1, NULL, 0), LOGIN_REFUSED);
        (void)options_free(w.options);
        (void)options_free(other.options);
}

/* The i-th statement, by w's key; with `secret` it says that it has one. */
static void state(const World *w, fido_assert_t *assertion, size_t i, bool secret)
{
        static const uint8_t extension[] = {0xa1, 0x6b, 'h', 'm', 'a', 'c', '-', 's', 'e', 'c', 'r', 'e', 't', 0x58, 32};
        uint8_t data[DATA_SIZE + sizeof(extension) + 32] = {0}, message[sizeof(data) + SHA256_SIZE], signature[SIGN_SIGNATURE_MAX];
        size_t data_size = secret ? sizeof(data) : DATA_SIZE, size;

        sha256(RP, strlen(RP), data);
        data[32] = secret ? 0x81 : 0x01;
        memcpy(data + DATA_SIZE, extension, sizeof(extension));
        memcpy(message, data, data_size);
        memcpy(message + data_size, fido_assert_clientdata_hash_ptr(assertion), SHA256_SIZE);
        CHECK_EQ(sign(&w->key, message, data_size + SHA256_SIZE, signature, &size), 0);
        CHECK_EQ(fido_assert_set_authdata_raw(assertion, i, data, data_size), FIDO_OK);
        CHECK_EQ(fido_assert_set_sig(assertion, i, signature, size), FIDO_OK);
        if (secret)
                CHECK_EQ(fido_assert_set_hmac_secret(assertion, i, data + sizeof(data) - 32, 32), FIDO_OK);
}

/* A key answers with all its resident credentials: what one of them brings says nothing about another. */
TEST(with_and_without_what_opens_the_vault)
{
        for (unsigned turn = 0; turn < 4; turn++) {
                _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
                World w, other;
                size_t i = 100;
                Proof proof;

                world(&w, SIGN_P256, "p");
                world(&other, SIGN_P256, "p");
                w.credential.id_size = 0;
                proof = proof_of(&w.login, &w.credential, false);
                CHECK_EQ(proof_begin(&w.login, &proof, &assertion), 0);
                CHECK_EQ(fido_assert_set_extensions(assertion, FIDO_EXT_HMAC_SECRET), FIDO_OK);
                CHECK_EQ(fido_assert_set_count(assertion, 2), FIDO_OK);
                state(&other, assertion, 0, turn & 1);
                state(&w, assertion, 1, turn & 2);
                CHECK(!proof_is_by(assertion, 0, &w.credential) && proof_is_by(assertion, 1, &w.credential));
                CHECK(proof_is_by(assertion, 0, &other.credential));
                CHECK_EQ(proof_check(&w.login, &proof, assertion, &i), 0);
                CHECK_EQ(i, 1);
                (void)options_free(w.options);
                (void)options_free(other.options);
        }
}

TEST(challenges_are_never_the_same)
{
        _cleanup_(fido_assertion_done) fido_assert_t *one = NULL, *two = NULL;
        World w;
        Proof proof;

        world(&w, SIGN_P256, "p");
        proof = proof_of(&w.login, &w.credential, false);
        CHECK_EQ(proof_begin(&w.login, &proof, &one), 0);
        CHECK_EQ(proof_begin(&w.login, &proof, &two), 0);
        CHECK(memcmp(fido_assert_clientdata_hash_ptr(one), fido_assert_clientdata_hash_ptr(two), SHA256_SIZE) != 0);
        (void)options_free(w.options);
}

TEST(keyfobs_own_must_verify)
{
        World w;

        world(&w, SIGN_P256, "p");
        w.options->verification = DEMAND_NO;
        CHECK_EQ(proof_of(&w.login, &w.credential, false).verification, FIDO_OPT_FALSE);
        CHECK_EQ(proof_of(&w.login, &w.credential, true).verification, FIDO_OPT_TRUE);
        (void)options_free(w.options);
}

TEST_MAIN
