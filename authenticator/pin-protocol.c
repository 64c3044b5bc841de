/*
 * PIN/UV auth protocols 1 and 2
 *
 * A client and its host agree on a secret by ECDH on P-256; everything about PINs passes under it. Protocol 1 hashes the
 * shared point once and uses that for everything, with a zero IV and half an HMAC; protocol 2 derives a key for each
 * purpose, sends a random IV and a whole HMAC. The key pair is the host's and lives until a wrong PIN: who guesses has to
 * begin anew each time.
 */
#include <errno.h>

#include "authenticator/pin.h"
#include "crypto/cbc.h"
#include "crypto/seal.h"

#define PROTOCOL1_MAC_SIZE 16U
#define PROTOCOL2_MAC_SIZE 32U

static const uint8_t zero_salt[32], zero_iv[PIN_IV_SIZE];

int protocol_check(uint64_t protocol)
{
        return protocol >= 1 && protocol <= PIN_PROTOCOL_MAX ? CTAP_OK : CTAP1_ERR_INVALID_PARAMETER;
}

/* The host's key pair, made when it is needed for the first time. */
static int own_key(AuthenticatorHost *host, uint64_t protocol, const AgreeKey **ret)
{
        AgreeKey **key;
        int r;

        r = protocol_check(protocol);
        if (r != CTAP_OK)
                return r;
        key = &host->pin[protocol - 1].agreement;
        if (!*key) {
                r = agree_key_new(key);
                if (r < 0)
                        return r;
        }
        *ret = *key;
        return CTAP_OK;
}

int protocol_public_key(AuthenticatorHost *host, uint64_t protocol, uint8_t ret[64])
{
        const AgreeKey *key;
        int r;

        r = own_key(host, protocol, &key);
        if (r != CTAP_OK)
                return r;
        agree_public(key, ret);
        return CTAP_OK;
}

void protocol_regenerate(AuthenticatorHost *host, uint64_t protocol)
{
        if (protocol_check(protocol) != CTAP_OK)
                return;
        host->pin[protocol - 1].agreement = agree_key_free(host->pin[protocol - 1].agreement);
}

int protocol_decapsulate(AuthenticatorHost *host, uint64_t protocol, const uint8_t peer[64], SharedSecret *ret)
{
        const AgreeKey *key;
        uint8_t z[32];
        int r;

        r = own_key(host, protocol, &key);
        if (r != CTAP_OK)
                return r;
        r = agree(key, peer, z);
        if (r == -EINVAL)
                return CTAP1_ERR_INVALID_PARAMETER;
        if (r < 0)
                return r;
        ret->protocol = (uint8_t)protocol;
        if (protocol == 1) {
                sha256(z, sizeof(z), ret->hmac_key);
                memcpy(ret->aes_key, ret->hmac_key, sizeof(ret->aes_key));
        } else {
                static const char hmac_info[] = "CTAP2 HMAC key", aes_info[] = "CTAP2 AES key";

                hkdf_sha256(zero_salt, sizeof(zero_salt), z, sizeof(z), hmac_info, sizeof(hmac_info) - 1, ret->hmac_key,
                            sizeof(ret->hmac_key));
                hkdf_sha256(zero_salt, sizeof(zero_salt), z, sizeof(z), aes_info, sizeof(aes_info) - 1, ret->aes_key,
                            sizeof(ret->aes_key));
        }
        explicit_bzero(z, sizeof(z));
        return CTAP_OK;
}

int protocol_encrypt(Authenticator *a, const SharedSecret *secret, const uint8_t *plain, size_t size, uint8_t *ret,
                     size_t *ret_size)
{
        const uint8_t *iv = zero_iv;
        size_t n_iv = 0;
        int r;

        if (secret->protocol != 1) {
                r = authenticator_random(a, ret, PIN_IV_SIZE);
                if (r < 0)
                        return r;
                iv = ret;
                n_iv = PIN_IV_SIZE;
        }
        r = cbc_encrypt(secret->aes_key, sizeof(secret->aes_key), iv, plain, size, ret + n_iv);
        if (r < 0)
                return r;
        *ret_size = n_iv + size;
        return CTAP_OK;
}

int protocol_decrypt(const SharedSecret *secret, const uint8_t *cipher, size_t size, uint8_t *ret, size_t *ret_size)
{
        const uint8_t *iv = zero_iv;
        size_t n_iv = 0;
        int r;

        if (secret->protocol != 1) {
                iv = cipher;
                n_iv = PIN_IV_SIZE;
        }
        if (size <= n_iv || (size - n_iv) % CBC_BLOCK_SIZE != 0)
                return CTAP1_ERR_INVALID_PARAMETER;
        r = cbc_decrypt(secret->aes_key, sizeof(secret->aes_key), iv, cipher + n_iv, size - n_iv, ret);
        if (r < 0)
                return r;
        *ret_size = size - n_iv;
        return CTAP_OK;
}

int protocol_verify(uint64_t protocol, const uint8_t key[32], const void *message, size_t size, const uint8_t *mac,
                    size_t mac_size)
{
        uint8_t expected[SHA256_SIZE];
        bool equal;

        if (mac_size != (protocol == 1 ? PROTOCOL1_MAC_SIZE : PROTOCOL2_MAC_SIZE))
                return CTAP2_ERR_PIN_AUTH_INVALID;
        hmac_sha256(key, 32, message, size, expected);
        equal = bytes_equal(expected, mac, mac_size);
        explicit_bzero(expected, sizeof(expected));
        return equal ? CTAP_OK : CTAP2_ERR_PIN_AUTH_INVALID;
}
