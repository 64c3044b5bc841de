/* PIN/UV auth protocols 1 and 2 against vectors, and the key agreement (CTAP 6.5.5.4, 6.5.6, 6.5.7). */
#include <errno.h>

#include "authenticator/pin.h"
#include "tests/unit/pin-tools.h"
#include "tests/unit/webauthn-prf.h"

static void use_vector_keys(Fixture *f, uint8_t ret_peer[64])
{
        _cleanup_(agree_key_freep) AgreeKey *platform = NULL;
        uint8_t key[32], expected[64], own[64];

        CHECK_EQ(hex_decode(PRF_PLATFORM_PRIVATE_KEY, key, 32), 0);
        CHECK_EQ(agree_key_new_from(key, &platform), 0);
        agree_public(platform, ret_peer);
        sha256_two(PRF_SEED, strlen(PRF_SEED), "\x05", 1, key);
        for (unsigned i = 0; i < PIN_PROTOCOL_MAX; i++) {
                CHECK_EQ(agree_key_new_from(key, &f->host->pin[i].agreement), 0);
                CHECK_EQ(protocol_public_key(f->host, i + 1, own), CTAP_OK);
                CHECK_EQ(hex_decode(PRF_AUTHENTICATOR_PUBLIC_KEY, expected, 64), 0);
                CHECK(memcmp(own, expected, 64) == 0);
        }
}

TEST(shared_secrets_of_both_protocols_known_answers)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t peer[64], expected[64];
        SharedSecret secret;

        use_vector_keys(f, peer);
        CHECK_EQ(protocol_decapsulate(f->host, 1, peer, &secret), CTAP_OK);
        CHECK_EQ(hex_decode(PRF_SHARED_SECRET_1, expected, 32), 0);
        CHECK(memcmp(secret.hmac_key, expected, 32) == 0 && memcmp(secret.aes_key, expected, 32) == 0);
        CHECK_EQ(protocol_decapsulate(f->host, 2, peer, &secret), CTAP_OK);
        CHECK_EQ(hex_decode(PRF_SHARED_SECRET_2, expected, 64), 0);
        CHECK(memcmp(secret.hmac_key, expected, 32) == 0 && memcmp(secret.aes_key, expected + 32, 32) == 0);
        CHECK_EQ(protocol_decapsulate(f->host, 3, peer, &secret), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(protocol_decapsulate(f->host, 0, peer, &secret), CTAP1_ERR_INVALID_PARAMETER);
        peer[0] ^= 1;
        CHECK_EQ(protocol_decapsulate(f->host, 2, peer, &secret), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(encryption_uses_a_zero_iv_in_1_and_a_random_one_in_2)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        uint8_t plain[32] = "thirty-two bytes of something...", a[48], b[48], back[48];
        SharedSecret secret = {.protocol = 1, .hmac_key = {1}, .aes_key = {2}};
        size_t a_size, b_size, back_size;

        CHECK_EQ(protocol_encrypt(f->a, &secret, plain, 32, a, &a_size), CTAP_OK);
        CHECK_EQ(protocol_encrypt(f->a, &secret, plain, 32, b, &b_size), CTAP_OK);
        CHECK(a_size == 32 && b_size == 32 && memcmp(a, b, 32) == 0);
        secret.protocol = 2;
        CHECK_EQ(protocol_encrypt(f->a, &secret, plain, 32, a, &a_size), CTAP_OK);
        CHECK_EQ(protocol_encrypt(f->a, &secret, plain, 32, b, &b_size), CTAP_OK);
        CHECK(a_size == 48 && b_size == 48 && memcmp(a, b, 16) != 0 && memcmp(a + 16, b + 16, 32) != 0);
        CHECK_EQ(protocol_decrypt(&secret, b, 48, back, &back_size), CTAP_OK);
        CHECK(back_size == 32 && memcmp(back, plain, 32) == 0);
        for (size_t size = 0; size <= 16; size++)
                CHECK_EQ(protocol_decrypt(&secret, b, size, back, &back_size), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(protocol_decrypt(&secret, b, 47, back, &back_size), CTAP1_ERR_INVALID_PARAMETER);
        f->fail_random_at = 1;
        CHECK_EQ(protocol_encrypt(f->a, &secret, plain, 32, a, &a_size), -EIO);
}

TEST(macs_have_16_bytes_in_1_and_32_in_2)
{
        uint8_t key[32] = {7}, mac[32];

        hmac_sha256(key, 32, "message", 7, mac);
        CHECK_EQ(protocol_verify(1, key, "message", 7, mac, 16), CTAP_OK);
        CHECK_EQ(protocol_verify(2, key, "message", 7, mac, 32), CTAP_OK);
        CHECK_EQ(protocol_verify(1, key, "message", 7, mac, 32), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(protocol_verify(2, key, "message", 7, mac, 16), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(protocol_verify(2, key, "message", 7, NULL, 0), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(protocol_verify(2, key, "massage", 7, mac, 32), CTAP2_ERR_PIN_AUTH_INVALID);
        mac[15] ^= 0x80;
        CHECK_EQ(protocol_verify(1, key, "message", 7, mac, 16), CTAP2_ERR_PIN_AUTH_INVALID);
        CHECK_EQ(protocol_verify(2, key, "message", 7, mac, 32), CTAP2_ERR_PIN_AUTH_INVALID);
}

TEST(key_agreement_is_one_for_each_host_and_protocol)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorHost *first = f->host, *second;
        uint8_t a[64], b[64];
        ClientPin pin;

        client_pin_begin(f, 1, &pin);
        CHECK_EQ(protocol_public_key(f->host, 1, a), CTAP_OK);
        CHECK_EQ(protocol_public_key(f->host, 1, b), CTAP_OK);
        CHECK(memcmp(a, b, 64) == 0);
        CHECK_EQ(protocol_public_key(f->host, 2, b), CTAP_OK);
        CHECK(memcmp(a, b, 64) != 0);
        CHECK_EQ(authenticator_host_new(f->a, NULL, &second), 0);
        f->host = second;
        CHECK_EQ(protocol_public_key(f->host, 1, b), CTAP_OK);
        CHECK(memcmp(a, b, 64) != 0);
        f->host = first;
        (void)authenticator_host_free(second);
}

TEST(key_agreement_wants_a_protocol_that_exists)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a1 02 02", NULL), CTAP2_ERR_MISSING_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a2 01 00 02 02", NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a2 01 03 02 02", NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a2 01 1b0000000100000001 02 02", NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, CLIENT_PIN, "a2 01 01 02 02", NULL), CTAP_OK);
}

TEST_MAIN
